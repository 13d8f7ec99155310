"""Does the shipped `ci` plan let a healthy stack pass, and does it find a sick one? In simulation, and by real runs.

The simulation (`tests/unit/plan_simulation.py`) plays the plan a thousand times on each stack, with the real verdict.
The real runs are `holdfast run ci` on the reference stack, told to be as sick. They want a quiet machine: on a busy one
they are invalid.
"""

import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Final

import yaml
from figure import Figure, Group, Table

from bench import Bench
from holdfast.errors import ExitCode
from holdfast.run.preparation import prepare
from holdfast.workspace.starter import copy_starter
from holdfast.workspace.workspace import find_workspace

ROOT: Final = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tests.unit.plan_simulation import HEALTHY, SICK, Ended, Stack, asked_once, simulate  # noqa: E402

HOLDFAST: Final = Path(sys.executable).parent / "holdfast"
PLAN: Final = "ci"
WANTED: Final = 0.95  # of the runs: nineteen of twenty
SEEDS: Final = 1000
RUNS: Final = 3
_AT_A_TIME: Final = 25
_LOOP_SECONDS: Final = 600  # then they end by themselves, whatever becomes of us
HEALTHY_NAME: Final = "healthy"
STACKS: Final = {HEALTHY_NAME: HEALTHY, **SICK}
SETTINGS: Final[dict[str, dict[str, object]]] = {
    HEALTHY_NAME: {},
    "no failover": {"failover": False},
    "half the capacity": {"service_time": "120ms"},
    "3 % of the requests fail": {"failing_share": 0.03},
}


def run(bench: Bench) -> Group:
    seeds, runs = (40, 1) if bench.quick else (SEEDS, RUNS)
    simulated = {name: simulated_codes(name, seeds) for name in STACKS}
    figures = [_of_simulation(name, codes, seeds) for name, codes in simulated.items()]
    figures.append(
        Figure(
            "simulated: a sick stack that ends 0",
            float(sum(codes[ExitCode.MET] for name, codes in simulated.items() if name != HEALTHY_NAME)),
            "runs",
            f"of {seeds * len(SICK):,}",
            0.0,
        )
    )
    rows = [_real(bench.folder / f"gate-{name}-{i}".replace(" ", "-"), name) for name in STACKS for i in range(runs)]
    figures += _of_runs(rows)
    with _busy_loops():
        rows.append(_real(bench.folder / "gate-busy", HEALTHY_NAME))
    rows[-1].stack = f"{HEALTHY_NAME}, beside two busy loops"
    table = Table(
        "Real runs",
        ("stack", "exit code", "took", "measurement", "others took (machine, p90)", "headline"),
        tuple((r.stack, str(r.code), f"{r.seconds:.0f} s", r.validity, r.machine, r.headline) for r in rows),
        (f"holdfast run {PLAN}",),
    )
    about = (
        f"The shipped plan `{PLAN}` on a healthy stack and on three sick ones: played {seeds:,} times each in "
        f"simulation, with known truth, over the real verdict; then run {runs} times each on the reference stack."
    )
    return Group("gate", about, tuple(figures), (table,))


def simulated_codes(name: str, seeds: int) -> Counter[int]:
    """Exit codes of so many simulated runs of one of the stacks."""
    blocks = [(name, first, min(first + _AT_A_TIME, seeds)) for first in range(0, seeds, _AT_A_TIME)]
    found: Counter[int] = Counter()
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        for codes in pool.map(_block, blocks):
            found += codes
    return found


def _block(what: tuple[str, int, int]) -> Counter[int]:
    name, first, end = what
    return Counter(one(STACKS[name], seed).exit_code for seed in range(first, end))


def one(stack: Stack, seed: int) -> Ended:
    prepared, asked = _prepared()
    return simulate(prepared, asked, stack, seed)


@cache
def _prepared() -> tuple:  # type: ignore[type-arg]
    prepared = prepare(find_workspace(ROOT), PLAN, may_ask=False)
    return prepared, asked_once(prepared)


def _of_simulation(name: str, codes: Counter[int], seeds: int) -> Figure:
    wanted = ExitCode.MET if name == HEALTHY_NAME else ExitCode.MISSED
    how = "exit codes " + ", ".join(f"{code}: {times:,}" for code, times in sorted(codes.items()))
    what = f"simulated: {name}, ends {int(wanted)}"
    return Figure(what, codes[wanted] / seeds, "of the runs", how, WANTED, at_least=True)


@contextmanager
def _busy_loops() -> Iterator[None]:
    """What the check `machine` is there for: a quiet run and one beside these show where its limits lie."""
    code = f"import time\nuntil = time.monotonic() + {_LOOP_SECONDS}\nwhile time.monotonic() < until: pass"
    loops = [subprocess.Popen([sys.executable, "-c", code]) for _ in range(2)]
    try:
        yield
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()


class _Row:
    def __init__(self, stack: str, ran: subprocess.CompletedProcess[str], seconds: float) -> None:
        self.stack, self.code, self.seconds = stack, ran.returncode, seconds
        summary = json.loads(ran.stdout) if ran.stdout.startswith("{") else {}
        self.headline = summary.get("headline") or ran.stderr.strip().rpartition("\n")[2]
        validity = summary.get("validity", {})
        self.validity = validity.get("verdict", "–")
        machine = next((c for c in validity.get("checks", ()) if c["name"] == "machine"), {})
        value = machine.get("value")
        self.machine = "–" if value is None else f"{value * 100:.1f} %"


def _real(folder: Path, name: str) -> _Row:
    copy_starter(folder)
    file = folder / "holdfast.yaml"
    configuration = yaml.safe_load(file.read_text(encoding="utf-8"))
    configuration["targets"]["reference"]["settings"].update(SETTINGS[name])
    file.write_text(yaml.safe_dump(configuration), encoding="utf-8")
    started = time.monotonic()
    ran = subprocess.run(
        [HOLDFAST, "run", PLAN, "--json"], cwd=folder, capture_output=True, text=True, check=False, timeout=900
    )
    row = _Row(name, ran, time.monotonic() - started)
    sys.stderr.write(f"{row.stack}: exit code {row.code}, {row.validity}, others {row.machine}: {row.headline}\n")
    return row


def _of_runs(rows: list[_Row]) -> list[Figure]:
    healthy = [row for row in rows if row.stack == HEALTHY_NAME]
    sick = [row for row in rows if row.stack != HEALTHY_NAME]
    passed, missed = (sum(row.code == code for row in those) for those, code in ((healthy, 0), (sick, 1)))
    return [
        Figure(
            "real: the healthy stack passes", float(passed), "runs", f"of {len(healthy)}", len(healthy), at_least=True
        ),
        Figure("real: a sick stack is missed", float(missed), "runs", f"of {len(sick)}", len(sick), at_least=True),
        Figure("real: a sick stack ends 0", float(sum(r.code == 0 for r in sick)), "runs", f"of {len(sick)}", 0.0),
    ]
