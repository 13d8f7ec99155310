"""The guard of a run: what it stops, that it fails closed, and that its evidence is kept."""

import sqlite3
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from holdfast.record.histogram import Histogram
from holdfast.record.recorder import Interval
from holdfast.record.store import Event, RunStore
from holdfast.run import engine
from holdfast.run.asked import read_asked
from holdfast.run.folder import RunFolder
from holdfast.run.guard_result import burned, guard_result, went_blind
from holdfast.run.guarding import Look, Watch
from holdfast.run.recorded import read_recorded
from holdfast.run.validation import validate
from holdfast.workspace.starter import copy_starter
from holdfast.workspace.workspace import find_workspace

RECORDED = RunFolder(Path(__file__).resolve().parents[1] / "data" / "runs" / "fault_hurt")
START = 1_795_567_000.0


def asked(**changes):
    recorded = read_asked(RECORDED)
    load = tuple(replace(one, start=0.0, end=1000.0) for one in recorded.load)
    one = tuple(o for o in recorded.objectives if o.objective.name == "sign-in-availability")
    assert load
    assert one
    return replace(recorded, load=load, objectives=one, guard_burn_rate=14.4, guard_for=5.0, **changes)


def visits(second, ok, failed):
    """Sign-ins of one second."""

    def some(outcome, count):
        times = Histogram()
        times.add(0.1, count)
        return Interval(int(second), "load", "sign_in/sign_in", outcome, "", count, times, times, None, 0.1)

    return [some(outcome, count) for outcome, count in (("ok", ok), ("failed", failed)) if count]


def watched(watch, store, failed, until, seen_until=1000):
    """The first stop, and its second. `seen_until`: what was due from then on never comes in."""
    for second in range(until):
        now = START + second
        last = min(second - 2, seen_until)
        recent = [i for s in range(max(last - 20, 0), last) for i in visits(START + s, 10, failed(s))]
        stopped = watch.look(store, recent, now).stopped
        if stopped is not None:
            return second, stopped
    return None


@pytest.fixture
def store(tmp_path):
    with RunStore.create(tmp_path / "run.db") as opened:
        yield opened


def test_a_burning_objective_stops_the_run_with_its_evidence(store):
    second, stopped = watched(Watch(asked(), START), store, lambda s: 5 if s >= 20 else 0, until=60)

    assert 22 < second <= 30
    assert stopped.reason.startswith("sign-in-availability: ")
    assert not stopped.stop.blind
    assert stopped.facts["objective"] == "sign-in-availability"
    assert stopped.facts["bad"] > 0
    assert stopped.facts["burn_rate"] == pytest.approx(stopped.facts["bad"] / stopped.facts["total"] / 0.01)
    assert stopped.facts["burn_rate"] > 14.4


def test_data_that_go_stale_stop_the_run_within_the_grace(store):
    second, stopped = watched(Watch(asked(), START), store, lambda _: 0, until=100, seen_until=30)

    assert 30 + 15 < second <= 30 + 15 + 4
    assert stopped.stop.blind
    assert "no event was seen for 16 s" in stopped.reason


def test_data_that_never_come_stop_the_run_after_the_grace(store):
    second, stopped = watched(Watch(asked(), START), store, lambda _: 0, until=100, seen_until=0)

    assert second == 16
    assert stopped.stop.blind


def test_without_load_silence_is_as_planned(store):
    quiet = replace(asked(), load=())

    assert watched(Watch(quiet, START), store, lambda _: 0, until=100, seen_until=0) is None
    assert Watch(quiet, START).blind("it cannot be read", START + 500) is None


def running(store, watch_asked, now):
    clock = SimpleNamespace(now=lambda: now[0])
    made = engine._Running(
        prepared=SimpleNamespace(),
        asked=watch_asked,
        folder=SimpleNamespace(path=Path("runs/x")),
        store=store,
        connection=SimpleNamespace(proxy_url=None),
        children=SimpleNamespace(all={}),
        clock=clock,
        stop=None,
        surroundings=SimpleNamespace(news=list, deaths=list, stack_is_gone=False),
    )
    made.time_zero = START
    return made


class Unreadable:
    """A record whose disk is gone."""

    def intervals(self, *_arguments, **_options):
        raise sqlite3.OperationalError("disk I/O error")


def test_a_record_that_cannot_be_read_stops_a_guarded_run_after_the_grace_and_says_so():
    now = [START]
    guarded = asked()
    run, watch = running(Unreadable(), guarded, now), Watch(guarded, START)

    for second in range(16):
        now[0] = START + second
        assert run._look(watch) == ([], Look({}, None))
    now[0] = START + 16
    ticks, look = run._look(watch)
    stopped = look.stopped

    assert ticks == []
    assert stopped.stop.blind
    assert "the record cannot be read (disk I/O error)" in stopped.reason


def test_a_record_that_cannot_be_read_ends_an_unguarded_run_at_once():
    now = [START]
    plain = replace(asked(), guard_burn_rate=None)

    with pytest.raises(sqlite3.OperationalError):
        running(Unreadable(), plain, now)._look(Watch(plain, START))


def recorded_with(*events, guard=14.4):
    found = read_recorded(RECORDED)
    kept = tuple(event for event in found.events if event.kind != "stopped")
    return replace(found, asked=replace(found.asked, guard_burn_rate=guard), events=(*kept, *events))


def test_the_guards_evidence_is_in_the_summary(store):
    _, stopped = watched(Watch(asked(), START), store, lambda s: 5 if s >= 20 else 0, until=60)
    found = recorded_with()
    event = Event(found.time_zero + 30, "guard", "stopped", stopped.facts)

    result = guard_result(replace(found, events=(*found.events, event)))

    assert (result.stopped_at, result.objective, result.blind) == (event.at, "sign-in-availability", False)
    assert (result.bad, result.total, result.burn_rate) == (stopped.stop.bad, stopped.stop.total, stopped.burn_rate)
    assert result.reason == stopped.reason
    assert result.burn_rate_above == 14.4


def test_a_guard_that_stopped_nothing_and_none_at_all_are_told_apart():
    assert guard_result(recorded_with()).stopped_at is None
    assert guard_result(recorded_with(guard=None)) is None


@pytest.mark.parametrize(
    ("facts", "is_burned", "is_blind"),
    [
        ({"reason": "burns", "blind": False}, True, False),
        ({"reason": "sees nothing", "blind": True}, False, True),
        ({"reason": "of an older record"}, True, False),
    ],
)
def test_a_guard_that_saw_too_little_proves_nothing_bad(facts, is_burned, is_blind):
    found = recorded_with(Event(START, "guard", "stopped", facts))

    assert (burned(found), went_blind(found)) == (is_burned, is_blind)


@pytest.mark.parametrize(
    ("text", "refused"),
    [
        ("load: [{profile: smoke}]\nobjectives: [slo/self_service.yaml]\n", False),
        ("load: [{profile: smoke}]\n", True),
        ("load: [{profile: smoke}]\nobjectives: [{file: slo/self_service.yaml, only: [journey-success]}]\n", True),
        ("journeys: [{name: sign_in_and_read_invoice, every: 5s}]\nobjectives: [slo/self_service.yaml]\n", True),
    ],
)
def test_a_guard_with_nothing_to_watch_is_refused(tmp_path, text, refused):
    copy_starter(tmp_path / "w")
    head = "kind: Plan\ndescription: Watched.\nphases: [{name: load, for: 60s}]\nguard: {burn_rate: 14.4}\n"
    (tmp_path / "w/plans/watched.yaml").write_text(head + text)

    found = [str(problem) for problem in validate(find_workspace(tmp_path / "w")).problems]

    assert ["there is nothing it could watch" in problem for problem in found] == ([True] if refused else [])
