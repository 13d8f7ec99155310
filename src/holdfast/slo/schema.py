"""The JSON Schema of the files under `slo/`, for editors: made from the shapes that read them, and the rules between
properties that a schema can say.

Whatever is read without a problem keeps the schema. The reverse does not hold: references, time zones and what two
places must agree on are for `holdfast slo check`.
"""

from collections.abc import Mapping
from typing import Any, Final

from holdfast.slo.agreement import AgreementDocument
from holdfast.slo.burn_windows import BurnWindowsDocument
from holdfast.slo.definition import HoldfastMetric
from holdfast.slo.exclusions import ExclusionsDocument
from holdfast.slo.library import API_VERSION, OWN_KINDS
from holdfast.slo.openslo import SHAPES
from holdfast.slo.policy_terms import ErrorBudgetPolicy
from holdfast.slo.selection import SOURCE_TYPE
from holdfast.workspace.binding import Definition

OWN_SHAPES: Final[Mapping[str, type[Definition]]] = {
    "BurnWindows": BurnWindowsDocument,
    "ErrorBudgetPolicy": ErrorBudgetPolicy,
    "Exclusions": ExclusionsDocument,
    "ServiceLevelAgreement": AgreementDocument,
}
"""Of holdfast's own kinds, by kind. One that is not here is open to anything."""

_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_ABOUT: Final[Mapping[str, str]] = {
    "ObjectiveSpec.service": "What promises this: the name of a Service.",
    "ObjectiveSpec.indicator": "What is counted, written here. A composite has it in each objective instead.",
    "ObjectiveSpec.indicatorRef": "What is counted: the name of an SLI.",
    "ObjectiveSpec.timeWindow": "Over how long the budget is counted: exactly one window.",
    "ObjectiveSpec.budgetingMethod": "Events (Occurrences), good slices of time (Timeslices) or their mean ratio.",
    "ObjectiveSpec.alertPolicies": "Who is told when; without any, `holdfast slo rules` makes multiwindow alerts.",
    "ObjectiveEntry.target": "The share that must be good: at least 0, below 1.",
    "ObjectiveEntry.targetPercent": "The same in percent: at least 0, below 100.",
    "ObjectiveEntry.op": "Of a thresholdMetric: a value is good while it is … than `value`.",
    "ObjectiveEntry.value": "Of a thresholdMetric: what its values are compared with.",
    "ObjectiveEntry.timeSliceTarget": "The ratio from which a slice of time is good.",
    "ObjectiveEntry.timeSliceWindow": "How long a slice is: a duration such as 5m, or a number of minutes.",
    "ObjectiveEntry.compositeWeight": "In a composite: how much of its budget this objective's is worth; 1 by default.",
    "TimeWindow.duration": "A number and m (minutes), h, d, w, M (months), Q or Y, such as 28d.",
    "TimeWindow.isRolling": "true: the window ends now. false: it is a calendar's, and `calendar` is needed.",
    "Calendar.startTime": "Where the first window begins, local time: 2026-01-01 00:00:00.",
    "Calendar.timeZone": "By the IANA, such as Europe/Berlin or UTC.",
    "RatioMetric.counter": "Whether the metrics only ever rise, as counters do.",
    "RatioMetric.rawType": "Whether `raw` is the ratio of good events (success) or of bad ones (failure).",
    "MetricSource.type": "holdfast, prometheus and csv are judged; others are read only.",
    "MetricSource.metricSourceRef": "The name of a DataSource, which has the type and how to reach it.",
    "HoldfastMetric.name": "A scenario or journey (sign_in), step (*/sign_in) or request (*/*/GET invoices).",
    "HoldfastMetric.outcome": "Which outcomes; of good, ok by default.",
    "HoldfastMetric.under": "Response time at most this, such as 400ms.",
    "ConditionRule.threshold": "The burn rate to alert at: 1 spends the budget in exactly the window.",
    "ConditionRule.lookbackWindow": "Over how long the burn rate is looked at, such as 1h.",
    "ConditionRule.alertAfter": "How long it must last first, such as 5m.",
}


def slo_schema(own: Mapping[str, type[Definition]] = OWN_SHAPES) -> dict[str, Any]:
    """Draft 2020-12: one branch for each kind, told apart by `kind`."""
    definitions: dict[str, Any] = {}
    for kind, shape in SHAPES.items():
        branch = _shape(shape, definitions)
        branch["properties"]["apiVersion"] = {"const": API_VERSION}
        definitions[kind] = branch
    for kind in OWN_KINDS:
        known = own.get(kind)
        branch = {"type": "object", "required": ["kind"]} if known is None else _shape(known, definitions)
        branch["properties"] = {**branch.get("properties", {}), "kind": {"const": kind}}
        if "apiVersion" not in branch["properties"]:
            branch["not"] = {"required": ["apiVersion"]}
        definitions[kind] = branch
    definitions["HoldfastMetric"] = _shape(HoldfastMetric, definitions)
    _tell(definitions)
    _rule(definitions)
    one = {"oneOf": [{"$ref": f"#/$defs/{kind}"} for kind in (*SHAPES, *OWN_KINDS)]}
    return {
        "$schema": _DIALECT,
        "title": "Objectives: OpenSLO v1, and what holdfast adds to it",
        "if": {"type": "array"},
        "then": {"minItems": 1, "items": one},
        "else": one,
        "$defs": dict(sorted(definitions.items())),
    }


def _shape(shape: type[Definition], definitions: dict[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = _plain(shape.model_json_schema())
    definitions.update(made.pop("$defs", {}))
    return made


def _plain(node: Any) -> Any:
    """Less titles, defaults and nulls: what is not there is left out, not written as nothing."""
    if isinstance(node, list):
        return [_plain(item) for item in node]
    if not isinstance(node, dict):
        return node
    kept: dict[str, Any] = {}
    for key, value in node.items():
        named = key in ("properties", "$defs") and isinstance(value, dict)
        if named:
            kept[key] = {name: _plain(inner) for name, inner in value.items()}
        elif key not in ("title", "default", "description"):
            kept[key] = _plain(value)
    choices = [choice for choice in kept.get("anyOf", ()) if choice != {"type": "null"}]
    if len(choices) == 1:
        del kept["anyOf"]
        kept = {**kept, **choices[0]}
    elif choices:
        kept["anyOf"] = choices
    return kept


def _tell(definitions: Mapping[str, Any]) -> None:
    """What editors show beside a property."""
    for place, text in _ABOUT.items():
        shape, _, name = place.partition(".")
        definitions[shape]["properties"][name]["description"] = text


def _rule(definitions: dict[str, Any]) -> None:
    """The rules of `conformance` that hold within one object."""
    spec, entry = definitions["ObjectiveSpec"], definitions["ObjectiveEntry"]
    spec["properties"]["timeWindow"] |= {"minItems": 1, "maxItems": 1}
    spec["properties"]["objectives"] |= {"minItems": 1}
    inside = {"properties": {"objectives": {"items": {"oneOf": [_has("indicator"), _has("indicatorRef")]}}}}
    outside = {"properties": {"objectives": {"items": {"not": _has_any("indicator", "indicatorRef")}}}}
    spec["oneOf"] = [
        {**_has("indicator"), **outside},
        {**_has("indicatorRef"), **outside},
        {"not": _has_any("indicator", "indicatorRef"), **inside},
    ]
    spec["allOf"] = [
        _with_method("Occurrences", lacks=("timeSliceTarget", "timeSliceWindow")),
        _with_method("Timeslices", needs=("timeSliceTarget", "timeSliceWindow")),
        _with_method("RatioTimeslices", needs=("timeSliceWindow",), lacks=("timeSliceTarget",)),
    ]
    entry["oneOf"] = [_has("target"), _has("targetPercent")]
    definitions["TimeWindow"]["oneOf"] = [
        {"properties": {"isRolling": {"const": True}}, "required": ["isRolling"], "not": _has("calendar")},
        {"properties": {"isRolling": {"const": False}}, **_has("calendar")},
    ]
    definitions["IndicatorSpec"]["oneOf"] = [_has("thresholdMetric"), _has("ratioMetric")]
    definitions["RatioMetric"]["oneOf"] = [
        {"required": ["good", "total"], "not": _has_any("bad", "raw", "rawType")},
        {"required": ["bad", "total"], "not": _has_any("good", "raw", "rawType")},
        {"required": ["raw", "rawType"], "not": _has_any("good", "bad", "total")},
    ]
    source = definitions["MetricSource"]
    source["anyOf"] = [_has("type"), _has("metricSourceRef")]
    source["if"] = {"properties": {"type": {"const": SOURCE_TYPE}}, "required": ["type"]}
    source["then"] = {"properties": {"spec": {"$ref": "#/$defs/HoldfastMetric"}}}
    for name, ref in (
        ("PolicyEntry", "alertPolicyRef"),
        ("ConditionEntry", "conditionRef"),
        ("TargetEntry", "targetRef"),
    ):
        definitions[name]["oneOf"] = [
            {**_has(ref), "not": _has_any("kind", "metadata", "spec")},
            {"required": ["kind", "metadata", "spec"], "not": _has(ref)},
        ]
    policy = definitions["PolicySpec"]["properties"]
    policy["conditions"] |= {"minItems": 1, "maxItems": 1}
    policy["notificationTargets"] |= {"minItems": 1}


def _has(key: str) -> dict[str, Any]:
    return {"required": [key]}


def _has_any(*keys: str) -> dict[str, Any]:
    return {"anyOf": [_has(key) for key in keys]}


def _with_method(method: str, needs: tuple[str, ...] = (), lacks: tuple[str, ...] = ()) -> dict[str, Any]:
    items: dict[str, Any] = {"required": list(needs)} if needs else {}
    if lacks:
        items["not"] = _has_any(*lacks)
    return {
        "if": {"properties": {"budgetingMethod": {"const": method}}, "required": ["budgetingMethod"]},
        "then": {"properties": {"objectives": {"items": items}}},
    }
