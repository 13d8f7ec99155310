"""latency: every chunk arrives later by `latency` ± `jitter`."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from holdfast.proxy.toxics.effect import Effect, Event, What, negative


@dataclass(frozen=True, slots=True)
class Latency:
    """Milliseconds, drawn uniformly from latency ± jitter for each chunk, counted from its arrival."""

    latency: int = 0
    jitter: int = 0

    def problem(self) -> str | None:
        return negative(latency=self.latency, jitter=self.jitter)

    def effect(self, chance: random.Random, _earlier: Effect | None) -> Effect:
        return _Delayed(self, chance)


class _Delayed(Effect):
    # A long pipe, not a narrow one: a small limit here would cap the throughput at limit / latency.
    holds_at_most: ClassVar[int] = 8 * 1024 * 1024

    def __init__(self, attributes: Latency, chance: random.Random) -> None:
        self._attributes = attributes
        self._chance = chance

    def _delay(self) -> float:
        delay = float(self._attributes.latency)
        if self._attributes.jitter:
            delay += self._chance.uniform(-self._attributes.jitter, self._attributes.jitter)
        return max(0.0, delay) / 1000

    def data(self, chunk: bytes, now: float) -> Sequence[Event]:
        return (Event(now + self._delay(), What.DATA, chunk),)
