"""How processes of the stack ended that nobody had asked to end: killed from outside, out of memory, or by an error.

One that the control API was asked to kill is no death: that was an experiment.
"""

import re
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_MOST: Final = 100
# "1789123456.123 [42] LOG:  client backend (PID 57) was terminated by signal 9: Killed"; see PostgreSQL's postmaster.c.
_SIGNALLED: Final = re.compile(
    rb"^([0-9.]+) \[\d+\] LOG:  (.+?) \(PID \d+\) was terminated by signal (\d+)", re.MULTILINE
)
LOG_LINE_PREFIX: Final = "%n [%p] "
"""What PostgreSQL is to begin its lines with, for `PostgresLog` to read: seconds since the epoch, and the process."""


@dataclass(frozen=True, slots=True)
class Death:
    """`at`: seconds since the epoch. `process`: of the stack. `how`: for a person, as in "was killed by SIGKILL"."""

    at: float
    process: str
    how: str


def how_it_ended(code: int) -> str:
    """`code`: as Python tells it, the negative number of a signal, or the exit code."""
    return f"was killed by {_signal(-code)}" if code < 0 else f"ended with exit code {code}"


class Deaths:
    """The newest ones, in order."""

    def __init__(self) -> None:
        self._known: list[Death] = []

    def add(self, death: Death) -> None:
        self._known = [*self._known, death][-_MOST:]

    def __iter__(self) -> Iterator[Death]:
        return iter(self._known)


class PostgresLog:
    """PostgreSQL outlives the death of a process of its own, and cuts all connections then: only its log says so."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read = 0

    def news(self) -> list[Death]:
        """Since the last call."""
        try:
            with self._path.open("rb") as log:
                log.seek(self._read)
                text = log.read()
        except OSError:
            return []
        text = text[: text.rfind(b"\n") + 1]  # half a line is read again
        self._read += len(text)
        return [
            Death(float(at), "postgres", f"lost its {who.decode(errors='replace')}, killed by {_signal(int(number))}")
            for at, who, number in _SIGNALLED.findall(text)
        ]


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
