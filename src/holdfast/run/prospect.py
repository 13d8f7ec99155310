"""What a planned run can say of one objective, before it starts."""

from dataclasses import dataclass
from decimal import ROUND_FLOOR, Decimal
from typing import Final

from holdfast.slo.attainability import Attainability, Burst
from holdfast.slo.budget import exact, percent
from holdfast.workspace.quantity import duration_text

IN_FLIGHT_SECONDS: Final = 0.5
"""Of the traffic, that a fault is taken to cost at once: visits of the shipped scenarios take a quarter to half a
second, and what a replica has in flight goes with it."""


@dataclass(frozen=True, slots=True)
class Prospect:
    """`planned`: events expected in the judged phases; None where nobody knows (`why`), and then no `outlook` is.

    `at_most`: as many as chance may make of them. `seconds`: that are judged. `needed_for`: seconds that it would take
    to prove the gate without a bad event, at the planned rate; None where nothing is planned. `phase`: that is judged
    by itself; None: the judged phases together. `faults`: experiments whose fault is in meanwhile; `burst`: what the
    objective bears of one that costs at once what is in flight.
    """

    name: str
    gate: float
    seconds: float
    planned: float | None
    at_most: int | None
    outlook: Attainability | None
    why: str = ""
    phase: str | None = None
    faults: tuple[str, ...] = ()
    burst: Burst | None = None

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
            return f"{self.label}: {events}; {proof}, so {ends}{self._what_would()}"
        if not outlook.can_be_missed:
            return f"{self.label}: {events}; even if all of them were bad it could not be missed"
        if self.burst is not None and not self.burst.borne:
            return f"{self.label}: {events}{self._felt()}{self._apart()}"
        return None

    @property
    def label(self) -> str:
        return self.name if self.phase is None else f"{self.name} in {self.phase}"

    @property
    def sentence(self) -> str:
        """For whoever asks before the run."""
        outlook = self.outlook
        if outlook is None or self.planned is None:
            return f"{self.label}: {self.why}"
        if not outlook.can_be_met or outlook.fewest_to_miss is None:
            return self.warning or ""
        apart = self._apart() if self.burst is not None and not self.burst.borne else ""
        return (
            f"{self.label}: about {self.planned:,.0f} events are planned in the {duration_text(self.seconds)} that are "
            f"judged. {percent(exact(self.gate))} is met with at most {outlook.most_failures:,} bad and missed with "
            f"{outlook.fewest_to_miss:,}; a clean record proves it after {outlook.needed_to_meet:,}, in "
            f"{duration_text(self.needed_for or 0.0)}. Chance of met at half the budget: "
            f"{_chance(outlook.power_met)}; of missed at twice the budget: {_chance(outlook.power_missed)}"
            f"{self._felt()}{apart}"
        )

    def _felt(self) -> str:
        """What a fault makes of it that costs what is in flight, all in one cluster."""
        if self.burst is None:
            return ""
        burst = self.burst
        said = (
            f". With {', '.join(self.faults)} in it: what is in flight when a fault comes, taken to be "
            f"{duration_text(IN_FLIGHT_SECONDS)} of this traffic ({burst.at_once:,} at once), is one cluster"
        )
        if burst.borne:
            return (
                f"{said} (design effect {burst.design_effect:.1f}); up to {burst.bears:,} at once leave it met, and "
                f"with half the budget failing beside it the chance of met is {_chance(burst.power_met)}"
            )
        return (
            f"{said} (design effect {burst.design_effect:.1f}): at most {burst.bears:,} at once leave it met, so it is "
            f"to be expected to end inconclusive"
        )

    def _apart(self) -> str:
        gates = f"gates: {{{self.name}: …}}"
        if self.phase is None:
            return f". Judge the phase of the fault by itself ({gates} there), so that the others prove {self._gate}"
        return ". Lower its gate there, or make the phase longer"

    @property
    def _gate(self) -> str:
        return percent(exact(self.gate))

    def _what_would(self) -> str:
        if not self.planned or self.outlook is None or self.needed_for is None:
            return ""
        times = self.outlook.needed_to_meet / self.planned
        would = f". It would take {duration_text(self.needed_for)} at this rate, or {times:,.1f} times the rate"
        target = self.outlook.highest_target
        return f"{would}, or a gate of at most {percent(target)}" if target > 0 else would


def _chance(power: float) -> str:
    return percent(min(Decimal(power), Decimal("0.999")), 0 if power < 0.99 else 1, ROUND_FLOOR)
