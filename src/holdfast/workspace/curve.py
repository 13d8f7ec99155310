"""A rate over time from a CSV file: a demand curve, or timestamps counted into bins.

In: a file with columns `offset` (or `time`) and `rate`, or with timestamps as `access_log` reads them. Out: points of
a piecewise-linear rate, and every problem of the file with its line.

Offsets are seconds, or durations such as 5m; `time` may also be a date and time. Rates are per second.
"""

import csv
import io
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final

from holdfast.digits import number as number_of
from holdfast.errors import Problem, shown
from holdfast.workspace.access_log import Log, cells_of, moment, read_log, text_lines
from holdfast.workspace.quantity import per_second, seconds

MOST_POINTS: Final = 100_000
_MOST_TOLD: Final = 10  # problems of one file: the rest is of the same kind
_MOST_RATE: Final = 1e6
_OFFSETS: Final = ("offset", "time", "seconds", "timestamp")


@dataclass(frozen=True, slots=True)
class Point:
    """`rate` arrivals a second, `offset` seconds after the curve's start."""

    offset: float
    rate: float


def load_curve(path: Path, bin_seconds: float | None = None) -> tuple[list[Point], list[Problem]]:
    """The points of a curve, the first at 0; or what is wrong. `bin_seconds`: of timestamps, how long a bin is."""
    try:
        lines = text_lines(path)
        header = cells_of(next(lines, ""))
        names = [name.strip().lower() for name in header]
        at = next((names.index(name) for name in _OFFSETS if name in names), None)
        if at is not None and "rate" in names:
            points, problems = _points(shown(path), lines, at, names.index("rate"))
        else:
            points, problems = _binned(path, bin_seconds)
    except (OSError, EOFError) as error:
        return [], [Problem(shown(path), f"cannot be read: {error}")]
    if not problems and (len(points) < 2 or points[-1].offset <= 0):
        problems.append(Problem(shown(path), "has fewer than two moments", "a curve needs a beginning and an end"))
    return points, problems


def counted(times: Iterable[float], bin_seconds: float) -> list[Point]:
    """Timestamps (seconds) as a curve through the middle of each bin, whose integral is exactly their number."""
    ordered = sorted(times)
    if not ordered:
        return []
    counts = [0] * (int((ordered[-1] - ordered[0]) // bin_seconds) + 1)
    for time in ordered:
        counts[int((time - ordered[0]) // bin_seconds)] += 1
    rates = [count / bin_seconds for count in counts]
    inner = [Point((index + 0.5) * bin_seconds, rate) for index, rate in enumerate(rates)]
    return [Point(0.0, rates[0]), *inner, Point(len(rates) * bin_seconds, rates[-1])]


def fitting_bin(log: Log, wanted: float | None) -> float:
    """The bin that was asked for, or a round one that makes about 200 of the log. Seconds."""
    if wanted is not None:
        return wanted
    rough = (log.ends - log.begins) / 200
    rounds = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 21_600, 86_400)
    return float(next((r for r in rounds if r >= rough), math.ceil(rough / 86_400) * 86_400))


def bin_problem(where: str, log: Log, bin_seconds: float) -> Problem | None:
    """Too many bins: a wrong clock in one line makes a log of fifty years."""
    bins = (log.ends - log.begins) / bin_seconds
    if bins <= MOST_POINTS:
        return None
    what = f"spans {(log.ends - log.begins) / 86_400:,.0f} days, which are {bins:,.0f} bins"
    return Problem(where, what, "choose a longer bin, or take out the lines with a wrong clock")


def curve_text(points: Sequence[Point]) -> str:
    """As a CSV file that `load_curve` reads."""
    out = io.StringIO()
    rows = csv.writer(out, lineterminator="\n")
    rows.writerow(("offset", "rate"))
    rows.writerows((f"{point.offset:.10g}", f"{point.rate:.10g}") for point in points)
    return out.getvalue()


def _binned(path: Path, bin_seconds: float | None) -> tuple[list[Point], list[Problem]]:
    log, problems = read_log(path)
    if log is None or not log.times:
        what = "holds neither columns offset and rate, nor timestamps"
        return [], problems or [Problem(shown(path), what, "write a first line `offset,rate`, then 0,12.5 and so on")]
    chosen = fitting_bin(log, bin_seconds)
    wrong = bin_problem(shown(path), log, chosen)
    return ([], [wrong]) if wrong is not None else (counted(log.times, chosen), [])


def _points(where: str, lines: Iterable[str], at: int, rate_at: int) -> tuple[list[Point], list[Problem]]:
    points: list[tuple[int, Point]] = []
    problems: list[Problem] = []
    for number, line in enumerate(lines, start=2):
        if not line.strip():
            continue
        try:
            cells = cells_of(line)
            point = Point(_offset(cells[at]), _rate(cells[rate_at]))
        except (ValueError, IndexError):
            what = f"{line.strip()[:60]!r} is not a moment and a rate"
            problems.append(Problem(f"{where}:{number}", what, "write seconds and arrivals a second, such as 60,12.5"))
        else:
            points.append((number, point))
    for (_, before), (number, after) in pairwise(points):
        if after.offset < before.offset:
            what = f"{after.offset:g} s comes before the line above it ({before.offset:g} s)"
            problems.append(Problem(f"{where}:{number}", what, "sort the lines by time"))
    if len(points) > MOST_POINTS:
        problems.append(Problem(where, f"holds more than {MOST_POINTS:,} points", "write fewer: one a minute will do"))
    if len(problems) > _MOST_TOLD:
        more = Problem(where, f"{len(problems) - _MOST_TOLD} more lines are wrong", "mend those above first")
        problems = [*problems[:_MOST_TOLD], more]
    start = points[0][1].offset if points else 0.0
    return [Point(point.offset - start, point.rate) for _, point in points], problems


def _offset(text: str) -> float:
    try:
        return _finite(text)
    except ValueError:
        try:
            return seconds(text)
        except ValueError:
            return moment(text)


def _rate(text: str) -> float:
    try:
        rate = _finite(text)
    except ValueError:
        rate = per_second(text)
    if not 0 <= rate <= _MOST_RATE:
        raise ValueError("not an arrival rate")
    return rate


def _finite(text: str) -> float:
    found = number_of(text.strip())
    if found is None:
        raise ValueError("not a number")
    return found
