"""Verdicts from exact statistics: counts and a target in; met, missed or inconclusive, and why, out.

With k bad events of n, E = 1 - target, and exact (Clopper–Pearson) bounds of the true bad share (`slo.bounds`):

met: upper <= E. missed: lower > E. Anything else is inconclusive, and so is no data: it never passes.

Failures come in clusters (an outage second, a retry), so n overstates the evidence. The bounds are taken at k / effect
and n / effect (`slo.clusters`): a miss at the design effect as seen, a met at its upper limit. How often either is
wrong was simulated: docs/reference/verdicts.md.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from enum import StrEnum
from fractions import Fraction
from typing import Final

import numpy as np

from holdfast.slo.bounds import (
    EXACT_ALPHA,
    chance_of_at_least,
    clean_needed,
    events_needed,
    lower_bound,
    proven_beyond,
    proven_within,
    upper_bound,
)
from holdfast.slo.budget import error_budget, exact, percent
from holdfast.slo.clusters import Effect, effect_of
from holdfast.slo.indicator import Counts

_CLUSTERED: Final = 1.1
"""A design effect below this is no news."""


class Verdict(StrEnum):
    """What the evidence says of an objective."""

    MET = "met"
    MISSED = "missed"
    INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True, slots=True)
class Judgement:
    """`low` and `high` bound the true ratio of good events, each with 95 % confidence.

    `design_effect`: how many times less the events say than independent ones, as seen; a miss is judged at it.
    `design_effect_high`: its upper limit; a met is judged at it. `block_seconds`: the blocks in which it was seen.
    `design_effect_measured`: as seen without the plan's floor; None where too little failed to measure it.
    `effective_total`: independent events that the seen ones are worth at the upper limit. `needed`: further events,
    all of them good, that would prove the target; 0 when it is proven. `bad_seconds_at_most`: the share of seconds with
    a failure in them that a record without one leaves possible; None where something failed or nothing was seen.
    """

    verdict: Verdict
    good: int
    total: int
    ratio: float | None
    low: float
    high: float
    design_effect: float
    design_effect_high: float
    design_effect_measured: float | None
    block_seconds: int
    effective_total: float
    bad_seconds_at_most: float | None
    reason: str
    needed: int


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
    missed = _holm(weighed)
    words = called or ["target"] * len(weighed)
    return [
        case.judgement(is_missed, len(cases), word)
        for case, is_missed, word in zip(weighed, missed, words, strict=True)
    ]


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """missed before inconclusive before met: what is unclear must not hide what is proven. Of none: inconclusive."""
    found = set(verdicts)
    if Verdict.MISSED in found:
        return Verdict.MISSED
    return Verdict.MET if found == {Verdict.MET} else Verdict.INCONCLUSIVE


@dataclass(frozen=True, slots=True)
class _Weighed:
    """One objective's evidence before the verdict."""

    target: Decimal
    good: int
    total: int
    seconds: int  # that hold events
    sound: bool  # something was counted, and in no second more good events than events
    effect: Effect
    floor: float

    @classmethod
    def of(cls, counts: Counts, target: Decimal, effect_floor: float) -> "_Weighed":
        good, total = counts.good_events, counts.total_events
        sound = total > 0 and bool(((counts.good >= 0) & (counts.good <= counts.total)).all())
        least = max(effect_floor, 1.0)
        effect = effect_of(counts, effect_floor) if sound else Effect(least, least, 1)
        return cls(target, good, total, int(np.count_nonzero(counts.total)), sound, effect, least)

    @property
    def bad(self) -> int:
        return self.total - self.good

    @property
    def budget(self) -> Decimal:
        return error_budget(self.target)

    @property
    def lower(self) -> float:
        """Of the true bad share."""
        return lower_bound(self.bad / self.effect.seen, self.total / self.effect.seen) if self.sound else 0.0

    @property
    def upper(self) -> float:
        return upper_bound(self.bad / self.effect.high, self.total / self.effect.high) if self.sound else 1.0

    @property
    def chance_if_held(self) -> float:
        """Of so many bad events or more, were exactly the budget bad: the miss's p-value."""
        seen = self.effect.seen
        return chance_of_at_least(self.bad / seen, self.total / seen, float(self.budget)) if self.sound else 1.0

    def is_missed(self, alpha: Fraction = EXACT_ALPHA) -> bool:
        return self.sound and proven_beyond(
            self.bad / self.effect.seen, self.total / self.effect.seen, self.budget, alpha
        )

    def is_met(self) -> bool:
        return self.sound and proven_within(self.bad / self.effect.high, self.total / self.effect.high, self.budget)

    def judgement(self, missed: bool, together: int, called: str) -> Judgement:
        verdict = Verdict.INCONCLUSIVE
        if missed:
            verdict = Verdict.MISSED
        elif self.is_met():
            verdict = Verdict.MET
        needed = 0 if verdict is Verdict.MET else self._needed()
        return Judgement(
            verdict=verdict,
            good=self.good,
            total=self.total,
            ratio=self.good / self.total if self.sound else None,
            low=1.0 - self.upper,
            high=1.0 - self.lower,
            design_effect=self.effect.seen,
            design_effect_high=self.effect.high,
            design_effect_measured=self.effect.measured,
            block_seconds=self.effect.block,
            effective_total=max(self.total, 0) / self.effect.high,
            bad_seconds_at_most=upper_bound(0, self.seconds) if self.sound and not self.bad else None,
            reason=self._reason(verdict, needed, together, called),
            needed=needed,
        )

    def _needed(self) -> int:
        if not self.sound:
            return math.ceil(clean_needed(self.target) * self.floor)
        effective = events_needed(self.target, self.bad / self.effect.high)
        return max(math.ceil(effective * self.effect.high) - self.total, 1)

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
        seen += self._worth(verdict)
        if verdict is Verdict.MET:
            return f"{seen}: at least {low} with 95 % confidence; the {called} is {target}.{self._of_seconds()}"
        if verdict is Verdict.MISSED:
            return f"{seen}: at most {high} with 95 % confidence; the {called} is {target}."
        if self.is_missed():
            return f"{seen}: alone below {target}, but with {together} objectives judged together it may be chance."
        return (
            f"{seen}: the true ratio may be anything from {low} to {high}, and the {called} is {target}. "
            f"{needed:,} more without a bad one would prove it."
        )

    def _worth(self, verdict: Verdict) -> str:
        """What the events are worth, where that is less than their number."""
        effect = self.effect.seen if verdict is Verdict.MISSED else self.effect.high
        if effect < _CLUSTERED:
            return ""
        worth = f"worth {self.total / effect:,.0f} independent events"
        if effect <= self.floor:
            return f", by the plan's design effect of {self.floor:g} {worth}"
        most = f" and at most {self.effect.high:.1f}" if verdict is not Verdict.MISSED else ""
        return f", failures in clusters (design effect {self.effect.seen:.1f}{most}), so {worth}"

    def _of_seconds(self) -> str:
        """Requests of one second may stand or fall together: what a clean record proves of seconds is less."""
        if self.bad:
            return ""
        share = percent(upper_bound(0, self.seconds), 2, ROUND_CEILING)
        return f" {self.seconds:,} clean seconds alone prove only that at most {share} of seconds have a failure."


def _holm(cases: Sequence[_Weighed]) -> list[bool]:
    rejected = [False] * len(cases)
    for rank, index in enumerate(sorted(range(len(cases)), key=lambda i: cases[i].chance_if_held)):
        if not cases[index].is_missed(EXACT_ALPHA / (len(cases) - rank)):
            break
        rejected[index] = True
    return rejected
