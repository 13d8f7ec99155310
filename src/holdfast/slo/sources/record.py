"""Holdfast's own records as a source: a run, the monitor's history, or many runs one after another.

    runs/20260101T120000Z-ci      one record: a folder with `run.db`
    runs                          a history of several: every folder in it that has a `run.db`

The monitor's history is a record of the same form, with a span of kind `phase` for each stretch in which it looked.
A record is measured in those spans only, and never outside: what came before a run, and after it, nobody saw. One that
was killed is measured to the last thing it wrote.
"""

import sqlite3
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

from holdfast.errors import InputError, Problem, RunFolderError, shown
from holdfast.record.idle_closes import settled_intervals
from holdfast.record.recorder import Interval
from holdfast.record.store import RunStore
from holdfast.record.timeline import PHASE, SEARCH_STEP
from holdfast.slo.history import history_of
from holdfast.slo.indicator import Indicator, count, joined
from holdfast.slo.objective import Objective
from holdfast.slo.sources.observed import Observed, whole_steps
from holdfast.slo.window import Span

DATABASE: Final = "run.db"
_RELEASED: Final = "released"


class RecordSource:
    """Read when it is first asked, and once."""

    def __init__(self, name: str, folders: tuple[Path, ...]) -> None:
        self.name = name
        self._folders = folders

    def observe(self, objective: Objective, span: Span, step: int) -> Observed:
        if not isinstance(objective.indicator, Indicator):
            what = f"{objective.name} counts metrics of another source, and {self.name} holds holdfast's own samples"
            raise InputError(Problem(objective.where, what, "give --prometheus or --csv, or choose others by --only"))
        start, end = whole_steps(span, step)
        near = [record for record in self._records if record.overlaps(start, end)]
        counts = joined(count(record.intervals, objective.indicator, start, end) for record in near)
        measured = [watched for record in near for watched in record.watched]
        history = history_of(counts, start, end, step, measured=measured)
        notes = [] if near else [f"nothing of {self.name} lies in the window"]
        cut = max((min(record.end, span.end) - end for record in self._records if record.start < span.end), default=0)
        if cut > 0:
            notes.append(
                f"its last {cut:.0f} s lie in a step that is not over: a smaller --step, or a later --at, has them"
            )
        return Observed(history, notes=tuple(notes))

    def extent(self, objective: Objective) -> Span | None:  # noqa: ARG002 - it watches all there is
        records = self._records
        if not records:
            return None
        return Span(min(record.start for record in records), max(record.end for record in records))

    @cached_property
    def _records(self) -> tuple["_Record", ...]:
        found = [_read(folder) for folder in self._folders]
        return tuple(record for record in found if record is not None)


def open_record(folder: Path) -> RecordSource:
    """A record, or a folder of records. Raises RunFolderError where there is none."""
    if (folder / DATABASE).is_file():
        return RecordSource(f"the record {shown(folder)}", (folder,))
    folders = tuple(sorted(path.parent for path in folder.glob(f"*/{DATABASE}"))) if folder.is_dir() else ()
    if not folders:
        what = f"holds no record: neither {DATABASE} nor folders with one"
        raise RunFolderError(Problem(shown(folder), what, "name a run folder, or the folder that holds them"))
    records = "1 record" if len(folders) == 1 else f"{len(folders)} records"
    return RecordSource(f"the history {shown(folder)} ({records})", folders)


@dataclass(frozen=True, slots=True)
class _Record:
    intervals: tuple[Interval, ...]
    watched: tuple[Span, ...]
    start: float
    end: float

    def overlaps(self, start: float, end: float) -> bool:
        return self.start < end and start < self.end


def _read(folder: Path) -> _Record | None:
    """None of one that ended before anything was measured."""
    path = folder / DATABASE
    try:
        with RunStore.open(path) as store:
            intervals = tuple(settled_intervals(store))
            spans = [span for kind in (PHASE, SEARCH_STEP) for span in store.spans(kind) if span.started is not None]
            events, gauges = store.events(), store.gauges()
    except (sqlite3.Error, ValueError) as error:  # also a histogram that was cut short
        raise RunFolderError(Problem(shown(path), f"is damaged: {error}", "leave it out")) from error
    seconds = [float(interval.second) for interval in intervals]
    last = max([*(s + 1 for s in seconds), *(e.at for e in events), *(g.at for g in gauges[-1:])], default=0.0)
    watched = [
        Span(span.started, min(span.ended, last) if span.ended is not None else last)
        for span in spans
        if span.started is not None
    ]
    if not watched:
        released = next((event.at for event in events if event.kind == _RELEASED), min(seconds, default=None))
        watched = [] if released is None else [Span(released, last)]
    sound = tuple(span for span in watched if span.end > span.start)
    bounds = [*seconds, *(s + 1 for s in seconds), *(edge for span in sound for edge in (span.start, span.end))]
    return _Record(intervals, sound, min(bounds), max(bounds)) if bounds else None
