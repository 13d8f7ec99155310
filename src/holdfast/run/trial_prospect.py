"""What one held rate of a sizing question can decide, before it is held."""

import math
from dataclasses import dataclass

from holdfast.slo.attainability import Attainability
from holdfast.slo.budget import exact, percent
from holdfast.workspace.quantity import duration_text


@dataclass(frozen=True, slots=True)
class TrialProspect:
    """An objective at the question's first rate. `planned`: events of a hold; None where nobody knows (`why`), and then
    no `outlook` is. `rate`: visits a second, `hold`: seconds that are judged.
    """

    question: str
    name: str
    gate: float
    rate: float
    hold: float
    planned: float | None
    outlook: Attainability | None
    why: str = ""

    @property
    def lowest_rate(self) -> float | None:
        """Below it no hold can prove the gate; None where it is not known."""
        if self.outlook is None or not self.planned:
            return None
        return self.rate * self.outlook.needed_to_meet / self.planned

    @property
    def warning(self) -> str | None:
        """Why the search would end before it found anything, and what would help; None where it would not."""
        outlook, lowest = self.outlook, self.lowest_rate
        if outlook is None or self.planned is None or outlook.can_be_met:
            return None
        held = f"{self.rate:g}/s held for {duration_text(self.hold)}"
        brings = f"{self._label}: {held} bring about {self.planned:,.0f} events"
        proof = f"proving {percent(exact(self.gate))} takes {outlook.needed_to_meet:,} without a bad one"
        ends = f"{brings}; {proof}, so no rate is ever held and the search ends at its first"
        if lowest is None:
            return ends
        needed = self.hold * lowest / self.rate
        target = outlook.highest_target
        gate = f", or lower its gate to at most {percent(target)}" if target > 0 else ""
        return f"{ends}. Hold each rate for {_rounded_up(needed):g}s, or start at {_rounded_up(lowest):g}/s{gate}"

    @property
    def sentence(self) -> str:
        """For whoever asks before the run."""
        outlook = self.outlook
        if outlook is None or self.planned is None:
            return f"{self._label}: {self.why}"
        if self.warning is not None:
            return self.warning
        lowest = self.lowest_rate or 0.0
        return (
            f"{self._label}: {self.rate:g}/s held for {duration_text(self.hold)}, the first rate, bring about "
            f"{self.planned:,.0f} events. {percent(exact(self.gate))} is met with at most {outlook.most_failures:,} "
            f"bad; a rate below {_rounded_up(lowest):g}/s cannot be proven"
        )

    @property
    def _label(self) -> str:
        return f"sizing {self.question}, {self.name}"


def _rounded_up(value: float) -> float:
    """To three figures, so that what is advised is enough."""
    if value <= 0:
        return 0.0
    step = 10.0 ** (math.floor(math.log10(value)) - 2)
    return float(f"{math.ceil(value / step - 1e-9) * step:.6g}")
