"""The labels and annotations of rules: what an alert is routed by, and what the one who is woken reads.

Recorded series carry `slo_objective` and `slo_service`: a prefix of their own, because the series that they are made of
may well have labels called service or job. Alerts have both, and beside them the plain words that people route by:
severity, objective, service, and where they are known journey, owner and escalation.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Final

from holdfast.errors import Problem
from holdfast.slo.indicator import Indicator
from holdfast.slo.objective import AnyObjective, Objective

OBJECTIVE: Final = "slo_objective"
SERVICE: Final = "slo_service"
RESERVED: Final = frozenset({"alertname", "severity", "objective", "service", OBJECTIVE, SERVICE})
JOURNEY: Final = "journey"

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_MATCHES_ANY: Final = re.compile(r"[*?]")


def record_labels(objective: AnyObjective, extra: Mapping[str, str]) -> dict[str, str]:
    return {OBJECTIVE: objective.name, SERVICE: objective.service, **extra}


def alert_labels(objective: AnyObjective, severity: str, escalation: str, extra: Mapping[str, str]) -> dict[str, str]:
    """Of an alert. Those that holdfast knows better stand before a user's own: see `label_warnings`."""
    ours = {
        "severity": severity,
        "objective": objective.name,
        "service": objective.service,
        JOURNEY: journey_of(objective),
        "owner": objective.owner,
        "escalation": escalation,
    }
    return {**user_labels(objective), **extra, **{key: value for key, value in ours.items() if value}}


def user_labels(objective: AnyObjective, kept: Collection[str] = RESERVED) -> dict[str, str]:
    """The metadata's labels under names that Prometheus takes, less those `kept`: tier-name → tier_name."""
    found: dict[str, str] = {}
    for key, value in objective.labels.items():
        name = label_name(key)
        if name not in kept and name not in found:
            found[name] = value if isinstance(value, str) else ",".join(value)
    return found


def label_warnings(objective: AnyObjective) -> Iterator[Problem]:
    """Labels that alerts cannot carry as they are written."""
    taken: dict[str, str] = {}
    for key in objective.labels:
        name = label_name(key)
        if name in RESERVED:
            what = f'the label "{key}" of {objective.name} is not put on its alerts: {name} is one of holdfast\'s own'
            yield Problem(objective.where, what, "call it something else")
        elif name in taken:
            what = f'the labels "{taken[name]}" and "{key}" of {objective.name} are both {name} in Prometheus'
            yield Problem(objective.where, what, "rename one: the first is kept")
        taken.setdefault(name, key)


def label_name(key: str) -> str:
    """What Prometheus takes: letters, digits and _, beginning neither with a digit nor with __, which are its own."""
    name = re.sub(r"[^A-Za-z0-9_]", "_", key)
    name = name if _NAME.fullmatch(name) else f"_{name}"
    return f"label{name}" if name.startswith("__") else name


def is_label_name(name: str) -> bool:
    return _NAME.fullmatch(name) is not None and not name.startswith("__")


def journey_of(objective: AnyObjective) -> str:
    """The label `journey`; else the one scenario or journey that the objective's selector names; else nothing."""
    written = objective.labels.get(JOURNEY)
    if written:
        return written if isinstance(written, str) else ",".join(written)
    if not isinstance(objective, Objective) or not isinstance(objective.indicator, Indicator):
        return ""
    first = {name.partition("/")[0] for name in objective.indicator.total.names}
    return first.pop() if len(first) == 1 and not any(_MATCHES_ANY.search(name) for name in first) else ""
