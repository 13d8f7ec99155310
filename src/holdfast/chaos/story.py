"""What happened to one fault, gathered while it happens, told to the runner and written to the record as it does."""

import logging
import threading
from dataclasses import dataclass, field
from typing import Any, Final

from holdfast.channel import ChildEnd
from holdfast.chaos.experiment import Experiment
from holdfast.clock import Clock
from holdfast.record.store import RunStore
from holdfast.record.timeline import FAULT, Span

PENDING: Final = "pending"
DONE: Final = "done"
FAILED: Final = "failed"

log = logging.getLogger(__name__)


class Telling:
    """Events to the runner, spans to `run.db`; from any thread. A record that cannot be written is logged, not raised:
    an experiment that is under way must go on to its end."""

    def __init__(self, channel: ChildEnd, store: RunStore, clock: Clock) -> None:
        self._channel = channel
        self._store = store
        self._clock = clock
        self._writing = threading.Lock()

    def event(self, kind: str, **facts: object) -> None:
        self._channel.tell_event(kind, self._clock.now(), **facts)

    def span(self, span: Span) -> None:
        try:
            with self._writing:
                self._store.write_span(span)
        except Exception:
            log.exception("the span of %s was not written", span.name)


@dataclass(slots=True)
class Story:
    """The one mutable thing of a session. Times are seconds since the epoch; None is "not yet", or never.

    `foreign_began`: an action that is not ours has begun to change the target; the two after it say how many of the
    rollbacks that are not ours were played well, and what failed in the others.

    `name`: of the experiment in this run. `chunks_met`: traffic that met a toxic; `connections_met`: connections that
    were open to what was hit; `arrivals_before`, `arrivals_after`: connections that had come to the target's edge when
    the fault was in, and when it was about to be taken out. `configuration`, `secrets`: as Chaos Toolkit resolved them.
    """

    name: str
    experiment: Experiment
    planned_start: float
    planned_end: float
    fault: str
    target: str
    method_began: float | None = None
    rolling_back: bool = False
    injected_at: float | None = None
    reverted_at: float | None = None
    connections_met: int | None = None
    chunks_met: int | None = None
    arrivals_before: int | None = None
    arrivals_after: int | None = None
    steady_state_before: bool | None = None
    steady_state_after: bool | None = None
    recovered: bool | None = None
    watched: float = 0.0
    status: str = ""
    verdict: str = ""
    reason: str = ""
    clean_up: str = PENDING
    gone: str = ""  # why the fault was not in any more before its time
    foreign_began: bool = False
    rollbacks_played: int = 0
    rollbacks_failed: list[str] = field(default_factory=list)
    configuration: dict[str, Any] = field(default_factory=dict)
    secrets: dict[str, Any] = field(default_factory=dict, repr=False)

    @property
    def touched(self) -> int | None:
        """How much traffic met the fault: chunks where they are counted; else the connections that were open to what
        was hit, and those that came while it was away. None when nothing counts."""
        if self.chunks_met is not None:
            return self.chunks_met
        before, after = self.arrivals_before, self.arrivals_after
        came = None if before is None or after is None else max(after - before, 0)
        known = [count for count in (self.connections_met, came) if count is not None]
        return sum(known) if known else None

    @property
    def may_be_in(self) -> bool:
        """Whether its method has begun, and nobody has seen its fault come out."""
        return (self.method_began is not None or self.injected_at is not None) and self.reverted_at is None

    @property
    def way_back(self) -> str:
        """Of what the undo log does not know, because actions that are not ours put it in: "" when there is none, else
        pending, done or failed, by how the experiment's own rollbacks went."""
        if not self.foreign_began:
            return ""
        if self.rollbacks_failed:
            return FAILED
        return DONE if self.rollbacks_played >= len(self.experiment.foreign_rollbacks) else PENDING

    def attributes(self) -> dict[str, object]:
        """Of the fault's span."""
        return {
            "experiment": self.name,
            "title": self.experiment.title,
            "fault": self.fault,
            "target": self.target,
            "hypothesis": self.experiment.hypothesis,
            "touched": self.touched,
            "steady_state_before": self.steady_state_before,
            "steady_state_after": self.steady_state_after,
            "status": self.status,
            "verdict": self.verdict or "inconclusive",
            "reason": self.reason,
            "clean_up": self.clean_up,
            "way_back": self.way_back,
        }

    def span(self) -> Span:
        return Span(
            FAULT,
            self.name,
            self.planned_start,
            self.planned_end,
            self.injected_at,
            self.reverted_at,
            self.attributes(),
        )
