"""What else the machine takes from the generator: CPU time stolen or withheld, descriptors used up, cores shared.

In: text of `/proc` and of the control group's `cpu.stat`. Out: counters, and what they grew by between two looks. What
a machine does not tell is None: neither is known outside Linux, nor is throttling where no quota is set.
"""

import os
import platform
import resource
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final
from zlib import crc32

from holdfast.digits import whole

_STEAL: Final = 7  # user nice system idle iowait irq softirq steal guest guest_nice, see proc_stat(5)
_BUSY_AND_IDLE: Final = 8  # guest time is in user's already
_CONTROL_GROUPS: Final = Path("/sys/fs/cgroup")
_NANOSECONDS: Final = 1e9
_MICROSECONDS: Final = 1e6


@dataclass(frozen=True, slots=True)
class Throttling:
    """How often a CPU quota stopped the control group, ever. `seconds` adds up those of all cores."""

    periods: int
    throttled: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Counters:
    """Counters of one look. `stolen` and `ticks` in the kernel's clock ticks, over all cores."""

    ticks: int | None
    stolen: int | None
    throttling: Throttling | None


def pressure(before: Counters, after: Counters) -> dict[str, float]:
    """By gauge: `steal`, share of the machine's CPU time that went to others' machines; `throttled`, share of the CPU
    quota's periods in which we were stopped; `throttled_seconds`. Without those that cannot be known.
    """
    found: dict[str, float] = {}
    if before.ticks is not None and after.ticks is not None and after.ticks > before.ticks:
        found["steal"] = max((after.stolen or 0) - (before.stolen or 0), 0) / (after.ticks - before.ticks)
    if before.throttling is not None and after.throttling is not None:
        periods = after.throttling.periods - before.throttling.periods
        stopped = after.throttling.throttled - before.throttling.throttled
        found["throttled"] = min(max(stopped, 0) / periods, 1.0) if periods > 0 else 0.0
        found["throttled_seconds"] = max(after.throttling.seconds - before.throttling.seconds, 0.0)
    return found


def steal_of(stat: str) -> tuple[int | None, int | None]:
    """(all ticks, stolen ticks) of the text of /proc/stat; (None, None) where it does not say."""
    first = stat.partition("\n")[0].split()
    if len(first) <= 1 + _STEAL or first[0] != "cpu":
        return None, None
    read = [whole(field) for field in first[1 : 1 + _BUSY_AND_IDLE]]
    ticks = [count for count in read if count is not None]
    return (sum(ticks), ticks[_STEAL]) if len(ticks) == len(read) else (None, None)


def throttling_of(stat: str) -> Throttling | None:
    """Of the text of a cpu.stat, version 2 (throttled_usec) or 1 (throttled_time, ns); None where no quota is set."""
    found: dict[str, int] = {}
    for line in stat.splitlines():
        name, _, value = line.partition(" ")
        if (number := whole(value.strip())) is not None:
            found[name] = number
    if not found.get("nr_periods"):
        return None
    seconds = found.get("throttled_usec", 0) / _MICROSECONDS + found.get("throttled_time", 0) / _NANOSECONDS
    return Throttling(found["nr_periods"], found.get("nr_throttled", 0), seconds)


def cpu_stat_paths(membership: str, mounted: Path = _CONTROL_GROUPS) -> list[Path]:
    """Where a process with this text of /proc/self/cgroup is throttled: its own group and every one above it.

    A quota of any of them stops us; and within a container its own path often is not there, but the root's is it.
    """
    found: list[Path] = []
    for line in membership.splitlines():
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if controllers == "":
            mounts = [mounted, mounted / "unified"]
        elif "cpu" in controllers.split(","):
            mounts = [mounted / controllers, mounted / "cpu"]
        else:
            continue
        inside = PurePosixPath(path.strip().lstrip("/"))
        found += [mount / group / "cpu.stat" for mount in mounts for group in (inside, *inside.parents)]
    return list(dict.fromkeys(found))


class Machine:
    """Looks at the counters of the machine it runs on. Cheap, and safe in any thread."""

    def __init__(self) -> None:
        self._stats = [path for path in cpu_stat_paths(_text(Path("/proc/self/cgroup"))) if path.is_file()]

    def shared(self) -> dict[str, float]:
        """`cores` this process may run on; and `machine`, a number that all processes on just these cores have alike,
        and no others: workers of a run that share a machine are known by it.
        """
        cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else [*range(os.cpu_count() or 1)]
        boot = _text(Path("/proc/sys/kernel/random/boot_id")).strip() or platform.node()
        return {"cores": float(len(cores)), "machine": float(crc32(f"{boot} {cores}".encode()))}

    def look(self) -> Counters:
        ticks, stolen = steal_of(_text(Path("/proc/stat")))
        groups = [found for path in self._stats if (found := throttling_of(_text(path))) is not None]
        return Counters(ticks, stolen, max(groups, key=lambda group: group.throttled, default=None))

    def descriptors(self) -> float | None:
        """Share of the soft limit of open files in use; None where it is not known, or there is no limit."""
        soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        if soft in {0, resource.RLIM_INFINITY}:
            return None
        try:
            return len(os.listdir("/proc/self/fd")) / soft  # noqa: PTH208 - thousands of them, once a second
        except OSError:
            return None


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""
