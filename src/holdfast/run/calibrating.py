"""`holdfast load --calibrate`: how much one generator process of this machine can do.

    stub ◀── load child, open model: the arrival rate doubled, then bracketed, until it lags or drops
         ◀── load child, closed model: requests as fast as they are answered

Both are the real load child with real visitors; only what it talks to is a stub that does nothing but answer. Which
rate comes next is `load.calibration`, pure.
"""

import math
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import Any, Final

from holdfast.clock import SystemClock
from holdfast.digits import whole
from holdfast.environment import for_our_python
from holdfast.errors import MeasurementError, Problem
from holdfast.kit.plain_client import Rules, ask
from holdfast.load.calibration import Calibration, Held, least_failed, most_kept, next_rate, this_machine
from holdfast.record.sample import OK, depth_of
from holdfast.record.store import RunStore
from holdfast.run.children import Child, Children
from holdfast.temporary import TemporaryFolder

LAG_LIMIT: Final = 0.005
"""Seconds, p99. Half of what degrades a run: a rate that is held so leaves nothing of the generator in the figures."""
_WARM_SECONDS: Final = 1.0
_READY_SECONDS: Final = 15.0
_LATE_SECONDS: Final = 8.0
_VISITORS: Final = 400
_ACCOUNTS: Final = 2 * _VISITORS  # every other one has a second factor, and those are not used
_BUSY_USERS: Final = 50
_STUB_BUSY: Final = 0.80  # of its core: beyond it the stub queues as well, and may be what was measured
_OPEN: Final = "open"
_CLOSED: Final = "closed"
_MODULE: Final = "holdfast.load"
_OURS: Final = Rules("holdfast", synthetic=False)
_STUB: Final = "holdfast.load.stub"

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Effort:
    """How long it may take, in seconds: a rate is held for `hold`, rates are tried for `bound`, users for `closed`.

    A rate is held when nothing was dropped and the p99 of the lag was at most `lag`.
    """

    hold: float = 1.5
    bound: float = 20.0
    closed: float = 4.0
    lag: float = LAG_LIMIT


@dataclass(slots=True)
class _Stub:
    url: str
    busiest: float = 0.0  # share of its core in the busiest stretch that counted

    def cpu(self) -> float:
        """CPU seconds it has used."""
        return float(ask(f"{self.url}/cpu", _OURS).body)


@dataclass(slots=True)
class _Bench:
    """Where it is measured: the stub, the children, a folder for their records."""

    folder: Path
    stub: _Stub
    children: Children
    clock: SystemClock
    say: Say
    effort: Effort
    notes: list[str] = field(default_factory=list)


def calibrate(say: Say, effort: Effort = Effort()) -> Calibration:
    """Measure; takes half a minute. `say` hears of progress. Raises MeasurementError when nothing could be measured."""
    clock = SystemClock()
    with TemporaryFolder("calibration") as temporary, _running_stub() as stub:
        folder = temporary.path
        children = Children(clock, folder, logs_kept=False)
        bench = _Bench(folder, stub, children, clock, say, effort)
        try:
            for load in (_OPEN, _CLOSED):
                child = children.start(load, _MODULE, for_our_python(os.environ))
                child.send(_job(load, folder, stub.url, clock, effort.closed))
            children.wait_until_ready(_READY_SECONDS)
            visits = _most_visits(bench, children.all[_OPEN])
            requests = _most_requests(bench, children.all[_CLOSED])
        finally:
            children.stop("now")
            children.end(5.0)
    machine = this_machine()
    if machine.cores < 2:
        bench.notes.append("one core, shared with the stub: a target elsewhere leaves the generator more than this")
    if stub.busiest > _STUB_BUSY:
        bench.notes.append(
            f"the stub took {stub.busiest:.0%} of its core and may have been the slower one: the generator can do at "
            "least this much"
        )
    return Calibration(machine, visits, requests, clock.now(), tuple(bench.notes))


def _most_visits(bench: _Bench, child: Child) -> float:
    """The highest arrival rate that was held without lag or drops."""
    clock, tried = bench.clock, list[Held]()
    bench.children.release(child.name, clock.now())
    _hold(bench, child, 100.0, _WARM_SECONDS, "warm-up")
    deadline, least_lag = clock.now() + bench.effort.bound, math.inf
    while clock.now() < deadline and (rate := next_rate(tried)) is not None:
        before, began = bench.stub.cpu(), clock.now()
        told = _hold(bench, child, rate, bench.effort.hold, f"{len(tried) + 1}: {rate:.0f}/s")
        kept = (
            told["planned"] > 0
            and told["dropped"] == 0
            and told["finished"] == told["planned"]
            and told["lag_p99"] <= bench.effort.lag
        )
        if kept:
            bench.stub.busiest = max(bench.stub.busiest, (bench.stub.cpu() - before) / (clock.now() - began))
        least_lag = min(least_lag, told["lag_p99"])
        tried.append(Held(rate, kept, dropped=told["dropped"] > 0))
        what = "held" if kept else f"not held: {told['dropped']:.0f} dropped"
        bench.say(f"{rate:.0f} visits/s {what}, lag p99 {told['lag_p99'] * 1000:.1f} ms")
    child.send({"stop": "drain"})
    found = most_kept(tried)
    if not found:
        lowest = min((held.rate for held in tried), default=0.0)
        raise MeasurementError(
            Problem(
                "calibration",
                f"not even {lowest:.0f} visits/s were held: at best the lag's p99 was {least_lag * 1000:.1f} ms, "
                f"and {bench.effort.lag * 1000:.0f} ms are allowed",
                "something else keeps the machine busy: let it come to rest, and retry",
            )
        )
    uneasy = sorted({held.rate for held in tried if not held.kept and held.rate < found})
    if uneasy:
        bench.notes.append(
            f"the machine was not at rest: {uneasy[0]:.0f} visits/s lagged for a while, and more was held"
        )
    if least_failed(tried) is None:
        bench.notes.append("the time was up before a rate failed: the generator can do at least this many visits")
    _all_ok(bench, _OPEN)
    return found


def _most_requests(bench: _Bench, child: Child) -> float:
    """Requests a second of users who never wait: the median of the whole seconds."""
    bench.say(f"{_BUSY_USERS} users, as fast as they are answered")
    clock = bench.clock
    start = float(math.ceil(clock.now() + 0.25))
    bench.children.release(child.name, start)
    before, began = None, start + 1.0
    deadline = start + bench.effort.closed + _LATE_SECONDS
    while not child.ended and child.done is None and clock.now() < deadline:
        bench.children.next_message(0.1)
        if before is None and clock.now() >= began:
            before, began = bench.stub.cpu(), clock.now()
        elif before is not None and clock.now() < start + bench.effort.closed:
            bench.stub.busiest = max(bench.stub.busiest, _since(bench, before, began))
    seconds: dict[int, int] = {}
    with RunStore.open(bench.folder / f"{_CLOSED}.db") as store:
        for interval in store.intervals("load"):
            if depth_of(interval.name) == 3 and start + 1 <= interval.second < start + bench.effort.closed - 1:
                seconds[interval.second] = seconds.get(interval.second, 0) + interval.count
    if child.done is None or not seconds:
        raise MeasurementError(
            Problem("calibration", "the closed model told nothing", "let the machine rest, and retry")
        )
    _all_ok(bench, _CLOSED)
    return float(median(seconds.values()))


def _since(bench: _Bench, before: float, began: float) -> float:
    """Share of its core the stub took since; not told of less than a second, in which it says little."""
    passed = bench.clock.now() - began
    return (bench.stub.cpu() - before) / passed if passed >= 1.0 else 0.0


def _hold(bench: _Bench, child: Child, rate: float, seconds: float, name: str) -> dict[str, float]:
    start = bench.clock.now() + 0.1
    hold = {"name": name, "rate": rate, "start": start, "seconds": seconds, "mix": {"one_request": 1}}
    child.send({"hold": hold})
    deadline = start + seconds + _LATE_SECONDS
    while not child.ended and bench.clock.now() < deadline:
        message = bench.children.next_message(0.25)
        body = message.body if message is not None and message.child == child.name else None
        if body is not None and body.get("event") == "held" and body.get("name") == name:
            return {k: float(v) for k, v in body.items() if isinstance(v, (int, float))}
    raise MeasurementError(
        Problem("calibration", f"the generator did not end its hold {name}", "let the machine rest, and retry")
    )


def _all_ok(bench: _Bench, load: str) -> None:
    """Answers that were not ok cost other than those that were: the figures would be of something else."""
    with RunStore.open(bench.folder / f"{load}.db") as store:
        requests = [i for i in store.intervals("load") if depth_of(i.name) == 3]
    bad = {i.detail or i.outcome: i.count for i in requests if i.outcome != OK}
    total = sum(i.count for i in requests)
    if sum(bad.values()) > total * 0.001:
        bench.notes.append(f"{sum(bad.values())} of {total} requests were not answered: {', '.join(sorted(bad))}")


def _job(load: str, folder: Path, url: str, clock: SystemClock, seconds: float) -> dict[str, Any]:
    database = folder / f"{load}.db"
    RunStore.create(database).close()
    scenario = "one_request" if load == _OPEN else "many_requests"
    profile = {"mix": {scenario: 1}, "virtual_users": _BUSY_USERS, "think_time": 0.0, "stages": []}
    closed = {"name": load, "scale": 1.0, "start": 0.0, "end": seconds, "profile": profile}
    return {
        "anchor": clock.anchor,
        "run_db": str(database),
        "run_folder": str(folder),
        "workspace": str(folder),
        "seed": 1,
        "duration": seconds,
        "target": {"name": "stub", "url": url, "accounts": {"generated": _ACCOUNTS}},
        "load": [closed] if load == _CLOSED else [],
        "scenarios": {scenario: str(_stub_folder() / f"{scenario}.py")},
        "accounts": {"first": 0, "count": _ACCOUNTS},
        "adaptive": load == _OPEN,
        "at_most": _VISITORS,
        "drain": 2.0,
    }


def _stub_folder() -> Path:
    spec = find_spec(_STUB)
    if spec is None or spec.origin is None:
        raise MeasurementError(Problem(_STUB, "is not installed", "install holdfast again"))
    return Path(spec.origin).parent


@contextmanager
def _running_stub() -> Iterator[_Stub]:
    process = subprocess.Popen(
        [sys.executable, "-m", _STUB],
        env=for_our_python(os.environ),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        port = whole((process.stdout.readline() if process.stdout else "").strip())
        if port is None:
            raise MeasurementError(Problem("calibration", "the stub did not start", "is a loopback port to be had?"))
        yield _Stub(f"http://127.0.0.1:{port}")
    finally:
        if process.stdin is not None:
            process.stdin.close()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()
