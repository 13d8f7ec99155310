"""How much this machine's generator can do, measured once by `holdfast load --calibrate` and kept with the workspace.

In: `.holdfast/calibration.json`. Out: the `Ceiling` that a run is held against, which tells in words where there is
none to be used: it was measured on another machine, or with other versions. Here too is which arrival rate to try next.
"""

import json
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

from holdfast import __version__
from holdfast.private import make_above

FILE_NAME: Final = "calibration.json"
SCHEMA: Final = "holdfast/calibration/v1"
_FIRST_RATE: Final = 250.0
_GROWTH: Final = 2.0
_CLOSE_ENOUGH: Final = 1.15  # of the lowest rate not held to the highest held
_TRIES: Final = 2  # a rate that fails once may have met a hiccup of the machine
_LAGGING_IN_A_ROW: Final = 3  # rates; fewer may be an uneasy machine: one that is asked for little wakes up late
_AGAIN: Final = "calibrate again: `holdfast load --calibrate`"


@dataclass(frozen=True, slots=True)
class Machine:
    """What a ceiling depends on. `cores` are those this process may run on."""

    cpu: str
    cores: int
    python: str
    holdfast: str
    locust: str


@dataclass(frozen=True, slots=True)
class Calibration:
    """`visits` and `requests` per second of one generator process; `measured_at` in seconds since the epoch."""

    machine: Machine
    visits: float
    requests: float
    measured_at: float
    notes: tuple[str, ...] = ()
    schema: str = SCHEMA


@dataclass(frozen=True, slots=True)
class Ceiling:
    """What of a calibration a run's record keeps. Both rates None: there was none to be used, and `note` says why."""

    visits: float | None = None
    requests: float | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Held:
    """An arrival rate that was tried, and whether the generator kept up with it."""

    rate: float
    kept: bool
    dropped: bool = False


def this_machine() -> Machine:
    try:
        locust = version("locust")
    except PackageNotFoundError:
        locust = ""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return Machine(_cpu_model(), cores, platform.python_version(), __version__, locust)


def ceiling_of(state_folder: Path, machine: Machine) -> Ceiling:
    """The one kept here if it is of this machine as it is; else none, and why."""
    path = state_folder / FILE_NAME
    if not path.exists():
        return Ceiling()
    kept = read_calibration(path)
    if kept is None:
        return Ceiling(note=f"not calibrated: {FILE_NAME} cannot be read; {_AGAIN}")
    day = datetime.fromtimestamp(kept.measured_at, UTC).date().isoformat()
    if (kept.machine.cpu, kept.machine.cores) != (machine.cpu, machine.cores):
        return Ceiling(note=f"not calibrated: the calibration of {day} is another machine's; {_AGAIN}")
    if kept.machine != machine:
        changed = [n for n in ("python", "holdfast", "locust") if getattr(kept.machine, n) != getattr(machine, n)]
        what = f"was made with another version of {', '.join(changed)}"
        return Ceiling(note=f"not calibrated: the calibration of {day} {what}; {_AGAIN}")
    return Ceiling(kept.visits, kept.requests, f"calibrated on {day}")


def read_calibration(path: Path) -> Calibration | None:
    """None when it is not one of ours."""
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
        machine = facts["machine"]
        found = Calibration(
            machine=Machine(
                str(machine["cpu"]),
                int(machine["cores"]),
                str(machine["python"]),
                str(machine["holdfast"]),
                str(machine["locust"]),
            ),
            visits=float(facts["visits"]),
            requests=float(facts["requests"]),
            measured_at=float(facts["measured_at"]),
            notes=tuple(str(note) for note in facts.get("notes", ())),
            schema=str(facts["schema"]),
        )
        datetime.fromtimestamp(found.measured_at, UTC)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError):
        return None
    usable = found.schema == SCHEMA and 0 < found.visits < float("inf") and 0 < found.requests < float("inf")
    return found if usable else None


def write_calibration(calibration: Calibration, state_folder: Path) -> Path:
    """Whole or not at all."""
    path = state_folder / FILE_NAME
    make_above(path)
    beside = path.with_suffix(".new")
    beside.write_text(json.dumps(asdict(calibration), indent=1) + "\n", encoding="utf-8")
    beside.replace(path)
    return path


def next_rate(tried: Sequence[Held]) -> float | None:
    """Arrivals/s to try next, or None when the limit is known.

    Doubled until one drops arrivals, or three in a row lag; then between the highest held and the lowest not held, by
    their geometric mean. A rate counts as not held when it failed twice, and one above it that is held overrules it.
    """
    if not tried:
        return _FIRST_RATE
    last = tried[-1]
    if not last.kept and sum(held.rate == last.rate for held in tried) < _TRIES:
        return last.rate
    low, high = most_kept(tried), least_failed(tried)
    beyond = [held for held in tried if not held.kept and held.rate > low]
    lagging = {held.rate for held in beyond}
    if high is None or not (any(held.dropped for held in beyond) or len(lagging) >= _LAGGING_IN_A_ROW):
        return max(held.rate for held in tried) * _GROWTH
    if not low:
        return None
    return float(round((low * high) ** 0.5)) if high / low > _CLOSE_ENOUGH else None


def most_kept(tried: Sequence[Held]) -> float:
    """The highest rate that was held; 0 when none was."""
    return max((held.rate for held in tried if held.kept), default=0.0)


def least_failed(tried: Sequence[Held]) -> float | None:
    """The lowest rate above it that was not; None when none was tried."""
    low = most_kept(tried)
    return min((held.rate for held in tried if not held.kept and held.rate > low), default=None)


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, "") or platform.processor() or platform.machine()
