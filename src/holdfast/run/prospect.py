"""What a planned run can say of one objective, before it starts."""

from dataclasses import dataclass
from decimal import ROUND_FLOOR, Decimal

from holdfast.slo.attainability import Attainability
from holdfast.slo.budget import exact, percent
from holdfast.workspace.quantity import duration_text


@dataclass(frozen=True, slots=True)
class Prospect:
    """`planned`: events expected in the judged phases; None where nobody knows (`why`), and then no `outlook` is.

    `at_most`: as many as chance may make of them. `seconds`: that are judged. `needed_for`: seconds that it would take
    to prove the gate without a bad event, at the planned rate; None where nothing is planned.
    """

    name: str
    gate: float
    seconds: float
    planned: float | None
    at_most: int | None
    outlook: Attainability | None
    why: str = ""

    @property
    def needed_for(self) -> float | None:
        if self.outlook is None or not self.planned:
            return None
        return self.seconds * self.outlook.needed_to_meet / self.planned

    @property
    def warning(self) -> str | None:
        """What the plan can never conclude, and what would; None when it can end either way."""
        outlook = self.outlook
        if outlook is None or self.planned is None:
            return None
        events = f"about {self.planned:,.0f} events are planned in the {duration_text(self.seconds)} that are judged"
        if not outlook.can_be_met:
            ends = "it can only end inconclusive" if not outlook.can_be_missed else "at best it ends inconclusive"
            proof = f"proving {percent(exact(self.gate))} takes {outlook.needed_to_meet:,} without a bad one"
            return f"{self.name}: {events}; {proof}, so {ends}{self._what_would()}"
        if not outlook.can_be_missed:
            return f"{self.name}: {events}; even if all of them were bad it could not be missed"
        return None

    @property
    def sentence(self) -> str:
        """For whoever asks before the run."""
        outlook = self.outlook
        if outlook is None or self.planned is None:
            return f"{self.name}: {self.why}"
        if not outlook.can_be_met or outlook.fewest_to_miss is None:
            return self.warning or ""
        return (
            f"{self.name}: about {self.planned:,.0f} events are planned in the {duration_text(self.seconds)} that are "
            f"judged. {percent(exact(self.gate))} is met with at most {outlook.most_failures:,} bad and missed with "
            f"{outlook.fewest_to_miss:,}; a clean record proves it after {outlook.needed_to_meet:,}, in "
            f"{duration_text(self.needed_for or 0.0)}. Chance of met at half the budget: "
            f"{_chance(outlook.power_met)}; of missed at twice the budget: {_chance(outlook.power_missed)}"
        )

    def _what_would(self) -> str:
        if not self.planned or self.outlook is None or self.needed_for is None:
            return ""
        times = self.outlook.needed_to_meet / self.planned
        would = f". It would take {duration_text(self.needed_for)} at this rate, or {times:,.1f} times the rate"
        target = self.outlook.highest_target
        return f"{would}, or a gate of at most {percent(target)}" if target > 0 else would


def _chance(power: float) -> str:
    return percent(min(Decimal(power), Decimal("0.999")), 0 if power < 0.99 else 1, ROUND_FLOOR)
