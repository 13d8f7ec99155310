"""Which processes there are, whose they are, and what they took: text of /proc/<pid>/stat in, families out."""

import os
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

PROC: Final = Path("/proc")
_KERNEL: Final = 2  # kthreadd, of whom all threads of the kernel are children
_FEWEST_FIELDS: Final = 20  # after the name: up to the start time, see proc_pid_stat(5)


@dataclass(frozen=True, slots=True)
class Process:
    """`ticks`: processor time of it and of those of its children that it has waited for, in the kernel's clock ticks;
    `own`: without its children.

    `started`: ticks after boot, which tells a process from a later one of the same pid.
    """

    pid: int
    parent: int
    session: int
    ticks: int
    own: int
    started: int
    name: str

    @property
    def is_kernel(self) -> bool:
        return _KERNEL in {self.pid, self.parent}


def process_of(stat: str) -> Process | None:
    """Of the text of a /proc/<pid>/stat; None where it is no such text. A name may hold spaces and parentheses."""
    head, _, rest = stat.rpartition(")")
    pid, _, name = head.partition(" (")
    fields = rest.split()
    numbers = fields[1:_FEWEST_FIELDS]
    if len(numbers) < _FEWEST_FIELDS - 1 or not all(_is_number(text) for text in (pid, *numbers)):
        return None
    # state ppid pgrp session tty tpgid flags minflt cminflt majflt cmajflt utime stime cutime cstime … starttime
    own, children = int(fields[11]) + int(fields[12]), int(fields[13]) + int(fields[14])
    return Process(int(pid), int(fields[1]), int(fields[3]), own + children, own, int(fields[19]), name)


def processes(proc: Path = PROC) -> dict[int, Process]:
    """All that can be seen, by pid. One that ends meanwhile is left out."""
    found: dict[int, Process] = {}
    try:
        names = os.listdir(proc)  # noqa: PTH208 - hundreds of them, every other second
    except OSError:
        return found
    for name in names:
        if _is_number(name):
            try:
                text = (proc / name / "stat").read_text(encoding="ascii", errors="replace")
            except OSError:
                continue
            process = process_of(text)
            if process is not None:
                found[process.pid] = process
    return found


def family_of(roots: Iterable[int], everyone: Mapping[int, Process]) -> set[int]:
    """The pids of these processes, of all that descend from them, and of the sessions that any of them leads.

    A browser's helper whose parent is gone belongs to the family by its session.
    """
    children: dict[int, list[int]] = {}
    sessions: dict[int, list[int]] = {}
    for process in everyone.values():
        children.setdefault(process.parent, []).append(process.pid)
        sessions.setdefault(process.session, []).append(process.pid)
    family: set[int] = set()
    waiting = [pid for pid in roots if pid in everyone]
    while waiting:
        pid = waiting.pop()
        if pid in family:
            continue
        family.add(pid)
        waiting += children.get(pid, [])
        if everyone[pid].session == pid:
            waiting += sessions[pid]
    return family


def taken(family: Collection[int], before: Mapping[int, Process], after: Mapping[int, Process]) -> int:
    """Ticks that a family took between two looks. `family`: also of those that ended meanwhile, whose time is in their
    parents' sums now.
    """
    now = sum(after[pid].ticks for pid in family if pid in after)
    then = sum(process.ticks for pid, process in before.items() if pid in family and _is_same(process, after.get(pid)))
    return max(now - then, 0)


def grown(before: Mapping[int, Process], after: Mapping[int, Process]) -> dict[int, int]:
    """Own ticks of each process between two looks, without those that took none."""
    found = {}
    for pid, process in after.items():
        then = before.get(pid)
        ticks = process.own - (then.own if then is not None and then.started == process.started else 0)
        if ticks > 0:
            found[pid] = ticks
    return found


def _is_same(before: Process, after: Process | None) -> bool:
    """Or it ended, and no other process has its pid yet."""
    return after is None or after.started == before.started


def _is_number(text: str) -> bool:
    return text.removeprefix("-").isascii() and text.removeprefix("-").isdecimal()
