"""A run that could not be finished: which error, with which exit code, and what of its folder stays."""

import errno
import shutil
import sqlite3
from pathlib import Path

import pytest

from holdfast.chaos.undo import Entry, Undo, announce, locked
from holdfast.errors import CleanUpError, InputError, MeasurementError, Problem, RunFolderError
from holdfast.run.bad_end import end_badly
from holdfast.run.events import Finished, Notice
from holdfast.run.folder import RunFolder

RECORDED = Path(__file__).resolve().parents[1] / "data" / "runs" / "fault_hurt"
NO_ROOM = OSError(errno.ENOSPC, "No space left on device", "run.db")
FULL = sqlite3.OperationalError("database or disk is full")
BUG = ZeroDivisionError("a bug")


@pytest.fixture
def folder(tmp_path):
    shutil.copytree(RECORDED, tmp_path / "run", ignore=shutil.ignore_patterns("expected"))
    return RunFolder(tmp_path / "run")


def leave_in(folder):
    undo = Undo("remove_toxic", {"proxy_url": "http://127.0.0.1:9", "link": "postgres", "toxic": "slow"})
    with locked(folder.undo_log):
        announce(folder.undo_log, Entry("left", 1.0, "database_latency", undo))


def raised(folder, error, *, started):
    with pytest.raises(Exception) as caught:  # noqa: PT011 - which one is the question
        list(end_badly(folder, error, started=started))
    return caught.value


@pytest.mark.parametrize("error", [NO_ROOM, FULL])
def test_a_record_that_cannot_be_begun_is_wrong_input_and_leaves_no_folder(folder, error):
    told = raised(folder, error, started=False)
    assert isinstance(told, RunFolderError)
    assert "the run could not begin: " in str(told)
    assert not folder.path.exists()


def test_wrong_input_that_is_found_late_leaves_no_folder_and_a_bug_leaves_its_traces(folder):
    wrong = InputError(Problem("target", "does not answer"))
    assert raised(folder, BUG, started=False) is BUG
    assert folder.path.exists()
    assert raised(folder, wrong, started=False) is wrong
    assert not folder.path.exists()


def test_a_bug_is_the_runs_end_unless_a_fault_is_still_in(folder):
    assert raised(folder, BUG, started=True) is BUG

    leave_in(folder)
    told = raised(folder, BUG, started=True)
    assert isinstance(told, CleanUpError)
    assert told.__cause__ is BUG
    assert "database_latency may still be in the target" in str(told).replace(":", "")
    assert "ZeroDivisionError: a bug" in str(told)


@pytest.mark.parametrize("error", [NO_ROOM, FULL])
def test_a_record_that_ends_early_is_judged_as_far_as_it_goes(folder, error):
    notice, finished = end_badly(folder, error, started=True)
    assert isinstance(notice, Notice)
    assert isinstance(finished, Finished)
    assert finished.unwritten == notice.text
    assert "cannot be read or written any more" in finished.unwritten
    assert finished.summary.run.id


def test_of_a_record_that_cannot_be_judged_a_fault_that_is_still_in_weighs_more(folder):
    folder.database.write_bytes(b"no database at all" * 100)
    assert isinstance(raised(folder, FULL, started=True), MeasurementError)

    leave_in(folder)
    told = raised(folder, FULL, started=True)
    assert isinstance(told, CleanUpError)
    assert "database or disk is full" in str(told)
