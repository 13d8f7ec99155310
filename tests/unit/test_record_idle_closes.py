"""An idle connection's end is nobody's fault, unless something that was near says that it was the target's."""

import pytest

from holdfast.record.idle_closes import settled, settled_intervals
from holdfast.record.recorder import Recorder, fold
from holdfast.record.sample import IDLE_CLOSED
from holdfast.record.store import Gauge, RunStore
from holdfast.record.timeline import FAULT, Span
from holdfast.slo.indicator import Indicator, Selector, bad_in, count

REQUEST = "buy/send/POST form"


def recorded(*samples):
    """(name, at, outcome, duration), beside twenty requests a second that are fine."""
    recorder = Recorder("load")
    for number in range(600):
        recorder.add(REQUEST, 100.0 + number / 20, "ok", 0.01)
    for name, at, outcome, duration in samples:
        recorder.add(name, at, outcome, duration)
    return fold("load", recorder.take())


def outcomes(intervals, name=REQUEST):
    return {(i.second, i.outcome, i.detail) for i in intervals if i.name == name and i.outcome != "ok"}


EXCUSED, BLAMED = {(110, IDLE_CLOSED, "")}, {(110, "transport_error", "ClosedAfterIdle")}
FOUND = (REQUEST, 110.5, IDLE_CLOSED, 0.001)


@pytest.mark.parametrize(
    ("beside", "faults", "gauges", "expected"),
    [
        ((), (), (), EXCUSED),
        ((), [(120.0, 125.0)], (), EXCUSED),
        ((), [(105.0, 115.0)], (), BLAMED),
        ((), [(105.0, None)], (), BLAMED),
        ((), [(112.0, 115.0)], (), BLAMED),
        ((), [(105.0, 109.0)], (), BLAMED),
        ((), [(None, None)], (), EXCUSED),
        ((), (), [2.0, 2.0, 2.0], EXCUSED),
        ((), (), [2.0, 2.0, 1.0], BLAMED),
        ((), (), [1.0, 2.0, 2.0], EXCUSED),
        ([("buy/look/GET page", 111.9, "transport_error", 0.1)], (), (), BLAMED),
        ([("buy/look/GET page", 118.0, "transport_error", 0.1)], (), (), EXCUSED),
        ([("buy/look/GET page", 110.0, "failed", 0.1)], (), (), EXCUSED),
    ],
)
def test_it_stays_excused_unless_a_fault_a_lost_replica_or_a_broken_connection_is_near(
    beside, faults, gauges, expected
):
    spans = [Span(FAULT, "kill", started=start, ended=end) for start, end in faults]
    ready = [Gauge(109.0 + second, "target", "replicas_ready", value) for second, value in enumerate(gauges)]
    found = recorded(FOUND, *beside).intervals
    assert outcomes(settled(found, spans, ready)) == expected


def test_where_most_attempts_of_one_request_come_to_it_that_is_the_targets_answer():
    other = "buy/send/POST other"
    closed = [(other, 110.0 + number / 10, IDLE_CLOSED, 0.001) for number in range(8)]
    every = settled(recorded(*closed).intervals, (), ())
    assert outcomes(every, other) == {(110, "transport_error", "ClosedAfterIdle")}
    fine = [(other, 110.0 + number / 10, "ok", 0.001) for number in range(8)]
    half = settled(recorded(*closed, *fine).intervals, (), ())
    assert outcomes(half, other) == {(110, IDLE_CLOSED, "")}
    two = settled(recorded(*closed[:2]).intervals, (), ())
    assert outcomes(two, other) == {(110, IDLE_CLOSED, "")}


def test_a_visit_and_a_step_are_held_against_all_of_their_time():
    visit = [("buy", 104.0, IDLE_CLOSED, 6.5), ("buy/send", 110.4, IDLE_CLOSED, 0.1), FOUND]
    during = settled(recorded(*visit).intervals, [Span(FAULT, "kill", started=110.0, ended=111.0)], ())
    assert {i.outcome for i in during if i.outcome != "ok"} == {"transport_error"}
    after = settled(recorded(*visit).intervals, [Span(FAULT, "kill", started=114.0, ended=115.0)], ())
    assert {i.outcome for i in after if i.outcome != "ok"} == {IDLE_CLOSED}


@pytest.mark.parametrize("name", ["buy", "buy/send", REQUEST])
@pytest.mark.parametrize("how", ["good", "bad"])
def test_no_objective_counts_what_is_excused(name, how):
    selector, chosen = Selector((name,), "load"), Selector((name,), "load", ("ok",) if how == "good" else ("failed",))
    indicator = Indicator("x", selector, **{how: chosen})
    samples = [(name, 110.0, "ok", 0.1)] * 3 + [(name, 110.0, IDLE_CLOSED, 0.1)] * 2
    found = recorded(*samples).intervals
    before = count(recorded(*samples[:3]).intervals, indicator, 100.0, 130.0)
    counts = count(found, indicator, 100.0, 130.0)
    assert (counts.good_events, counts.total_events) == (before.good_events, before.total_events)
    assert sum(bad_in(indicator, interval) for interval in found) == 0


def test_the_store_is_read_as_it_is_to_be_judged(tmp_path):
    with RunStore.create(tmp_path / "run.db") as store:
        store.write(recorded(FOUND))
        assert outcomes(settled_intervals(store)) == EXCUSED
        store.write_span(Span(FAULT, "kill", started=109.0, ended=111.0))
        assert outcomes(settled_intervals(store, "load", since=100)) == BLAMED
        assert outcomes(settled_intervals(store, "synthetics")) == set()
