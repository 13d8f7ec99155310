"""What share of the processors went to neither holdfast nor the target: two looks in, the part between them out."""

import os
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from holdfast.run.machine.processes import PROC, Process, grown, processes, taken

_WORKING: Final = (0, 1, 2)  # user nice system, of user nice system idle iowait irq softirq; see proc_stat(5)
_FIELDS: Final = 7
_MICROSECONDS: Final = 1e6


@dataclass(frozen=True, slots=True)
class Look:
    """Counters of one moment. `worked`, `passed`: ticks over the processors that we may run on; 0 where none is told.

    What interrupts took is nobody's, and is in `passed` alone. `waited`: seconds in which something that could have run
    had to wait for a processor (PSI); None where the kernel does not count them. `queued`: more processes are ready to
    run than there are processors, at this moment.
    """

    at: float
    worked: int
    passed: int
    waited: float | None
    queued: bool
    everyone: Mapping[int, Process]


@dataclass(frozen=True, slots=True)
class Part:
    """Between two looks, shares 0 to 1. `others`: of processor time, that went to neither family.

    `waiting`: of the time, in which something had to wait for a processor. `names`: share of the processor time by the
    name of others' processes.
    """

    others: float
    waiting: float
    names: Mapping[str, float]

    @property
    def taken(self) -> float:
        """What others took from whoever had to wait: of idle processors nothing is taken."""
        return min(self.others, self.waiting)


def look(proc: Path = PROC) -> Look:
    cores = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set(range(os.cpu_count() or 1))
    worked, passed, running = processors_of(_text(proc / "stat"), cores)
    waited = waited_of(_text(proc / "pressure" / "cpu"))
    return Look(time.monotonic(), worked, passed, waited, running > len(cores), processes(proc))


def between(before: Look, after: Look, families: Collection[int]) -> Part | None:
    """`families`: pids of holdfast's and the target's. None where the kernel counted nothing."""
    passed = after.passed - before.passed
    if passed <= 0:
        return None
    kernel = {pid for pid, process in after.everyone.items() if process.is_kernel}
    ours = taken(families, before.everyone, after.everyone)
    # The kernel's own threads work for whoever asked for it, which nobody can tell.
    spare = taken(kernel, before.everyone, after.everyone)
    others = min(max(after.worked - before.worked - ours - spare, 0) / passed, 1.0)
    names: dict[str, float] = {}
    for pid, ticks in grown(before.everyone, after.everyone).items():
        if pid not in families and pid not in kernel:
            name = after.everyone[pid].name
            names[name] = names.get(name, 0.0) + ticks / passed
    return Part(others, _waiting(before, after), names)


def processors_of(stat: str, cores: Collection[int]) -> tuple[int, int, int]:
    """(ticks in which these processors worked, all their ticks, processes ready to run) of the text of /proc/stat.

    Stolen ticks were never this machine's: they have a check of their own.
    """
    worked = passed = running = 0
    wanted = {f"cpu{core}" for core in cores}
    for line in stat.splitlines():
        name, *fields = line.split() or [""]
        if name in wanted and len(fields) >= _FIELDS and all(f.isascii() and f.isdecimal() for f in fields[:_FIELDS]):
            ticks = [int(field) for field in fields[:_FIELDS]]
            worked += sum(ticks[index] for index in _WORKING)
            passed += sum(ticks)
        elif name == "procs_running" and fields and fields[0].isascii() and fields[0].isdecimal():
            running = int(fields[0])
    return worked, passed, running


def waited_of(pressure: str) -> float | None:
    """Seconds in which something waited for a processor, ever, of the text of /proc/pressure/cpu."""
    for line in pressure.splitlines():
        name, *fields = line.split() or [""]
        total = next((field[6:] for field in fields if field.startswith("total=")), "")
        if name == "some" and total.isascii() and total.isdecimal():
            return int(total) / _MICROSECONDS
    return None


def _waiting(before: Look, after: Look) -> float:
    """Without PSI the length of the run queue at both looks stands for what was between them."""
    if before.waited is None or after.waited is None:
        return (before.queued + after.queued) / 2
    seconds = after.at - before.at
    return min(max(after.waited - before.waited, 0.0) / seconds, 1.0) if seconds > 0 else 0.0


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""
