"""The machine: which core does what, what a process has used, and in what state all was when it was measured."""

import os
import platform
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_TICKS: Final = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Cores:
    """The generator's core and the server's; None: any. Where there is but one core, no figure is fair."""

    generator: int | None
    server: int

    @classmethod
    def of_machine(cls) -> "Cores":
        cores = sorted(os.sched_getaffinity(0))
        return cls(generator=cores[-1], server=cores[0])


def pinned(core: int | None, command: list[str]) -> list[str]:
    """`command`, and all it starts, on one core. None: wherever there is room."""
    return command if core is None else ["taskset", "-c", str(core), *command]


def processor_seconds(process: int) -> float:
    """User and system time of a process and its living children; 0 when it has ended."""
    return sum(_own_seconds(one) for one in family(process))


def memory_megabytes(process: int) -> float:
    """Resident memory of one process (VmRSS), MB of 10^6 bytes; 0 when it has ended."""
    try:
        status = Path(f"/proc/{process}/status").read_text(encoding="utf-8")
    except (OSError, ValueError):
        return 0.0
    kilobytes = [line.split()[1] for line in status.splitlines() if line.startswith("VmRSS")]
    return int(kilobytes[0]) * 1024 / 1e6 if kilobytes else 0.0


def family(process: int) -> list[int]:
    """A process and all that descend from it, itself first."""
    parents: dict[int, int] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text(encoding="utf-8").rpartition(")")[2].split()
        except OSError:
            continue
        parents[int(path.parent.name)] = int(fields[1])
    found = [process]
    for one in found:
        found += [child for child, parent in parents.items() if parent == one]
    return found


def described(cores: Cores) -> str:
    """One line for the page."""
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
            if line.startswith("model name")
        ),
        platform.machine(),
    )
    count = len(os.sched_getaffinity(0))
    return (
        f"{count} cores ({model}), Linux {platform.release()}, Python {platform.python_version()}; "
        f"generators on core {cores.generator}, servers on core {cores.server}"
    )


def load_average() -> str:
    return f"{os.getloadavg()[0]:.1f}"


def _own_seconds(process: int) -> float:
    try:
        fields = Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / _TICKS
