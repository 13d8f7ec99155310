"""What a stretch of time has of its error budget, exact: nothing is rounded before it is compared or paid.

    allowed = E · total        spent = bad / allowed        remaining = 1 - spent, below 0 when overspent

in shares of the budget; the same in events (allowed - bad) and in time (window · E · remaining).
"""

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from holdfast.slo.budget import error_budget


@dataclass(frozen=True, slots=True)
class Balance:
    """Bad events of all, or bad slices of all, against a target. None where nothing was counted."""

    bad: Fraction
    total: Fraction
    target: Decimal

    @property
    def budget(self) -> Fraction:
        """E, the share of events that may be bad."""
        return Fraction(error_budget(self.target))

    @property
    def good(self) -> Fraction:
        return self.total - self.bad

    @property
    def ratio(self) -> Fraction | None:
        return self.good / self.total if self.total else None

    @property
    def allowed(self) -> Fraction:
        """Events that may be bad."""
        return self.budget * self.total

    @property
    def spent(self) -> Fraction | None:
        """Share of the budget; also how many times faster than allowed it went (the burn rate)."""
        return self.bad / self.allowed if self.total else None

    @property
    def remaining(self) -> Fraction | None:
        """Share of the budget; below 0 when more has failed than may."""
        return 1 - self.bad / self.allowed if self.total else None

    @property
    def remaining_events(self) -> Fraction | None:
        return self.allowed - self.bad if self.total else None

    def remaining_seconds(self, window: float) -> Fraction | None:
        """Of total outage, at the window's traffic."""
        left = self.remaining
        return None if left is None else Fraction(window) * self.budget * left

    def burns_faster(self, threshold: Fraction | Decimal) -> bool:
        """Whether the burn rate exceeds `threshold`, compared exactly; False where nothing was counted."""
        return self.bad > Fraction(threshold) * self.allowed

    def over(self, total: Fraction) -> "Balance":
        """The same bad events, were there `total` events in all."""
        return Balance(self.bad, total, self.target)

    def against(self, target: Decimal) -> "Balance":
        """The same events against another target."""
        return Balance(self.bad, self.total, target)
