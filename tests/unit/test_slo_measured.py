"""What a policy judges by is what `slo status` tells: the same remaining budget, whatever it is counted in."""

from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.slo.composite import composite_standing
from holdfast.slo.evidence import Course
from holdfast.slo.history import History
from holdfast.slo.indicator import Indicator, Selector
from holdfast.slo.measured import measured_composite, measured_of, needed_history
from holdfast.slo.moment import moment
from holdfast.slo.objective import Composite, Method, Objective, Slices
from holdfast.slo.sources.observed import Observed
from holdfast.slo.standing import standing
from holdfast.slo.window import Calendar, Span, Window, rolling

NOW = int(moment("2026-11-25T06:00:00Z"))
STEP = 600
ALL = Selector(("sign_in",))
PLAIN = Objective(
    "sign-in", "Sign-in", "account", "", Decimal("0.9"), rolling("1d"), Indicator("i", ALL, good=ALL), "", "", ""
)
SLICED = replace(PLAIN, method=Method.TIMESLICES, slices=Slices(3600, Decimal("0.95")))
RATIOS = replace(PLAIN, method=Method.RATIO_TIMESLICES, slices=Slices(3600, None))
MONTH = Window(1, "M", Calendar("2026-01-01 00:00:00", "Europe/Berlin"))


def observed(objective, bad, seed=0, at=NOW):
    """Two windows; `bad` by steps before then."""
    span = needed_history(objective, at)
    start = int(span.start // STEP) * STEP
    number = (at - start) // STEP
    total = np.random.default_rng(seed).integers(0, 20, number).astype(np.float64)
    good = total.copy()
    for before, count in bad.items():
        if before <= number:
            good[number - before] = max(total[number - before] - count, 0)
    return span, Observed(History(start, STEP, good, total, np.ones(number, bool)))


def evidence_of(measured, at=NOW):
    course = Course(measured.history, measured.target, measured.window)
    return course.evidence(at, (), measured.newest)


@settings(deadline=None, max_examples=60)
@given(
    bad=st.dictionaries(st.integers(1, 144), st.integers(0, 20), max_size=10),
    seed=st.integers(0, 5),
    objective=st.sampled_from([PLAIN, SLICED, RATIOS, replace(PLAIN, window=MONTH)]),
    excluded=st.booleans(),
    at=st.sampled_from([NOW, NOW + STEP, NOW + 3 * STEP]),
)
def test_what_is_left_is_what_the_standing_says(bad, seed, objective, excluded, at):
    gone = [Span(NOW - 4 * 3600, NOW - 3 * 3600)] if excluded else []
    span, seen = observed(objective, bad, seed, at)

    found = evidence_of(measured_of(objective, seen, span, at, gone), at)

    stands = standing(objective, seen, at, exclusions=gone)
    assert found.remaining == stands.remaining
    assert found.coverage == 1  # excluded time is no gap


def test_marked_test_traffic_is_not_counted():
    span, seen = observed(PLAIN, {3: 20, 4: 20})
    alone = np.where(seen.history.good < seen.history.total, seen.history.total, 0.0)
    tests = replace(seen.history, good=seen.history.good * (alone > 0), total=alone)

    found = evidence_of(measured_of(PLAIN, replace(seen, test_traffic=tests), span, NOW))

    assert found.remaining == 1
    assert evidence_of(measured_of(PLAIN, seen, span, NOW)).remaining < 1


def test_stale_steps_are_not_hidden_by_the_slice_that_holds_them():
    span, seen = observed(SLICED, {})
    history = seen.history
    measured = history.measured.copy()
    measured[-5:] = False  # 50 minutes of the newest slice
    total = np.where(measured, history.total, 0.0)

    found = measured_of(SLICED, Observed(replace(history, good=total, total=total, measured=measured)), span, NOW)

    assert evidence_of(found).age == 5 * STEP


def test_a_composite_of_slices_is_judged_as_one_and_one_of_events_by_its_parts():
    parts = (replace(SLICED, name="one"), replace(SLICED, name="two"))
    sliced = Composite("both", "Both", "account", "", PLAIN.window, Method.TIMESLICES, parts, "", "", "", SLICED.slices)
    span, first = observed(SLICED, {6: 20, 7: 20, 8: 20})
    _, second = observed(SLICED, {30: 20, 31: 20, 32: 20}, seed=1)

    (found,) = measured_composite(sliced, (first, second), span, NOW, ([], []))

    assert found.objective == "both"
    assert evidence_of(found).remaining == composite_standing(sliced, (first, second), NOW).remaining

    events = replace(sliced, method=Method.OCCURRENCES, parts=(replace(PLAIN, name="one"), replace(PLAIN, name="two")))
    assert [one.objective for one in measured_composite(events, (first, second), span, NOW, ([], []))] == ["one", "two"]


def test_a_part_that_was_not_measured_leaves_a_composite_unknown():
    parts = (replace(SLICED, name="one"), replace(SLICED, name="two"))
    sliced = Composite("both", "Both", "account", "", PLAIN.window, Method.TIMESLICES, parts, "", "", "", SLICED.slices)
    span, first = observed(SLICED, {})
    nothing = replace(first.history, good=first.history.good * 0, total=first.history.total * 0)
    unseen = Observed(replace(nothing, measured=~first.history.measured), notes=("no such series",))

    (found,) = measured_composite(sliced, (first, unseen), span, NOW, ([], []))

    assert found.history is None
    assert found.why == "two: nothing was measured; no such series"


def test_steps_that_do_not_fit_into_slices_are_refused():
    span, seen = observed(replace(SLICED, slices=Slices(700, None)), {})

    with pytest.raises(ValueError, match="do not fit into slices"):
        measured_of(replace(SLICED, slices=Slices(700, None)), seen, span, NOW)
