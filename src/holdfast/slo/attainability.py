"""What so many events can decide, before any is sent: a target and a number of events in, limits and chances out."""

import math
from dataclasses import dataclass
from decimal import ROUND_FLOOR, Decimal
from typing import Final

import numpy as np
import numpy.typing as npt

from holdfast.slo.bounds import (
    chance_of_at_least,
    chance_of_at_most,
    clean_needed,
    fewest_to_miss,
    first_not,
    most_failures,
    proven_within,
    upper_bound,
)
from holdfast.slo.budget import error_budget, exact, percent
from holdfast.slo.clusters import effect_of
from holdfast.slo.indicator import Counts

GOOD: Final = 0.5
"""A target that fails at half its budget is one that should be met."""
BAD: Final = 2.0
"""One that fails at twice its budget should be missed."""


@dataclass(frozen=True, slots=True)
class Attainability:
    """`power_met`: the chance of a met if half the budget fails; `power_missed`: of a miss if twice the budget does.

    Chances are of failures whose design effect is the assumed one; more clustered ones leave less.
    """

    events: int
    can_be_met: bool
    can_be_missed: bool
    most_failures: int | None  # with at most so many it is met; None: never
    fewest_to_miss: int | None  # with at least so many it is missed; None: never
    needed_to_meet: int  # events, all good, that prove the target
    highest_target: Decimal  # that a clean record of so many events proves, rounded down; 0 where there are none
    power_met: float
    power_missed: float
    reason: str


def attainable(target: Decimal | float, events: int, effect: float = 1.0) -> Attainability:
    """What `events` events can decide at best. `effect`: the design effect that is assumed, 1 for independent ones."""
    budget = float(error_budget(target))
    most, fewest = most_failures(target, events, effect), fewest_to_miss(target, events, effect)
    needed = math.ceil(clean_needed(target) * effect)
    asked = f"{percent(exact(target))} is proven by {needed:,} events without a bad one"
    if most is None:
        ways = "inconclusive" if fewest is None else "inconclusive, or missed"
        reason = f"{asked}; about {events:,} are expected, so it can only end {ways}"
    else:
        misses = "and even all of them would not miss it" if fewest is None else f"and {fewest:,} would miss it"
        reason = f"{asked}; of about {events:,} expected, up to {most:,} may be bad, {misses}"
    worth = events / effect
    return Attainability(
        events=events,
        can_be_met=most is not None,
        can_be_missed=fewest is not None,
        most_failures=most,
        fewest_to_miss=fewest,
        needed_to_meet=needed,
        highest_target=_highest_target(worth),
        power_met=0.0 if most is None else chance_of_at_most(most / effect, worth, GOOD * budget),
        power_missed=0.0 if fewest is None else chance_of_at_least(fewest / effect, worth, min(BAD * budget, 1.0)),
        reason=reason,
    )


@dataclass(frozen=True, slots=True)
class Burst:
    """What a record of so many events bears that is clean but for failures at once, as a fault makes them.

    `at_once`: failures that are assumed, `bears`: the most with which it is still met. `design_effect`: the upper limit
    at `at_once`, at which a met is judged. `power_met`: the chance of a met if half the budget fails beside them, as
    independently as can be.
    """

    at_once: int
    bears: int
    design_effect: float
    power_met: float

    @property
    def borne(self) -> bool:
        return self.at_once <= self.bears


def with_burst(target: Decimal | float, events: int, seconds: float, at_once: int, floor: float = 1.0) -> Burst:
    """Of `events` spread evenly over `seconds`, `at_once` of them bad in one second, and in the next where one holds
    fewer. Judged as a run is: by the effect that such a record shows.
    """
    budget = error_budget(target)
    total = _evenly(events, seconds)

    def is_met(burst: int, beside: int) -> bool:
        bad, effect = burst + beside, _effect(total, burst, beside, floor)
        return bad <= events and proven_within(bad / effect, events / effect, budget)

    bears = first_not(events, lambda burst: is_met(burst, 0)) - 1
    beside = first_not(events - at_once, lambda spread: is_met(at_once, spread)) - 1
    power = chance_of_at_most(beside, events - at_once, GOOD * float(budget)) if beside >= 0 else 0.0
    return Burst(at_once, max(bears, 0), _effect(total, at_once, 0, floor), power)


def _evenly(events: int, seconds: float) -> npt.NDArray[np.int64]:
    """By second, as evenly as whole ones can be."""
    edges = np.linspace(0, events, max(math.ceil(seconds), 1) + 1).astype(np.int64)
    return np.diff(edges)


def _effect(total: npt.NDArray[np.int64], burst: int, beside: int, floor: float) -> float:
    """The upper limit of the design effect of a record with one burst of failures in its middle, and some beside it."""
    before = np.concatenate([[0], np.cumsum(total)[:-1]])
    begin = min(int(before[len(total) // 2]), int(total.sum()) - burst)
    failed = np.clip(begin + burst - before, 0, total) - np.clip(begin - before, 0, total)
    failed = np.minimum(failed + _evenly(beside, len(total)), total)
    here = total > 0
    seconds = np.arange(len(total), dtype=np.int64)
    return effect_of(Counts(seconds[here], (total - failed)[here], total[here]), floor).high


def _highest_target(events: float) -> Decimal:
    """To two figures of its budget: 0.997 rather than 0.99751."""
    if events < 1:
        return Decimal(0)
    budget = upper_bound(0, events)
    places = Decimal(1).scaleb(math.floor(math.log10(budget)) - 1)
    target = (1 - Decimal(budget)).quantize(places, rounding=ROUND_FLOOR)
    while target > 0 and not proven_within(0, events, 1 - target):
        target -= places
    return max(target, Decimal(0))
