"""Whole runs by the command line, on the real stack: sealed, interrupted, killed, recovered."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import jsonschema
import pytest

from holdfast.kit.accounts import GENERATED_PASSWORD, generated_account
from holdfast.proxy.client import ProxyClient
from holdfast.run.summary import summary_schema
from holdfast.workspace.starter import copy_starter

pytestmark = pytest.mark.integration

HOLDFAST = [sys.executable, "-m", "holdfast"]
WHOLE = """kind: Plan
description: A little of everything, for seconds.
phases:
  - {name: baseline, for: 6s}
  - {name: fault, for: 6s, judged: false}
  - {name: recovery, for: 5s}
load: [{profile: smoke, scale: 2}]
journeys: [{name: sign_in_and_read_invoice, every: 6s}]
chaos: [{experiment: EXPERIMENT, during: fault}]
objectives:
  - file: slo/self_service.yaml
    gates: {sign-in-availability: 0.5, sign-in-latency: 0.1, billing-availability: 0.1, journey-success: 0.01}
"""


def _holdfast(workspace: Path, *arguments: str, timeout: float = 120) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*HOLDFAST, *arguments], cwd=workspace, capture_output=True, text=True, timeout=timeout, check=False
    )


def _until(holds: Callable[[], bool], seconds: float, what: str) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, what
        time.sleep(0.1)


def _processes_naming(text: str) -> list[int]:
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if text in (folder / "cmdline").read_text(errors="replace"):
                found.append(int(folder.name))
        except OSError:
            continue
    return found


def _newest_run(workspace: Path) -> Path:
    return max((workspace / "runs").iterdir())


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A workspace whose stack stands: runs use it as it is."""
    workspace = tmp_path_factory.mktemp("standing") / "workspace"
    copy_starter(workspace)
    # The fault must come whatever the machine is busy with: this is about taking it out again.
    experiment = workspace / "chaos/database_latency.yaml"
    experiment.write_text(experiment.read_text(encoding="utf-8").replace("burn_below: 6", "burn_below: 1000"))
    (workspace / "plans/latency.yaml").write_text(
        WHOLE.replace("EXPERIMENT", "database_latency")
        .replace("journeys: [{name: sign_in_and_read_invoice, every: 6s}]\n", "")
        .replace("{name: fault, for: 6s", "{name: fault, for: 30s"),
        encoding="utf-8",
    )
    up = _holdfast(workspace, "stack", "up", "--json")
    assert up.returncode == 0, up.stderr
    yield workspace
    assert _holdfast(workspace, "stack", "down").returncode == 0


def _stack(workspace: Path) -> dict[str, object]:
    found: dict[str, object] = json.loads((workspace / ".holdfast/stack/stack.json").read_text(encoding="utf-8"))
    return found


def _toxics(workspace: Path) -> list[str]:
    with urllib.request.urlopen(f"{_stack(workspace)['proxy_url']}/proxies", timeout=5) as answer:
        proxies = json.load(answer)
    return [f"{name}/{toxic['name']}" for name, proxy in proxies.items() for toxic in proxy["toxics"]]


def _start(workspace: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*HOLDFAST, *arguments],
        cwd=workspace,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def test_a_whole_run_is_recorded_judged_reported_and_leaves_nothing(tmp_path: Path) -> None:
    workspace = tmp_path / "workspace"
    copy_starter(workspace)
    (workspace / "plans/whole.yaml").write_text(WHOLE.replace("EXPERIMENT", "replica_kill"), encoding="utf-8")
    ran = _holdfast(workspace, "run", "whole", "--json")
    summary = json.loads(ran.stdout)
    assert ran.returncode == summary["exit_code"], ran.stderr
    jsonschema.validate(summary, summary_schema())
    run = _newest_run(workspace)
    assert {"run.json", "run.db", "summary.json", "report.html", "junit.xml", "report.md"} <= {
        path.name for path in run.iterdir()
    }
    load = summary["load"]
    assert load["planned"] == load["started"] + load["dropped"] > 20
    assert load["started"] == load["finished"] + load["unfinished"]
    visits = [s for s in load["series"] if s["phase"] == "run" and s["depth"] == 1]
    assert sum(s["count"] for s in visits) == load["planned"]
    (fault,) = summary["faults"]
    assert fault["injected_at"] is not None
    assert fault["clean_up"] == "done"
    (journey,) = summary["journeys"]
    assert journey["runs"] >= 2
    assert journey["funnel"]["steps"][0]["reached"] == journey["runs"]
    assert {o["phase"] for o in summary["objectives"]} == {"baseline", "fault", "recovery", "run"}
    # Nothing of the run's own stack stays, and no secret lies in the folder.
    assert not list((workspace / ".holdfast").glob("stack-*"))
    assert not _processes_naming(str(workspace))
    secrets = [GENERATED_PASSWORD, *(generated_account(i).totp_secret or "" for i in (0, 1900, 1990))]
    for path in (p for p in run.rglob("*") if p.is_file()):
        content = path.read_bytes()
        assert not [secret for secret in secrets if secret and secret.encode() in content], path
    assert {path.stat().st_mode & 0o077 for path in (run, *run.rglob("*"))} == {0}


def test_a_run_without_evidence_is_inconclusive_never_green(standing: Path) -> None:
    (standing / "plans/blind.yaml").write_text(
        "kind: Plan\ndescription: Load that the objective never sees.\nphases: [{name: only, for: 3s}]\n"
        "load: [{profile: smoke}]\nobjectives: [{file: slo/self_service.yaml, only: [journey-success]}]\n",
        encoding="utf-8",
    )
    ran = _holdfast(standing, "run", "blind", "--json")
    assert ran.returncode == 3, ran.stderr
    assert json.loads(ran.stdout)["verdict"] in {"inconclusive", "invalid"}
    assert "it can only end inconclusive" in ran.stderr.replace("\n", " ")


def test_a_run_ends_early_when_a_miss_is_certain_and_is_missed(standing: Path) -> None:
    strict = (standing / "slo/self_service.yaml").read_text(encoding="utf-8").replace("under: 400ms", "under: 1ms")
    (standing / "slo/strict.yaml").write_text(strict, encoding="utf-8")
    (standing / "plans/certain.yaml").write_text(
        "kind: Plan\ndescription: What cannot be held is known soon.\nphases: [{name: only, for: 60s}]\n"
        "load: [{profile: smoke, scale: 2}]\nobjectives: [{file: slo/strict.yaml, only: [sign-in-latency]}]\n"
        "verdict: {stop_when_certain: true}\n",
        encoding="utf-8",
    )
    ran = _holdfast(standing, "run", "certain", "--json")
    assert ran.returncode == 1, ran.stderr
    summary = json.loads(ran.stdout)
    assert summary["verdict"] == "missed"
    assert any(notice.startswith("The run ended early, its answer being certain") for notice in summary["notices"])
    assert summary["run"]["ended"] - summary["run"]["time_zero"] < 50


def test_ctrl_c_in_mid_fault_drains_undoes_and_seals(standing: Path) -> None:
    runner = _start(standing, "run", "latency", "--json")
    try:
        _until(lambda: bool(_toxics(standing)), 60, "the fault was never put in")
        runner.send_signal(signal.SIGINT)
        out, err = runner.communicate(timeout=60)
    finally:
        runner.kill()
    assert runner.returncode == 130, err
    assert _toxics(standing) == []
    summary = json.loads(out)
    assert summary["verdict"] == "interrupted"
    assert summary["faults"][0]["clean_up"] == "done"
    assert (_newest_run(standing) / "report.html").is_file()


def test_a_runner_killed_in_mid_fault_leaves_nothing_after_recover(standing: Path) -> None:
    runner = _start(standing, "run", "latency")
    try:
        _until(lambda: bool(_toxics(standing)), 60, "the fault was never put in")
        run = _newest_run(standing)
        children = _children_of(runner.pid)
        # The children too, and none may undo it in our stead: all are stopped before the first is gone.
        for halt in (signal.SIGSTOP, signal.SIGKILL):
            for pid in (runner.pid, *children):
                os.kill(pid, halt)
        runner.communicate(timeout=30)
    finally:
        runner.kill()
    assert _toxics(standing)
    doctor = _holdfast(standing, "doctor")
    assert "may still be in a target" in " ".join(doctor.stdout.split())
    recovered = _holdfast(standing, "recover")
    assert recovered.returncode == 0, recovered.stdout + recovered.stderr
    assert "taken out" in recovered.stdout
    assert _toxics(standing) == []
    assert _holdfast(standing, "recover").stdout == "nothing was left in\n"
    report = _holdfast(standing, "report", run.name, "--json")
    assert report.returncode == 0, report.stderr
    summary = json.loads(report.stdout)
    assert summary["verdict"] in {"invalid", "clean_up_failed"}
    assert summary["load"]["series"]


def test_a_journey_that_works_is_0_and_one_that_fails_is_1_with_its_step(standing: Path) -> None:
    ran = _holdfast(standing, "check", "sign_in_and_read_invoice", "--json")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    (standing / "synthetics/lost.py").write_text(
        '"""A customer who looks for what is not there."""\n'
        "from holdfast.synthetics import journey\n\n\n"
        '@journey(every="1m", budget="4s", owner="nobody", runbook="docs/runbooks/journeys.md")\n'
        "async def lost(visit):\n"
        '    async with visit.step("open"):\n'
        '        await visit.page.goto("/sign-in")\n'
        '    async with visit.step("find nothing"):\n'
        '        await visit.page.get_by_label("No such label").fill("x", timeout=500)\n'
        '    async with visit.step("never reached"):\n'
        '        await visit.page.goto("/account")\n',
        encoding="utf-8",
    )
    try:
        failed = _holdfast(standing, "check", "lost", "--json")
    finally:
        (standing / "synthetics/lost.py").unlink()
    assert failed.returncode == 1, failed.stdout + failed.stderr
    (journey,) = json.loads(failed.stdout)["journeys"]
    assert [(s["name"], s["reached"], s["completed"]) for s in journey["funnel"]["steps"]] == [
        ("open", 1, 1),
        ("find nothing", 1, 0),
        ("never reached", 0, 0),
    ]
    assert journey["evidence"]


def test_a_check_says_why_it_fails_since_when_and_what_is_wrong_with_the_target(standing: Path) -> None:
    stack = _stack(standing)
    proxy = ProxyClient(str(stack["proxy_url"]), str(stack["proxy_token"]))
    passed = _holdfast(standing, "check", "sign_in_and_read_invoice")
    assert passed.returncode == 0, passed.stdout + passed.stderr
    assert "PASSED" in passed.stdout
    assert "MET" not in passed.stdout
    good = _newest_run(standing).name
    proxy.set_enabled("postgres", False)
    proxy.add_toxic("billing", "held-back", "latency", attributes={"latency": 300})
    try:
        status = _holdfast(standing, "stack", "status")
        told = json.loads(_holdfast(standing, "stack", "status", "--json").stdout)
        failed = _holdfast(standing, "check", "sign_in_and_read_invoice")
    finally:
        proxy.reset()
    assert status.returncode == 0
    assert "link postgres is cut: it refuses connections" in status.stdout
    assert {"place": "link billing", "what": "has latency (latency 300 ms) in it, downstream"} in told["faults"]

    assert failed.returncode == 1, failed.stdout + failed.stderr
    assert "FAILED" in failed.stdout
    assert "MISSED" not in failed.stdout
    run = _newest_run(standing)
    summary = json.loads((run / "summary.json").read_text(encoding="utf-8"))
    jsonschema.validate(summary, summary_schema())
    (journey,) = summary["journeys"]
    (failure,) = journey["failures"]
    assert (failure["outcome"], failure["status"], failure["error_code"]) == ("failed", 503, "database_unavailable")
    assert failure["line"].startswith("sign_in_and_read_invoice.py:")
    assert all((run / name).is_file() for name in failure["evidence"])
    assert journey["last_passed_run"] == good
    assert journey["last_passed"] < journey["failing_since"] <= failure["last_at"]
    assert {fault["place"] for fault in summary["standing_faults"]} >= {"link postgres", "link billing"}
    for text in (failed.stdout, *((run / name).read_text(encoding="utf-8") for name in ("junit.xml", "report.html"))):
        flat = " ".join(text.split())
        assert "503 database_unavailable" in flat
        assert f"in {good}" in flat
        assert "docs/runbooks/" in flat
        assert "link postgres is cut" in flat


def test_a_second_stack_in_one_workspace_is_not_started(standing: Path) -> None:
    again = _holdfast(standing, "stack", "up")
    assert again.returncode == 0
    assert "it stands already" in again.stderr
    assert _holdfast(standing, "stack", "status").returncode == 0


def test_the_starter_experiments_pass_chaos_toolkit_itself(standing: Path) -> None:
    chaos = Path(sys.executable).with_name("chaos")
    for name in ("replica_kill", "database_latency"):
        ran = subprocess.run(
            [chaos, "validate", f"chaos/{name}.yaml"],
            cwd=standing,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert ran.returncode == 0, ran.stdout + ran.stderr


def _children_of(pid: int) -> list[int]:
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        direct = [int(child) for child in task.read_text().split()]
        found += direct + [deeper for child in direct for deeper in _children_of(child)]
    return found
