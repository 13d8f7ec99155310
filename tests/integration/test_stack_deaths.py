"""A run whose own stack is killed from outside: invalid, exit 3, and named; never the target's miss."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from holdfast.reference import StackState, read_stack, stack_status
from holdfast.reference.loopback import ask
from holdfast.workspace.starter import copy_starter

pytestmark = pytest.mark.integration

DEADLINE = 60.0
PLAN = """kind: Plan
description: Sign-ins, judged by an objective that any outage misses.
phases: [{name: load, for: 12s}]
load: [{profile: smoke, scale: 2}]
objectives: [slo/self_service.yaml]
"""


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("deaths") / "workspace"
    copy_starter(folder)
    (folder / "plans/short.yaml").write_text(PLAN, encoding="utf-8")
    return folder


def pid_of(stack: StackState, name: str) -> int:
    return next(process.pid for process in stack_status(stack).processes if process.name == name and process.pid)


def kill_a_backend(stack: StackState) -> None:
    """A process that serves one of the replicas' connections; the postmaster goes on."""
    backends = psutil.Process(pid_of(stack, "postgres")).children()
    os.kill(max(one.pid for one in backends), signal.SIGKILL)


def killing(name: str) -> Callable[[StackState], None]:
    return lambda stack: os.kill(pid_of(stack, name), signal.SIGKILL)


def kill_as_an_experiment_does(stack: StackState) -> None:
    ask(f"{stack.control_url}/processes/account-1/kill", "POST", token=stack.control_token)


def run_with(workspace: Path, strike: Callable[[StackState], None]) -> tuple[int, dict[str, object]]:
    """Exit code and summary of a run whose stack is struck some seconds after time 0."""
    before = set((workspace / "runs").glob("*"))
    process = subprocess.Popen(
        [sys.executable, "-m", "holdfast", "run", "short", "--json"],
        cwd=workspace, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    try:
        time_zero = eventually(lambda: released(set((workspace / "runs").glob("*")) - before), process)
        stack = next(filter(None, (read_stack(path.parent) for path in workspace.glob(".holdfast/stack-*/stack.json"))))
        time.sleep(max(time_zero + 2 - time.time(), 0))
        strike(stack)
        told, log = process.communicate(timeout=DEADLINE * 2)
    finally:
        process.kill()
    assert told, log
    return process.returncode, json.loads(told)


def released(runs: set[Path]) -> float:
    for run in runs:
        try:
            with sqlite3.connect(f"file:{run / 'run.db'}?mode=ro", uri=True) as record:
                found = record.execute("SELECT at FROM events WHERE kind = 'released'").fetchone()
        except sqlite3.Error:
            continue
        if found:
            return float(found[0])
    return 0.0


def eventually(find: Callable[[], float], process: subprocess.Popen[str]) -> float:
    deadline = time.monotonic() + DEADLINE
    while not (found := find()):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline, "not within the deadline"
        time.sleep(0.1)
    return found


@pytest.mark.parametrize(
    ("strike", "who", "how"),
    [
        (killing("postgres"), "postgres", "was killed by SIGKILL"),
        (kill_a_backend, "postgres", "lost its"),
        (killing("valkey"), "valkey", "was killed by SIGKILL"),
        (killing("proxy"), "proxy", "was killed by SIGKILL"),
        (lambda stack: os.kill(stack.pid, signal.SIGKILL), "supervisor", "ended, and the whole stack with it"),
    ],
    ids=["postgres", "one of PostgreSQL's own", "valkey", "proxy", "supervisor"],
)
def test_a_run_whose_stack_is_killed_from_outside_is_invalid_and_says_by_what(
    workspace: Path, strike: Callable[[StackState], None], who: str, how: str
) -> None:
    code, summary = run_with(workspace, strike)

    assert (code, summary["verdict"]) == (3, "invalid"), summary["headline"]
    assert f"our reference stack lost {who}" in str(summary["headline"])
    checks = {check["name"]: check for check in summary["validity"]["checks"]}  # type: ignore[index]
    assert checks["reference_stack"]["reason"].startswith(f"{who} {how}")


def test_a_replica_that_was_killed_through_the_supervisor_is_no_death_of_ours(workspace: Path) -> None:
    _, summary = run_with(workspace, kill_as_an_experiment_does)

    assert "reference_stack" not in {check["name"] for check in summary["validity"]["checks"]}  # type: ignore[index]
