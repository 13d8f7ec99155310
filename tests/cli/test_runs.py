"""`holdfast runs`: what was recorded, why it ended so, and which of it may go."""

import json
import os
import shutil
import sys
import time
from pathlib import Path

import pytest

from holdfast.cli.workspace import RunName
from holdfast.run.folder import RunFolder
from holdfast.run.judgement import judge_run
from holdfast.run.living import held
from holdfast.run.summary import write_summary

RUNS = Path(__file__).resolve().parents[1] / "data" / "runs"


def record(workspace, name, of="fault_hurt", *, judged=True, started=None):
    """One of the recorded runs, as though it had been made here; long ago."""
    folder = workspace / "runs" / name
    shutil.copytree(RUNS / of, folder, ignore=shutil.ignore_patterns("expected"))
    if started is not None:
        facts = json.loads((folder / "run.json").read_text())
        (folder / "run.json").write_text(json.dumps(facts | {"created": started}))
    if judged:
        write_summary(judge_run(RunFolder(folder)), folder)
    for path in (folder / "run.db", folder / "run.json"):
        os.utime(path, (1, 1))
    return folder


@pytest.fixture
def five(workspace):
    """Of five days, the oldest first."""
    return [record(workspace, f"2026010{day}T000000Z-ci", started=86_400.0 * day) for day in range(1, 6)]


def names(ran):
    return [one["name"] for one in json.loads(ran.out)["runs"]]


def test_runs_are_listed_the_newest_first_with_what_decided_them(workspace, holdfast):
    record(workspace, "20260101T000000Z-demo", started=100.0)
    record(workspace, "20260102T000000Z-demo", "no_data", started=200.0)

    ran = holdfast("runs")
    told = json.loads(holdfast("runs", "--json").out)["runs"]

    assert ran.code == 0
    assert [(one["verdict"], one["exit_code"], one["state"]) for one in told] == [
        ("inconclusive", 3, "judged"), ("met", 0, "judged"),
    ]  # fmt: skip
    for one in told:
        summary = json.loads((workspace / "runs" / one["name"] / "summary.json").read_text())
        assert one["why"] == summary["headline"]
        assert one["size"] > 10_000
    assert ran.out.index("inconclusive") < ran.out.index("met")
    assert "1970-01-01 00:01:40" in ran.out


def test_where_nothing_was_recorded_that_is_said(workspace, holdfast):
    ran = holdfast("runs")
    assert (ran.code, ran.out) == (0, "")
    assert "no run was recorded here yet" in ran.err
    assert names(holdfast("runs", "--json")) == []


def test_half_and_broken_folders_are_listed_as_what_they_are(workspace, holdfast):
    record(workspace, "20260101T000000Z-ci", "killed", judged=False)
    broken = record(workspace, "20260102T000000Z-ci")
    (broken / "run.json").write_text('{"plan": "c')
    (broken / "summary.json").unlink()
    (workspace / "runs" / "20260103T000000Z-ci" / "logs").mkdir(parents=True)
    (record(workspace, "20260104T000000Z-ci", judged=False) / "run.db").unlink()

    told = {one["name"][6:8]: one for one in json.loads(holdfast("runs", "--json").out)["runs"]}

    assert {day: one["state"] for day, one in told.items()} == {
        "01": "ended",
        "02": "broken",
        "03": "broken",
        "04": "broken",
    }
    assert "holdfast report 20260101T000000Z-ci" in told["01"]["why"]
    assert "run.json cannot be read" in told["02"]["why"]
    assert told["03"]["why"] == "run.json is missing"
    assert "before anything was recorded" in told["04"]["why"]


def test_all_but_the_newest_are_removed_after_they_were_shown(five, holdfast):
    ran = holdfast("runs", "--keep", "2", "--yes")

    assert ran.code == 0
    assert [path.exists() for path in five] == [False] * 3 + [True] * 2
    assert ran.out.count("Every objective was met") == 3
    assert "removed 3 runs" in ran.err


def test_nothing_is_removed_without_a_yes(five, holdfast, monkeypatch):
    monkeypatch.setattr(sys, "stdin", open(os.devnull))  # noqa: SIM115, PTH123
    ran = holdfast("runs", "--keep", "2")
    assert ran.code == 2
    assert "give --yes" in ran.err
    assert [path.exists() for path in five] == [True] * 5


def test_fewer_than_are_kept_stay(five, holdfast):
    ran = holdfast("runs", "--keep", "5", "--yes")
    assert ran.code == 0
    assert "nothing to remove: 5 runs" in ran.err
    assert [path.exists() for path in five] == [True] * 5


def test_scripts_are_told_what_went(five, holdfast):
    told = json.loads(holdfast("runs", "--keep", "4", "--yes", "--json").out)
    assert told["removed"] == ["20260101T000000Z-ci"]
    assert len(told["runs"]) == 4
    assert five[1].exists()


def test_a_run_that_is_on_stays(five, holdfast):
    (five[0] / "summary.json").unlink()
    with held(five[0]):
        told = json.loads(holdfast("runs", "--keep", "0", "--yes", "--json").out)
    assert told["stay"] == {five[0].name: "it is on"}
    assert [path.exists() for path in five] == [True] + [False] * 4


def test_a_run_whose_record_still_grows_stays(five, holdfast):
    (five[0] / "summary.json").unlink()
    (five[0] / "runner.pid").write_text("1\n")
    os.utime(five[0] / "run.db", (time.time(), time.time()))
    holdfast("runs", "--keep", "1", "--yes")
    assert [path.exists() for path in five] == [True] + [False] * 3 + [True]


def test_a_run_whose_fault_may_still_be_in_a_target_stays(workspace, holdfast):
    left_in = record(workspace, "20260101T000000Z-ci", "killed", started=1.0)
    ran = holdfast("runs", "--keep", "0", "--yes")
    assert left_in.exists()
    assert "holdfast recover" in ran.err


def test_a_run_whose_undo_log_cannot_be_read_stays(five, holdfast):
    (five[0] / "undo.jsonl").write_text('{"id": "a", "at": 1.0, "exp\x00\x00\n{"done": "b", "at": 2.0}\n')
    (five[1] / "undo.jsonl").unlink()
    (five[1] / "undo.jsonl").mkdir()

    told = json.loads(holdfast("runs", "--keep", "0", "--yes", "--json").out)

    assert told["stay"] == {
        five[0].name: "line 1 of its undo log cannot be read, and may be a fault that is still in a target",
        five[1].name: "its undo log cannot be read",
    }
    assert [path.exists() for path in five] == [True] * 2 + [False] * 3
    assert "1 may still be in a target" in " ".join(holdfast("doctor").out.split())


def test_a_run_that_became_a_link_meanwhile_is_not_followed(five, holdfast, monkeypatch, tmp_path):
    elsewhere = tmp_path / "elsewhere"

    def swapped(question, **_):
        shutil.move(five[0], elsewhere)
        five[0].symlink_to(elsewhere)
        return True

    monkeypatch.setattr("click.confirm", swapped)
    monkeypatch.setattr("sys.stdin", type("Terminal", (), {"isatty": lambda _: True})())
    ran = holdfast("runs", "--keep", "4")

    assert ran.code == 2
    assert "has become a link" in ran.err
    assert (elsewhere / "run.json").is_file()


def test_who_is_asked_and_says_no_keeps_them(five, holdfast, monkeypatch):
    asked = []
    monkeypatch.setattr("click.confirm", lambda question, **_: asked.append(question))
    monkeypatch.setattr("sys.stdin", type("Terminal", (), {"isatty": lambda _: True})())
    ran = holdfast("runs", "--keep", "2")

    assert (ran.code, len(asked)) == (0, 1)
    assert "Remove 3 runs" in asked[0]
    assert "nothing was removed" in ran.err
    assert [path.exists() for path in five] == [True] * 5


def test_the_size_of_a_run_is_that_of_its_own_files(five, holdfast, tmp_path):
    before = json.loads(holdfast("runs", "--json").out)["runs"][-1]["size"]
    (tmp_path / "large").write_bytes(b"x" * 1_000_000)
    (five[0] / "evidence").mkdir(exist_ok=True)
    (five[0] / "evidence" / "link").symlink_to(tmp_path / "large")
    (five[0] / "evidence" / "own").write_bytes(b"x" * 1_000)
    assert json.loads(holdfast("runs", "--json").out)["runs"][-1]["size"] == before + 1_000


def test_what_no_run_made_is_neither_listed_nor_touched(five, workspace, tmp_path, holdfast):
    elsewhere = tmp_path / "elsewhere"
    shutil.move(five[0], elsewhere)
    five[0].symlink_to(elsewhere)
    notes = workspace / "runs" / "notes"
    notes.mkdir()
    (notes / "precious.txt").write_text("x")
    (workspace / "runs" / "20260101T000001Z-mine").mkdir()
    (workspace / "runs" / "20260101T000001Z-mine" / "precious.txt").write_text("x")
    (five[1] / "evidence").mkdir(exist_ok=True)
    (five[1] / "evidence" / "link").symlink_to(notes)

    told = json.loads(holdfast("runs", "--keep", "0", "--yes", "--json").out)

    assert sorted(told["removed"]) == sorted(path.name for path in five[1:])
    assert (elsewhere / "run.db").is_file()
    assert five[0].is_symlink()
    assert (notes / "precious.txt").is_file()
    assert (workspace / "runs" / "20260101T000001Z-mine" / "precious.txt").is_file()


def test_a_run_that_cannot_be_removed_is_told(five, holdfast, monkeypatch):
    def refuse(path):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("holdfast.run.shelf.shutil.rmtree", refuse)
    ran = holdfast("runs", "--keep", "3", "--yes")
    assert ran.code == 2
    assert ran.err.count("cannot be removed: Permission denied") == 2


def test_names_of_runs_complete(five, workspace):
    found = RunName().shell_complete(None, None, "2026010")
    assert [item.value for item in found] == [path.name for path in reversed(five)]
    assert [item.value for item in RunName().shell_complete(None, None, "la")] == ["last"]


@pytest.mark.parametrize(("verdict", "word"), [("met", "✓ passed"), ("missed", "✕ failed")])
def test_of_a_run_without_objectives_it_is_said_whether_its_walks_came_through(workspace, holdfast, verdict, word):
    folder = record(workspace, "20260101T000000Z-check")
    summary = json.loads((folder / "summary.json").read_text())
    assert summary["journeys"]
    (folder / "summary.json").write_text(json.dumps(summary | {"objectives": [], "verdict": verdict}))

    listed = holdfast("runs").out.splitlines()[1]

    assert word in listed
    assert json.loads(holdfast("runs", "--json").out)["runs"][0]["verdict"] == verdict
