"""A machine that is busy with something else is seen, by the real engine beside a real busy loop."""

import json
import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest

from holdfast.workspace.starter import copy_starter

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(not Path("/proc/stat").exists(), reason="only Linux counts whose the processors were"),
]

STUB = Path(__file__).resolve().parents[1] / "data" / "load" / "account_stub.py"
LOOP = "import time\nuntil = time.monotonic() + 60\nwhile time.monotonic() < until: pass"  # ends by itself, whatever


@pytest.fixture
def workspace(tmp_path):
    folder = tmp_path / "workspace"
    copy_starter(folder)
    (folder / "accounts.csv").write_text(
        "email,password,totp_secret\n" + "".join(f"a{i}@x.test,p,\n" for i in range(50))
    )
    (folder / "accounts.csv").chmod(0o600)
    return folder


@pytest.fixture
def stub(workspace):
    process = subprocess.Popen([sys.executable, STUB, "0"], stdout=subprocess.PIPE, text=True)
    target = f"http://127.0.0.1:{int(process.stdout.readline())}"
    (workspace / "holdfast.yaml").write_text(
        f'targets:\n  stub: {{url: "{target}", accounts: {{file: accounts.csv}}}}\ndefault_target: stub\n'
    )
    yield target
    process.terminate()
    process.wait(5)
    process.stdout.close()


@contextmanager
def _busy_loops():
    """One more than there are processors, so that everybody has to wait."""
    loops = [subprocess.Popen([sys.executable, "-c", LOOP]) for _ in range(len(os.sched_getaffinity(0)) + 1)]
    try:
        yield
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()


def _start(workspace, **environment):
    plan = "kind: Plan\ndescription: Beside a busy loop.\nphases: [{name: all, for: 6s}]\nload: [{profile: smoke}]\n"
    (workspace / "plans" / "beside.yaml").write_text(plan)
    return subprocess.Popen(
        [sys.executable, "-m", "holdfast", "run", "beside", "--json", "--target", "stub"],
        cwd=workspace,
        env={**os.environ, "HOLDFAST_MACHINE": "", **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _summary(run):
    out, err = run.communicate(timeout=120)
    assert out, err
    return json.loads(out), err


def test_a_machine_that_is_busy_with_something_else_invalidates_by_name(workspace, stub):
    with _busy_loops():
        summary, _ = _summary(_start(workspace))

    machine = next(check for check in summary["validity"]["checks"] if check["name"] == "machine")
    assert machine["verdict"] == "invalid"
    assert summary["exit_code"] == 3
    assert "machine" in summary["headline"]


def test_on_a_machine_known_to_be_shared_it_is_said_and_does_not_invalidate(workspace, stub):
    with _busy_loops():
        summary, _ = _summary(_start(workspace, HOLDFAST_MACHINE="shared"))

    machine = next(check for check in summary["validity"]["checks"] if check["name"] == "machine")
    assert machine["verdict"] == "degraded"
    assert machine["value"] > 0.1


def test_two_runs_at_once_say_so_of_each_other(workspace, stub):
    first, second = _start(workspace), _start(workspace)
    summaries = [_summary(run)[0] for run in (first, second)]

    for summary, other in zip(summaries, reversed(summaries), strict=True):
        assert any(other["run"]["id"] in notice for notice in summary["notices"])
        check = next(check for check in summary["validity"]["checks"] if check["name"] == "other_runs")
        assert other["run"]["id"] in check["reason"]
        assert check["verdict"] == "degraded"  # they aimed at the same target
