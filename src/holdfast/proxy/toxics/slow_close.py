"""slow_close: the end of the stream arrives late."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

from holdfast.proxy.toxics.effect import Effect, Event, What, negative


@dataclass(frozen=True, slots=True)
class SlowClose:
    """Milliseconds between the sender's end of file and the receiver's."""

    delay: int = 0

    def problem(self) -> str | None:
        return negative(delay=self.delay)

    def effect(self, _chance: random.Random, _earlier: Effect | None) -> Effect:
        return _LateEnd(self)


class _LateEnd(Effect):
    def __init__(self, attributes: SlowClose) -> None:
        self._delay = attributes.delay / 1000

    def ended(self, now: float) -> Sequence[Event]:
        return (Event(now + self._delay, What.END),)
