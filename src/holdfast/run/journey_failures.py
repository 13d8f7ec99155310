"""Why journeys fail: their walks' own words, grouped; since when; and what was wrong with the target meanwhile."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from holdfast.record.sample import OK, UNFINISHED
from holdfast.record.store import Event
from holdfast.run.journey_history import JOURNEY_HISTORY
from holdfast.run.recorded import Recorded
from holdfast.run.standing_faults import STANDING_FAULT
from holdfast.run.summary import StandingFault, WalkFailure

_ALIKE: Final = ("step", "outcome", "detail", "error_code", "line")


@dataclass(frozen=True, slots=True)
class Since:
    """Since when a journey fails and when it last came through, this run and those before it taken together."""

    failing_since: float | None
    last_passed: float | None
    last_passed_run: str
    earlier_runs: int | None


def walk_failures(recorded: Recorded, journey: str) -> tuple[WalkFailure, ...]:
    """The most frequent first."""
    alike: dict[tuple[str, ...], list[Event]] = {}
    for event in _walks(recorded, journey):
        if event.facts.get("outcome") not in {OK, UNFINISHED}:
            key = tuple(
                str(event.facts.get(name) or "") for name in ("step", "outcome", "detail", "error_code", "line")
            )
            alike.setdefault(key, []).append(event)
    return tuple(_failure(events) for events in sorted(alike.values(), key=lambda events: -len(events)))


def since(recorded: Recorded, journey: str) -> Since:
    before = next((e.facts for e in recorded.events_of(JOURNEY_HISTORY) if e.facts.get("name") == journey), None)
    failing_since = _number(before.get("failing_since")) if before else None
    last_passed = _number(before.get("last_passed")) if before else None
    run = str(before.get("last_passed_run") or "") if before else ""
    for event in _walks(recorded, journey):
        outcome, at = event.facts.get("outcome"), _number(event.facts.get("due")) or event.at
        if outcome == OK:
            failing_since, last_passed, run = None, at, ""
        elif outcome != UNFINISHED and failing_since is None:
            failing_since = at
    runs = int(_number(before.get("runs")) or 0) if before else None
    return Since(failing_since, last_passed, run, runs)


def standing_fault_results(recorded: Recorded) -> tuple[StandingFault, ...]:
    """In the order in which they were seen."""
    seen: dict[tuple[str, str], set[str]] = {}
    for event in recorded.events_of(STANDING_FAULT):
        seen.setdefault((str(event.facts["place"]), str(event.facts["what"])), set()).add(str(event.facts["when"]))
    return tuple(StandingFault(place, what, "start" in when, "end" in when) for (place, what), when in seen.items())


def _walks(recorded: Recorded, journey: str) -> list[Event]:
    """In order of time."""
    walks = [event for event in recorded.events_of("journey") if event.facts.get("name") == journey]
    return sorted(walks, key=lambda event: event.at)


def _failure(events: Sequence[Event]) -> WalkFailure:
    facts, status = events[0].facts, _number(events[0].facts.get("status"))
    evidence = facts.get("evidence")
    return WalkFailure(
        step=str(facts.get("step") or ""),
        outcome=str(facts.get("outcome")),
        detail=str(facts.get("detail") or ""),
        status=None if status is None else int(status),
        error_code=str(facts.get("error_code") or ""),
        error=str(facts.get("said") or ""),  # runs of before told an "error", which quoted the page
        line=str(facts.get("line") or ""),
        walks=len(events),
        first_at=events[0].at,
        last_at=events[-1].at,
        evidence=tuple(str(name) for name in evidence) if isinstance(evidence, list) else (),
    )


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, (int, float)) else None
