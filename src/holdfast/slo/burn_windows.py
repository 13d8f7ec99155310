"""Burn windows as documents: sets of rows that alerts are made of, with where they come from.

kind: BurnWindows
name: workbook
source: Google SRE workbook, chapter 5
period: 28d                       # may be left out: of objectives over any period
rows:
  - {severity: page, long: 1h, short: 5m, budget: 0.02}        # a share of the period's error budget
  - {severity: ticket, long: 3d, short: 6h, factor: 1}         # or a burn rate, which needs a period

Sloth's files of kind AlertWindows are read as they are.
"""

from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Annotated, Any, Final, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema

from holdfast.errors import Problem
from holdfast.slo.annotations import BURN_WINDOWS as BURN_WINDOWS_ANNOTATION
from holdfast.slo.burn import DAY, HOUR, MINUTE, WORKBOOK, BurnRow, BurnWindows, Severity
from holdfast.slo.objective import AnyObjective
from holdfast.slo.promql import range_seconds
from holdfast.workspace.binding import Broken, Definition, bind
from holdfast.workspace.document import Document, nearest

KIND: Final = "BurnWindows"
SLOTH_VERSION: Final = "sloth.slok.dev/v1"
SLOTH_KIND: Final = "AlertWindows"

_YEAR: Final = 365 * DAY


def _range(value: object) -> int:
    seconds = range_seconds(value.strip() if isinstance(value, str) else repr(value))
    if not 0 < seconds <= _YEAR:
        raise ValueError(f"{value!r} is not between a second and a year")
    return seconds


def _decimal(value: object) -> Decimal:
    is_number = isinstance(value, (int, float, Decimal)) and not isinstance(value, bool)
    found = Decimal(str(value)) if is_number else Decimal("NaN")
    if not found.is_finite():
        raise ValueError(f"{value!r} is not a number")
    return found


Range = Annotated[int, BeforeValidator(_range), WithJsonSchema({"type": "string", "pattern": "^[0-9]+[smhdwy]$"})]
"""Whole seconds, written as Prometheus does: 5m."""
Number = Annotated[Decimal, BeforeValidator(_decimal), WithJsonSchema({"type": "number"})]
"""As it is written: 0.02 is no float."""


class Row(Definition):
    """A pair of windows."""

    severity: Literal["page", "ticket"]
    """Who is told: `page` wakes somebody, `ticket` can wait for the morning."""
    long: Range
    """The burn rate over this must be above the factor."""
    short: Range
    """And over this, which ends the alert soon after the fault has ended. A twelfth of `long` is usual."""
    budget: Annotated[Number | None, Field(gt=0, le=1)] = None
    """The share of the period's error budget that is gone when it fires."""
    factor: Annotated[Number | None, Field(gt=0)] = None
    """Or the burn rate itself, where the windows are of one period."""

    def broken(self) -> Iterator[Broken]:
        if self.short >= self.long:
            yield Broken(("short",), "the short window is not shorter than the long one", "", ("short", "long"))
        if (self.budget is None) == (self.factor is None):
            what = "a row has either a budget or a factor"
            yield Broken(("budget",), what, "write budget: 0.02, or factor: 14.4", ("budget", "factor"))


class BurnWindowsDocument(Definition):
    """What a document says."""

    kind: Literal["BurnWindows"]
    """Says what this document is."""
    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$", max_length=63)]
    """An objective's annotation holdfast.dev/burn-windows, and reports, call it so."""
    source: Annotated[str, Field(min_length=1)]
    """Where its figures come from, so that nobody has to trust them."""
    period: Range | None = None
    """The window of the objectives they were made for; left out: any."""
    rows: Annotated[tuple[Row, ...], Field(strict=False, min_length=1)]
    """The pairs of windows; each severity's fire one alert."""

    def broken(self) -> Iterator[Broken]:
        for index, row in enumerate(self.rows):
            if self.period is None:
                if row.factor is not None:
                    what, fix = "a factor says nothing without a period", "write period: 28d, or a budget"
                    yield Broken(("rows", index, "factor"), what, fix, ("rows", "period"))
                continue
            if row.long > self.period:
                what = "the long window is longer than the period"
                yield Broken(("rows", index, "long"), what, "", ("rows", "period"))


class _SlothWindow(Definition):
    error_budget_percent: Annotated[Number, Field(alias="errorBudgetPercent", gt=0, le=100)]
    short: Annotated[Range, Field(alias="shortWindow")]
    long: Annotated[Range, Field(alias="longWindow")]

    def broken(self) -> Iterator[Broken]:
        if self.short >= self.long:
            what = "the short window is not shorter than the long one"
            yield Broken(("shortWindow",), what, "", ("shortWindow", "longWindow"))


class _SlothPair(Definition):
    quick: _SlothWindow
    slow: _SlothWindow


class _SlothSpec(Definition):
    period: Annotated[Range, Field(alias="sloPeriod")]
    page: _SlothPair
    ticket: _SlothPair


class _SlothDocument(Definition):
    version: Annotated[Literal["sloth.slok.dev/v1"], Field(alias="apiVersion")]
    kind: Literal["AlertWindows"]
    metadata: Any = None
    spec: _SlothSpec


def load_burn_windows(documents: Iterable[Document]) -> tuple[list[BurnWindows], list[Problem]]:
    """Of all documents of kind BurnWindows, and of Sloth's AlertWindows; others are nobody's business here."""
    found: list[BurnWindows] = []
    problems: list[Problem] = []
    seen: dict[str, str] = {}
    for document in documents:
        if is_sloths(document):
            windows, wrong = _of_sloth(document)
        elif _is_ours(document):
            windows, wrong = _of_ours(document)
        else:
            continue
        problems += wrong
        if windows is None:
            continue
        where = document.where(("name",)) if _is_ours(document) else document.where()
        if windows.name in seen or windows.name in SHARED:
            first = seen.get(windows.name, "shipped with holdfast")
            what = f'a second set of burn windows "{windows.name}" (the first: {first})'
            problems.append(Problem(where, what, "give it a name of its own"))
            continue
        seen[windows.name] = where
        found.append(windows)
    return found, problems


def choose(
    objective: AnyObjective, known: Sequence[BurnWindows], default: BurnWindows = WORKBOOK
) -> BurnWindows | Problem:
    """Those that its annotation names among `known` and the shared ones; else the default."""
    name = objective.annotations.get(BURN_WINDOWS_ANNOTATION)
    if name is None:
        return default
    named = {**SHARED, **{windows.name: windows for windows in known}}
    if name in named:
        return named[name]
    what = f'there are no burn windows "{name}", which {objective.name} asks for'
    return Problem(objective.where, what, nearest(name, named))


def burn_windows_schema() -> dict[str, Any]:
    """The JSON Schema of a document."""
    schema = BurnWindowsDocument.model_json_schema(by_alias=True)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def is_sloths(document: Document) -> bool:
    data = document.data
    return isinstance(data, dict) and data.get("apiVersion") == SLOTH_VERSION and data.get("kind") == SLOTH_KIND


def _is_ours(document: Document) -> bool:
    data = document.data
    return isinstance(data, dict) and data.get("kind") == KIND and "apiVersion" not in data


def _of_ours(document: Document) -> tuple[BurnWindows | None, list[Problem]]:
    read, problems = bind(BurnWindowsDocument, document)
    if read is None:
        return None, problems
    rows = tuple(BurnRow(row.severity, row.long, row.short, _budget(row, read.period)) for row in read.rows)
    return BurnWindows(read.name, read.source, rows, read.period), problems


def _budget(row: Row, period: int | None) -> Decimal | Fraction:
    if row.budget is not None:
        return row.budget
    if row.factor is None or period is None:
        raise ValueError("a row without a budget has a factor, and its windows a period")
    return Fraction(row.factor) * row.long / period


def _of_sloth(document: Document) -> tuple[BurnWindows | None, list[Problem]]:
    read, problems = bind(_SlothDocument, document)
    if read is None:
        return None, problems
    rows = []
    pairs: list[tuple[Severity, str, _SlothPair]] = [
        ("page", "page", read.spec.page),
        ("ticket", "ticket", read.spec.ticket),
    ]
    for severity, key, pair in pairs:
        for speed, window in (("quick", pair.quick), ("slow", pair.slow)):
            if window.long > read.spec.period:
                where = document.where(("spec", key, speed, "longWindow"))
                problems.append(Problem(where, "the long window is longer than the period"))
            rows.append(BurnRow(severity, window.long, window.short, window.error_budget_percent / 100))
    if problems:
        return None, problems
    name = document.path.stem
    return BurnWindows(name, "Sloth's AlertWindows file", tuple(rows), read.spec.period), []


SHARED: Final = {
    windows.name: windows
    for windows in (
        WORKBOOK,
        BurnWindows(
            "workbook-table",
            "Google SRE workbook, chapter 5, table 5-8: without the ticket over a day that its PromQL adds",
            tuple(row for row in WORKBOOK.rows if row.long != DAY),
        ),
        BurnWindows(
            "week",
            "Sloth, examples/windows/7d.yml: the shares of the budget that suit an objective over 7 days",
            (
                BurnRow("page", HOUR, 5 * MINUTE, Decimal("0.08")),
                BurnRow("page", 6 * HOUR, 30 * MINUTE, Decimal("0.125")),
                BurnRow("ticket", DAY, 2 * HOUR, Decimal("0.20")),
                BurnRow("ticket", 3 * DAY, 6 * HOUR, Decimal("0.42")),
            ),
            7 * DAY,
        ),
    )
}
"""By name: sets that need no file."""
