"""A CSV file, read once: columns as text, times as numbers, the line of every row; all that is wrong at once."""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from holdfast.digits import number
from holdfast.errors import InputError, Problem, raise_input_error, shown
from holdfast.slo.moment import exact_moment
from holdfast.slo.window import LATEST

Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]

_INFINITE: Final = frozenset({"inf", "+inf", "infinity"})
MOST_PROBLEMS: Final = 20
_MOST_BYTES: Final = 128_000_000


@dataclass(frozen=True, slots=True, eq=False)
class CsvFile:
    """A file as it was read: every column as text, times as numbers, and the line of each row."""

    file: Path
    columns: Mapping[str, Sequence[str]]
    times: Floats
    lines: Sequence[int]
    _places: dict[str, dict[object, list[int]]] = field(default_factory=dict, repr=False)  # by column, then by value

    def rows_of(self, column: str, name: object) -> Rows:
        if column not in self._places:  # once for all objectives of the file
            places: dict[object, list[int]] = {}
            for row, value in enumerate(self.columns.get(column, ())):
                places.setdefault(value, []).append(row)
            self._places[column] = places
        return np.array(self._places[column].get(name, ()), dtype=np.int64)

    def numbers(self, column: str, rows: Rows) -> Floats:
        """NaN where empty. Raises InputError with every cell that is no number."""
        texts = self.columns[column]
        chosen = texts if len(rows) == len(texts) else [texts[row] for row in rows.tolist()]
        return _numbers(self, column, chosen, rows)

    def problem(self, row: int, what: str, fix: str) -> Problem:
        return Problem(f"{shown(self.file)}:{self.lines[row]}", what, fix)


def read_csv(file: Path) -> CsvFile:
    """Raises InputError with all that is wrong, up to a bound."""
    where = shown(file)
    try:
        if file.stat().st_size > _MOST_BYTES:
            raise InputError(Problem(where, f"is larger than {_MOST_BYTES // 1_000_000} MB", "cut it by time"))
        text = file.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InputError(Problem(where, f"cannot be read: {error.strerror}", "correct the path")) from error
    except UnicodeDecodeError as error:
        raise InputError(Problem(where, "is not UTF-8 text", "export it as CSV in UTF-8")) from error
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    lines: list[int] = []
    ragged: list[tuple[int, int]] = []  # line, cells
    try:
        header = [name.strip() for name in next(reader, [])]
        # columns and not rows: millions of small lists would keep the garbage collector busy three times as long
        cells: list[list[str]] = [[] for _ in header]
        for row in reader:
            if len(row) == len(header):
                for column, cell in zip(cells, row, strict=True):
                    column.append(cell)
                lines.append(reader.line_num)
            elif row:
                ragged.append((reader.line_num, len(row)))
    except csv.Error as error:
        raise InputError(Problem(f"{where}:{reader.line_num}", f"is not CSV: {error}", "quote it")) from error
    twice = sorted({name for name in header if header.count(name) > 1})
    if "time" not in header or twice:
        what = f'two columns are called "{twice[0]}"' if twice else 'there is no column "time"'
        raise InputError(Problem(f"{where}:1", what, "the first line names the columns: time,good,total"))
    raise_input_error(
        bounded(
            where,
            (
                Problem(f"{where}:{line}", f"{found} cells, and {len(header)} columns", "mend the row")
                for line, found in ragged
            ),
        )
    )
    columns: dict[str, Sequence[str]] = dict(zip(header, cells, strict=True))
    table = CsvFile(file, columns, np.zeros(0), lines)
    return CsvFile(file, columns, _times(table), lines)


def _numbers(table: CsvFile, column: str, texts: Sequence[str], rows: Rows) -> Floats:
    try:
        found = np.array(texts, dtype=np.float64)
        if not np.isnan(found).any():
            return found
    except ValueError:
        pass
    values, wrong = [], []
    for row, text in zip(rows.tolist(), texts, strict=True):
        number = _number(text)
        if number is None:
            wrong.append(row)
        values.append(np.nan if number is None else number)
    raise_input_error(
        bounded(
            shown(table.file),
            (
                table.problem(row, f'{column} is "{table.columns[column][row]}"', "write a number, or leave it empty")
                for row in wrong
            ),
        )
    )
    return np.array(values, dtype=np.float64)


def _number(text: str) -> float | None:
    """NaN of an empty cell; None of one that is no number, "NaN" included: nobody counted that."""
    if not text.strip():
        return float("nan")
    if text.strip().lower() in _INFINITE:
        return float("inf")  # told as such, with its line
    return number(text.strip())


def _times(table: CsvFile) -> Floats:
    texts = table.columns["time"]
    try:
        times = np.array(texts, dtype=np.float64)
    except ValueError:
        known: dict[str, float | None] = {}
        for text in texts:
            if text not in known:
                known[text] = exact_moment(text)
        found = [known[text] for text in texts]
        times = np.array([np.nan if time is None else time for time in found], dtype=np.float64)
    wrong = np.flatnonzero(~((times >= 0) & (times <= LATEST)))
    fix = "write 2026-01-31T12:00:00Z, with the zone, or seconds since the epoch"
    told = (table.problem(row, f'time is "{texts[row]}"', fix) for row in wrong.tolist())
    raise_input_error(bounded(shown(table.file), told))
    return times


def bounded(where: str, problems: Iterator[Problem]) -> Iterator[Problem]:
    """The first of them, and that there are more."""
    for told, problem in enumerate(problems):
        if told == MOST_PROBLEMS:
            yield Problem(where, f"more than {MOST_PROBLEMS} rows are wrong", "the first ones are told")
            return
        yield problem
