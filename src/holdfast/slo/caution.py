"""What keeps every rule and is still hardly what was meant: warnings, each with its place."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Final

from holdfast.errors import Problem
from holdfast.slo.alert_conformance import CONDITION, POLICY
from holdfast.slo.annotations import ANNOTATIONS, DOMAIN
from holdfast.slo.library import Library
from holdfast.slo.objective import AlertPolicy, Composite, Objective
from holdfast.slo.resolving import list_of, mapping_of
from holdfast.slo.window import Calendar, parse_window
from holdfast.workspace.document import Document, PropertyPath, nearest

RESERVED: Final = "openslo.com/"
_SHORT: Final = ("m",)


def document_warnings(document: Document, library: Library) -> Iterator[Problem]:
    """Of one object's data, whatever else is wrong with it."""
    spec = mapping_of(document.data.get("spec"))
    at: PropertyPath = ("spec",)
    for key in mapping_of(mapping_of(document.data.get("metadata")).get("annotations")):
        if str(key).startswith(RESERVED):
            what = f'"{key}": {RESERVED} is the specification\'s own'
            yield Problem(document.where(("metadata", "annotations", key)), what, "use a domain of your own")
        if str(key).startswith(DOMAIN) and key not in ANNOTATIONS:
            what = f'nobody reads the annotation "{key}"'
            yield Problem(document.where(("metadata", "annotations", key)), what, nearest(str(key), ANNOTATIONS))
    match document.data["kind"]:
        case "SLO":
            yield from _service(document, spec.get("service"), library)
            yield from _window(document, spec)
            yield from _targets(document, spec)
            for index, policy in enumerate(list_of(spec.get("alertPolicies"))):
                yield from _policy(document, (*at, "alertPolicies", index, "spec"), mapping_of(policy).get("spec"))
        case POLICY.kind:
            yield from _policy(document, at, spec)
        case CONDITION.kind:
            yield from _condition(document, at, spec)


def objective_warnings(objective: Objective | Composite) -> Iterator[Problem]:
    """Of alerts that an objective can never raise, or that look further back than it does."""
    parts = objective.parts if isinstance(objective, Composite) else (objective,)
    fastest = max(1 / (1 - part.target) * (part.weight if isinstance(objective, Composite) else 1) for part in parts)
    for policy in objective.alert_policies:
        yield from _unreachable(objective, policy, fastest)


def _unreachable(objective: Objective | Composite, policy: AlertPolicy, fastest: Any) -> Iterator[Problem]:
    condition = policy.condition
    where = f"{objective.where.partition('  ')[0]}  {objective.name}"
    if condition.op in ("gt", "gte") and (
        condition.threshold > fastest or (condition.op == "gt" and condition.threshold == fastest)
    ):
        what = f"the alert {policy.name} can never fire: not even a total outage burns {condition.threshold} times"
        fix = f"with this target the fastest burn rate is {float(fastest):.4g}: lower the threshold"
        yield Problem(where, what, fix)
    if condition.lookback > objective.window.seconds:
        what = f"the alert {policy.name} looks back further than the window of {objective.window.text}"
        yield Problem(where, what, "shorten its lookbackWindow")


def _service(document: Document, service: object, library: Library) -> Iterator[Problem]:
    known = library.names("Service")
    if known and isinstance(service, str) and service not in known:
        what = f'there is no Service "{service}" in these files, which hold others'
        yield Problem(document.where(("spec", "service")), what, nearest(service, known))


def _window(document: Document, spec: Any) -> Iterator[Problem]:
    for index, window in enumerate(list_of(spec.get("timeWindow"))):
        written = mapping_of(window).get("duration")
        try:
            duration = parse_window(written, Calendar("", "") if "calendar" in mapping_of(window) else None)
        except ValueError:
            continue  # told as a problem
        if duration.unit in _SHORT:
            where = document.where(("spec", "timeWindow", index, "duration"))
            months = f"{duration.count}M"
            what = f"{written} is {duration.seconds // 60} minute(s): m is minutes, M is months"
            yield Problem(where, what, f"write {months} if months were meant")


def _targets(document: Document, spec: Any) -> Iterator[Problem]:
    entries = list_of(spec.get("objectives"))
    composite = any(key in mapping_of(entry) for entry in entries for key in ("indicator", "indicatorRef"))
    for index, entry in enumerate(entries):
        for key in ("target", "targetPercent"):
            value = mapping_of(entry).get(key)
            if isinstance(value, (int, float)) and not isinstance(value, bool) and value == 0:
                what = f"a {key} of 0 asks nothing: it is met whatever happens"
                yield Problem(document.where(("spec", "objectives", index, key)), what, "write what is promised")
        percent = mapping_of(entry).get("targetPercent")
        if isinstance(percent, (int, float, Decimal)) and 0 < percent < 1 and not isinstance(percent, bool):
            what = f"a targetPercent of {percent} lets more than 99 % fail: it is in percent"
            where = document.where(("spec", "objectives", index, "targetPercent"))
            yield Problem(where, what, f"write target: {percent} if a share was meant")
        if "compositeWeight" in mapping_of(entry) and not composite:
            what = "compositeWeight means nothing outside of a composite"
            place = document.where(("spec", "objectives", index, "compositeWeight"))
            yield Problem(place, what, "remove it, or give each objective an indicator of its own")


def _policy(document: Document, at: PropertyPath, spec: object) -> Iterator[Problem]:
    written = mapping_of(spec)
    if written.get("alertWhenBreaching") is False and not (
        written.get("alertWhenNoData") or written.get("alertWhenResolved")
    ):
        where = document.where((*at, "alertWhenBreaching"))
        yield Problem(where, "the policy never tells anybody anything", "write alertWhenBreaching: true")
    for index, entry in enumerate(list_of(written.get("conditions"))):
        yield from _condition(document, (*at, "conditions", index, "spec"), mapping_of(entry).get("spec"))


def _condition(document: Document, at: PropertyPath, spec: object) -> Iterator[Problem]:
    rule = mapping_of(spec).get("condition")
    if not isinstance(rule, dict):
        return
    place = (*at, "condition")
    if "kind" not in rule:
        what = "the condition has no kind: burnrate is taken, but the Go SDK refuses it"
        yield Problem(document.where((*place, "kind")), what, "write kind: burnrate")
    op, threshold = rule.get("op"), rule.get("threshold")
    if op in ("lte", "lt"):
        what = f"op: {op} alerts while the burn rate is low, and is silent while the budget burns"
        yield Problem(document.where((*place, "op")), what, "write op: gte")
    elif op in ("gte", "gt") and isinstance(threshold, (int, float)) and threshold <= 0:
        what = f"a burn rate is never below {threshold}: the alert would always fire"
        yield Problem(document.where((*place, "threshold")), what, "write the burn rate to alert at, such as 14.4")
