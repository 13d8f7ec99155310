"""How the load goes, for those who watch: what was due lately, what has ended so far.

The record holds a visit under the second it was due, once it has ended. So of a slow target the newest seconds are
empty until long after. What is due is counted as what ended and what is in flight, at two moments some seconds apart.
"""

from collections import deque
from dataclasses import dataclass
from typing import Final

from holdfast.load.measured import is_generator
from holdfast.record.histogram import Histogram
from holdfast.record.recorder import Interval
from holdfast.record.sample import DROPPED, EXCUSED, OK, depth_of
from holdfast.record.store import RunStore

LOOK_BACK: Final = 5.0
"""Seconds that the rate is of, and in which the visits ended whose p95 is shown."""


@dataclass(frozen=True, slots=True)
class Pace:
    """`rate`: visits due per second, lately. `ok`, `bad`: visits that ended so, since the beginning."""

    rate: float
    ok: int
    bad: int
    p95: float | None
    in_flight: int | None


class PaceKeeper:
    """Reads each row of the record once, as it is added."""

    def __init__(self, time_zero: float) -> None:
        self._row = 0
        self._ok = 0
        self._bad = 0
        self._excused = 0
        self._due: deque[tuple[float, int]] = deque([(time_zero, 0)])  # by then so many were due
        self._ended: deque[tuple[float, Interval]] = deque()

    def look(self, store: RunStore, now: float) -> Pace:
        """Once a second."""
        told = {g.source: g for g in store.gauges(name="in_flight", since=now - 5) if is_generator(g.source)}
        in_flight = int(sum(gauge.value for gauge in told.values())) if told else None
        self._row, added = store.added("load", self._row)
        for visit in (interval for interval in added if depth_of(interval.name) == 1):
            self._ok += visit.count if visit.outcome == OK else 0
            self._excused += visit.count if visit.outcome in EXCUSED else 0
            self._bad += visit.count if visit.outcome not in {OK, *EXCUSED} else 0
            self._ended.append((now, visit))
        while self._ended and self._ended[0][0] <= now - LOOK_BACK:
            self._ended.popleft()
        # As of when the generator told: what it had written by then is what the record holds.
        as_of = max((gauge.at for gauge in told.values()), default=now)
        self._due.append((as_of, self._ok + self._bad + self._excused + (in_flight or 0)))
        while len(self._due) > 2 and self._due[1][0] <= as_of - LOOK_BACK:
            self._due.popleft()
        (since, before), (until, due) = self._due[0], self._due[-1]
        return Pace(
            rate=max(due - before, 0) / (until - since) if until > since else 0.0,
            ok=self._ok,
            bad=self._bad,
            p95=Histogram.sum(i.response for _, i in self._ended if i.outcome != DROPPED).quantile(0.95),
            in_flight=in_flight,
        )
