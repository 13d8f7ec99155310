"""Browser journeys: how they are written, checked before anything starts, walked and recorded.

Authors write `from holdfast.synthetics import journey`; who checks a workspace reads the definitions without running
them. Playwright is imported by the child process alone (`python -m holdfast.synthetics`).
"""

from typing import TYPE_CHECKING

from holdfast.synthetics.definition import (
    JourneyDefinition,
    JourneySettings,
    check_journey,
    definition_of,
    find_journeys,
    settings_of,
    steps_of,
)
from holdfast.synthetics.journey import Journey, journey  # the decorator, not the module of its name

if TYPE_CHECKING:
    from holdfast.synthetics.visit import Visit

__all__ = [
    "Journey",
    "JourneyDefinition",
    "JourneySettings",
    "Visit",
    "check_journey",
    "definition_of",
    "find_journeys",
    "journey",
    "settings_of",
    "steps_of",
]


def __getattr__(name: str) -> object:
    # Visit is wanted for annotations only, and brings the kit along.
    if name == "Visit":
        from holdfast.synthetics.visit import Visit

        return Visit
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
