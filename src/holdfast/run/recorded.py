"""A run's evidence, read once: what was asked (run.json) and what was recorded (run.db)."""

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from holdfast.errors import Problem, RunFolderError
from holdfast.record.idle_closes import settled_intervals
from holdfast.record.recorder import Interval
from holdfast.record.store import Event, Gauge, RunStore
from holdfast.record.timeline import FAULT, SEARCH_STEP, Span
from holdfast.run.asked import Asked, read_asked
from holdfast.run.folder import RunFolder
from holdfast.slo.counted import Stretch, counted, judged_of, phases_of, search_began
from holdfast.slo.indicator import Counts
from holdfast.slo.objective import Objective

_DAMAGE: Final = (sqlite3.Error, ValueError, TypeError, LookupError, OverflowError)
"""What reading a file raises whose bytes are not what was written."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """Everything known of a run."""

    folder: RunFolder
    asked: Asked
    time_zero: float
    ended: float
    intervals: tuple[Interval, ...]
    spans: tuple[Span, ...]
    gauges: tuple[Gauge, ...]
    events: tuple[Event, ...]

    @property
    def phases(self) -> list[Stretch]:
        """Those that began, as long as they really lasted."""
        return phases_of(self.spans, self.ended, {phase.name: phase.judged for phase in self.asked.phases})

    @property
    def judged(self) -> list[Stretch]:
        """The phases that decide the run, and that count in its error budgets."""
        return judged_of(self.phases)

    @property
    def faults(self) -> list[Span]:
        return [span for span in self.spans if span.kind == FAULT]

    @property
    def search_steps(self) -> list[Span]:
        return sorted((s for s in self.spans if s.kind == SEARCH_STEP), key=lambda s: s.started or 0.0)

    @property
    def drained(self) -> float:
        """Until when visitors of the phases were at it: the run's end, or the begin of a capacity search."""
        searching = search_began(self.spans)
        return self.ended + 1.0 if searching is None else searching  # its last second is over then

    @property
    def plan_end(self) -> float:
        """Where the phases ended; a capacity search comes after it."""
        phases = self.phases
        return phases[-1].end if phases else self.time_zero

    def counted(self, objective: Objective, stretches: Sequence[Stretch] | None = None) -> Counts:
        """Events of an objective that samples are counted for, in the judged phases or in other stretches."""
        chosen = self.judged if stretches is None else stretches
        return counted(self.intervals, objective.events, chosen, self.asked.attacks)

    def events_of(self, kind: str) -> list[Event]:
        return [event for event in self.events if event.kind == kind]

    def done(self, child: str) -> dict[str, float]:
        """The numbers a child told at its end; empty when it told none."""
        facts = next((e.facts for e in reversed(self.events) if e.kind == "child_done" and e.source == child), {})
        return {k: float(v) for k, v in facts.items() if isinstance(v, (int, float))}

    def within(self, start: float, end: float, source: str | None = None) -> list[Interval]:
        """Intervals due in [start, end). A second belongs to the stretch that holds its middle."""
        return [i for i in self.intervals if start <= i.second + 0.5 < end and (source is None or i.source == source)]


def read_recorded(folder: RunFolder) -> Recorded:
    """Of a sealed run, or of one that was killed: whatever is there. Raises RunFolderError when nothing is."""
    asked = read_asked(folder)
    try:
        return _read(folder, asked)
    except _DAMAGE as error:
        raise RunFolderError(
            Problem(str(folder.database), f"is damaged: {error}", "nothing can be judged from it")
        ) from error


def _read(folder: RunFolder, asked: Asked) -> Recorded:
    with RunStore.reading(folder.database) as store:
        events = store.events()
        released = next((e for e in events if e.kind == "released"), None)
        if released is None:
            raise RunFolderError(
                Problem(str(folder.path), "this run ended before it began: nothing was recorded", f"see {folder.logs}")
            )
        intervals = settled_intervals(store)
        gauges = store.gauges()
        spans = store.spans()
    last = [e.at for e in events] + [g.at for g in gauges[-1:]] + [float(i.second + 1) for i in intervals[-1:]]
    return Recorded(
        folder=folder,
        asked=asked,
        time_zero=released.at,
        ended=max([released.at, *last]),
        intervals=tuple(intervals),
        spans=tuple(spans),
        gauges=tuple(gauges),
        events=tuple(events),
    )


def outcomes_of(intervals: Iterable[Interval]) -> dict[str, int]:
    found: dict[str, int] = {}
    for interval in intervals:
        found[interval.outcome] = found.get(interval.outcome, 0) + interval.count
    return dict(sorted(found.items()))
