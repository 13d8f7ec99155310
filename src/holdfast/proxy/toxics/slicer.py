"""slicer: data arrives in small pieces, with a pause between them."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

from holdfast.proxy.toxics.effect import Effect, Event, What, negative


@dataclass(frozen=True, slots=True)
class Slicer:
    """Pieces of average_size ± size_variation bytes; `delay` microseconds between two of them.

    Delays below the event loop's resolution (about a millisecond) are right on average, not one by one.
    """

    average_size: int = 0
    size_variation: int = 0
    delay: int = 0

    def problem(self) -> str | None:
        if self.average_size < 1:
            return "average_size must be at least 1"
        if self.size_variation >= self.average_size:
            return "size_variation must be smaller than average_size"
        return negative(size_variation=self.size_variation, delay=self.delay)

    def effect(self, chance: random.Random, _earlier: Effect | None) -> Effect:
        return _Sliced(self, chance)


class _Sliced(Effect):
    def __init__(self, attributes: Slicer, chance: random.Random) -> None:
        self._attributes = attributes
        self._chance = chance
        self._free_at = 0.0

    def data(self, chunk: bytes, now: float) -> Sequence[Event]:
        average, variation = self._attributes.average_size, self._attributes.size_variation
        self._free_at = max(self._free_at, now)
        events = []
        start = 0
        while start < len(chunk):
            size = average + (self._chance.randint(-variation, variation) if variation else 0)
            events.append(Event(self._free_at, What.DATA, chunk[start : start + size]))
            self._free_at += self._attributes.delay / 1_000_000
            start += size
        return events
