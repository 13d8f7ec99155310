"""How far failures come in clusters: counts by second in, the design effect and its upper limit out.

An outage or a retry fails many requests at once, so n overstates the evidence. The design effect says how many times:
the variance of failures by block of time over what independent events would have (Kish, Survey Sampling, 1965),

    effect(L) = J / (J - 1) · Σ (b - p·m)² / (n·p·(1 - p)),      p = k / n

over J blocks of L seconds with m events each, b of them bad (the ratio estimator, so that blocks may differ in size).
A cluster that lasts longer than a block is cut into pieces that look independent, so several lengths are looked at and
the largest effect counts (batch means; Law and Carson, Operations Research 27, 1979).

The estimate is itself uncertain, and low just when luck kept the large clusters away, which is when an objective looks
met. So a target is held to be met only at the effect's upper limit. With ν degrees of freedom the ratio of variances is
about χ²(ν) / ν, whose 5 % quantile gives

    high(L) = 1 + (effect - 1) · ν / χ²(ν; 0.05),      1 / ν = 1 / (k / effect) + 1 / (J - 1)

so few effective failures or few blocks weigh heavily, and where nothing clusters nothing is added. The idea is that of
Korn and Graubard (Survey Methodology 24, 1998), who take effective counts into Clopper's and Pearson's bounds and
correct them for the degrees of freedom of the variance. Two things say how far this may go. Events that stand or fall
together with their whole block have an effect of Σ m² / Σ m, and independent blocks can have no larger one. And `high`
is at most what clusters of four times the worst one seen would give.

What was never seen cannot be estimated: where fewer than about five outages are to be expected, a run without one looks
clean. For that there is the floor, an effect known from earlier runs.
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from holdfast.slo.indicator import Counts

BLOCK_SECONDS: Final = (1, 2, 5, 10, 30, 60, 120)
FEWEST_BLOCKS: Final = 10
"""Of fewer the variance is anybody's guess."""
_DOUBT: Final = 0.05  # the chance that the true effect lies above its upper limit
_LARGEST: Final = 4.0  # unseen clusters may be so many times the largest one seen


_Blocks = tuple[npt.NDArray[Any], npt.NDArray[Any], npt.NDArray[Any]]
"""When each begins, seconds from the first on; its bad events and all of its events, as floats."""


@dataclass(frozen=True, slots=True)
class Effect:
    """`seen` and `high`, both at least the floor and 1. `block`: seconds of the blocks where `seen` was largest.

    `measured`: `seen` without the floor; None where nothing could be measured.
    """

    seen: float
    high: float
    block: int
    measured: float | None = None


def effect_of(counts: Counts, floor: float = 1.0) -> Effect:
    """One bad event, or nothing but bad ones, tell nothing of clusters: the floor is all there is then."""
    total, bad = counts.total_events, counts.bad_events
    least = max(floor, 1.0)
    seen, high, block = 1.0, 1.0, BLOCK_SECONDS[0]
    if 1 < bad < total:
        found = {1: _by_second(counts)}
        for length in BLOCK_SECONDS:
            # Blocks are made of shorter ones: most of the work is in the first few.
            found[length] = _folded(found[max(part for part in found if length % part == 0)], length)
            _, of_bad, of_all = found[length]
            if len(of_all) < FEWEST_BLOCKS and length > BLOCK_SECONDS[0]:
                break
            here, limit = _of_blocks(of_bad, of_all)
            if here > seen:
                seen, block = here, length
            high = max(high, limit)
    measured = seen if 1 < bad < total else None
    return Effect(min(max(seen, least), max(total, 1)), min(max(high, least), max(total, 1)), block, measured)


def _folded(pieces: _Blocks, length: int) -> _Blocks:
    """Blocks of `length` seconds, of shorter ones."""
    seconds, of_bad, of_all = pieces
    place = seconds // length if length > 1 else seconds
    begins = np.empty(len(place), dtype=np.bool_)
    begins[:1] = True
    np.not_equal(place[1:], place[:-1], out=begins[1:])
    if begins.all():
        return pieces
    first = np.flatnonzero(begins)
    return seconds[first], np.add.reduceat(of_bad, first), np.add.reduceat(of_all, first)


def _by_second(counts: Counts) -> _Blocks:
    """In order; a second that was counted in pieces stands in several."""
    seconds, of_all = counts.seconds, np.asarray(counts.total, dtype=np.float64)
    of_bad = of_all - counts.good
    if (np.diff(seconds) < 0).any():
        order = np.argsort(seconds, kind="stable")
        seconds, of_bad, of_all = seconds[order], of_bad[order], of_all[order]
    return seconds - seconds[0], of_bad, of_all


def _of_blocks(bad: npt.NDArray[Any], total: npt.NDArray[Any]) -> tuple[float, float]:
    """The effect over these blocks, and its upper limit."""
    from scipy.special import gammaincinv

    blocks, events, failures = len(total), float(total.sum()), float(bad.sum())
    if blocks < 2:
        return 1.0, 1.0
    share = failures / events
    residuals = bad - share * total
    # (n - 1) / n: single events, one to a block, have an effect of exactly 1.
    variance = float((residuals**2).sum()) * blocks / (blocks - 1) * (events - 1) / events
    effect = max(variance / (events * share * (1 - share)), 1.0)
    freedom = 1 / (effect / failures + 1 / (blocks - 1))
    stretched = 1 + (effect - 1) * freedom / (2 * float(gammaincinv(freedom / 2, _DOUBT)))  # χ²(ν; q) = 2·Γ⁻¹(ν/2; q)
    largest = 1 + _LARGEST * max(float(residuals.max()) - 1, 0.0)
    together = float((total**2).sum()) / events
    return effect, max(effect, min(stretched, largest, together))
