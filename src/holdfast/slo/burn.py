"""Multiwindow, multi-burn-rate alerts: who is told how soon that an error budget goes too fast. Pure; windows are data.

A row fires while the burn rate exceeds its factor both over its long window and over its short one, which ends the
alert soon after the fault has ended:

    factor          = budget · period / long     `budget`: the share of the period's error budget that is gone then
    error ratio     > factor · E                 E = 1 - target
    time to fire    = factor · E · long / r      at an error ratio of r, from a clean start; never where r is not above
                                                 factor · E, and for factor · E >= 1 not in a total outage either

Source: Google SRE workbook, chapter 5 (method 6, table 5-8). All is exact: factors are fractions, so that 28 days at
10 % over 3 days make 14/15, and no threshold carries the noise of a float.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Final, Literal

from holdfast.slo.budget import error_budget

Severity = Literal["page", "ticket"]

MINUTE: Final = 60
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR


@dataclass(frozen=True, slots=True)
class BurnRow:
    """A pair of windows, whole seconds. `budget`: the share of the period's error budget that is gone when it fires."""

    severity: Severity
    long: int
    short: int
    budget: Decimal | Fraction  # the latter where no decimal is exact: a burn rate of 1 over 3 of 28 days

    def factor(self, period: int) -> Fraction:
        """The burn rate above which it fires, for an objective over `period` seconds."""
        return Fraction(self.budget) * period / self.long

    def threshold(self, target: Decimal, period: int) -> Fraction:
        """The error ratio above which it fires. At 1 or more it never does: see `impossible`."""
        return self.factor(period) * Fraction(error_budget(target))

    def seconds_to_fire(self, target: Decimal, period: int, error_ratio: Fraction) -> float | None:
        """From a clean start at a constant error ratio; None: never."""
        threshold = self.threshold(target, period)
        return float(threshold * self.long / error_ratio) if error_ratio > threshold else None

    def seconds_to_reset(self, target: Decimal, period: int, error_ratio: Fraction) -> float | None:
        """From the end of a fault that had filled the short window at this error ratio; None: it never fired."""
        threshold = self.threshold(target, period)
        return float(self.short * (1 - threshold / error_ratio)) if error_ratio > threshold else None


@dataclass(frozen=True, slots=True)
class BurnWindows:
    """Rows that belong together. `period`: the window of objectives they were made for, seconds; None: any."""

    name: str
    source: str
    rows: tuple[BurnRow, ...]
    period: int | None = None

    def of(self, severity: Severity) -> tuple[BurnRow, ...]:
        return tuple(row for row in self.rows if row.severity == severity)

    @property
    def seconds(self) -> tuple[int, ...]:
        """Every window there is, shortest first."""
        return tuple(sorted({window for row in self.rows for window in (row.short, row.long)}))


WORKBOOK: Final = BurnWindows(
    "workbook",
    "Google SRE workbook, chapter 5, multiwindow multi-burn-rate alerts; the same shares of the budget as Sloth's",
    (
        BurnRow("page", HOUR, 5 * MINUTE, Decimal("0.02")),
        BurnRow("page", 6 * HOUR, 30 * MINUTE, Decimal("0.05")),
        BurnRow("ticket", DAY, 2 * HOUR, Decimal("0.10")),
        BurnRow("ticket", 3 * DAY, 6 * HOUR, Decimal("0.10")),
    ),
)
"""Unless an objective asks for others. Factors 14.4, 6, 3, 1 over 30 days and 13.44, 5.6, 2.8, 0.93 over 28."""


def impossible(windows: BurnWindows, target: Decimal, period: int) -> tuple[BurnRow, ...]:
    """Rows that no outage can make fire: the error ratio would have to exceed 1."""
    return tuple(row for row in windows.rows if row.threshold(target, period) >= 1)


def within_budget(windows: BurnWindows, period: int) -> tuple[BurnRow, ...]:
    """Rows that fire on what the objective allows: their factor is below 1."""
    return tuple(row for row in windows.rows if row.factor(period) < 1)


def fewest_failures(row: BurnRow, target: Decimal, period: int, events_a_second: Fraction) -> int:
    """How many failed events in its long window make a row fire at this traffic: 1 or 2 is a coin's toss, no alert."""
    return int(row.threshold(target, period) * events_a_second * row.long) + 1


def budget_gone(row: BurnRow, target: Decimal, period: int, error_ratio: Fraction) -> Fraction | None:
    """The share of the period's error budget that is gone when the row fires at this error ratio; None: it never does.

    It is the row's `budget` at any ratio: a faster fault is seen sooner.
    """
    seconds = row.seconds_to_fire(target, period, error_ratio)
    return None if seconds is None else Fraction(seconds) * error_ratio / (Fraction(error_budget(target)) * period)


def first_to_fire(rows: Sequence[BurnRow], target: Decimal, period: int, error_ratio: Fraction) -> float | None:
    """Seconds until the first of the rows fires; None: none does."""
    found = [row.seconds_to_fire(target, period, error_ratio) for row in rows]
    return min((seconds for seconds in found if seconds is not None), default=None)
