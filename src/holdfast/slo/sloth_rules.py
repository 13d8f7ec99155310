"""Rules under Sloth's names, groups and labels, so that dashboards and alert routes made for it go on working.

Thresholds and windows are the same as under holdfast's names; only the floats are exact (0.0144 where Sloth writes
14.4 * 0.0009999999999999432), a window without events has no ratio where Sloth's is NaN, and the period's ratio is
weighted by events: for that the counts of the shortest window are recorded too, under holdfast's names. What Sloth has
no name for is left out: AlertCondition, IndicatorAbsent, and the least number of failures.

Source: github.com/slok/sloth, rules generated for prometheus/v1 by version 0.11.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from fractions import Fraction
from typing import Final

from holdfast.errors import Problem
from holdfast.slo.alert import Alert
from holdfast.slo.budget import error_budget
from holdfast.slo.objective import Composite, Method, Objective
from holdfast.slo.promql import expressions, range_text
from holdfast.slo.rule import AlertRule, Record, RuleGroup, number
from holdfast.slo.rule_labels import user_labels
from holdfast.slo.rule_records import BAD, TOTAL, named
from holdfast.slo.rules import BURN_ALERT, ObjectiveRules, Written

WINDOW: Final = "sloth_window"
SEVERITY: Final = "sloth_severity"
_DAY: Final = 86400


def sloth_rules(rules: ObjectiveRules) -> ObjectiveRules:
    """The same objective's rules under Sloth's names; a problem where Sloth has no such rules."""
    objective = rules.objective
    if rules.problems:
        return rules
    why = _unsayable(objective)
    if isinstance(objective, Composite) or why:
        what = f"{objective.name} cannot be written under Sloth's names: {why}"
        problem = Problem(objective.where, what, "leave it out by --only, or write holdfast's own rules")
        return replace(rules, groups=(), written=(), problems=(problem,))
    labels = {**_id(objective), **user_labels(objective, (WINDOW, *_id(objective))), **rules.extra}
    written = tuple(
        Written(_alert_rule(objective, each.alert, each.rule), _unguarded(each.alert))
        for each in rules.written
        if each.alert is not None and each.rule.alert == BURN_ALERT
    )
    id_ = f"{objective.service}-{objective.name}"
    interval = rules.groups[0].interval
    groups = (
        RuleGroup(f"sloth-slo-sli-recordings-{id_}", tuple(_ratios(rules, objective, labels)), interval),
        RuleGroup(f"sloth-slo-meta-recordings-{id_}", tuple(_meta(rules, objective, labels)), interval),
        RuleGroup(f"sloth-slo-alerts-{id_}", tuple(each.rule for each in written), interval),
    )
    warnings = rules.warnings
    if rules.traffic.min_failures:
        what = f"{objective.name}: Sloth's rules cannot ask for {rules.traffic.min_failures} failures"
        warnings = (*warnings, Problem(objective.where, what, "write holdfast's own rules"))
    return replace(rules, groups=groups, written=written, warnings=warnings, inherited=labels, compatible="sloth")


def _unsayable(objective: Objective | Composite) -> str:
    if isinstance(objective, Composite):
        return "it is a composite"
    if objective.method is not Method.OCCURRENCES:
        return f"its method is {objective.method}"
    return ""


def _ratios(rules: ObjectiveRules, objective: Objective, labels: Mapping[str, str]) -> Iterator[Record]:
    short, period = rules.windows.seconds[0], objective.window.seconds
    asked = expressions(objective.indicator, range_text(short))
    counted = asked.bad is not None and asked.total is not None
    for window in (w for w in rules.windows.seconds if w != period):
        of_window = expressions(objective.indicator, range_text(window))
        ratio = of_window.ratio
        if of_window.bad is not None and of_window.total is not None:
            ratio = f"({of_window.bad})\n/\n(({of_window.total}) > 0)"
        yield Record(_ratio(window), ratio, {**labels, WINDOW: range_text(window)})
    if counted and asked.bad is not None and asked.total is not None:
        yield Record(named(TOTAL, short), asked.total, labels)
        yield Record(named(BAD, short), asked.bad, labels)
        bad, total = (f"{named(record, short)}{_select(objective)}" for record in (BAD, TOTAL))
        steps = f"[{range_text(period)}:{range_text(short)}]"
        ratio = f"sum_over_time({bad}{steps})\n/\n(sum_over_time({total}{steps}) > 0)"
    else:
        over = f"{_ratio(short)}{_select(objective)}[{range_text(period)}]"
        ratio = f"sum_over_time({over})\n/ ignoring ({WINDOW})\ncount_over_time({over})"
    yield Record(_ratio(period), ratio, {**labels, WINDOW: range_text(period)})


def _meta(rules: ObjectiveRules, objective: Objective, labels: Mapping[str, str]) -> Iterator[Record]:
    selected, period = _select(objective), objective.window.seconds
    on = f"/ on({', '.join(_id(objective))}) group_left\nslo:error_budget:ratio{selected}"
    yield Record("slo:objective:ratio", f"vector({number(Fraction(objective.target))})", labels)
    budget = number(Fraction(error_budget(objective.target)))
    yield Record("slo:error_budget:ratio", f"vector({budget})", labels)
    yield Record("slo:time_period:days", f"vector({number(Fraction(period, _DAY))})", labels)
    current = f"{_ratio(rules.windows.seconds[0])}{selected}\n{on}"
    yield Record("slo:current_burn_rate:ratio", current, labels)
    yield Record("slo:period_burn_rate:ratio", f"{_ratio(period)}{selected}\n{on}", labels)
    yield Record("slo:period_error_budget_remaining:ratio", f"1 - slo:period_burn_rate:ratio{selected}", labels)
    info = {
        "sloth_mode": "cli-gen-prom",
        "sloth_objective": number(Fraction(objective.target) * 100),
        "sloth_spec": "openslo/v1",
        "sloth_version": "holdfast",
    }
    yield Record("sloth_slo_info", "vector(1)", {**labels, **info})


def _alert_rule(objective: Objective, alert: Alert, rule: AlertRule) -> AlertRule:
    rows = []
    for row in alert.rows:
        limits = sorted(row.limits, key=lambda limit: limit.window)
        terms = [
            f"    max({_ratio(limit.window)}{_select(objective)} > {number(limit.threshold)}) without ({WINDOW})"
            for limit in limits
        ]
        rows.append("(\n" + "\n    and\n".join(terms) + "\n)")
    title = f"({alert.name}) {objective.service} {objective.name} SLO error budget burn rate is too fast."
    annotations = {**rule.annotations, "title": title}
    return AlertRule(_alert_name(objective), "\nor\n".join(rows), {**rule.labels, SEVERITY: alert.name}, annotations)


def _unguarded(alert: Alert) -> Alert:
    rows = tuple(replace(row, limits=tuple(replace(limit, least_bad=0) for limit in row.limits)) for row in alert.rows)
    return replace(alert, rows=rows)


def _alert_name(objective: Objective) -> str:
    """sign-in-latency → SignInLatency."""
    return "".join(
        part[:1].upper() + part[1:] for part in objective.name.replace("_", "-").replace(".", "-").split("-")
    )


def _id(objective: Objective) -> dict[str, str]:
    return {
        "sloth_id": f"{objective.service}-{objective.name}",
        "sloth_service": objective.service,
        "sloth_slo": objective.name,
    }


def _select(objective: Objective) -> str:
    return "{" + ", ".join(f'{label}="{value}"' for label, value in _id(objective).items()) + "}"


def _ratio(window: int) -> str:
    return f"slo:sli_error:ratio_rate{range_text(window)}"
