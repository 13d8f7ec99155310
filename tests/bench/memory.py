"""What a long run costs: resident memory, its growth, and the size of `run.db`."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import loadchild
import machine
import numpy as np
import scenarios
from figure import Figure, Group, Table
from loadchild import Load
from server import nginx

from bench import Bench

VISITS_PER_SECOND: Final = 500.0
RECORDED_PER_SECOND: Final = 5_000.0
MOST_MB: Final = 150.0
MOST_GROWTH: Final = 1.0
MOST_RUN_DB_MB: Final = 50.0
_SETTLED: Final = 0.2  # the share of the run after which memory is looked at for growth
_LOOK_SECONDS: Final = 1.0


@dataclass(frozen=True)
class Memory:
    """Of one process: seconds since the start, MB."""

    process: int
    at: tuple[float, ...]
    megabytes: tuple[float, ...]

    @property
    def growth(self) -> float:
        """MB a minute: the slope of a straight line through all after it has settled."""
        first = round(len(self.at) * _SETTLED)
        if len(self.at) - first < 3:
            return 0.0
        return float(np.polyfit(self.at[first:], self.megabytes[first:], 1)[0]) * 60


def run(bench: Bench) -> Group:
    folder = bench.folder / "memory"
    minutes = 1 if bench.quick else 10
    with nginx(folder / "nginx", bench.cores.server) as server:
        load = Load(scenarios.holdfast_file(folder, "journey"), minutes * 60.0, rate=VISITS_PER_SECOND)
        memories, visits = _watched(folder / "long", server.url, load, bench.cores.generator)
        short = Load(
            scenarios.holdfast_file(folder, "one_get"), 10.0 if bench.quick else 60.0, rate=RECORDED_PER_SECOND
        )
        played = loadchild.play(folder / "recorded", server.url, short, bench.cores.generator)
    empty = _size_of_empty(folder)
    size = (played.run_db.stat().st_size - empty) / 1e6
    how = f"over {minutes} min at {VISITS_PER_SECOND:,.0f} visits/s of 4 requests, {visits:,} visits"
    figures = (
        Figure("resident memory of a worker, most", max(max(m.megabytes) for m in memories), "MB", how, MOST_MB),
        Figure("its growth", max(m.growth for m in memories), "MB/min", how + ", without the first fifth", MOST_GROWTH),
        Figure(
            f"`run.db` of an hour at {RECORDED_PER_SECOND:,.0f} arrivals/s",
            size * 3600 / short.seconds,
            "MB",
            f"PROJECTED from {size:.2f} MB in {short.seconds:g} s: {played.outcomes()}",
            MOST_RUN_DB_MB,
        ),
    )
    rows = tuple(
        (f"process {index}", f"{m.megabytes[0]:.1f}", f"{m.megabytes[-1]:.1f}", f"{m.growth:.2f}")
        for index, m in enumerate(memories, 1)
    )
    columns = ("load child", "at the start, MB", "at the end, MB", "growth, MB/min")
    about = "The journey scenario in the open model, memory looked at each second (VmRSS)."
    return Group("memory", about, figures, (Table("Resident memory", columns, rows),))


def _watched(folder: Path, url: str, load: Load, core: int | None) -> tuple[list[Memory], int]:
    """Each process's memory while the load is played, and how many visits were finished."""
    seen: dict[int, list[tuple[float, float]]] = {}
    with loadchild.playing(folder, url, load, core) as begun:
        loadchild.wait_until(begun.start + 1.0)
        while (passed := time.time() - begun.start) < load.seconds:
            for process in machine.family(begun.process.pid):
                seen.setdefault(process, []).append((passed, machine.memory_megabytes(process)))
            time.sleep(_LOOK_SECONDS)
        played = begun.finish()
    memories = [Memory(p, tuple(at for at, _ in rows), tuple(mb for _, mb in rows)) for p, rows in seen.items()]
    return memories, int(played.done["finished"])


def _size_of_empty(folder: Path) -> int:
    path = folder / "empty.db"
    with loadchild.RunStore.create(path) as store:
        store.seal()
    return path.stat().st_size
