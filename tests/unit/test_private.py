"""What is recorded is its owner's alone, whatever the umask."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from holdfast.kit.code_ledger import CodeLedger
from holdfast.private import UMASK, make_file, make_folder, write_text, write_whole
from holdfast.process import write_crash_log
from holdfast.record.store import Event, RunStore
from holdfast.report import write_reports
from holdfast.run.folder import RunFolder, create_run_folder, write_facts
from holdfast.run.judgement import judge_run
from holdfast.run.summary import write_summary

RECORDED = RunFolder(Path(__file__).resolve().parents[1] / "data" / "runs" / "fault_hurt")


@pytest.fixture(autouse=True)
def lenient() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


def modes(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mode & 0o777 for path in (folder, *folder.rglob("*"))}


def test_a_run_folder_and_all_that_the_runner_writes_into_it_is_its_owners_alone(tmp_path):
    folder = create_run_folder(tmp_path / "runs", "ci", 0.0)
    write_facts(folder, {"plan": "ci"})
    summary = judge_run(RECORDED)
    with RunStore.create(folder.database) as store:
        store.write_event(Event(0.0, "run", "released"))
        write_summary(summary, folder.path)
        write_reports(summary, folder.path)
        found = modes(folder.path)

    assert {"run.json", "run.db", "run.db-wal", "summary.json", "report.html", "junit.xml", "report.md"} <= set(found)
    assert {name for name, mode in found.items() if mode == 0o700} == {folder.path.name, "evidence", "logs"}
    assert {mode for name, mode in found.items()} == {0o700, 0o600}


def test_a_group_may_share_the_folder_of_all_runs(tmp_path):
    create_run_folder(tmp_path / "deep" / "runs", "ci", 0.0)

    assert (tmp_path / "deep" / "runs").stat().st_mode & 0o777 == 0o775


def test_a_file_that_others_could_read_is_private_once_it_is_written_anew(tmp_path):
    path = tmp_path / "summary.json"
    path.write_text("a longer one that was there before")
    path.chmod(0o644)

    write_text(path, json.dumps({}))

    assert (path.read_text(), path.stat().st_mode & 0o777) == ("{}", 0o600)


def test_no_folder_of_ours_may_be_written_by_strangers(tmp_path):
    """Whoever may write in a folder above could put a folder of their own in the place of a private one."""
    create_run_folder(tmp_path / "workspace" / "runs", "ci", 0.0)
    make_folder(tmp_path / "stacks" / ".holdfast" / "stack")
    CodeLedger(tmp_path / "codes" / ".holdfast" / "codes", "http://127.0.0.1:1").close()
    write_crash_log("a traceback", [tmp_path / "crashes"])

    assert [path for path in tmp_path.rglob("*") if path.stat().st_mode & 0o002] == []


def test_what_a_child_makes_under_our_umask_is_its_owners_alone(tmp_path):
    os.umask(UMASK)
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "chaos.log").write_text("x")

    assert modes(tmp_path / "logs") == {"logs": 0o700, "chaos.log": 0o600}


def test_a_file_that_is_there_is_never_taken_for_a_new_one(tmp_path):
    (tmp_path / "run.db").write_text("another's")
    with pytest.raises(FileExistsError):
        make_file(tmp_path / "run.db")
    assert (tmp_path / "run.db").read_text() == "another's"


def test_a_file_that_cannot_be_put_in_its_place_leaves_nothing_beside_it(tmp_path):
    (tmp_path / "summary.json").mkdir()
    with pytest.raises(OSError, match=r"summary\.json"):
        write_whole(tmp_path / "summary.json", "{}")
    assert [path.name for path in tmp_path.iterdir()] == ["summary.json"]
