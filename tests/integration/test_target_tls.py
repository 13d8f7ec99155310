"""A target with a certificate that the system does not trust: its authority named, or nobody verified and that said."""

import importlib.util
import itertools
import json
import os
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.certificates import Authority

from holdfast.kit.accounts import generated_accounts
from holdfast.workspace.starter import copy_starter
from holdfast.workspace.tls import UNVERIFIED

pytestmark = pytest.mark.integration

API = Path(__file__).resolve().parents[1] / "data/foreign/account_api.py"
FIRST = itertools.count(2_000, 100)  # no two tests share accounts: a one-time code is accepted once
PROFILE = """kind: LoadProfile
description: Signing in, and bills.
arrivals: uniform
stages: [{hold: 6/s, for: 2s}]
visitors: {at_most: 30}
mix: {sign_in: 1, billing_inquiry: 1}
"""
JOURNEY = '''"""Somebody looks whether anybody is there."""

from holdfast.synthetics import journey


@journey(every="10s", budget="8s", owner="identity", runbook="docs/runbooks/sign-in.md")
async def look(visit):
    async with visit.step("look"):
        await visit.page.goto("/")
'''


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def api(authority: Authority) -> Iterator[str]:
    """The foreign stack's API, behind TLS; handshakes in the threads of their connections."""
    spec = importlib.util.spec_from_file_location("foreign_account_api", API)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*authority.signed())
    with module.Server(("127.0.0.1", 0), module.Handler) as server:
        server.handle_error = lambda *_: None  # who does not trust us hangs up
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"https://localhost:{server.server_address[1]}"
        server.shutdown()


class Workspace:
    def __init__(self, root: Path, api: str, authority: Authority) -> None:
        self.root = root
        self._api = api
        copy_starter(root)
        (root / "certificates").mkdir()
        (root / "certificates/ca.pem").write_bytes(authority.ca_file.read_bytes())
        (root / "scenarios/profiles/some.yaml").write_text(PROFILE, encoding="utf-8")
        (root / "synthetics/look.py").write_text(JOURNEY, encoding="utf-8")
        rows = [f"{a.email},{a.password},{a.totp_secret or ''}" for a in generated_accounts(next(FIRST), 90)]
        accounts = root / "accounts.csv"
        accounts.write_text("\n".join(["email,password,totp_secret", *rows]), encoding="utf-8")
        accounts.chmod(0o600)

    def run(self, tls: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """`tls`: as it is written beside the url, or nothing."""
        lines = [
            "targets:", "  inside:", f"    url: {self._api}", "    adapter: adapters/acme.py",
            f"    outbox_url: {self._api}", "    accounts: {file: accounts.csv}", *([f"    tls: {tls}"] if tls else []),
            "default_target: inside", "",
        ]  # fmt: skip
        (self.root / "holdfast.yaml").write_text("\n".join(lines), encoding="utf-8")
        return subprocess.run(
            [sys.executable, "-m", "holdfast", *arguments],
            cwd=self.root,
            capture_output=True,
            text=True,
            timeout=120,
            env={**os.environ, "NO_COLOR": "1"},
        )


@pytest.fixture
def workspace(tmp_path: Path, api: str, authority: Authority) -> Workspace:
    return Workspace(tmp_path / "w", api, authority)


@pytest.mark.parametrize("workers", [(), ("--workers", "2")], ids=["alone", "two workers"])
def test_a_target_with_an_authority_of_its_own_is_load_tested(workspace: Workspace, workers: tuple[str, ...]) -> None:
    ran = workspace.run("{ca_file: certificates/ca.pem}", "load", "some", "--json", *workers)
    assert ran.stdout, ran.stderr
    summary = json.loads(ran.stdout)
    assert "load" in summary, ran.stdout
    visits = [s for s in summary["load"]["series"] if s["phase"] == "run" and s["depth"] == 1]
    assert sum(s["outcomes"].get("ok", 0) for s in visits) == 12, visits
    assert UNVERIFIED not in summary["notices"]
    assert "not verified" not in summary["run"]["target"]


def test_an_adapter_is_tried_with_the_same_trust(workspace: Workspace) -> None:
    found = workspace.run("{ca_file: certificates/ca.pem}", "validate", "--target")
    assert found.returncode == 0, found.stdout + found.stderr
    assert UNVERIFIED not in found.stdout
    careless = workspace.run("{verify: false}", "validate", "--target")
    assert careless.returncode == 0, careless.stdout + careless.stderr
    assert UNVERIFIED in careless.stdout


def test_who_is_not_verified_is_said_in_every_report(workspace: Workspace) -> None:
    ran = workspace.run("{verify: false}", "load", "some")
    assert UNVERIFIED in ran.stderr + ran.stdout
    (folder,) = (workspace.root / "runs").iterdir()
    summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    assert summary["load"]["finished"] == 12
    assert UNVERIFIED in summary["notices"]
    for report in ("report.html", "report.md", "junit.xml", "summary.json"):
        assert "TLS certificates not verified" in (folder / report).read_text(encoding="utf-8"), report
    again = workspace.run("{verify: false}", "report", folder.name)
    assert UNVERIFIED in again.stdout


@pytest.mark.parametrize(
    ("tls", "told"),
    [
        ("", "holdfast.yaml:3  targets.inside.url: target inside: the certificate of "),
        ("{ca_file: none.pem}", "holdfast.yaml:7  targets.inside.tls.ca_file: there is no file none.pem"),
        ("{ca_file: accounts.csv}", "holdfast.yaml:7  targets.inside.tls.ca_file: accounts.csv holds no certificate"),
        ("{ca_file: 7}", "holdfast.yaml:7  targets.inside.tls.ca_file: "),
    ],
)
@pytest.mark.parametrize("command", [("load", "some"), ("validate", "--target")], ids=["load", "validate"])
def test_who_cannot_be_trusted_is_one_message(
    workspace: Workspace, command: tuple[str, ...], tls: str, told: str
) -> None:
    ran = workspace.run(tls, *command)
    assert ran.returncode == 2
    assert told in ran.stderr
    assert ran.stderr.count("error ") == 1, ran.stderr
    assert not (workspace.root / "runs").exists()


def test_another_authority_vouches_for_nobody(workspace: Workspace, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    ran = workspace.run(f"{{ca_file: {Authority(tmp_path / 'other').ca_file}}}", "load", "some")
    assert ran.returncode == 2
    assert "is not trusted" in ran.stderr


def test_a_browser_takes_no_authority_from_a_file_and_can_be_told_to_take_anybody(workspace: Workspace) -> None:
    refused = workspace.run("{ca_file: certificates/ca.pem}", "check", "look")
    assert refused.returncode == 2
    assert "Chromium takes no authority from a file" in refused.stderr
    walked = workspace.run("{verify: false}", "check", "look", "--json")
    assert walked.stdout, walked.stderr
    summary = json.loads(walked.stdout)
    assert summary["journeys"][0]["outcomes"].get("ok", 0) >= 1, summary["journeys"]
    assert UNVERIFIED in summary["notices"]
