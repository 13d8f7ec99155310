"""holdfast's own load child, played as the runner plays it: the job in, the barrier, facts out, `run.db` read.

Only the channel's protocol and `holdfast.record.store` are relied on, so that what is measured is what users run.
"""

import json
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import machine

from holdfast.clock import SystemClock
from holdfast.record.histogram import Histogram
from holdfast.record.recorder import Interval
from holdfast.record.store import RunStore

_HERE: Final = Path(__file__).resolve().parent
_LEAD_SECONDS: Final = 0.3
_PATIENCE: Final = 30.0


@dataclass(frozen=True)
class Load:
    """One load on one scenario file. `rate`: arrivals a second (open); else `users` (closed), with `think` seconds."""

    scenario: Path
    seconds: float
    rate: float | None = None
    users: int = 400
    think: float = 0.0
    workers: int = 0  # processes beside the child; 0: it plays the load itself
    drain: float = 10.0
    seed: int = 7

    def job(self, folder: Path, url: str, anchor: float) -> dict[str, Any]:
        profile = {
            "arrivals": "uniform",
            "stages": [{"from": self.rate, "to": self.rate, "seconds": self.seconds}] if self.rate else [],
            "mix": {"bench": 1},
            "at_most": self.users,
            "virtual_users": None if self.rate else self.users,
            "think_time": None if self.rate else self.think,
            "new_connections": 0.0,
        }
        accounts = 4 * self.users  # every other one has a second factor, and rests 30 s after a visit
        return {
            "anchor": anchor,
            "run_db": str(folder / "run.db"),
            "run_folder": str(folder),
            "seed": self.seed,
            "target": {
                "name": "bench",
                "url": url,
                "outbox_url": url,
                "accounts": {"generated": accounts},
                "marker": "holdfast/bench (synthetic)",
            },
            "workspace": str(folder),
            "duration": self.seconds,
            "load": [{"profile": profile, "name": "bench", "scale": 1.0, "start": 0.0, "end": self.seconds}],
            "scenarios": {"bench": str(self.scenario)},
            "accounts": {"first": 0, "count": accounts},
            "adaptive": False,
            "at_most": self.users,
            "drain": self.drain,
            "workers": self.workers,
        }


@dataclass
class Playing:
    """A child that has begun. `finish` waits for its end."""

    process: "subprocess.Popen[str]"
    start: float
    folder: Path
    load: Load
    done: Mapping[str, float] = field(default_factory=dict)

    def finish(self) -> "Played":
        """Raises RuntimeError when the child ends without its facts."""
        stdout = self.process.stdout
        done: Mapping[str, float] | None = None
        for line in stdout or ():
            message = json.loads(line)
            if message.get("event") == "scenario_error":
                raise RuntimeError(message["text"])
            if "done" in message:
                done = message["done"]
                break
        if done is None:
            raise RuntimeError(f"the load child ended early: {(self.folder / 'child.log').read_text('utf-8')[-2000:]}")
        self.process.wait(_PATIENCE)
        with RunStore.open(self.folder / "run.db") as store:
            store.seal()
            intervals = store.intervals("load")
            cpu = [gauge.value for gauge in store.gauges("generator", "cpu")]
        return Played(self.load, self.start, done, tuple(intervals), middle_of(cpu), self.folder / "run.db")


@dataclass(frozen=True)
class Played:
    """One load as it went. `start` in seconds since the epoch, `cpu` a share of one core, as the child saw itself."""

    load: Load
    start: float
    done: Mapping[str, float]
    intervals: tuple[Interval, ...]
    cpu: float
    run_db: Path

    def of(self, depth: int, skip: float = 0.0) -> list[Interval]:
        """Intervals of one grain: 1 visits, 2 steps, 3 requests; without those due in the first `skip` seconds."""
        first = self.start + skip
        return [i for i in self.intervals if min(i.name.count("/"), 2) + 1 == depth and i.second + 1 > first]

    def quantile(self, kind: str, q: float, depth: int = 1, skip: float = 0.0) -> float:
        """Seconds, of `response`, `service` or `lag`; what was dropped is not among them."""
        parts = [i for i in self.of(depth, skip) if i.outcome != "dropped"]
        if kind == "lag":
            found = [i.lag if i.lag is not None else Histogram({0: i.count}) for i in parts]
        else:
            found = [getattr(i, kind) for i in parts]
        return Histogram.sum(found).quantile(q) or 0.0

    def outcomes(self, depth: int = 1) -> dict[str, int]:
        found: dict[str, int] = {}
        for interval in self.of(depth):
            found[interval.outcome] = found.get(interval.outcome, 0) + interval.count
        return found


def middle_of(values: list[float]) -> float:
    """The median of all but the first and last, which cover the start and the drain."""
    middle = sorted(values[1:-1] or values)
    return middle[len(middle) // 2] if middle else 0.0


@contextmanager
def playing(folder: Path, url: str, load: Load, core: int | None, samples: Path | None = None) -> Iterator[Playing]:
    """Start a child and let it go. `samples`: where to write what its processor time went into (see `sampled`)."""
    folder.mkdir(parents=True)
    RunStore.create(folder / "run.db").close()
    clock = SystemClock()
    program = ["-m", "holdfast.load"] if samples is None else [str(_HERE / "sampled.py"), str(samples)]
    with (folder / "child.log").open("w", encoding="utf-8") as log:
        process = subprocess.Popen(
            machine.pinned(core, [sys.executable, *program]),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
    try:
        _tell(process, load.job(folder, url, clock.anchor))
        ready = json.loads((process.stdout and process.stdout.readline()) or "null")
        if not ready or "ready" not in ready:
            raise RuntimeError(f"the load child is not ready: {ready}")
        start = clock.now() + _LEAD_SECONDS
        _tell(process, {"go": start})
        yield Playing(process, start, folder, load)
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def play(folder: Path, url: str, load: Load, core: int | None) -> Played:
    with playing(folder, url, load, core) as begun:
        return begun.finish()


def hot_spots(folder: Path, url: str, load: Load, core: int | None, seconds: float = 3.0) -> str:
    """The functions that the child's processor time goes into, from a further run of the same load."""
    samples = folder / "samples.txt"
    with playing(folder / "child", url, replace(load, seconds=min(load.seconds, seconds)), core, samples) as begun:
        begun.finish()
    return samples.read_text(encoding="utf-8")


def wait_until(when: float) -> None:
    """`when` in seconds since the epoch."""
    time.sleep(max(0.0, when - time.time()))


def _tell(process: "subprocess.Popen[str]", message: Mapping[str, Any]) -> None:
    if process.stdin is None:
        raise RuntimeError("no channel")
    process.stdin.write(json.dumps(message) + "\n")
    process.stdin.flush()
