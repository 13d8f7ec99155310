"""Journeys that have fewer accounts than they would need: what was not walked is nobody's failure, and told as ours."""

import http.server
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from holdfast.kit.accounts import generated_accounts
from holdfast.workspace.starter import copy_starter

pytestmark = pytest.mark.integration

JOURNEY = '''"""Somebody with a second factor looks at the page."""

from holdfast.synthetics import journey


@journey(every="1m", budget="{budget}", owner="members", runbook="docs/runbooks/sign-in.md")
async def page(visit):
    async with visit.step("enter code"):
        await visit.code()
        await visit.page.goto("/")
'''
PLAN = """kind: Plan
description: The page, every two seconds.
phases: [{name: watch, for: 12s}]
journeys: [{name: page, every: 2s}]
objectives: [{file: slo/page.yaml}]
"""
OBJECTIVE = """apiVersion: openslo/v1
kind: SLO
metadata: {name: page-works, displayName: The page works}
spec:
  service: members
  indicator:
    metadata: {name: journey-ok}
    spec:
      ratioMetric:
        counter: true
        good: {metricSource: {type: holdfast, spec: {name: page, source: synthetics}}}
        total: {metricSource: {type: holdfast, spec: {name: page, source: synthetics}}}
  timeWindow: [{duration: 28d, isRolling: true}]
  budgetingMethod: Occurrences
  objectives: [{target: 0.6}]
"""


class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<title>Hello</title>")

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Path]:
    copy_starter(tmp_path)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        (tmp_path / "holdfast.yaml").write_text(
            f"targets:\n  mine:\n    url: http://127.0.0.1:{server.server_address[1]}\n"
            "    accounts: {file: accounts.csv}\ndefault_target: mine\n",
            encoding="utf-8",
        )
        (tmp_path / "plans/watch.yaml").write_text(PLAN, encoding="utf-8")
        (tmp_path / "slo/page.yaml").write_text(OBJECTIVE, encoding="utf-8")
        (tmp_path / "synthetics/page.py").write_text(JOURNEY.format(budget="8s"), encoding="utf-8")
        yield tmp_path
        server.shutdown()


def with_accounts(root: Path, coded: int, plain: int) -> None:
    rows = [f"{a.email},{a.password},{a.totp_secret}" for a in generated_accounts(0, 2 * coded) if a.has_mfa]
    rows += [f"plain-{number}@accounts.invalid,secret," for number in range(plain)]
    path = root / "accounts.csv"
    path.write_text("\n".join(["email,password,totp_secret", *rows]), encoding="utf-8")
    path.chmod(0o600)


def run(root: Path, *command: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "COLUMNS": "200"}
    return subprocess.run(
        [sys.executable, "-m", "holdfast", *command],
        cwd=root,
        env=environment,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


def test_walks_without_an_account_miss_no_objective_and_every_report_says_why(workspace: Path) -> None:
    with_accounts(workspace, coded=1, plain=11)
    ran = run(workspace, "run", "plans/watch.yaml")
    assert ran.returncode == 3, ran.stdout + ran.stderr
    (folder,) = (workspace / "runs").iterdir()
    summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    assert summary["verdict"] == "inconclusive"
    (journey,) = summary["journeys"]
    assert set(journey["outcomes"]) == {"ok"}
    whole = next(o for o in summary["objectives"] if o["phase"] == "run")
    assert whole["good"] == whole["total"] == journey["runs"] > 0, "what was not walked is in no total"
    assert any("page: the target has 1 account with a second factor" in notice for notice in summary["notices"])
    for text in (ran.stdout, (folder / "report.md").read_text(encoding="utf-8")):
        assert "no test account was free for page" in " ".join(text.split())


def test_a_journey_that_needs_a_second_factor_is_refused_where_no_account_has_one(workspace: Path) -> None:
    with_accounts(workspace, coded=0, plain=3)
    ran = run(workspace, "check", "page")
    assert ran.returncode == 2
    assert "holdfast.yaml:4  targets.mine.accounts.file: page: asks for one-time codes, and no account" in ran.stderr
    assert not (workspace / "runs").exists()
