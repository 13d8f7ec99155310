"""What the summary tells of the load: visits, steps and requests by phase, funnels, connections."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

JUDGED: Final = "judged"  # the `phase` of `LoadResult.scenarios` over all judged phases together


@dataclass(frozen=True, slots=True)
class Quantiles:
    """Seconds; off by at most 0.4 %. All null when nothing was counted."""

    p50: float | None = None
    p95: float | None = None
    p99: float | None = None
    p999: float | None = None
    max: float | None = None


@dataclass(frozen=True, slots=True)
class SeriesResult:
    """One scenario, step or request in one phase. `response` from the due time, `service` from the real start: of all
    that was sent, whatever came of it. `response_ok` is the response time of the ok ones alone.
    """

    name: str
    phase: str
    depth: int  # 1 scenario, 2 step, 3 request
    count: int
    rate: float  # per second
    outcomes: Mapping[str, int]
    details: Mapping[str, int]  # why the bad ones were bad
    response: Quantiles
    service: Quantiles
    lag: Quantiles
    response_ok: Quantiles = Quantiles()  # what a fast 429 or 503 does not improve, and a timeout does not worsen


@dataclass(frozen=True, slots=True)
class FunnelStep:
    """How many came to a step, and how many got through it. Durations of those that got through."""

    name: str
    reached: int
    completed: int
    ratio: float | None  # completed / reached
    p50: float | None
    p95: float | None
    interval: tuple[float, float] = (0.0, 1.0)  # of the ratio, exact, at 95 % per side
    share: float | None = None  # completed / started: null when more came here than started
    share_interval: tuple[float, float] = (0.0, 1.0)
    outcomes: Mapping[str, int] = field(default_factory=dict)  # of those that reached it


@dataclass(frozen=True, slots=True)
class Funnel:
    """A scenario's or journey's steps in order: where customers drop off.

    completed / started is the containment of visitors who would call support, abandoned / started their abandonment.
    """

    name: str
    source: Literal["load", "synthetics"]
    started: int
    completed: int
    steps: tuple[FunnelStep, ...]
    ratio: float | None = None  # completed / started
    interval: tuple[float, float] = (0.0, 1.0)  # of the ratio, exact, at 95 % per side
    abandoned: int = 0  # visitors who gave up
    abandonment: float | None = None  # abandoned / started
    abandonment_interval: tuple[float, float] = (0.0, 1.0)
    outcomes: Mapping[str, int] = field(default_factory=dict)  # of the visits that started
    outside: int = 0  # visits that did not come through although no step lost them
    dropped: int = 0  # arrivals that nobody took: they never started


@dataclass(frozen=True, slots=True)
class Likeness:
    """Whether the answers of two steps, `…_known` and `…_unknown`, can be told apart."""

    scenario: str
    known: str
    unknown: str
    indistinguishable: Literal["yes", "no", "inconclusive"]
    known_count: int
    unknown_count: int
    known_response: Quantiles
    unknown_response: Quantiles
    slower: float | None  # chance that an unknown one's answer is slower than a known one's; 0.5: time says nothing
    interval: tuple[float, float]  # of that chance, at 95 % per side
    reason: str


@dataclass(frozen=True, slots=True)
class Connections:
    """How the load reached the target: of `requests` that were answered, and `opened` connections. Seconds.

    `first_byte`: from the request sent to the answer's first byte.
    """

    requests: int
    opened: int
    dns: Quantiles
    connect: Quantiles
    tls: Quantiles
    first_byte: Quantiles


@dataclass(frozen=True, slots=True)
class LoadResult:
    """planned = started + dropped; started = finished + unfinished; else the run is invalid."""

    planned: int
    started: int
    dropped: int
    finished: int
    unfinished: int
    series: tuple[SeriesResult, ...]
    funnels: tuple[Funnel, ...]
    likenesses: tuple[Likeness, ...] = ()
    connections: Connections | None = None  # None: recorded by a version that did not look
    workers: int = 0  # 0: the load child made it by itself
    scenarios: tuple[SeriesResult, ...] = ()  # each over the judged phases together; over all where none is judged
    requests: tuple[SeriesResult, ...] = ()  # the same by request, from whichever step; those that failed most first
