"""What holdfast reads from the annotations of an SLO: OpenSLO has no other place for it."""

from collections.abc import Mapping
from typing import Final

DOMAIN: Final = "holdfast.dev/"
RUNBOOK: Final = "holdfast.dev/runbook"
OWNER: Final = "holdfast.dev/owner"
NO_DATA: Final = "holdfast.dev/no-data"
PARTIAL_SLICES: Final = "holdfast.dev/partial-slices"

ANNOTATIONS: Final[Mapping[str, str]] = {
    OWNER: "who is responsible, as reports and alerts name them",
    RUNBOOK: "where the one who is woken reads on: a path or an address",
    NO_DATA: "what a slice of time without an event counts as: `exclude` (default), `good` or `bad`",
    PARTIAL_SLICES: "what a slice that the edge of a window or an exclusion cuts counts as: the same words",
}
"""All of holdfast's domain. One that is not here is a warning with the nearest: it would be read by nobody."""
