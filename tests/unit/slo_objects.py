"""OpenSLO objects for tests, and ways to change them."""

import copy

import yaml

from holdfast.slo.openslo import load_objectives
from holdfast.workspace.document import load_documents

GOOD = {"metricSource": {"type": "holdfast", "spec": {"name": "*/sign_in", "outcome": "ok", "under": "400ms"}}}
TOTAL = {"metricSource": {"type": "holdfast", "spec": {"name": "*/sign_in"}}}
RATIO = {"counter": True, "good": GOOD, "total": TOTAL}
SLO = {
    "apiVersion": "openslo/v1",
    "kind": "SLO",
    "metadata": {
        "name": "sign-in",
        "displayName": "Sign in",
        "labels": {"tier": ["one", "two"]},
        "annotations": {"holdfast.dev/runbook": "docs/sign-in.md", "holdfast.dev/owner": "identity"},
    },
    "spec": {
        "description": "Quick.",
        "service": "account",
        "indicator": {"metadata": {"name": "quick"}, "spec": {"ratioMetric": RATIO}},
        "timeWindow": [{"duration": "28d", "isRolling": True}],
        "budgetingMethod": "Occurrences",
        "objectives": [{"target": 0.99}],
    },
}
SLI = {
    "apiVersion": "openslo/v1",
    "kind": "SLI",
    "metadata": {"name": "quick"},
    "spec": {"ratioMetric": RATIO},
}
THRESHOLD = {"thresholdMetric": {"metricSource": {"type": "prometheus", "spec": {"query": "x"}}}}
REMOVE = object()
SPEC = "spec.indicator.spec.ratioMetric"


def changed(base, *edits):
    """A deep copy with properties set, or removed, by dotted path."""
    data = copy.deepcopy(base)
    for path, value in edits:
        *above, last = [int(p) if p.isdigit() else p for p in path.split(".")]
        holder = data
        for part in above:
            holder = holder[part]
        if value is REMOVE:
            del holder[last]
        else:
            holder[last] = copy.deepcopy(value)
    return data


def documents_of(tmp_path, *objects):
    file = tmp_path / "objectives.yaml"
    file.write_text("---\n".join(yaml.safe_dump(copy.deepcopy(o), sort_keys=False) for o in objects))
    documents, problems = load_documents(file)
    assert not problems
    return documents


def loaded(tmp_path, *objects):
    return load_objectives(documents_of(tmp_path, *objects))


def told(problems):
    """(property path, what and fix) of each."""
    return [(p.where.partition("  ")[2], f"{p.what} {p.fix}") for p in problems]


def alert(kind, name, **spec):
    """An object of an alert kind."""
    return {"apiVersion": "openslo/v1", "kind": kind, "metadata": {"name": name}, "spec": copy.deepcopy(spec)}


def inside(made):
    """The same as it stands inside of another object."""
    return {key: value for key, value in made.items() if key != "apiVersion"}


BURN = {"kind": "burnrate", "op": "gte", "threshold": 14.4, "lookbackWindow": "1h", "alertAfter": "5m"}
CONDITION = alert("AlertCondition", "fast-burn", severity="page", condition=BURN, description="Fast.")
TARGET = alert("AlertNotificationTarget", "on-call", target="pagerduty", description="Who is awake.")
POLICY = alert(
    "AlertPolicy",
    "wake-somebody",
    description="Now.",
    alertWhenNoData=True,
    alertWhenResolved=True,
    alertWhenBreaching=True,
    conditions=[{"conditionRef": "fast-burn"}],
    notificationTargets=[{"targetRef": "on-call"}],
)
INLINE_POLICY = inside(
    alert("AlertPolicy", "wake-somebody", conditions=[inside(CONDITION)], notificationTargets=[inside(TARGET)])
)
SERVICE = {"apiVersion": "openslo/v1", "kind": "Service", "metadata": {"name": "account"}, "spec": {"description": "x"}}
SOURCE = {
    "apiVersion": "openslo/v1",
    "kind": "DataSource",
    "metadata": {"name": "here"},
    "spec": {"type": "holdfast", "connectionDetails": {"any": "thing"}, "description": "x"},
}
