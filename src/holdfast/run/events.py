"""What the runner says while it runs: a uniform stream. The engine does not know who listens.

    Started ─▶ (PhaseStarted | Tick | FaultInjected | FaultReverted | JourneyRan | SearchStep | Notice)* ─▶ Finished

`at` and `second` are seconds after the run's time 0; negative while it is being prepared.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from holdfast.errors import ExitCode, severest
from holdfast.load.measured import DELTAS_LOST, WORKER_LOST
from holdfast.record.store import Event
from holdfast.run.summary import Summary


@dataclass(frozen=True, slots=True)
class Preparing:
    """Something slow before time 0: the stack, a browser."""

    what: str


@dataclass(frozen=True, slots=True)
class Started:
    """Time 0 is known and every child was released."""

    run_id: str
    folder: Path
    plan: str
    description: str
    target: str
    duration: float  # seconds planned, without a capacity search
    phases: tuple[tuple[str, float, float], ...]  # name, start, end
    at_most: bool = False  # it ends when its walks are done, before that


@dataclass(frozen=True, slots=True)
class PhaseStarted:
    at: float
    name: str
    judged: bool


@dataclass(frozen=True, slots=True)
class Tick:
    """A look at the run, once a second, as recorded so far (late answers still to come)."""

    at: float
    phase: str
    rate: float  # visits due per second, over the last few
    ok: int  # visits that ended so, since time 0
    bad: int
    p95: float | None  # response time of visits that ended in the last few seconds
    in_flight: int | None
    burn_rates: Mapping[str, float | None]  # by objective, over the guard's stretch
    replicas_ready: int | None


@dataclass(frozen=True, slots=True)
class FaultInjected:
    at: float
    experiment: str
    fault: str
    target: str


@dataclass(frozen=True, slots=True)
class FaultReverted:
    at: float
    experiment: str
    clean_up: str


@dataclass(frozen=True, slots=True)
class JourneyRan:
    at: float
    name: str
    outcome: str
    duration: float
    step: str = ""  # where it failed


@dataclass(frozen=True, slots=True)
class SearchStep:
    """One held arrival rate of a capacity search, judged; `rate` is what was held."""

    at: float
    rate: float
    verdict: str
    reason: str


@dataclass(frozen=True, slots=True)
class Notice:
    """Something the person should know; `severity` is "info", "warning" or "error"."""

    at: float
    severity: str
    text: str


@dataclass(frozen=True, slots=True)
class Finished:
    """Sealed, undone and judged."""

    folder: Path
    summary: Summary
    reports: tuple[Path, ...] = field(default=())
    unwritten: str = ""  # why the record or the reports are not whole

    @property
    def exit_code(self) -> int:
        """The verdict's; a record that is not whole is no evidence."""
        return severest(self.summary.exit_code, ExitCode.INCONCLUSIVE if self.unwritten else ExitCode.MET)


RunEvent = (
    Preparing
    | Started
    | PhaseStarted
    | Tick
    | FaultInjected
    | FaultReverted
    | JourneyRan
    | SearchStep
    | Notice
    | Finished
)


def shown_event(event: Event, at: float) -> RunEvent | None:
    """A child's event as the runner's own, where a person would want to see it."""
    facts = event.facts
    if event.kind == "fault_injected":
        return FaultInjected(at, str(facts.get("experiment")), str(facts.get("fault")), str(facts.get("target")))
    if event.kind == "fault_reverted":
        return FaultReverted(at, str(facts.get("experiment")), str(facts.get("clean_up", "done")))
    if event.kind == "journey":
        duration = facts.get("duration")
        return JourneyRan(
            at,
            str(facts.get("name")),
            str(facts.get("outcome")),
            float(duration) if isinstance(duration, (int, float)) else 0.0,
            str(facts.get("step") or ""),
        )
    if event.kind == "clean_up_failed":
        return Notice(at, "error", f"{event.source}: {event.facts.get('journey')} could not clean up after itself")
    if event.kind in {WORKER_LOST, DELTAS_LOST}:
        return Notice(at, "error", f"{facts.get('worker')} is lost: {facts.get('reason')}")
    if event.kind in {"notice", "probe_error", "scenario_error", "activity_failed"}:
        text = facts.get("text") or facts.get("message") or facts.get("reason") or event.kind
        return Notice(at, "warning", f"{event.source}: {text}")
    return None
