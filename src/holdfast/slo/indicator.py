"""Which events an objective counts, and counting them: recorded intervals in, good and total per second out."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
import numpy.typing as npt

from holdfast.record.recorder import Interval
from holdfast.record.sample import ABANDONED, DROPPED, EXCUSED, NO_ACCOUNT, UNFINISHED, depth_of

SOURCES: Final = ("load", "synthetics")
NEVER_GOOD: Final = frozenset({ABANDONED, DROPPED, UNFINISHED})
"""Counted in every total, whatever outcomes it asks for: leaving them out would hide the worst moments."""
_NAME_PARTS: Final = 3  # scenario or journey, step, request; a request's own name may hold slashes


@dataclass(frozen=True, slots=True)
class Selector:
    """Which samples. `names`: globs over the whole name, all of one depth; see `matches`."""

    names: tuple[str, ...]
    source: str | None = None  # "load" or "synthetics"; None: either
    outcomes: tuple[str, ...] = ()  # empty: any
    under: float | None = None  # seconds of response time, inclusive

    @property
    def depth(self) -> int:
        """1 counts scenarios or journeys, 2 steps, 3 requests."""
        return depth_of(self.names[0])


@dataclass(frozen=True, slots=True)
class Indicator:
    """Good events over all events. Exactly one of `good` and `bad` is given; each selects within `total`."""

    name: str
    total: Selector
    good: Selector | None = None
    bad: Selector | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Counts:
    """Events by the second they were due in: three int64 arrays of one length; seconds without events are left out."""

    seconds: npt.NDArray[np.int64]
    good: npt.NDArray[np.int64]
    total: npt.NDArray[np.int64]

    @property
    def good_events(self) -> int:
        return int(self.good.sum())

    @property
    def total_events(self) -> int:
        return int(self.total.sum())

    @property
    def bad_events(self) -> int:
        return self.total_events - self.good_events


def no_counts() -> Counts:
    """Nothing was seen."""
    return Counts(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.int64))


def joined(parts: Iterable[Counts]) -> Counts:
    """Counts of stretches of time that do not overlap, as one."""
    listed = list(parts) or [no_counts()]
    return Counts(
        seconds=np.concatenate([part.seconds for part in listed]),
        good=np.concatenate([part.good for part in listed]),
        total=np.concatenate([part.total for part in listed]),
    )


def matches(pattern: str, name: str) -> bool:
    """Whether a glob matches a whole name, case-sensitively: `*` is any text, `?` one character, within one part.

    "sign_in" is the scenario, "*/sign_in" the step sign_in of any scenario, "*/*/GET *" requests.
    """
    return _compiled(pattern).fullmatch(name) is not None


def count(intervals: Iterable[Interval], indicator: Indicator, start: float, end: float) -> Counts:
    """Good and total events due in [start, end), in seconds since the epoch.

    A second belongs to the stretch that holds its middle, so stretches that touch share no event and lose none.

    A dropped arrival made no request, and which ones it would have made nobody knows: of an objective on requests it
    is one bad event where its scenario makes such requests, so that sparing the target never makes it look better.
    One that found no free account is no event at all: the pool is ours, and validity says how much was not asked.
    """
    selected: dict[tuple[str, str], bool] = {}
    good: dict[int, int] = {}
    total: dict[int, int] = {}
    recorded = list(intervals)
    here = [i for i in recorded if start <= i.second + 0.5 < end and not is_no_event(i)]
    if indicator.total.depth == _NAME_PARTS:
        asking = _asking(recorded, indicator.total)  # of all the time there is: cutting it must change nothing
        for interval in here:
            if interval.outcome == DROPPED and (interval.source, interval.name) in asking:
                total[interval.second] = total.get(interval.second, 0) + interval.count
    for interval in here:
        key = (interval.source, interval.name)
        chosen = selected.get(key)
        if chosen is None:
            chosen = selected[key] = selects(indicator.total, *key)
        if not chosen or not _is_counted(indicator.total, interval.outcome):
            continue
        total[interval.second] = total.get(interval.second, 0) + interval.count
        good[interval.second] = good.get(interval.second, 0) + _good_in(indicator, interval)
    seconds = sorted(total)
    return Counts(
        seconds=np.array(seconds, dtype=np.int64),
        good=np.array([good.get(second, 0) for second in seconds], dtype=np.int64),
        total=np.array([total[second] for second in seconds], dtype=np.int64),
    )


def bad_in(indicator: Indicator, interval: Interval) -> int:
    """How many events of an interval an objective counts as bad; 0 where it does not select them."""
    return interval.count - _good_in(indicator, interval) if counts_events_of(indicator, interval) else 0


def counts_events_of(indicator: Indicator, interval: Interval) -> bool:
    """Whether an objective counts the events of an interval, good or bad."""
    total = indicator.total
    if is_no_event(interval) or not selects(total, interval.source, interval.name):
        return False
    return _is_counted(total, interval.outcome)


def is_no_event(interval: Interval) -> bool:
    """Whether no objective counts an interval, whatever it selects: nobody's failure, or for want of an account."""
    return interval.outcome in EXCUSED or (interval.outcome == DROPPED and interval.detail == NO_ACCOUNT)


def _asking(intervals: Iterable[Interval], total: Selector) -> set[tuple[str, str]]:
    """Source and name of the scenarios that make requests which `total` selects."""
    names = {(interval.source, interval.name) for interval in intervals}
    return {(source, name.partition("/")[0]) for source, name in names if selects(total, source, name)}


def selects(selector: Selector, source: str, name: str) -> bool:
    """Whether samples of this source and name are among an objective's."""
    wanted = SOURCES if selector.source is None else (selector.source,)
    return source in wanted and any(matches(pattern, name) for pattern in selector.names)


def _is_counted(total: Selector, outcome: str) -> bool:
    return not total.outcomes or outcome in total.outcomes or outcome in NEVER_GOOD


def _good_in(indicator: Indicator, interval: Interval) -> int:
    if interval.outcome in NEVER_GOOD:
        return 0
    if indicator.bad is not None:
        return 0 if interval.outcome in indicator.bad.outcomes else interval.count
    good = indicator.good
    if good is None or (good.outcomes and interval.outcome not in good.outcomes):
        return 0
    return interval.count if good.under is None else interval.response.count_up_to(good.under)


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    parts = pattern.split("/", _NAME_PARTS - 1)
    texts = []
    for index, part in enumerate(parts):
        inside = "." if index == _NAME_PARTS - 1 else "[^/]"
        first, *more = ["".join(inside if c == "?" else re.escape(c) for c in piece) for piece in part.split("*")]
        # what lies between two stars is taken where it first fits, for good: many stars would else take forever
        between = "".join(f"(?>{inside}*?{piece})" for piece in more[:-1] if piece)
        texts.append(first + between + (f"{inside}*{more[-1]}" if more else ""))
    return re.compile("/".join(texts), re.DOTALL)
