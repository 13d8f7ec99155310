"""The shapes of OpenSLO v1 objects, as people write them: one property at a time.

The rules between properties are in `conformance`.

Source: the OpenSLO specification v1 and, where it is silent or contradicts itself, the validators of its Go SDK.
"""

import re
import zoneinfo
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field
from pydantic.alias_generators import to_camel

from holdfast.record.sample import OUTCOMES
from holdfast.slo.budget import exact
from holdfast.slo.indicator import NEVER_GOOD, SOURCES
from holdfast.slo.window import START_TIME, parse_window, seconds_of
from holdfast.workspace.binding import Definition
from holdfast.workspace.binding import Duration as Seconds
from holdfast.workspace.document import nearest

_LABEL: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")  # RFC 1123
_LABEL_KEY: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?")
_ANNOTATION_KEY: Final = re.compile(rf"(?:[a-z0-9](?:[a-z0-9.-]{{0,251}}[a-z0-9])?/)?{_LABEL_KEY.pattern}")


def _label(text: str) -> str:
    if not _LABEL.fullmatch(text):
        raise ValueError(f'"{text}" is not a name: at most 63 lower-case letters, digits and "-", no "-" at the ends')
    return text


def _number(value: Any) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, (int, float, Decimal)):
        raise ValueError(f"{value!r} is not a number: write one without quotes")  # noqa: TRY004 - pydantic's way
    return Decimal(str(value))


def _target(value: Decimal) -> Decimal:
    if not 0 < value < 1:
        looks = ", or targetPercent" if 1 < value < 100 else ""
        raise ValueError(f"a target is a share above 0 and below 1, not {value}: write one such as 0.99{looks}")
    return value


def _target_percent(value: Decimal) -> Decimal:
    if not 0 < value < 100:
        raise ValueError(f"targetPercent is above 0 and below 100, not {value}: 100 would leave no error budget")
    return value


def _slice_target(value: Decimal) -> Decimal:
    if not 0 < value <= 1:
        raise ValueError(f"timeSliceTarget is a share above 0, at most 1, not {value}")
    return value


def _slice_window(value: Any) -> Any:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        if value <= 0:
            raise ValueError("timeSliceWindow in minutes is above 0")
        if (seconds := exact(value) * 60) != int(seconds):
            raise ValueError(f"timeSliceWindow is whole seconds long, and {value} minutes are not")
        return int(seconds)
    return seconds_of(value)


def _duration(text: str) -> str:
    parse_window(text)
    return text


def _start_time(text: str) -> str:
    try:
        datetime.strptime(text, START_TIME)  # noqa: DTZ007 - its zone stands beside it, in timeZone
    except ValueError:
        raise ValueError(f'"{text}" is not a start time: write one such as "2026-01-01 00:00:00"') from None
    return text


def _time_zone(text: str) -> str:
    try:
        zoneinfo.ZoneInfo(text)
    except (ValueError, zoneinfo.ZoneInfoNotFoundError, OSError):
        raise ValueError(f'"{text}" is not a time zone: write a name such as Europe/Berlin, or UTC') from None
    return text


def _labels(found: dict[str, Any]) -> dict[str, Any]:
    for key, value in found.items():
        if not _LABEL_KEY.fullmatch(key):
            raise ValueError(f'"{key}" is not a label: at most 63 letters, digits, "-", "_" and "." inside')
        if not (isinstance(value, str) or (isinstance(value, list) and all(isinstance(v, str) for v in value))):
            raise ValueError(f'the label "{key}" is text or a list of texts: put numbers in quotes')
    return found


def _annotations(found: dict[str, Any]) -> dict[str, Any]:
    for key, value in found.items():
        if not _ANNOTATION_KEY.fullmatch(key):
            raise ValueError(f'"{key}" is not an annotation: write a name, or domain/name')
        if key.startswith("openslo.com/"):
            raise ValueError(f'"{key}": openslo.com/ is reserved, use a domain of your own')
        if not isinstance(value, str):
            raise ValueError(f'the annotation "{key}" is text: put numbers in quotes')  # noqa: TRY004 - pydantic's way
    return found


Name = Annotated[str, AfterValidator(_label)]
ShortText = Annotated[str, Field(max_length=63)]
Description = Annotated[str, Field(max_length=1050)]
Number = Annotated[Decimal, BeforeValidator(_number)]
StartTime = Annotated[str, AfterValidator(_start_time)]
TimeZone = Annotated[str, AfterValidator(_time_zone)]


class Shape(Definition):
    """Base: camelCase keys, as OpenSLO writes them, and no others."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=False)


class Metadata(Shape):
    name: Name
    display_name: ShortText = ""
    labels: Annotated[dict[str, Any], AfterValidator(_labels)] = Field(default_factory=dict)
    annotations: Annotated[dict[str, Any], AfterValidator(_annotations)] = Field(default_factory=dict)


class OtherObject(Shape):
    """Kinds that holdfast reads no further than their name."""

    api_version: str
    kind: str
    metadata: Metadata
    spec: dict[str, Any]


class MetricSource(Shape):
    metric_source_ref: Name | None = None
    type: str | None = None
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
    duration: Annotated[str, AfterValidator(_duration)]
    is_rolling: bool = False
    calendar: Calendar | None = None


class ObjectiveEntry(Shape):
    display_name: ShortText = ""
    op: Literal["lte", "gte", "lt", "gt"] | None = None
    value: Number | None = None
    target: Annotated[Number, AfterValidator(_target)] | None = None
    target_percent: Annotated[Number, AfterValidator(_target_percent)] | None = None
    time_slice_target: Annotated[Number, AfterValidator(_slice_target)] | None = None
    time_slice_window: Annotated[int, BeforeValidator(_slice_window)] | None = None
    composite_weight: Annotated[Number, Field(gt=0)] | None = None
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
    alert_policies: list[dict[str, Any]] = Field(default_factory=list)


class ObjectiveObject(Shape):
    """kind: SLO."""

    api_version: str
    kind: Literal["SLO"]
    metadata: Metadata
    spec: ObjectiveSpec


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


Words = Annotated[tuple[str, ...], BeforeValidator(_words)]


class HoldfastMetric(Shape):
    """metricSource type `holdfast`: which samples of a run. See `indicator.Selector`."""

    name: Annotated[Words, AfterValidator(_globs)]
    source: Annotated[str, AfterValidator(_source)] | None = None
    outcome: Annotated[Words, AfterValidator(_outcomes)] = ()
    under: Annotated[Seconds, Field(gt=0)] | None = None


def never_good(words: tuple[str, ...]) -> list[str]:
    """Those of the outcomes that no service may call good."""
    return [word for word in words if word in NEVER_GOOD]
