"""The properties that OpenSLO v1 objects share: names, texts, numbers, durations, metadata; each checked by itself.

Source: the OpenSLO specification v1 and, where it is silent or contradicts itself, the validators of its Go SDK.
"""

import re
import zoneinfo
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, WithJsonSchema
from pydantic.alias_generators import to_camel

from holdfast.slo.budget import exact
from holdfast.slo.window import DURATION, START_TIME, parse_window, seconds_of
from holdfast.workspace.binding import Definition

_LABEL: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")  # RFC 1123
_LABEL_KEY: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?")
_SUBDOMAIN: Final = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*"  # RFC 1123
_ANNOTATION_KEY: Final = re.compile(rf"(?:{_SUBDOMAIN}/)?{_LABEL_KEY.pattern}")
_START_TIME: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}")
_LONGEST_DOMAIN: Final = 253
_LONGEST_SLICE: Final = 100 * 365 * 86400


def _label(text: str) -> str:
    if not _LABEL.fullmatch(text):
        raise ValueError(f'"{text}" is not a name: at most 63 lower-case letters, digits and "-", no "-" at the ends')
    return text


def _number(value: Any) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, (int, float, Decimal)):
        raise ValueError(f"{value!r} is not a number: write one such as 0.999, without quotes")  # noqa: TRY004 - pydantic's way
    number = Decimal(str(value))
    if not number.is_finite():
        raise ValueError("the number is too large to be read")
    return number


def _slice_window(value: Any) -> Any:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        if value <= 0:
            raise ValueError("timeSliceWindow in minutes is above 0")
        seconds = exact(value) * 60
        if not seconds <= _LONGEST_SLICE:
            raise ValueError("timeSliceWindow is at most a hundred years")
        if seconds != int(seconds):
            raise ValueError(f"timeSliceWindow is whole seconds long, and {value} minutes are not")
        return int(seconds)
    return seconds_of(value)


def _duration(text: str) -> str:
    parse_window(text)
    return text


def _start_time(text: str) -> str:
    try:
        sound = _START_TIME.fullmatch(text)  # strptime reads 2026-1-1, too
        datetime.strptime(text, START_TIME)  # noqa: DTZ007 - its zone stands beside it, in timeZone
    except ValueError:
        sound = None
    if sound is None:
        raise ValueError(f'"{text}" is not a start time: write one such as "2026-01-01 00:00:00"')
    return text


def _time_zone(text: str) -> str:
    try:
        zoneinfo.ZoneInfo(text)
    except (ValueError, zoneinfo.ZoneInfoNotFoundError, OSError):
        raise ValueError(f'"{text}" is not a time zone: write a name such as Europe/Berlin, or UTC') from None
    return text


def _label_value(value: Any) -> Any:
    if not (isinstance(value, str) or (isinstance(value, list) and all(isinstance(v, str) for v in value))):
        raise ValueError("a label is text or a list of texts: put numbers in quotes")
    return value


def _labels(found: dict[str, Any]) -> dict[str, Any]:
    for key in found:
        if not _LABEL_KEY.fullmatch(key):
            raise ValueError(f'"{key}" is not a label: at most 63 letters, digits, "-", "_" and "." inside')
    return found


def _annotations(found: dict[str, Any]) -> dict[str, Any]:
    for key in found:
        if not _ANNOTATION_KEY.fullmatch(key) or len(key.partition("/")[0]) > _LONGEST_DOMAIN:
            raise ValueError(f'"{key}" is not an annotation: write a name, or domain/name')
    return found


def _annotation_value(value: Any) -> Any:
    if not isinstance(value, str):
        raise ValueError("an annotation is text: put numbers in quotes")  # noqa: TRY004 - pydantic's way
    return value


def _delay(value: Any) -> int:
    """Go writes no delay as 0m, which is no duration."""
    return 0 if value == "0m" else seconds_of(value)


def _text(text: str) -> str:
    if not text.strip():
        raise ValueError("there is nothing in it: write some text")
    return text


def _as_text(pattern: str, **more: Any) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "pattern": f"^{pattern}$", **more})


Name = Annotated[str, AfterValidator(_label), _as_text(_LABEL.pattern)]
Text = Annotated[str, AfterValidator(_text), WithJsonSchema({"type": "string", "pattern": r"\S"})]
ShortText = Annotated[str, Field(max_length=63)]
Description = Annotated[str, Field(max_length=1050)]
Number = Annotated[Decimal, BeforeValidator(_number), WithJsonSchema({"type": "number"})]
Operator = Literal["lte", "gte", "lt", "gt"]
Duration = Annotated[str, AfterValidator(_duration), _as_text(DURATION.pattern)]
"""As OpenSLO writes it, such as 28d."""
Seconds = Annotated[int, BeforeValidator(seconds_of), _as_text(DURATION.pattern)]
"""Of a duration."""
Delay = Annotated[int, BeforeValidator(_delay), _as_text(f"(0m|{DURATION.pattern})")]
"""Of a duration, or 0m."""
SliceSeconds = Annotated[
    int,
    BeforeValidator(_slice_window),
    WithJsonSchema(
        {"anyOf": [{"type": "string", "pattern": f"^{DURATION.pattern}$"}, {"type": "number", "exclusiveMinimum": 0}]}
    ),
]
"""Of a duration, or of a number of minutes."""
StartTime = Annotated[str, AfterValidator(_start_time), _as_text(_START_TIME.pattern)]
TimeZone = Annotated[str, AfterValidator(_time_zone), WithJsonSchema({"type": "string"})]
Labels = Annotated[
    dict[str, Annotated[Any, BeforeValidator(_label_value)]],
    AfterValidator(_labels),
    WithJsonSchema(
        {
            "type": "object",
            "propertyNames": {"pattern": f"^{_LABEL_KEY.pattern}$"},
            "additionalProperties": {
                "anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}],
            },
        }
    ),
]
Annotations = Annotated[
    dict[str, Annotated[str, BeforeValidator(_annotation_value)]],
    AfterValidator(_annotations),
    WithJsonSchema(
        {
            "type": "object",
            "propertyNames": {"pattern": f"^{_ANNOTATION_KEY.pattern}$"},
            "additionalProperties": {"type": "string"},
        }
    ),
]


class Shape(Definition):
    """Base: camelCase keys, as OpenSLO writes them, and no others."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=False)


class Metadata(Shape):
    name: Name
    display_name: ShortText = ""
    labels: Labels = Field(default_factory=dict)
    annotations: Annotations = Field(default_factory=dict)
