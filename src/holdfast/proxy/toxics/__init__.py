"""The toxics by name, and one as it is put on a link: JSON in, frozen dataclass out.

To add one: a file here with its attributes (a frozen dataclass) and its `Effect`, and a line in `TOXIC_TYPES`.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from holdfast.proxy import refusal
from holdfast.proxy.toxics.bandwidth import Bandwidth
from holdfast.proxy.toxics.effect import Attributes
from holdfast.proxy.toxics.latency import Latency
from holdfast.proxy.toxics.limit_data import LimitData
from holdfast.proxy.toxics.noop import Noop
from holdfast.proxy.toxics.reset_peer import ResetPeer
from holdfast.proxy.toxics.slicer import Slicer
from holdfast.proxy.toxics.slow_close import SlowClose
from holdfast.proxy.toxics.timeout import Timeout

UPSTREAM: Final = "upstream"  # from the client to the server
DOWNSTREAM: Final = "downstream"  # from the server to the client

AnyAttributes = Bandwidth | Latency | LimitData | Noop | ResetPeer | Slicer | SlowClose | Timeout

TOXIC_TYPES: Final[Mapping[str, type[AnyAttributes]]] = {
    "bandwidth": Bandwidth,
    "latency": Latency,
    "limit_data": LimitData,
    "noop": Noop,
    "reset_peer": ResetPeer,
    "slicer": Slicer,
    "slow_close": SlowClose,
    "timeout": Timeout,
}


@dataclass(frozen=True, slots=True)
class Toxic:
    """One toxic on one link. `toxicity`: the share of connections it touches, 0 to 1."""

    name: str
    type: str
    stream: str  # as it was written; `direction` is the canonical word
    toxicity: float
    attributes: AnyAttributes

    @property
    def direction(self) -> str:
        return self.stream.lower()

    def as_json(self) -> dict[str, object]:
        return {
            "attributes": dataclasses.asdict(self.attributes),
            "name": self.name,
            "type": self.type,
            "stream": self.stream,
            "toxicity": self.toxicity,
        }


def new_toxic(body: object) -> Toxic:
    """Read a toxic from decoded JSON, checking in Toxiproxy's order: JSON, stream, type (then attributes).

    The clash of names comes before the attributes there, so a caller looks at `toxic_name()` first. Raises ApiError.
    """
    fields = _mapping(body)
    kind, stream, name = _identity(fields)
    attributes = _with(TOXIC_TYPES[kind](), fields.get("attributes"))
    return Toxic(name, kind, stream, _toxicity(fields, 1.0), attributes)


def toxic_name(body: object) -> str:
    """The name that `new_toxic(body)` would have. Raises ApiError."""
    return _identity(_mapping(body))[2]


def updated_toxic(toxic: Toxic, body: object) -> Toxic:
    """`toxic` with the attributes and toxicity that `body` names; other keys are ignored. Raises ApiError."""
    fields = _mapping(body)
    attributes = _with(toxic.attributes, fields.get("attributes"))
    return dataclasses.replace(toxic, toxicity=_toxicity(fields, toxic.toxicity), attributes=attributes)


def _mapping(body: object) -> Mapping[str, object]:
    if body is None:
        return {}
    if not isinstance(body, Mapping):
        raise refusal.bad_request_body("expected a JSON object")
    return body


def _identity(fields: Mapping[str, object]) -> tuple[str, str, str]:
    kind = _text(fields, "type", "")
    stream = _text(fields, "stream", DOWNSTREAM)
    name = _text(fields, "name", "") or f"{kind}_{stream}"
    _toxicity(fields, 1.0)
    if stream.lower() not in (UPSTREAM, DOWNSTREAM):
        raise refusal.invalid_stream()
    if kind not in TOXIC_TYPES:
        raise refusal.invalid_toxic_type()
    return kind, stream, name


def _text(fields: Mapping[str, object], key: str, default: str) -> str:
    value = fields.get(key)
    if value is None:
        return default
    if not isinstance(value, str):
        raise refusal.bad_request_body(f"{key} must be a string")
    return value


def _toxicity(fields: Mapping[str, object], default: float) -> float:
    value = fields.get("toxicity")
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise refusal.bad_request_body("toxicity must be a number")
    if not 0 <= value <= 1:  # also refuses NaN
        raise refusal.bad_request_body("toxicity must be between 0 and 1")
    return float(value)


def _with(attributes: AnyAttributes, given: object) -> AnyAttributes:
    if given is None:
        given = {}
    if not isinstance(given, Mapping):
        raise refusal.bad_request_body("attributes must be an object")
    values: dict[str, int] = {}
    for field in dataclasses.fields(attributes):
        value = given.get(field.name)
        if value is None:
            continue
        if isinstance(value, bool) or not isinstance(value, int) or abs(value) > 2**53:
            raise refusal.bad_request_body(f"attributes.{field.name} must be a whole number")
        values[field.name] = value
    changed: AnyAttributes = dataclasses.replace(attributes, **values)  # type: ignore[arg-type]  # a union of all types
    problem = changed.problem()
    if problem is not None:
        raise refusal.bad_request_body(problem)
    return changed


__all__ = ["DOWNSTREAM", "TOXIC_TYPES", "UPSTREAM", "Attributes", "Toxic", "new_toxic", "toxic_name", "updated_toxic"]
