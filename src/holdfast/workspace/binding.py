"""A document's data into a frozen model; what does not fit becomes one problem each, with file, line and advice."""

from collections.abc import Sequence
from typing import Annotated, Any, Final, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError

from holdfast.errors import Problem
from holdfast.workspace.document import Document, PropertyPath, nearest
from holdfast.workspace.quantity import per_second, seconds

Duration = Annotated[float, BeforeValidator(seconds)]
"""Seconds, written "30s"."""
Rate = Annotated[float, BeforeValidator(per_second)]
"""Per second, written "40/s"."""


class Definition(BaseModel):
    """Base of everything people write: frozen, unknown keys refused, no silent conversion of types."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, populate_by_name=True)


Model = TypeVar("Model", bound=Definition)

_ADVICE: Final = {
    "missing": "add it",
    "string_type": "write text",
    "int_type": "write a whole number",
    "float_type": "write a number",
    "bool_type": "write true or false",
    "list_type": "write a list",
    "tuple_type": "write a list",
    "dict_type": "write a mapping of names to values",
    "model_type": "write a mapping of names to values",
}


def bind(model: type[Model], document: Document, at: PropertyPath = ()) -> tuple[Model | None, list[Problem]]:
    """The part of `document` at `at` as a `model`, or all that is wrong with it."""
    data = document.data
    for part in at:
        data = data[part]
    if not isinstance(data, dict):
        return None, [
            Problem(document.where(at), "expected a mapping of names to values", "see the reference of this file")
        ]
    try:
        return model.model_validate(data), []
    except ValidationError as error:
        return None, [_problem(model, document, at, dict(found)) for found in error.errors(include_url=False)]


def _problem(model: type[BaseModel], document: Document, at: PropertyPath, found: dict[str, Any]) -> Problem:
    place = (*at, *_in_data(document, at, found["loc"]))
    where = document.where(place)
    kind = found["type"]
    if kind == "extra_forbidden":
        known = _fields_at(model, found["loc"][:-1])
        return Problem(where, f'unknown key "{found["loc"][-1]}"', nearest(str(found["loc"][-1]), known))
    if kind == "missing":
        return Problem(where, f'"{found["loc"][-1]}" is missing', "add it")
    what = str(found["msg"]).removeprefix("Value error, ").removeprefix("Assertion failed, ")
    if kind in _ADVICE:
        return Problem(where, f"{found['input']!r} does not fit here", _ADVICE[kind])
    return Problem(where, what[0].lower() + what[1:] if what[:1].isupper() else what)


def _in_data(document: Document, at: PropertyPath, loc: Sequence[str | int]) -> PropertyPath:
    """pydantic's place, less the parts that name a model or union member instead of a key."""
    data = document.data
    for part in at:
        data = data[part]
    place: list[str | int] = []
    for index, part in enumerate(loc):
        known = range(len(data)) if isinstance(data, list) else data if isinstance(data, dict) else ()
        if part in known:
            data = data[part]
        elif index < len(loc) - 1 or not isinstance(part, str):
            continue  # a model's or union member's name, not a key
        place.append(part)
    return tuple(place)


def _fields_at(model: type[BaseModel], loc: Sequence[str | int]) -> list[str]:
    """The keys that may stand at `loc`: found by walking the model's annotations."""
    current: Any = model
    for part in loc:
        if isinstance(part, int):
            continue
        info = _models_in(current).get(str(part))
        if info is not None:
            current = info
    fields: list[str] = []
    for candidate in _model_classes(current):
        fields += [info.alias or name for name, info in candidate.model_fields.items()]
    return fields


def _models_in(annotation: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for candidate in _model_classes(annotation):
        for name, info in candidate.model_fields.items():
            found[info.alias or name] = info.annotation
    return found


def _model_classes(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    found: list[type[BaseModel]] = []
    for argument in getattr(annotation, "__args__", ()):
        found += _model_classes(argument)
    return found
