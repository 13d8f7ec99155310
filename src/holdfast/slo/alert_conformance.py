"""OpenSLO v1's rules between the properties of alert policies: plain data in, every broken rule out."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from holdfast.errors import Problem
from holdfast.slo.resolving import Resolve, list_of, mapping_of
from holdfast.workspace.document import Document, PropertyPath, nearest


@dataclass(frozen=True, slots=True)
class Part:
    """What stands in a list of another object: written there, or by the name of an object of its own."""

    kind: str
    ref: str


POLICY: Final = Part("AlertPolicy", "alertPolicyRef")
CONDITION: Final = Part("AlertCondition", "conditionRef")
TARGET: Final = Part("AlertNotificationTarget", "targetRef")


def entry_problems(
    document: Document, at: PropertyPath, entry: Mapping[str, Any], part: Part, resolve: Resolve
) -> Iterator[Problem]:
    """Of one entry of alertPolicies, conditions or notificationTargets."""
    inline = [key for key in ("kind", "metadata", "spec") if key in entry]
    if part.ref in entry:
        name = entry[part.ref]
        for key in inline:
            yield Problem(document.where((*at, key)), f"{key} stands beside {part.ref}", "keep one of the two forms")
        if isinstance(name, str) and resolve(part.kind, name) is None:
            what = f'there is no {part.kind} "{name}" in these files'
            yield Problem(document.where((*at, part.ref)), what, nearest(name, resolve.names(part.kind)))
        return
    if not inline:
        yield Problem(document.where(at), f"neither {part.ref} nor an {part.kind}", f"write {part.ref}: NAME")
        return
    for key in ("kind", "metadata", "spec"):
        if key not in entry:
            fix = f"write kind: {part.kind}" if key == "kind" else "add it"
            yield Problem(document.where((*at, key)), f'"{key}" is missing', fix)
    if part is POLICY and isinstance(entry.get("spec"), dict):
        yield from policy_problems(document, (*at, "spec"), entry["spec"], resolve)


def policy_problems(
    document: Document, at: PropertyPath, spec: Mapping[str, Any], resolve: Resolve
) -> Iterator[Problem]:
    """Of an alert policy's `spec`, in a document of its own or inside an SLO."""
    conditions, targets = spec.get("conditions"), spec.get("notificationTargets")
    if isinstance(conditions, list) and len(conditions) != 1:
        what = f"{len(conditions)} conditions, and a policy has exactly one"
        yield Problem(document.where((*at, "conditions")), what, "write a policy for each")
    if isinstance(targets, list) and not targets:
        yield Problem(document.where((*at, "notificationTargets")), "nobody is told", "write - targetRef: NAME")
    for key, part in (("conditions", CONDITION), ("notificationTargets", TARGET)):
        for index, entry in enumerate(list_of(spec.get(key))):
            if isinstance(entry, dict):
                yield from entry_problems(document, (*at, key, index), entry, part, resolve)


def lookback_of(entry: object, resolve: Resolve) -> object:
    """The lookbackWindow, as written, of the policy that an entry of alertPolicies is or names; None without one."""
    spec = mapping_of(entry).get("spec")
    if POLICY.ref in mapping_of(entry):
        spec = resolve(POLICY.kind, mapping_of(entry)[POLICY.ref])
    conditions = list_of(mapping_of(spec).get("conditions"))
    condition = mapping_of(conditions[0]) if conditions else {}
    spec = condition.get("spec")
    if CONDITION.ref in condition:
        spec = resolve(CONDITION.kind, condition[CONDITION.ref])
    return mapping_of(mapping_of(spec).get("condition")).get("lookbackWindow")
