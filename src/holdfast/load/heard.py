"""The adapter as a scenario has it: an operation that ends badly is heard of, also where the scenario passes over it.

A failure need not be a request's: an adapter may find that an answer of 200 is not what it must be.
"""

from collections.abc import Callable
from typing import Any

from holdfast.kit.outcome import OutcomeError


class Heard:
    """Everything that `service` offers. `hear` is called with each OutcomeError of an operation, which goes on."""

    __slots__ = ("_hear", "_service")

    def __init__(self, service: Any, hear: Callable[[OutcomeError], None]) -> None:
        object.__setattr__(self, "_service", service)
        object.__setattr__(self, "_hear", hear)

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._service, name)
        if not callable(found):
            return found

        def operation(*given: Any, **named: Any) -> Any:
            try:
                return found(*given, **named)
            except OutcomeError as error:
                self._hear(error)
                raise

        return operation

    def __setattr__(self, name: str, value: object) -> None:
        setattr(self._service, name, value)
