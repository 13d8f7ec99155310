"""timeout: nothing gets through, and after `timeout` the connection is closed."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from holdfast.proxy.toxics.effect import Effect, Event, What, negative


@dataclass(frozen=True, slots=True)
class Timeout:
    """Milliseconds from the moment the toxic met the connection; 0 never closes: a black hole, until removed.

    The time does not start again with every chunk, as Toxiproxy's does: a sender that keeps talking is cut too.
    """

    timeout: int = 0

    def problem(self) -> str | None:
        return negative(timeout=self.timeout)

    def effect(self, _chance: random.Random, _earlier: Effect | None) -> Effect:
        return _Swallowed(self)


class _Swallowed(Effect):
    heals_by_cutting: ClassVar[bool] = True

    def __init__(self, attributes: Timeout) -> None:
        self._timeout = attributes.timeout / 1000

    def opened(self, now: float) -> Sequence[Event]:
        return (Event(now + self._timeout, What.CUT),) if self._timeout else ()

    def data(self, _chunk: bytes, _now: float) -> Sequence[Event]:
        return ()

    def ended(self, _now: float) -> Sequence[Event]:
        return ()  # a FIN is lost like everything else
