"""Every scenario of the starter workspace, by the command line, on the real stack; and on one that is down."""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from holdfast.workspace.starter import copy_starter

pytestmark = pytest.mark.integration

HARMLESS = (
    "sign_in",
    "sign_in_mfa",
    "sign_in_password",
    "session_refresh",
    "billing_inquiry",
    "plan_change",
    "password_reset",
    "profile_update",
    "consent_change",
    "account_erasure",
    "legacy_v1",
    "anonymous_visitor",
    "support_deflection",
    "impatient_sign_in",
)
PROFILE = """kind: LoadProfile
description: For a test.
arrivals: uniform
stages:
  - {{hold: {rate}/s, for: 6s}}
mix: {mix}
visitors: {{at_most: 200}}
"""


def _holdfast(workspace: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "holdfast", *arguments]
    return subprocess.run(command, cwd=workspace, capture_output=True, text=True, timeout=120, check=False)


def _load(workspace: Path, mix: dict[str, int], rate: float, *more: str) -> dict:
    profile = PROFILE.format(rate=rate, mix=json.dumps(mix).replace('"', ""))
    (workspace / "scenarios/profiles/test.yaml").write_text(profile, encoding="utf-8")
    ran = _holdfast(workspace, "load", "test", "--for", "6s", "--json", *more)
    assert ran.stdout, ran.stderr
    return json.loads(ran.stdout)["load"]


def _outcomes(load: dict, name: str) -> dict[str, int]:
    return next((s["outcomes"] for s in load["series"] if s["phase"] == "run" and s["name"] == name), {})


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    workspace = tmp_path_factory.mktemp("scenarios") / "workspace"
    copy_starter(workspace)
    settings = workspace / "holdfast.yaml"
    settings.write_text(
        settings.read_text(encoding="utf-8").replace("service_time: 60ms", "service_time: 1ms"), encoding="utf-8"
    )
    up = _holdfast(workspace, "stack", "up", "--json")
    assert up.returncode == 0, up.stderr
    yield workspace
    assert _holdfast(workspace, "stack", "down").returncode == 0


def test_every_harmless_scenario_comes_through_on_the_reference_stack(standing: Path) -> None:
    load = _load(standing, dict.fromkeys(HARMLESS, 1), 10)
    funnels = {funnel["name"]: funnel for funnel in load["funnels"]}
    assert funnels.keys() == set(HARMLESS)
    for name, funnel in funnels.items():
        assert funnel["outcomes"] == {"ok": funnel["started"]}, (name, funnel)
        assert funnel["interval"][0] < funnel["ratio"] == funnel["interval"][1] == 1.0
        # nobody had to try again; every other step was reached by all
        steps = [step for step in funnel["steps"] if step["name"] != "retry_sign_in"]
        assert all(step["completed"] >= funnel["started"] > 0 for step in steps)
    assert funnels["session_refresh"]["steps"][1]["reached"] == 3 * funnels["session_refresh"]["started"]
    assert _outcomes(load, "account_erasure/stay_erased/POST session") == {
        "rejected": funnels["account_erasure"]["started"]
    }


def test_attacks_meet_the_limit_and_customers_are_served_meanwhile(standing: Path) -> None:
    load = _load(standing, {"sign_in": 3, "credential_stuffing": 1, "account_enumeration": 2}, 12)
    funnels = {funnel["name"]: funnel for funnel in load["funnels"]}
    for name in ("sign_in", "credential_stuffing", "account_enumeration"):
        assert set(funnels[name]["outcomes"]) == {"ok"}, funnels[name]
    visits = funnels["credential_stuffing"]["started"]
    guesses = _outcomes(load, "credential_stuffing/guess_until_limited/POST guess")
    assert guesses == {"ok": 10 * visits, "rate_limited": visits}
    assert _outcomes(load, "credential_stuffing/limit_holds/POST guess") == {"rate_limited": visits}
    assert _outcomes(load, "credential_stuffing/guess_once/POST guess") == {"ok": visits}
    likenesses = {one["known"]: one for one in load["likenesses"]}
    assert likenesses.keys() == {"sign_in_known", "reset_known"}
    for one in likenesses.values():
        assert one["known_count"] == one["unknown_count"] > 10
        assert one["known_response"]["p50"] > 0


class _Down(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.send_response(503)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_POST = do_GET  # noqa: N815  the name is the library's

    def log_message(self, *_: object) -> None:
        pass


def test_on_a_stack_that_is_down_the_impatient_try_thrice_and_the_others_call_support(tmp_path: Path) -> None:
    workspace = tmp_path / "workspace"
    copy_starter(workspace)
    accounts = workspace / "accounts.csv"
    accounts.touch(mode=0o600)
    lines = [f"v{number}@accounts.invalid,Some-Password-1" for number in range(100)]
    accounts.write_text("\n".join(["email,password", *lines]) + "\n", encoding="utf-8")
    with ThreadingHTTPServer(("127.0.0.1", 0), _Down) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        target = f"{{url: http://127.0.0.1:{server.server_port}, accounts: {{file: accounts.csv}}}}"
        (workspace / "holdfast.yaml").write_text(f"targets: {{down: {target}}}\ndefault_target: down\n")
        load = _load(workspace, {"impatient_sign_in": 1, "support_deflection": 1}, 5)
        server.shutdown()
        thread.join(5)
    funnels = {funnel["name"]: funnel for funnel in load["funnels"]}
    for funnel in funnels.values():
        assert funnel["outcomes"] == {"abandoned": funnel["started"]}
        assert (funnel["abandoned"], funnel["completed"], funnel["abandonment"]) == (funnel["started"], 0, 1.0)
        assert funnel["interval"][0] == 0.0 < funnel["interval"][1] < 1.0
    first, again = funnels["impatient_sign_in"]["steps"]
    assert again["reached"] == 2 * first["reached"]
    assert again["share"] is None
    assert funnels["support_deflection"]["steps"][0]["outcomes"] == {"failed": funnels["support_deflection"]["started"]}
    assert funnels["support_deflection"]["steps"][1]["reached"] == 0


def test_an_attack_does_nothing_under_plain_locust(tmp_path: Path) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Down) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        attack = Path(__file__).parents[2] / "scenarios/credential_stuffing.py"
        command = [
            sys.executable,
            "-m",
            "locust",
            "-f",
            str(attack),
            "--host",
            f"http://127.0.0.1:{server.server_port}",
        ]
        ended = subprocess.run(
            [*command, "--headless", "-u", "2", "-r", "2", "-t", "3s", "--json"],
            cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        server.shutdown()
        thread.join(5)
    assert json.loads(ended.stdout) == [], ended.stderr
    assert "is an attack" in ended.stderr
