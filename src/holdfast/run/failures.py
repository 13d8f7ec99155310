"""What failed, grouped by message: how often, when first, and where. Every failure once, where it happened.

A request that failed is counted as that request. A step or a visit is counted only for what no request (or step) of it
accounts for: an answer that a scenario found wrong, a visitor who gave up, an arrival that was dropped.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Final

from holdfast.record.histogram import bucket_middle
from holdfast.record.recorder import Interval
from holdfast.record.sample import DROPPED, EXCUSED, OK, RATE_LIMITED, depth_of
from holdfast.run.recorded import Recorded
from holdfast.run.summary import FailureGroup

MOST_GROUPS: Final = 50
_MOST_PLACES: Final = 3
_STEP: Final = 2
_REQUEST: Final = 3


def failure_groups(recorded: Recorded) -> tuple[FailureGroup, ...]:
    """The most frequent first, at most `MOST_GROUPS`; the last one then holds the rest. Of the phases, not of a search.

    An attack means to meet a limit: to be refused by it is no failure. Neither is what is excused.
    """
    attacks = set(recorded.asked.attacks)
    intervals = [
        i
        for source in ("load", "synthetics")
        for i in recorded.within(recorded.time_zero - 0.5, recorded.drained, source)
        if i.outcome not in {OK, *EXCUSED} and not (i.outcome == RATE_LIMITED and i.name.partition("/")[0] in attacks)
    ]
    by_message: dict[tuple[str, str, str], list[Interval]] = {}
    for found in _by_root(intervals):
        for interval in _each_once(found):
            by_message.setdefault((interval.source, interval.outcome, interval.detail), []).append(interval)
    total = sum(i.count for found in by_message.values() for i in found)
    groups = [_group(found, recorded.time_zero, total) for found in by_message.values()]
    groups.sort(key=lambda group: (-group.count, group.first_at, group.message))
    if len(groups) <= MOST_GROUPS:
        return tuple(groups)
    return (*groups[: MOST_GROUPS - 1], _rest(groups[MOST_GROUPS - 1 :], total))


def message_of(outcome: str, detail: str) -> str:
    """ "failed: 503 database_unavailable"."""
    return outcome.replace("_", " ") + (f": {detail}" if detail else "")


def _by_root(intervals: Iterable[Interval]) -> Iterator[list[Interval]]:
    """Those of one scenario or journey together."""
    roots: dict[tuple[str, str], list[Interval]] = {}
    for interval in intervals:
        roots.setdefault((interval.source, interval.name.partition("/")[0]), []).append(interval)
    yield from roots.values()


def _each_once(intervals: Sequence[Interval]) -> list[Interval]:
    """Requests; and of steps and visits what their parts do not account for. Who was dropped took no step."""
    visits = [i for i in intervals if depth_of(i.name) == 1]
    here = [i for i in intervals if i.outcome != DROPPED]
    steps = [i for i in here if depth_of(i.name) == _STEP]
    requests = [i for i in here if depth_of(i.name) == _REQUEST]
    return [
        *requests,
        *_beyond(steps, requests),
        *_beyond([i for i in visits if i.outcome != DROPPED], steps),
        *(i for i in visits if i.outcome == DROPPED),
    ]


def _beyond(wholes: Sequence[Interval], parts: Sequence[Interval]) -> list[Interval]:
    """Of each whole and outcome, so many as its parts do not have. The earliest are taken for the parts'."""
    left: dict[tuple[str, str], int] = {}
    for part in parts:
        key = ("/".join(part.name.split("/", 2)[: depth_of(part.name) - 1]), part.outcome)
        left[key] = left.get(key, 0) + part.count
    found = []
    for whole in sorted(wholes, key=lambda i: i.second):
        accounted = left.get((whole.name, whole.outcome), 0)
        left[whole.name, whole.outcome] = max(accounted - whole.count, 0)
        if whole.count > accounted:
            found.append(_fewer(whole, whole.count - accounted))
    return found


def _fewer(interval: Interval, count: int) -> Interval:
    return interval if count == interval.count else replace(interval, count=count)


def _group(found: Sequence[Interval], zero: float, total: int) -> FailureGroup:
    first = found[0]
    places: dict[str, int] = {}
    for interval in found:
        places[interval.name] = places.get(interval.name, 0) + interval.count
    named = sorted(places, key=lambda name: (-places[name], name))
    count = sum(i.count for i in found)
    return FailureGroup(
        message=message_of(first.outcome, first.detail),
        outcome=first.outcome,
        detail=first.detail,
        source="synthetics" if first.source == "synthetics" else "load",
        count=count,
        share=count / total,
        first_at=min(ended_at(i, fastest=True) for i in found) - zero,
        last_at=max(ended_at(i, fastest=False) for i in found) - zero,
        places={name: places[name] for name in named[:_MOST_PLACES]},
        more_places=max(len(named) - _MOST_PLACES, 0),
    )


def _rest(groups: Sequence[FailureGroup], total: int) -> FailureGroup:
    count = sum(group.count for group in groups)
    return FailureGroup(
        message=f"{len(groups)} other messages",
        outcome="other",
        detail="",
        source=groups[0].source,
        count=count,
        share=count / total,
        first_at=min(group.first_at for group in groups),
        last_at=max(group.last_at for group in groups),
        places={},
        more_places=0,
    )


def ended_at(interval: Interval, *, fastest: bool) -> float:
    """When the first (or last) sample of an interval ended, seconds since the epoch, to half a second."""
    buckets = interval.response.counts
    if not buckets:
        return interval.second + 0.5
    return interval.second + 0.5 + bucket_middle(min(buckets) if fastest else max(buckets))
