"""Latency told true: against a server whose delays are known, beside what a closed model would have said.

Constant and bimodal delays are their own distribution. For a freeze of F seconds of a server with the delay d, an
arrival that is due at t takes, where the freeze begins at T,

    T + F - t       for T - d <= t < T       (its answer was due while the server stood still)
    T + F - t + d   for T <= t < T + F       (it was read when the server came back)
    d               otherwise

and the quantiles of that over the arrivals' due times are what an open model must find. A closed model's users wait
with the server and send nothing meanwhile: coordinated omission.
"""

import json
import math
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import loadchild
import machine
import peers
import scenarios
from figure import Figure, Group, Table
from loadchild import Load, Played
from server import free_port, wait_for_port

from bench import Bench

SOURCE: Final = Path(__file__).with_name("delayed.c")
QUANTILES: Final = (0.5, 0.95, 0.99)
AT_MOST: Final = 400
CONSTANT_MS: Final = 20.0
BIMODAL_MS: Final = (10.0, 200.0)
_SLOW_SHARE: Final = 0.1
_WITHIN: Final = 0.02
_WITHIN_MS: Final = 1.0
_FREEZE_SECONDS: Final = 2.0
_FREEZE_RUN_SECONDS: Final = 20.0
_QUICK_FREEZE_RUN_SECONDS: Final = 12.0
_CLOSED_USERS: Final = 50
_CEILING_SECONDS: Final = 3.0
_SKIP_SECONDS: Final = 1.0


@dataclass(frozen=True)
class DelayedServer:
    """A running server of delayed.c."""

    url: str

    def error(self) -> dict[str, int]:
        """How far off its answers were, microseconds, by its own clock; `frozen`: how long it stood still."""
        with urllib.request.urlopen(f"{self.url}/error", timeout=10) as answer:
            told: dict[str, int] = json.load(answer)
        return told

    def freeze(self) -> None:
        urllib.request.urlopen(f"{self.url}/freeze", timeout=10).close()


@dataclass(frozen=True)
class Told:
    """Milliseconds at QUANTILES: what is true, and what was found."""

    server: str
    who: str
    rate: float
    true: tuple[float, ...]
    found: tuple[float, ...]
    note: str

    @property
    def cells(self) -> tuple[str, ...]:
        pairs = zip(self.found, self.true, strict=True)
        return (self.server, self.who, f"{self.rate:,.0f}", *(f"{found:.2f} ({true:.2f})" for found, true in pairs))

    def figures(self) -> list[Figure]:
        return [
            Figure(
                f"{self.server}: p{q * 100:g} of response is off by",
                abs(found - true),
                "ms",
                f"{found:.2f} ms found, {true:.2f} ms true, {self.rate:,.0f} arrivals/s; {self.note}",
                max(_WITHIN * true, _WITHIN_MS),
            )
            for q, found, true in zip(QUANTILES, self.found, self.true, strict=True)
        ]


def run(bench: Bench) -> Group:
    """Raises FileNotFoundError when there is no C compiler."""
    folder = bench.folder / "latency"
    folder.mkdir()
    subprocess.run(["cc", "-O2", "-o", folder / "delayed", SOURCE], check=True)
    scenario = scenarios.holdfast_file(folder, "one_get")
    fast, slow = BIMODAL_MS
    told = [
        _steady(bench, folder, scenario, "constant", (CONSTANT_MS,) * 3),
        _steady(bench, folder, scenario, "bimodal", (fast, slow, slow)),
    ]
    frozen = _frozen(bench, folder, scenario)
    figures = [figure for each in (*told, frozen[0]) for figure in each.figures()]
    columns = ("server", "generator", "per second", *(f"p{q * 100:g}, ms (true)" for q in QUANTILES))
    table = Table("Found, and true", columns, tuple(each.cells for each in (*told, *frozen)))
    about = (
        "A server of known delays (tests/bench/delayed.c), which times its own answers; the open model at half the "
        "ceiling of each set-up. Closed-model rows of the frozen server show the coordinated omission."
    )
    profiles = {}
    missed = next((figure for figure in figures if figure.verdict == "missed"), None)
    if missed is not None:
        load = Load(scenario, 5.0, rate=told[0].rate, users=AT_MOST)
        with delayed(folder, "constant", bench.cores.server) as server:
            profiles[missed.what] = loadchild.hot_spots(folder / "profile", server.url, load, bench.cores.generator)
    return Group("latency", about, tuple(figures), (table,), profiles)


@contextmanager
def delayed(folder: Path, mode: str, core: int | None) -> Iterator[DelayedServer]:
    port = free_port()
    with subprocess.Popen(machine.pinned(core, [str(folder / "delayed"), str(port), mode])) as process:
        try:
            wait_for_port(port)
            yield DelayedServer(f"http://127.0.0.1:{port}")
        finally:
            process.terminate()


def _steady(bench: Bench, folder: Path, scenario: Path, mode: str, true: tuple[float, ...]) -> Told:
    core = bench.cores.generator
    load = Load(scenario, _CEILING_SECONDS, users=AT_MOST)
    with delayed(folder, mode, bench.cores.server) as server:
        most = loadchild.play(folder / f"{mode}_ceiling", server.url, load, core)
        ceiling = most.done["finished"] / _CEILING_SECONDS
    open_load = replace(load, seconds=4.0 if bench.quick else 20.0, rate=float(round(ceiling / 2)))
    with delayed(folder, mode, bench.cores.server) as server:
        played = loadchild.play(folder / mode, server.url, open_load, core)
        note = f"ceiling {ceiling:,.0f}/s; {_own_error(server)}"
    return Told(_NAMES[mode], "holdfast, open", open_load.rate or 0.0, true, _found(played, _SKIP_SECONDS), note)


def _frozen(bench: Bench, folder: Path, scenario: Path) -> list[Told]:
    """The open model, first; then closed ones that ask as often while all is well."""
    name, core, seconds = _NAMES["freeze"], bench.cores.generator, _freeze_run(bench)
    delay = CONSTANT_MS / 1000
    ceiling = AT_MOST / (_FREEZE_SECONDS + delay)  # Little's law: so many visitors wait in the freeze
    rate = float(math.floor(ceiling / 2))
    think = _CLOSED_USERS / rate - delay
    loads = {
        "holdfast, open": Load(scenario, seconds, rate=rate, users=AT_MOST),
        f"holdfast, closed, {_CLOSED_USERS} virtual users": Load(scenario, seconds, users=_CLOSED_USERS, think=think),
    }
    told = []
    for who, load in loads.items():
        with delayed(folder, "freeze", bench.cores.server) as server:
            place = folder / f"freeze_{len(told)}"
            with loadchild.playing(place, server.url, load, core) as begun:
                loadchild.wait_until(begun.start + seconds / 3)
                server.freeze()
                played = begun.finish()
            true = open_quantiles(rate, seconds, seconds / 3, server.error()["frozen"] / 1e6, delay)
            note = f"{AT_MOST} visitors hold {ceiling:.0f}/s through the freeze; {_own_error(server)}"
        told.append(Told(name, who, played.done["started"] / seconds, true, _found(played, 0.0), note))
    locust = _locust_frozen(bench, folder, think, told[0].true)
    return told if locust is None else [*told, locust]


def open_quantiles(rate: float, seconds: float, freeze_at: float, freeze: float, delay: float) -> tuple[float, ...]:
    """Milliseconds at QUANTILES of what arrivals at a constant rate meet; times in seconds. See the module."""

    def latency(due: float) -> float:
        if freeze_at - delay <= due < freeze_at:
            return freeze_at + freeze - due
        return freeze_at + freeze - due + delay if freeze_at <= due < freeze_at + freeze else delay

    ordered = sorted(latency(number / rate) for number in range(round(rate * seconds)))
    return tuple(1000 * ordered[max(0, math.ceil(q * len(ordered)) - 1)] for q in QUANTILES)


def _locust_frozen(bench: Bench, folder: Path, think: float, true: tuple[float, ...]) -> Told | None:
    file = scenarios.locust_file(folder, "stays", pause=think)
    seconds = round(_freeze_run(bench))
    with delayed(folder, "freeze", bench.cores.server) as server:
        command = peers.locust(file, server.url, _CLOSED_USERS, seconds)
        if command is None:
            return None
        with subprocess.Popen(
            machine.pinned(bench.cores.generator, list(command.words)),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        ) as process:
            time.sleep(seconds / 2)  # its start is within
            server.freeze()
            stdout, _ = process.communicate(timeout=60)
    stats: list[dict[str, Any]] = json.loads(stdout)
    times = {float(ms): int(n) for entry in stats for ms, n in entry["response_times"].items()}
    total = sum(times.values())
    found = tuple(_quantile_of(times, q) for q in QUANTILES)
    return Told(_NAMES["freeze"], f"Locust, closed, {_CLOSED_USERS} users", total / seconds, true, found, "")


def _freeze_run(bench: Bench) -> float:
    return _QUICK_FREEZE_RUN_SECONDS if bench.quick else _FREEZE_RUN_SECONDS


def _quantile_of(counts: dict[float, int], q: float) -> float:
    rank, seen = math.ceil(q * sum(counts.values())), 0
    for value in sorted(counts):
        seen += counts[value]
        if seen >= rank:
            return value
    return 0.0


def _found(played: Played, skip: float) -> tuple[float, ...]:
    return tuple(played.quantile("response", q, skip=skip) * 1000 for q in QUANTILES)


def _own_error(server: DelayedServer) -> str:
    told = server.error()
    return f"the server's own error p50 {told['p50']} µs, p99 {told['p99']} µs"


_NAMES: Final = {
    "constant": "constant 20 ms",
    "bimodal": "10 ms, a tenth 200 ms",
    "freeze": "20 ms, and a freeze of 2 s",
}
