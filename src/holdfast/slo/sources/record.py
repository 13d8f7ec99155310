"""Holdfast's own records as a source: a run, the monitor's history, or many runs one after another.

    runs/20260101T120000Z-ci      one record: a folder with `run.db`
    runs                          a history of several: every folder in it that has a `run.db`

The monitor's history is a record of the same form, with a span of kind `phase` for each stretch in which it looked.
A record is measured in those spans only, and never outside: what came before a run, and after it, nobody saw. One that
was killed is measured to the last thing it wrote. Of a run counts what `slo.counted` says, and nothing where its own
summary says that its measurement is invalid.
"""

import json
import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from holdfast.errors import InputError, Problem, RunFolderError, shown
from holdfast.record.idle_closes import settled_intervals
from holdfast.record.recorder import Interval
from holdfast.record.store import RunStore
from holdfast.slo.counted import Stretch, counted, judged_of, phases_of, search_began
from holdfast.slo.history import history_of
from holdfast.slo.indicator import Counts, Indicator, joined
from holdfast.slo.objective import Objective
from holdfast.slo.sources.observed import Observed, whole_steps
from holdfast.slo.window import Span

DATABASE: Final = "run.db"
_RELEASED: Final = "released"
_ASKED: Final = "run.json"
_SUMMARY: Final = "summary.json"
_UNJUDGED: Final = "a phase that is not judged"
_SEARCHED: Final = "a capacity search, which overloads on purpose,"
_UNTRUSTED: Final = "a run whose measurement is invalid"


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
        counts = joined(record.counts(objective.indicator, start, end) for record in near)
        measured = [Span(one.start, one.end) for record in near for one in record.stretches]
        history = history_of(counts, start, end, step, measured=measured)
        notes = [] if near else [f"nothing of {self.name} lies in the window"]
        notes += _left_out(self._records, Span(start, end))
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
    """`start`, `end`: of what counts, or of all there is where nothing does. `left_out`: why, and when."""

    intervals: tuple[Interval, ...]
    attacks: frozenset[str]
    stretches: tuple[Stretch, ...]
    left_out: tuple[tuple[str, Span], ...]
    start: float
    end: float

    def overlaps(self, start: float, end: float) -> bool:
        return self.start < end and start < self.end

    def counts(self, indicator: Indicator, start: float, end: float) -> Counts:
        """Of [start, end)."""
        within = [
            replace(one, start=max(one.start, start), end=min(one.end, end), drained=min(one.counted_to, end))
            for one in self.stretches
            if one.start < end and start < one.counted_to
        ]
        return counted(self.intervals, indicator, within, self.attacks)


def _read(folder: Path) -> _Record | None:
    """None of one that ended before anything was measured."""
    path = folder / DATABASE
    try:
        with RunStore.reading(path) as store:
            intervals = tuple(settled_intervals(store))
            spans, events, gauges = store.spans(), store.events(), store.gauges()
    except (sqlite3.Error, ValueError) as error:  # also a histogram that was cut short
        raise RunFolderError(Problem(shown(path), f"is damaged: {error}", "leave it out")) from error
    seconds = [float(interval.second) for interval in intervals]
    last = max([*(s + 1 for s in seconds), *(e.at for e in events), *(g.at for g in gauges[-1:])], default=0.0)
    searching = search_began(spans)
    phases = [phase for phase in phases_of(spans, last) if phase.end > phase.start]
    if not phases and searching is None:
        released = next((event.at for event in events if event.kind == _RELEASED), min(seconds, default=last))
        phases = [Stretch("all", released, last, judged=True)] if released < last else []
    left_out = [(_UNJUDGED, Span(phase.start, phase.end)) for phase in phases if not phase.judged]
    if searching is not None and searching < last:
        left_out.append((_SEARCHED, Span(searching, last)))
    stretches = judged_of(phases)
    if _is_invalid(folder):
        left_out += [(_UNTRUSTED, Span(phase.start, phase.end)) for phase in stretches]
        stretches = []
    edges = [edge for one in stretches for edge in (one.start, one.end)]
    mine = [s for s in seconds if any(one.holds(int(s)) for one in stretches)]
    bounds = [*edges, *mine, *(s + 1 for s in mine)] or [e for _, gone in left_out for e in (gone.start, gone.end)]
    if not bounds:
        return None
    return _Record(intervals, _attacks(folder), tuple(stretches), tuple(left_out), min(bounds), max(bounds))


def _is_invalid(folder: Path) -> bool:
    """Whether a run's own summary says that its measurement cannot be trusted: what failed may have been ours."""
    validity = _facts(folder / _SUMMARY).get("validity")
    return isinstance(validity, dict) and validity.get("verdict") == "invalid"


def _attacks(folder: Path) -> frozenset[str]:
    """Scenarios of a run that do what attackers do."""
    names = _facts(folder / _ASKED).get("attacks")
    return frozenset(str(name) for name in names) if isinstance(names, list) else frozenset()


def _facts(path: Path) -> dict[str, Any]:
    """Of a file beside the record; nothing where there is none, as beside the monitor's, or where it was cut short."""
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _left_out(records: Iterable[_Record], span: Span) -> Iterator[str]:
    """What lies in a span and counts in no budget, by why."""
    seconds: dict[str, float] = {}
    for record in records:
        for why, gone in record.left_out:
            seconds[why] = seconds.get(why, 0.0) + gone.overlap(span)
    for why, lost in seconds.items():
        if lost > 0:
            yield f"{why} counts in no budget: {lost:.0f} s"
