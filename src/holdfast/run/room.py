"""Is there room for the record of a run? Looked at before it starts: a full disk ends a run in the middle, undecided.

    bytes = seconds · (a constant + rows a second · a row) + reports and evidence

A row is one second of one series (a name with an outcome), however many events it holds, so an hour at any rate stays
in the tens of MB. The figures are those of recorded runs, rounded up (`docs/reference/performance.md`).
"""

import os
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from holdfast.errors import InputError, Problem, shown
from holdfast.run.asked import AskedLoad
from holdfast.run.prepared import Prepared
from holdfast.workspace.rate import ArrivalRate, fitted, stage_of

_EACH_SECOND: Final = 1_500  # gauges and events
_ROW: Final = 150  # two histograms, an index, exemplars
_REPORTS: Final = 8_000_000
_EVIDENCE: Final = 2_000_000  # of a journey: a failed walk leaves a picture and a trace
_REQUESTS_A_STEP: Final = 2
_OUTCOMES: Final = 1.5  # of a name in one second, where some fail
_BESIDE: Final = 2.0  # the write-ahead log, until it is folded in
_UNKNOWN_RATE: Final = 1e9  # virtual users come as fast as they are answered
_CLOSE: Final = 4.0  # times what it takes; with less a run starts, and says so
_DRAINING: Final = 30.0


@dataclass(frozen=True, slots=True)
class Room:
    """Bytes that a run takes in all likelihood, and that are free where it is recorded. `place`: that folder."""

    needed: int
    free: int
    place: Path

    @property
    def plainly_too_little(self) -> bool:
        return self.free < self.needed

    @property
    def little(self) -> bool:
        return self.free < _CLOSE * self.needed

    @property
    def sentence(self) -> str:
        return f"{size_text(self.free)} free in {shown(self.place)}, and this run takes about {size_text(self.needed)}"


def room_for(prepared: Prepared) -> Room:
    """What it takes, and what there is."""
    place = prepared.workspace.runs_folder
    return Room(needed_bytes(prepared), free_bytes(place), place)


def look_for_room(prepared: Prepared) -> str | None:
    """A warning where it is little. Raises InputError where the record plainly cannot fit: nothing was started then."""
    room = room_for(prepared)
    if room.plainly_too_little:
        fix = (
            "make room there, for example `holdfast runs --keep 20`, or name another folder by `runs:` in holdfast.yaml"
        )
        raise InputError(Problem(shown(room.place), f"there is too little room: {room.sentence}", fix))
    return f"there is little room: {room.sentence}" if room.little else None


def needed_bytes(prepared: Prepared) -> int:
    """Of a run folder, reports and all."""
    rows = _load_seconds(prepared) + _search_seconds(prepared)
    seconds = max((phase.end for phase in prepared.phases), default=0.0) + _DRAINING + _searching(prepared)
    record = _EACH_SECOND * seconds + _ROW * rows
    return round(_BESIDE * record + _REPORTS + _EVIDENCE * len(prepared.journeys))


def free_bytes(place: Path) -> int:
    """Where a folder is, or will be: that of the nearest one above it which is there."""
    while not place.exists() and place != place.parent:
        place = place.parent
    try:
        return shutil.disk_usage(place).free
    except OSError:
        return os.statvfs("/").f_bavail * os.statvfs("/").f_frsize


def size_text(number: int) -> str:
    """For people: "200 kB", "12 MB", "3.4 GB". What is free is never rounded up to what is not there."""
    if number < 1e6:
        return f"{number // 1000} kB"
    return f"{number / 1e9:.1f} GB" if number >= 1e9 else f"{number // 1_000_000} MB"


def _load_seconds(prepared: Prepared) -> float:
    """Rows of all loads."""
    return sum(
        _rows(prepared, entry.profile["mix"], _rate(entry)) * (entry.end - entry.start) for entry in prepared.load
    )


def _searching(prepared: Prepared) -> float:
    """Seconds of a capacity search at most."""
    question = prepared.capacity
    return 0.0 if question is None else question.search.most_probes * (question.settle + question.hold)


def _search_seconds(prepared: Prepared) -> float:
    question, profile = prepared.capacity, prepared.capacity_profile
    if question is None or profile is None:
        return 0.0
    return _searching(prepared) * _rows(prepared, profile.mix, question.search.most)


def _rows(prepared: Prepared, mix: Iterable[str], rate: float) -> float:
    """Rows a second of a mix at a rate: no more than there are events, and than there are series."""
    names = [1 + (1 + _REQUESTS_A_STEP) * len(prepared.scenario_steps.get(name, ("",))) for name in mix]
    return min(_OUTCOMES * sum(names), rate * max(names, default=0))


def _rate(entry: AskedLoad) -> float:
    """Arrivals a second on average."""
    profile, seconds = entry.profile, entry.end - entry.start
    if profile.get("virtual_users") is not None or not profile["stages"] or seconds <= 0:
        return _UNKNOWN_RATE
    stages = fitted([stage_of(stage) for stage in profile["stages"]], seconds)
    return ArrivalRate(stages).expected * entry.scale / seconds
