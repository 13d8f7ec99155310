"""What holdfast reads from the annotations of an SLO: OpenSLO has no other place for it."""

from collections.abc import Mapping
from typing import Final

DOMAIN: Final = "holdfast.dev/"
RUNBOOK: Final = "holdfast.dev/runbook"
OWNER: Final = "holdfast.dev/owner"
NO_DATA: Final = "holdfast.dev/no-data"
PARTIAL_SLICES: Final = "holdfast.dev/partial-slices"
BURN_WINDOWS: Final = "holdfast.dev/burn-windows"
MIN_FAILURES: Final = "holdfast.dev/min-failures"
EXPECTED_RATE: Final = "holdfast.dev/expected-rate"

ANNOTATIONS: Final[Mapping[str, str]] = {
    OWNER: "who is responsible, as reports and alerts name them",
    RUNBOOK: "where the one who is woken reads on: a path or an address",
    NO_DATA: "what a slice of time without an event counts as: `exclude` (default), `good` or `bad`",
    PARTIAL_SLICES: "what a slice that the edge of a window or an exclusion cuts counts as: the same words",
    BURN_WINDOWS: "which burn windows its alerts are made of, by name; see `holdfast guide burn-windows`",
    MIN_FAILURES: "how many failed events a long window must hold before its alert fires: a whole number, quoted",
    EXPECTED_RATE: "how many events there are, such as `10/h`: rules then warn of alerts that hang on one or two",
}
"""All of holdfast's domain. One that is not here is a warning with the nearest: it would be read by nobody."""
