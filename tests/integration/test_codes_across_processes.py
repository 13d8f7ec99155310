"""Two processes, one account with a second factor: each code is sent once, and none when its time is nearly over."""

import http.server
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from holdfast.kit.accounts import generated_account
from holdfast.kit.totp import STEP_SECONDS, code_at
from holdfast.workspace.starter import copy_starter

pytestmark = pytest.mark.integration

ACCOUNT = generated_account(0)
JOURNEY = '''"""Somebody signs in with a code."""

from playwright.async_api import expect

from holdfast.synthetics import journey


@journey(every="1m", budget="20s", owner="members", runbook="docs/runbooks/sign-in.md")
async def code(visit):
    async with visit.step("enter code"):
        await visit.page.goto(f"/code?{await visit.code()}")
        await expect(visit.page.get_by_role("heading", name="Welcome")).to_be_visible()
'''


class Codes(http.server.ThreadingHTTPServer):
    """Takes a code of its account in its own step, and each once."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Asked)
        self.used: list[int] = []

    def takes(self, code: str) -> bool:
        step = int(time.time() // STEP_SECONDS)
        if step in self.used or code != code_at(ACCOUNT.totp_secret or "", step * STEP_SECONDS):
            return False
        self.used.append(step)
        return True


class _Asked(http.server.BaseHTTPRequestHandler):
    server: Codes

    def do_GET(self) -> None:
        path, _, code = self.path.partition("?")
        welcome = path == "/code" and self.server.takes(code)
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(f"<h1>{'Welcome' if welcome else 'Incorrect code'}</h1>".encode())

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Codes]:
    with Codes() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def test_two_checks_at_once_each_send_a_code_of_their_own(server: Codes, tmp_path: Path) -> None:
    copy_starter(tmp_path)
    (tmp_path / "holdfast.yaml").write_text(
        f"targets:\n  mine:\n    url: http://127.0.0.1:{server.server_address[1]}\n"
        "    accounts: {file: accounts.csv}\ndefault_target: mine\n",
        encoding="utf-8",
    )
    (tmp_path / "synthetics/code.py").write_text(JOURNEY, encoding="utf-8")
    accounts = tmp_path / "accounts.csv"
    accounts.write_text(f"email,password,totp_secret\n{ACCOUNT.email},p,{ACCOUNT.totp_secret}\n", encoding="utf-8")
    accounts.chmod(0o600)
    checks = [
        subprocess.Popen(
            [sys.executable, "-m", "holdfast", "check", "code"],
            cwd=tmp_path,
            env={**os.environ, "COLUMNS": "200"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for _ in range(2)
    ]
    told = [check.communicate(timeout=240)[0] for check in checks]
    assert [check.returncode for check in checks] == [0, 0], "\n".join(told)
    assert len(server.used) == 2
    ledger = tmp_path / ".holdfast/used-codes"
    assert ledger.stat().st_mode & 0o777 == 0o600
    assert (ACCOUNT.totp_secret or "").encode() not in ledger.read_bytes()
