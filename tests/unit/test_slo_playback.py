"""Alerts played back over history: by hand, against their closed form, and as algebra."""

from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.histories import history, of

from holdfast.slo.alert import Alert, AlertRow, Limit, plan_of, plan_of_conditions, workbook_methods
from holdfast.slo.burn import DAY, HOUR, MINUTE, WORKBOOK, BurnRow, BurnWindows
from holdfast.slo.objective import Condition
from holdfast.slo.playback import joined, play, sums_of

TARGET, PERIOD = Decimal("0.999"), 30 * DAY
PAGE, TICKET = plan_of(WORKBOOK, TARGET, PERIOD).alerts


def one(window: int, threshold: str, after: int = 0, op="gt", least_bad: int = 0) -> Alert:
    return Alert("one", (AlertRow("w", (Limit(window, Fraction(threshold), op, least_bad),)),), after)


def times(played):
    return [(firing.fired_at, firing.reset_at) for firing in played.firings]


def test_an_alert_fires_at_the_first_evaluation_above_and_resets_at_the_first_not_above():
    """3 bad of 10 a step; the window holds two steps: 0, 15, 30, 15, 0 %."""
    sums = sums_of(of([0, 0, 3, 3, 0, 0], [10] * 6))
    assert times(play(sums, one(120, "0.14"), every=60)) == [(180, 300 + 60)]
    assert times(play(sums, one(120, "0.15"), every=60)) == [(240, 300)]
    assert times(play(sums, one(120, "0.3"), every=60)) == []
    assert times(play(sums, one(120, "0.3", op="gte"), every=60)) == [(240, 300)]


def test_an_alert_that_goes_on_has_not_reset():
    assert times(play(sums_of(of([0, 5, 5], [10] * 3)), one(60, "0.1"), every=60)) == [(120, None)]


def test_a_window_longer_than_the_history_sums_what_there_is():
    """5 of 10, then 5 of 20, then 5 of 30, which is not above 20 %."""
    assert times(play(sums_of(of([5, 0, 0], [10] * 3)), one(HOUR, "0.2"), every=60)) == [(60, 180)]


def test_without_an_event_nothing_fires_not_even_below():
    quiet = sums_of(of([1, 0, 0], [10, 0, 0]))
    assert times(play(quiet, one(60, "0.05"), every=60)) == [(60, 120)]
    assert times(play(quiet, one(60, "0.5", op="lt"), every=60)) == [(60, 120)]


def test_time_that_nobody_measured_counts_nothing():
    seen = sums_of(of([0, 0, 9, 0], [10, 0, 10, 10], measured=[True, False, True, True]))
    assert times(play(seen, one(180, "0.4"), every=60)) == [(180, None)]


def test_rows_of_one_severity_are_one_alert_that_names_what_fired_it():
    rows = tuple(AlertRow(f"{w}s", (Limit(w, Fraction(1, 10)),)) for w in (60, 180))
    (firing,) = play(sums_of(of([0, 0, 5, 0, 0, 0, 0], [10] * 7)), Alert("page", rows), every=60).firings
    assert (firing.row, firing.long, firing.fired_at, firing.reset_at) == ("60s, 180s", 180, 180, 360)


def test_an_alert_that_waits_fires_only_when_its_condition_held_all_along():
    sums = sums_of(of([0, 9, 0, 9, 9, 9, 9, 0], [10] * 8))
    (firing,) = play(sums, one(60, "0.5", after=150), every=60).firings
    assert (firing.pending_at, firing.fired_at, firing.reset_at) == (240, 420, 480)
    assert play(sums, one(60, "0.5", after=240), every=60).firings == ()


def test_too_few_failures_in_the_long_window_fire_nothing():
    windows = BurnWindows("w", "", (BurnRow("page", 600, 60, Decimal("0.02")),))
    sums = sums_of(of([0, 1, 1, 1, 0], [10] * 5))
    for least, fired in ((0, 120), (2, 180), (3, 240), (4, None)):
        (alert,) = plan_of(windows, Decimal("0.99"), DAY, min_failures=least).alerts
        assert [f.fired_at for f in play(sums, alert, every=60).firings] == ([] if fired is None else [fired])


def test_evaluations_are_counted_from_the_epoch():
    sums = sums_of(of([0, 9, 9, 9, 9, 9, 9], [10] * 7, start=120))
    assert times(play(sums, one(60, "0.5"), every=180)) == [(360, None)]
    with pytest.raises(ValueError, match=r"steps of 60 s cannot be evaluated every 90 s"):
        play(sums, one(60, "0.5"), every=90)


def test_a_window_that_is_no_whole_number_of_steps_is_refused():
    with pytest.raises(ValueError, match=r"a window of 90 s is no whole number of steps of 60 s"):
        play(sums_of(of([0], [1])), one(90, "0.5"), every=60)


@pytest.mark.parametrize(("good", "total"), [([2.0], [1.0]), ([-1.0], [1.0]), ([float("nan")], [1.0])])
def test_counts_that_cannot_be_are_refused(good, total):
    broken = of([0], [1])
    broken.good[:], broken.total[:] = good, total
    with pytest.raises(ValueError, match="more good events than events"):
        sums_of(broken)


def test_a_ratio_exactly_at_its_threshold_does_not_fire_however_large_the_counts():
    """14.4 times 0.001 of 10^14 events; with one bad event more it fires. A float's division cannot tell them apart."""
    threshold, many = Fraction("0.0144"), 10**14
    for more, fired in ((0, []), (1, [(60, None)])):
        sums = sums_of(of([144 * 10**10 + more], [many]))
        alert = Alert("page", (AlertRow("w", (Limit(60, threshold),)),))
        assert times(play(sums, alert, every=60)) == fired


def test_the_noise_of_fractions_fires_nothing():
    """Three tenths are not above 0.3, though 0.1 + 0.2 is as a float."""
    sums = sums_of(of([0.1, 0.2], [0.5, 0.5]))
    assert times(play(sums, one(120, "0.3"), every=60)) == []


# --- against the closed form -------------------------------------------------------------------------------------

rows = st.builds(
    lambda short, times, budget: BurnRow("page", short * times * MINUTE, short * MINUTE, budget),
    st.integers(1, 30),
    st.integers(2, 12),
    st.decimals("0.01", "0.1", places=2),
)


@settings(max_examples=200, deadline=None)
@given(rows, st.decimals("0.9", "0.9995", places=4), st.sampled_from([7, 28, 30]), st.integers(1, 1000))
def test_a_constant_fault_is_seen_and_forgotten_when_the_formula_says_within_one_evaluation(row, target, days, bad):
    period, ratio = days * DAY, Fraction(bad, 1000)
    calm, ill = row.long // 60, row.long // 60 + 5
    sums = sums_of(history((calm, 0), (ill, float(ratio)), (calm, 0)))
    (alert,) = plan_of(BurnWindows("w", "", (row,)), target, period).alerts
    begin, end = calm * 60, (calm + ill) * 60
    fire, reset = row.seconds_to_fire(target, period, ratio), row.seconds_to_reset(target, period, ratio)
    found = play(sums, alert, every=60).firings
    if fire is None or reset is None:
        assert found == ()
        return
    (firing,) = found
    assert 0 < firing.fired_at - begin - fire + 1e-6 <= 60 + 1e-3
    assert firing.reset_at is not None
    assert -1e-3 <= firing.reset_at - end - reset <= 60 + 1e-3


# --- table 4.2 of the six methods ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "outage", "fires", "resets"),
    [
        (0, 3600, 0.6, 10 * MINUTE),
        (1, 36 * HOUR, 129.6, 36 * HOUR),
        (2, 2 * HOUR, HOUR, MINUTE),
        (3, 2 * HOUR, 129.6, 58 * MINUTE),
        (4, 2 * HOUR, 51.84, 3 * DAY),
        (5, 100, 51.84, 5 * MINUTE),
    ],
)
def test_the_six_methods_see_and_forget_a_total_outage_as_the_workbook_says(method, outage, fires, resets):
    """At 99.9 % over 30 days. The book's model is continuous; ours knows a step of 10 s when it is over.

    Reset is when nothing fires any more: the fifth method's ticket after 3 days, less the time its threshold allows.
    The sixth's 5 minutes are those of its fast row, so of an outage that ends before a slower row fires too.
    """
    plan = workbook_methods(TARGET, PERIOD)[method]
    before, after = 36 * HOUR, 73 * HOUR
    sums = sums_of(history((before // 10, 0), (outage // 10, 1), (after // 10, 0), step=10, each=100))
    firings = [firing for alert in plan.alerts for firing in play(sums, alert, every=10).firings]
    assert 0 < min(firing.fired_at for firing in firings) - before - fires <= 20 + 1e-9
    assert all(firing.reset_at is not None for firing in firings)
    forgotten = max(firing.reset_at for firing in firings) - before - outage
    assert 0.96 * resets - 10 <= forgotten <= resets + 10


def test_a_burn_of_35_never_fires_the_fourth_method_and_empties_the_budget_in_a_day():
    sums = sums_of(history((60, 0), (24 * 60, 0.035)))
    plans = workbook_methods(TARGET, PERIOD)
    assert play(sums, plans[3].alerts[0], every=60).firings == ()
    assert play(sums, plans[5].alerts[0], every=60).firings != ()
    assert 24 * HOUR * Fraction("0.035") > PERIOD * Fraction("0.001")


def test_a_condition_of_openslo_is_one_window_and_may_wait():
    burn = Condition("fast", "page", "gte", Decimal(2), 5 * MINUTE, 2 * MINUTE)
    (alert,) = plan_of_conditions([burn], TARGET).alerts
    sums = sums_of(history((10, 0), (10, 0.002), (10, 0)))
    (firing,) = play(sums, alert, every=60).firings
    assert (firing.pending_at, firing.fired_at, firing.reset_at) == (900, 1020, 1260)


# --- algebra -------------------------------------------------------------------------------------------------------


@st.composite
def short_histories(draw):
    total = draw(st.lists(st.integers(0, 6), min_size=1, max_size=40))
    bad = [draw(st.integers(0, most)) for most in total]
    return of(bad, total, start=60 * draw(st.integers(0, 5)))


alerts = st.builds(
    lambda rows, after: Alert("a", tuple(rows), after),
    st.lists(
        st.builds(
            lambda limits: AlertRow("r", tuple(limits)),
            st.lists(
                st.builds(Limit, st.integers(1, 8).map(lambda n: 60 * n), st.fractions(0, 1, max_denominator=10)),
                min_size=1, max_size=2,
            ),
        ),
        min_size=1, max_size=2,
    ),
    st.integers(0, 4).map(lambda n: 60 * n),
)  # fmt: skip


@given(short_histories(), alerts, st.integers(1, 3).map(lambda n: 60 * n), st.integers(0, 45))
def test_two_stretches_played_one_after_the_other_say_what_the_whole_says(whole, alert, every, cut):
    """The second looks back on the first's steps, and goes on from what it held."""
    at = whole.start + 60 * cut
    first = play(sums_of(whole.between(0, at)), alert, every=every)
    second = play(sums_of(whole), alert, every=every, since=min(at, whole.end), held=first.held)
    assert joined(first, second) == play(sums_of(whole), alert, every=every)


@given(short_histories(), alerts, st.data())
def test_more_bad_events_at_equal_traffic_never_end_or_hide_a_firing(mild, alert, data):
    worse = [data.draw(st.integers(int(bad), int(total))) for bad, total in zip(mild.bad, mild.total, strict=True)]
    harsh = play(sums_of(of(worse, mild.total, start=mild.start)), alert, every=60).firings
    for firing in play(sums_of(mild), alert, every=60).firings:
        end = np.inf if firing.reset_at is None else firing.reset_at
        assert any(
            other.fired_at <= firing.fired_at and end <= (np.inf if other.reset_at is None else other.reset_at)
            for other in harsh
        )


@given(short_histories(), alerts)
def test_ten_times_the_events_change_nothing(history, alert):
    tenfold = of(history.bad * 10, history.total * 10, start=history.start)
    assert play(sums_of(tenfold), alert, every=60) == play(sums_of(history), alert, every=60)
