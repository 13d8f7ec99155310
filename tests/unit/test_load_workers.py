"""Who is admitted, what is written once, what is lost: the master's parts, without a master."""

import sqlite3

import pytest

from holdfast import __version__
from holdfast.load.admission import Admission, Member, own_facts
from holdfast.load.deltas import packed
from holdfast.load.loss import Losses, why_gone
from holdfast.load.writing import Writing
from holdfast.record.recorder import Recorder, fold
from holdfast.record.store import Gauge, RunStore

FACTS = {"version": __version__, "host": "far", "pid": 12}


def member(number=1):
    return Member(f"client {number}", number, "far, pid 12", 0)


def delta(visits):
    recorder = Recorder("load")
    for _ in range(visits):
        recorder.add("sign_in", 1e9, "ok", 0.1)
    return packed(fold("load", recorder.take()), [Gauge(1e9, "generator", "cpu", 0.5)])


class Told:
    """A master's ears."""

    def __init__(self, tmp_path):
        self.acknowledged, self.lost = [], []
        self.file = tmp_path / "run.db"
        self.store = RunStore.create(self.file)
        self.losses = Losses(lambda kind, **facts: self.lost.append((kind, facts["worker"], facts["reason"])))
        self.writing = Writing(
            self.store,
            lambda member, number, written: self.acknowledged.append((number, written)),
            self.losses.unreadable,
        )

    def written(self):
        self.writing.close()
        with RunStore.open(self.file) as store:
            return sum(interval.count for interval in store.intervals()), len(store.gauges("generator/1"))


@pytest.fixture
def told(tmp_path):
    return Told(tmp_path)


def test_as_many_as_were_asked_for_are_admitted_in_order():
    admission = Admission(2)
    assert [admission.refusal_of(client, FACTS) for client in ("a", "b", "a")] == ["", "", ""]
    assert "has all its workers" in admission.refusal_of("c", FACTS)
    assert ([m.number for m in admission.members], admission.complete) == ([1, 2], True)
    assert admission.member("c") is None


def test_another_version_is_refused():
    assert "holdfast 0.0.1" in Admission(2).refusal_of("a", {**FACTS, "version": "0.0.1"})


def test_the_process_of_another_machine_is_not_taken_for_one_of_ours_that_ended():
    admission = Admission(2)
    admission.refusal_of("far", FACTS)
    admission.refusal_of("here", own_facts())
    far, here = admission.members
    ended = {12: 1, here.process_id: -9}
    assert why_gone(far, ended, lambda _: True) == ""
    assert why_gone(here, ended, lambda _: True) == "its process ended with exit code -9"
    assert "nothing was heard" in why_gone(far, {}, lambda _: False)


def test_deltas_that_overtake_each_other_and_come_twice_are_each_written_once(told):
    one = member()
    for number in (1, 3, 2, 3, 2, 1):
        told.writing.put(one, number, delta(number))
    assert told.written() == (6, 3)
    assert told.acknowledged == [(number, True) for number in (1, 3, 2, 3, 2, 1)]
    one.done = {"deltas": 3}
    told.losses.reckon(one)
    assert told.lost == []


def test_a_delta_that_cannot_be_read_is_told_once_and_need_not_come_again(told):
    one = member()
    for number, blob in ((1, delta(1)), (2, b"nonsense"), (2, b"nonsense"), (3, delta(3))):
        told.writing.put(one, number, blob)
    assert told.written() == (4, 2)
    assert told.acknowledged == [(1, True), (2, False), (2, False), (3, True)]
    one.done = {"deltas": 3}
    told.losses.reckon(one)
    ((kind, worker, reason),) = told.lost
    assert (kind, worker) == ("deltas_lost", one.name)
    assert "delta 2 cannot be read" in reason


def test_a_delta_that_never_came_is_missed_by_count(told):
    one = member()
    for number in (1, 3):
        told.writing.put(one, number, delta(1))
    told.written()
    one.done = {"deltas": 3}
    told.losses.reckon(one)
    assert told.lost == [("deltas_lost", one.name, "it made 3 deltas, and 2 were written")]


def test_a_worker_that_ended_before_its_time_is_lost_once_and_its_totals_are_kept(told):
    one, two, three = member(1), member(2), member(3)
    two.lost = "nothing was heard of it for 4 s"
    told.losses.done(one, {"planned": 5, "cut_short": "interrupted"})
    told.losses.done(two, {"planned": 5, "cut_short": "interrupted"})
    told.losses.done(three, {"planned": 5})
    for each, due in ((one, 9), (two, 9), (three, 5)):
        told.losses.unplayed(each, due)
    assert told.lost == [("worker_lost", one.name, "interrupted")]
    assert [m.done["planned"] for m in (one, two, three)] == [5, 5, 5]
    told.losses.unplayed(three, 6)
    assert told.lost[1] == ("worker_lost", three.name, "it played 5 arrivals, and its part had 6 or more")


def test_what_the_file_does_not_take_is_not_acknowledged_and_written_when_it_comes_again(told, monkeypatch):
    one, write, tries = member(), told.store.write, []

    def locked_once(folded, gauges):
        tries.append(1)
        if len(tries) == 1:
            raise sqlite3.OperationalError("database is locked")
        write(folded, gauges)

    monkeypatch.setattr(told.store, "write", locked_once)
    told.writing.put(one, 1, delta(5))
    told.writing.put(one, 1, delta(5))
    assert told.written() == (5, 1)
    assert told.acknowledged == [(1, True)]
