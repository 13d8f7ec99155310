"""What the files under `slo/` mean, references resolved: objectives and what they count. Data only."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Any, Literal

from holdfast.slo.indicator import Indicator
from holdfast.slo.window import Window

Operator = Literal["lte", "gte", "lt", "gt"]


class Method(StrEnum):
    """OpenSLO's budgetingMethod: what the error budget is counted in."""

    OCCURRENCES = "Occurrences"
    """Events: good over all."""
    TIMESLICES = "Timeslices"
    """Slices of time: those good enough over all."""
    RATIO_TIMESLICES = "RatioTimeslices"
    """Slices of time: the mean of their ratios."""


class NoData(StrEnum):
    """What a slice of time without an event counts as."""

    EXCLUDE = "exclude"
    GOOD = "good"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Slices:
    """How time is cut. `target`: the ratio from which a slice is good (Timeslices only)."""

    seconds: int
    target: Decimal | None
    no_data: NoData = NoData.EXCLUDE
    partial: NoData = NoData.EXCLUDE  # slices cut by the edge of a window or of an exclusion


@dataclass(frozen=True, slots=True)
class Query:
    """A metric of a source other than holdfast's own record. `spec` is free in OpenSLO: its source reads it.

    `type`: the kind of source, lower case ("prometheus", "csv"); `connection`: of the DataSource that it names.
    """

    type: str
    spec: Mapping[str, Any]
    connection: Mapping[str, Any] = field(default_factory=dict)
    source_name: str = ""  # of the DataSource
    where: str = ""


@dataclass(frozen=True, slots=True)
class QueryRatio:
    """Good or bad events over all. `counter`: the metrics only ever rise; else they are events since the last one."""

    name: str
    total: Query
    good: Query | None = None
    bad: Query | None = None
    counter: bool = True


@dataclass(frozen=True, slots=True)
class QueryRaw:
    """A metric that is a ratio itself, of good events where `success`, else of bad ones."""

    name: str
    raw: Query
    success: bool


@dataclass(frozen=True, slots=True)
class QueryThreshold:
    """A metric whose values are good while `value op limit` holds."""

    name: str
    metric: Query
    op: Operator
    limit: Decimal


AnyIndicator = Indicator | QueryRatio | QueryRaw | QueryThreshold


@dataclass(frozen=True, slots=True)
class Condition:
    """OpenSLO's AlertCondition of kind burnrate. `lookback`, `after`: seconds."""

    name: str
    severity: str
    op: Operator
    threshold: Decimal
    lookback: int
    after: int = 0
    description: str = ""


@dataclass(frozen=True, slots=True)
class NotificationTarget:
    name: str
    target: str
    description: str = ""


@dataclass(frozen=True, slots=True)
class AlertPolicy:
    """When who is told. `where`: its line in the file."""

    name: str
    condition: Condition
    targets: tuple[NotificationTarget, ...]
    when_no_data: bool = False
    when_resolved: bool = False
    when_breaching: bool = True
    description: str = ""
    where: str = ""


@dataclass(frozen=True, slots=True)
class Objective:
    """What a service promises. `target`: share of good events; `where`: the line of the target.

    `weight`: in a composite, how much of the composite's budget its own is worth. `labels`, `annotations`: as written.
    """

    name: str
    display_name: str
    service: str
    description: str
    target: Decimal
    window: Window
    indicator: AnyIndicator
    runbook: str
    owner: str
    where: str
    method: Method = Method.OCCURRENCES
    slices: Slices | None = None
    weight: Decimal = Decimal(1)
    labels: Mapping[str, str | tuple[str, ...]] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    alert_policies: tuple[AlertPolicy, ...] = ()

    @property
    def events(self) -> Indicator:
        """Its indicator, where it counts events of holdfast's own record. Raises TypeError where it does not."""
        if not isinstance(self.indicator, Indicator):
            raise TypeError(f"{self.name} does not count events of a run's record")
        return self.indicator


@dataclass(frozen=True, slots=True)
class Composite:
    """Objectives judged as one (OpenSLO: an indicator in each objective). All parts share method and window."""

    name: str
    display_name: str
    service: str
    description: str
    window: Window
    method: Method
    parts: tuple[Objective, ...]
    runbook: str
    owner: str
    where: str
    slices: Slices | None = None
    labels: Mapping[str, str | tuple[str, ...]] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    alert_policies: tuple[AlertPolicy, ...] = ()


AnyObjective = Objective | Composite


def parts_of(objective: AnyObjective) -> tuple[Objective, ...]:
    """Of a composite its parts; else itself."""
    return objective.parts if isinstance(objective, Composite) else (objective,)


def names_of(objectives: Iterable[AnyObjective]) -> list[str]:
    """Every name that a document may call one by: of composites their parts', too; each once."""
    return list(dict.fromkeys(one.name for objective in objectives for one in (objective, *parts_of(objective))))
