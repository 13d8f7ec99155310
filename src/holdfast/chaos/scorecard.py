"""What a fault cost, from good and total events by second: when it was felt, detected, over, and how many bad events.

For an SLI's good ratio g(t) in buckets of one second, injection t0 and k = 3:

    impact     first of k buckets in a row below the tolerance                               time to impact:  from t0
    detection  when the declared burn-rate rule fires: over 5 s and over 30 s at once        time to detect:  from t0
    recovery   after the impact, first of k buckets in a row not below the tolerance, with
               no further impact within 10 s; else censored: longer than was watched         time to recover: from t0

Buckets without events are passed over: they neither break a row nor make one. The tolerance is the target, or, where
the baseline itself is worse than that, two standard deviations of a bucket below the baseline.

Resilience loss is the share of good events that were lost: ∫(Q0 − Q) dt / ∫Q0 dt from t0 to the end of the fault's
effect, Q0 being what the arrivals would have given at the baseline's ratio (Cimellaro, Reinhorn and Bruneau 2010,
doi 10.1016/j.engstruct.2010.08.008). Arrays in, a frozen dataclass out.
"""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

IN_A_ROW: Final = 3
SUSTAINED_SECONDS: Final = 10.0
SHORT_WINDOW: Final = 5
LONG_WINDOW: Final = 30

Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class FaultEffect:
    """One fault's effect on one objective. Times are seconds after injection; None: it did not happen.

    With `censored`, the effect was not over when the record ended, and `time_to_recover` is a lower bound.
    `bad_events` and `expected_bad` (at the baseline's ratio) are of the stretch from the injection until both the
    fault was out and its effect over. `resilience_loss` is a share, None without a baseline.
    """

    time_to_impact: float | None
    time_to_detect: float | None
    time_to_recover: float | None
    censored: bool
    bad_events: int
    expected_bad: float
    resilience_loss: float | None
    reason: str


@dataclass(frozen=True, slots=True)
class _Series:
    """Events by second, in order; buckets without events are left out."""

    seconds: Integers
    good: Integers
    total: Integers

    def between(self, start: float, end: float) -> "_Series":
        """Buckets that begin in [floor(start), end)."""
        inside = (self.seconds >= math.floor(start)) & (self.seconds < end)
        return _Series(self.seconds[inside], self.good[inside], self.total[inside])

    @property
    def events(self) -> int:
        return int(self.total.sum())

    @property
    def bad(self) -> int:
        return int(self.total.sum() - self.good.sum())

    @property
    def ratio(self) -> float | None:
        return 1 - self.bad / self.events if self.events else None


def score_fault(
    seconds: npt.ArrayLike,
    good: npt.ArrayLike,
    total: npt.ArrayLike,
    *,
    injected_at: float,
    reverted_at: float | None,
    end: float,
    target: float,
    baseline_seconds: float,
    detect_burn_rate: float,
    tolerance: float | None = None,
) -> FaultEffect:
    """`seconds`, `good`, `total`: arrays of one length, by second since the epoch; all times likewise.

    `end`: of the record. `target`: the objective's, 0 to below 1. `baseline_seconds`: the stretch before the injection
    to compare with. `detect_burn_rate`: the declared rule's threshold. Raises ValueError when the arrays do not match.
    """
    series = _in_order(seconds, good, total)
    # The second of the injection began before it, so it is not the baseline's.
    baseline = series.between(injected_at - max(baseline_seconds, 0.0), math.floor(injected_at))
    after = series.between(injected_at, end)
    if not after.events:
        return FaultEffect(None, None, None, False, 0, 0.0, None, "nothing was measured after the injection")
    limit = _tolerance(baseline, target) if tolerance is None else tolerance
    below = after.good < limit * after.total - 1e-9  # 0.7 · 10 must not be more than 7
    impact = _first_row(below, 0)
    detected = _detected_at(series, injected_at, end, target, detect_burn_rate)
    recovery = None if impact is None else _recovery(after.seconds, below, impact + IN_A_ROW)
    censored = impact is not None and recovery is None
    recovered_at = end if recovery is None else float(after.seconds[recovery])
    out_at = end if reverted_at is None else reverted_at
    until = max(recovered_at, out_at) if impact is not None else out_at
    stretch = after.between(injected_at, min(until, end))
    expected_bad = (1 - (baseline.ratio if baseline.ratio is not None else 1.0)) * stretch.events
    return FaultEffect(
        time_to_impact=None if impact is None else max(float(after.seconds[impact]) - injected_at, 0.0),
        time_to_detect=None if detected is None else detected - injected_at,
        time_to_recover=None if impact is None else recovered_at - injected_at,
        censored=censored,
        bad_events=stretch.bad,
        expected_bad=expected_bad,
        resilience_loss=_loss(baseline, stretch),
        reason=_reason(limit, impact, recovered_at - injected_at, censored=censored),
    )


def _in_order(seconds: npt.ArrayLike, good: npt.ArrayLike, total: npt.ArrayLike) -> _Series:
    arrays = [np.asarray(a, dtype=np.int64) for a in (seconds, good, total)]
    if len({a.shape for a in arrays}) != 1 or arrays[0].ndim != 1:
        raise ValueError("seconds, good and total must be arrays of one length")
    order = np.argsort(arrays[0], kind="stable")
    counted = order[arrays[2][order] > 0]
    return _Series(*(a[counted] for a in arrays))


def _tolerance(baseline: _Series, target: float) -> float:
    ratio = baseline.ratio
    if ratio is None or ratio >= target:
        return target
    per_bucket = baseline.events / len(baseline.seconds)
    return max(ratio - 2 * math.sqrt(ratio * (1 - ratio) / per_bucket), 0.0)


def _first_row(marks: npt.NDArray[np.bool_], start: int) -> int | None:
    """The first index at or after `start` of `IN_A_ROW` marks in a row."""
    if len(marks) - start < IN_A_ROW:
        return None
    rows = np.lib.stride_tricks.sliding_window_view(marks[start:], IN_A_ROW).all(axis=1)
    found = np.flatnonzero(rows)
    return start + int(found[0]) if len(found) else None


def _recovery(seconds: Integers, below: npt.NDArray[np.bool_], start: int) -> int | None:
    while (begin := _first_row(~below, start)) is not None:
        relapse = _first_row(below, begin)
        if relapse is None or seconds[relapse] - seconds[begin] >= SUSTAINED_SECONDS:
            return begin
        start = relapse + IN_A_ROW
    return None


def _detected_at(series: _Series, injected_at: float, end: float, target: float, burn_rate: float) -> float | None:
    """The end of the first second after the injection at which the rule fires, having not fired just before it."""
    first, last = math.floor(injected_at) - LONG_WINDOW, math.ceil(end)
    size = last - first
    bad, total = np.zeros(size + 1), np.zeros(size + 1)
    inside = series.between(first, last)
    np.add.at(bad, inside.seconds - first + 1, inside.total - inside.good)
    np.add.at(total, inside.seconds - first + 1, inside.total)
    bad, total = bad.cumsum(), total.cumsum()
    fires = np.ones(size + 1, dtype=np.bool_)
    for window in (SHORT_WINDOW, LONG_WINDOW):
        starts = np.maximum(np.arange(size + 1) - window, 0)
        events = total - total[starts]
        # Multiplied out, so that a window without events (0 > 0) does not fire.
        fires &= (bad - bad[starts]) > burn_rate * (1 - target) * events
    at_injection = LONG_WINDOW
    if fires[at_injection]:
        return None
    found = np.flatnonzero(fires[at_injection + 1 :])
    return float(first + at_injection + 1 + found[0]) if len(found) else None


def _loss(baseline: _Series, stretch: _Series) -> float | None:
    if baseline.ratio is None:
        return None
    expected = baseline.ratio * stretch.events
    return min(max(1 - float(stretch.good.sum()) / expected, 0.0), 1.0) if expected else None


def _reason(limit: float, impact: int | None, recovered: float, *, censored: bool) -> str:
    below = f"{IN_A_ROW} seconds in a row with less than {limit:.2%} good"
    if impact is None:
        return f"resisted: never {below}"
    if censored:
        return f"felt ({below}), and not over {recovered:.0f} s after the injection, when the record ended"
    return f"felt ({below}), and over {recovered:.0f} s after the injection"
