"""The guard on the real thing: a run whose data go stale is stopped, and a fault that burns the budget is taken out."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from holdfast.errors import RunFolderError
from holdfast.record.store import RunStore
from holdfast.workspace.starter import copy_starter

pytestmark = pytest.mark.integration

STUB = Path(__file__).resolve().parents[1] / "data" / "load" / "account_stub.py"
GRACE = 15.0
PLAN = """kind: Plan
description: A load that is watched.
phases: [{name: load, for: 120s}]
load: [{profile: tried}]
objectives: [{file: slo/self_service.yaml, only: [sign-in-availability]}]
guard: {burn_rate: 14.4, for: 5s}
"""
PROFILE = """kind: LoadProfile
description: For a test.
arrivals: uniform
stages: [{hold: 20/s, for: 120s}]
mix: {sign_in_password: 1}
visitors: {at_most: 300}
"""


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Path]:
    """A workspace whose target is a stub that answers at once."""
    folder = tmp_path / "workspace"
    copy_starter(folder)
    stub = subprocess.Popen([sys.executable, STUB], stdout=subprocess.PIPE, text=True)
    assert stub.stdout is not None
    port = int(stub.stdout.readline())
    (folder / "holdfast.yaml").write_text(
        f"targets:\n  stub:\n    url: http://127.0.0.1:{port}\n    accounts: {{file: {folder}/accounts.csv}}\n"
        "default_target: stub\n"
    )
    accounts = folder / "accounts.csv"
    lines = [f"visitor-{2 * index + 1:06d}@accounts.invalid,x," for index in range(400)]
    accounts.write_text("\n".join(["email,password,totp_secret", *lines]))
    accounts.chmod(0o600)
    (folder / "scenarios/profiles/tried.yaml").write_text(PROFILE)
    (folder / "plans/watched.yaml").write_text(PLAN)
    yield folder
    stub.terminate()
    stub.wait(5)
    stub.stdout.close()


def test_a_run_whose_data_go_stale_is_stopped_within_the_grace_and_says_why(workspace: Path) -> None:
    run = _start(workspace, "run", "watched", "--json")
    stalled = 0
    try:
        database = _first(lambda: next((workspace / "runs").glob("*/run.db"), None))
        _first(lambda: _visits(database) >= 100)
        stalled = next(_descendants(run.pid, b"holdfast.load"))
        os.kill(stalled, signal.SIGSTOP)  # alive, and silent
        at = time.time()
        _first(lambda: _was_stopped(database))
        os.kill(stalled, signal.SIGCONT)  # what a stalled child makes of being ended is not the guard's business
        out, err = run.communicate(timeout=110)
    finally:
        _end(run, stalled)

    summary = json.loads(out)
    guard = summary["guard"]
    assert run.returncode == 3, err  # that nothing was seen proves nothing bad
    assert (guard["objective"], guard["blind"]) == ("sign-in-availability", True)
    assert re.search(r"no event was seen for 1[56] s: what is not seen cannot be guarded", guard["reason"])
    assert guard["silent"] > GRACE
    # The newest second had been recorded up to 2 s before; looks come once a second.
    assert GRACE - 3 < guard["stopped_at"] - at < GRACE + 5
    assert f"the guard stopped the run: {guard['reason']}" in " ".join(err.split())
    assert any(guard["reason"] in notice for notice in summary["notices"])
    assert summary["run"]["ended"] - summary["run"]["time_zero"] < 110


def test_an_experiment_alone_that_burns_the_budget_is_stopped_and_its_fault_taken_out(tmp_path: Path) -> None:
    workspace = tmp_path / "workspace"
    copy_starter(workspace)
    _burning(workspace / "chaos/database_latency.yaml")
    run = _start(
        workspace, *("chaos", "database_latency", "--for", "120s", "--load", "smoke", "--scale", "3"),
        *("--objectives", "self_service", "--guard", "10", "--guard-for", "5s", "--json"),
    )  # fmt: skip
    try:
        out, err = run.communicate(timeout=110)
    finally:
        _end(run)

    summary = json.loads(out)
    guard = summary["guard"]
    assert guard["stopped_at"] is not None, err
    assert guard["blind"] is False
    assert guard["burn_rate"] > guard["burn_rate_above"] == 10
    assert guard["bad"] <= guard["total"]
    (fault,) = summary["faults"]
    assert fault["clean_up"] == "done"
    assert fault["injected_at"] < guard["stopped_at"] < fault["injected_at"] + 60  # of the 120 s that were asked for
    assert summary["verdict"] == "missed"
    assert run.returncode == 1
    (folder,) = (workspace / "runs").iterdir()
    with RunStore.open(folder / "run.db") as store:
        assert [event.facts["verdict"] for event in store.events("clean_up")] == ["done"]


def _burning(experiment: Path) -> None:
    """The same experiment with a latency that no visitor finds quick."""
    text = experiment.read_text(encoding="utf-8")
    assert "latency_ms: " in text
    lines = [
        line.partition("latency_ms: ")[0] + "latency_ms: 900" + _rest(line) if "latency_ms: " in line else line
        for line in text.splitlines()
    ]
    experiment.write_text("\n".join(lines).replace("burn_below: 6", "burn_below: 1000") + "\n", encoding="utf-8")


def _rest(line: str) -> str:
    after = line.partition("latency_ms: ")[2]
    return after.lstrip("0123456789.")


def _start(workspace: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "holdfast", *arguments],
        cwd=workspace,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _end(run: subprocess.Popen[str], *others: int) -> None:
    if run.poll() is None:
        run.kill()
    run.communicate(timeout=30)
    for pid in others:
        if pid and Path(f"/proc/{pid}").exists():
            os.kill(pid, signal.SIGKILL)


def _first(look: Callable[[], Any]) -> Any:
    """What it says as soon as that is something; fails after half a minute."""
    deadline = time.monotonic() + 30
    while not (found := look()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return found


def _was_stopped(database: Path) -> bool:
    with RunStore.open(database) as store:
        return any(event.source == "guard" for event in store.events("stopped"))


def _visits(database: Path) -> int:
    try:
        with RunStore.open(database) as store:
            return sum(i.count for i in store.intervals("load") if "/" not in i.name)
    except RunFolderError:  # its file is there, and it is being made
        return 0


def _descendants(pid: int, module: bytes) -> Iterator[int]:
    for child in (int(p) for p in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()):
        if module in Path(f"/proc/{child}/cmdline").read_bytes().split(b"\0"):
            yield child
        yield from _descendants(child, module)
