"""OpenSLO's services, sources and alerts: what is accepted, what is resolved, and what every broken rule says."""
# ruff: noqa: E501 - the tables of rules have a row for each

from decimal import Decimal

import pytest
from tests.unit.slo_objects import (
    BURN,
    CONDITION,
    INLINE_POLICY,
    POLICY,
    REMOVE,
    SERVICE,
    SLO,
    SOURCE,
    TARGET,
    alert,
    changed,
    documents_of,
    inside,
    told,
)

from holdfast.slo.objective import AlertPolicy, Composite, Condition, NotificationTarget
from holdfast.slo.openslo import load_definitions

REFERRING = changed(SLO, ("spec.alertPolicies", [{"alertPolicyRef": "wake-somebody"}]))
ALL = (REFERRING, POLICY, CONDITION, TARGET)
BY_KIND = {
    "Service": SERVICE,
    "DataSource": SOURCE,
    "AlertPolicy": POLICY,
    "AlertCondition": CONDITION,
    "AlertNotificationTarget": TARGET,
}


def defined(tmp_path, *objects, lenient=False):
    return load_definitions(documents_of(tmp_path, *objects), lenient)


@pytest.mark.parametrize("order", [ALL, ALL[::-1]], ids=["slo first", "slo last"])
def test_an_alert_policy_is_resolved_with_all_that_it_names(tmp_path, order):
    definitions = defined(tmp_path, *order)

    assert definitions.problems == definitions.warnings == ()
    (objective,) = definitions.objectives
    (policy,) = objective.alert_policies
    assert policy.where.endswith(":1") or "objectives.yaml" in policy.where
    assert policy == AlertPolicy(
        name="wake-somebody",
        condition=Condition("fast-burn", "page", "gte", Decimal("14.4"), 3600, 300, "Fast."),
        targets=(NotificationTarget("on-call", "pagerduty", "Who is awake."),),
        when_no_data=True,
        when_resolved=True,
        when_breaching=True,
        description="Now.",
        where=policy.where,
    )


def test_an_alert_policy_may_stand_whole_inside_of_an_slo(tmp_path):
    definitions = defined(tmp_path, changed(SLO, ("spec.alertPolicies", [INLINE_POLICY])))

    (objective,) = definitions.objectives
    (policy,) = objective.alert_policies
    assert (policy.name, policy.condition.name, policy.targets[0].name) == ("wake-somebody", "fast-burn", "on-call")
    assert (policy.when_no_data, policy.when_resolved, policy.when_breaching) == (False, False, True)
    assert policy.where.endswith("spec.alertPolicies[0]")


def test_a_composite_has_the_policies_and_its_parts_have_none(tmp_path):
    slo = changed(REFERRING, ("spec.indicator", REMOVE), ("spec.objectives.0.indicator", SLO["spec"]["indicator"]))

    (composite,) = defined(tmp_path, slo, *ALL[1:]).objectives

    assert isinstance(composite, Composite)
    assert [policy.name for policy in composite.alert_policies] == ["wake-somebody"]
    assert composite.parts[0].alert_policies == ()


@pytest.mark.parametrize("spec", [{"alertAfter": "0m"}, {"alertAfter": REMOVE}])
def test_an_alert_may_wait_for_nothing(tmp_path, spec):
    condition = changed(CONDITION, *((f"spec.condition.{key}", value) for key, value in spec.items()))

    (objective,) = defined(tmp_path, REFERRING, POLICY, condition, TARGET).objectives

    assert objective.alert_policies[0].condition.after == 0


INLINE = changed(POLICY, ("spec.conditions", [inside(CONDITION)]), ("spec.notificationTargets", [inside(TARGET)]))
# fmt: off
ACCEPTED = {
    "a service without a description": (SERVICE, [("spec", {})]),
    "a source of any type": (SOURCE, [("spec.type", "datadog"), ("spec.connectionDetails", {})]),
    "a longest description": (SERVICE, [("spec.description", "x" * 1050)]),
    "a longest display name": (SERVICE, [("metadata.displayName", "x" * 63)]),
    "a longest name": (SERVICE, [("metadata.name", "x" * 63)]),
    "labels of every form": (SERVICE, [("metadata.labels", {"a": "b", "C.d_e-f": ["g", "h"], "x" * 63: ""})]),
    "annotations with a domain": (SERVICE, [("metadata.annotations", {"acme.example/who": "me", "plain": "", f"{'d' * 63}.example/{'x' * 63}": "y"})]),
    "a condition inside": (INLINE, []),
    "two targets": (POLICY, [("spec.notificationTargets", [{"targetRef": "on-call"}, inside(alert("AlertNotificationTarget", "other", target="chat"))])]),
    "every operator": (CONDITION, [("spec.condition.op", "gt")]),
    "a threshold of whole": (CONDITION, [("spec.condition.threshold", 2)]),
    "no delay": (CONDITION, [("spec.condition.alertAfter", REMOVE)]),
}
REJECTED = {
    "a service that says more": (SERVICE, [("spec.owner", "me")], "spec.owner", 'unknown key "owner"'),
    "a service without spec": (SERVICE, [("spec", REMOVE)], "spec", '"spec" is missing'),
    "a long description of a service": (SERVICE, [("spec.description", "x" * 1051)], "spec.description", "at most 1050"),
    "a long display name": (SERVICE, [("metadata.displayName", "x" * 64)], "metadata.displayName", "at most 63"),
    "a long name": (SERVICE, [("metadata.name", "x" * 64)], "metadata.name", "not a name"),
    "a name that ends in -": (SERVICE, [("metadata.name", "x-")], "metadata.name", "not a name"),
    "a label key with a space": (SERVICE, [("metadata.labels", {"a b": "c"})], "metadata.labels", "not a label"),
    "a long label key": (SERVICE, [("metadata.labels", {"x" * 64: "c"})], "metadata.labels", "not a label"),
    "a label key that ends in -": (SERVICE, [("metadata.labels", {"x-": "c"})], "metadata.labels", "not a label"),
    "a label that is true": (SERVICE, [("metadata.labels", {"a": True})], "metadata.labels.a", "in quotes"),
    "a list of numbers as label": (SERVICE, [("metadata.labels", {"a": [1]})], "metadata.labels.a", "in quotes"),
    "an annotation that is a number": (SERVICE, [("metadata.annotations", {"a": 1})], "metadata.annotations.a", "in quotes"),
    "an annotation with two slashes": (SERVICE, [("metadata.annotations", {"a/b/c": "d"})], "metadata.annotations", "not an annotation"),
    "an annotation of a domain that is none": (SERVICE, [("metadata.annotations", {"-a.b/c": "d"})], "metadata.annotations", "not an annotation"),
    "a long domain": (SERVICE, [("metadata.annotations", {f"{'.'.join(['x' * 50] * 5)}.e/c": "d"})], "metadata.annotations", "not an annotation"),
    "metadata that says more": (SERVICE, [("metadata.project", "x")], "metadata.project", 'unknown key "project"'),
    "a source without a type": (SOURCE, [("spec.type", REMOVE)], "spec.type", '"type" is missing'),
    "a source of an empty type": (SOURCE, [("spec.type", "")], "spec.type", "nothing in it"),
    "a source without connectionDetails": (SOURCE, [("spec.connectionDetails", REMOVE)], "spec.connectionDetails", '"connectionDetails" is missing'),
    "a source with connectionDetails of text": (SOURCE, [("spec.connectionDetails", "x")], "spec.connectionDetails", "mapping"),
    "a source that says more": (SOURCE, [("spec.conectionDetails", {})], "spec.conectionDetails", 'did you mean "connectionDetails"'),
    "a policy without conditions": (POLICY, [("spec.conditions", REMOVE)], "spec.conditions", '"conditions" is missing'),
    "a policy of no condition": (POLICY, [("spec.conditions", [])], "spec.conditions", "exactly one"),
    "a policy of two conditions": (POLICY, [("spec.conditions", [{"conditionRef": "fast-burn"}] * 2)], "spec.conditions", "exactly one"),
    "a policy without targets": (POLICY, [("spec.notificationTargets", REMOVE)], "spec.notificationTargets", '"notificationTargets" is missing'),
    "a policy that tells nobody": (POLICY, [("spec.notificationTargets", [])], "spec.notificationTargets", "nobody is told"),
    "a policy that says yes": (POLICY, [("spec.alertWhenNoData", "yes")], "spec.alertWhenNoData", "true or false"),
    "a policy that says more": (POLICY, [("spec.alertWhenNoDta", True)], "spec.alertWhenNoDta", 'did you mean "alertWhenNoData"'),
    "a condition of nothing": (POLICY, [("spec.conditions", [{"conditionRef": "fast-brn"}])], "spec.conditions[0].conditionRef", 'did you mean "fast-burn"'),
    "a target of nothing": (POLICY, [("spec.notificationTargets", [{"targetRef": "oncall"}])], "spec.notificationTargets[0].targetRef", 'did you mean "on-call"'),
    "a reference that is no name": (POLICY, [("spec.conditions", [{"conditionRef": "Fast Burn"}])], "spec.conditions[0].conditionRef", "not a name"),
    "a reference beside a condition": (POLICY, [("spec.conditions", [{**inside(CONDITION), "conditionRef": "fast-burn"}])], "spec.conditions[0].spec", "beside conditionRef"),
    "an entry that is neither": (POLICY, [("spec.conditions", [{}])], "spec.conditions[0]", "neither conditionRef nor"),
    "a condition inside without its kind": (INLINE, [("spec.conditions.0.kind", REMOVE)], "spec.conditions[0].kind", '"kind" is missing'),
    "a condition inside of another kind": (INLINE, [("spec.conditions.0.kind", "AlertPolicy")], "spec.conditions[0].kind", "'AlertCondition'"),
    "a condition inside without a name": (INLINE, [("spec.conditions.0.metadata", REMOVE)], "spec.conditions[0].metadata", '"metadata" is missing'),
    "a condition inside without a rule": (INLINE, [("spec.conditions.0.spec.condition", REMOVE)], "spec.conditions[0].spec.condition", '"condition" is missing'),
    "a target inside without spec": (INLINE, [("spec.notificationTargets.0.spec", REMOVE)], "spec.notificationTargets[0].spec", '"spec" is missing'),
    "no severity": (CONDITION, [("spec.severity", REMOVE)], "spec.severity", '"severity" is missing'),
    "an empty severity": (CONDITION, [("spec.severity", "")], "spec.severity", "nothing in it"),
    "no operator": (CONDITION, [("spec.condition.op", REMOVE)], "spec.condition.op", '"op" is missing'),
    "an unknown operator": (CONDITION, [("spec.condition.op", "eq")], "spec.condition.op", "'lte'"),
    "no threshold": (CONDITION, [("spec.condition.threshold", REMOVE)], "spec.condition.threshold", '"threshold" is missing'),
    "a threshold of text": (CONDITION, [("spec.condition.threshold", "2")], "spec.condition.threshold", "without quotes"),
    "no lookback": (CONDITION, [("spec.condition.lookbackWindow", REMOVE)], "spec.condition.lookbackWindow", '"lookbackWindow" is missing'),
    "a lookback of 0": (CONDITION, [("spec.condition.lookbackWindow", "0m")], "spec.condition.lookbackWindow", "duration"),
    "a delay in seconds": (CONDITION, [("spec.condition.alertAfter", "30s")], "spec.condition.alertAfter", "duration"),
    "another kind of condition": (CONDITION, [("spec.condition.kind", "latency")], "spec.condition.kind", "'burnrate'"),
    "a notification target of nothing": (TARGET, [("spec.target", REMOVE)], "spec.target", '"target" is missing'),
    "a notification target that is a mapping": (TARGET, [("spec.target", {"url": "x"})], "spec.target", "write text"),
}
# fmt: on


@pytest.mark.parametrize(("base", "edits"), ACCEPTED.values(), ids=ACCEPTED.keys())
def test_what_the_rules_allow_is_accepted(tmp_path, base, edits):
    others = [made for made in BY_KIND.values() if made["kind"] != base["kind"]]

    definitions = defined(tmp_path, changed(base, *edits), *others)

    assert definitions.problems == ()


@pytest.mark.parametrize(("base", "edits", "path", "what"), REJECTED.values(), ids=REJECTED.keys())
def test_a_broken_rule_is_told_with_its_path(tmp_path, base, edits, path, what):
    others = [made for made in BY_KIND.values() if made["kind"] != base["kind"]]

    definitions = defined(tmp_path, changed(base, *edits), *others)

    assert any(at == path and what in text for at, text in told(definitions.problems)), told(definitions.problems)


def test_rules_of_a_policy_inside_of_an_slo_have_the_path_from_the_slo(tmp_path):
    policy = changed(INLINE_POLICY, ("spec.conditions.0.spec.condition.op", "eq"), ("spec.notificationTargets", []))

    definitions = defined(tmp_path, changed(SLO, ("spec.alertPolicies", [policy])))

    assert definitions.objectives == ()
    assert [at for at, _ in told(definitions.problems)] == [
        "spec.alertPolicies[0].spec.conditions[0].spec.condition.op",
        "spec.alertPolicies[0].spec.notificationTargets",
    ]


def test_an_slo_whose_policy_is_broken_elsewhere_is_left_out_and_told_once(tmp_path):
    definitions = defined(tmp_path, REFERRING, POLICY, changed(CONDITION, ("spec.severity", REMOVE)), TARGET)

    assert definitions.objectives == ()
    assert [at for at, _ in told(definitions.problems)] == ["spec.severity"]


@pytest.mark.parametrize("inline", [True, False])
def test_an_alert_cannot_look_back_less_than_a_slice(tmp_path, inline):
    condition = changed(CONDITION, ("spec.condition.lookbackWindow", "5m"))
    policies = [inside(changed(INLINE, ("spec.conditions.0.spec.condition.lookbackWindow", "5m")))]
    slo = changed(
        REFERRING,
        ("spec.budgetingMethod", "Timeslices"),
        ("spec.objectives.0", {"target": 0.99, "timeSliceTarget": 0.95, "timeSliceWindow": "10m"}),
        *([("spec.alertPolicies", policies)] if inline else []),
    )

    broken = defined(tmp_path, slo, POLICY, condition, TARGET)
    fine = defined(tmp_path, changed(slo, ("spec.objectives.0.timeSliceWindow", "5m")), POLICY, condition, TARGET)

    assert told(broken.problems)[0][0] == "spec.alertPolicies[0]"
    assert "less than the time slice" in broken.problems[0].what
    assert fine.problems == ()


# fmt: off
HARDLY_MEANT = {
    "no kind of condition": ((REFERRING, POLICY, changed(CONDITION, ("spec.condition.kind", REMOVE)), TARGET), "spec.condition.kind", "burnrate is taken"),
    "an alert when little burns": ((REFERRING, POLICY, changed(CONDITION, ("spec.condition.op", "lte")), TARGET), "spec.condition.op", "while the burn rate is low"),
    "the same inside": ((changed(SLO, ("spec.alertPolicies", [changed(INLINE_POLICY, ("spec.conditions.0.spec.condition.op", "lt"))])),), "spec.alertPolicies[0].spec.conditions[0].spec.condition.op", "while the burn rate is low"),
    "an alert that always fires": ((CONDITION | {"spec": {"severity": "x", "condition": BURN | {"threshold": 0}}},), "spec.condition.threshold", "always fire"),
    "an alert that never fires": ((REFERRING, POLICY, changed(CONDITION, ("spec.condition.threshold", 100.5)), TARGET), "sign-in", "can never fire"),
    "an alert above the fastest burn": ((REFERRING, POLICY, changed(CONDITION, ("spec.condition.threshold", 100), ("spec.condition.op", "gt")), TARGET), "sign-in", "can never fire"),
    "a lookback beyond the window": ((REFERRING, POLICY, changed(CONDITION, ("spec.condition.lookbackWindow", "5w")), TARGET), "sign-in", "further than the window"),
    "a policy that is silent": ((changed(POLICY, ("spec.alertWhenNoData", False), ("spec.alertWhenResolved", False), ("spec.alertWhenBreaching", False)), CONDITION, TARGET), "spec.alertWhenBreaching", "never tells"),
    "a service that is not there": ((changed(SERVICE, ("metadata.name", "acount")), SLO), "spec.service", 'no Service "account"'),
    "a target of 0": ((changed(SLO, ("spec.objectives.0.target", 0)),), "spec.objectives[0].target", "asks nothing"),
    "a percentage of 0": ((changed(SLO, ("spec.objectives.0", {"targetPercent": 0.0})),), "spec.objectives[0].targetPercent", "asks nothing"),
    "a share for a percentage": ((changed(SLO, ("spec.objectives.0", {"targetPercent": 0.999})),), "spec.objectives[0].targetPercent", "it is in percent"),
    "minutes for months": ((changed(SLO, ("spec.timeWindow.0.duration", "1m")),), "spec.timeWindow[0].duration", "M is months"),
    "an annotation of the specification": ((changed(SLO, ("metadata.annotations", {"openslo.com/folder": "x"})),), "metadata.annotations.openslo.com/folder", "specification's own"),
    "an annotation that nobody reads": ((changed(SLO, ("metadata.annotations", {"holdfast.dev/runbok": "x"})),), "metadata.annotations.holdfast.dev/runbok", "nobody reads"),
    "a weight of nothing": ((changed(SLO, ("spec.objectives.0.compositeWeight", 2)),), "spec.objectives[0].compositeWeight", "outside of a composite"),
}
# fmt: on


@pytest.mark.parametrize(("objects", "path", "what"), HARDLY_MEANT.values(), ids=HARDLY_MEANT.keys())
def test_what_is_hardly_meant_is_a_warning_and_no_problem(tmp_path, objects, path, what):
    definitions = defined(tmp_path, *objects)

    assert definitions.problems == ()
    assert [at for at, _ in told(definitions.warnings)] == [path]
    assert what in definitions.warnings[0].what


def test_an_alert_at_exactly_the_fastest_burn_can_fire(tmp_path):
    definitions = defined(tmp_path, REFERRING, POLICY, changed(CONDITION, ("spec.condition.threshold", 100)), TARGET)

    assert definitions.warnings == ()


def test_a_service_is_asked_for_only_where_there_are_services(tmp_path):
    assert defined(tmp_path, SLO).warnings == ()
    assert defined(tmp_path, SERVICE, SLO).warnings == ()
