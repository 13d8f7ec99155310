"""Which target a history could have kept, rung by rung of a ladder, and how sure that is. Pure.

A rung is held when every rolling window of the objective's length met it, and when of periods drawn at random from the
history's days (blocks of 1/28 of the period, with replacement, from a fixed seed) at least 95 % meet it. The draw says
how much the answer hangs on one bad day; it takes days for alike and independent, and knows nothing of a day worse than
any that was seen.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

import numpy as np
import numpy.typing as npt

from holdfast.slo.budget import error_budget
from holdfast.slo.playback import Counts, Sums

LADDER: Final = tuple(
    Decimal(text) for text in ("0.9", "0.95", "0.99", "0.995", "0.999", "0.9995", "0.9999", "0.99995", "0.99999")
)
BLOCKS: Final = 28  # in a period: days, for 28 days
FEWEST_BLOCKS: Final = 14
_DRAWS: Final = 2000
_SURE: Final = 0.95


@dataclass(frozen=True, slots=True)
class Rung:
    """One target. `met` of `windows` rolling windows; `likely`: share of drawn periods that meet it.

    `left`, `worst`: the share of its budget that is left over the whole history and in the worst window; below 0 where
    it is overspent; None where no whole period was seen.
    """

    target: Decimal
    met: int
    windows: int
    likely: float
    left: float
    worst: float | None

    @property
    def held(self) -> bool:
        return self.met == self.windows and self.likely >= _SURE and self.left >= 0


@dataclass(frozen=True, slots=True)
class Attainment:
    """`refused`: why nothing is proposed, where that is so. `blocks`: how many days there were to draw from."""

    rungs: tuple[Rung, ...]
    proposed: Decimal | None
    blocks: int
    refused: str = ""


def attainment(sums: Sums, period: int, *, ladder: Sequence[Decimal] = LADDER, seed: int = 1) -> Attainment:
    """`period`: the objective's window, seconds."""
    steps = max(period // BLOCKS // sums.history.step, 1)
    edges = np.arange(0, len(sums.history) + 1, steps)
    bad, total = np.diff(sums.bad[edges]), np.diff(sums.total[edges])
    seen = total > 0
    if np.count_nonzero(seen) < FEWEST_BLOCKS:
        what = f"{np.count_nonzero(seen)} of the {FEWEST_BLOCKS} parts of 1/{BLOCKS} of the window that it takes"
        return Attainment((), None, int(np.count_nonzero(seen)), f"the history holds traffic in {what}")
    drawn = np.random.default_rng(seed).integers(0, np.count_nonzero(seen), (_DRAWS, BLOCKS))
    drawn_bad, drawn_total = bad[seen][drawn].sum(axis=1), total[seen][drawn].sum(axis=1)
    whole_bad, whole_total = _windows(sums.bad[edges]), _windows(sums.total[edges])
    whole_bad, whole_total = whole_bad[whole_total > 0], whole_total[whole_total > 0]
    rungs = []
    for target in sorted(ladder):
        budget = error_budget(target)
        worst = float(np.max(whole_bad / whole_total)) / float(budget) if len(whole_total) else None
        rungs.append(
            Rung(
                target,
                int(np.count_nonzero(_within(whole_bad, whole_total, budget))),
                len(whole_total),
                float(_within(drawn_bad, drawn_total, budget).mean()),
                1 - float(sums.bad[-1] / sums.total[-1]) / float(budget),
                None if worst is None else 1 - worst,
            )
        )
    held = [rung.target for rung in rungs if rung.held]
    refused = "" if held else f"the history held not even {min(ladder)}"
    return Attainment(tuple(rungs), max(held, default=None), int(np.count_nonzero(seen)), refused)


def _windows(sums: Counts) -> Counts:
    """Of running sums at the edges of blocks: every window of a whole period, ending a block after the one before."""
    return sums[BLOCKS:] - sums[:-BLOCKS] if len(sums) > BLOCKS else np.zeros(0)


def _within(bad: Counts, total: Counts, budget: Decimal) -> npt.NDArray[np.bool_]:
    """bad <= budget · total, in whole numbers."""
    numerator, denominator = budget.as_integer_ratio()
    return np.less_equal(bad * float(denominator), total * float(numerator))
