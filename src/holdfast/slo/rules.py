"""An objective's Prometheus rules: what is recorded of it, and alerts on how fast its error budget goes.

Alerts are first what `alert.plan_of` makes of burn windows, so that a playback of history judges the very rules that
are written here; then text. A row that cannot fire is left out and told before anything is written.

    ErrorBudgetBurn    one a severity: any of its rows, long and short window together
    AlertCondition     one a condition of OpenSLO that the objective's alert policies name
    IndicatorAbsent    nothing is known of the objective: unless its alert policies say alertWhenNoData: false
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Final

from holdfast.errors import Problem
from holdfast.slo.alert import Alert, AlertRow, plan_of, plan_of_conditions
from holdfast.slo.burn import DAY, BurnRow, BurnWindows
from holdfast.slo.objective import AlertPolicy, AnyObjective, Composite, Objective
from holdfast.slo.promql import range_text
from holdfast.slo.rule import AlertRule, Record, RuleGroup, number
from holdfast.slo.rule_checks import (
    Traffic,
    budget_target,
    none_fires,
    outage_of,
    percent,
    problems_of,
    rough,
    warnings_of,
)
from holdfast.slo.rule_labels import alert_labels, record_labels
from holdfast.slo.rule_records import (
    BAD,
    BURN,
    RATIO,
    Recording,
    absent_text,
    composite_records,
    counts_events,
    event_records,
    promise_records,
    series,
)

BURN_ALERT: Final = "ErrorBudgetBurn"
CONDITION_ALERT: Final = "AlertCondition"
ABSENT_ALERT: Final = "IndicatorAbsent"

_OPERATORS: Final = {"lte": "<=", "gte": ">=", "lt": "<", "gt": ">"}


@dataclass(frozen=True, slots=True)
class Escalation:
    """The error-budget policy that covers an objective: its name, a label; and its way up, an annotation."""

    policy: str = ""
    told: str = ""


@dataclass(frozen=True, slots=True)
class RuleOptions:
    """`interval`: of every group, seconds; None: the server's own. `chain_over`: see `rule_records`, seconds.

    `extra`: labels put on everything. `escalation`: by an objective's name.
    """

    interval: int | None = None
    chain_over: int = 3 * DAY
    extra: Mapping[str, str] = field(default_factory=dict)
    escalation: Mapping[str, Escalation] = field(default_factory=dict)


ORDINARY: Final = RuleOptions()
UNSAID: Final = Traffic()


@dataclass(frozen=True, slots=True)
class Written:
    """An alert and the rule made of it. `alert` None: it fires where nothing is known of the objective."""

    rule: AlertRule
    alert: Alert | None


@dataclass(frozen=True, slots=True)
class ObjectiveRules:
    """`windows`: less the rows that cannot fire. With `problems` there are no groups.

    `inherited`: labels that burn alerts have of the series they look at. `compatible`: whose names these are.
    """

    objective: AnyObjective
    windows: BurnWindows
    traffic: Traffic
    groups: tuple[RuleGroup, ...] = ()
    written: tuple[Written, ...] = ()
    problems: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()
    extra: Mapping[str, str] = field(default_factory=dict)
    inherited: Mapping[str, str] = field(default_factory=dict)
    compatible: str | None = None

    @property
    def id(self) -> str:
        return f"{self.objective.service}-{self.objective.name}"


def rules_of(
    objective: AnyObjective,
    windows: BurnWindows,
    traffic: Traffic = UNSAID,
    options: RuleOptions = ORDINARY,
    *,
    also: Sequence[int] = (),
) -> ObjectiveRules:
    """The rules of one objective. A composite's are of the whole, and use what is recorded of its parts.

    `also`: windows to record besides those of the alerts, seconds: of a part, those of its composite.
    """
    found = ObjectiveRules(
        objective, windows, traffic, extra=options.extra, inherited=record_labels(objective, options.extra)
    )
    problems = tuple(problems_of(objective, windows))
    if problems:
        return replace(found, problems=problems)
    target, period = budget_target(objective), objective.window.seconds
    outage = outage_of(objective)
    dead = [row for row in windows.rows if row.threshold(target, period) >= outage]
    if len(dead) == len(windows.rows):
        return replace(found, problems=(none_fires(objective, windows),))
    kept = replace(windows, rows=tuple(row for row in windows.rows if row not in dead))
    if isinstance(objective, Objective):
        try:
            groups, written = _groups(objective, kept, traffic, options, also)
        except ValueError as error:
            fix = "give it a PromQL query, or leave this objective out"
            return replace(found, problems=(Problem(objective.where, f"{objective.name}: {error}", fix),))
    else:
        groups, written = _composite_groups(objective, kept, options)
    warnings = tuple(warnings_of(objective, windows, kept, traffic))
    return replace(found, windows=kept, groups=groups, written=written, warnings=warnings)


def absent_after(rows: Sequence[BurnRow], target: Decimal, period: int) -> int:
    """How long nothing is known before it is told: as long as the fastest row takes in a total outage, seconds.

    Source: Pyrra, factor · E · long window.
    """
    return math.ceil(min(row.threshold(target, period) * row.long for row in rows))


def _groups(
    objective: Objective, windows: BurnWindows, traffic: Traffic, options: RuleOptions, also: Sequence[int]
) -> tuple[tuple[RuleGroup, ...], tuple[Written, ...]]:
    target, period = objective.target, objective.window.seconds
    guard = traffic.min_failures if counts_events(objective) else 0
    plan = plan_of(windows, target, period, min_failures=guard)
    conditions = [policy for policy in objective.alert_policies if policy.when_breaching]
    asked = plan_of_conditions([policy.condition for policy in conditions], target)
    looked_at = sorted({*windows.seconds, *asked.windows, *also})
    recording = Recording(tuple(looked_at), options.chain_over, options.extra)
    escalation = options.escalation.get(objective.name, Escalation())
    written = [
        Written(_burn_rule(objective, alert, windows.of(alert.name), escalation, options.extra), alert)  # type: ignore[arg-type]
        for alert in plan.alerts
    ]
    written += [
        Written(_condition_rule(objective, policy, alert, escalation, options.extra), alert)
        for policy, alert in zip(conditions, asked.alerts, strict=True)
    ]
    if _tells_absence(objective):
        written.append(Written(_absent_rule(objective, windows, recording, escalation, options.extra), None))
    id_ = f"{objective.service}-{objective.name}"
    events: tuple[Record | AlertRule, ...] = (
        *event_records(objective, recording),
        *(each.rule for each in written),
    )
    return (
        RuleGroup(f"holdfast-slo-alerts-{id_}", events, options.interval),
        RuleGroup(f"holdfast-slo-budget-{id_}", tuple(promise_records(objective, recording)), options.interval),
    ), tuple(written)


def _composite_groups(
    composite: Composite, windows: BurnWindows, options: RuleOptions
) -> tuple[tuple[RuleGroup, ...], tuple[Written, ...]]:
    plan = plan_of(windows, budget_target(composite), composite.window.seconds)
    recording = Recording(windows.seconds, options.chain_over, options.extra)
    escalation = options.escalation.get(composite.name, Escalation())
    written = tuple(
        Written(_burn_rule(composite, alert, windows.of(alert.name), escalation, options.extra), alert)  # type: ignore[arg-type]
        for alert in plan.alerts
    )
    name = f"holdfast-slo-alerts-{composite.service}-{composite.name}"
    rules: tuple[Record | AlertRule, ...] = (
        *composite_records(composite, recording),
        *(each.rule for each in written),
    )
    return (RuleGroup(name, rules, options.interval),), written


def _burn_rule(
    objective: AnyObjective, alert: Alert, rows: Sequence[BurnRow], escalation: Escalation, extra: Mapping[str, str]
) -> AlertRule:
    expr = "\nor\n".join(f"(\n{_row_text(objective, row)}\n)" for row in alert.rows)
    period = objective.window
    told = "; ".join(
        f"{percent(row.budget)} of the budget of {period.text} gone within {range_text(row.long)} "
        f"(burn rate above {rough(row.factor(period.seconds))})"
        for row in rows
    )
    what = "fast: somebody must look now" if alert.name == "page" else "too fast to last: somebody must look soon"
    summary = f"{objective.display_name or objective.name}: the error budget burns {what}"
    labels = alert_labels(objective, alert.name, escalation.policy, extra)
    return AlertRule(BURN_ALERT, expr, labels, _annotations(objective, summary, f"Fires on {told}.", escalation))


def _row_text(objective: AnyObjective, row: AlertRow) -> str:
    lines = []
    for limit in row.limits:
        ratio = series(RATIO if isinstance(objective, Objective) else BURN, objective, limit.window)
        lines.append(f"  {ratio} {_OPERATORS[limit.op]} {number(limit.threshold)}")
        if limit.least_bad:
            lines.append(f"  {series(BAD, objective, limit.window)} >= {limit.least_bad}")
    return "\nand\n".join(lines)


def _condition_rule(
    objective: Objective, policy: AlertPolicy, alert: Alert, escalation: Escalation, extra: Mapping[str, str]
) -> AlertRule:
    condition = policy.condition
    limit = alert.rows[0].limits[0]
    ratio = series(RATIO, objective, limit.window)
    expr = f"{ratio} {_OPERATORS[limit.op]} {number(limit.threshold)}"
    summary = policy.description or condition.description or f"{objective.name}: {condition.name}"
    told = (
        f"Fires on a burn rate {_OPERATORS[condition.op]} {condition.threshold} over {range_text(condition.lookback)}."
    )
    labels = alert_labels(objective, condition.severity, escalation.policy, extra)
    labels["policy"] = policy.name
    return AlertRule(CONDITION_ALERT, expr, labels, _annotations(objective, summary, told, escalation), condition.after)


def _absent_rule(
    objective: Objective, windows: BurnWindows, recording: Recording, escalation: Escalation, extra: Mapping[str, str]
) -> AlertRule:
    after = absent_after(windows.rows, objective.target, objective.window.seconds)
    summary = f"{objective.display_name or objective.name}: nothing is known of it"
    told = "Its metrics are absent, so that no other alert of it can fire. A scrape, an exporter or a query has broken."
    severity = "page" if windows.of("page") else "ticket"
    labels = {**record_labels(objective, {}), **alert_labels(objective, severity, escalation.policy, extra)}
    expr = absent_text(objective, recording)
    return AlertRule(ABSENT_ALERT, expr, labels, _annotations(objective, summary, told, escalation), after)


def _annotations(objective: AnyObjective, summary: str, told: str, escalation: Escalation) -> dict[str, str]:
    description = f"{told} {objective.description}".strip()
    found = {"summary": summary, "description": description, "runbook_url": objective.runbook}
    found["escalation"] = escalation.told
    return {key: " ".join(value.split()) for key, value in found.items() if value.strip()}


def _tells_absence(objective: Objective) -> bool:
    policies = objective.alert_policies
    return not policies or any(policy.when_no_data for policy in policies)
