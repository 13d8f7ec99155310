"""Alerts as what they compare: error ratios over windows against thresholds. Data, and where it comes from.

The Prometheus rules, OpenSLO's conditions and the six methods of the SRE workbook are all of this one shape, so that a
playback of history can hold them side by side. Thresholds are exact fractions of events, not burn rates.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Final

from holdfast.slo.budget import error_budget
from holdfast.slo.burn import DAY, HOUR, MINUTE, WORKBOOK, BurnRow, BurnWindows
from holdfast.slo.objective import Condition, Operator
from holdfast.slo.promql import range_text


@dataclass(frozen=True, slots=True)
class Limit:
    """Holds while the error ratio over the last `window` seconds is `op` `threshold`; never without an event.

    `least_bad`: nor with fewer bad events than that.
    """

    window: int
    threshold: Fraction
    op: Operator = "gt"
    least_bad: int = 0


@dataclass(frozen=True, slots=True)
class AlertRow:
    """Holds while all of its limits do."""

    name: str
    limits: tuple[Limit, ...]

    @property
    def long(self) -> int:
        """Its longest window, seconds."""
        return max(limit.window for limit in self.limits)


@dataclass(frozen=True, slots=True)
class Alert:
    """Fires while one of its rows holds, once that has been so for `after` seconds (`for` in Prometheus)."""

    name: str
    rows: tuple[AlertRow, ...]
    after: int = 0

    @property
    def windows(self) -> tuple[int, ...]:
        """Every window that it looks at, shortest first; seconds."""
        return tuple(sorted({limit.window for row in self.rows for limit in row.limits}))


@dataclass(frozen=True, slots=True)
class AlertPlan:
    """Alerts that are chosen, and compared, together."""

    name: str
    alerts: tuple[Alert, ...]

    @property
    def longest(self) -> int:
        """How much history it looks back on, seconds."""
        return max((alert.windows[-1] for alert in self.alerts if alert.rows), default=0)

    @property
    def windows(self) -> tuple[int, ...]:
        return tuple(sorted({window for alert in self.alerts for window in alert.windows}))


def plan_of(windows: BurnWindows, target: Decimal, period: int, *, min_failures: int = 0) -> AlertPlan:
    """The alerts that rules made of these windows are: one a severity, long and short window of a row together.

    `min_failures`: bad events that the long window must hold. Rows that no outage can fire are left in: they never do.
    """
    severities = dict.fromkeys(row.severity for row in windows.rows)
    return AlertPlan(
        windows.name,
        tuple(
            Alert(severity, tuple(row_of(row, target, period, min_failures) for row in windows.of(severity)))
            for severity in severities
        ),
    )


def row_of(row: BurnRow, target: Decimal, period: int, min_failures: int = 0) -> AlertRow:
    threshold = row.threshold(target, period)
    return AlertRow(
        f"{range_text(row.long)}/{range_text(row.short)}",
        (Limit(row.long, threshold, least_bad=min_failures), Limit(row.short, threshold)),
    )


def plan_of_conditions(conditions: Iterable[Condition], target: Decimal) -> AlertPlan:
    """OpenSLO's conditions of kind burnrate: one window, one threshold, one alert each."""
    budget = Fraction(error_budget(target))
    alerts = []
    for condition in conditions:
        limit = Limit(condition.lookback, Fraction(condition.threshold) * budget, condition.op)
        alerts.append(Alert(condition.name, (AlertRow(range_text(condition.lookback), (limit,)),), condition.after))
    return AlertPlan("openslo", tuple(alerts))


def workbook_methods(target: Decimal, period: int) -> tuple[AlertPlan, ...]:
    """The six ways of chapter 5 of the SRE workbook, in its order; the sixth is what holdfast does by itself."""
    budget = Fraction(error_budget(target))
    several = [row for row in WORKBOOK.rows if row.long != DAY]
    plain = {
        severity: tuple(
            AlertRow(range_text(row.long), (Limit(row.long, row.threshold(target, period)),))
            for row in several
            if row.severity == severity
        )
        for severity in ("page", "ticket")
    }
    burn_36 = Fraction(_METHOD_4_BUDGET) * period / HOUR * budget
    return (
        AlertPlan("1 ratio", (_one("page", 10 * MINUTE, budget, "gte"),)),
        AlertPlan("2 long window", (_one("page", 36 * HOUR, budget),)),
        AlertPlan("3 duration", (_one("page", MINUTE, budget, after=HOUR),)),
        AlertPlan("4 burn rate", (_one("page", HOUR, burn_36),)),
        AlertPlan("5 burn rates", tuple(Alert(severity, rows) for severity, rows in plain.items())),
        AlertPlan("6 two windows", plan_of(WORKBOOK, target, period).alerts),
    )


_METHOD_4_BUDGET: Final = Decimal("0.05")  # in an hour: a burn rate of 36 over 30 days


def _one(name: str, window: int, threshold: Fraction, op: Operator = "gt", after: int = 0) -> Alert:
    return Alert(name, (AlertRow(range_text(window), (Limit(window, threshold, op),)),), after)
