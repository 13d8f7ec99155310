"""Can two kinds of answers be told apart? Counts and durations of both in; yes, no or inconclusive, and why, out.

Whoever asks a sign-in page about addresses must not learn which have an account, neither from the answers nor from
their time. Three tests look for a difference, each at a third of α (Bonferroni), so that all three together raise a
false alarm at most with chance α:

- Fisher's exact test on how many were answered as they must be;
- Mann and Whitney's U with ties (Annals of Mathematical Statistics 18, 1947): is one kind slower?
- Kolmogorov and Smirnov's D: is its time spread otherwise? On binned durations it errs towards no alarm.

That no difference was found proves nothing. So "indistinguishable" takes an interval too: of the chance P that an
answer about the one is slower than one about the other, which is 1/2 when time says nothing, the bounds at α each must
stay within 1/2 ± MARGIN (two one-sided tests; Schuirmann, 1987).
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

ALPHA: Final = 0.05
MARGIN: Final = 0.1
"""An attacker who guesses from one answer's time is right in at most 60 of 100 cases, for coins' 50."""
_TESTS: Final = 3
_FEWEST: Final = 20  # of a kind: with fewer, U is not yet normal


@dataclass(frozen=True, slots=True)
class Answers:
    """Answers of one kind: durations (seconds, one value a bin) and counts of those as they must be; how many were not.

    Two kinds need bins of the same bounds.
    """

    durations: Mapping[float, int]
    others: int = 0

    @property
    def count(self) -> int:
        return sum(self.durations.values())


@dataclass(frozen=True, slots=True)
class Comparison:
    """`slower`: the chance that an answer of the second kind is slower than one of the first, ties halved."""

    indistinguishable: Literal["yes", "no", "inconclusive"]
    slower: float | None
    interval: tuple[float, float]
    reason: str


def compare_answers(first: Answers, second: Answers, alpha: float = ALPHA) -> Comparison:
    """See the module. The same chances hold whichever kind comes first."""
    from scipy.stats import fisher_exact, norm

    counts = [[first.count, first.others], [second.count, second.others]]
    if min(sum(row) for row in counts) < _FEWEST:
        return Comparison("inconclusive", None, (0.0, 1.0), f"fewer than {_FEWEST} answers of a kind")
    if float(fisher_exact(counts)[1]) <= alpha / _TESTS:
        return Comparison("no", None, (0.0, 1.0), "the answers differ: one kind is refused otherwise more often")
    if min(first.count, second.count) < _FEWEST:
        return Comparison("inconclusive", None, (0.0, 1.0), f"fewer than {_FEWEST} answers as they must be")
    one, other = _aligned(first.durations, second.durations)
    slower, spread = _chance_slower(one, other)
    p_slower = 2 * float(norm.sf(abs(slower - 0.5) / spread)) if spread > 0 else 1.0
    reach = float(norm.isf(alpha)) * spread
    interval = (max(0.0, slower - reach), min(1.0, slower + reach))
    if p_slower <= alpha / _TESTS:
        return Comparison(
            "no", slower, interval, f"their times differ: one is slower in {slower:.0%} of pairs, not 50 %"
        )
    if _chance_as_far_apart(one, other) <= alpha / _TESTS:
        return Comparison("no", slower, interval, "their times are spread differently")
    if interval[0] >= 0.5 - MARGIN and interval[1] <= 0.5 + MARGIN:
        return Comparison("yes", slower, interval, "no difference was found, and none above the margin is likely")
    return Comparison("inconclusive", slower, interval, "no difference was found, but too few answers to exclude one")


def _aligned(first: Mapping[float, int], second: Mapping[float, int]) -> tuple[npt.NDArray[np.float64], ...]:
    """Counts of both over the same values, ascending."""
    values = sorted(first.keys() | second.keys())
    return tuple(np.array([kind.get(value, 0) for value in values], dtype=np.float64) for kind in (first, second))


def _chance_slower(one: npt.NDArray[np.float64], other: npt.NDArray[np.float64]) -> tuple[float, float]:
    """U / mn, and its standard deviation when both are alike, corrected for ties."""
    m, n = float(one.sum()), float(other.sum())
    below = np.cumsum(one) - one
    slower = float((other * (below + one / 2)).sum()) / (m * n)
    ties = one + other
    total = m + n
    tied = float((ties**3 - ties).sum()) / (total * (total - 1))
    return slower, math.sqrt(max(total + 1 - tied, 0.0) / (12 * m * n))


def _chance_as_far_apart(one: npt.NDArray[np.float64], other: npt.NDArray[np.float64]) -> float:
    """The two-sample Kolmogorov-Smirnov test's p value, asymptotic."""
    from scipy.special import kolmogorov

    m, n = float(one.sum()), float(other.sum())
    apart = float(np.abs(np.cumsum(one) / m - np.cumsum(other) / n).max())
    return float(kolmogorov(math.sqrt(m * n / (m + n)) * apart))
