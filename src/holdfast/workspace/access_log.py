"""What a log says about demand: when somebody came and which path was asked for, and nothing about who.

In: an access log (common or combined format), a CSV with a timestamp and perhaps a path or scenario column, or a CSV of
support tickets per topic; plain or gzip. Out: `Log`. Nothing of a line is kept but its time and its path, and of the
path only what stands before `?`; what becomes of it in the end are counts per scenario.

No input raises but a file that cannot be opened or unpacked: a line that says nothing is counted as unread.
"""

import csv
import gzip
import math
import re
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Final

from holdfast.digits import number as number_of
from holdfast.errors import Problem, shown

_GZIP: Final = b"\x1f\x8b"
_LONGEST_LINE: Final = 65_536  # what comes after is not looked at
_LONGEST_PATH: Final = 200
_LINE: Final = re.compile(
    r"\[(?P<day>\d{1,2})/(?P<month>[A-Z][a-z]{2})/(?P<year>\d{4}):(?P<hour>\d\d):(?P<minute>\d\d):(?P<second>\d\d)"
    r"(?: (?P<sign>[+-])(?P<zone_hour>\d\d)(?P<zone_minute>\d\d))?\]"
    r"(?: \"(?:[A-Z]{3,10} )?(?P<path>[^ \"?#]{0,4000}))?",
    re.ASCII,
)
_MONTHS: Final = {
    name: number
    for number, name in enumerate("Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(), start=1)  # noqa: SIM905
}
_TIMES: Final = ("timestamp", "time", "datetime", "date", "@timestamp", "ts", "created_at", "created")
_PATHS: Final = ("path", "scenario", "url", "uri", "request", "endpoint", "page")
_TOPICS: Final = ("topic", "category", "reason", "subject")
_COUNTS: Final = ("count", "tickets", "number", "n", "total")
_EARLIEST: Final = 0.0
_LATEST: Final = 253_402_300_799.0  # the end of the year 9999
_MILLISECONDS_FROM: Final = 1e11  # as seconds that would be the year 5138


@dataclass(frozen=True, slots=True)
class Log:
    """`times` in seconds since the epoch, in order of time; `paths`: of each, None where there is none.

    `topics`: tickets by topic, where the file holds those instead. `unread`: lines that say nothing.
    """

    times: tuple[float, ...] = ()
    paths: tuple[str | None, ...] = ()
    topics: Mapping[str, float] | None = None
    unread: int = 0
    without_zone: int = 0  # timestamps that name no time zone: taken as UTC

    @property
    def begins(self) -> float:
        return self.times[0] if self.times else 0.0

    @property
    def ends(self) -> float:
        return self.times[-1] if self.times else 0.0

    @property
    def has_paths(self) -> bool:
        return any(path is not None for path in self.paths)


def text_lines(path: Path) -> Iterator[str]:
    """Of a plain or gzip file, whatever bytes it holds. Raises OSError or EOFError."""
    with path.open("rb") as raw:
        packed = raw.read(2) == _GZIP
    with gzip.open(path, "rb") if packed else path.open("rb") as stream:
        whole = True  # the next piece begins a line
        while True:
            try:
                piece = stream.readline(_LONGEST_LINE)
            except (gzip.BadGzipFile, EOFError, zlib.error) as error:
                raise OSError(f"the gzip file is broken ({error})") from error
            if not piece:
                return
            if whole:
                yield piece.decode("utf-8", errors="replace").removeprefix("\ufeff").replace("\0", "\ufffd")
            whole = piece.endswith(b"\n")


def read_log(path: Path) -> tuple[Log | None, list[Problem]]:
    """The log, or why it is none."""
    try:
        lines = text_lines(path)
        header = next(lines, "")
        names = [name.strip().lower() for name in cells_of(header)]
        topic, count = _column(names, _TOPICS), _column(names, _COUNTS)
        time, asked = _column(names, _TIMES), _column(names, _PATHS)
        if topic is not None and count is not None:
            return _topics(lines, topic, count), []
        if time is not None:
            return _collected(lines, lambda line: _row(line, time, asked)), []
        bare = _is_moment(header.strip())
        return _collected(_again(header, lines), _bare if bare else _access_line), []
    except (OSError, EOFError) as error:
        return None, [
            Problem(shown(path), f"cannot be read: {error}", "give a log, a CSV file, or one of them gzipped")
        ]


def moment(text: str) -> float:
    """A timestamp as seconds since the epoch: ISO 8601, or a number of seconds or milliseconds. Raises ValueError."""
    return _moment(text)[0]


def _moment(text: str) -> tuple[float, bool]:
    """And whether it says its time zone."""
    text = text.strip()
    try:
        number = _plain(text)
    except ValueError:
        found = datetime.fromisoformat(text)
        zoned = found.tzinfo is not None
        try:
            number = (found if zoned else found.replace(tzinfo=UTC)).timestamp()
        except OverflowError as error:
            raise ValueError(str(error)) from error
    else:
        zoned = True
        number = number / 1000 if number >= _MILLISECONDS_FROM else number
    if not (math.isfinite(number) and _EARLIEST <= number <= _LATEST):
        raise ValueError("no time that a log could have")
    return number, zoned


def _plain(text: str) -> float:
    """Raises ValueError where it is no number."""
    found = number_of(text)
    if found is None:
        raise ValueError("not a number")
    return found


def _is_moment(text: str) -> bool:
    try:
        _moment(text)
    except ValueError:
        return False
    return True


Read = tuple[float, bool, str | None]
"""The time, whether it says its zone, and the path."""


def _access_line(line: str) -> Read | None:
    found = _LINE.search(line)
    if found is None:
        return None
    part = found.groupdict()
    try:
        ahead = timedelta(hours=int(part["zone_hour"] or 0), minutes=int(part["zone_minute"] or 0))
        zone = timezone(-ahead if part["sign"] == "-" else ahead)
        day = (int(part["year"]), _MONTHS[part["month"]], int(part["day"]))
        clock = (int(part["hour"]), int(part["minute"]), int(part["second"]))
        at = datetime(*day, *clock, tzinfo=zone).timestamp()
    except (KeyError, ValueError, OverflowError):
        return None
    return (at, part["sign"] is not None, _bare_path(part["path"])) if _EARLIEST <= at <= _LATEST else None


def _row(line: str, time: int, asked: int | None) -> Read | None:
    cells = cells_of(line)
    try:
        at, zoned = _moment(cells[time])
        return at, zoned, None if asked is None else _bare_path(cells[asked])
    except (ValueError, IndexError):
        return None


def _bare(line: str) -> Read | None:
    try:
        return *_moment(line), None
    except ValueError:
        return None


def _collected(lines: Iterator[str], read: Callable[[str], Read | None]) -> Log:
    found: list[Read] = []
    unread = 0
    for line in lines:
        if not line.strip():
            continue
        entry = read(line)
        if entry is None:
            unread += 1
        else:
            found.append(entry)
    found.sort(key=lambda entry: entry[0])
    return Log(
        times=tuple(at for at, _, _ in found),
        paths=tuple(path for _, _, path in found),
        unread=unread,
        without_zone=sum(not zoned for _, zoned, _ in found),
    )


def _topics(lines: Iterator[str], topic: int, count: int) -> Log:
    topics: Counter[str] = Counter()
    unread = 0
    for line in lines:
        if not line.strip():
            continue
        cells = cells_of(line)
        try:
            number = _plain(cells[count].strip())
            name = cells[topic].strip()[:_LONGEST_PATH]
        except (ValueError, IndexError):
            unread += 1
            continue
        if name and math.isfinite(number) and number >= 0:
            topics[name] += number  # type: ignore[assignment]  # a Counter holds any number
        else:
            unread += 1
    return Log(topics=dict(topics), unread=unread)


def _bare_path(text: str | None) -> str | None:
    """What stands before the query: who asked may stand behind it."""
    if text is None:
        return None
    words = text.strip().split(" ")
    asked = words[1] if len(words) > 1 and words[0].isupper() else text.strip()  # "GET /sign-in HTTP/1.1"
    return re.split(r"[?#;]", asked, maxsplit=1)[0][:_LONGEST_PATH]


def cells_of(line: str) -> list[str]:
    """Of one line of a CSV file; none of one that is no such line."""
    try:
        return next(csv.reader([line]), [])
    except csv.Error:
        return []


def _column(names: list[str], known: tuple[str, ...]) -> int | None:
    return next((names.index(name) for name in known if name in names), None)


def _again(header: str, lines: Iterator[str]) -> Iterator[str]:
    yield header
    yield from lines
