"""What walks found, into the record: samples and gauges, collected until they are written; and events.

    sample  "<journey>"                 the walk     (depth 1)
            "<journey>/<step>"          a step that was reached, from when the visitor began it (depth 2)
    gauge   "<journey>/<step>/lcp" …    vitals after the step (see `vitals`)
            "wait/<journey>"            s a due walk waited for a free browser slot: ours, so no part of its sample
            "delivery/<journey>"        s until a message was in the mailbox
    event   journey, missed, not_walked, probe_error, clean_up_failed: told to the runner, which keeps them

A sample's `at` is when the visitor began, not when the walk was due: a probe that waited for its own browser must not
report that as the target's time.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from holdfast.record.recorder import Batch, Recorder, fold
from holdfast.record.sample import DROPPED, UNFINISHED
from holdfast.record.store import Gauge, RunStore
from holdfast.synthetics.walk import Walked

SOURCE: Final = "synthetics"
NO_FREE_ACCOUNT: Final = "no_free_account"
WAITED_FOR_CODE: Final = "waited_for_code"
BROWSER_BROKE: Final = "browser_broke"
_KINDS: Final = ("missed", "not_walked", "probe_error", "clean_up_failed")
Tell = Callable[..., None]


@dataclass(frozen=True, slots=True)
class Collected:
    """What waits to be written."""

    samples: Batch
    gauges: list[Gauge]


class Recording:
    """Collects in the event loop; only `write` may run in a thread, one at a time."""

    def __init__(self, store: RunStore, journeys: Iterable[str], tell: Tell) -> None:
        self._store = store
        self._tell = tell
        self._recorder = Recorder(SOURCE)
        self._gauges: list[Gauge] = []
        self._outcomes: dict[str, Counter[str]] = {name: Counter() for name in journeys}
        self._counts: dict[str, Counter[str]] = {name: Counter() for name in journeys}
        self._evidence = 0
        self._refused: set[tuple[str, str]] = set()

    def add_walk(self, walked: Walked) -> None:
        name, outcome = walked.journey, walked.cause.outcome
        self._name_refused(walked)
        self._outcomes[name][outcome] += 1
        self._recorder.add(name, walked.at, outcome, walked.duration, 0.0, walked.cause.detail, walked.trace_id)
        for step, cause in walked.steps:
            step_name = f"{name}/{step.name}"
            self._recorder.add(step_name, step.at, cause.outcome, step.duration, 0.0, cause.detail, walked.trace_id)
            for vital, value in step.vitals.items():
                self.add_gauge(f"{step_name}/{vital}", step.end, value)
        end = walked.at + walked.duration
        for delivery in walked.delivery:
            self.add_gauge(f"delivery/{name}", end, delivery)
        failure = walked.failure
        facts = (
            {}
            if failure is None
            else {
                "step": failure.step,
                "line": failure.line,
                "said": failure.error,
                "status": failure.status,
                "error_code": failure.error_code,
                "evidence": [f"evidence/{path.name}" for path in walked.evidence],
            }
        )
        self._evidence += len(walked.evidence)
        self._tell(
            "journey",
            end,
            name=name,
            due=walked.at,
            outcome=outcome,
            detail=walked.cause.detail,
            duration=round(walked.duration, 4),
            trace_id=walked.trace_id,
            **facts,
        )

    def _name_refused(self, walked: Walked) -> None:
        """Each origin once a journey: what a page lacks in a walk, and its customers have."""
        for origin in walked.refused:
            if (walked.journey, origin) not in self._refused:
                self._refused.add((walked.journey, origin))
                text = (
                    f"{walked.journey} would have asked {origin}, which is not the target's origin: refused, not sent"
                )
                self._tell("notice", walked.at, severity="info", text=text)

    def add_gauge(self, name: str, at: float, value: float) -> None:
        self._gauges.append(Gauge(at, SOURCE, name, value))

    def add_missed(self, journey: str, due: float, reason: str) -> None:
        """A walk that was due and that nobody of ours could take: dropped, and a bad event like a dropped arrival.

        Were it left out, a stack so slow that walks overlap would be measured less, the slower it is.
        """
        self._recorder.add(journey, due, DROPPED, 0.0, detail=reason)
        self.add_event("missed", due, journey, reason=reason)

    def add_not_walked(self, journey: str, due: float, reason: str, *, needs_code: bool) -> None:
        """A walk that was due and that did not begin for a reason of ours, so it is no event of any objective.

        `reason`: no account was free; or the walk before it was held up by its next one-time code, or by a browser
        that broke.
        """
        self.add_event("not_walked", due, journey, reason=reason, needs_code=needs_code)

    def add_event(self, kind: str, at: float, journey: str, **facts: object) -> None:
        """Count it for the journey, and tell it. `kind`: one of `_KINDS`."""
        self._counts[journey][kind] += 1
        self._tell(kind, at, journey=journey, **facts)

    def take(self) -> Collected:
        """What was collected since the last call."""
        collected = Collected(self._recorder.take(), self._gauges)
        self._gauges = []
        return collected

    def write(self, collected: Collected) -> None:
        if collected.samples:
            self._store.write(fold(SOURCE, collected.samples))
        if collected.gauges:
            self._store.write_gauges(collected.gauges)

    def facts(self) -> dict[str, object]:
        """For the record, at the end."""
        journeys = {
            name: {
                "runs": sum(outcomes.values()),
                "outcomes": dict(outcomes),
                **{kind: self._counts[name][kind] for kind in _KINDS},
            }
            for name, outcomes in self._outcomes.items()
        }
        total = sum(self._counts.values(), Counter())
        return {
            "journeys": journeys,
            "runs": sum(sum(outcomes.values()) for outcomes in self._outcomes.values()),
            "unfinished": sum(outcomes[UNFINISHED] for outcomes in self._outcomes.values()),
            "missed": total["missed"],
            "not_walked": total["not_walked"],
            "probe_errors": total["probe_error"],
            "clean_up_failed": total["clean_up_failed"],
            "evidence": self._evidence,
        }
