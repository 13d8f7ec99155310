"""`holdfast recover` beside runs that live, and runs that do not."""

import json
import shutil
import threading
from dataclasses import replace

import pytest

from holdfast.chaos.undo import Entry, Undo, announce, locked, open_entries
from holdfast.run.living import held


@pytest.fixture
def run(workspace, monkeypatch):
    """A run with a fault in a stack that has ended, so that its undo finds nothing left in."""
    monkeypatch.setattr("tempfile.tempdir", str(workspace))
    folder = workspace / "runs/20260101T000000Z-x"
    folder.mkdir(parents=True)
    arguments = {"proxy_url": "http://127.0.0.1:9", "link": "postgres", "toxic": "slow"}
    with locked(folder / "undo.jsonl"):
        announce(folder / "undo.jsonl", Entry("a", 1.0, "database_latency", Undo("remove_toxic", arguments)))
    return folder


def test_what_a_dead_run_left_is_taken_out(run, holdfast) -> None:
    assert holdfast("recover").code == 0
    assert open_entries(run / "undo.jsonl") == []


def test_what_cannot_be_taken_out_ends_with_the_code_of_a_failed_clean_up(run, holdfast) -> None:
    with (run / "undo.jsonl").open("a") as log:
        log.write("not an entry\n{}\n")
    ran = holdfast("recover")
    assert ran.code == 4
    assert "STILL IN: line 2 of " in ran.out


def test_what_was_put_in_without_a_run_is_taken_out_and_what_the_killed_left_is_removed(
    run, workspace, holdfast
) -> None:
    alone = workspace / ".holdfast/undo.jsonl"
    alone.parent.mkdir(exist_ok=True)
    shutil.move(run / "undo.jsonl", alone)
    litter = workspace / f".holdfast/stack-{run.name}"
    (litter / "logs").mkdir(parents=True)

    ran = holdfast("recover")

    assert (ran.code, open_entries(alone)) == (0, [])
    assert "taken out: database_latency" in ran.out
    assert "which a killed process left" in ran.err
    assert not litter.exists()


def test_a_living_run_is_named_and_its_fault_stays(run, holdfast) -> None:
    with held(run):
        ran = holdfast("recover")
        as_json = holdfast("recover", "--json")
    assert ran.code == as_json.code == 2
    assert "runs/20260101T000000Z-x goes on (process " in ran.err
    assert "--force" in ran.err
    assert "nothing was left in" not in ran.out
    assert [found["outcome"] for found in json.loads(as_json.out)] == ["refused"]
    assert len(open_entries(run / "undo.jsonl")) == 1


def test_doctor_takes_the_fault_of_a_living_run_for_no_leftover(run, holdfast) -> None:
    with held(run):
        assert "may still be in a target" not in " ".join(holdfast("doctor").out.split())
    assert "may still be in a target" in " ".join(holdfast("doctor").out.split())


def test_forced_it_is_taken_out_all_the_same(run, holdfast) -> None:
    with held(run):
        assert holdfast("recover", "--force").code == 0
    assert open_entries(run / "undo.jsonl") == []


def test_a_living_run_without_a_fault_is_no_reason_to_refuse(run, holdfast) -> None:
    assert holdfast("recover").code == 0
    with held(run):
        assert holdfast("recover").code == 0


def test_a_fault_that_a_living_run_is_just_putting_in_stays(run, holdfast) -> None:
    log = run / "undo.jsonl"
    (entry,) = open_entries(log)
    assert holdfast("recover").code == 0
    recovering = threading.Thread(target=holdfast, args=("recover",))
    with held(run), locked(log):
        recovering.start()
        recovering.join(1.0)  # it waits for the log, if it wants to undo by it
        announce(log, replace(entry, id="b"))
    recovering.join(30.0)
    assert [found.id for found in open_entries(log)] == ["b"]
