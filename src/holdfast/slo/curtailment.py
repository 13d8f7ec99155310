"""Whether more evidence can still change an answer: bad events and events so far, and how many are planned, in.

A run of a planned number of events N may stop when its answer is certain, and errs no more often for it, though it is
looked at every second: the stopped run and the full one give the same verdict on every continuation, so the chance of
an error is the full run's (exact curtailment; Jennison and Turnbull, Group Sequential Methods, 2000, chapter 10). No
other reason to stop early is offered, for any other would spend error at every look.

With k bad so far, K the fewest bad of N that miss and M the most that may be bad of a met run:

    k >= K                 certainly missed: were all that follow good, it would still be missed
    k + (N - n) <= M       certainly met: were all that follow bad, it would still be met
    k > M                  can no longer be met; whether it will be missed is open
"""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction

from holdfast.slo.bounds import EXACT_ALPHA, fewest_to_miss, most_failures


class Certainty(StrEnum):
    """What is certain of the verdict over all that is planned."""

    MISSED = "certainly missed"
    MET = "certainly met"
    NOT_MET = "can no longer be met"
    UNDECIDED = "undecided"

    @property
    def is_final(self) -> bool:
        return self in {Certainty.MISSED, Certainty.MET}


@dataclass(frozen=True, slots=True)
class Curtailment:
    """The limits of one objective over `planned` events, for a given design effect.

    Certain of the verdict at that effect: of independent events, at 1, it is exact. The effect of a run is known when
    it is over; on the way the largest one seen so far is the one to take. That a record which looks met would not turn
    out more clustered cannot be known; that it can no longer be met holds at every effect.
    """

    planned: int
    effect: float
    fewest_to_miss: int | None  # None: planned events cannot miss it
    most_to_meet: int | None  # None: planned events cannot meet it

    @classmethod
    def of(
        cls, target: Decimal | float, planned: int, *, effect: float = 1.0, alpha: Fraction = EXACT_ALPHA
    ) -> "Curtailment":
        """`alpha`: of the miss; over m objectives judged together EXACT_ALPHA / m is below every step of Holm's."""
        effect = max(effect, 1.0)
        missed = fewest_to_miss(target, planned, effect, alpha)
        return cls(planned, effect, missed, most_failures(target, planned, effect))

    def certainty(self, bad: int, seen: int) -> Certainty:
        """`bad` of `seen` events so far. Nothing is certain of a plan that was exceeded: its limits are too low."""
        if not 0 <= bad <= seen:
            raise ValueError(f"{bad} bad events of {seen} cannot be")
        if seen > self.planned:
            return Certainty.UNDECIDED
        if self.fewest_to_miss is not None and bad >= self.fewest_to_miss:
            return Certainty.MISSED
        if self.most_to_meet is None or bad > self.most_to_meet:
            return Certainty.NOT_MET
        return Certainty.MET if bad + self.planned - seen <= self.most_to_meet else Certainty.UNDECIDED
