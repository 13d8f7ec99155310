"""A document's data into a frozen model; what does not fit becomes one problem each, with file, line and advice."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final, TypeVar

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    ValidationError,
    ValidationInfo,
    WithJsonSchema,
    model_validator,
)

from holdfast.errors import Problem
from holdfast.workspace.document import Document, PropertyPath, nearest
from holdfast.workspace.quantity import DURATION, RATE, per_second, seconds

Duration = Annotated[
    float, BeforeValidator(seconds), WithJsonSchema({"type": "string", "pattern": f"^\\s*{DURATION.pattern}\\s*$"})
]
"""Seconds, written "30s"."""
Rate = Annotated[
    float, BeforeValidator(per_second), WithJsonSchema({"type": "string", "pattern": f"^\\s*{RATE.pattern}\\s*$"})
]
"""Per second, written "40/s"."""

_COLLECTING: Final = "collecting"  # broken rules are gathered afterwards, not raised


@dataclass(frozen=True, slots=True)
class Broken:
    """A rule between properties that does not hold. `at`: the property to change; `of`: those that were looked at."""

    at: PropertyPath
    what: str
    fix: str
    of: tuple[str, ...] = ()


class Definition(BaseModel):
    """Base of everything people write: frozen, unknown keys refused, no silent conversion of types."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, populate_by_name=True)

    def broken(self) -> Iterator[Broken]:
        """The rules between its properties that do not hold; places from here, keys as they are written."""
        yield from ()

    @model_validator(mode="after")
    def _is_whole(self, info: ValidationInfo) -> "Definition":
        if info.context != _COLLECTING:
            for rule in self.broken():
                raise ValueError(f"{rule.what}: {rule.fix}" if rule.fix else rule.what)
        return self


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
_LIMITS: Final = {
    "greater_than": ("is too small", "write more than {gt:g}"),
    "greater_than_equal": ("is too small", "write at least {ge:g}"),
    "less_than": ("is too large", "write less than {lt:g}"),
    "less_than_equal": ("is too large", "write at most {le:g}"),
    "literal_error": ("is not known here", "write {expected}"),
    "string_pattern_mismatch": ("has a form that is not allowed", "it must match {pattern}"),
    "string_too_short": ("is too short", "write at least {min_length} characters"),
    "string_too_long": ("is too long", "write at most {max_length} characters"),
    "too_short": ("has too few entries", "write at least {min_length}"),
}
_MOST_ROUNDS: Final = 20
_LONGEST_EXCERPT: Final = 80


def bind(model: type[Model], document: Document, at: PropertyPath = ()) -> tuple[Model | None, list[Problem]]:
    """The part of `document` at `at` as a `model`, or all that is wrong with it."""
    bound, _, problems = bind_what_fits(model, document, at)
    return (None if problems else bound), problems


def bind_what_fits(
    model: type[Model], document: Document, at: PropertyPath = ()
) -> tuple[Model | None, Document, list[Problem]]:
    """As much as can be read, the document less what cannot, and all that is wrong.

    For those who go on to look at what a wrong file names, so that its problems are told with the file's own.
    """
    data = _part(document, at)
    if not isinstance(data, dict):
        what = "expected a mapping of names to values"
        return None, document, [Problem(document.where(at), what, "see the reference of this file")]
    problems: list[Problem] = []
    sound = document
    for _ in range(_MOST_ROUNDS):
        try:
            bound = model.model_validate(_part(sound, at), context=_COLLECTING)
        except ValidationError as error:
            found = error.errors(include_url=False)
            if sound is document:
                problems = [_problem(model, document, at, dict(each)) for each in found]
            doomed = {_unfit(sound, at, each["type"], each["loc"]) for each in found}
            if at in doomed or not doomed:
                return None, document, problems
            sound = sound.without(doomed)
        else:
            return bound, sound, problems + list(_broken_rules(bound, sound, at))
    return None, document, problems


def _part(document: Document, at: PropertyPath) -> Any:
    data = document.data
    for part in at:
        data = data[part]
    return data


def _unfit(document: Document, at: PropertyPath, kind: str, loc: Sequence[str | int]) -> PropertyPath:
    """What to leave out for the rest to fit: the property itself, or what cannot be without it."""
    place = (*at, *_in_data(document, at, loc))
    data: Any = document.data
    for index, part in enumerate(place):
        inside = part in data if isinstance(data, dict) else isinstance(data, list) and part in range(len(data))
        if not inside:
            return place[:index]
        data = data[part]
    return place[:-1] if kind == "missing" else place


def _broken_rules(value: Any, document: Document, at: PropertyPath) -> Iterator[Problem]:
    """Of a model and all below it, less those that may only be broken because something was left out."""
    if isinstance(value, Definition):
        for rule in value.broken():
            looked_at = [document.in_file((*at, name)) for name in (rule.of or rule.at[:1])] or [document.in_file(at)]
            if not any(document.lacks_some_of(place) for place in looked_at):
                yield Problem(document.where((*at, *rule.at)), rule.what, rule.fix)
        for name, info in type(value).model_fields.items():
            yield from _broken_rules(getattr(value, name), document, (*at, info.alias or name))
    elif isinstance(value, dict):
        for key, part in value.items():
            yield from _broken_rules(part, document, (*at, key))
    elif isinstance(value, (tuple, list)):
        for index, part in enumerate(value):
            yield from _broken_rules(part, document, (*at, index))


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
        return Problem(where, f"{_excerpt(found['input'])} does not fit here", _ADVICE[kind])
    if kind in _LIMITS:
        wrong, fix = _LIMITS[kind]
        return Problem(where, f"{_excerpt(found['input'])} {wrong}", fix.format(**found["ctx"]))
    return Problem(where, what[0].lower() + what[1:] if what[:1].isupper() else what)


def _excerpt(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _LONGEST_EXCERPT else f"{text[:_LONGEST_EXCERPT]}…"


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
