"""No process that we start sees a secret that is none of its business: read where others would read it, in /proc."""

import asyncio
import os
import time
from collections.abc import Callable
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

import psutil
import pytest

from holdfast.reference import StackSettings, stack_status, start_stack, stop_stack
from holdfast.run.calibrating import _running_stub
from holdfast.run.importing import import_problems
from holdfast.run.promtool import held_by_promtool
from holdfast.slo.rule_files import RuleFile
from holdfast.synthetics.browser import SharedBrowser

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="there is no /proc to look into"),
]

# Not imported here, as it patches the process that imports it.
without_locust = pytest.mark.skipif(find_spec("locust") is None, reason="Locust is not installed")
CANARY = "canary-5f0c"
# What a look at a process raises that has ended since it was listed: a browser starts many short ones.
ENDED_MEANWHILE = (psutil.NoSuchProcess, FileNotFoundError, ProcessLookupError)
NAMES = ("PROM_TOKEN", "HOLDFAST_WORKER_KEY", "HOLDFAST_PROMETHEUS_TOKEN", "AWS_SECRET_ACCESS_KEY", "PGOPTIONS")


@pytest.fixture(autouse=True)
def secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES:
        monkeypatch.setenv(name, CANARY)


def environment_of(process: psutil.Process) -> str:
    return Path(f"/proc/{process.pid}/environ").read_bytes().decode("utf-8", "replace")


def all_below(*pids: int) -> dict[str, str]:
    """The environments of these processes and all below them, by pid and name."""
    environments = {}
    for pid in pids:
        with suppress(*ENDED_MEANWHILE):
            process = psutil.Process(pid)
            for one in (process, *process.children(recursive=True)):
                with suppress(*ENDED_MEANWHILE):
                    environments[f"{one.pid} {one.name()}"] = environment_of(one)
    return environments


def that_know(environments: dict[str, str]) -> list[str]:
    return [who for who, text in environments.items() if CANARY in text]


def test_no_process_of_the_stack_knows_a_secret_of_ours(tmp_path: Path) -> None:
    state = start_stack(StackSettings(replicas=1, accounts=200), tmp_path / "state", owner_pipe=True)
    try:
        environments = all_below(state.pid)
        pids = [process.pid for process in stack_status(state).processes]
        cleartext = " ".join(str(Path(f"/proc/{pid}/cmdline").read_bytes()) for pid in (state.pid, *pids))
    finally:
        stop_stack(state)

    assert {str(pid) for pid in pids} <= {who.split()[0] for who in environments}
    assert len(environments) > len(pids)  # PostgreSQL's own children
    assert that_know(environments) == []
    assert [who for who, text in environments.items() if state.control_token in text] == []
    assert len([who for who, text in environments.items() if state.proxy_token in text]) == 1  # the proxy itself
    assert state.proxy_token not in cleartext


def test_neither_the_browser_nor_its_driver_knows_a_secret_of_ours(chromium: Path) -> None:
    pytest.importorskip("playwright")

    async def launched() -> dict[str, str]:
        browser = SharedBrowser(chromium, "http://127.0.0.1:1")
        before = {child.pid for child in psutil.Process().children(recursive=True)}
        await browser.launch()
        try:
            new = [child.pid for child in psutil.Process().children(recursive=True) if child.pid not in before]
            return all_below(*new)
        finally:
            await browser.close()

    environments = asyncio.run(launched())
    assert any("node" in who for who in environments)
    assert any("chrom" in who or "headless" in who for who in environments)
    assert that_know(environments) == []


@without_locust
def test_a_scenario_reads_its_own_secret_and_not_the_token_of_a_metrics_source(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACME_API_KEY", "mine")
    (tmp_path / "slo").mkdir()
    (tmp_path / "slo" / "source.yaml").write_text(
        "apiVersion: openslo/v1\nkind: DataSource\nmetadata: {name: production}\n"
        "spec: {type: Prometheus, connectionDetails: {url: 'https://prometheus.example', tokenEnv: PROM_TOKEN}}\n"
    )
    scenario = tmp_path / "looks.py"
    scenario.write_text(
        "import json, os, pathlib\nfrom locust import task\nfrom holdfast.load import Visitor\n"
        f"pathlib.Path({str(tmp_path / 'seen')!r}).write_text(' '.join(os.environ))\n"
        "class Looks(Visitor):\n    @task\n    def look(self):\n        with self.step('look'):\n            pass\n"
    )

    assert import_problems({"load": {"looks": str(scenario)}}, tmp_path) == ()

    seen = set((tmp_path / "seen").read_text().split())
    assert "ACME_API_KEY" in seen
    assert seen & set(NAMES) == {"AWS_SECRET_ACCESS_KEY", "PGOPTIONS"}  # the author's own, as far as anybody knows


@without_locust
def test_the_stub_of_a_calibration_knows_no_secret() -> None:
    with _running_stub() as stub:
        port = int(stub.url.rpartition(":")[2])
        pid = _eventually(lambda: _listening_on(port))
        assert that_know(all_below(pid)) == []


def test_promtool_knows_no_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tool = tmp_path / "promtool"
    tool.write_text(f"#!/bin/sh\nenv > {tmp_path}/seen\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")

    assert held_by_promtool([RuleFile("rules.yaml", "groups: []\n")]).state == "passed"

    assert CANARY not in (tmp_path / "seen").read_text()


def _listening_on(port: int) -> int | None:
    for child in psutil.Process().children(recursive=True):
        try:
            if any(one.laddr.port == port for one in child.net_connections() if one.status == psutil.CONN_LISTEN):
                return child.pid
        except psutil.Error:
            continue
    return None


def _eventually(find: Callable[[], int | None]) -> int:
    deadline = time.monotonic() + 10
    while (found := find()) is None:
        assert time.monotonic() < deadline, "not within the deadline"
        time.sleep(0.05)
    return found
