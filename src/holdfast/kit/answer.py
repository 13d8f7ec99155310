"""Reading a JSON answer strictly: what is missing or of another type is a measured failure, not a traceback."""

from collections.abc import Mapping

from holdfast.kit.outcome import failed


class Answer:
    """One JSON object of the target. Every reader raises OutcomeError `failed` "answer_without_<key>"."""

    __slots__ = ("_fields",)

    def __init__(self, value: object) -> None:
        if not isinstance(value, Mapping):
            raise failed("answer_not_an_object")
        self._fields = value

    def text(self, key: str, default: str | None = None) -> str:
        """A string; `default` where it is absent or null."""
        value = self._fields.get(key)
        if value is None and default is not None:
            return default
        if not isinstance(value, str):
            raise failed(f"answer_without_{key}")
        return value

    def number(self, key: str) -> int:
        value = self._fields.get(key)
        if not isinstance(value, int) or isinstance(value, bool):
            raise failed(f"answer_without_{key}")
        return value

    def flag(self, key: str) -> bool:
        """A boolean; false where it is absent."""
        return self._fields.get(key) is True

    def inner(self, key: str) -> "Answer":
        value = self._fields.get(key)
        if not isinstance(value, Mapping):
            raise failed(f"answer_without_{key}")
        return Answer(value)

    def items(self, key: str) -> "tuple[Answer, ...]":
        value = self._fields.get(key)
        if not isinstance(value, list):
            raise failed(f"answer_without_{key}")
        return tuple(Answer(one) for one in value)
