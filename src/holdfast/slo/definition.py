"""The shapes of OpenSLO v1's services, sources, indicators and objectives, as people write them.

The rules between properties are in `conformance`; alerts are in `alert_definition`.
"""

from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from holdfast.record.sample import OUTCOMES
from holdfast.slo.alert_definition import PolicyEntry
from holdfast.slo.indicator import NEVER_GOOD, SOURCES
from holdfast.slo.property import (
    Description,
    Duration,
    Metadata,
    Name,
    Number,
    Operator,
    Shape,
    ShortText,
    SliceSeconds,
    StartTime,
    Text,
    TimeZone,
)
from holdfast.workspace.binding import Duration as Span
from holdfast.workspace.document import nearest


def _limits(**limits: float) -> WithJsonSchema:
    return WithJsonSchema({"type": "number", **limits})


def _target(value: Decimal) -> Decimal:
    if not 0 <= value < 1:
        looks = ", or targetPercent" if 1 < value < 100 else ""
        raise ValueError(f"a target is a share of at least 0 and below 1, not {value}: write one such as 0.99{looks}")
    return value


def _target_percent(value: Decimal) -> Decimal:
    if not 0 <= value < 100:
        raise ValueError(f"targetPercent is at least 0 and below 100, not {value}: 100 would leave no error budget")
    return value


def _slice_target(value: Decimal) -> Decimal:
    if not 0 < value <= 1:
        raise ValueError(f"timeSliceTarget is a share above 0, at most 1, not {value}")
    return value


class MetricSource(Shape):
    metric_source_ref: Name | None = None
    type: Text | None = None
    spec: Annotated[dict[str, Any], Field(min_length=1)]


class Metric(Shape):
    metric_source: MetricSource


class RatioMetric(Shape):
    counter: bool | None = None
    good: Metric | None = None
    bad: Metric | None = None
    total: Metric | None = None
    raw: Metric | None = None
    raw_type: Literal["success", "failure"] | None = None


class IndicatorSpec(Shape):
    description: Description = ""
    threshold_metric: Metric | None = None
    ratio_metric: RatioMetric | None = None


class InlineIndicator(Shape):
    metadata: Metadata
    spec: IndicatorSpec


class IndicatorObject(InlineIndicator):
    """kind: SLI."""

    api_version: str
    kind: Literal["SLI"]


class Calendar(Shape):
    start_time: StartTime
    time_zone: TimeZone


class TimeWindow(Shape):
    duration: Duration
    is_rolling: bool = False
    calendar: Calendar | None = None


class ObjectiveEntry(Shape):
    display_name: ShortText = ""
    op: Operator | None = None
    value: Number | None = None
    target: Annotated[Number, AfterValidator(_target), _limits(minimum=0, exclusiveMaximum=1)] | None = None
    target_percent: (
        Annotated[Number, AfterValidator(_target_percent), _limits(minimum=0, exclusiveMaximum=100)] | None
    ) = None
    time_slice_target: (
        Annotated[Number, AfterValidator(_slice_target), _limits(exclusiveMinimum=0, maximum=1)] | None
    ) = None
    time_slice_window: SliceSeconds | None = None
    composite_weight: Annotated[Number, Field(gt=0), _limits(exclusiveMinimum=0)] | None = None
    indicator: InlineIndicator | None = None
    indicator_ref: Name | None = None


class ObjectiveSpec(Shape):
    description: Description = ""
    service: Name
    indicator: InlineIndicator | None = None
    indicator_ref: Name | None = None
    time_window: Annotated[tuple[TimeWindow, ...], Field(strict=False)]
    budgeting_method: Literal["Occurrences", "Timeslices", "RatioTimeslices"]
    objectives: Annotated[tuple[ObjectiveEntry, ...], Field(strict=False)]
    alert_policies: Annotated[tuple[PolicyEntry, ...], Field(strict=False)] = ()


class ObjectiveObject(Shape):
    """kind: SLO."""

    api_version: str
    kind: Literal["SLO"]
    metadata: Metadata
    spec: ObjectiveSpec


class DataSourceSpec(Shape):
    description: Description = ""
    type: Text
    connection_details: dict[str, Any]


class DataSourceObject(Shape):
    """kind: DataSource."""

    api_version: str
    kind: Literal["DataSource"]
    metadata: Metadata
    spec: DataSourceSpec


class ServiceSpec(Shape):
    description: Description = ""


class ServiceObject(Shape):
    """kind: Service."""

    api_version: str
    kind: Literal["Service"]
    metadata: Metadata
    spec: ServiceSpec


def _words(value: Any) -> Any:
    return (value,) if isinstance(value, str) else tuple(value) if isinstance(value, list) else value


def _globs(names: tuple[str, ...]) -> tuple[str, ...]:
    if not names:
        raise ValueError("no name: write a scenario, a journey or a step, such as */sign_in")
    for name in names:
        if not all(name.split("/", 2)):
            raise ValueError(f'"{name}" has an empty part: write scenario, scenario/step or scenario/step/request')
    if len({min(name.count("/"), 2) for name in names}) > 1:
        raise ValueError(
            "names of different depth would count the same visit twice: keep to scenarios (sign_in), steps (*/sign_in) "
            "or requests (*/*/GET invoices)"
        )
    return names


def _outcomes(words: tuple[str, ...]) -> tuple[str, ...]:
    for word in words:
        if word not in OUTCOMES:
            raise ValueError(f'"{word}" is not an outcome: {nearest(word, OUTCOMES)}')
    return words


def _source(word: str) -> str:
    if word not in SOURCES:
        raise ValueError(f'"{word}" is not a source: {nearest(word, SOURCES)}')
    return word


def _one_or_more(**each: Any) -> WithJsonSchema:
    one = {"type": "string", **each}
    return WithJsonSchema({"anyOf": [one, {"type": "array", "items": one}]})


Words = Annotated[tuple[str, ...], BeforeValidator(_words), _one_or_more()]


class HoldfastMetric(Shape):
    """metricSource type `holdfast`: which samples of a run. See `indicator.Selector`."""

    name: Annotated[Words, AfterValidator(_globs)]
    source: Annotated[str, AfterValidator(_source), WithJsonSchema({"enum": list(SOURCES)})] | None = None
    outcome: Annotated[Words, AfterValidator(_outcomes), _one_or_more(enum=list(OUTCOMES))] = ()
    under: Annotated[Span, Field(gt=0)] | None = None


def never_good(words: tuple[str, ...]) -> list[str]:
    """Those of the outcomes that no service may call good."""
    return [word for word in words if word in NEVER_GOOD]
