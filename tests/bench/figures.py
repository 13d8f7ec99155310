"""Measure the figures that the project promises, and write them to docs/reference/performance.md.

Run by `make bench`. Nothing here asserts: a figure that is missed is printed as missed. Compare within one run only.
"""

import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from holdfast.record.recorder import Recorder, fold
from holdfast.record.store import RunStore
from holdfast.workspace.starter import copy_starter

ROOT = Path(__file__).resolve().parents[2]
HOLDFAST = Path(sys.executable).with_name("holdfast")
PAGE = ROOT / "docs" / "reference" / "performance.md"


@dataclass(frozen=True)
class Figure:
    what: str
    value: float
    limit: float
    unit: str
    how: str

    @property
    def reached(self) -> bool:
        return self.value <= self.limit


def main() -> None:
    figures = [help_time(), recorder_cost()]
    with tempfile.TemporaryDirectory() as folder:
        workspace = Path(folder) / "workspace"
        copy_starter(workspace)
        figures += [stack_up(workspace), *demo(workspace)]
    if "--with-tests" in sys.argv:
        figures.append(test_time())
    page = render(figures)
    PAGE.parent.mkdir(parents=True, exist_ok=True)
    PAGE.write_text(page, encoding="utf-8")
    print(page)


def help_time() -> Figure:
    """The median of eleven."""
    times = sorted(
        _timed(lambda: subprocess.run([HOLDFAST, "--help"], capture_output=True, check=True)) for _ in range(11)
    )
    return Figure("`holdfast --help`", times[5], 0.2, "s", "median of 11 runs")


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
    return Figure("recorder, a sample, amortised", sorted(costs)[2], 1.0, "µs", how)


def stack_up(workspace: Path) -> Figure:
    def start() -> None:
        subprocess.run([HOLDFAST, "stack", "up"], cwd=workspace, capture_output=True, check=True)

    try:
        seconds = _timed(start)
    finally:
        subprocess.run([HOLDFAST, "stack", "down"], cwd=workspace, capture_output=True, check=False)
    return Figure("`holdfast stack up`", seconds, 10.0, "s", "2 replicas, 2,000 accounts")


def demo(workspace: Path) -> list[Figure]:
    started = time.monotonic()
    ran = subprocess.run([HOLDFAST, "demo"], cwd=workspace, capture_output=True, check=False)
    seconds = time.monotonic() - started
    (run,) = (workspace / "runs").iterdir()
    summary = json.loads((run / "summary.json").read_text(encoding="utf-8"))
    how = f"exit code {ran.returncode}, verdict {summary['verdict']}, measurement {summary['validity']['verdict']}"
    return [
        Figure("`holdfast demo`, once installed", seconds, 180.0, "s", how),
        Figure("`run.db` of the demo", (run / "run.db").stat().st_size / 1e6, 5.0, "MB", "after it was sealed"),
        Figure("`report.html` of the demo", (run / "report.html").stat().st_size / 1e6, 3.0, "MB", "charts and all"),
    ]


def test_time() -> Figure:
    started = time.monotonic()
    ran = subprocess.run(["make", "test"], cwd=ROOT, capture_output=True, text=True, check=False)
    last = ran.stdout.strip().splitlines()[-1]
    return Figure(
        "`make test`, once installed", time.monotonic() - started, 360.0, "s", f"exit code {ran.returncode}, {last}"
    )


def render(figures: list[Figure]) -> str:
    cores = len(os.sched_getaffinity(0))
    rows = "\n".join(
        f"| {f.what} | {f.value:.3g} {f.unit} | {f.limit:g} {f.unit} | "
        f"{'reached' if f.reached else '**missed**'} | {f.how} |"
        for f in figures
    )
    return (
        "# Performance\n\n"
        f"Written by `make bench` on {cores} cores, Python {platform.python_version()}, load average "
        f"{os.getloadavg()[0]:.1f} at the end. Absolute figures move with the machine; compare within one run.\n\n"
        "| figure | measured | limit | | how |\n| --- | --- | --- | --- | --- |\n" + rows + "\n"
    )


def _timed(work: Callable[[], object]) -> float:
    started = time.monotonic()
    work()
    return time.monotonic() - started


if __name__ == "__main__":
    main()
