"""Verdicts from exact statistics: counts and a target in; met, missed or inconclusive, and why, out.

With k bad events of n, E = 1 - target and α = 0.05 on each side, the exact (Clopper–Pearson) bounds of the true bad
share are

    upper = BetaInv(1 - α; k + 1, n - k)   (1 when k = n)        lower = BetaInv(α; k, n - k + 1)   (0 when k = 0)

met: upper <= E. missed: lower > E. Anything else is inconclusive, and so is no data: it never passes.

Failures come in clusters (an outage second, a retry), so n overstates the evidence. The design effect, the variance of
the per-second failures over what independent events would have, says by how much: the bounds are taken at k / effect
and n / effect (Kish, Survey Sampling, 1965). It cannot be estimated where hardly anything failed, hence a floor.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from enum import StrEnum
from typing import Final

import numpy as np

from holdfast.slo.budget import error_budget, exact
from holdfast.slo.indicator import Counts

ALPHA: Final = 0.05
_MOST_EVENTS: Final = 1 << 62  # no run has more; the search for a number of events ends here


class Verdict(StrEnum):
    """What the evidence says of an objective."""

    MET = "met"
    MISSED = "missed"
    INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True, slots=True)
class Judgement:
    """`low` and `high` bound the true ratio of good events, each with 95 % confidence.

    `effective_total`: independent events that the seen ones are worth. `needed`: further events, all of them good, that
    would prove the target; 0 when it is proven.
    """

    verdict: Verdict
    good: int
    total: int
    ratio: float | None
    low: float
    high: float
    design_effect: float
    effective_total: float
    reason: str
    needed: int


@dataclass(frozen=True, slots=True)
class Attainability:
    """What so many events can decide, before any is sent."""

    events: int
    can_be_met: bool
    can_be_missed: bool
    most_failures: int | None  # with at most so many it is met; None: never
    fewest_to_miss: int | None  # with at least so many it is missed; None: never
    needed_to_meet: int  # events, all good, that prove the target
    reason: str


def upper_bound(bad: float, total: float, alpha: float = ALPHA) -> float:
    """Of the true bad share, one-sided; 1 without events. Real-valued, so that effective counts fit."""
    from scipy.special import betaincinv

    return 1.0 if total <= 0 or bad >= total else float(betaincinv(bad + 1, total - bad, 1 - alpha))


def lower_bound(bad: float, total: float, alpha: float = ALPHA) -> float:
    """Of the true bad share, one-sided; 0 without bad events."""
    from scipy.special import betaincinv

    return 0.0 if bad <= 0 else float(betaincinv(bad, total - bad + 1, alpha))


def design_effect(counts: Counts, floor: float = 1.0) -> float:
    """How much more the per-second failures vary than independent ones would; at least `floor`.

    The ratio estimator, so seconds may hold different numbers of events.
    """
    total, bad = counts.total_events, counts.bad_events
    blocks = int(np.count_nonzero(counts.total))
    if blocks < 2 or not 0 < bad < total:
        return max(floor, 1.0)
    share = bad / total
    residuals = (counts.total - counts.good) - share * counts.total
    variance = float((residuals**2).sum()) * blocks / (blocks - 1)
    return float(min(max(variance / (total * share * (1 - share)), floor, 1.0), total))


def judge(counts: Counts, target: Decimal | float, *, effect_floor: float = 1.0) -> Judgement:
    """One objective. A count that cannot be (more good than all) is inconclusive, never met."""
    return judge_all([(counts, target)], effect_floor=effect_floor)[0]


def judge_all(
    cases: Sequence[tuple[Counts, Decimal | float]], *, effect_floor: float = 1.0, called: Sequence[str] = ()
) -> list[Judgement]:
    """Several objectives of one run, in order. `called`: what each reason calls its target ("gate"), where it is none.

    "All are met" needs no correction: each must be proven. But among many objectives one is soon missed by bad luck, so
    misses must pass Holm's step-down test (Holm, 1979) at α over all of them together.
    """
    weighed = [_Weighed.of(counts, exact(target), effect_floor) for counts, target in cases]
    missed = _holm([case.chance_if_held for case in weighed])
    words = called or ["target"] * len(weighed)
    return [
        case.judgement(is_missed, len(cases), word)
        for case, is_missed, word in zip(weighed, missed, words, strict=True)
    ]


def clean_needed(target: Decimal | float) -> int:
    """How many events, none of them bad, prove the target: 299 for 0.99, 2995 for 0.999."""
    return events_needed(target, 0)


def events_needed(target: Decimal | float, bad: float) -> int:
    """The fewest events that prove the target with `bad` bad ones among them."""
    budget = float(error_budget(target))
    fits = math.ceil(bad) + 1
    while upper_bound(bad, fits) > budget and fits < _MOST_EVENTS:
        fits *= 2
    short = fits // 2
    while fits - short > 1:
        middle = (fits + short) // 2
        short, fits = (short, middle) if upper_bound(bad, middle) <= budget else (middle, fits)
    return fits


def most_failures(target: Decimal | float, events: int) -> int | None:
    """With at most so many bad ones of `events` the target is met; None when even a clean record proves too little."""
    budget = float(error_budget(target))
    first_unmet = _first(events, lambda bad: upper_bound(bad, events) > budget)
    return first_unmet - 1 if first_unmet > 0 else None


def fewest_to_miss(target: Decimal | float, events: int) -> int | None:
    """With at least so many bad ones of `events` the target is missed; None when even all prove too little."""
    budget = float(error_budget(target))
    first_missed = _first(events, lambda bad: lower_bound(bad, events) > budget)
    return first_missed if first_missed <= events else None


def attainable(target: Decimal | float, events: int) -> Attainability:
    """What `events` events can decide at best, were they independent."""
    most, fewest, needed = most_failures(target, events), fewest_to_miss(target, events), clean_needed(target)
    asked = f"{percent(exact(target))} is proven by {needed:,} events without a bad one"
    if most is None:
        ways = "inconclusive" if fewest is None else "inconclusive, or missed"
        reason = f"{asked}; about {events:,} are expected, so it can only end {ways}"
    else:
        misses = "and even all of them would not miss it" if fewest is None else f"and {fewest:,} would miss it"
        reason = f"{asked}; of about {events:,} expected, up to {most:,} may be bad, {misses}"
    return Attainability(events, most is not None, fewest is not None, most, fewest, needed, reason)


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """missed before inconclusive before met: what is unclear must not hide what is proven. Of none: inconclusive."""
    found = set(verdicts)
    if Verdict.MISSED in found:
        return Verdict.MISSED
    return Verdict.MET if found == {Verdict.MET} else Verdict.INCONCLUSIVE


def percent(ratio: Decimal | float, places: int | None = None, rounding: str | None = None) -> str:
    """ "99.9 %"; to `places` decimals where given. Rounded the way the caller says, so that 0.99999 is not "100 %"."""
    value = exact(ratio) * 100
    if places is not None:
        value = value.quantize(Decimal(1).scaleb(-places), rounding=rounding)
    text = f"{value:f}"
    return f"{text.rstrip('0').rstrip('.') if '.' in text else text} %"


@dataclass(frozen=True, slots=True)
class _Weighed:
    """One objective's evidence before the verdict. All shares are of bad events."""

    target: Decimal
    good: int
    total: int
    sound: bool  # something was counted, and in no second more good events than events
    effect: float
    lower: float
    upper: float
    chance_if_held: float  # of so many bad events or more, were exactly the budget bad: the miss's p-value

    @classmethod
    def of(cls, counts: Counts, target: Decimal, effect_floor: float) -> "_Weighed":
        good, total = counts.good_events, counts.total_events
        sound = total > 0 and bool(((counts.good >= 0) & (counts.good <= counts.total)).all())
        if not sound:
            return cls(target, good, total, sound, max(effect_floor, 1.0), 0.0, 1.0, 1.0)
        effect = design_effect(counts, effect_floor)
        bad, events = (total - good) / effect, total / effect
        return cls(
            target,
            good,
            total,
            sound,
            effect,
            lower_bound(bad, events),
            upper_bound(bad, events),
            _chance_of_at_least(bad, events, float(error_budget(target))),
        )

    def judgement(self, missed: bool, together: int, called: str) -> Judgement:
        verdict = Verdict.INCONCLUSIVE
        if missed:
            verdict = Verdict.MISSED
        elif self.sound and self.upper <= float(error_budget(self.target)):
            verdict = Verdict.MET
        needed = 0 if verdict is Verdict.MET else self._needed()
        return Judgement(
            verdict=verdict,
            good=self.good,
            total=self.total,
            ratio=self.good / self.total if self.sound else None,
            low=1.0 - self.upper,
            high=1.0 - self.lower,
            design_effect=self.effect,
            effective_total=max(self.total, 0) / self.effect,
            reason=self._reason(verdict, needed, together, called),
            needed=needed,
        )

    def _needed(self) -> int:
        if not self.sound:
            return clean_needed(self.target)
        effective = events_needed(self.target, (self.total - self.good) / self.effect)
        return max(math.ceil(effective * self.effect) - self.total, 1)

    def _reason(self, verdict: Verdict, needed: int, together: int, called: str) -> str:
        target = percent(self.target)
        if self.total <= 0:
            return f"No event was seen, which proves nothing; {needed:,} without a bad one would prove {target}."
        if not self.sound:
            return f"The count cannot be trusted: {self.good:,} good events of {self.total:,}."
        places = max(2, -int(self.target.normalize().as_tuple().exponent) - 1)
        low = percent(1.0 - self.upper, places, ROUND_FLOOR)
        high = percent(1.0 - self.lower, places, ROUND_CEILING)
        seen = f"{self.good:,} of {self.total:,} were good ({percent(self.good / self.total, places, ROUND_FLOOR)})"
        if self.effect >= 1.1:
            seen += f", failures in clusters, so worth {self.total / self.effect:,.0f} independent events"
        if verdict is Verdict.MET:
            return f"{seen}: at least {low} with 95 % confidence; the {called} is {target}."
        if verdict is Verdict.MISSED:
            return f"{seen}: at most {high} with 95 % confidence; the {called} is {target}."
        if self.lower > float(error_budget(self.target)):
            return f"{seen}: alone below {target}, but with {together} objectives judged together it may be chance."
        return (
            f"{seen}: the true ratio may be anything from {low} to {high}, and the {called} is {target}. "
            f"{needed:,} more without a bad one would prove it."
        )


def _chance_of_at_least(bad: float, total: float, share: float) -> float:
    from scipy.special import betainc

    return 1.0 if bad <= 0 else float(betainc(bad, total - bad + 1, share))


def _holm(chances: Sequence[float]) -> list[bool]:
    rejected = [False] * len(chances)
    for rank, index in enumerate(sorted(range(len(chances)), key=lambda i: chances[i])):
        if chances[index] >= ALPHA / (len(chances) - rank):
            break
        rejected[index] = True
    return rejected


def _first(events: int, holds: Callable[[int], bool]) -> int:
    """The smallest count of bad events, up to `events`, for which a monotone condition holds; else `events` + 1."""
    low, high = 0, events + 1
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle + 1, high)
    return low
