"""The time windows of objectives: rolling ones, and calendar ones by the clocks and months of their zone.

A rolling window of a month, quarter or year is 30, 90 or 365 days (OpenSLO leaves it to its implementers; the Go SDK
says the same). A calendar window is as long as the calendar makes it: months end where they end, a leap day counts, and
the days on which clocks are changed have 23 or 25 hours. Calendar windows of minutes and hours are elapsed time: each
is as long as the others, whatever clocks do. The series runs on before its start time as it does after it.
"""

import re
import zoneinfo
from calendar import monthrange
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Final

DURATION: Final = re.compile(r"([1-9][0-9]{0,8})([mhdwMQY])")
_MINUTE: Final = 60
_HOUR: Final = 3600
_DAY: Final = 86400
_SECONDS: Final = {
    "m": _MINUTE,
    "h": _HOUR,
    "d": _DAY,
    "w": 7 * _DAY,
    "M": 30 * _DAY,
    "Q": 90 * _DAY,
    "Y": 365 * _DAY,
}
_MONTHS: Final = {"M": 1, "Q": 3, "Y": 12}
_DAYS: Final = {"d": 1, "w": 7}
_ELAPSED: Final = ("m", "h")
START_TIME: Final = "%Y-%m-%d %H:%M:%S"
_LONGEST: Final = 100 * 365 * _DAY
_UNIX: Final = datetime(1970, 1, 1)  # noqa: DTZ001 - local times are held against it, their offset beside them
_EARLIEST: Final = -52_000_000_000.0  # the years 322 to 9733: a window of a hundred years around them is still a date
LATEST: Final = 245_000_000_000.0
"""The last moment that is reckoned with, seconds since the epoch."""


@dataclass(frozen=True, slots=True)
class Span:
    """[start, end) in seconds since the epoch."""

    start: float
    end: float

    @property
    def seconds(self) -> float:
        return self.end - self.start

    def overlap(self, other: "Span") -> float:
        """Seconds that both hold."""
        return max(min(self.end, other.end) - max(self.start, other.start), 0.0)


@dataclass(frozen=True, slots=True)
class Calendar:
    """Where the first of a series of calendar windows begins: local time ("2026-01-01 00:00:00") and its IANA zone."""

    start_time: str
    zone: str


@dataclass(frozen=True, slots=True)
class Window:
    """How long an objective looks: `count` units of m, h, d, w, M (months), Q or Y. `calendar`: None where rolling."""

    count: int
    unit: str
    calendar: Calendar | None = None

    @property
    def seconds(self) -> int:
        """Its length; of calendar months, quarters and years the nominal 30, 90 and 365 days."""
        return self.count * _SECONDS[self.unit]

    @property
    def text(self) -> str:
        """As OpenSLO writes it: "28d"."""
        return f"{self.count}{self.unit}"

    def span(self, at: float) -> Span:
        """The window that ends at `at` (rolling), or the one that holds it (calendar), seconds since the epoch.

        A moment that two calendar windows share belongs to the one that it begins. Raises ValueError of a moment so
        many centuries away that there is no date for it.
        """
        if self.calendar is None:
            return Span(at - self.seconds, at)
        if not _EARLIEST <= at <= LATEST:
            raise ValueError(f"{at} is not a time, in seconds since 1970, that a calendar has a date for")
        zone = _zone(self.calendar.zone)
        first = datetime.strptime(self.calendar.start_time, START_TIME)  # noqa: DTZ007 - local; its zone is beside it
        if self.unit in _ELAPSED:
            start = _epoch(first, zone)
            start += (at - start) // self.seconds * self.seconds
            return Span(start, start + self.seconds)
        low = self._guess(first, datetime.fromtimestamp(at, zone).replace(tzinfo=None)) - 2
        while (end := _epoch(self._begin(first, low + 1), zone)) <= at:
            low += 1
        return Span(_epoch(self._begin(first, low), zone), end)

    def _guess(self, first: datetime, local: datetime) -> int:
        """Which window of the series holds a local time, to within one."""
        if self.unit in _MONTHS:
            return ((local.year - first.year) * 12 + local.month - first.month) // (self.count * _MONTHS[self.unit])
        return (local - first) // timedelta(seconds=self.seconds)

    def _begin(self, first: datetime, index: int) -> datetime:
        """Local start of a window of the series. Days of months that lack them are the month's last."""
        if self.unit in _MONTHS:
            months = first.year * 12 + first.month - 1 + index * self.count * _MONTHS[self.unit]
            year, month = divmod(months, 12)
            return first.replace(year=year, month=month + 1, day=min(first.day, _days_in(year, month + 1)))
        return first + timedelta(days=index * self.count * _DAYS[self.unit])


def rolling(text: str) -> Window:
    """A rolling window: rolling("28d"). Raises ValueError."""
    return parse_window(text)


def parse_window(text: object, calendar: Calendar | None = None) -> Window:
    """OpenSLO's duration, such as "28d". Raises ValueError."""
    found = DURATION.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        raise ValueError(
            f"{text!r} is not an OpenSLO duration: write a whole number above 0 and one of m (minutes), h, d, w, "
            "M (months), Q, Y, such as 28d"
        )
    window = Window(int(found[1]), found[2], calendar)
    if window.seconds > _LONGEST:
        raise ValueError(f"{text!r} is longer than a hundred years")
    return window


def seconds_of(text: object) -> int:
    """OpenSLO's duration in seconds: "28d" → 2419200; a month is 30 days. Raises ValueError."""
    return parse_window(text).seconds


def _epoch(local: datetime, zone: zoneinfo.ZoneInfo) -> float:
    """Of a local time. One that clocks skip is as many seconds later; of one that they show twice it is the first."""
    offset = zone.utcoffset(local.replace(tzinfo=zone, fold=0)) or timedelta()
    return (local - _UNIX - offset).total_seconds()


def _days_in(year: int, month: int) -> int:
    return monthrange(year, month)[1]


@cache
def _zone(name: str) -> zoneinfo.ZoneInfo:
    return zoneinfo.ZoneInfo(name)
