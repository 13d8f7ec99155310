"""The fact in the middle: one thing that happened to the stack, measured once."""

from dataclasses import dataclass
from typing import Final

OK: Final = "ok"
FAILED: Final = "failed"  # a 5xx, or a page or answer that is not what it must be
TIMED_OUT: Final = "timed_out"
RATE_LIMITED: Final = "rate_limited"  # 429: the target's protection, not its fault
CHALLENGED: Final = "challenged"  # one more proof was asked for than this visitor had to expect: protection too
REJECTED: Final = "rejected"  # another 4xx: the target refused what was asked
ABANDONED: Final = "abandoned"  # the visitor gave up: too slow, or what was needed did not work
TRANSPORT_ERROR: Final = "transport_error"  # refused, reset, closed early, TLS, DNS
DROPPED: Final = "dropped"  # an arrival that nobody of ours could take: never sent, and a bad event all the same
UNFINISHED: Final = "unfinished"  # still in flight at the end; `duration` is its age, so a lower bound

OUTCOMES: Final = (
    OK,
    FAILED,
    TIMED_OUT,
    RATE_LIMITED,
    CHALLENGED,
    REJECTED,
    ABANDONED,
    TRANSPORT_ERROR,
    DROPPED,
    UNFINISHED,
)

IDLE_CLOSED: Final = "idle_closed"  # the target closed an idle connection while a request was on its way
THINKING: Final = "thinking"  # a visit that the run's end cut off while its visitor thought

EXCUSED: Final = frozenset({IDLE_CLOSED, THINKING})
"""Nobody's success and nobody's failure: told apart from all others, and counted by no objective."""

NO_REQUEST: Final = "no_request"
FAILED_INSIDE: Final = "failed_inside"
"""Details of an ok that proves nothing: the target was asked for nothing, or something failed and was passed over."""

NO_ACCOUNT: Final = "no free account"
"""The detail of a dropped arrival that no objective counts: the pool of accounts is ours, whoever emptied it."""
OUTSIDE: Final = "outside"  # the step's name of requests that no step holds


@dataclass(frozen=True, slots=True)
class Sample:
    """One thing that happened to the stack, measured once.

    `name` is scenario or journey, step, request, joined by "/"; its depth (1 to 3) is the grain, and totals are
    counted at one depth only.
    """

    at: float  # when it was DUE, seconds since the epoch
    source: str  # "load", "synthetics", "chaos", "target"
    name: str
    outcome: str
    duration: float  # seconds from `at` to the end: response time as the visitor lived it
    lag: float = 0.0  # the part of `duration` spent waiting in our own generator
    detail: str = ""  # low-cardinality reason: "503", "ConnectTimeout"
    trace_id: str = ""


def depth_of(name: str) -> int:
    """1 for a scenario or journey, 2 for a step, 3 for a request (whose own name may hold slashes)."""
    return min(name.count("/") + 1, 3)
