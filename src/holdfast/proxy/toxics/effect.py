"""What a toxic does to one direction of one connection, as a pure schedule.

Bytes come in with the time of their arrival; events go out, each with the time it is due (seconds of the same clock):

    data ──▶ Effect ──▶ (due, DATA, bytes) (due, DATA, bytes) … (due, END) | (due, CUT) | (due, RESET)

Events leave in the order in which they were given, an early one waiting for the late one before it, so a stream is
never reordered. The chain holds the events and the timers (`holdfast.proxy.chain`); an effect never waits, and
its tests need no network and no clock.
"""

import random
from collections.abc import Sequence
from enum import Enum
from typing import ClassVar, NamedTuple, Protocol


class What(Enum):
    DATA = "data"
    END = "end"  # the sender's end of file: a half-close, passed on as one
    CUT = "cut"  # pass on what came before, then close both ends
    RESET = "reset"  # close both ends with RST, at once


class Event(NamedTuple):
    due: float
    what: What
    data: bytes = b""


class Effect:
    """Passes everything on at once. One per toxic, connection and direction; holds that stream's state."""

    holds_at_most: ClassVar[int] = 64 * 1024
    """Bytes held before the sender is made to wait."""
    heals_by_cutting: ClassVar[bool] = False
    """True when bytes were thrown away: the stream has a hole, so removing the toxic closes the connection."""
    keeps_when_updated: ClassVar[bool] = False
    """True when what is held goes through the updated toxic again; otherwise an update lets it go."""

    def opened(self, _now: float, /) -> Sequence[Event]:
        """The toxic met the stream: a new connection, a new toxic or an updated one."""
        return ()

    def data(self, chunk: bytes, now: float, /) -> Sequence[Event]:
        return (Event(now, What.DATA, chunk),)

    def ended(self, now: float, /) -> Sequence[Event]:
        return (Event(now, What.END),)


class Attributes(Protocol):
    """A toxic's numbers: a frozen dataclass of whole numbers, every default 0."""

    def problem(self) -> str | None:
        """Why these numbers cannot be obeyed; None when they can."""
        ...

    def effect(self, chance: random.Random, earlier: Effect | None, /) -> Effect:
        """A stream's effect. `earlier`: the one that an update replaces, for state that must survive."""
        ...


def negative(**values: int) -> str | None:
    """The first of `values` that is below 0, said as a problem."""
    for name, value in values.items():
        if value < 0:
            return f"{name} must not be negative"
    return None
