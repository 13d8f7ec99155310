"""A generator that cannot be trusted is told, by the real command and the real engine, and ends with exit code 3."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from html import unescape
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from holdfast.errors import RunFolderError
from holdfast.record.store import RunStore
from holdfast.workspace.starter import copy_starter

pytestmark = pytest.mark.integration

STUB = Path(__file__).resolve().parents[1] / "data" / "load" / "account_stub.py"
LIMITER = r"""
import asyncio

async def limited(reader, writer):
    while await reader.readuntil(b"\r\n\r\n"):
        writer.write(b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n")

async def main():
    server = await asyncio.start_server(limited, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()

asyncio.run(main())
"""
BURNING = '''"""A visitor whose own work takes 20 ms of CPU: 50 a second are all that a core can do."""

import time

from locust import task

from holdfast.load import Visitor


class Burning(Visitor):
    @task
    def burn(self) -> None:
        with self.step("burn"):
            until = time.process_time() + 0.02
            while time.process_time() < until:
                pass
'''
SLOW_SIGN_IN = "0.5"  # seconds the stub takes for an answer


@pytest.fixture
def workspace(tmp_path):
    folder = tmp_path / "workspace"
    copy_starter(folder)
    (folder / "scenarios" / "burning.py").write_text(BURNING)
    return folder


@pytest.fixture
def stub():
    process = subprocess.Popen([sys.executable, STUB, SLOW_SIGN_IN], stdout=subprocess.PIPE, text=True)
    yield f"http://127.0.0.1:{int(process.stdout.readline())}"
    process.terminate()
    process.wait(5)
    process.stdout.close()


@pytest.fixture
def limiter():
    """It answers every request 429."""
    process = subprocess.Popen(
        [sys.executable, "-c", LIMITER], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    yield f"http://127.0.0.1:{int(process.stdout.readline())}"
    process.terminate()
    process.wait(5)
    process.stdout.close()


def load(workspace, url, *, rate, scenario, seconds, accounts):
    set_up(workspace, url, rate=rate, scenario=scenario, seconds=seconds, accounts=accounts)
    ran = subprocess.run(
        [sys.executable, "-m", "holdfast", "load", "tried", "--json"],
        cwd=workspace,
        capture_output=True,
        text=True,
        timeout=60,
    )
    return invalid(workspace, ran.returncode, ran.stdout, ran.stderr)


def set_up(workspace, url, *, rate, scenario, seconds, accounts):
    (workspace / "holdfast.yaml").write_text(
        f"targets:\n  stub:\n    url: {url}\n    accounts: {{file: {workspace}/accounts.csv}}\ndefault_target: stub\n"
    )
    file = workspace / "accounts.csv"
    lines = [f"visitor-{2 * index + 1:06d}@accounts.invalid,x," for index in range(accounts)]
    file.write_text("\n".join(["email,password,totp_secret", *lines]))
    file.chmod(0o600)
    (workspace / "scenarios/profiles/tried.yaml").write_text(
        "kind: LoadProfile\ndescription: For a test.\narrivals: uniform\n"
        f"stages: [{{hold: {rate}/s, for: {seconds}s}}]\nmix: {{{scenario}: 1}}\nvisitors: {{at_most: 300}}\n"
    )


def invalid(workspace, code, out, err):
    """What every report of the run says of it."""
    assert code == 3, out + err
    summary = json.loads(out)
    assert summary["verdict"] == summary["validity"]["verdict"] == "invalid"
    assert summary["exit_code"] == 3
    (run,) = (workspace / "runs").iterdir()
    everywhere(summary, run)
    return {check["name"]: check for check in summary["validity"]["checks"]}


def _cases(path):
    return ET.parse(path).iter("testcase")  # noqa: S314 - we wrote it


def everywhere(summary, run):
    """Every report says which checks failed, and why."""
    written = {path.name: path.read_text() for path in run.iterdir() if path.suffix in {".md", ".html"}}
    cases = {case.get("name"): case for case in _cases(run / "junit.xml")}
    for check in (check for check in summary["validity"]["checks"] if check["verdict"] == "invalid"):
        reason = check["reason"]
        words = reason.split(":")[0].split("(")[0].strip()
        assert words in written["report.md"]
        assert words in unescape(written["report.html"])
        assert reason in cases[check["name"]].find("error").get("message")
        assert check["name"].replace("_", " ") in summary["headline"]


def test_a_saturated_generator_is_invalid_and_exits_3(workspace, stub):
    found = load(workspace, stub, rate=70, scenario="burning", seconds=2, accounts=400)
    assert found["lag"]["verdict"] == "invalid"
    assert "our own" in found["lag"]["reason"]
    assert found["reconciled"]["verdict"] == "valid"


def test_a_starved_pool_of_accounts_is_invalid_and_exits_3(workspace, stub):
    found = load(workspace, stub, rate=20, scenario="sign_in", seconds=2, accounts=1)
    assert found["accounts"]["verdict"] == found["dropped"]["verdict"] == "invalid"
    assert "give the target more accounts" in found["accounts"]["reason"]
    assert found["accounts"]["value"] > 0.5


@pytest.mark.parametrize("scenario", ["impatient_sign_in", "support_deflection"])
def test_visitors_who_give_up_do_not_hide_that_a_limiter_was_measured(workspace, limiter, scenario):
    found = load(workspace, limiter, rate=30, scenario=scenario, seconds=3, accounts=400)
    assert (found["rate_limited"]["verdict"], found["rate_limited"]["value"]) == ("invalid", 1.0)
    assert "requests were rate-limited" in found["rate_limited"]["reason"]


def test_a_run_without_data_is_invalid_and_exits_3(workspace, stub):
    found = load(workspace, stub, rate=0.01, scenario="sign_in", seconds=2, accounts=400)
    assert found["samples"]["verdict"] == "invalid"
    assert "no data" in found["samples"]["reason"]


def test_a_killed_worker_makes_the_run_invalid_and_exits_3(workspace, stub):
    set_up(workspace, stub, rate=40, scenario="sign_in_password", seconds=5, accounts=400)
    process = subprocess.Popen(
        [sys.executable, "-m", "holdfast", "load", "tried", "--json", "--workers", "2"],
        cwd=workspace,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        database = _first(lambda: next((workspace / "runs").glob("*/run.db"), None))
        _first(lambda: _visits(database) >= 20)
        os.kill(_first(lambda: next(iter(_workers_of(process.pid)), None)), signal.SIGKILL)
        out, err = process.communicate(timeout=60)
    finally:
        if process.poll() is None:
            process.kill()
    found = invalid(workspace, process.returncode, out, err)
    assert found["workers"]["verdict"] == "invalid"
    assert "exit code -9" in found["workers"]["reason"]
    assert found["reconciled"]["verdict"] == "valid"
    assert json.loads(out)["load"]["workers"] == 2


@pytest.mark.parametrize("how", ["the parent is killed", "Ctrl-C in its terminal", "SIGTERM"])
def test_a_remote_worker_that_ends_before_the_run_does_makes_it_invalid(workspace, stub, unused_tcp_port, how):
    """Its part ends neatly, and is a part all the same: no verdict rests on what it left out."""
    set_up(workspace, stub, rate=40, scenario="sign_in_password", seconds=6, accounts=400)
    address = f"127.0.0.1:{unused_tcp_port}"
    run = _holdfast(workspace, "load", "tried", "--json", "--remote-workers", "2", "--listen", address)
    workers = [_holdfast(workspace, "worker", "--join", address) for _ in range(2)]
    try:
        database = _first(lambda: next((workspace / "runs").glob("*/run.db"), None))
        _first(lambda: _visits(database) >= 20)
        (child,) = _workers_of(workers[0].pid)
        if how == "the parent is killed":
            workers[0].kill()
        elif how == "SIGTERM":
            workers[0].terminate()
        else:
            for pid in (workers[0].pid, child):
                os.kill(pid, signal.SIGINT)
        out, err = run.communicate(timeout=60)
        left, stayed = (worker.communicate(timeout=30)[1] for worker in workers)
    finally:
        for process in (run, *workers):
            if process.poll() is None:
                process.kill()
    word = "what started it is gone" if how == "the parent is killed" else "interrupted"
    found = invalid(workspace, run.returncode, out, err)
    assert found["workers"]["verdict"] == "invalid"
    assert f"pid {child}" in found["workers"]["reason"]
    assert f"{word} before the run's end" in found["workers"]["reason"]
    assert found["reconciled"]["verdict"] == "valid"
    assert f"waiting for 2 workers at {address}" in err
    assert f"pid {child}) is lost: {word}" in err
    assert [worker.returncode for worker in workers] == [-signal.SIGKILL if "killed" in how else 130, 0]
    for told, end in ((left, f"{word} before the run's end"), (stayed, "done: ")):
        lines = [line for line in told.splitlines() if line.startswith("worker: ")]
        # A run that is slow to listen is waited for, and that is said.
        joined, plays, *_, last = [line for line in lines if "no answer" not in line]
        assert (joined, "plays" in plays) == (f"worker: joined {address}, waiting for the run to begin", True)
        assert last.startswith(f"worker: {end}")


def test_the_only_worker_that_ends_before_the_run_does_is_named(workspace, stub, unused_tcp_port):
    set_up(workspace, stub, rate=40, scenario="sign_in_password", seconds=6, accounts=400)
    address = f"127.0.0.1:{unused_tcp_port}"
    run = _holdfast(workspace, "load", "tried", "--json", "--remote-workers", "1", "--listen", address)
    worker = _holdfast(workspace, "worker", "--join", address)
    try:
        database = _first(lambda: next((workspace / "runs").glob("*/run.db"), None))
        _first(lambda: _visits(database) >= 5)
        worker.kill()
        out, err = run.communicate(timeout=60)
    finally:
        for process in (run, worker):
            if process.poll() is None:
                process.kill()
            process.communicate(timeout=30)
    assert "lost before its time: worker 1" in invalid(workspace, run.returncode, out, err)["workers"]["reason"]


def test_a_load_child_that_is_told_to_end_by_another_makes_the_run_invalid(workspace, stub):
    set_up(workspace, stub, rate=40, scenario="sign_in_password", seconds=6, accounts=400)
    run = _holdfast(workspace, "load", "tried", "--json")
    try:
        database = _first(lambda: next((workspace / "runs").glob("*/run.db"), None))
        _first(lambda: _visits(database) >= 100)
        (child,) = _descendants(run.pid, b"holdfast.load")
        os.kill(child, signal.SIGTERM)
        out, err = run.communicate(timeout=60)
    finally:
        if run.poll() is None:
            run.kill()
    found = invalid(workspace, run.returncode, out, err)
    assert found["children"]["reason"].startswith("load ended before its time")
    assert "load ended before its time: interrupted; see logs/load.log" in err
    assert found["reconciled"]["verdict"] == "valid"


def test_a_worker_that_cannot_begin_is_told_with_its_last_words_and_a_log_that_is_kept(workspace, stub):
    set_up(workspace, stub, rate=5, scenario="sign_in_password", seconds=2, accounts=20)
    scenario = workspace / "scenarios" / "sign_in_password.py"
    dying = (
        'import os, sys\nif "holdfast.load.worker" in sys.orig_argv:\n'
        '    print("no memory for this worker", file=sys.stderr)\n    os._exit(9)\n'
    )
    scenario.write_text(scenario.read_text().replace("from locust", f"{dying}from locust", 1))
    with _holdfast(workspace, "load", "tried", "--json", "--workers", "2") as run:
        _, err = run.communicate(timeout=90)
    assert run.returncode == 3
    assert "a worker of this machine ended before it began, with exit code 9" in err
    assert "no memory for this worker" in err
    (log,) = re.findall(r"see (\S+load\.log)", err)
    assert "no memory for this worker" in (workspace / log).read_text()


def test_a_worker_that_is_told_to_end_before_it_joined_goes_at_once(workspace, unused_tcp_port):
    worker = _holdfast(workspace, "worker", "--join", f"127.0.0.1:{unused_tcp_port}", "--patience", "60s")
    _first(lambda: list(_workers_of(worker.pid)))
    time.sleep(1.5)
    worker.terminate()
    _, told = worker.communicate(timeout=20)
    assert worker.returncode == 130
    assert f"interrupted, before it had joined 127.0.0.1:{unused_tcp_port}" in told
    assert "Traceback" not in told


def _holdfast(workspace, *arguments):
    return subprocess.Popen(
        [sys.executable, "-m", "holdfast", *arguments],
        cwd=workspace,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "HOLDFAST_WORKER_KEY": "k" * 32},
    )


def _first(look):
    """What it says as soon as that is something; fails after half a minute."""
    deadline = time.monotonic() + 30
    while not (found := look()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return found


def _visits(database):
    try:
        with RunStore.open(database) as store:
            return sum(i.count for i in store.intervals("load") if "/" not in i.name)
    except RunFolderError:  # its file is there, and it is being made
        return 0


def _workers_of(pid):
    return _descendants(pid, b"holdfast.load.worker")


def _descendants(pid, module):
    """Those that run a module, among all that descend from a process."""
    children = [int(p) for p in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    for child in children:
        if module in Path(f"/proc/{child}/cmdline").read_bytes().split(b"\0"):
            yield child
        yield from _descendants(child, module)
