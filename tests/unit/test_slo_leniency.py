"""What `--lenient` lets pass: read as said, with a warning at the place; and nothing else."""
# ruff: noqa: E501 - the table of rules has a row for each

import pytest
from tests.unit.slo_objects import (
    CONDITION,
    INLINE_POLICY,
    POLICY,
    REMOVE,
    SERVICE,
    SLI,
    SLO,
    SPEC,
    TARGET,
    changed,
    documents_of,
    told,
)

from holdfast.slo.leniency import LENIENCIES
from holdfast.slo.openslo import load_definitions

BY_REF = changed(SLO, ("spec.indicator", REMOVE), ("spec.indicatorRef", "quick"))
CALENDAR = {"startTime": "2026-01-01 00:00:00", "timeZone": "UTC"}
MONTHLY = ("spec.timeWindow.0", {"duration": "1M", "isRolling": False, "calendar": CALENDAR})
START = "spec.timeWindow.0.calendar.startTime"
# fmt: off
CASES = {
    "empty-key": [
        ([changed(SLO, ("spec.description", None))], ["spec.description"], [changed(SLO, ("spec.description", REMOVE))]),
        ([changed(SLO, ("metadata.labels", {"a": None}))], ["metadata.labels.a"], [changed(SLO, ("metadata.labels", {}))]),
    ],
    "bare-entry": [
        ([changed(SLO, ("spec.alertPolicies", ["wake-somebody"])), POLICY, CONDITION, TARGET], ["spec.alertPolicies[0]"], [changed(SLO, ("spec.alertPolicies", [{"alertPolicyRef": "wake-somebody"}])), POLICY, CONDITION, TARGET]),
        ([changed(SLO, ("spec.alertPolicies", [changed(INLINE_POLICY, ("kind", REMOVE))]))], ["spec.alertPolicies[0]"], [changed(SLO, ("spec.alertPolicies", [INLINE_POLICY]))]),
        ([changed(POLICY, ("spec.notificationTargets", ["on-call"])), CONDITION, TARGET], ["spec.notificationTargets[0]"], [POLICY, CONDITION, TARGET]),
    ],
    "not-a-label": [
        ([changed(SLO, ("spec.service", "My Service_1"))], ["spec.service"], [changed(SLO, ("spec.service", "my-service-1"))]),
        ([changed(SLO, ("metadata.name", "Sign In"))], ["metadata.name"], [changed(SLO, ("metadata.name", "sign-in"))]),
        ([changed(SLI, ("metadata.name", "Quick")), changed(BY_REF, ("spec.indicatorRef", "Quick"))], ["metadata.name", "spec.indicatorRef"], [SLI, BY_REF]),
    ],
    "not-text": [
        ([changed(SLO, ("metadata.labels", {"tier": 1, "new": True}))], ["metadata.labels.tier", "metadata.labels.new"], [changed(SLO, ("metadata.labels", {"tier": "1", "new": "true"}))]),
        ([changed(SLO, ("metadata.annotations", {"a": 1.5}))], ["metadata.annotations.a"], [changed(SLO, ("metadata.annotations", {"a": "1.5"}))]),
    ],
    "quoted-number": [
        ([changed(SLO, ("spec.objectives.0.target", "0.99"))], ["spec.objectives[0].target"], [SLO]),
        ([changed(CONDITION, ("spec.condition.threshold", "2"))], ["spec.condition.threshold"], [changed(CONDITION, ("spec.condition.threshold", 2))]),
    ],
    "no-budgeting-method": [([changed(SLO, ("spec.budgetingMethod", REMOVE))], ["spec"], [SLO])],
    "not-rolling": [
        ([changed(SLO, ("spec.timeWindow.0.isRolling", REMOVE))], ["spec.timeWindow[0]"], [SLO]),
        ([changed(SLO, ("spec.timeWindow.0.isRolling", False))], ["spec.timeWindow[0]"], [SLO]),
    ],
    "start-time": [
        ([changed(SLO, MONTHLY, (START, written))], ["spec.timeWindow[0].calendar.startTime"], [changed(SLO, MONTHLY, (START, read))])
        for written, read in [("2026-01-01", "2026-01-01 00:00:00"), ("2026-01-01 12:30", "2026-01-01 12:30:00"), ("2026-01-01T12:30:05", "2026-01-01 12:30:05"), ("2026-01-01T12:30:05Z", "2026-01-01 12:30:05")]
    ],
    "op-beside-ratio": [
        ([changed(SLO, ("spec.objectives.0.op", "gt"), ("spec.objectives.0.value", 1))], ["spec.objectives[0].op", "spec.objectives[0].value"], [SLO]),
        ([changed(BY_REF, ("spec.objectives.0.op", "gt")), SLI], ["spec.objectives[0].op"], [BY_REF, SLI]),
    ],
    "unused-slice": [
        ([changed(SLO, ("spec.objectives.0.timeSliceTarget", 0.9), ("spec.objectives.0.timeSliceWindow", "5m"))], ["spec.objectives[0].timeSliceTarget", "spec.objectives[0].timeSliceWindow"], [SLO]),
    ],
    "condition-operator": [
        ([changed(POLICY, ("spec.conditions.0.operator", "and")), CONDITION, TARGET], ["spec.conditions[0].operator"], [POLICY, CONDITION, TARGET]),
    ],
    "no-data-source": [
        ([changed(SLO, (f"{SPEC}.total.metricSource.metricSourceRef", "nowhere"))], [f"{SPEC}.total.metricSource.metricSourceRef"], [SLO]),
    ],
    "no-policy": [
        ([changed(SLO, ("spec.alertPolicies", [{"alertPolicyRef": "nobody"}, INLINE_POLICY]))], ["spec.alertPolicies[0].alertPolicyRef"], [changed(SLO, ("spec.alertPolicies", [INLINE_POLICY]))]),
        ([changed(SLO, ("spec.alertPolicies", ["nobody"]))], ["spec.alertPolicies[0]", "spec.alertPolicies[0].alertPolicyRef"], [changed(SLO, ("spec.alertPolicies", []))]),
    ],
}
# fmt: on


def test_every_leniency_has_a_case():
    assert [leniency.name for leniency in LENIENCIES] == list(CASES)


@pytest.mark.parametrize(
    ("broken", "paths", "mended"),
    [case for cases in CASES.values() for case in cases],
    ids=[f"{name}-{index}" for name, cases in CASES.items() for index in range(len(cases))],
)
def test_a_listed_rule_is_let_pass_and_read_as_if_it_had_been_kept(tmp_path, broken, paths, mended):
    strict = load_definitions(documents_of(tmp_path, *broken))
    lenient = load_definitions(documents_of(tmp_path, *broken), lenient=True)
    kept = load_definitions(documents_of(tmp_path, *mended))

    assert strict.problems != ()
    assert (lenient.problems, kept.problems) == ((), ())
    assert [path for path, _ in told(lenient.warnings)] == paths
    assert [without_places(o) for o in lenient.objectives] == [without_places(o) for o in kept.objectives]


def without_places(objective):
    """Lines may differ."""
    text = repr(objective)
    return [part for part in text.split(", ") if "where=" not in part]


@pytest.mark.parametrize(
    "edits",
    [
        [("spec.objectves", 1)],
        [("spec.objectives.0.target", 1)],
        [("spec.service", REMOVE)],
        [("spec.timeWindow", [])],
        [("spec.indicator", REMOVE)],
        [(f"{SPEC}.total", REMOVE)],
        [("spec.service", "%%%")],
        [MONTHLY, (START, "2026-01-01T00:00:00Z"), ("spec.timeWindow.0.calendar.timeZone", "Europe/Berlin")],
    ],
)
def test_what_is_not_listed_stays_an_error(tmp_path, edits):
    assert load_definitions(documents_of(tmp_path, changed(SLO, *edits)), lenient=True).problems != ()


def test_a_file_that_keeps_the_rules_is_read_the_same(tmp_path):
    made = (SLO, SLI, POLICY, CONDITION, TARGET, SERVICE)

    strict = load_definitions(documents_of(tmp_path, *made))

    assert load_definitions(documents_of(tmp_path, *made), lenient=True) == strict


def test_two_names_that_become_one_are_told(tmp_path):
    made = (changed(SLO, ("metadata.name", "Sign In")), SLO)

    definitions = load_definitions(documents_of(tmp_path, *made), lenient=True)

    assert 'a second SLO "sign-in"' in definitions.problems[0].what


def test_what_is_free_in_openslo_is_left_alone(tmp_path):
    made = changed(
        SLO,
        (f"{SPEC}.good.metricSource", {"type": "x", "spec": {"service": "My Service", "target": "1"}}),
        (f"{SPEC}.total.metricSource", {"type": "x", "spec": {"y": "z"}}),
    )

    (objective,) = load_definitions(documents_of(tmp_path, made), lenient=True).objectives

    assert objective.indicator.good.spec == {"service": "My Service", "target": "1"}
