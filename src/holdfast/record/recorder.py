"""Samples in, intervals out: folded where they are made, so that millions stay small.

    add()   the hot path: three numbers appended to the series' array, under a microsecond
    take()  swap the buffers; call it in the thread that calls add()
    fold()  bin a batch by second into histograms, vectorised; safe in another thread

A sample is charged to the second in which it was due, not the one in which it ended; a late one makes a further
delta for that second, and deltas add up when they are read.
"""

from array import array
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np

from holdfast.record.histogram import Histogram, bucket_indexes
from holdfast.record.sample import OK, Sample, depth_of

EXEMPLARS_PER_SERIES: Final = 5  # kept of one series in one batch: failures first come, the slowest, the first
MOST_SERIES: Final = 5_000  # a batch with more is cut by detail: somebody puts an id into a detail
MOST_REQUEST_NAMES: Final = 2_000  # of a run; those that come later are one: somebody puts an id into a name
OTHER: Final = "other"
_LONGEST_DETAIL: Final = 80


@dataclass(frozen=True, slots=True)
class Interval:
    """What one series did in one second. `response` runs from the due time, `service` from the real start.

    `lag` (due to start) is None where nothing waited in our generator. All in seconds.
    """

    second: int  # epoch second in which the samples were due
    source: str
    name: str
    outcome: str
    detail: str
    count: int
    response: Histogram
    service: Histogram
    lag: Histogram | None
    slowest: float


@dataclass(frozen=True, slots=True)
class Folded:
    """One batch, ready to be written: intervals, and the exemplars kept beside them."""

    intervals: tuple[Interval, ...]
    exemplars: tuple[Sample, ...]


class _Series:
    __slots__ = ("append", "exemplars", "slowest", "slowest_sample", "values")

    def __init__(self) -> None:
        self.values = array("d")  # at, duration, lag, at, duration, lag, …
        self.append = self.values.append  # bound once: the hot path
        self.slowest = -1.0
        self.slowest_sample: Sample | None = None
        self.exemplars: list[Sample] = []


Batch = dict[tuple[str, str, str], _Series]


class Recorder:
    """Collects the samples of one source. Not for several threads; greenlets and coroutines of one thread are fine."""

    def __init__(self, source: str) -> None:
        self.source = source
        self._batch: Batch = {}
        self._request_names: set[str] = set()

    def add(
        self,
        name: str,
        at: float,
        outcome: str,
        duration: float,
        lag: float = 0.0,
        detail: str = "",
        trace_id: str = "",
    ) -> None:
        """Record one sample; see `Sample` for the fields."""
        series = self._batch.get((name, outcome, detail))
        if series is None:
            series = self._new_series(name, outcome, detail)
        append = series.append
        append(at)  # three appends beat one extend of a tuple by a third
        append(duration)
        append(lag)
        if duration > series.slowest:
            series.slowest = duration
            series.slowest_sample = Sample(at, self.source, name, outcome, duration, lag, detail, trace_id)
        if outcome is not OK and len(series.exemplars) < EXEMPLARS_PER_SERIES:
            series.exemplars.append(Sample(at, self.source, name, outcome, duration, lag, detail, trace_id))

    def take(self) -> Batch:
        """What was added since the last call."""
        batch, self._batch = self._batch, {}
        return batch

    def _new_series(self, name: str, outcome: str, detail: str) -> _Series:
        if depth_of(name) == 3 and name not in self._request_names:
            if len(self._request_names) >= MOST_REQUEST_NAMES:
                name = "/".join((*name.split("/", 2)[:2], OTHER))
            self._request_names.add(name)
        if len(detail) > _LONGEST_DETAIL or len(self._batch) >= MOST_SERIES:
            detail = detail[:_LONGEST_DETAIL] if len(self._batch) < MOST_SERIES else OTHER
        known = self._batch.get((name, outcome, detail))
        if known is not None:
            return known
        series = self._batch[name, outcome, detail] = _Series()
        return series


def fold(source: str, batch: Batch) -> Folded:
    """Bin a batch by due second."""
    intervals: list[Interval] = []
    exemplars: list[Sample] = []
    for (name, outcome, detail), series in batch.items():
        rows = np.frombuffer(series.values, dtype=np.float64).reshape(-1, 3)
        seconds = np.floor(rows[:, 0]).astype(np.int64)
        for second in np.unique(seconds).tolist():
            here = rows[seconds == second]
            response, lag = here[:, 1], here[:, 2]
            intervals.append(
                Interval(
                    second=second,
                    source=source,
                    name=name,
                    outcome=outcome,
                    detail=detail,
                    count=len(here),
                    response=_binned(response),
                    service=_binned(response - lag),
                    lag=_binned(lag) if lag.any() else None,
                    slowest=float(response.max()),
                )
            )
        exemplars.extend(_kept(series))
    return Folded(tuple(intervals), tuple(exemplars))


def merge(parts: Iterable[Interval]) -> list[Interval]:
    """Add up deltas of the same second and series; in order of second, source, name, outcome, detail."""
    merged: dict[tuple[int, str, str, str, str], Interval] = {}
    for part in parts:
        key = (part.second, part.source, part.name, part.outcome, part.detail)
        known = merged.get(key)
        merged[key] = part if known is None else _sum(known, part)
    return [merged[key] for key in sorted(merged)]


def _sum(a: Interval, b: Interval) -> Interval:
    lags = [part.lag if part.lag is not None else Histogram({0: part.count}) for part in (a, b)]
    return Interval(
        second=a.second,
        source=a.source,
        name=a.name,
        outcome=a.outcome,
        detail=a.detail,
        count=a.count + b.count,
        response=Histogram.sum((a.response, b.response)),
        service=Histogram.sum((a.service, b.service)),
        lag=None if a.lag is None and b.lag is None else Histogram.sum(lags),
        slowest=max(a.slowest, b.slowest),
    )


def _binned(durations: "np.ndarray[tuple[int], np.dtype[np.float64]]") -> Histogram:
    indexes = bucket_indexes(durations)
    first = indexes.min()
    counts = np.bincount(indexes - first)  # no sort: a fifth of the time of np.unique
    found = np.flatnonzero(counts)
    return Histogram(dict(zip((found + first).tolist(), counts[found].tolist(), strict=True)))


def _kept(series: _Series) -> list[Sample]:
    slowest = series.slowest_sample
    if slowest is None or slowest in series.exemplars:
        return series.exemplars
    return [*series.exemplars, slowest]
