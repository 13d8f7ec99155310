"""The shapes of OpenSLO v1's alerts, as people write them. The rules between properties are in `alert_conformance`."""

from typing import Annotated, Literal

from pydantic import Field

from holdfast.slo.property import Delay, Description, Metadata, Name, Number, Operator, Seconds, Shape, Text

BURN_RATE: Literal["burnrate"] = "burnrate"


class ConditionRule(Shape):
    """`threshold`: a burn rate; `kind`: the specification gives it a default, the Go SDK asks for it."""

    kind: Literal["burnrate"] = BURN_RATE
    op: Operator
    threshold: Number
    lookback_window: Seconds
    alert_after: Delay = 0


class ConditionSpec(Shape):
    description: Description = ""
    severity: Text
    condition: ConditionRule


class TargetSpec(Shape):
    description: Description = ""
    target: Text


class ConditionEntry(Shape):
    """In a policy: written there, or by name."""

    condition_ref: Name | None = None
    kind: Literal["AlertCondition"] | None = None
    metadata: Metadata | None = None
    spec: ConditionSpec | None = None


class TargetEntry(Shape):
    target_ref: Name | None = None
    kind: Literal["AlertNotificationTarget"] | None = None
    metadata: Metadata | None = None
    spec: TargetSpec | None = None


class PolicySpec(Shape):
    description: Description = ""
    alert_when_no_data: bool | None = None
    alert_when_resolved: bool | None = None
    alert_when_breaching: bool | None = None
    conditions: Annotated[tuple[ConditionEntry, ...], Field(strict=False)]
    notification_targets: Annotated[tuple[TargetEntry, ...], Field(strict=False)]


class PolicyEntry(Shape):
    """In an SLO."""

    alert_policy_ref: Name | None = None
    kind: Literal["AlertPolicy"] | None = None
    metadata: Metadata | None = None
    spec: PolicySpec | None = None


class ConditionObject(Shape):
    """kind: AlertCondition."""

    api_version: str
    kind: Literal["AlertCondition"]
    metadata: Metadata
    spec: ConditionSpec


class TargetObject(Shape):
    """kind: AlertNotificationTarget."""

    api_version: str
    kind: Literal["AlertNotificationTarget"]
    metadata: Metadata
    spec: TargetSpec


class PolicyObject(Shape):
    """kind: AlertPolicy."""

    api_version: str
    kind: Literal["AlertPolicy"]
    metadata: Metadata
    spec: PolicySpec
