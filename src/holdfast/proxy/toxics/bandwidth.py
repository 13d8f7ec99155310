"""bandwidth: no more than `rate` a second gets through."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

from holdfast.proxy.toxics.effect import Effect, Event, What


@dataclass(frozen=True, slots=True)
class Bandwidth:
    """Kilobytes (1000 bytes) a second."""

    rate: int = 0

    def problem(self) -> str | None:
        # Toxiproxy takes 0 and never drains, and a negative rate ends its process.
        return "rate must be at least 1" if self.rate < 1 else None

    def effect(self, _chance: random.Random, earlier: Effect | None) -> Effect:
        return _Narrow(self, earlier.free_at if isinstance(earlier, _Narrow) else 0.0)


class _Narrow(Effect):
    def __init__(self, attributes: Bandwidth, free_at: float) -> None:
        self._rate = attributes.rate * 1000
        self._slice = attributes.rate * 100  # 100 ms worth, so that a large chunk flows instead of jumping
        self.free_at = free_at

    def data(self, chunk: bytes, now: float) -> Sequence[Event]:
        self.free_at = max(self.free_at, now)
        events = []
        for start in range(0, len(chunk), self._slice):
            piece = chunk[start : start + self._slice]
            self.free_at += len(piece) / self._rate
            events.append(Event(self.free_at, What.DATA, piece))
        return events
