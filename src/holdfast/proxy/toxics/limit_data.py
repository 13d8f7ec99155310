"""limit_data: after `bytes` the connection is closed."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

from holdfast.proxy.toxics.effect import Effect, Event, What, negative


@dataclass(frozen=True, slots=True)
class LimitData:
    """Bytes that one direction of a connection may carry; the count survives updates."""

    bytes: int = 0

    def problem(self) -> str | None:
        return negative(bytes=self.bytes)

    def effect(self, _chance: random.Random, earlier: Effect | None) -> Effect:
        return _Limited(self.bytes, earlier.passed if isinstance(earlier, _Limited) else 0)


class _Limited(Effect):
    def __init__(self, limit: int, passed: int) -> None:
        self._limit = limit
        self.passed = passed

    def data(self, chunk: bytes, now: float) -> Sequence[Event]:
        allowed = chunk[: max(0, self._limit - self.passed)]
        self.passed += len(allowed)
        events = [Event(now, What.DATA, allowed)] if allowed else []
        if self.passed >= self._limit:
            events.append(Event(now, What.CUT))
        return events
