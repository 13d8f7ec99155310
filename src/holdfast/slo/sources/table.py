"""CSV as a source: what another system exported, one row a step.

    time                  when the row's step begins: 2026-01-31T12:00:00Z (with its zone), or seconds since the epoch
    good or bad, total    events in the step: numbers from 0 on, good at most total
    objective             optional: the row's objective by name, or `indicator` by its indicator's; without either
                          column every row is of every objective
    test_good or test_bad, test_total
                          optional: the part of good (or bad) and total that was test traffic

Rows of one objective stand in order of time. A step lasts as long as the shortest time between two rows; where rows are
missing, or good and total are both empty, nothing was measured. A row's events all count at the row's time.

An objective's own metric sources of type csv name a file, relative to the file they stand in or the workspace, and for
each side a column: `{type: csv, spec: {file: history.csv, column: good}}`, with `objective:` where one file holds rows
of several. A ratio says `counter: false`: a row holds the events of its step, not of all time.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from holdfast.errors import InputError, Problem, raise_input_error, shown
from holdfast.slo.history import MOST_EVENTS, History
from holdfast.slo.objective import Objective, Query, QueryRatio, QueryRaw, QueryThreshold
from holdfast.slo.sources.csv_file import MOST_PROBLEMS, CsvFile, Floats, bounded, read_csv
from holdfast.slo.sources.observed import Observed, unmeasured, whole_steps
from holdfast.slo.window import Span
from holdfast.workspace.document import nearest

_NAMES: Final = ("objective", "indicator")
_COLUMNS: Final = ("time", "good", "bad", "total", *_NAMES, "test_good", "test_bad", "test_total")


class TableSource:
    """`file`: for every objective asked; None: each objective's own metric sources say theirs."""

    def __init__(self, file: Path | None) -> None:
        self.name = "each objective's own CSV" if file is None else f"the CSV {shown(file)}"
        self._file = file
        self._tables: dict[Path, CsvFile] = {}
        self._series: dict[str, _Series] = {}
        if file is not None:
            _check_header(file, self._table(file))

    def observe(self, objective: Objective, span: Span, step: int) -> Observed:
        start, end = whole_steps(span, step)
        series = self._of(objective)
        if series is None or not len(series.times):
            return Observed(unmeasured(start, end, step), notes=(f"{self.name} has no row of {objective.name}",))
        notes = []
        if series.seconds > step:
            notes.append(
                f"rows lie {series.seconds:g} s apart and steps are {step} s long: "
                "what a row counts is counted in its first step"
            )
        history = _history(series, series.good, series.total, start, end, step)
        tests = None
        if series.test_total is not None and series.test_good is not None:
            tests = _history(series, series.test_good, series.test_total, start, end, step)
        return Observed(history, tests, tuple(notes))

    def extent(self, objective: Objective) -> Span | None:
        series = self._of(objective)
        if series is None or not len(series.times):
            return None
        return Span(float(series.times[0]), float(series.times[-1] + series.seconds))

    def _of(self, objective: Objective) -> "_Series | None":
        if objective.name not in self._series:
            found = self._exported(objective, self._file) if self._file else self._own(objective)
            if found is None:
                return None
            self._series[objective.name] = found
        return self._series[objective.name]

    def _table(self, file: Path) -> "CsvFile":
        if file not in self._tables:
            self._tables[file] = read_csv(file)
        return self._tables[file]

    def _exported(self, objective: Objective, file: Path) -> "_Series | None":
        table = self._table(file)
        by = next((name for name in _NAMES if name in table.columns), None)
        wanted = objective.name if by == "objective" else objective.indicator.name
        rows = table.rows_of(by, wanted) if by else np.arange(len(table.times))
        if not len(rows):
            return None
        side = "good" if "good" in table.columns else "bad"
        times = table.times[rows]
        total, part = table.numbers("total", rows), table.numbers(side, rows)
        tests = f"test_{side}"
        test_total = test_part = None
        if "test_total" in table.columns:
            test_total, test_part = table.numbers("test_total", rows), table.numbers(tests, rows)
        _check_rows(table, rows, times, {side: part, "total": total, tests: test_part, "test_total": test_total})
        good = part if side == "good" else total - part
        if test_total is None or test_part is None:
            return _Series(times, good, total)
        test_total, test_part = np.nan_to_num(test_total), np.nan_to_num(test_part)
        return _Series(times, good, total, test_part if side == "good" else test_total - test_part, test_total)

    def _own(self, objective: Objective) -> "_Series | None":
        match objective.indicator:
            case QueryRatio() as ratio:
                if ratio.counter:
                    what = "a row of a CSV file holds the events of its step, not all events so far"
                    raise InputError(Problem(objective.where, what, "write counter: false beside good and total"))
                side = ratio.good or ratio.bad
                if side is None:
                    return None
                total_times, total = self._column(ratio.total)
                times, part = self._column(side)
                if not np.array_equal(times, total_times):
                    what = f"the rows of {objective.name}'s two columns are of different times"
                    raise InputError(Problem(side.where, what, "put both columns into one file"))
                table = self._table(_file_of(side))
                rows = table.rows_of("objective", side.spec.get("objective")) if "objective" in side.spec else None
                named = {"good" if ratio.good else "bad": part, "total": total}
                _check_rows(table, np.arange(len(times)) if rows is None else rows, times, named)
                return _Series(times, part if ratio.good else total - part, total)
            case QueryRaw() as raw:
                times, values = self._column(raw.raw)
                outside = np.flatnonzero((values < 0) | (values > 1))
                if len(outside):
                    what = f"{len(outside)} values of {objective.name} are not ratios within 0 and 1"
                    raise InputError(Problem(raw.raw.where, what, "give a column of ratios"))
                return _Series(times, values if raw.success else 1 - values, _ones(values))
            case QueryThreshold() as threshold:
                times, values = self._column(threshold.metric)
                limit = float(threshold.limit)
                compare = {"lte": np.less_equal, "gte": np.greater_equal, "lt": np.less, "gt": np.greater}
                met = compare[threshold.op](values, limit).astype(np.float64)
                return _Series(times, np.where(np.isnan(values), np.nan, met), _ones(values))
            case _:
                what = f"{objective.name} counts samples of holdfast, not rows of a CSV file"
                raise InputError(Problem(objective.where, what, "give the file by --csv"))

    def _column(self, query: Query) -> tuple[Floats, Floats]:
        column = query.spec.get("column")
        file = _file_of(query)
        table = self._table(file)
        if not isinstance(column, str) or column not in table.columns:
            named = f'"{column}"' if column is not None else "no column"
            what = f"{shown(file)} is asked for {named}, which it does not have"
            raise InputError(Problem(query.where, what, nearest(str(column), table.columns)))
        wanted = query.spec.get("objective")
        rows = np.arange(len(table.times)) if wanted is None else table.rows_of("objective", str(wanted))
        times = table.times[rows]
        values = table.numbers(column, rows)
        _check_rows(table, rows, times, {})
        return times, values


@dataclass(frozen=True, slots=True, eq=False)
class _Series:
    """Rows of one objective in order of time; NaN where nothing was measured."""

    times: Floats
    good: Floats
    total: Floats
    test_good: Floats | None = None
    test_total: Floats | None = None

    @property
    def seconds(self) -> float:
        """How long a row's step lasts; of a single one nobody knows, and it is 0."""
        return float(np.diff(self.times).min()) if len(self.times) > 1 else 0.0


def _check_header(file: Path, table: CsvFile) -> None:
    """Of a file that is given for every objective."""
    where, names = f"{shown(file)}:1", set(table.columns)
    problems = [
        Problem(where, f'unknown column "{name}"', nearest(name, _COLUMNS))
        for name in table.columns
        if name not in _COLUMNS
    ]
    if "total" not in names:
        problems.append(Problem(where, 'there is no column "total"', "add the count of all events"))
    if ("good" in names) == ("bad" in names):
        what = "good and bad stand together" if "good" in names else 'there is neither "good" nor "bad"'
        problems.append(Problem(where, what, "give one of the two"))
    if set(_NAMES) <= names:
        problems.append(Problem(where, "objective and indicator stand together", "give one of the two"))
    wanted = {"test_total", "test_good" if "good" in names else "test_bad"}
    tests = {name for name in names if name.startswith("test_")}
    if tests and tests != wanted:
        what = f"test traffic is {' and '.join(sorted(wanted))} beside {'good' if 'good' in names else 'bad'}"
        problems.append(Problem(where, what, "give both, or neither"))
    raise_input_error(problems)


def _check_rows(
    table: CsvFile, rows: npt.NDArray[np.int64], times: Floats, counted: Mapping[str, Floats | None]
) -> None:
    """Order, and counts that cannot be. Raises InputError with every row that is wrong, up to a bound."""
    found: dict[int, tuple[str, str]] = {}

    def tell(where: npt.NDArray[np.bool_], what: str, fix: str) -> None:
        for row in np.flatnonzero(where)[: MOST_PROBLEMS + 1].tolist():
            found.setdefault(row, (what, fix))

    steps = np.diff(times, prepend=-np.inf) if len(times) else times
    tell(steps == 0, "the same time as the row before", "each step is one row: add the two up, or name the objectives")
    tell(steps < 0, "earlier than the row before", "sort the rows by time")
    for name, values in counted.items():
        if values is not None:
            tell(np.isinf(values), f"{name} is infinite", "a count is a number from 0 on")
            tell(values > MOST_EVENTS, f"{name} is more than anybody counts", "a count is a number up to 2^53")
            tell(values < 0, f"{name} is below 0", "a count is a number from 0 on")
    for part, whole in (("good", "total"), ("bad", "total"), ("test_good", "test_total"), ("test_bad", "test_total")):
        few, many = counted.get(part), counted.get(whole)
        if few is not None and many is not None:
            tell(few > many, f"more {part} events than {whole}", "both count the same events: correct the export")
            one_empty = np.isnan(few) != np.isnan(many)
            tell(one_empty, f"one of {part} and {whole} is empty", "fill both, or leave both empty: not measured")
    tests, total = counted.get("test_total"), counted.get("total")
    if tests is not None and total is not None:
        tell(tests > total, "more test traffic than traffic", "total counts test traffic too")
    problems = (table.problem(int(rows[row]), *found[row]) for row in sorted(found))
    raise_input_error(bounded(shown(table.file), problems))


def _history(series: _Series, good: Floats, total: Floats, start: int, end: int, step: int) -> History:
    steps = (end - start) // step
    known = ~np.isnan(series.total)
    place = np.floor((series.times - start) / step)
    inside = known & (place >= 0) & (place < steps)
    at = place[inside].astype(np.int64)
    measured = np.zeros(steps + 1, dtype=np.int64)
    middle = start + step / 2
    # the steps whose middle lies in a row's own step [time, time + seconds), and the one in which the row begins
    first = np.ceil((series.times[known] - middle) / step)
    last = np.ceil((series.times[known] + series.seconds - middle) / step)
    np.add.at(measured, np.clip(first, 0, steps).astype(np.int64), 1)
    np.add.at(measured, np.clip(last, 0, steps).astype(np.int64), -1)
    seen = np.cumsum(measured)[:steps] > 0
    seen[at] = True
    return History(
        start,
        step,
        np.bincount(at, weights=good[inside], minlength=steps).astype(np.float64),
        np.bincount(at, weights=total[inside], minlength=steps).astype(np.float64),
        seen,
    )


def _file_of(query: Query) -> Path:
    """Beside the file that names it, or from where the person stands. Raises InputError."""
    file: Any = query.spec.get("file", query.connection.get("file"))
    if not isinstance(file, str) or not file:
        raise InputError(Problem(query.where, "names no file", "write spec: {file: history.csv, column: good}"))
    beside = Path(query.where.partition(":")[0]).parent / file
    found = next((path for path in (beside, Path(file)) if path.is_file()), None)
    if found is None:
        raise InputError(Problem(query.where, f'there is no file "{file}"', f"put it at {shown(beside)}"))
    return found


def _ones(values: Floats) -> Floats:
    return np.where(np.isnan(values), np.nan, 1.0)
