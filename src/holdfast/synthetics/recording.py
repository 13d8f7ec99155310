"""What walks found, into the record: samples, gauges and events, collected until they are written.

    sample  "<journey>"                 the walk     (depth 1)
            "<journey>/<step>"          a step that was reached, from when the visitor began it (depth 2)
    gauge   "<journey>/<step>/lcp" …    vitals after the step (see `vitals`)
            "<journey>/wait"            s a due walk waited for a free browser slot: ours, so no part of its sample
            "<journey>/delivery"        s until a message was in the mailbox
    event   journey_failed, missed, probe_error, clean_up_failed; told to the runner as well, like journey_ok

A sample's `at` is when the visitor began, not when the walk was due: a probe that waited for its own browser must not
report that as the target's time.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from holdfast.record.recorder import Batch, Recorder, fold
from holdfast.record.sample import OK, UNFINISHED
from holdfast.record.store import Event, Gauge, RunStore
from holdfast.synthetics.walk import Walked

SOURCE: Final = "synthetics"
Tell = Callable[..., None]


@dataclass(frozen=True, slots=True)
class Collected:
    """What waits to be written."""

    samples: Batch
    gauges: list[Gauge]
    events: list[Event]


class Recording:
    """Collects in the event loop; only `write` may run in a thread, one at a time."""

    def __init__(self, store: RunStore, journeys: Iterable[str], tell: Tell) -> None:
        self._store = store
        self._tell = tell
        self._recorder = Recorder(SOURCE)
        self._gauges: list[Gauge] = []
        self._events: list[Event] = []
        self._outcomes: dict[str, Counter[str]] = {name: Counter() for name in journeys}
        self._counts: dict[str, Counter[str]] = {name: Counter() for name in journeys}
        self._evidence = 0

    def add_walk(self, walked: Walked) -> None:
        name, outcome = walked.journey, walked.cause.outcome
        self._outcomes[name][outcome] += 1
        self._recorder.add(name, walked.at, outcome, walked.duration, 0.0, walked.cause.detail, walked.trace_id)
        for step, cause in walked.steps:
            step_name = f"{name}/{step.name}"
            self._recorder.add(step_name, step.at, cause.outcome, step.duration, 0.0, cause.detail, walked.trace_id)
            for vital, value in step.vitals.items():
                self.add_gauge(f"{step_name}/{vital}", step.end, value)
        end = walked.at + walked.duration
        for delivery in walked.delivery:
            self.add_gauge(f"{name}/delivery", end, delivery)
        if outcome == OK:
            self._tell("journey_ok", end, journey=name, duration=round(walked.duration, 3))
        elif outcome != UNFINISHED:
            self._add_failure(walked, end)

    def add_gauge(self, name: str, at: float, value: float) -> None:
        self._gauges.append(Gauge(at, SOURCE, name, value))

    def add_event(self, kind: str, at: float, journey: str, **facts: object) -> None:
        """Count it for the journey, keep it, tell it. `kind`: missed, probe_error, clean_up_failed."""
        self._counts[journey][kind] += 1
        self._note(kind, at, journey=journey, **facts)

    def take(self) -> Collected:
        """What was collected since the last call."""
        collected = Collected(self._recorder.take(), self._gauges, self._events)
        self._gauges, self._events = [], []
        return collected

    def write(self, collected: Collected) -> None:
        if collected.samples:
            self._store.write(fold(SOURCE, collected.samples))
        if collected.gauges:
            self._store.write_gauges(collected.gauges)
        for event in collected.events:
            self._store.write_event(event)

    def facts(self) -> dict[str, object]:
        """For the record, at the end."""
        journeys = {
            name: {
                "runs": sum(outcomes.values()),
                "outcomes": dict(outcomes),
                **{kind: self._counts[name][kind] for kind in ("missed", "probe_error", "clean_up_failed")},
            }
            for name, outcomes in self._outcomes.items()
        }
        total = sum(self._counts.values(), Counter())
        return {
            "journeys": journeys,
            "runs": sum(sum(outcomes.values()) for outcomes in self._outcomes.values()),
            "unfinished": sum(outcomes[UNFINISHED] for outcomes in self._outcomes.values()),
            "missed": total["missed"],
            "probe_errors": total["probe_error"],
            "clean_up_failed": total["clean_up_failed"],
            "evidence": self._evidence,
        }

    def _add_failure(self, walked: Walked, at: float) -> None:
        failure = walked.failure
        self._evidence += len(walked.evidence)
        self._note(
            "journey_failed", at, journey=walked.journey, step=failure.step if failure else "",
            outcome=walked.cause.outcome, detail=walked.cause.detail, duration=round(walked.duration, 3),
            error=failure.error if failure else "", trace_id=walked.trace_id,
            evidence=[f"evidence/{path.name}" for path in walked.evidence],
        )

    def _note(self, kind: str, at: float, **facts: object) -> None:
        self._events.append(Event(at, SOURCE, kind, facts))
        self._tell(kind, at, **facts)
