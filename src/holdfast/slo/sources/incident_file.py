"""Incidents as people wrote them down: a CSV file, or YAML.

    start,end,name,objective
    2026-01-31T12:00:00Z,2026-01-31T12:40:00Z,database failover,sign-in-availability

    - {start: "2026-01-31T12:00:00Z", end: "2026-01-31T12:40:00Z", name: database failover}

`start`, `end`: with the zone, or seconds since the epoch. `name` and `objective` may be left out; an incident without
an objective is one of every objective. Of a run, the faults that were put into its target are known without a file.
"""

import csv
import io
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

from holdfast.errors import InputError, Problem, RunFolderError, raise_input_error, shown
from holdfast.record.store import RunStore
from holdfast.record.timeline import FAULT
from holdfast.slo.incidents import Incident
from holdfast.slo.moment import exact_moment
from holdfast.slo.sources.record import DATABASE
from holdfast.workspace.document import load_document, nearest

_KEYS: Final = ("start", "end", "name", "objective")
_MOST_BYTES: Final = 5_000_000
_TIME: Final = "write 2026-01-31T12:00:00Z, with the zone, or seconds since the epoch"


@dataclass(frozen=True, slots=True)
class NamedIncident:
    """`objective` "": of every one. `where`: its line."""

    incident: Incident
    objective: str
    where: str


def load_incidents(path: Path) -> tuple[NamedIncident, ...]:
    """Raises InputError with all that is wrong."""
    rows = _yaml(path) if path.suffix in {".yaml", ".yml"} else _csv(path)
    problems: list[Problem] = []
    found = [one for row, where in rows for one in [_incident(row, where, problems.append)] if one is not None]
    raise_input_error(problems)
    return tuple(sorted(found, key=lambda one: one.incident.start))


def faults_of(folder: Path) -> tuple[NamedIncident, ...]:
    """The faults of a run as they really happened, those that touch as one. Raises RunFolderError."""
    path = folder / DATABASE
    try:
        with RunStore.open(path) as store:
            spans = store.spans(FAULT)
    except sqlite3.Error as error:
        raise RunFolderError(Problem(shown(path), f"is damaged: {error}", "leave it out")) from error
    found: list[Incident] = []
    for span in sorted(
        (s for s in spans if s.started is not None and s.ended is not None), key=lambda s: s.started or 0
    ):
        start, end = float(span.started or 0), float(span.ended or 0)
        if found and start <= found[-1].end:
            earlier = found.pop()
            found.append(Incident(earlier.start, max(earlier.end, end), f"{earlier.name}, {span.name}"))
        elif end > start:
            found.append(Incident(start, end, span.name))
    return tuple(NamedIncident(one, "", shown(path)) for one in found)


def incidents_of(named: Sequence[NamedIncident], objective: str) -> tuple[Incident, ...]:
    """Those of one objective, in order of time. Raises InputError where two overlap: both would count one alert."""
    chosen = [one for one in named if one.objective in ("", objective)]
    raise_input_error(
        Problem(later.where, f"begins before the one at {earlier.where} has ended", "make them one, or part them")
        for earlier, later in pairwise(chosen)
        if later.incident.start < earlier.incident.end
    )
    return tuple(one.incident for one in chosen)


def _csv(path: Path) -> list[tuple[Mapping[str, Any], str]]:
    where = shown(path)
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise InputError(Problem(where, f"is larger than {_MOST_BYTES // 1_000_000} MB"))
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(Problem(where, f"cannot be read: {error}", "name a CSV or YAML file in UTF-8")) from error
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    rows: list[tuple[Mapping[str, Any], str]] = []
    problems: list[Problem] = []
    try:
        header = [name.strip() for name in next(reader, [])]
        for row in reader:
            if not row:
                continue
            if len(row) != len(header):
                what = f"{len(row)} cells, and {len(header)} columns"
                problems.append(Problem(f"{where}:{reader.line_num}", what, "mend the row"))
            cells = {name: cell for name, cell in zip(header, row, strict=False) if cell or name in {"start", "end"}}
            rows.append((cells, f"{where}:{reader.line_num}"))
    except csv.Error as error:
        raise InputError(Problem(f"{where}:{reader.line_num}", f"is not CSV: {error}", "quote it")) from error
    if not {"start", "end"} <= set(header):
        what = 'the first line names the columns, and "start" and "end" are among them'
        problems.append(Problem(f"{where}:1", "there is no column start or no column end", what))
    problems += [Problem(f"{where}:1", f'unknown column "{n}"', nearest(n, _KEYS)) for n in header if n not in _KEYS]
    raise_input_error(problems)
    return rows


def _yaml(path: Path) -> list[tuple[Mapping[str, Any], str]]:
    document, problems = load_document(path)
    raise_input_error(problems)
    if document is None or not isinstance(document.data, list):
        raise InputError(Problem(shown(path), "is no list of incidents", "write - {start: …, end: …, name: …}"))
    rows: list[tuple[Mapping[str, Any], str]] = []
    for index, entry in enumerate(document.data):
        where = document.where((index,))
        if not isinstance(entry, dict):
            problems.append(Problem(where, "is no incident", "write {start: …, end: …, name: …}"))
            continue
        problems += [Problem(where, f'unknown property "{k}"', nearest(str(k), _KEYS)) for k in entry if k not in _KEYS]
        rows.append((entry, where))
    raise_input_error(problems)
    return rows


def _incident(row: Mapping[str, Any], where: str, tell: Callable[[Problem], None]) -> NamedIncident | None:
    times: list[float] = []
    for key in ("start", "end"):
        moment = exact_moment(row.get(key))
        if moment is None:
            tell(Problem(where, f'{key} is "{row.get(key, "")}"', _TIME))
        else:
            times.append(moment)
    if len(times) < 2:
        return None
    if times[1] <= times[0]:
        tell(Problem(where, "ends before it starts", "correct start or end"))
        return None
    return NamedIncident(Incident(times[0], times[1], str(row.get("name", ""))), str(row.get("objective", "")), where)
