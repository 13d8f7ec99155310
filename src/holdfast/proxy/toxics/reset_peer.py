"""reset_peer: `timeout` after the first byte, both ends get a TCP reset."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from holdfast.proxy.toxics.effect import Effect, Event, What, negative


@dataclass(frozen=True, slots=True)
class ResetPeer:
    """Milliseconds between the first data (or end of file) and the reset. Removed in between, it lets all go."""

    timeout: int = 0

    def problem(self) -> str | None:
        return negative(timeout=self.timeout)

    def effect(self, _chance: random.Random, earlier: Effect | None) -> Effect:
        return _ToBeReset(self, earlier.first_at if isinstance(earlier, _ToBeReset) else None)


class _ToBeReset(Effect):
    keeps_when_updated: ClassVar[bool] = True

    def __init__(self, attributes: ResetPeer, first_at: float | None) -> None:
        self._timeout = attributes.timeout / 1000
        self.first_at = first_at
        self._announced = False

    def data(self, chunk: bytes, now: float) -> Sequence[Event]:
        return self._behind_the_reset(What.DATA, chunk, now)

    def ended(self, now: float) -> Sequence[Event]:
        return self._behind_the_reset(What.END, b"", now)

    def _behind_the_reset(self, what: What, chunk: bytes, now: float) -> Sequence[Event]:
        if self.first_at is None:
            self.first_at = now
        due = self.first_at + self._timeout
        held = Event(due, what, chunk)
        if self._announced:
            return (held,)
        self._announced = True
        return (Event(due, What.RESET), held)
