"""What an indicator counted over time, whatever its source: good and total events in equal steps. Pure arrays.

The one shape between the four sources (a run's record, the monitor's history, Prometheus, CSV) and everything that is
worked out from them (budgets, alerts, backtests), so that the same numbers mean the same wherever they came from.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from holdfast.slo.indicator import Counts
from holdfast.slo.window import Span

MOST_EVENTS: Final = 2.0**53
"""Of one step: beyond it floats count no longer, and sums of them may become infinite."""


@dataclass(frozen=True, slots=True, eq=False)
class History:
    """`n` steps of `step` seconds from `start` on (seconds since the epoch, both whole).

    good      float64 (n,)   events that were good; whole numbers where the source counts, fractions where it measures
    total     float64 (n,)   all events; 0 where there was none, and where nothing was measured
    measured  bool (n,)      whether anybody looked: a step nobody looked at is neither good nor bad

    Floats hold whole numbers exactly up to 2^53, and sums of them, so that counts lose nothing.
    """

    start: int
    step: int
    good: npt.NDArray[np.float64]
    total: npt.NDArray[np.float64]
    measured: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.total)

    @property
    def end(self) -> int:
        return self.start + self.step * len(self)

    @property
    def bad(self) -> npt.NDArray[np.float64]:
        return self.total - self.good

    @property
    def times(self) -> npt.NDArray[np.int64]:
        """When each step begins."""
        return self.start + self.step * np.arange(len(self), dtype=np.int64)

    def between(self, start: float, end: float) -> "History":
        """The steps whose middle lies in [start, end): stretches that touch share no step and lose none."""
        middles = self.times + self.step / 2
        first, last = np.searchsorted(middles, [start, end])
        return History(
            self.start + self.step * int(first),
            self.step,
            self.good[first:last],
            self.total[first:last],
            self.measured[first:last],
        )

    def without(self, spans: Iterable[Span]) -> "History":
        """The same, with steps whose middle lies in one of the spans neither counted nor measured."""
        gone = np.zeros(len(self), dtype=np.bool_)
        middles = self.times + self.step / 2
        for span in spans:
            first, last = np.searchsorted(middles, [span.start, span.end])
            gone[first:last] = True
        if not gone.any():
            return self
        return replace(
            self,
            good=np.where(gone, 0.0, self.good),
            total=np.where(gone, 0.0, self.total),
            measured=self.measured & ~gone,
        )


def history_of(counts: Counts, start: int, end: int, step: int, *, measured: Sequence[Span] | None = None) -> History:
    """Counts by second, folded into steps over [start, end). `measured`: when anybody looked; None: all the time."""
    steps = max(-(-(end - start) // step), 0)
    place = (counts.seconds - start) // step
    inside = (place >= 0) & (place < steps)
    seen = np.ones(steps, dtype=np.bool_)
    if measured is not None:
        seen[:] = False
        middles = start + step * np.arange(steps) + step / 2
        for span in measured:
            first, last = np.searchsorted(middles, [span.start, span.end])
            seen[first:last] = True
    total = np.bincount(place[inside], weights=counts.total[inside], minlength=steps)
    return History(
        start,
        step,
        np.bincount(place[inside], weights=counts.good[inside], minlength=steps).astype(np.float64),
        total.astype(np.float64),
        seen | (total > 0),
    )


def possible(history: History) -> npt.NDArray[np.bool_]:
    """Which steps can be: not below nothing, no more good events than events, and a number one can count to."""
    found: npt.NDArray[np.bool_] = (
        (history.good >= 0) & (history.good <= history.total) & (history.total <= MOST_EVENTS)
    )
    return found


def broken_steps(history: History) -> int:
    """How many steps cannot be."""
    return int(np.count_nonzero(~possible(history)))
