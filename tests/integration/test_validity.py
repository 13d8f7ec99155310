"""A generator that cannot be trusted is told, by the real command and the real engine, and ends with exit code 3."""

import json
import subprocess
import sys
from html import unescape
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from holdfast.workspace.starter import copy_starter

pytestmark = pytest.mark.integration

STUB = Path(__file__).resolve().parents[1] / "data" / "load" / "account_stub.py"
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


def load(workspace, url, *, rate, scenario, seconds, accounts):
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
    ran = subprocess.run(
        [sys.executable, "-m", "holdfast", "load", "tried", "--json"],
        cwd=workspace,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ran.returncode == 3, ran.stdout + ran.stderr
    summary = json.loads(ran.stdout)
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


def test_a_run_without_data_is_invalid_and_exits_3(workspace, stub):
    found = load(workspace, stub, rate=0.01, scenario="sign_in", seconds=2, accounts=400)
    assert found["samples"]["verdict"] == "invalid"
    assert "no data" in found["samples"]["reason"]
