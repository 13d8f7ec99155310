"""How an objective stands: exact figures, and what can never be otherwise."""

import itertools
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.slo.balance import Balance
from holdfast.slo.composite import composite_standing
from holdfast.slo.history import History
from holdfast.slo.indicator import Indicator, Selector
from holdfast.slo.objective import Composite, Method, NoData, Objective, Slices
from holdfast.slo.slices import Grid, sliced
from holdfast.slo.sources.observed import Observed
from holdfast.slo.standing import needed_span, standing, worst_first
from holdfast.slo.tally import tally
from holdfast.slo.verdict import Verdict
from holdfast.slo.window import Calendar, Span, Window, rolling

DAY = 86_400
NOON = 1_767_268_800  # 2026-01-01 12:00 UTC
TARGETS = st.sampled_from([Decimal("0.9"), Decimal("0.95"), Decimal("0.99"), Decimal("0.999"), Decimal("0.9999")])
ANY = Selector(("a",))


def objective(target="0.99", window="1d", **changes) -> Objective:
    plain = Objective(
        name="sign-in",
        display_name="Sign-in works",
        service="account",
        description="",
        target=Decimal(target),
        window=rolling(window) if isinstance(window, str) else window,
        indicator=Indicator("ok", ANY, good=ANY),
        runbook="",
        owner="identity",
        where="slo/a.yaml:1",
    )
    return replace(plain, **changes)


def history(total, bad, *, end=NOON, step=60, measured=None) -> History:
    total, bad = np.asarray(total, dtype=float), np.asarray(bad, dtype=float)
    seen = np.ones(len(total), dtype=bool) if measured is None else np.asarray(measured)
    return History(end - step * len(total), step, total - bad, total, seen)


def day(per_step=100, bad=()) -> History:
    failed = np.zeros(DAY // 60)
    for index, number in bad:
        failed[index] = number
    return history(np.full(DAY // 60, float(per_step)), failed)


counts = st.lists(
    st.integers(0, 1000).flatmap(lambda total: st.tuples(st.just(total), st.integers(0, total))),
    min_size=1,
    max_size=60,
)


def of_counts(pairs) -> History:
    return history([total for total, _ in pairs], [bad for _, bad in pairs])


# what a budget is


def test_a_target_of_three_nines_leaves_exactly_a_thousandth():
    one = standing(objective("0.999"), Observed(day(bad=[(5, 100), (6, 44)])), NOON)

    assert one.whole.budget == Fraction(1, 1000)
    assert (one.whole.allowed, one.whole.bad) == (144, 144)
    assert (one.remaining, one.verdict) == (0, Verdict.MET)
    assert one.reason == "the budget is spent to the last event"
    assert one.exhaustion.seconds == 0


def test_one_event_more_than_may_fail_is_a_miss():
    one = standing(objective("0.999"), Observed(day(bad=[(5, 100), (6, 45)])), NOON)

    assert one.verdict is Verdict.MISSED
    assert one.whole.remaining_events == -1
    assert one.remaining == Fraction(-1, 144)


def test_the_remaining_budget_is_told_in_events_and_in_time():
    one = standing(objective("0.999"), Observed(day(bad=[(5, 36)])), NOON)

    assert one.remaining == Fraction(3, 4)
    assert one.whole.remaining_events == 108
    assert one.remaining_seconds == Fraction(DAY, 1000) * Fraction(3, 4)


def test_one_bad_event_of_ten_million_is_not_rounded_away():
    one = standing(objective("0.999"), Observed(day(per_step=10_000_000, bad=[(3, 1)])), NOON)

    assert one.whole.bad == 1
    assert one.whole.ratio < 1


@given(counts, TARGETS, st.data())
def test_more_bad_events_never_leave_more_budget(pairs, target, data):
    index = data.draw(st.integers(0, len(pairs) - 1))
    total, bad = pairs[index]
    more = data.draw(st.integers(bad, total))
    worse = [*pairs[:index], (total, more), *pairs[index + 1 :]]
    span = Span(NOON - DAY, NOON)

    before = tally(of_counts(pairs)).balance(span, target).remaining
    after = tally(of_counts(worse)).balance(span, target).remaining

    assert (before is None) == (after is None)
    assert before is None or after <= before


@given(st.integers(1, 10**9), TARGETS)
def test_a_burn_rate_of_one_spends_exactly_the_budget_over_the_window(total, target):
    budget = Balance(Fraction(0), Fraction(total), target)
    exactly = Balance(budget.allowed, Fraction(total), target)

    assert exactly.spent == 1
    assert exactly.remaining == 0
    assert not exactly.burns_faster(Fraction(1))
    assert Balance(exactly.bad + Fraction(1, 10**12), exactly.total, target).burns_faster(Fraction(1))


@given(counts, st.floats(-4000, 4000), TARGETS)
def test_splitting_a_window_anywhere_changes_nothing(pairs, at, target):
    counted = tally(of_counts(pairs))
    start, end = counted.start - 100, counted.end + 100
    cut = min(max(counted.end + at, start), end)

    whole = counted.balance(Span(start, end), target)
    left, right = counted.balance(Span(start, cut), target), counted.balance(Span(cut, end), target)

    assert (left.bad + right.bad, left.total + right.total) == (whole.bad, whole.total)


@given(
    st.lists(st.tuples(st.floats(0, 1e6), st.floats(0, 1)), min_size=1, max_size=60),
    st.integers(0, 60),
)
def test_splitting_loses_nothing_of_measured_fractions_either(pairs, index):
    total = np.array([t for t, _ in pairs])
    counted = tally(history(total, total * np.array([share for _, share in pairs])))
    cut = counted.start + counted.step * min(index, len(pairs))
    target = Decimal("0.99")

    whole = counted.balance(Span(counted.start, counted.end), target)
    left = counted.balance(Span(counted.start, cut), target)
    right = counted.balance(Span(cut, counted.end), target)

    assert (left.bad + right.bad, left.total + right.total) == (whole.bad, whole.total)


# what no evidence may pass as


@pytest.mark.parametrize("measured", [True, False])
def test_nothing_counted_is_never_met(measured):
    empty = history(np.zeros(1440), np.zeros(1440), measured=np.full(1440, measured))

    one = standing(objective(), Observed(empty), NOON)

    assert one.verdict is Verdict.INCONCLUSIVE
    assert one.remaining is None
    assert all(burn.rate is None and burn.reason for burn in one.burns)
    assert one.exhaustion.seconds is None
    assert not one.exhaustion.known
    assert one.coverage == float(measured)


@pytest.mark.parametrize("good", [float("nan"), float("inf"), 101.0, -1.0])
def test_counts_that_cannot_be_are_told_and_never_met(good):
    seen = day()
    seen.good[7] = good

    one = standing(objective(), Observed(seen), NOON)

    assert one.broken == 1
    assert one.verdict is Verdict.INCONCLUSIVE
    assert one.whole.total == 100 * 1439
    assert one.coverage < 1
    assert any("cannot be" in note for note in one.notes)


def test_a_total_that_is_no_number_spoils_no_other_step():
    seen = day(bad=[(1, 5)])
    seen.total[7] = float("nan")

    one = standing(objective(), Observed(seen), NOON)

    assert (one.whole.bad, one.whole.total) == (5, 143_900)
    assert one.verdict is Verdict.INCONCLUSIVE


def test_a_proven_miss_is_not_hidden_by_broken_counts():
    seen = day(bad=[(1, 100), (2, 100), (3, 100), (4, 100), *((i, 100) for i in range(5, 30))])
    seen.good[50] = 101.0

    assert standing(objective(), Observed(seen), NOON).verdict is Verdict.MISSED


def test_unmeasured_time_lowers_the_coverage_and_counts_as_nothing():
    seen = np.ones(1440, dtype=bool)
    seen[:360] = False
    total = np.where(seen, 100.0, 0.0)

    one = standing(objective(), Observed(history(total, np.zeros(1440), measured=seen)), NOON)

    assert one.coverage == 0.75
    assert any("75.0 %" in note for note in one.notes)


def test_a_maintenance_that_goes_on_is_no_silence():
    seen = np.arange(1440) < 1440 - 150  # nobody looked in the last two and a half hours
    found = history(np.full(1440, 100), np.zeros(1440), measured=seen)
    two_hours = Span(NOON - 7200, NOON)

    assert "nothing was measured in its last 2.5 hours" in standing(objective(), Observed(found), NOON).notes
    notes = standing(objective(), Observed(found), NOON, exclusions=[two_hours]).notes
    assert not [note for note in notes if "in its last" in note]


def test_so_few_events_that_one_failure_is_more_than_the_budget_decide_nothing():
    clean = standing(objective("0.999"), Observed(history([5], [0])), NOON)
    one_bad = standing(objective("0.999"), Observed(history([900], [1])), NOON)
    all_bad = standing(objective("0.999"), Observed(history([5], [5])), NOON)

    assert clean.verdict is one_bad.verdict is Verdict.INCONCLUSIVE
    assert all_bad.verdict is Verdict.MISSED
    assert any("5 events" in note for note in clean.notes)
    assert clean.interval.high > 0.001


# burn rates and exhaustion


def test_a_burn_rate_is_of_its_lookback_alone():
    one = standing(objective("0.99"), Observed(day(bad=[(1439, 50), (1400, 10)])), NOON)

    assert one.burn(300).rate == 10  # 50 of 500
    assert one.burn(3600).rate == 1  # 60 of 6000
    assert one.burn(3600).balance.burns_faster(Decimal("0.999"))
    assert not one.burn(3600).balance.burns_faster(1)


def test_a_lookback_shorter_than_a_step_is_refused():
    coarse = history(np.full(24, 100.0), np.zeros(24), step=3600)

    burn = standing(objective(), Observed(coarse), NOON).burn(300)

    assert burn.rate is None
    assert "shorter than a step" in burn.reason


def test_a_steady_burn_of_two_empties_a_fresh_budget_in_half_a_window():
    """It failed never before the last hour, which is a twenty-fourth of the day: nothing rolls out before that."""
    failed = np.zeros(1440)
    failed[-60:] = 2  # of 100 a minute at 0.99: burn 2
    one = standing(objective("0.99"), Observed(history(np.full(1440, 100.0), failed)), NOON)

    assert one.burn(3600).rate == 2
    assert one.exhaustion.seconds == pytest.approx(DAY / 2 - 3600, abs=61)
    assert one.exhaustion.soonest < one.exhaustion.seconds
    assert one.exhaustion.latest is None or one.exhaustion.latest > one.exhaustion.seconds
    assert one.exhaustion.method


def test_a_rolling_window_gives_back_what_leaves_it_and_a_burn_below_one_never_exhausts():
    failed = np.zeros(1440)
    failed[:60] = 20  # 1200 of 1440, long ago
    failed[-60:] = 0.5
    one = standing(objective("0.99"), Observed(history(np.full(1440, 100.0), failed)), NOON)

    assert one.exhaustion.known
    assert one.exhaustion.seconds is None
    assert one.exhaustion.reason == "never at this pace"


@settings(max_examples=60)
@given(
    st.lists(st.integers(0, 30), min_size=48, max_size=48),
    st.sampled_from([Decimal("0.9"), Decimal("0.95"), Decimal("0.8")]),
)
def test_the_rolled_window_is_the_one_that_is_played_out_step_by_step(failures, target):
    seen = history(np.full(48, 100.0), np.array(failures, dtype=float), step=1800)
    one = standing(objective(str(target)), Observed(seen), NOON)
    if one.remaining <= 0:
        return
    pace, budget = sum(failures[-2:]) / 2, float(1 - target) * 100
    ahead = [*failures, *[pace] * 48]
    gone = next((k for k in range(1, 49) if sum(ahead[k : k + 48]) > 48 * budget + 1e-9), None)

    if gone is None:
        assert one.exhaustion.seconds is None
    else:
        assert one.exhaustion.seconds == pytest.approx((gone - 0.5) * 1800, abs=901)


def test_an_interval_without_failures_still_says_how_soon_it_might_be():
    one = standing(objective("0.999"), Observed(day(per_step=1)), NOON)

    assert one.exhaustion.seconds is None
    assert one.exhaustion.reason == "nothing has failed lately"
    assert one.exhaustion.soonest is not None  # 60 clean events prove a share of failures below 4.9 % only
    assert one.exhaustion.latest is None


# calendar windows


def calendar(unit="M", zone="UTC") -> Window:
    return Window(1, unit, Calendar("2026-01-01 00:00:00", zone))


def test_an_unfinished_calendar_window_is_told_to_date_and_projected():
    at = 1_767_225_600 + 10 * DAY  # ten days into January 2026
    seen = history(np.full(10 * 1440, 10.0), np.zeros(10 * 1440), end=at)
    seen.good[3] -= 10
    seen.good[4] -= 10

    one = standing(objective("0.9999", window=calendar()), Observed(seen), at)

    assert one.estimated
    assert one.to_date.spent == Fraction(20, 1) / (Fraction(1, 10_000) * 144_000)
    assert one.whole.total == Fraction(144_000) * 31 / 10
    assert one.whole.spent == one.to_date.spent * Fraction(10, 31)
    assert one.verdict is Verdict.MET  # 14.4 a ten days: overspent to date, within the month's budget


def test_a_rolling_window_is_not_estimated():
    one = standing(objective(), Observed(day()), NOON)

    assert not one.estimated
    assert one.whole == one.to_date


@pytest.mark.parametrize(("moment", "hours"), [(1_774_778_400, 23), (1_792_922_400, 25)])
def test_a_day_on_which_clocks_are_changed_has_as_many_slices_as_it_has_time(moment, hours):
    """29 March and 25 October 2026 in Berlin."""
    window = calendar("d", "Europe/Berlin")
    span = window.span(moment)
    steps = int(span.seconds // 60)
    seen = history(np.full(steps, 10.0), np.zeros(steps), end=int(span.end))

    cut = sliced(seen, Slices(3600, Decimal("0.9")), Method.TIMESLICES, Grid(span, int(span.start)))

    assert span.seconds == hours * 3600
    assert (len(cut), cut.total.sum(), cut.good.sum()) == (hours, hours, hours)


def test_nothing_leaves_a_calendar_window_and_what_is_after_it_does_not_matter():
    at = 1_767_225_600 + 10 * DAY
    failed = np.zeros(10 * 1440)
    failed[-60:] = 1
    one = standing(
        objective("0.99", window=calendar()), Observed(history(np.full(10 * 1440, 10.0), failed, end=at)), at
    )

    left = float(one.whole.remaining_events)
    assert one.exhaustion.seconds == pytest.approx(left * 60)
    slow = standing(
        objective("0.9", window=calendar()), Observed(history(np.full(10 * 1440, 10.0), failed / 10, end=at)), at
    )
    assert slow.exhaustion.seconds is None
    assert "before the window ends" in slow.exhaustion.reason


def test_lookbacks_that_reach_behind_a_calendar_window_are_asked_for():
    at = 1_767_225_600 + 3600

    needed = needed_span(objective(window=calendar()), at, (3600, 3 * DAY))

    assert needed == Span(at - 3 * DAY, at)


# slices


def slices(**changes) -> Slices:
    return replace(Slices(300, Decimal("0.99")), **changes)


def test_a_slice_is_good_from_its_target_on_exactly():
    total = np.full(10, 200.0)
    bad = np.zeros(10)
    bad[0], bad[5] = 10, 11  # 990 and 989 of 1000
    cut = sliced(history(total, bad), slices(), Method.TIMESLICES, Grid(Span(NOON - 600, NOON)))

    assert cut.good.tolist() == [1, 0]
    assert cut.total.tolist() == [1, 1]


@given(st.integers(1, 10**9), st.sampled_from(["0.9", "0.99", "0.999", "0.9999", "0.3"]))
def test_a_slice_that_lacks_one_event_of_its_target_is_bad_however_many_there_are(number, target):
    scale = Fraction(Decimal(target))
    total = number * scale.denominator
    good = number * scale.numerator
    seen = history([total], [total - good], step=300)
    one_less = history([total], [total - good + 1], step=300)
    at = Grid(Span(NOON - 300, NOON))

    assert sliced(seen, slices(target=Decimal(target)), Method.TIMESLICES, at).good.tolist() == [1]
    assert sliced(one_less, slices(target=Decimal(target)), Method.TIMESLICES, at).good.tolist() == [0]


@pytest.mark.parametrize(("policy", "good", "total"), [("exclude", 1, 1), ("good", 2, 2), ("bad", 1, 2)])
def test_a_slice_without_events_counts_as_its_policy_says_and_is_not_measured(policy, good, total):
    seen = history([10.0] * 5 + [0.0] * 5, [0.0] * 10, measured=[True] * 5 + [False] * 5)

    cut = sliced(seen, slices(no_data=NoData(policy)), Method.TIMESLICES, Grid(Span(NOON - 600, NOON)))

    assert (cut.good.sum(), cut.total.sum()) == (good, total)
    assert cut.measured.tolist() == [True, False]


@pytest.mark.parametrize(("policy", "good", "total"), [("exclude", 1, 1), ("good", 3, 3), ("bad", 1, 3)])
def test_a_slice_that_an_edge_or_an_exclusion_cuts_counts_as_its_policy_says(policy, good, total):
    seen = history([10.0] * 15, [0.0] * 15)
    span = Span(NOON - 900 + 60, NOON)  # cuts the first
    gone = [Span(NOON - 120, NOON - 60)]  # cuts the last

    cut = sliced(seen, slices(partial=NoData(policy)), Method.TIMESLICES, Grid(span), gone)

    assert (cut.good.sum(), cut.total.sum()) == (good, total)


def test_a_slice_that_is_excluded_whole_is_left_out_whatever_no_data_is_worth():
    seen = history([10.0] * 10, [0.0] * 10)

    cut = sliced(
        seen,
        slices(no_data=NoData.BAD),
        Method.TIMESLICES,
        Grid(Span(NOON - 600, NOON)),
        [Span(NOON - 600, NOON - 400), Span(NOON - 450, NOON - 300)],
    )

    assert cut.total.tolist() == [0, 1]


def test_slices_of_a_rolling_window_are_aligned_to_the_epoch_and_of_a_calendar_one_to_its_start():
    seen = history([10.0] * 20, [0.0] * 20)
    span = Span(NOON - 900 + 60, NOON)

    rolled = sliced(seen, slices(), Method.TIMESLICES, Grid(span))
    dated = sliced(seen, slices(), Method.TIMESLICES, Grid(span, NOON - 900 + 60))

    assert rolled.start % 300 == 0
    assert dated.start == NOON - 840
    assert (len(rolled), len(dated)) == (3, 3)


def test_steps_that_do_not_fit_into_slices_are_refused():
    with pytest.raises(ValueError, match="do not fit"):
        sliced(history([1.0], [0.0], step=7), slices(), Method.TIMESLICES, Grid(Span(NOON - 300, NOON)))


def test_ratio_timeslices_are_a_mean_of_ratios_and_not_of_events():
    seen = history([1000.0] * 5 + [10.0] * 5, [0.0] * 5 + [5.0] * 5)
    one = objective("0.7", window="10m", method=Method.RATIO_TIMESLICES, slices=slices(target=None))

    assert standing(one, Observed(seen), NOON).whole.ratio == Fraction(3, 4)


def test_time_slices_burn_by_slices_and_refuse_a_shorter_lookback():
    failed = [(i, 100) for i in range(1435, 1440)]
    one = objective("0.9", method=Method.TIMESLICES, slices=slices(seconds=600))

    found = standing(one, Observed(day(bad=failed)), NOON)

    assert found.burn(300).rate is None
    assert "slice" in found.burn(300).reason
    assert found.burn(3600).rate == Fraction(1, 6) / Fraction(1, 10)
    assert found.whole.total == 144


# what is left out


def test_the_budget_is_told_with_and_without_what_is_excluded():
    failed = [(i, 10) for i in range(60)]
    gone = [Span(NOON - DAY, NOON - DAY + 1800), Span(NOON - DAY + 900, NOON - DAY + 3600)]

    one = standing(objective(), Observed(day(bad=failed)), NOON, exclusions=gone)
    (other,) = one.alternatives

    assert (one.whole.bad, one.whole.total) == (0, 138_000)
    assert (other.name, other.balance.bad, other.balance.total) == ("with excluded time", 600, 144_000)
    assert (one.excluded_seconds, one.coverage) == (3600, 1)


def test_marked_test_traffic_is_taken_out_and_told():
    ours = day(per_step=10, bad=[(3, 10)])

    one = standing(objective(), Observed(day(bad=[(3, 20)]), ours), NOON)
    (other,) = one.alternatives

    assert (one.whole.bad, one.whole.total) == (10, 129_600)
    assert (other.name, other.balance.bad, other.balance.total) == ("with test traffic", 20, 144_000)


def test_more_test_traffic_than_traffic_cannot_be():
    one = standing(objective(), Observed(day(), day(per_step=101)), NOON)

    assert one.broken == 1440
    assert one.verdict is Verdict.INCONCLUSIVE


# curves and order


@given(counts, TARGETS)
def test_the_burn_down_never_rises_and_ends_where_the_budget_stands(pairs, target):
    one = standing(objective(str(target)), Observed(of_counts(pairs)), NOON)
    left = [share for _, share in one.burn_down]

    assert all(later <= earlier for earlier, later in itertools.pairwise(left))
    if one.remaining is not None:
        assert left[-1] == pytest.approx(float(one.remaining))
        assert len(left) <= 241


def test_the_most_endangered_come_first():
    fine = standing(objective(name="fine"), Observed(day()), NOON)
    gone = standing(objective(name="gone"), Observed(day(bad=[(i, 100) for i in range(30)])), NOON)
    empty = standing(objective(name="empty"), Observed(history([0], [0])), NOON)
    failed = np.zeros(1440)
    failed[-60:] = 2
    going = standing(objective(name="going"), Observed(history(np.full(1440, 100.0), failed)), NOON)

    assert [one.name for one in worst_first([fine, empty, going, gone])] == ["gone", "going", "empty", "fine"]


# composites


def composite(method=Method.OCCURRENCES, weights=("1", "1"), target="0.99", **changes) -> Composite:
    cut = None if method is Method.OCCURRENCES else slices()
    parts = tuple(
        objective(target, name=f"part-{n}", method=method, slices=cut, weight=Decimal(weight), **changes)
        for n, weight in enumerate(weights, 1)
    )
    return Composite("both", "Both", "account", "", parts[0].window, method, parts, "", "", "slo/a.yaml:1", cut)


def test_each_part_burns_a_composite_of_occurrences_at_its_rate_times_its_weight():
    first, second = Observed(day(bad=[(1439, 100)])), Observed(day(per_step=10, bad=[(1439, 1)]))

    one = composite_standing(composite(weights=("1", "0.5")), [first, second], NOON)

    rates = [part.burn(300).rate for part in one.parts]
    assert one.burn(300).rate == rates[0] + rates[1] / 2
    assert one.whole.spent == one.parts[0].whole.spent + one.parts[1].whole.spent / 2
    assert one.burn_down[-1][1] == pytest.approx(float(one.remaining))


def test_a_composite_of_which_a_part_is_not_known_is_not_met():
    one = composite_standing(composite(), [Observed(day()), Observed(history([0], [0]))], NOON)

    assert one.verdict is Verdict.INCONCLUSIVE
    assert "part-2" in one.reason


def test_a_slice_is_bad_for_a_composite_when_it_is_bad_for_any_part():
    first, second = day(bad=[(3, 100)]), day(bad=[(4, 100), (700, 100)])

    one = composite_standing(composite(Method.TIMESLICES), [Observed(first), Observed(second)], NOON)

    assert (one.whole.bad, one.whole.total) == (2, 288)


def test_shortfalls_of_ratio_timeslices_add_so_that_95_and_95_make_90():
    half = Observed(history(np.full(1440, 100.0), np.full(1440, 5.0)))

    one = composite_standing(composite(Method.RATIO_TIMESLICES), [half, half], NOON)
    heavy = composite_standing(composite(Method.RATIO_TIMESLICES, ("1", "2")), [half, half], NOON)

    assert float(one.whole.ratio) == pytest.approx(0.9)
    assert float(heavy.whole.ratio) == pytest.approx(0.85)


def test_a_composite_of_slices_with_broken_counts_is_not_met():
    broken = day()
    broken.good[7] = 101.0

    one = composite_standing(composite(Method.TIMESLICES, target="0.9"), [Observed(day()), Observed(broken)], NOON)

    assert one.verdict is Verdict.INCONCLUSIVE


# against the plainest way to count


def _by_hand(seen: History, cut: Slices, method: Method, span: Span, origin: int, gone: list[Span]):
    """Slice by slice, step by step, in fractions: (good, total) of all slices together."""
    good_slices, slices_counted = Fraction(0), 0
    first = (int(span.start) - origin) // cut.seconds
    begin = origin + first * cut.seconds
    while begin < span.end:
        end = begin + cut.seconds
        lost = sum(any(g.start <= second < g.end for g in gone) for second in range(begin, end))
        edged = begin < span.start or end > span.end
        good = total = Fraction(0)
        for index in range(len(seen)):
            middle = seen.start + seen.step * (index + 0.5)
            inside = begin <= middle < end and span.start <= middle < span.end
            if inside and not any(g.start <= middle < g.end for g in gone):
                good += Fraction(seen.good[index])
                total += Fraction(seen.total[index])
        worth = None
        if lost < cut.seconds:
            if edged or lost:
                worth = {NoData.EXCLUDE: None, NoData.GOOD: 1, NoData.BAD: 0}[cut.partial]
            elif not total:
                worth = {NoData.EXCLUDE: None, NoData.GOOD: 1, NoData.BAD: 0}[cut.no_data]
            elif method is Method.TIMESLICES:
                worth = int(good >= Fraction(cut.target) * total)
            else:
                worth = Fraction(float(good) / float(total))
        if worth is not None:
            good_slices, slices_counted = good_slices + worth, slices_counted + 1
        begin = end
    return good_slices, slices_counted


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(0, 20).flatmap(lambda t: st.tuples(st.just(t), st.integers(0, t))), min_size=12, max_size=12),
    st.sampled_from(list(NoData)),
    st.sampled_from(list(NoData)),
    st.sampled_from([Method.TIMESLICES, Method.RATIO_TIMESLICES]),
    st.tuples(st.integers(0, 11), st.integers(1, 12)),
    st.lists(st.tuples(st.integers(0, 110), st.integers(1, 60)), max_size=2),
    st.integers(0, 3),
)
def test_slices_are_those_that_one_counts_by_hand(pairs, no_data, partial, method, edges, exclusions, shift):
    seen = history([t for t, _ in pairs], [b for _, b in pairs], step=10)
    cut = Slices(40, Decimal("0.9"), no_data, partial)
    span = Span(seen.start + 10 * edges[0], min(seen.start + 10 * (edges[0] + edges[1]), NOON))
    gone = [Span(seen.start + start, seen.start + start + seconds) for start, seconds in exclusions]
    origin = seen.start - seen.start % 40 + 10 * shift

    found = sliced(seen, cut, method, Grid(span, origin), gone)

    good, total = _by_hand(seen, cut, method, span, origin, gone)
    assert found.total.sum() == total
    assert found.good.sum() == pytest.approx(float(good))


def test_burn_rates_look_back_behind_the_start_of_a_calendar_window():
    at = 1_767_225_600 + 1800  # half an hour into 2026
    failed = np.zeros(1440)
    failed[-60:-30] = 10  # the last half hour of 2025
    occurrences = objective("0.9", window=calendar())
    in_slices = objective("0.9", window=calendar(), method=Method.TIMESLICES, slices=slices())

    for one in (occurrences, in_slices):
        found = standing(one, Observed(history(np.full(1440, 10.0), failed, end=at)), at)
        assert found.burn(3600).rate == 5
        assert found.whole.bad == 0


def test_a_slice_that_is_not_over_yet_waits():
    """Two minutes into the last slice, all failed so far: it is not counted, where partial slices are left out."""
    at = NOON + 120
    failed = np.zeros(1440)
    failed[-2:] = 100
    one = objective("0.9", method=Method.TIMESLICES, slices=slices())

    assert standing(one, Observed(history(np.full(1440, 100.0), failed, end=at)), at).whole.bad == 0


def test_nothing_is_drawn_before_anybody_looked():
    seen = np.arange(1440) >= 1000
    total = np.where(seen, 100.0, 0.0)

    one = standing(objective(), Observed(history(total, np.zeros(1440), measured=seen)), NOON)

    assert one.burn_down[0] == (NOON - 60 * 440, 1)
    assert one.burn_down[-1] == (NOON, 1)
