"""Times that come again: a small, exact part of RFC 5545's recurrence rules, by the clocks of a zone.

    FREQ=DAILY | WEEKLY | MONTHLY    INTERVAL=2    COUNT=10 | UNTIL=2026-12-31    BYDAY=MO,WE (not with MONTHLY)

An occurrence begins at the same local time each time, whatever clocks do, and lasts as long as the first one did by
elapsed time. A month that lacks the day is left out, as RFC 5545 says. Weeks begin on Monday.
"""

import re
import zoneinfo
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final

from holdfast.slo.window import Span

_WEEKDAYS: Final = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_PARTS: Final = ("FREQ", "INTERVAL", "COUNT", "UNTIL", "BYDAY")
_FREQUENCIES: Final = ("DAILY", "WEEKLY", "MONTHLY")
_UNTIL: Final = re.compile(r"(\d{4})-?(\d{2})-?(\d{2})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Rule:
    """How often. `weekdays`: 0 is Monday; empty: that of the first occurrence. `until`: the last day, included."""

    frequency: str
    interval: int = 1
    count: int | None = None
    until: date | None = None
    weekdays: tuple[int, ...] = ()

    def starts(self, first: datetime, end: datetime) -> Iterator[datetime]:
        """Local starts from `first` on, before `end`, in order."""
        number = index = 0
        while (begin := self._begin(first, index)) is not None and begin < end:
            for start in self._of_period(first, begin):
                out = self.count is not None and number >= self.count
                if out or start >= end or (self.until is not None and start.date() > self.until):
                    return
                if start >= first:
                    number += 1
                    yield start
            index += self.interval

    def _begin(self, first: datetime, index: int) -> datetime | None:
        """When the `index`-th day, week or month begins, counted from the first's; None beyond what dates can be."""
        try:
            if self.frequency == "DAILY":
                return first + timedelta(days=index)
            if self.frequency == "WEEKLY":
                return first - timedelta(days=first.weekday()) + timedelta(weeks=index)
            year, month = divmod(first.year * 12 + first.month - 1 + index, 12)
            return first.replace(year=year, month=month + 1, day=1)
        except (ValueError, OverflowError):
            return None

    def _of_period(self, first: datetime, begin: datetime) -> Iterator[datetime]:
        """The starts in the period that begins then."""
        if self.frequency == "DAILY":
            if not self.weekdays or begin.weekday() in self.weekdays:
                yield begin
        elif self.frequency == "WEEKLY":
            for weekday in self.weekdays or (first.weekday(),):
                yield begin + timedelta(days=weekday)
        else:
            with suppress(ValueError):  # no such day in that month
                yield begin.replace(day=first.day)


def parse_rule(text: str) -> Rule:
    """ "FREQ=WEEKLY;BYDAY=SU". Raises ValueError that says what is wrong."""
    parts: dict[str, str] = {}
    for piece in text.strip().rstrip(";").split(";"):
        key, _, value = piece.partition("=")
        if key not in _PARTS or not value:
            raise ValueError(f'"{piece}" is not read here: write {", ".join(_PARTS)}, such as FREQ=WEEKLY;BYDAY=SU')
        if key in parts:
            raise ValueError(f'"{key}" is written twice')
        parts[key] = value
    frequency = parts.get("FREQ", "")
    if frequency not in _FREQUENCIES:
        raise ValueError(f'its FREQ is one of {", ".join(_FREQUENCIES)}, not "{frequency}"')
    if "COUNT" in parts and "UNTIL" in parts:
        raise ValueError("both COUNT and UNTIL say when it ends: keep one")
    if "BYDAY" in parts and frequency == "MONTHLY":
        raise ValueError("its BYDAY is read with DAILY and WEEKLY only: write one exclusion for each day of the month")
    return Rule(
        frequency,
        _whole(parts.get("INTERVAL", "1"), "INTERVAL"),
        _whole(parts["COUNT"], "COUNT") if "COUNT" in parts else None,
        _day(parts["UNTIL"]) if "UNTIL" in parts else None,
        _weekdays(parts["BYDAY"]) if "BYDAY" in parts else (),
    )


def spans_of(first: datetime, zone: str, seconds: float, rule: Rule | None, within: Span) -> list[Span]:
    """Every occurrence that reaches into `within`. `first`: local time in `zone`."""
    clock = zoneinfo.ZoneInfo(zone)
    end = datetime.fromtimestamp(within.end, clock).replace(tzinfo=None) + timedelta(days=1)  # a day for odd clocks
    starts = rule.starts(first, end) if rule is not None else iter((first,))
    spans = [_span(start, clock, seconds) for start in starts]
    return [span for span in spans if span.end > within.start and span.start < within.end]


def _span(start: datetime, clock: zoneinfo.ZoneInfo, seconds: float) -> Span:
    """A local time that clocks skip is as much later; of one that they show twice it is the first."""
    begin = start.replace(tzinfo=clock, fold=0).astimezone(UTC).timestamp()
    return Span(begin, begin + seconds)


def _whole(text: str, key: str) -> int:
    if not re.fullmatch(r"[1-9][0-9]{0,5}", text):
        raise ValueError(f'its {key} is a whole number above 0, not "{text}"')
    return int(text)


def _day(text: str) -> date:
    found = _UNTIL.fullmatch(text)
    if found is None:
        raise ValueError(f'its UNTIL is a day such as 2026-12-31, not "{text}"')
    return date(int(found[1]), int(found[2]), int(found[3]))


def _weekdays(text: str) -> tuple[int, ...]:
    for word in text.split(","):
        if word not in _WEEKDAYS:
            raise ValueError(f'its BYDAY holds {", ".join(_WEEKDAYS)}, not "{word}"')
    return tuple(sorted({_WEEKDAYS.index(word) for word in text.split(",")}))
