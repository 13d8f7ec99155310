"""An API of another shape: the example adapter and the guide's own against a real server, checked and under load."""

import itertools
import json
import os
import re
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from holdfast.kit.accounts import generated_accounts
from holdfast.workspace.starter import copy_starter

pytestmark = pytest.mark.integration

ROOT = Path(__file__).resolve().parents[2]
API = ROOT / "tests/data/foreign/account_api.py"
FIRST = itertools.count(100, 60)  # no two tests share accounts: a one-time code is accepted once
GUIDE = ROOT / "docs/guides/write-an-adapter.md"


@pytest.fixture(scope="module")
def api() -> Iterator[str]:
    process = subprocess.Popen([sys.executable, API], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"
    finally:
        process.terminate()
        process.wait(10)
        process.stdout.close()


@pytest.fixture
def workspace(api: str, tmp_path: Path) -> Path:
    copy_starter(tmp_path / "w")
    target = f"url: {api}, adapter: adapters/acme.py, outbox_url: {api}, accounts: {{file: accounts.csv}}"
    _write(tmp_path / "w/holdfast.yaml", f"targets:\n  acme: {{{target}}}\ndefault_target: acme\n")
    rows = [f"{a.email},{a.password},{a.totp_secret or ''}" for a in generated_accounts(next(FIRST), 60)]
    _write(tmp_path / "w/accounts.csv", "\n".join(["email,password,totp_secret", *rows]), mode=0o600)
    return tmp_path / "w"


def _write(path: Path, text: str, mode: int = 0o644) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    path.chmod(mode)


def _holdfast(workspace: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "holdfast", *arguments],
        cwd=workspace,
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "NO_COLOR": "1"},
    )


def _ask(url: str, body: object = None) -> dict[str, object]:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data=data, headers={"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=5) as answer:
        found: dict[str, object] = json.load(answer)
    return found


def _settled(api: str) -> dict[str, object]:
    """The state that a check must leave as it found it: not mails, nor which codes were used."""
    accounts = _ask(f"{api}/test/state")["accounts"]
    assert isinstance(accounts, dict)
    kept = ("fullName", "mobileNumber", "tariff", "password", "consents")
    return {email: {key: account[key] for key in kept} for email, account in accounts.items()}


def test_the_example_adapter_does_all_that_it_offers_and_the_target_is_as_it_was(workspace: Path, api: str) -> None:
    before = _settled(api)  # other tests may have sent it customers
    found = _holdfast(workspace, "validate", "--target", "acme", "--json")
    assert found.returncode == 0, found.stdout + found.stderr
    verdicts = {one["operation"]: one["verdict"] for one in json.loads(found.stdout)["tried"]}
    assert "broken" not in verdicts.values()
    assert {verdicts[name] for name in ("sign_in", "submit_code", "change_plan", "complete_password_reset")} == {
        "works"
    }
    fresh = {
        "tariff": {"tariffId": "S"},
        "mobileNumber": "+49 30 901820",
        "consents": {"MARKETING": False, "ANALYTICS": True},
    }
    for email, account in _settled(api).items():  # the stack makes an account when it is first asked for
        was = before.get(email, fresh)
        assert isinstance(account, dict)
        assert isinstance(was, dict)
        assert {key: account[key] for key in was} == was, email


def test_a_broken_path_is_one_problem_that_names_request_answer_and_file(workspace: Path, api: str) -> None:
    _ask(f"{api}/test/break", {"/api/consents": 500})
    try:
        found = _holdfast(workspace, "validate", "--target")
    finally:
        _ask(f"{api}/test/break", {})
    assert found.returncode == 2
    assert found.stderr.count("error ") == 1
    told = (
        "adapters/acme.py: read_consents: failed 500 (GET /api/consents was answered 500 broken_for_a_test, "
        "200 expected; it holds error.code, error.message, error.details)"
    )
    assert told in found.stderr
    assert re.search(r"update_consent +not tried +read_consents is broken", found.stdout)


def test_a_bug_of_an_adapter_is_told_with_its_line_and_without_the_account(workspace: Path) -> None:
    adapter = workspace / "adapters/acme.py"
    text = adapter.read_text(encoding="utf-8")
    line = 'found = Answer(self._ask("GET", "/api/tariffs", name="GET tariffs").json()).items("items")'
    assert line in text
    bug = f"{line}\n        raise KeyError(self._refresh)"
    adapter.write_text(text.replace(line, bug), encoding="utf-8")
    number = text[: text.index(line)].count("\n") + 2
    found = _holdfast(workspace, "validate", "--target")
    assert found.returncode == 2
    assert f"adapters/acme.py:{number}: list_plans: KeyError (GET /api/tariffs" in found.stderr
    assert "Traceback" not in found.stderr


def test_the_smoke_profile_runs_on_it_unchanged(workspace: Path) -> None:
    (workspace / "scenarios/profiles/foreign.yaml").write_text(
        "kind: LoadProfile\ndescription: A little of everything.\narrivals: uniform\n"
        "stages: [{hold: 6/s, for: 4s}]\nvisitors: {at_most: 50}\n"
        "mix: {sign_in: 1, billing_inquiry: 1, plan_change: 1, password_reset: 1, profile_update: 1}\n",
        encoding="utf-8",
    )
    ran = _holdfast(workspace, "load", "foreign", "--target", "acme", "--json")
    summary = json.loads(ran.stdout)
    assert summary["load"]["planned"] == 24, ran.stderr
    visits = [s for s in summary["load"]["series"] if s["phase"] == "run" and s["depth"] == 1]
    assert sum(s["count"] for s in visits) == 24
    assert sum(s["outcomes"].get("ok", 0) for s in visits) == 24, visits


def test_a_profile_that_needs_what_is_not_offered_is_refused_before_anything_is_sent(workspace: Path) -> None:
    adapter = workspace / "adapters/acme.py"
    text = adapter.read_text(encoding="utf-8")
    adapter.write_text(text.replace("    sign_up = not_offered\n", "    sign_out = not_offered\n"), encoding="utf-8")
    ran = _holdfast(workspace, "load", "smoke", "--for", "2s")
    assert ran.returncode == 2
    line = (workspace / "scenarios/sign_in.py").read_text(encoding="utf-8").split("service.sign_out")[0].count("\n") + 1
    assert f"scenarios/sign_in.py:{line}: needs sign_out, which the adapter adapters/acme.py does not" in ran.stderr
    assert not (workspace / "runs").exists()
    assert (
        "the scenario sign_in cannot run here: it needs sign_out" in _holdfast(workspace, "validate", "--target").stdout
    )


def test_the_guide_leads_from_nothing_to_a_run(api: str, tmp_path: Path) -> None:
    blocks = re.findall(r"```(csv|yaml|python)\n(.*?)```", GUIDE.read_text(encoding="utf-8"), flags=re.DOTALL)
    files = (
        "accounts.csv",
        "holdfast.yaml",
        "adapters/mine.py",
        "scenarios/look_at_me.py",
        "scenarios/profiles/look_at_me.yaml",
    )
    workspace = tmp_path / "mine"
    copy_starter(workspace)
    for name, (_, text) in zip(files, blocks, strict=False):
        written = text.replace("http://127.0.0.1:8000", api)
        _write(workspace / name, written, mode=0o600 if name == "accounts.csv" else 0o644)
    found = _holdfast(workspace, "validate", "--target")
    assert found.returncode == 0, found.stdout + found.stderr
    for word in (r"read_profile +works", r"submit_code +missing +not_implemented", r"billing_inquiry cannot run here"):
        assert re.search(word, found.stdout), found.stdout
    ran = _holdfast(workspace, "load", "look_at_me", "--for", "5s", "--json")
    visits = [s for s in json.loads(ran.stdout)["load"]["series"] if s["phase"] == "run" and s["depth"] == 1]
    assert [(s["name"], s["outcomes"]) for s in visits] == [("look_at_me", {"ok": 10})], ran.stderr
    refused = _holdfast(workspace, "load", "smoke")
    assert "needs list_invoices, which the adapter adapters/mine.py does not offer" in refused.stderr
    adapter = workspace / "adapters/mine.py"
    broken = adapter.read_text(encoding="utf-8").replace('text("accessToken")', 'text("token")')
    adapter.write_text(broken, encoding="utf-8")
    told = "sign_in: failed answer_without_token (POST /oauth/token was answered 200; it holds accessToken"
    assert f"adapters/mine.py: {told}" in _holdfast(workspace, "validate", "--target").stderr
    (last,) = [text for kind, text in blocks[len(files) :] if kind == "python"]
    compile(last, "guide", "exec")
