"""Journeys walked by a real Chromium, against a small site that keeps the reference stack's labels."""

import asyncio
import base64
import html
import json
import os
import secrets
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

import pytest

from holdfast.clock import SystemClock
from holdfast.kit.accounts import GENERATED_PASSWORD, generated_account
from holdfast.kit.totp import code_at
from holdfast.record.store import RunStore
from holdfast.redaction import Redactor
from holdfast.synthetics import check_journey, steps_of
from holdfast.synthetics.evidence import Failure, keep_evidence

pytestmark = [
    pytest.mark.integration,
    pytest.mark.usefixtures("chromium"),
]

CONTENT = Path(__file__).parents[2] / "synthetics"
FIRST_ACCOUNT = 1900
PAUSE = threading.Event()


@dataclass
class Site:
    """The site's state, and how it misbehaves."""

    url: str = ""
    passwords: dict[str, str] = field(default_factory=dict)
    sessions: dict[str, str] = field(default_factory=dict)
    messages: list[dict] = field(default_factory=list)
    tokens: dict[str, str] = field(default_factory=dict)
    codes: list[str] = field(default_factory=list)
    requests: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    invoices_status: int = 200
    hang_on: str = ""
    heading: str = "Your account"
    third_party: str = ""


class Handler(BaseHTTPRequestHandler):
    site: Site
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments):
        pass

    def do_GET(self):
        self.answer({})

    def do_POST(self):
        form = parse_qs(self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode())
        self.answer({name: values[0] for name, values in form.items()})

    def answer(self, form):  # noqa: C901, PLR0912  a table of pages
        site, url = self.site, urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        site.requests.append((self.command, self.path, dict(self.headers)))
        if site.hang_on and url.path == site.hang_on:
            PAUSE.wait(20)
        cookie = SimpleCookie(self.headers.get("Cookie", ""))
        email = site.sessions.get(cookie["session"].value) if "session" in cookie else None
        match (self.command, url.path):
            case ("GET", "/messages"):
                since = float(query["since"])
                found = [m for m in site.messages if m["to"] == query["to"] and m["at"] >= since]
                self.send(200, json.dumps({"messages": found}), kind="application/json")
            case ("GET", "/sign-in"):
                self.page(
                    "Sign in",
                    form_of(
                        "/sign-in", ("Email", "email", "email"), ("Password", "password", "password"), button="Sign in"
                    ),
                )
            case ("POST", "/sign-in"):
                self.sign_in(form)
            case ("GET", "/sign-in/code"):
                self.page(
                    "Check it is you", form_of(self.path, ("Authentication code", "code", "text"), button="Verify")
                )
            case ("POST", "/sign-in/code"):
                self.check_code(query["for"], form["code"])
            case ("GET", "/forgot-password"):
                self.page("Forgot", form_of("/forgot-password", ("Email", "email", "email"), button="Send reset link"))
            case ("POST", "/forgot-password"):
                token = secrets.token_urlsafe(16)
                site.tokens[token] = form["email"]
                site.messages.append(
                    {
                        "id": token[:6],
                        "to": form["email"],
                        "kind": "password_reset",
                        "at": time.time(),
                        "token": token,
                        "body": "",
                    }
                )
                self.page("Sent", "If an account exists for this address, a message is on its way.")
            case ("GET", "/reset-password"):
                self.page(
                    "Reset", form_of(self.path, ("New password", "password", "password"), button="Set new password")
                )
            case ("POST", "/reset-password"):
                site.passwords[site.tokens.pop(query["token"])] = form["password"]
                self.page("Password changed", "Done.")
            case (_, "/account" | "/invoices" | "/invoices/1") if email is None and site.invoices_status == 200:
                self.redirect("/sign-in")
            case ("GET", "/account"):
                self.page(
                    site.heading, f"<p>{email}</p><p data-private>+999 000123</p>{site.third_party}", account=True
                )
            case ("GET", "/invoices"):
                self.page(
                    "Invoices",
                    "<table><tr><td><a href='/invoices/1'>2026-10</a></td></tr></table>",
                    status=site.invoices_status,
                    account=True,
                )
            case ("GET", "/invoices/1"):
                self.page("Invoice 2026-10", "42.00 EUR", account=True)
            case ("POST", "/sign-out"):
                self.redirect("/sign-in", "gone")
            case _:
                self.send(404, "no such page")

    def sign_in(self, form):
        site = self.site
        if site.passwords.get(form["email"], GENERATED_PASSWORD) != form["password"]:
            self.page("Sign in", "<p role=alert>Wrong e-mail or password</p>", status=401)
        elif account_of(form["email"]).has_mfa:
            self.redirect(f"/sign-in/code?for={quote(form['email'])}")
        else:
            self.enter(form["email"])

    def check_code(self, email, code):
        secret, now = account_of(email).totp_secret, time.time()
        if code not in {code_at(secret, now), code_at(secret, now - 30)} or code in self.site.codes:
            self.page("Check it is you", "<p role=alert>Wrong code</p>", status=401)
            return
        self.site.codes.append(code)
        self.enter(email)

    def enter(self, email):
        session = f"s-{secrets.token_hex(16)}"
        self.site.sessions[session] = email
        self.redirect("/account", session)

    def page(self, heading, body, status=200, account=False):
        navigation = (
            "<nav><a href='/invoices'>Invoices</a></nav>"
            "<form method=post action='/sign-out'><button>Sign out</button></form>"
            if account
            else ""
        )
        self.send(status, f"<!doctype html><title>{heading}</title>{navigation}<h1>{heading}</h1>{body}")

    def redirect(self, where, session=None):
        self.send_response(303)
        self.send_header("Location", where)
        self.send_header("Content-Length", "0")
        if session:
            self.send_header("Set-Cookie", f"session={session}; Path=/; HttpOnly")
        self.end_headers()

    def send(self, status, body, kind="text/html; charset=utf-8"):
        data = body.encode()
        try:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)
        except OSError:
            pass


def account_of(email):
    return generated_account(int(email.split("@")[0].removeprefix("visitor-")))


def form_of(action, *fields, button):
    inputs = "".join(
        f"<p><label for='{name}'>{label}</label><input id='{name}' name='{name}' type='{kind}'></p>"
        for label, name, kind in fields
    )
    return f"<form method=post action='{html.escape(action, quote=True)}'>{inputs}<button>{button}</button></form>"


@pytest.fixture
def site() -> Iterator[Site]:
    site = Site()
    handler = type("SiteHandler", (Handler,), {"site": site})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    site.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield site
    server.shutdown()
    server.server_close()


class Child:
    """The real child process, driven over its channel."""

    def __init__(self, folder: Path, site: Site, *journeys: dict, duration: float = 3.0, **job: object) -> None:
        self.folder = folder
        self.clock = SystemClock()
        RunStore.create(folder / "run.db").close()
        self.log = folder / "child.log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "holdfast.synthetics"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,
            )
        self.say(
            {
                "anchor": self.clock.anchor,
                "run_db": str(folder / "run.db"),
                "run_folder": str(folder),
                "seed": 1,
                "workspace": str(folder),
                "duration": duration,
                "journeys": list(journeys),
                "browser": None,
                "accounts": {"first": FIRST_ACCOUNT, "count": 100},
                "target": {
                    "name": "stub",
                    "url": site.url,
                    "outbox_url": site.url,
                    "accounts": {"generated": 2000},
                    "marker": "holdfast/test (synthetic)",
                },
                **job,
            }
        )
        self.messages: list[dict] = []
        self.ended = threading.Event()
        threading.Thread(target=self.listen, daemon=True).start()

    def say(self, message):
        self.process.stdin.write(json.dumps(message) + "\n")
        self.process.stdin.flush()

    def listen(self):
        for line in self.process.stdout:
            self.messages.append(json.loads(line))
        self.ended.set()

    def until(self, wanted, seconds=20.0):
        """The first message for which `wanted(message)` is true."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            found = next((m for m in list(self.messages) if wanted(m)), None)
            if found is not None:
                return found
            assert not self.ended.wait(0.02) or any(map(wanted, self.messages)), self.log.read_text()
        raise AssertionError(f"not told: {self.messages} {self.log.read_text()}")

    def go(self):
        self.until(lambda m: m.get("ready"))
        self.say({"go": self.clock.now() + 0.1})
        return self

    def done(self, seconds=30.0):
        facts = self.until(lambda m: "done" in m, seconds)["done"]
        assert self.process.wait(10) == 0
        return facts

    def events(self, kind):
        return [m for m in self.messages if m.get("event") == kind]

    def samples(self):
        """(name, outcome, detail) → count."""
        with RunStore.open(self.folder / "run.db") as store:
            return {(i.name, i.outcome, i.detail): i.count for i in store.intervals("synthetics")}

    def artifacts(self):
        return sorted(p for p in self.folder.rglob("*") if p.is_file())


@pytest.fixture
def start(tmp_path, site) -> Iterator:
    children: list[Child] = []

    def started(*journeys, **job):
        folder = tmp_path / str(len(children))
        folder.mkdir()
        children.append(Child(folder, site, *journeys, **job))
        return children[-1]

    yield started
    PAUSE.set()
    for child in children:
        if child.process.poll() is None:
            os.killpg(child.process.pid, signal.SIGKILL)
        child.process.wait(10)
        child.process.stdin.close()
        child.ended.wait(10)
        child.process.stdout.close()
    PAUSE.clear()


def entry(name, **settings):
    return {"name": name, "path": str(CONTENT / f"{name}.py"), "every": 60.0, "budget": None, "times": 1, **settings}


def written(folder, name, body, budget="5s", **more):
    path = folder / f"{name}.py"
    named = "".join(f", {key}={value!r}" for key, value in more.items())
    path.write_text(
        "from playwright.async_api import expect\nfrom holdfast.synthetics import journey\n\n"
        f'@journey(every="1m", budget="{budget}", owner="o", runbook="r"{named})\nasync def {name}(visit):\n'
        + "".join(f"    {line}\n" for line in body.splitlines())
    )
    assert check_journey(path) == []
    return {"name": name, "path": str(path), "every": 1.0, "budget": None, "times": 1}


def chromium_of(child):
    """Process ids of the browser's main process below the child."""
    found = []
    for folder in Path("/proc").iterdir():
        try:
            command = (folder / "cmdline").read_bytes().split(b"\0")
        except (OSError, NotADirectoryError):
            continue
        if b"--remote-debugging-pipe" in command and is_below(int(folder.name), child.process.pid):
            found.append(int(folder.name))
    return found


def is_below(pid, ancestor):
    while pid > 1:
        if pid == ancestor:
            return True
        try:
            pid = int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])
        except OSError:
            return False
    return False


def test_both_journeys_are_walked_to_their_end_and_leave_the_account_as_it_was(start, site):
    site.third_party = "<img src='http://localhost:9/pixel.png'>"
    child = start(entry("sign_in_and_read_invoice"), entry("reset_password"), duration=4.0).go()

    facts = child.done()

    assert {j: f["outcomes"] for j, f in facts["journeys"].items()} == {
        "sign_in_and_read_invoice": {"ok": 1},
        "reset_password": {"ok": 1},
    }
    expected = {("sign_in_and_read_invoice", "ok", ""), ("reset_password", "ok", "")}
    for name in ("sign_in_and_read_invoice", "reset_password"):
        expected |= {(f"{name}/{step}", "ok", "") for step in steps_of(CONTENT / f"{name}.py")}
    assert set(child.samples()) == expected
    (changed,) = site.passwords
    assert site.passwords[changed] == GENERATED_PASSWORD
    with RunStore.open(child.folder / "run.db") as store:
        gauges = {g.name: g.value for g in store.gauges("synthetics")}
    assert 0 < gauges["sign_in_and_read_invoice/open sign-in/ttfb"] < 5
    assert 0 < gauges["sign_in_and_read_invoice/open sign-in/lcp"] < 5
    assert gauges["sign_in_and_read_invoice/open sign-in/cls"] >= 0
    assert gauges["delivery/reset_password"] >= 0
    (walk,) = [e for e in child.events("journey") if e["name"] == "sign_in_and_read_invoice"]
    pages = [(path, headers) for _, path, headers in site.requests if not path.startswith("/messages")]
    assert all("holdfast/test (synthetic)" in headers["User-Agent"] for _, headers in pages)
    assert all(headers["X-Holdfast-Synthetic"] == "1" for _, headers in pages)
    assert any(headers["traceparent"].startswith(f"00-{walk['trace_id']}-") for _, headers in pages)
    assert not any("pixel" in path for path, _ in pages)


def test_a_failed_step_leaves_a_screenshot_and_no_secret_anywhere(start, site):
    site.heading = "Something else"
    child = start(entry("sign_in_and_read_invoice", budget=20.0)).go()

    facts = child.done()

    assert facts["journeys"]["sign_in_and_read_invoice"]["outcomes"] == {"failed": 1}
    samples = set(child.samples())
    assert ("sign_in_and_read_invoice", "failed", "not_as_expected") in samples
    assert ("sign_in_and_read_invoice/enter code", "failed", "not_as_expected") in samples
    assert not any(name.endswith("/list invoices") for name, _, _ in samples)
    pictures = list((child.folder / "evidence").glob("*.png"))
    assert len(pictures) == 1
    assert "enter_code" in pictures[0].name
    (account,) = set(site.sessions.values())
    assert_leaks_nothing(child, account_of(account), *site.sessions, *site.codes)


def assert_leaks_nothing(child, account, *more):
    told = json.dumps(child.messages).encode()
    for secret in filter(None, (account.password, account.totp_secret, *more)):
        for path in child.artifacts():
            assert secret.encode() not in path.read_bytes(), f"{secret} is in {path}"
        assert secret.encode() not in told


def test_what_is_typed_shown_or_raised_stands_in_no_artifact(start, site, tmp_path):
    leaky = written(
        tmp_path,
        "leaky",
        """
new = visit.new_password()
async with visit.step("sign in"):
    await visit.page.goto("/sign-in")
    await visit.page.get_by_label("Email").fill(visit.account.email)
    await visit.page.get_by_label("Password").fill(visit.account.password)
    await visit.page.get_by_role("button", name="Sign in").click()
    await expect(visit.page.get_by_role("heading", name="Your account")).to_be_visible()
async with visit.step("ask"):
    await visit.page.goto("/forgot-password")
    await visit.page.get_by_label("Email").fill(visit.account.email)
    await visit.page.get_by_role("button", name="Send reset link").click()
    await expect(visit.page.get_by_text("on its way")).to_be_visible()
async with visit.step("follow"):
    message = await visit.message("password_reset")
    await visit.page.goto(f"/reset-password?token={message.token}")
    await visit.page.get_by_label("New password").fill(visit.account.password)
    await visit.page.evaluate("text => { document.title = text; document.body.append(text) }", new + message.token)
    cookies = await visit.page.context.cookies()
    raise ValueError(f"{new} {message.token} {visit.account.password} {visit.page.url} {cookies}")
""",
    )
    child = start(leaky).go()

    child.done()

    (event,) = child.events("journey")
    assert (event["outcome"], event["detail"], event["step"]) == ("failed", "ValueError", "follow")
    assert event["said"] == "ValueError"
    assert event["line"].startswith("leaky.py:25  raise ValueError")
    assert len(event["evidence"]) == 2
    (account,) = {message["to"] for message in site.messages}
    assert site.sessions
    assert_leaks_nothing(child, account_of(account), *site.tokens, *site.sessions)


def test_what_the_target_did_wrong_decides_the_outcome(start, site, tmp_path):
    down = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    down.server_close()
    site.hang_on = "/forgot-password"
    journeys = [
        written(
            tmp_path,
            "refused",
            f"""
async with visit.step("open"):
    await visit.page.goto("{site.url}/sign-in")
async with visit.step("go on"):
    await visit.page.goto("http://127.0.0.1:{down.server_port}/")
""",
        ),
        written(
            tmp_path,
            "slow",
            """
async with visit.step("open"):
    await visit.page.goto("/forgot-password")
""",
            budget="1s",
        ),
        written(
            tmp_path,
            "missing",
            """
async with visit.step("open"):
    await visit.page.goto("/sign-in")
    await visit.page.get_by_label("Shoe size").fill("43", timeout=300)
""",
        ),
        written(
            tmp_path,
            "unknown_page",
            """
async with visit.step("open"):
    await visit.page.goto("/nowhere")
    await expect(visit.page.get_by_role("heading")).to_be_visible(timeout=300)
""",
        ),
        written(
            tmp_path,
            "no_message",
            """
async with visit.step("read"):
    await visit.message("password_reset")
""",
            budget="1s",
        ),
        written(
            tmp_path,
            "thinking",
            """
async with visit.step("open"):
    await visit.page.goto("/sign-in")
    while True:
        await visit.page.evaluate("fetch('/sign-in').then(answer => answer.text())")
""",
            budget="1s",
        ),
    ]
    child = start(*journeys, duration=12.0).go()

    facts = child.done(45)

    details = {
        name: next(iter(outcome)) for name, outcome in ((n, f["outcomes"]) for n, f in facts["journeys"].items())
    }
    assert details == {
        "refused": "failed",
        "slow": "timed_out",
        "missing": "failed",
        "unknown_page": "rejected",
        "no_message": "timed_out",
        "thinking": "timed_out",
    }
    found = {name: detail for name, _, detail in child.samples() if "/" not in name}
    assert found.pop("thinking") in {"over_budget", "no_answer"}
    assert found == {
        "refused": "other_origin",
        "slow": "no_answer",
        "missing": "missing_element",
        "unknown_page": "404",
        "no_message": "no_message",
    }


def test_a_walk_that_passes_over_what_the_target_did_wrong_proves_nothing(start, site, tmp_path):
    site.invoices_status = 503
    opened = "async with visit.step('open'):\n    await visit.page.goto('/sign-in')\n"
    calls = opened + "    await visit.page.evaluate(\"fetch('/invoices')\")"
    looks = "async with visit.step('open'):\n    await visit.page.goto('/account')"
    refused = opened + "    await visit.page.evaluate(\"fetch('http://127.0.0.1:1/').catch(() => 0)\")"
    swallows = f"""
async with visit.step("open"):
    try:
        await visit.page.goto("{site.url}/invoices", wait_until="load")
        await expect(visit.page.get_by_text("42.00 EUR")).to_be_visible(timeout=100)
    except AssertionError:
        pass
"""
    child = start(
        written(tmp_path, "calls", calls),
        written(tmp_path, "swallows", swallows),
        written(tmp_path, "means_it", calls, expect="failed"),
        written(tmp_path, "means_another", calls, expect="rate_limited, transport_error"),
        written(tmp_path, "looks", looks),
        written(tmp_path, "refused", refused),
    ).go()

    child.done(45)

    assert {key for key in child.samples() if "/" not in key[0]} == {
        ("calls", "ok", "failed_inside"),
        ("swallows", "ok", "failed_inside"),
        ("means_it", "ok", ""),
        ("means_another", "ok", "failed_inside"),
        ("looks", "ok", ""),
        ("refused", "ok", ""),  # another origin, which the fence keeps from being asked
    }


def test_a_target_that_is_down_is_a_transport_error(start, site):
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.server_close()
    gone = Site(url=f"http://127.0.0.1:{server.server_port}")
    child = start(
        entry("sign_in_and_read_invoice"),
        target={"name": "down", "url": gone.url, "outbox_url": None, "accounts": {"generated": 2000}, "marker": "m"},
    ).go()

    child.done()

    found = {key for key in child.samples() if "/" not in key[0]}
    assert found == {("sign_in_and_read_invoice", "transport_error", "ERR_CONNECTION_REFUSED")}, child.messages


def test_a_browser_killed_in_mid_walk_is_a_probe_error_and_the_walk_is_walked_again(start, site):
    site.hang_on = "/sign-in/code"
    child = start(entry("sign_in_and_read_invoice", budget=20.0), duration=3.0).go()
    deadline = time.monotonic() + 15
    while not any(path.startswith("/sign-in/code") for _, path, _ in site.requests):
        assert time.monotonic() < deadline, child.messages
        time.sleep(0.02)
    for pid in chromium_of(child):
        os.kill(pid, signal.SIGKILL)
    site.hang_on = ""
    PAUSE.set()

    facts = child.done(40)

    assert facts["probe_errors"] == 1
    assert facts["launches"] == 2
    assert facts["journeys"]["sign_in_and_read_invoice"]["outcomes"] == {"ok": 1}
    (event,) = child.events("probe_error")
    assert event["journey"] == "sign_in_and_read_invoice"
    assert child.samples()["sign_in_and_read_invoice", "ok", ""] == 1
    assert {outcome for _, outcome, _ in child.samples()} == {"ok"}


def test_an_orphaned_child_sets_the_account_back_and_leaves_no_browser(start, site, tmp_path):
    held = written(
        tmp_path,
        "held",
        """
visit.clean_up(visit.page.goto, "/sign-in?cleaned")
async with visit.step("open"):
    await visit.page.goto("/forgot-password")
""",
        budget="30s",
    )
    site.hang_on = "/forgot-password"
    child = start(held, duration=30.0).go()
    deadline = time.monotonic() + 15
    while not any(path == "/forgot-password" for _, path, _ in site.requests):
        assert time.monotonic() < deadline, child.messages
        time.sleep(0.02)

    child.process.stdin.close()

    assert child.process.wait(15) == 0
    assert any(path == "/sign-in?cleaned" for _, path, _ in site.requests)
    assert child.samples() == {("held", "unfinished", ""): 1, ("held/open", "unfinished", ""): 1}
    assert chromium_of(child) == []


def test_drain_lets_the_walk_in_flight_end_and_starts_no_other(start, site):
    child = start(entry("sign_in_and_read_invoice", every=5.0, times=None), duration=60.0).go()
    deadline = time.monotonic() + 15
    while not site.requests:
        assert time.monotonic() < deadline, child.messages
        time.sleep(0.02)

    child.say({"stop": "drain"})

    assert child.done()["journeys"]["sign_in_and_read_invoice"]["outcomes"] == {"ok": 1}


def test_a_failed_clean_up_is_told_and_its_account_is_not_used_again(start, site, tmp_path):
    dirty = written(
        tmp_path,
        "dirty",
        """
async def refuse():
    raise RuntimeError("no")
visit.clean_up(refuse)
async with visit.step("open"):
    await visit.page.goto("/sign-in")
""",
    )
    child = start({**dirty, "every": 0.5, "times": 3}, accounts={"first": 1901, "count": 1}, duration=4.0).go()

    facts = child.done()

    assert facts["clean_up_failed"] == 1
    assert child.events("clean_up_failed")[0]["account"] == 1901
    assert facts["runs"] == 1
    assert {e["reason"] for e in child.events("not_walked")} == {"no_free_account"}
    assert not [name for name in child.samples() if "dropped" in name], "what is ours is nobody's bad event"


def test_a_job_with_a_wrong_journey_is_refused_before_anything_starts(start, tmp_path):
    path = tmp_path / "wrong.py"
    path.write_text("def wrong(): pass\n")
    child = start({"name": "wrong", "path": str(path), "every": 5.0})

    problems = child.until(lambda m: "problems" in m)["problems"]

    assert [p["where"] for p in problems] == [f"{path}:1"]
    assert child.process.wait(10) == 2


def test_a_journey_that_calls_exit_fails_alone_and_its_text_is_nowhere(start, tmp_path):
    leaves = """
async with visit.step("leave"):
    await visit.page.goto("/sign-in")
    text = "canary-of" + "-the-page"
    raise SystemExit(text)
"""
    no_address = """
async with visit.step("go"):
    await visit.page.goto("http://[nowhere/x")
"""
    looks = """
async with visit.step("look"):
    await visit.page.goto("/sign-in")
    await visit.page.wait_for_timeout(500)
"""
    child = start(
        written(tmp_path, "leaves", leaves),
        written(tmp_path, "no_address", no_address),
        written(tmp_path, "looks", looks),
        duration=12.0,
    ).go()

    facts = child.done(45)

    assert {name: set(found["outcomes"]) for name, found in facts["journeys"].items()} == {
        "leaves": {"failed"},
        "no_address": {"failed"},
        "looks": {"ok"},
    }
    kept = [path for path in child.folder.rglob("*") if path.is_file()]
    assert kept
    assert [path.name for path in kept if b"canary-of-the-page" in path.read_bytes()] == []


COVERED = """
<p id=mail>signed in as ann.lee@accounts.invalid</p>
<p id=broken>Correct<br>Horse&nbsp;7</p>
<div id=letter contenteditable>Dear Sir, my number is 0171 5550199</div>
<div id=note role=textbox>a note of mine</div>
<object id=paper data="data:text/html,<p>my bill</p>"></object>
<canvas id=signature></canvas>
<img id=portrait alt="Portrait of ann.lee@accounts.invalid" src="data:image/png;base64,nothing" width=300 height=40>
"""
SEEN = """async picture => {
    const image = new Image();
    image.src = "data:image/png;base64," + picture;
    await image.decode();
    const drawing = new OffscreenCanvas(image.width, image.height).getContext("2d");
    drawing.drawImage(image, 0, 0);
    const middle = one => {
        const box = one.getBoundingClientRect();
        return [...drawing.getImageData(box.left + box.width / 2, box.top + box.height / 2, 1, 1).data.slice(0, 3)];
    };
    return Object.fromEntries([...document.querySelectorAll("[id]")].map(one => [one.id, middle(one)]));
}"""


def test_what_is_private_is_painted_over_however_much_the_page_holds(chromium, tmp_path):
    redactor = Redactor(
        "ann.lee@accounts.invalid", "Correct Horse 7", *(f"token-{n:04d}-of-a-form" for n in range(200))
    )
    failure = Failure("j", "see", 1.0, "failed", "ValueError", "", "", 0, "", "")

    async def colours():
        from playwright.async_api import async_playwright

        async with async_playwright() as player:
            opened = await player.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
            try:
                page = await opened.new_page()
                await page.set_content(COVERED)
                written = await keep_evidence(page, failure, tmp_path, redactor)
                (picture,) = [path for path in written if path.suffix == ".png"]
                return await page.evaluate(SEEN, base64.b64encode(picture.read_bytes()).decode())
            finally:
                await opened.close()

    found = asyncio.run(colours())

    names = ("mail", "broken", "letter", "note", "paper", "signature", "portrait")
    assert {name: tuple(colour) for name, colour in found.items()} == dict.fromkeys(names, (0x55, 0x55, 0x55))
