"""Files of objectives: how long a thousand take to check, from the command to its last line, and 10,000 broken ones."""

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

from figure import Figure, Group
from peers import ROOT

from bench import Bench

FILES: Final = 1000
MUTATED: Final = 10_000
_OBJECTIVE: Final = """\
apiVersion: openslo/v1
kind: SLO
metadata:
  name: sign-in-latency-{number}
  displayName: Sign-in is quick
  annotations: {{holdfast.dev/owner: identity, holdfast.dev/runbook: docs/runbooks/sign-in.md}}
spec:
  description: Signing in, second factor included, takes at most 400 ms. What fails is never quick.
  service: account-self-service
  indicator:
    metadata: {{name: sign-in-under-400ms}}
    spec:
      ratioMetric:
        counter: true
        good: {{metricSource: {{type: holdfast, spec: {{name: "*/sign_in", source: load, under: 400ms}}}}}}
        total: {{metricSource: {{type: holdfast, spec: {{name: "*/sign_in", source: load}}}}}}
  timeWindow: [{{duration: 28d, isRolling: true}}]
  budgetingMethod: Occurrences
  objectives: [{{target: 0.95}}]
"""


def run(bench: Bench) -> Group:
    figures = [check_time(bench)]
    if bench.quick:
        how = "left out of a quick bench"
        figures.append(Figure(f"tracebacks of {MUTATED:,} mutated files", None, "", how, 0.0))
    else:
        figures.append(tracebacks())
    return Group("definitions", "Files of objectives, read and checked.", tuple(figures))


def check_time(bench: Bench) -> Figure:
    folder = bench.folder / "definitions"
    folder.mkdir()
    for number in range(FILES):
        (folder / f"{number:04}.yaml").write_text(_OBJECTIVE.format(number=number), encoding="utf-8")
    times = sorted(_checked(folder) for _ in range(bench.rounds))
    how = f"the slowest of {bench.rounds} (fastest {times[0]:.2f}), one SLO each, start of the interpreter included"
    return Figure(f"`holdfast slo check` of {FILES:,} files", times[-1], "s", how, 3.0)


def tracebacks() -> Figure:
    """The test that tries them, with as many."""
    test = ROOT / "tests/unit/test_slo_fuzz.py"
    environment = {**os.environ, "HOLDFAST_FUZZ": str(MUTATED)}
    command = [sys.executable, "-m", "pytest", "-q", str(test)]
    started = time.monotonic()
    ran = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    how = f"{time.monotonic() - started:.0f} s, {ran.stdout.strip().splitlines()[-1]}"
    return Figure(f"tracebacks of {MUTATED:,} mutated files", float(ran.returncode != 0), "", how, 0.0)


def _checked(folder: Path) -> float:
    started = time.monotonic()
    command = [sys.executable, "-m", "holdfast", "slo", "check", str(folder)]
    ran = subprocess.run(command, capture_output=True, text=True, check=True)
    seconds = time.monotonic() - started
    if ran.stdout != f"{FILES:,} objectives in {FILES:,} files are valid\n":
        raise RuntimeError(ran.stdout)
    return seconds
