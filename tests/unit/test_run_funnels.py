"""Funnels: counts that add up, intervals that hold the ratio."""

from hypothesis import given
from hypothesis import strategies as st

from holdfast.record.histogram import Histogram
from holdfast.record.recorder import Interval
from holdfast.record.sample import ABANDONED, DROPPED, OK, OUTCOMES
from holdfast.run.funnels import exact_interval, funnel_of
from holdfast.run.likeness import likenesses

STEPS = ("sign_in", "open_invoice")
cells = st.lists(
    st.tuples(st.sampled_from(["bill", "bill/sign_in", "bill/open_invoice", "bills/sign_in"]),
              st.sampled_from(OUTCOMES), st.integers(1, 30)),
    max_size=20,
)  # fmt: skip


def interval(name, outcome, count, at=0.1, detail=""):
    times = Histogram.of([at] * count)
    return Interval(
        second=10, source="load", name=name, outcome=outcome, detail=detail, count=count, slowest=at,
        response=times, service=times, lag=None,
    )  # fmt: skip


@given(cells)
def test_completed_is_never_more_than_reached_and_outcomes_add_up(found):
    funnel = funnel_of("bill", "load", STEPS, [interval(*cell) for cell in found])
    assert funnel.completed + funnel.abandoned <= funnel.started == sum(funnel.outcomes.values())
    assert funnel.started == sum(n for name, outcome, n in found if name == "bill" and outcome != DROPPED)
    assert DROPPED not in funnel.outcomes
    for step in funnel.steps:
        assert step.completed <= step.reached == sum(step.outcomes.values())
        assert step.completed == step.outcomes.get(OK, 0)
        assert (step.ratio is None) == (step.reached == 0)
        assert (step.share is None) == (step.reached > funnel.started or funnel.started == 0)
        for ratio, (low, high) in ((step.ratio, step.interval), (step.share, step.share_interval)):
            assert 0.0 <= low <= high <= 1.0
            assert ratio is None or low - 1e-12 <= ratio <= high + 1e-12
    assert funnel.abandoned == funnel.outcomes.get(ABANDONED, 0)


@given(st.integers(0, 300), st.integers(0, 300))
def test_an_interval_narrows_with_more_of_the_same(part, more):
    whole = part + more
    low, high = exact_interval(part, whole)
    tenfold = exact_interval(10 * part, 10 * whole)
    assert low <= tenfold[0] + 1e-12
    assert tenfold[1] <= high + 1e-12


def test_an_interval_is_the_textbooks():
    """Clopper and Pearson, 5 of 10 at 95 % a side: 0.222 to 0.778."""
    assert [round(bound, 3) for bound in exact_interval(5, 10)] == [0.222, 0.778]
    assert exact_interval(0, 0) == (0.0, 1.0)


def test_steps_named_known_and_unknown_are_compared():
    steps = {"probe": ("arrive", "reset_known", "reset_unknown"), "sign_in": ("sign_in",)}
    seen = [interval("probe/reset_known", OK, 300), interval("probe/reset_unknown", OK, 300)]
    (same,) = likenesses(steps, seen)
    assert (same.known, same.unknown, same.indistinguishable, same.known_count) == (
        "reset_known", "reset_unknown", "yes", 300,
    )  # fmt: skip
    (slow,) = likenesses(steps, [seen[0], interval("probe/reset_unknown", OK, 300, at=0.12)])
    assert slow.indistinguishable == "no"


def test_answers_that_differ_are_told_apart_however_alike_their_times():
    steps = {"probe": ("reset_known", "reset_unknown")}
    seen = [interval("probe/reset_known", OK, 300), interval("probe/reset_unknown", OK, 300)]
    (found,) = likenesses(steps, [*seen, interval("probe", "failed", 2, detail="answers_differ")])
    assert (found.indistinguishable, found.reason) == ("no", "the answers themselves differed in 2 visits")
