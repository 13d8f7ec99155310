"""Counts of any stretch of a history, from sums made once. Pure arrays.

Stretches that touch share no step and lose none: cutting a window anywhere changes no sum, not by a float's last bit,
because stretches are differences of the same running sums, taken exactly.
"""

from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from math import ceil

import numpy as np
import numpy.typing as npt

from holdfast.slo.balance import Balance
from holdfast.slo.history import History, possible
from holdfast.slo.window import Span


@dataclass(frozen=True, slots=True, eq=False)
class Tally:
    """Running sums over `n` steps of `step` seconds from `start` on; each array has n + 1 entries, the first 0.

    `broken`: steps that cannot be (see `sound`); they are in none of the sums.
    """

    start: int
    step: int
    bad: npt.NDArray[np.float64]
    total: npt.NDArray[np.float64]
    measured: npt.NDArray[np.int64]
    broken: int = 0

    @property
    def end(self) -> int:
        return self.start + self.step * (len(self.total) - 1)

    def index(self, at: float) -> int:
        """How many steps have their middle before `at`."""
        return min(max(ceil((at - self.start) / self.step - 0.5), 0), len(self.total) - 1)

    def balance(self, span: Span, target: Decimal) -> Balance:
        """Of the steps whose middle lies in the span."""
        first, last = self.index(span.start), self.index(span.end)
        return Balance(_difference(self.bad, first, last), _difference(self.total, first, last), target)

    def measured_seconds(self, span: Span) -> int:
        """For how much of it anybody looked."""
        first, last = self.index(span.start), self.index(span.end)
        return int(self.measured[last] - self.measured[first]) * self.step


def tally(history: History) -> Tally:
    """Steps that cannot be are told by their number and left out."""
    whole, broken = sound(history)
    return Tally(
        whole.start, whole.step, _running(whole.bad), _running(whole.total), _running_count(whole.measured), broken
    )


def sound(history: History) -> tuple[History, int]:
    """The history with steps that cannot be (see `possible`) neither counted nor measured; and how many they are.

    Nothing is bent into shape: a count that cannot be is no count.
    """
    fits = possible(history)
    if fits.all():
        return history, 0
    kept = replace(
        history,
        good=np.where(fits, history.good, 0.0),
        total=np.where(fits, history.total, 0.0),
        measured=history.measured & fits,
    )
    return kept, int(np.count_nonzero(~fits))


def less(history: History, part: History | None) -> History:
    """A history without a part of its own events, step by step. More in the part than in the whole is then broken."""
    if part is None:
        return history
    return replace(history, good=history.good - part.good, total=history.total - part.total)


def _running(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    sums = np.empty(len(values) + 1)
    sums[0] = 0.0
    np.cumsum(values, out=sums[1:])
    return sums


def _running_count(values: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    sums = np.empty(len(values) + 1, dtype=np.int64)
    sums[0] = 0
    np.cumsum(values, out=sums[1:])
    return sums


def _difference(sums: npt.NDArray[np.float64], first: int, last: int) -> Fraction:
    return Fraction(float(sums[last])) - Fraction(float(sums[first])) if last > first else Fraction(0)
