"""OpenSLO's alert policies with all that they name: conditions and targets, written inside or by themselves."""

from holdfast.slo.alert_conformance import CONDITION, POLICY, TARGET
from holdfast.slo.alert_definition import (
    ConditionEntry,
    ConditionObject,
    ConditionSpec,
    PolicyEntry,
    PolicyObject,
    PolicySpec,
    TargetEntry,
    TargetObject,
    TargetSpec,
)
from holdfast.slo.library import Library
from holdfast.slo.objective import AlertPolicy, Condition, NotificationTarget
from holdfast.workspace.binding import Model, bind
from holdfast.workspace.document import Document, PropertyPath


def policy_of(document: Document, at: PropertyPath, entry: PolicyEntry, library: Library) -> AlertPolicy | None:
    """Of an entry of an SLO's alertPolicies that keeps the rules; None where something that it names does not: that
    is told with the object itself."""
    if entry.alert_policy_ref is not None:
        named = library.find(POLICY.kind, entry.alert_policy_ref)
        bound = _bound(PolicyObject, named)
        if named is None or bound is None:
            return None
        return _policy(named.where(()), bound.metadata.name, bound.spec, library)
    if entry.metadata is None or entry.spec is None:
        return None
    return _policy(document.where(at), entry.metadata.name, entry.spec, library)


def _policy(where: str, name: str, spec: PolicySpec, library: Library) -> AlertPolicy | None:
    conditions = [_condition(entry, library) for entry in spec.conditions]
    targets = tuple(target for entry in spec.notification_targets if (target := _target(entry, library)) is not None)
    condition = conditions[0] if conditions else None
    if condition is None or len(targets) < len(spec.notification_targets):
        return None
    return AlertPolicy(
        name=name,
        condition=condition,
        targets=targets,
        when_no_data=spec.alert_when_no_data is True,
        when_resolved=spec.alert_when_resolved is True,
        when_breaching=spec.alert_when_breaching is not False,
        description=spec.description,
        where=where,
    )


def _condition(entry: ConditionEntry, library: Library) -> Condition | None:
    if entry.condition_ref is not None:
        bound = _bound(ConditionObject, library.find(CONDITION.kind, entry.condition_ref))
        return None if bound is None else _condition_from(bound.metadata.name, bound.spec)
    return None if entry.metadata is None or entry.spec is None else _condition_from(entry.metadata.name, entry.spec)


def _condition_from(name: str, spec: ConditionSpec) -> Condition:
    rule = spec.condition
    return Condition(
        name, spec.severity, rule.op, rule.threshold, rule.lookback_window, rule.alert_after, spec.description
    )


def _target(entry: TargetEntry, library: Library) -> NotificationTarget | None:
    if entry.target_ref is not None:
        bound = _bound(TargetObject, library.find(TARGET.kind, entry.target_ref))
        return None if bound is None else _target_from(bound.metadata.name, bound.spec)
    return None if entry.metadata is None or entry.spec is None else _target_from(entry.metadata.name, entry.spec)


def _target_from(name: str, spec: TargetSpec) -> NotificationTarget:
    return NotificationTarget(name, spec.target, spec.description)


def _bound(model: type[Model], document: Document | None) -> Model | None:
    """None where it has problems, which are told with its own document."""
    return None if document is None else bind(model, document)[0]
