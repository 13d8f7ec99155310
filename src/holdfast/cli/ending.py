"""How a command ends that raised: one message for each problem, and an exit code that never says "missed".

An error that was raised on purpose keeps its code. What the machine refuses (rights, space, a package that is not
installed, a record that cannot be read) is wrong input. All else is our own failure: 70, the traceback in a log.
"""

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import asdict

import click

from holdfast.errors import ExitCode, HoldfastError, InputError, Problem
from holdfast.process import REFUSALS, crash_message, is_refusal, print_safely


def end_with(error: BaseException, arguments: Sequence[str]) -> int:
    """Print what went wrong, for a person on stderr and for a script on stdout. Returns the exit code."""
    if isinstance(error, KeyboardInterrupt | click.Abort):
        print_safely("interrupted; if a fault may be in a target, `holdfast recover` takes it out")
        return int(ExitCode.INTERRUPTED)
    if isinstance(error, click.ClickException):  # a wrong argument is one, too
        error.show()
        _print_for_script(arguments, (Problem("", error.format_message()),))
        return int(ExitCode.WRONG_INPUT)
    known = error if isinstance(error, HoldfastError) else foreseen(error)
    if known is None:
        message = crash_message(error)
        _print_problems((message,))
        _print_for_script(arguments, (Problem("holdfast", message),))
        return int(ExitCode.HOLDFAST_FAILED)
    _print_problems(known.problems)
    if known.exit_code is ExitCode.WRONG_INPUT:  # whatever it was that could not be read
        _print_for_script(arguments, known.problems)
    elif known.__cause__ is not None and not isinstance(known.__cause__, HoldfastError) and _is_bug(known.__cause__):
        print_safely(crash_message(known.__cause__))
    return int(known.exit_code)


def foreseen(error: BaseException) -> InputError | None:
    """What the machine refuses, as the person's to mend; None for what nobody foresaw."""
    if isinstance(error, ModuleNotFoundError) and error.name is not None and error.name.partition(".")[0] != "holdfast":
        what = f"the package {error.name.partition('.')[0]} is not installed"
        return InputError(Problem("", what, 'pip install "holdfast[all]"'))
    if isinstance(error, OSError) and is_refusal(error):
        where = str(error.filename) if error.filename is not None else ""
        return InputError(Problem(where, error.strerror or str(error), REFUSALS[error.errno or 0]))
    if isinstance(error, sqlite3.Error):
        return InputError(Problem("", f"a record cannot be read or written: {error}", "is its disk full or read-only?"))
    return None


def _is_bug(error: BaseException) -> bool:
    return isinstance(error, Exception) and foreseen(error) is None


def _print_problems(problems: Sequence[Problem | str]) -> None:
    for problem in problems:
        text = f"{click.style('error', fg='red', bold=True)} {problem}"
        try:
            click.echo(text, err=True)
        except Exception:  # noqa: BLE001 - the exit code says it all the same
            print_safely(str(problem))


def _print_for_script(arguments: Sequence[str], problems: Sequence[Problem]) -> None:
    """Who asked for JSON gets JSON, in the words of `validate --json`."""
    if "--json" in arguments:
        click.echo(json.dumps({"problems": [asdict(problem) for problem in problems]}, indent=1))
