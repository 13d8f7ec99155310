"""Time, injectable: every process of a run reads the same clock.

Seconds since the epoch, but advanced by the monotonic clock: `now = monotonic + anchor`. CLOCK_MONOTONIC is one
for the whole machine, so a child that is given its parent's anchor agrees with it to the microsecond, and a step
of the wall clock in mid-run (NTP) moves nothing.
"""

import time
from dataclasses import dataclass, field
from typing import Protocol


class Clock(Protocol):
    """Where the time comes from, and how to wait. Tests inject one of their own."""

    def now(self) -> float:
        """Seconds since the epoch."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait; at once when `seconds` is not positive."""
        ...


def _anchor() -> float:
    return time.time() - time.monotonic()


@dataclass(frozen=True, slots=True)
class SystemClock:
    """The machine's clock. `anchor` is epoch minus monotonic seconds; hand it to children."""

    anchor: float = field(default_factory=_anchor)

    def now(self) -> float:
        return time.monotonic() + self.anchor

    def sleep(self, seconds: float) -> None:
        if seconds > 0:
            time.sleep(seconds)
