"""Time cut into slices (OpenSLO's Timeslices and RatioTimeslices): a history in, one of slices out. Pure arrays.

A slice is one event: good or bad as its ratio reaches the slice target (Timeslices), or good by its ratio
(RatioTimeslices). What OpenSLO leaves open is answered so:

    alignment       whole multiples of the slice since the epoch; in a calendar window, since its start
    length          elapsed time: a day on which clocks are changed has slices for 23 or 25 hours
    no data         `Slices.no_data`: a slice without an event is left out, good or bad; it never counts as measured
    cut slices      `Slices.partial`: the same choice for slices cut by the window's edge or by an exclusion
    excluded whole  left out, whatever `no_data` says: nobody promised anything for that time
    burn rates      bad slices of the lookback over E; a lookback shorter than a slice is refused
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from holdfast.slo.history import History
from holdfast.slo.objective import Method, NoData, Slices
from holdfast.slo.window import Span

_DOUBT = 1e-9  # of a product of two floats: nearer than this to the limit, it is worked out exactly


@dataclass(frozen=True, slots=True)
class Grid:
    """Where slices lie: the window they are of, and a moment at which one of them begins."""

    span: Span
    origin: int = 0


def sliced(history: History, slices: Slices, method: Method, grid: Grid, exclusions: Sequence[Span] = ()) -> History:
    """The slices of `grid.span`, each one step of the result; `total` is 1, or 0 where a slice is left out.

    `history` holds all that was seen, excluded time too. Raises ValueError when steps do not fit into slices.
    """
    if slices.seconds % history.step or (history.start - grid.origin) % history.step:
        raise ValueError(f"steps of {history.step} s do not fit into slices of {slices.seconds} s")
    first = _floor(grid.span.start - grid.origin, slices.seconds)
    number = max(-_floor(grid.origin - grid.span.end, slices.seconds) - first, 0)
    start = grid.origin + first * slices.seconds
    seen = history.without(exclusions)
    place = (seen.times - start) // slices.seconds
    middles = seen.times + seen.step / 2
    inside = (place >= 0) & (place < number) & (middles >= grid.span.start) & (middles < grid.span.end)
    place = place[inside]
    good = np.bincount(place, weights=seen.good[inside], minlength=number).astype(np.float64)
    total = np.bincount(place, weights=seen.total[inside], minlength=number).astype(np.float64)
    measured = np.bincount(place[seen.measured[inside]], minlength=number) > 0
    ratios = _reached(good, total, slices.target) if method is Method.TIMESLICES else _ratios(good, total)
    cut, gone = _cut(start, slices.seconds, number, grid.span, exclusions)
    counted = np.ones(number)
    _apply(slices.no_data, total == 0, ratios, counted)
    _apply(slices.partial, cut, ratios, counted)
    _apply(NoData.EXCLUDE, gone, ratios, counted)
    return History(start, slices.seconds, np.where(counted > 0, ratios, 0.0), counted, measured & ~gone)


def _apply(
    policy: NoData, where: npt.NDArray[np.bool_], ratios: npt.NDArray[np.float64], counted: npt.NDArray[np.float64]
) -> None:
    counted[where] = 0.0 if policy is NoData.EXCLUDE else 1.0
    ratios[where] = 1.0 if policy is NoData.GOOD else 0.0


def _reached(
    good: npt.NDArray[np.float64], total: npt.NDArray[np.float64], target: Decimal | None
) -> npt.NDArray[np.float64]:
    """1 where good / total >= target, else 0; compared exactly, without a division. No target asks for all."""
    limit = Fraction(1 if target is None else target)
    have, needed = good * limit.denominator, total * limit.numerator
    reached = have >= needed
    for index in np.flatnonzero(np.abs(have - needed) <= _DOUBT * (have + needed)):
        reached[index] = Fraction(float(good[index])) >= limit * Fraction(float(total[index]))
    return reached.astype(np.float64)


def _ratios(good: npt.NDArray[np.float64], total: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.divide(good, total, out=np.zeros(len(total)), where=total > 0)


def _cut(
    start: int, seconds: int, number: int, span: Span, exclusions: Sequence[Span]
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Which slices an edge or an exclusion cuts, and which are excluded whole."""
    begins = start + seconds * np.arange(number, dtype=np.int64)
    lost = np.zeros(number)
    for gone in merged(exclusions):
        lost += np.clip(np.minimum(gone.end, begins + seconds) - np.maximum(gone.start, begins), 0, None)
    edged = (begins < span.start) | (begins + seconds > span.end)
    whole = lost >= seconds
    return (edged | (lost > 0)) & ~whole, whole


def merged(spans: Sequence[Span]) -> list[Span]:
    """The same time, counted once, in order."""
    found: list[Span] = []
    for span in sorted(spans, key=lambda s: s.start):
        if found and span.start <= found[-1].end:
            found[-1] = Span(found[-1].start, max(found[-1].end, span.end))
        else:
            found.append(span)
    return found


def _floor(value: float, step: int) -> int:
    return int(value // step)
