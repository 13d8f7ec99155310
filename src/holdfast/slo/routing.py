"""Who is told of an alert: an Alertmanager configuration from notification targets and the error-budget policy.

    page before ticket          routes of pages come first, are sent at once, and again every hour
    targets of alert policies   those whose condition has the alert's severity; else all of the objective's
    the way up                  without targets, the policy's: a step that comes later is told then, if it still fires
    inhibition                  a page of an objective silences its ticket

It is a whole configuration that Alertmanager takes, with receivers that have names and no addresses yet: put its routes
and inhibitions into your own, or give its receivers theirs.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from holdfast.slo.objective import AnyObjective
from holdfast.slo.policy_terms import ErrorBudgetPolicy
from holdfast.slo.promql import range_text
from holdfast.slo.rule_set import RuleSet
from holdfast.slo.rule_text import yaml_lines
from holdfast.slo.rules import CONDITION_ALERT

NOBODY: Final = "nobody-is-named"
_SPECIAL: Final = re.compile(r"[^A-Za-z0-9_-]")
_GROUP_BY: Final = ("service", "objective", "severity")
_PACE: Final[Mapping[str, Mapping[str, str]]] = {
    "page": {"group_wait": "10s", "group_interval": "1m", "repeat_interval": "1h"},
    "ticket": {"group_wait": "5m", "group_interval": "1h", "repeat_interval": "1d"},
}


@dataclass(frozen=True, slots=True)
class Told:
    """Somebody, and how long after the alert, seconds."""

    receiver: str
    after: int = 0


def routing(made: RuleSet, policies: Sequence[ErrorBudgetPolicy] = ()) -> dict[str, Any]:
    """Alertmanager's configuration, as data."""
    objectives = [each.objective for each in made.rules]
    routes = [*_condition_routes(objectives)]
    for severity in _PACE:
        routes += _severity_routes(objectives, policies, severity)
    receivers = dict.fromkeys([NOBODY, *(route["receiver"] for route in routes)])
    return {
        "route": {"receiver": NOBODY, "group_by": list(_GROUP_BY), "routes": routes},
        "inhibit_rules": [
            {
                "source_matchers": [_equal("severity", "page")],
                "target_matchers": [_equal("severity", "ticket")],
                "equal": ["service", "objective"],
            }
        ],
        "receivers": [{"name": name} for name in receivers],
    }


def routing_text(made: RuleSet, policies: Sequence[ErrorBudgetPolicy] = ()) -> str:
    return "".join(yaml_lines(routing(made, policies)))


def policy_of(objective: AnyObjective, policies: Iterable[ErrorBudgetPolicy]) -> ErrorBudgetPolicy | None:
    """The first that covers it."""
    return next((each for each in policies if each.covers_objective(objective.name, objective.service)), None)


def escalation_text(policy: ErrorBudgetPolicy) -> str:
    """The way up, for the one who reads the alert."""
    steps = (
        f"{step.by} {step.to}" if not step.after else f"after {range_text(round(step.after))} {step.by} {step.to}"
        for step in policy.escalation
    )
    return "; ".join(steps)


def _condition_routes(objectives: Iterable[AnyObjective]) -> Iterator[dict[str, Any]]:
    """Of OpenSLO's conditions, each to the targets of its own policy."""
    for objective in objectives:
        for policy in objective.alert_policies:
            for index, target in enumerate(policy.targets):
                yield {
                    "matchers": [
                        _equal("alertname", CONDITION_ALERT),
                        _equal("objective", objective.name),
                        _equal("service", objective.service),
                        _equal("policy", policy.name),
                    ],
                    "receiver": target.name,
                    **_PACE["page"],
                    **({"continue": True} if index < len(policy.targets) - 1 else {}),
                }


def _severity_routes(
    objectives: Iterable[AnyObjective], policies: Sequence[ErrorBudgetPolicy], severity: str
) -> Iterator[dict[str, Any]]:
    """Objectives of a service with the same people share their routes."""
    alike: dict[tuple[str, tuple[Told, ...]], list[str]] = {}
    for objective in objectives:
        told = tuple(_told(objective, policies, severity))
        if told:
            alike.setdefault((objective.service, told), []).append(objective.name)
    for (service, told), names in alike.items():
        for index, one in enumerate(told):
            pace = dict(_PACE[severity])
            if one.after:
                pace["group_wait"] = range_text(one.after)
            yield {
                "matchers": [_equal("severity", severity), _equal("service", service), _one_of("objective", names)],
                "receiver": one.receiver,
                **pace,
                **({"continue": True} if index < len(told) - 1 else {}),
            }


def _told(objective: AnyObjective, policies: Sequence[ErrorBudgetPolicy], severity: str) -> Iterator[Told]:
    fitting = [policy for policy in objective.alert_policies if policy.condition.severity.lower() == severity]
    targets = [target.name for policy in (fitting or objective.alert_policies) for target in policy.targets]
    if targets:
        yield from (Told(name) for name in dict.fromkeys(targets))
        return
    policy = policy_of(objective, policies)
    if policy is None:
        return
    for step in policy.escalation if severity == "page" else policy.escalation[:1]:
        yield Told(f"{step.by}: {step.to}" if severity == "page" else f"ticket: {step.to}", round(step.after))


def _equal(label: str, value: str) -> str:
    return f'{label}="{_quoted(value)}"'


def _one_of(label: str, values: Sequence[str]) -> str:
    if len(values) == 1:
        return _equal(label, values[0])
    pattern = "|".join(_SPECIAL.sub(r"\\\g<0>", value) for value in values)
    return f'{label}=~"{_quoted(pattern)}"'


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
