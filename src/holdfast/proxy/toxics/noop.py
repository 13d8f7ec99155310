"""noop: changes nothing, but counts what passes: exposure without a fault."""

import random
from dataclasses import dataclass

from holdfast.proxy.toxics.effect import Effect


@dataclass(frozen=True, slots=True)
class Noop:
    def problem(self) -> str | None:
        return None

    def effect(self, _chance: random.Random, _earlier: Effect | None) -> Effect:
        return Effect()
