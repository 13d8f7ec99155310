"""The errors holdfast raises on purpose, and the exit code each one leads to.

    HoldfastError
    ├── InputError         2    a file, an argument or the environment is wrong
    │   ├── TargetError    2    the target cannot be reached, or may not be
    │   └── RunFolderError 2    a run folder is missing or unreadable
    ├── MeasurementError   3    the run could not be finished, or its measurement not trusted
    ├── CleanUpError       4    something may still be in the target
    └── InterruptionError  130  the person stopped it

A missed objective is a result, not an error. Every error carries one or more `Problem`s:
where it is, what is wrong, what to do. All problems of an input are collected before one is raised.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import ClassVar, Final


class ExitCode(IntEnum):
    """What the process says to the shell; the highest severity wins."""

    MET = 0
    """Every judged objective was met."""
    MISSED = 1
    """An objective was missed."""
    WRONG_INPUT = 2
    """A file, an argument or the environment is wrong; nothing was started."""
    INCONCLUSIVE = 3
    """The evidence decides nothing, or the measurement cannot be trusted."""
    CLEAN_UP_FAILED = 4
    """Something may still be in the target: run `holdfast recover`."""
    REGRESSION = 5
    """Worse than the baseline run."""
    HOLDFAST_FAILED = 70
    """holdfast itself failed: a bug, or a machine without memory. One message, and the traceback in a log."""
    INTERRUPTED = 130
    """Stopped by Ctrl-C, SIGTERM or SIGHUP; what was put into the target was taken out."""


_BY_SEVERITY: Final = (
    ExitCode.CLEAN_UP_FAILED,
    ExitCode.HOLDFAST_FAILED,
    ExitCode.INTERRUPTED,
    ExitCode.WRONG_INPUT,
    ExitCode.INCONCLUSIVE,
    ExitCode.MISSED,
    ExitCode.REGRESSION,
    ExitCode.MET,
)


def severest(*codes: int) -> ExitCode:
    """The one that a process ends with when several apply: what is left in the target weighs most, then our failure."""
    return min((ExitCode(code) for code in codes), key=_BY_SEVERITY.index)


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong: where ("plans/ci.yaml:14  load[0].profile"), what, and what to do."""

    where: str
    what: str
    fix: str = ""

    def __str__(self) -> str:
        head = f"{self.where}: {self.what}" if self.where else self.what
        return f"{head}\n    {self.fix}" if self.fix else head


class HoldfastError(Exception):
    """Base of all errors raised on purpose. `problems` is never empty."""

    exit_code: ClassVar[ExitCode] = ExitCode.WRONG_INPUT

    def __init__(self, *problems: Problem) -> None:
        self.problems = problems
        super().__init__("\n".join(str(problem) for problem in problems))


class InputError(HoldfastError):
    """A file, an argument or the environment is wrong."""


class TargetError(InputError):
    """The target cannot be reached, or its host is not allowed."""


class RunFolderError(InputError):
    """A run folder is missing, unreadable, or of an unknown schema."""


class MeasurementError(HoldfastError):
    """The run could not be finished, or its measurement cannot be trusted."""

    exit_code = ExitCode.INCONCLUSIVE


class CleanUpError(HoldfastError):
    """Something may still be in the target."""

    exit_code = ExitCode.CLEAN_UP_FAILED


class InterruptionError(HoldfastError):
    """The person stopped the work."""

    exit_code = ExitCode.INTERRUPTED


def shown(path: Path) -> str:
    """As short as it is clear: relative to where the person stands, when below it."""
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except (ValueError, OSError):  # elsewhere, or the current folder was deleted
        return str(path)


def raise_input_error(problems: Iterable[Problem]) -> None:
    """Raise one `InputError` with all of `problems`, or return when there is none."""
    collected = tuple(problems)
    if collected:
        raise InputError(*collected)
