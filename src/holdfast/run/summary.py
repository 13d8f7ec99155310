"""`summary.json`: what a report may show, computed once. The contract for scripts; its JSON Schema is published.

Times are seconds (since the epoch for `started`, `ended`, `*_at`; after the run's time 0 in `timeline`), ratios 0 to 1,
and what is not known is null, with a reason beside it. Nothing in a report is computed by the report.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

from holdfast.errors import Problem, RunFolderError
from holdfast.private import write_whole
from holdfast.run.load_summary import Funnel, LoadResult, Quantiles
from holdfast.run.unproven import Unproven

SCHEMA: Final = "holdfast/summary/v1"
FILE_NAME: Final = "summary.json"
WHOLE_RUN: Final = "run"  # the `phase` of results over all judged phases together

RunVerdict = Literal["met", "measured", "missed", "inconclusive", "invalid", "clean_up_failed", "interrupted"]
"""`measured`: nothing was judged, and nothing speaks against it. Exit code 0, and no pass."""
ObjectiveVerdict = Literal["met", "missed", "inconclusive"]
ValidityVerdict = Literal["valid", "degraded", "invalid"]


@dataclass(frozen=True, slots=True)
class RunFacts:
    """What was run, when, and with what."""

    id: str
    plan: str
    description: str
    plan_hash: str
    target: str
    seed: int
    started: float
    ended: float
    time_zero: float  # the barrier: second 0 of the timeline, since the epoch
    versions: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Answer:
    """One question a reader has, answered in a sentence or two from the figures below."""

    question: str
    answer: str
    verdict: Literal["good", "bad", "unclear", "neutral"]


@dataclass(frozen=True, slots=True)
class ValidityCheck:
    """Can the generator be trusted? One measure against its limit."""

    name: str
    verdict: ValidityVerdict
    value: float | None
    limit: float | None
    reason: str


@dataclass(frozen=True, slots=True)
class Validity:
    """The worst of its checks. An invalid run is never green."""

    verdict: ValidityVerdict
    checks: tuple[ValidityCheck, ...]


@dataclass(frozen=True, slots=True)
class ObjectiveResult:
    """One objective in one phase, or over all judged phases (`phase` "run")."""

    name: str
    display_name: str
    service: str
    phase: str
    judged: bool  # whether it decides the run
    verdict: ObjectiveVerdict
    good: int
    total: int
    ratio: float | None
    target: float
    gate: float  # what the run had to prove: the target, unless the plan names a lower gate
    interval: tuple[float, float]  # of the ratio, exact, at 95 % per side
    burn_rate: float | None
    budget_spent: float | None  # share of this stretch's own budget: 1 = all that may fail has failed
    window_budget_spent: float | None  # share of the whole window's budget, were its traffic at this rate
    window: float  # seconds
    needed: int  # further events, all good, that would prove the gate; 0 when it is proven
    reason: str
    runbook: str = ""
    owner: str = ""
    design_effect: float = (
        1.0  # how many times less the events say than independent ones, as seen; a miss is judged at it
    )
    design_effect_high: float = 1.0  # its upper limit; a met is judged at it
    design_effect_measured: float | None = None  # without the plan's floor; null where too little failed to measure it
    effect_block: int = 1  # seconds of the blocks of time in which it was seen
    effective_total: float = 0.0  # independent events that `total` is worth, at the upper limit
    cause: str = ""  # what became of the bad events, where, and during which fault; empty where none was bad
    apart: bool = False  # its phase has gates of its own: it must be proven there, by itself

    @property
    def decides(self) -> bool:
        """Whether it must be proven: over the judged phases together, or in a phase that is judged apart."""
        return self.judged and (self.apart or self.phase == WHOLE_RUN)

    @property
    def label(self) -> str:
        """Its name, with the phase where that is judged apart."""
        return f"{self.name} in {self.phase}" if self.apart else self.name


@dataclass(frozen=True, slots=True)
class WalkFailure:
    """Walks of a journey that failed alike, and why: facts and the author's words, never text of a page."""

    step: str  # "" when it failed outside its steps
    outcome: str
    detail: str
    status: int | None  # of the answer that decided; null when none did
    error_code: str  # what that answer calls its error: "database_unavailable"; "" when it names none
    error: str  # what was expected: "expected to_be_visible within 5 s: no such element"
    line: str  # of the journey's file, and the statement there without its values
    walks: int
    first_at: float  # since the epoch
    last_at: float
    evidence: tuple[str, ...] = ()  # files under the run folder, of the first of them


@dataclass(frozen=True, slots=True)
class StandingFault:
    """Something that was wrong with the target and not put in by this run, as its fault proxy and supervisor say."""

    place: str  # "link postgres", "replica account-1"
    what: str  # "has latency (latency 300 ms) in it, downstream"
    at_start: bool
    at_end: bool


@dataclass(frozen=True, slots=True)
class JourneyResult:
    """A synthetic journey's runs. `missed`: runs that were due while the one before was still walking."""

    name: str
    runs: int
    outcomes: Mapping[str, int]
    missed: int
    probe_errors: int  # our browser's fault, not the target's: not in `runs`
    duration: Quantiles
    funnel: Funnel
    vitals: Mapping[str, float | None]  # medians: lcp, fcp, ttfb, inp in seconds; cls has no unit
    accessibility: None = None
    accessibility_reason: str = "not measured: accessibility checks were not asked for"
    evidence: tuple[str, ...] = ()  # files under the run folder
    owner: str = ""
    runbook: str = ""
    failures: tuple[WalkFailure, ...] = ()  # the most frequent first
    failing_since: float | None = None  # since the epoch; null when its last walk came through, or there was none
    last_passed: float | None = None  # since the epoch; null: never, in the runs that are there
    last_passed_run: str = ""  # the run folder's name; "" when it is this one
    earlier_runs: int | None = None  # that walked it on this target and are still there; null: not looked at
    counted_by: tuple[str, ...] = ()  # the objectives that its walks decide


@dataclass(frozen=True, slots=True)
class FailureGroup:
    """What failed with one message: requests, and steps and visits for what no request of theirs accounts for."""

    message: str  # "failed: 503 database_unavailable"
    outcome: str
    detail: str
    source: Literal["load", "synthetics"]
    count: int
    share: float  # of all that failed
    first_at: float  # seconds after time 0, when the first one ended; to half a second
    last_at: float
    places: Mapping[str, int]  # the names that had most of them
    more_places: int = 0  # names beside those


@dataclass(frozen=True, slots=True)
class FaultResult:
    """What a fault did, and what it cost in error budget."""

    experiment: str
    title: str
    fault: str
    target: str
    hypothesis: str
    injected_at: float | None
    reverted_at: float | None
    touched: int | None  # requests or connections that met it; null when it cannot be known
    time_to_impact: float | None  # seconds after injection; null: no impact seen
    time_to_detect: float | None  # until the burn-rate rule would have fired; null: never
    time_to_recover: float | None  # seconds after injection
    recovery_censored: bool  # still not recovered at the end: time_to_recover is a lower bound
    objective: str | None  # the one whose figures these are: the one it hurt most
    bad_events: int | None
    budget_spent: Mapping[str, float]  # by objective: share of its window's budget, at this traffic
    steady_state_before: bool | None
    steady_state_after: bool | None
    verdict: str
    clean_up: str
    reason: str


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """One held arrival rate of a capacity search."""

    rate: float
    verdict: str
    count: int
    achieved: float | None  # finished visits per second
    p95: float | None
    reason: str


@dataclass(frozen=True, slots=True)
class SizingResult:
    """Replicas for a stated peak, from the verified lower bound."""

    peak: float  # arrivals/s
    replicas: int
    replicas_without_spare: int
    spare: int
    capacity_per_replica: tuple[float, float | None]  # arrivals/s: highest held, lowest not held
    utilisation_at_peak: float
    utilisation_limit: float
    curve: tuple[tuple[float, int], ...]  # (peak, replicas)
    assumptions: tuple[str, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class CapacityResult:
    """The bracket: highest rate at which every objective was met, lowest at which one was missed; and the sizing."""

    question: str
    description: str
    profile: str
    objectives: tuple[str, ...]
    replicas: int | None  # that were measured; null: the target does not say
    low: float | None
    high: float | None
    confirmed_low: bool
    confirmed_high: bool
    non_monotone: bool  # a rate was held above one that was not
    stated: float | None  # arrivals/s the reference stack was told it can take, where it was
    probes: tuple[ProbeResult, ...]
    sizing: SizingResult | None
    reason: str


@dataclass(frozen=True, slots=True)
class TimelinePhase:
    name: str
    start: float
    end: float
    judged: bool


@dataclass(frozen=True, slots=True)
class TimelineFault:
    name: str
    start: float
    end: float | None


@dataclass(frozen=True, slots=True)
class TimelineJourney:
    name: str
    at: float
    outcome: str
    duration: float


@dataclass(frozen=True, slots=True)
class TimelineLatency:
    """Response times, second by second, of what an objective with a limit counts. Lanes as long as `seconds`."""

    objective: str
    title: str
    limit: float  # seconds
    target: float  # share that must be within the limit
    p50: tuple[float | None, ...]
    p95: tuple[float | None, ...]
    p99: tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class Timeline:
    """Per second, for pictures. All lists are as long as `seconds`; null where nothing was due."""

    seconds: tuple[int, ...]  # after time 0
    rate: tuple[float, ...]  # visits due
    outcomes: Mapping[str, tuple[int, ...]]
    p50: tuple[float | None, ...]
    p95: tuple[float | None, ...]
    p99: tuple[float | None, ...]
    budget_left: Mapping[str, tuple[float, ...]]  # by objective: share of the run's own budget still left
    gauges: Mapping[str, tuple[tuple[float, float], ...]]  # (second, value)
    phases: tuple[TimelinePhase, ...]
    faults: tuple[TimelineFault, ...]
    journeys: tuple[TimelineJourney, ...]
    ended: Mapping[str, tuple[int, ...]] = field(default_factory=dict)  # visits by outcome, in the second they ended in
    latencies: tuple[TimelineLatency, ...] = ()


@dataclass(frozen=True, slots=True)
class GuardResult:
    """What kept watch, and why it stopped the run if it did.

    `stretch`: seconds of evidence it judged by. `blind`: it saw too little, rather than too much that was bad. `bad`,
    `total`, `burn_rate`: of the events that came in during the stretch; `silent`: seconds since the newest of all.
    """

    burn_rate_above: float
    stretch: float
    stopped_at: float | None = None  # null: it did not
    reason: str = ""
    objective: str | None = None
    blind: bool | None = None
    bad: int | None = None
    total: int | None = None
    burn_rate: float | None = None
    silent: float | None = None


@dataclass(frozen=True, slots=True)
class Summary:
    """Everything a report shows."""

    run: RunFacts
    verdict: RunVerdict
    exit_code: int
    headline: str
    answers: tuple[Answer, ...]
    validity: Validity
    objectives: tuple[ObjectiveResult, ...]
    timeline: Timeline
    failures: tuple[FailureGroup, ...] = ()  # by message, the most frequent first
    load: LoadResult | None = None
    load_reason: str = ""
    journeys: tuple[JourneyResult, ...] = ()
    journeys_reason: str = ""
    faults: tuple[FaultResult, ...] = ()
    faults_reason: str = ""
    audits: tuple[Mapping[str, object], ...] = ()
    audits_reason: str = "no audit was asked for"
    capacity: CapacityResult | None = None
    capacity_reason: str = ""
    comparison: None = None
    comparison_reason: str = "no baseline run was named"
    standing_faults: tuple[StandingFault, ...] = ()  # in the target when the run began or ended, and not of the run
    unproven: tuple[Unproven, ...] = ()  # oks that rest on nothing: they leave a run inconclusive
    guard: GuardResult | None = None
    guard_reason: str = "the plan asks for no guard"
    notices: tuple[str, ...] = ()  # what a reader must know: a part that did not run, an objective it cannot prove
    schema: str = field(default=SCHEMA)


def write_summary(summary: Summary, folder: Path) -> None:
    """Whole or not at all: written beside, then renamed."""
    path = folder / FILE_NAME
    write_whole(path, json.dumps(asdict(summary), indent=1, allow_nan=False) + "\n")


def read_summary(folder: Path) -> Summary:
    """Raises RunFolderError when it is missing or does not fit the schema."""
    from pydantic import TypeAdapter, ValidationError

    path = folder / FILE_NAME
    try:
        return TypeAdapter(Summary).validate_json(path.read_bytes(), strict=False)
    except FileNotFoundError as error:
        raise RunFolderError(Problem(str(path), "there is no summary here", "name a run folder under runs/")) from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise RunFolderError(Problem(f"{path}  {place}", f"does not fit {SCHEMA}: {first['msg']}")) from error


def summary_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of `summary.json`."""
    from pydantic import TypeAdapter

    schema = TypeAdapter(Summary).json_schema()
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["$id"] = SCHEMA
    schema["title"] = "holdfast run summary"
    return schema
