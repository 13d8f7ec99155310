"""A walk talks to its target's origin alone, whatever leads elsewhere, and whatever proxy the environment names."""

import http.server
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from holdfast.workspace.starter import copy_starter

pytestmark = [
    pytest.mark.integration,
    pytest.mark.usefixtures("chromium"),
]

JOURNEY = '''"""Somebody who is led elsewhere in many ways."""

from playwright.async_api import Error

from holdfast.synthetics import journey


async def refused(asking):
    try:
        await asking
    except Error as error:
        assert "net::ERR_" in str(error), error
    else:
        raise AssertionError("it went there")


@journey(every="5m", budget="60s", owner="x", runbook="docs/runbooks/sign-in.md")
async def led_away(visit):
    page = visit.page
    async with visit.step("page"):
        await page.goto("/page")
        await page.evaluate("""new WebSocket("ws://HOST:PORT/socket"); new WebSocket("ws://ELSEWHERE/socket")""")
        await page.wait_for_timeout(500)
    async with visit.step("calls"):
        answer = await page.request.post("/hop", data="secret")
        assert (answer.status, await answer.text()) == (200, "GET"), answer.status
        assert (await page.request.get("/to-same", max_redirects=0)).status == 302
        await refused(page.request.get("http://ELSEWHERE/call"))
        await refused(page.context.request.post("/to-elsewhere", data="secret"))
        await refused(page.request.fetch("http://HOST:PORT/call"))
    async with visit.step("context"):
        other = await page.context.browser.new_context()
        assert (await (await other.new_page()).goto("/own-context")).status == 200
        await refused((await other.new_page()).goto("/to-elsewhere"))
        await refused(other.request.get("http://ELSEWHERE/context"))
        away = await page.context.browser.new_context(base_url="http://ELSEWHERE")
        await refused((await away.new_page()).goto("/base"))
        await away.request.get("/base-of-a-call")
    async with visit.step("redirect"):
        await page.goto("/to-elsewhere")
'''
PAGE = """<h1>Hello</h1><img src="http://ELSEWHERE/image"><iframe src="/to-elsewhere"></iframe>
<script>window.open("http://ELSEWHERE/popup"); fetch("/to-port", {mode: "no-cors"}).catch(() => 0);
navigator.sendBeacon("http://ELSEWHERE/beacon", "x")</script>"""


@dataclass
class Places:
    """The target, the same host's other port, another host: who was asked what, and whether it was marked."""

    target: str = ""
    port: str = ""
    elsewhere: str = ""
    asked: list[tuple[str, str, bool]] = field(default_factory=list)

    def filled(self, text: str) -> str:
        host, _, port = self.port.rpartition(":")
        return text.replace("ELSEWHERE", self.elsewhere).replace("HOST", host).replace("PORT", port)


@pytest.fixture
def places() -> Iterator[Places]:
    places = Places()

    class Asked(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            self.rfile.read(length)
            at = "{}:{}".format(*self.server.server_address[:2])
            path = self.path.partition("?")[0]
            places.asked.append((at, path, "X-Holdfast-Synthetic" in self.headers))
            leads = {
                "/to-elsewhere": f"http://{places.elsewhere}/redirected",
                "/to-port": f"http://{places.port}/redirected",
                "/to-same": "/end",
                "/hop": "/end",
            }
            content = self.command if path == "/end" else places.filled(PAGE) if path == "/page" else "<h1>Hello</h1>"
            self.send_response(302 if path in leads else 200)
            if path in leads:
                self.send_header("Location", leads[path])
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content.encode())

        do_POST = do_CONNECT = do_GET  # noqa: N815  the names that the server looks for

        def log_message(self, *_: object) -> None:
            pass

    servers = [http.server.ThreadingHTTPServer((host, 0), Asked) for host in ("127.0.0.1", "127.0.0.1", "127.0.0.2")]
    places.target, places.port, places.elsewhere = ("{}:{}".format(*one.server_address[:2]) for one in servers)
    for server in servers:
        threading.Thread(target=server.serve_forever, daemon=True).start()
    yield places
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize("proxied", [False, True], ids=["direct", "proxied"])
def test_nothing_that_leads_elsewhere_is_gone_after_and_where_it_would_have_led_is_named(
    places: Places, tmp_path: Path, proxied: bool
) -> None:
    copy_starter(tmp_path)
    (tmp_path / "holdfast.yaml").write_text(
        f"targets:\n  mine: {{url: 'http://{places.target}', accounts: {{file: accounts.csv}}}}\n"
        "default_target: mine\n",
        encoding="utf-8",
    )
    (tmp_path / "synthetics/led_away.py").write_text(places.filled(JOURNEY), encoding="utf-8")
    (tmp_path / "accounts.csv").write_text("email,password,totp_secret\na@b.test,p,\n", encoding="utf-8")
    (tmp_path / "accounts.csv").chmod(0o600)
    proxy = dict.fromkeys(("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"), f"http://{places.elsewhere}")
    environment = {key: value for key, value in os.environ.items() if key.lower() != "no_proxy"}
    ran = subprocess.run(
        [sys.executable, "-m", "holdfast", "check", "led_away", "--json"],
        cwd=tmp_path, env=environment | (proxy if proxied else {}), capture_output=True, text=True, timeout=240,
    )  # fmt: skip
    assert ran.stdout, ran.stderr
    summary = json.loads(ran.stdout)
    (journey,) = summary["journeys"]
    steps = {step["name"]: step["outcomes"] for step in journey["funnel"]["steps"]}
    assert steps == {"page": {"ok": 1}, "calls": {"ok": 1}, "context": {"ok": 1}, "redirect": {"failed": 1}}, ran.stderr
    assert {at for at, _, _ in places.asked} == {places.target}
    unmarked = {path for _, path, marked in places.asked if not marked}
    assert not unmarked, "a context that the journey opens itself is marked as well"
    assert {"/own-context", "/base-of-a-call"} <= {path for _, path, _ in places.asked}
    for origin in (places.elsewhere, places.port):
        assert any(f"http://{origin}" in notice for notice in summary["notices"]), summary["notices"]
