"""A run that could not be finished: what its error means, and what may still be in the target.

not begun       the folder goes; what the machine refuses (rights, space) is wrong input, 2
something in    clean-up failed, 4, whatever else went wrong
record lost     judged from what was recorded until then: invalid, 3
"""

import shutil
import sqlite3
from collections.abc import Iterator
from dataclasses import replace

from holdfast.errors import CleanUpError, InputError, MeasurementError, Problem, RunFolderError, shown
from holdfast.process import is_refusal
from holdfast.run.events import Finished, Notice, RunEvent
from holdfast.run.folder import RunFolder
from holdfast.run.judgement import judge_run, may_be_left_in
from holdfast.run.summary import Summary


def end_badly(folder: RunFolder, error: BaseException, *, started: bool) -> Iterator[RunEvent]:
    """What is still to be said of the run; or raises the error, or what it means here."""
    is_gone = started and not folder.database.exists()
    is_lost = is_gone or isinstance(error, sqlite3.Error) or is_refusal(error)
    if not started:
        if is_lost or isinstance(error, InputError):
            shutil.rmtree(folder.path, ignore_errors=True)
        if is_lost:
            fix = "make room, or check the rights of the folder"
            raise RunFolderError(Problem(shown(folder.path), f"the run could not begin: {_said(error)}", fix)) from None
        raise error
    still_in = may_be_left_in(folder)
    if not is_lost:
        if still_in:
            raise CleanUpError(*_problems(still_in), Problem("", f"the run ended by {_said(error)}")) from error
        raise error
    why = "its folder was removed while it ran" if is_gone else _said(error)
    what = f"the record cannot be read or written any more ({why}), so the run ended"
    try:
        summary = judge_run(folder)
    except Exception as unread:
        if still_in:
            raise CleanUpError(*_problems(still_in), Problem(shown(folder.database), what)) from unread
        fix = "make room for it, and run again"
        raise MeasurementError(Problem(shown(folder.database), what, fix)) from unread
    yield Notice(0.0, "error", what)
    yield Finished(folder.path, summary, unwritten=what)


def judge_ended(folder: RunFolder) -> Summary:
    """Of a run that went to its end. Raises MeasurementError when what it recorded is not there any more."""
    try:
        return judge_run(folder)
    except RunFolderError as error:
        raise MeasurementError(
            *(replace(problem, what=f"{problem.what}, though the run went to its end") for problem in error.problems)
        ) from error


def _problems(still_in: list[str]) -> list[Problem]:
    return [Problem(name, "may still be in the target", "run `holdfast recover`") for name in still_in]


def _said(error: BaseException) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror}: {error.filename}" if error.filename else error.strerror
    return f"{type(error).__name__}: {error}" if not isinstance(error, sqlite3.Error) else str(error)
