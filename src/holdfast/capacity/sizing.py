"""How many replicas a peak needs: a verified bracket in, a number with its reasons out.

    replicas = ceil(peak / (capacity of one replica · utilisation limit)) + spare

The capacity is the highest arrival rate that was held and confirmed, over the replicas that held it: never a fitted
curve's maximum. N+k: with `spare_replicas` lost, the rest still carries the peak within the limit.
"""

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from holdfast.capacity.search import Bracket

_CURVE_POINTS: Final = 41  # up to twice the peak, the peak among them


@dataclass(frozen=True, slots=True)
class SizingQuestion:
    """`peak`: arrivals per second. `spare_replicas`: how many may be lost. `utilisation_limit`: share of capacity."""

    peak: float
    spare_replicas: int = 1
    utilisation_limit: float = 0.8


@dataclass(frozen=True, slots=True)
class Sizing:
    """`capacity_per_replica`: arrivals/s, highest held and lowest not held (None: none was found).

    `utilisation_at_peak`: with every replica up. `headroom`: how much the peak may grow, as a share of it, before all
    replicas together are at what was verified. `curve`: (peak in arrivals/s, replicas), for a chart.
    """

    replicas: int
    replicas_without_spare: int
    capacity_per_replica: tuple[float, float | None]
    headroom: float
    utilisation_at_peak: float
    curve: tuple[tuple[float, int], ...]
    assumptions: tuple[str, ...]
    reason: str


def size(question: SizingQuestion, bracket: Bracket, replicas_measured: int) -> Sizing:
    """Raises ValueError when the bracket has no lower end: nothing was held, so nothing can be sized."""
    if bracket.low is None or bracket.low <= 0 or replicas_measured < 1:
        raise ValueError(f"nothing to size by: {bracket.reason}")
    one = _fraction(bracket.low) / replicas_measured
    carrying = _replicas(question.peak, one, question)
    replicas = carrying + question.spare_replicas
    peak = _fraction(question.peak)
    low = float(one)
    return Sizing(
        replicas=replicas,
        replicas_without_spare=carrying,
        capacity_per_replica=(low, None if bracket.high is None else bracket.high / replicas_measured),
        headroom=float(replicas * one / peak - 1),
        utilisation_at_peak=float(peak / (replicas * one)),
        curve=_curve(question, one),
        assumptions=_assumptions(question, bracket, replicas, replicas_measured),
        reason=(
            f"{replicas_measured} {_noun(replicas_measured)} held {bracket.low:g}/s, so one carries {low:.3g}/s; "
            f"{question.peak:g}/s at no more than {question.utilisation_limit:.0%} of that take {carrying}, and "
            f"{question.spare_replicas} may be lost"
        ),
    )


def _replicas(peak: float, one: Fraction, question: SizingQuestion) -> int:
    # Fractions of what was written, or 9.6 / 0.8 / 12 replicas would now and then be rounded up to one more.
    return max(1, math.ceil(_fraction(peak) / (one * _fraction(question.utilisation_limit))))


def _curve(question: SizingQuestion, one: Fraction) -> tuple[tuple[float, int], ...]:
    peaks = [question.peak * 2 * step / (_CURVE_POINTS - 1) for step in range(1, _CURVE_POINTS)]
    return tuple((round(peak, 6), _replicas(peak, one, question) + question.spare_replicas) for peak in peaks)


def _assumptions(question: SizingQuestion, bracket: Bracket, replicas: int, measured: int) -> tuple[str, ...]:
    found = [
        f"capacity grows in proportion to replicas, from the {measured} measured to {replicas}: verify it by a run "
        "with that many"
        if replicas != measured
        else f"the {measured} replicas measured are as many as are asked for",
        "what the replicas share (database, cache, partners) does not become the limit first",
        "visitors at the peak do the same mix of things as in the load profile",
    ]
    if question.spare_replicas:
        found.append(f"no more than {question.spare_replicas} {_noun(question.spare_replicas)} is missing at the peak")
    if not bracket.confirmed_low:
        found.append(f"{bracket.low:g}/s was held only once: a second time would confirm it")
    if bracket.high is None:
        found.append("no rate was found that is too much, so one replica may carry more")
    if bracket.non_monotone:
        found.append("a rate was met above one that was missed: the boundary is noisy")
    return tuple(found)


def _noun(count: int) -> str:
    return "replica" if count == 1 else "replicas"


def _fraction(number: float) -> Fraction:
    return Fraction(str(number))
