"""What the rules between properties look at: data as it stands, and the objects that it names."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol


class Resolve(Protocol):
    """Find a named object of the loaded files: its `spec`, or None."""

    def __call__(self, kind: str, name: object) -> Mapping[str, Any] | None: ...

    def names(self, kind: str) -> Sequence[str]:
        """Of all objects of a kind."""
        ...


def mapping_of(value: object) -> Mapping[str, Any]:
    """Empty where it is none: the wrong type is told with the shape."""
    return value if isinstance(value, dict) else {}


def list_of(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
