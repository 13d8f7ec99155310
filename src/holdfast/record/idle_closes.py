"""Which ends of idle connections are nobody's fault: intervals in, the same intervals out, some told otherwise.

The load's client sees that a connection which had been idle ended just as a request was on its way. That happens by
itself, and it happens when the target breaks: the client cannot know which, the record does. `idle_closed` becomes
`transport_error` where any of these was near:

    a fault was in the target
    the target lost a replica
    another connection was broken or refused
    most attempts of one request came to it: that is an answer, and not a coincidence of two moments

A visit or step tells when it was due and how long it took, so it is held against all of its time.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from math import inf
from typing import Final

from holdfast.record.recorder import Interval, merge
from holdfast.record.sample import IDLE_CLOSED, TRANSPORT_ERROR, depth_of
from holdfast.record.store import Gauge, RunStore
from holdfast.record.timeline import FAULT, Span

CLOSED_AFTER_IDLE: Final = "ClosedAfterIdle"
"""Detail of the transport error that an idle connection's end becomes."""
NEAR_SECONDS: Final = 2.0
"""How near is near: a connection that breaks, and the balancer or replica that has to notice, are seconds apart."""
_WRITTEN_SECONDS: Final = 3.0  # after which what happened in a second stands in the record
_FEW: Final = 2  # attempts of one request in a few seconds are no pattern
_MOST: Final = 0.5
_TARGET, _REPLICAS_READY = "target", "replicas_ready"

Window = tuple[float, float]


def settled_intervals(store: RunStore, source: str | None = None, since: float | None = None) -> list[Interval]:
    """The record's intervals as they are to be judged."""
    found = store.intervals(source, since)
    if not any(interval.outcome == IDLE_CLOSED for interval in found):
        return found
    gauges = store.gauges(_TARGET, _REPLICAS_READY, since=0.0 if since is None else since - NEAR_SECONDS)
    return settled(found, store.spans(FAULT), gauges)


def settled_later(waiting: Iterable[Interval], store: RunStore) -> list[Interval]:
    """Some of a record that still grows, as they are to be judged; not before `settled_from`."""
    listed = list(waiting)
    if not listed:
        return []
    since = min(interval.second for interval in listed) - NEAR_SECONDS - 2
    gauges = store.gauges(_TARGET, _REPLICAS_READY, since=since)
    windows = _windows(store.intervals(None, since), store.spans(FAULT), gauges)
    return [_settled(interval, windows) for interval in listed]


def settled_from(interval: Interval) -> float:
    """When all that decides about an end of an idle connection has been recorded, seconds since the epoch."""
    return interval.second + 1 + interval.slowest + NEAR_SECONDS + _WRITTEN_SECONDS


def settled(intervals: Sequence[Interval], faults: Iterable[Span], gauges: Iterable[Gauge]) -> list[Interval]:
    """`faults`: spans of that kind; `gauges`: of how many replicas were ready, in order of time."""
    windows = _windows(intervals, faults, gauges)
    return merge(_settled(interval, windows) for interval in intervals)


def _windows(intervals: Sequence[Interval], faults: Iterable[Span], gauges: Iterable[Gauge]) -> list[Window]:
    return [*_faults(faults), *_lost_replicas(gauges), *_broken(intervals), *_answers(intervals)]


def _settled(interval: Interval, windows: Iterable[Window]) -> Interval:
    if interval.outcome != IDLE_CLOSED or not _is_near(interval, windows):
        return interval
    return replace(interval, outcome=TRANSPORT_ERROR, detail=CLOSED_AFTER_IDLE)


def _is_near(interval: Interval, windows: Iterable[Window]) -> bool:
    start, end = interval.second, interval.second + 1 + interval.slowest
    return any(start < window_end and window_start < end for window_start, window_end in windows)


def _faults(spans: Iterable[Span]) -> Iterator[Window]:
    for span in spans:
        if span.started is not None:
            yield span.started - NEAR_SECONDS, (inf if span.ended is None else span.ended) + NEAR_SECONDS


def _lost_replicas(gauges: Iterable[Gauge]) -> Iterator[Window]:
    before: Gauge | None = None
    for gauge in gauges:
        if before is not None and gauge.value < before.value:
            yield before.at - NEAR_SECONDS, gauge.at + NEAR_SECONDS
        before = gauge


def _broken(intervals: Iterable[Interval]) -> Iterator[Window]:
    """Requests alone: a step or visit says what its request said, later."""
    seconds = {i.second for i in intervals if i.outcome == TRANSPORT_ERROR and depth_of(i.name) == 3}
    return ((second - NEAR_SECONDS, second + 1 + NEAR_SECONDS) for second in seconds)


def _answers(intervals: Iterable[Interval]) -> Iterator[Window]:
    """Seconds in which most attempts of one request found their connection closed, with the second on either side."""
    closed: Counter[tuple[str, int]] = Counter()
    attempts: Counter[tuple[str, int]] = Counter()
    for interval in intervals:
        if depth_of(interval.name) == 3:
            for second in (interval.second - 1, interval.second, interval.second + 1):
                attempts[interval.name, second] += interval.count
                closed[interval.name, second] += interval.count if interval.outcome == IDLE_CLOSED else 0
    for (name, second), number in closed.items():
        if number > _FEW and number > _MOST * attempts[name, second]:
            yield second - 1.0, second + 2.0
