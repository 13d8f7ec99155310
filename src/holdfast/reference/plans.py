"""The plans on offer."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Plan:
    """`price_cents` a month, in euro cents."""

    id: str
    name: str
    price_cents: int


PLANS: Final = (
    Plan("basic", "Basic", 990),
    Plan("standard", "Standard", 1990),
    Plan("premium", "Premium", 3490),
    Plan("family", "Family", 4990),
)


def find_plan(plan_id: str) -> Plan | None:
    return next((plan for plan in PLANS if plan.id == plan_id), None)
