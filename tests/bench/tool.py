"""The figures of the tool as a whole: how soon it answers, what recording costs, the demo, the tests."""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from figure import Figure, Group
from peers import ROOT

from bench import Bench
from holdfast.record.recorder import Recorder, fold
from holdfast.record.store import RunStore
from holdfast.workspace.starter import copy_starter

HOLDFAST: Final = Path(sys.executable).with_name("holdfast")


def run(bench: Bench) -> Group:
    figures = [help_time(), recorder_cost()]
    workspace = bench.folder / "workspace"
    copy_starter(workspace)
    figures.append(stack_up(workspace))
    if bench.quick:
        figures.append(Figure("`holdfast demo`, once installed", None, "s", "left out of a quick bench", 180.0))
    else:
        figures += demo(workspace)
    if bench.with_tests:
        figures.append(test_time())
    return Group("tool", "holdfast on this machine, with its built-in stack.", tuple(figures))


def help_time() -> Figure:
    """The median of eleven."""
    times = sorted(
        _timed(lambda: subprocess.run([HOLDFAST, "--help"], capture_output=True, check=True)) for _ in range(11)
    )
    return Figure("`holdfast --help`", times[5], "s", "median of 11 runs", 0.2)


def recorder_cost() -> Figure:
    """add, take, fold and write: everything a sample costs, on three series, at 20,000 samples a batch."""
    samples, batch = 200_000, 20_000
    names = ["sign_in", "sign_in/enter_password", "sign_in/enter_password/POST sessions"]
    calls = [(names[i % 3], 1000.0 + i / batch, "ok", 0.05 + (i * 7919 % 997) / 10_000) for i in range(samples)]
    costs = []
    with tempfile.TemporaryDirectory() as folder, RunStore.create(Path(folder) / "run.db") as store:
        for _ in range(5):
            recorder = Recorder("load")
            started = time.process_time()
            for begin in range(0, samples, batch):
                for name, at, outcome, duration in calls[begin : begin + batch]:
                    recorder.add(name, at, outcome, duration)
                store.write(fold("load", recorder.take()))
            costs.append((time.process_time() - started) / samples * 1e6)
    how = f"median of 5 times {samples:,} samples, processor time, loop included (best {min(costs):.2f})"
    return Figure("recorder, a sample, amortised", sorted(costs)[2], "µs", how, 1.0)


def stack_up(workspace: Path) -> Figure:
    def start() -> None:
        subprocess.run([HOLDFAST, "stack", "up"], cwd=workspace, capture_output=True, check=True)

    try:
        seconds = _timed(start)
    finally:
        subprocess.run([HOLDFAST, "stack", "down"], cwd=workspace, capture_output=True, check=False)
    return Figure("`holdfast stack up`", seconds, "s", "2 replicas, 2,000 accounts", 10.0)


def demo(workspace: Path) -> list[Figure]:
    started = time.monotonic()
    ran = subprocess.run([HOLDFAST, "demo"], cwd=workspace, capture_output=True, check=False)
    seconds = time.monotonic() - started
    (run,) = (workspace / "runs").iterdir()
    summary = json.loads((run / "summary.json").read_text(encoding="utf-8"))
    how = f"exit code {ran.returncode}, verdict {summary['verdict']}, measurement {summary['validity']['verdict']}"
    return [
        Figure("`holdfast demo`, once installed", seconds, "s", how, 180.0),
        Figure("`run.db` of the demo", (run / "run.db").stat().st_size / 1e6, "MB", "after it was sealed", 5.0),
        Figure("`report.html` of the demo", (run / "report.html").stat().st_size / 1e6, "MB", "charts and all", 3.0),
    ]


def test_time() -> Figure:
    started = time.monotonic()
    command = ["make", "--no-print-directory", "test"]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    last = ran.stdout.strip().splitlines()[-1]
    how = f"exit code {ran.returncode}, {last}"
    return Figure("`make test`, once installed", time.monotonic() - started, "s", how, 360.0)


def _timed(work: Callable[[], object]) -> float:
    started = time.monotonic()
    work()
    return time.monotonic() - started
