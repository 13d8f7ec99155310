"""The guard: when it stops a run, and when it must not."""

from decimal import Decimal

import numpy as np
import pytest

from holdfast.slo.guard import Guard, guard_problems
from holdfast.slo.indicator import Counts, Indicator, Selector, no_counts
from holdfast.slo.objective import Objective
from holdfast.slo.window import rolling

START = 1000.0


def guard(burn_rate=14.4, target="0.99", for_seconds=10.0, grace=15.0):
    return Guard(Decimal(target), burn_rate, for_seconds, grace, START)


def recent(now, bad_share, reach=30, rate=10, settle=2):
    """The last seconds' counts: `rate` a second, of which a share is bad."""
    seconds = np.arange(max(int(START), int(now) - reach), int(now) - settle, dtype=np.int64)
    total = np.full(len(seconds), rate, dtype=np.int64)
    bad = np.array([round(rate * bad_share(second)) for second in seconds.tolist()], dtype=np.int64)
    return Counts(seconds, total - bad, total)


def walked(watch, bad_share, until, **options):
    """The first reason to stop, with the second it came."""
    for now in np.arange(START, START + until):
        stop = watch.step(recent(now, bad_share, **options), now)
        if stop is not None:
            return now - START, stop.reason
    return None


def test_a_healthy_run_goes_on():
    assert walked(guard(), lambda _: 0.1, until=120) is None  # burn rate 10


def test_a_burning_run_is_stopped_once_it_has_burned_long_enough():
    when, reason = walked(guard(), lambda _: 0.2, until=60)

    assert when == 10
    assert "20.0 times as fast as allowed" in reason


def test_a_later_outage_is_stopped_within_the_stretch_and_the_settling():
    when, _ = walked(guard(), lambda second: 1.0 if second >= START + 60 else 0.0, until=120)

    assert 60 < when <= 60 + 10 + 3


def test_exactly_the_burn_rate_is_not_above_it():
    assert walked(guard(burn_rate=20), lambda _: 0.2, until=60) is None


def test_one_bad_event_stops_nothing():
    alone = Counts(np.array([1000]), np.array([0]), np.array([1]))
    watch = guard(for_seconds=1)

    assert watch.step(no_counts(), START) is None
    assert watch.step(alone, START + 2) is None


def test_seeing_nothing_stops_the_run_after_the_grace():
    watch = guard()

    assert watch.step(no_counts(), START + 15) is None
    stop = watch.step(no_counts(), START + 16)
    assert stop.reason == "no event was seen for 16 s: what is not seen cannot be guarded"
    assert (stop.blind, stop.bad, stop.total, stop.silent) == (True, 0, 0, 16)


def test_counts_that_no_longer_change_are_seen_as_silence():
    watch = guard()
    frozen = Counts(np.array([1000, 1001]), np.array([10, 10]), np.array([10, 10]))

    assert watch.step(frozen, START + 2) is None
    assert watch.step(frozen, START + 16) is None
    assert watch.step(frozen, START + 17) is None
    assert "no event was seen" in watch.step(frozen, START + 18).reason


def test_requests_that_hang_are_seen_when_they_end_though_they_were_due_long_before():
    # Half of all requests time out after 10 s: they arrive, bad, in seconds that are long over.
    watch = guard()
    stopped = None
    for now in np.arange(START, START + 60):
        seconds = np.arange(max(int(START), int(now) - 20), int(now) - 1, dtype=np.int64)
        good = np.full(len(seconds), 5, dtype=np.int64)
        late = np.where(now - seconds > 10, 5, 0)
        stopped = watch.step(Counts(seconds, good, good + late), now)
        if stopped is not None:
            break

    assert stopped is not None
    assert "times as fast" in stopped.reason


def test_counts_that_cannot_be_stop_the_run():
    for good, total in ((2, 1), (-1, 1), (0, -1)):
        stop = guard().step(Counts(np.array([1000]), np.array([good]), np.array([total])), START + 1)
        assert "cannot be trusted" in stop.reason
        assert stop.blind


def test_a_stop_tells_what_the_guard_had_seen():
    watch = guard(for_seconds=5)
    stop = None
    for now in np.arange(START, START + 30):
        stop = watch.step(recent(now, lambda _: 0.5), now)
        if stop is not None:
            break

    assert not stop.blind
    assert stop.total == 10 * 3  # of the seconds that are settled
    assert stop.bad == 15
    assert stop.silent == 0


def test_a_clock_that_goes_back_stops_the_run():
    watch = guard()
    watch.step(recent(START + 5, lambda _: 0.0), START + 5)

    stop = watch.step(recent(START + 5, lambda _: 0.0), START + 3)

    assert "the clock went back by 2 s" in stop.reason
    assert stop.blind


def test_a_clock_that_leaps_ahead_stops_the_run_though_new_events_came_in():
    watch = guard()
    watch.step(recent(START + 5, lambda _: 0.0), START + 5)
    assert watch.step(recent(START + 20, lambda _: 0.0), START + 20) is None  # the grace is borne

    stop = watch.step(recent(START + 36, lambda _: 0.0), START + 36)

    assert "nobody looked for 16 s" in stop.reason
    assert stop.blind


def test_a_record_that_cannot_be_read_is_borne_for_the_grace_and_no_longer():
    watch = guard()
    watch.step(recent(START + 5, lambda _: 0.0), START + 5)
    for now in np.arange(START + 6, START + 21):
        assert watch.blind("the record cannot be read (disk I/O error)", now) is None

    stop = watch.blind("the record cannot be read (disk I/O error)", START + 21)

    assert stop.reason == (
        "no event was seen for 16 s, for the record cannot be read (disk I/O error): what is not seen cannot be guarded"
    )


def test_a_record_that_can_be_read_again_is_counted_once():
    watch = guard(burn_rate=20)
    for now in np.arange(START, START + 30):
        if 10 <= now - START < 15:
            assert watch.blind("locked", now) is None
        else:
            assert watch.step(recent(now, lambda _: 0.2), now) is None  # exactly the burn rate, told once

    assert sum(entry[2] for entry in watch._evidence) == 10 * 10


def test_a_window_that_slides_counts_no_event_twice():
    watch = guard()
    for now in (START + 3, START + 4, START + 5):
        watch.step(recent(now, lambda _: 0.5, reach=8), now)

    assert sum(total for _, _, total in watch._evidence) == 3 * 10


def test_a_burn_rate_out_of_reach_is_a_problem_up_front():
    selector = Selector(("*/sign_in",))
    objectives = [
        Objective(
            name, name, "s", "", Decimal(target), rolling("28d"), Indicator("i", selector, good=selector), "", "", ""
        )
        for name, target in (("loose", "0.9"), ("strict", "0.99"))
    ]

    (problem,) = guard_problems(14.4, objectives, "plans/ci.yaml:9  guard.burn_rate")

    assert problem.where == "plans/ci.yaml:9  guard.burn_rate"
    assert "loose can never burn 14.4 times too fast" in problem.what
    assert problem.fix == "choose a burn rate below 10"


@pytest.mark.parametrize("target", ["0.99", "0.95"])
def test_a_total_outage_is_always_within_reach_of_a_burn_rate_that_passed(target):
    assert walked(guard(target=target), lambda _: 1.0, until=30) is not None
