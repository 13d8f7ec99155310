"""Exact binomial bounds of a bad share, and what so many events can decide: counts in, shares and counts out.

With k bad events of n and α = 0.05 on each side, the bounds of the true bad share are (Clopper and Pearson, Biometrika
26, 1934)

    upper = BetaInv(1 - α; k + 1, n - k)   (1 when k = n)        lower = BetaInv(α; k, n - k + 1)   (0 when k = 0)

and with E the error budget

    upper <= E  ⇔  P(X <= k | n, E) <= α        lower > E  ⇔  P(X >= k | n, E) < α

Verdicts compare the probabilities, so nothing is inverted or rounded before it is compared. A probability can equal α
to the last digit (one event, bad, against a target of 0.95: the lower bound is 0.05 exactly), and a float may fall on
either side of it. So a float within its own noise of α is settled in integers. Effective counts (real numbers: k and n
over an estimated design effect) need no such care: an estimate is off by far more than a float.
"""

import math
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Final

from holdfast.slo.budget import error_budget

ALPHA: Final = 0.05
EXACT_ALPHA: Final = Fraction(1, 20)
_MOST_EVENTS: Final = 1 << 62  # no run has more; the search for a number of events ends here
_NOISE: Final = 1e-10  # relative; the incomplete beta function is good to some 1e-14
_SETTLED: Final = 20_000  # events; sums of longer numbers take seconds, and no tie is known beyond one event


def upper_bound(bad: float, total: float, alpha: float = ALPHA) -> float:
    """Of the true bad share, one-sided; 1 without events. Real-valued, so that effective counts fit."""
    from scipy.special import betaincinv

    return 1.0 if total <= 0 or bad >= total else float(betaincinv(bad + 1, total - bad, 1 - alpha))


def lower_bound(bad: float, total: float, alpha: float = ALPHA) -> float:
    """Of the true bad share, one-sided; 0 without bad events."""
    from scipy.special import betaincinv

    return 0.0 if bad <= 0 else float(betaincinv(bad, total - bad + 1, alpha))


def chance_of_at_most(bad: float, total: float, share: float) -> float:
    """P(X <= bad) of `total` events, each bad with probability `share`."""
    from scipy.special import betainc

    return 1.0 if bad >= total else float(betainc(total - bad, bad + 1, 1 - share))


def chance_of_at_least(bad: float, total: float, share: float) -> float:
    """P(X >= bad): the p-value of a miss, were exactly the budget bad."""
    from scipy.special import betainc

    return 1.0 if bad <= 0 else float(betainc(bad, total - bad + 1, share))


def proven_within(bad: float, total: float, budget: Decimal, alpha: Fraction = EXACT_ALPHA) -> bool:
    """Whether the upper bound is at most the budget: what makes an objective met."""
    if total <= 0 or bad >= total:
        return False
    chance = chance_of_at_most(bad, total, float(budget))
    if _is_close(chance, alpha) and _are_settled(bad, total):
        return _exact_chance(range(int(bad) + 1), int(total), budget) <= alpha
    return chance <= float(alpha)


def proven_beyond(bad: float, total: float, budget: Decimal, alpha: Fraction = EXACT_ALPHA) -> bool:
    """Whether the lower bound is above the budget: what makes an objective missed."""
    if total <= 0 or bad <= 0:
        return False
    chance = chance_of_at_least(bad, total, float(budget))
    if _is_close(chance, alpha) and _are_settled(bad, total):
        return _exact_chance(range(int(bad), int(total) + 1), int(total), budget) < alpha
    return chance < float(alpha)


def clean_needed(target: Decimal | float) -> int:
    """How many events, none of them bad, prove the target: 299 for 0.99, 2995 for 0.999."""
    return events_needed(target, 0)


def events_needed(target: Decimal | float, bad: float) -> int:
    """The fewest events that prove the target with `bad` bad ones among them."""
    budget = error_budget(target)
    fits = math.ceil(bad) + 1
    while not proven_within(bad, fits, budget) and fits < _MOST_EVENTS:
        fits *= 2
    short = fits // 2
    while fits - short > 1:
        middle = (fits + short) // 2
        short, fits = (short, middle) if proven_within(bad, middle, budget) else (middle, fits)
    return fits


def most_failures(target: Decimal | float, events: int, effect: float = 1.0) -> int | None:
    """With at most so many bad ones of `events` the target is met; None when even a clean record proves too little.

    `effect`: the design effect that is assumed.
    """
    budget = error_budget(target)
    first_unmet = _first(events, lambda bad: not proven_within(bad / effect, events / effect, budget))
    return first_unmet - 1 if first_unmet > 0 else None


def fewest_to_miss(
    target: Decimal | float, events: int, effect: float = 1.0, alpha: Fraction = EXACT_ALPHA
) -> int | None:
    """With at least so many bad ones of `events` the target is missed; None when even all prove too little."""
    budget = error_budget(target)
    first_missed = _first(events, lambda bad: proven_beyond(bad / effect, events / effect, budget, alpha))
    return first_missed if first_missed <= events else None


def _is_close(chance: float, alpha: Fraction) -> bool:
    return abs(chance - float(alpha)) <= _NOISE * float(alpha)


def _are_settled(bad: float, total: float) -> bool:
    return float(bad).is_integer() and float(total).is_integer() and total <= _SETTLED


def _exact_chance(counts: range, total: int, budget: Decimal) -> Fraction:
    """P(X in counts) as a fraction: a decimal budget is one, and so is all that follows from it."""
    share = Fraction(budget)
    bad, of = share.numerator, share.denominator
    ways = sum(math.comb(total, count) * bad**count * (of - bad) ** (total - count) for count in counts)
    return Fraction(ways, of**total)


def first_not(most: int, holds: Callable[[int], bool]) -> int:
    """The smallest count, up to `most`, for which a condition that begins by holding does not; else `most` + 1."""
    return _first(most, lambda count: not holds(count))


def _first(events: int, holds: Callable[[int], bool]) -> int:
    """The smallest count of bad events, up to `events`, for which a monotone condition holds; else `events` + 1."""
    low, high = 0, events + 1
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle + 1, high)
    return low
