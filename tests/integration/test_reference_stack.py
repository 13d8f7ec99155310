"""The reference stack, really running: PostgreSQL, Valkey, proxy, partners and two replicas. One stack for all tests.

Each test has accounts of its own, so none disturbs another; those that cut a link mend it again.
"""

import asyncio
import http.cookiejar
import json
import os
import signal
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from holdfast.errors import TargetError
from holdfast.kit.accounts import Account, generated_account
from holdfast.kit.inbox import Inbox
from holdfast.kit.totp import StepLedger
from holdfast.proxy.client import ProxyClient
from holdfast.reference import StackSettings, StackState, read_stack, stack_status, start_stack, stop_stack
from holdfast.reference.loopback import ask, is_free
from holdfast.reference.supervisor import Supervisor

pytestmark = pytest.mark.integration

DEADLINE = 15.0


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StackState]:
    settings = StackSettings(accounts=200, service_time=0.001, restart_delay=0.5)
    state = start_stack(settings, tmp_path_factory.mktemp("stack") / "state", owner_pipe=True)
    yield state
    stop_stack(state)


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)


@dataclass
class Visitor:
    """Somebody with a cookie jar."""

    url: str
    ledger: StepLedger = field(default_factory=StepLedger)
    jar: http.cookiejar.CookieJar = field(default_factory=http.cookiejar.CookieJar)

    def ask(
        self, method: str, path: str, body: object = None, form: Mapping[str, str] | None = None, **headers: str
    ) -> Answer:
        data = json.dumps(body).encode() if body is not None else None
        if form is not None:
            data = urllib.parse.urlencode(form).encode()
        request = urllib.request.Request(self.url + path, data, headers, method=method)
        opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPCookieProcessor(self.jar)
        )
        try:
            with opener.open(request, timeout=10) as answer:
                return Answer(answer.status, answer.headers, answer.read().decode())
        except urllib.error.HTTPError as error:
            with error:
                return Answer(error.code, error.headers, error.read().decode())

    def start_sign_in(self, account: Account, password: str = "") -> Answer:
        return self.ask("POST", "/v2/sessions", {"email": account.email, "password": password or account.password})

    def next_code(self, account: Account) -> str:
        """A code whose step has begun, or is the one to come: the stack forgives a step."""
        turn = self.ledger.next_code(account.totp_secret or "", time.time())
        assert turn.wait <= 30
        return turn.code

    def sign_in(self, account: Account, password: str = "") -> Answer:
        answer = self.start_sign_in(account, password)
        if answer.status == 200:
            path = f"/v2/sessions/challenges/{answer.json['challenge_id']}"
            answer = self.ask("POST", path, {"code": self.next_code(account)})
        assert answer.status == 201, answer.text
        return answer


@pytest.fixture
def visitor(stack: StackState) -> Visitor:
    return Visitor(stack.url)


def eventually(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < deadline, f"not in {DEADLINE:g} s: {what}"
        time.sleep(0.05)


@contextmanager
def cut(stack: StackState, link: str) -> Iterator[None]:
    proxy = ProxyClient(stack.proxy_url, stack.proxy_token)
    proxy.set_enabled(link, enabled=False)
    try:
        yield
    finally:
        proxy.set_enabled(link, enabled=True)
        # Each replica's breaker lets callers try again after its own while; the next test must not meet it open.
        eventually(lambda: 2.0 not in _breaker_states(stack, link), f"the breakers of {link} let callers try again")


def control(stack: StackState, path: str) -> Any:
    return ask(stack.control_url + path, "POST", token=stack.control_token)


# Signing in


def test_an_account_without_a_second_factor_signs_in_with_its_password(visitor: Visitor) -> None:
    answer = visitor.sign_in(generated_account(1))

    assert set(answer.json["session"]) == {"id", "expires_at"}
    assert "httponly" in answer.headers["set-cookie"].lower()
    account = visitor.ask("GET", "/v2/account").json
    assert (account["email"], account["name"], account["mfa"]) == (
        "visitor-000001@accounts.invalid",
        "Visitor 000001",
        False,
    )


def test_an_account_with_a_second_factor_has_to_prove_it(visitor: Visitor) -> None:
    account = generated_account(2)
    challenge = visitor.start_sign_in(account).json
    assert challenge["challenge"] == "totp"
    assert visitor.ask("GET", "/v2/account").status == 401

    path = f"/v2/sessions/challenges/{challenge['challenge_id']}"
    assert visitor.ask("POST", path, {"code": "000000"}).status == 401
    assert visitor.ask("POST", path, {"code": visitor.next_code(account)}).status == 201
    assert visitor.ask("GET", "/v2/account").json["mfa"] is True


def test_a_code_is_accepted_once(stack: StackState, visitor: Visitor) -> None:
    account = generated_account(4)
    code = visitor.next_code(account)
    first = f"/v2/sessions/challenges/{visitor.start_sign_in(account).json['challenge_id']}"
    assert visitor.ask("POST", first, {"code": code}).status == 201

    thief = Visitor(stack.url)
    second = f"/v2/sessions/challenges/{thief.start_sign_in(account).json['challenge_id']}"
    replayed = thief.ask("POST", second, {"code": code})
    assert (replayed.status, replayed.json["error"]["code"]) == (401, "invalid_code")


def test_the_token_of_version_1_works_as_a_bearer_token_everywhere(visitor: Visitor) -> None:
    account = generated_account(6)
    asked = {"email": account.email, "password": account.password}
    assert visitor.ask("POST", "/v1/login", asked).status == 401

    token = visitor.ask("POST", "/v1/login", asked | {"code": visitor.next_code(account)}).json["token"]
    for path in ("/v1/account", "/v1/invoices", "/v2/account"):
        assert visitor.ask("GET", path, Authorization=f"Bearer {token}").status == 200


def test_known_and_unknown_addresses_get_the_same_answers(visitor: Visitor) -> None:
    unknown = Account(0, "nobody@accounts.invalid", "Wrong-Horse-7-Battery")
    wrong = visitor.start_sign_in(generated_account(3), "Wrong-Horse-7-Battery")
    nobody = visitor.start_sign_in(unknown)
    assert (wrong.status, wrong.text) == (nobody.status, nobody.text) == (401, wrong.text)

    resets = [
        visitor.ask("POST", "/v2/password-resets", {"email": one})
        for one in (generated_account(3).email, unknown.email)
    ]
    assert [(answer.status, answer.text) for answer in resets] == [(202, "{}")] * 2


def test_too_many_failures_are_refused_for_a_while_even_with_the_right_password(visitor: Visitor) -> None:
    account = generated_account(5)
    statuses = [visitor.start_sign_in(account, "Wrong-Horse-7-Battery").status for _ in range(11)]
    assert statuses == [401] * 10 + [429]

    refused = visitor.start_sign_in(account)
    assert (refused.status, refused.json["error"]["code"]) == (429, "rate_limited")
    assert 1 <= int(refused.headers["retry-after"]) <= 60
    assert visitor.start_sign_in(generated_account(7)).status == 201


# Sessions


def test_a_visitor_sees_the_other_device_and_revokes_it(stack: StackState, visitor: Visitor) -> None:
    account = generated_account(9)
    phone = Visitor(stack.url)
    phone_session = phone.sign_in(account).json["session"]["id"]
    visitor.sign_in(account)
    assert phone.ask("GET", "/v2/account").status == 200

    sessions = visitor.ask("GET", "/v2/sessions").json["sessions"]
    assert [one["current"] for one in sessions] == [True, False]
    assert visitor.ask("DELETE", f"/v2/sessions/{phone_session}").status == 204
    assert phone.ask("GET", "/v2/account").status == 401
    assert visitor.ask("DELETE", f"/v2/sessions/{phone_session}").status == 404
    assert visitor.ask("GET", "/v2/account").status == 200


def test_nobody_can_revoke_the_session_of_another_account(stack: StackState, visitor: Visitor) -> None:
    other = Visitor(stack.url)
    session = other.sign_in(generated_account(11)).json["session"]["id"]
    visitor.sign_in(generated_account(13))

    assert visitor.ask("DELETE", f"/v2/sessions/{session}").status == 404
    assert other.ask("GET", "/v2/account").status == 200


def test_after_signing_out_the_token_is_worth_nothing(visitor: Visitor) -> None:
    visitor.sign_in(generated_account(15))
    token = next(cookie.value for cookie in visitor.jar)
    assert visitor.ask("DELETE", "/v2/sessions/current").status == 204

    assert visitor.ask("GET", "/v2/account", Authorization=f"Bearer {token}").status == 401


def test_a_forged_token_is_refused(visitor: Visitor) -> None:
    assert visitor.ask("GET", "/v2/account", Authorization="Bearer not.a.token").status == 401


# Password reset


def test_a_reset_arrives_as_a_message_sets_the_password_and_ends_all_sessions(
    stack: StackState, visitor: Visitor
) -> None:
    account = generated_account(17)
    visitor.sign_in(account)
    since = time.time()
    assert visitor.ask("POST", "/v2/password-resets", {"email": account.email}).status == 202

    inbox = Inbox(stack.outbox_url)
    eventually(lambda: inbox.newest(account.email, since) is not None, "a message with a token")
    message = inbox.newest(account.email, since)
    assert message is not None
    path = f"/v2/password-resets/{message.token}"
    assert visitor.ask("POST", path, {"password": "short"}).status == 422
    assert visitor.ask("POST", path, {"password": "Another-Horse-8-Battery"}).status == 204
    assert visitor.ask("POST", path, {"password": "Another-Horse-8-Battery"}).status == 410

    assert visitor.ask("GET", "/v2/account").status == 401
    assert visitor.start_sign_in(account).status == 401
    visitor.sign_in(account, "Another-Horse-8-Battery")


def test_a_reset_that_could_not_be_sent_is_sent_later(stack: StackState, visitor: Visitor) -> None:
    account = generated_account(19)
    since = time.time()
    with cut(stack, "messages"):
        assert visitor.ask("POST", "/v2/password-resets", {"email": account.email}).status == 202
        time.sleep(0.5)
        assert Inbox(stack.outbox_url).newest(account.email, since) is None

    eventually(lambda: Inbox(stack.outbox_url).newest(account.email, since) is not None, "the late message")


# Plan, profile, consents, erasure


def test_a_plan_change_sent_twice_is_done_once(visitor: Visitor) -> None:
    visitor.sign_in(generated_account(8))
    headers = {"Idempotency-Key": "a-key"}
    first = visitor.ask("POST", "/v2/plan-changes", {"plan": "family"}, **headers)
    again = visitor.ask("POST", "/v2/plan-changes", {"plan": "family"}, **headers)
    other = visitor.ask("POST", "/v2/plan-changes", {"plan": "basic"}, **headers)

    assert (first.status, first.json["plan_change"]["status"]) == (201, "applied")
    assert (again.status, again.text) == (201, first.text)
    assert (first.headers["idempotent-replay"], again.headers["idempotent-replay"]) == (None, "true")
    assert (other.status, other.json["error"]["code"]) == (422, "idempotency_key_reused")
    assert visitor.ask("GET", "/v2/account").json["plan"] == "family"
    assert len(visitor.ask("GET", "/v2/plan-changes").json["plan_changes"]) == 1
    kinds = [event["kind"] for event in visitor.ask("GET", "/v2/audit-events").json["events"]]
    assert kinds == ["plan_changed", "signed_in"]


def test_a_plan_change_needs_a_key_and_a_plan_that_exists(visitor: Visitor) -> None:
    visitor.sign_in(generated_account(21))

    assert visitor.ask("POST", "/v2/plan-changes", {"plan": "basic"}).status == 400
    assert visitor.ask("POST", "/v2/plan-changes", {"plan": "gold"}, **{"Idempotency-Key": "k"}).status == 422
    assert visitor.ask("POST", "/v2/plan-changes", {"plan": "basic"}, **{"Idempotency-Key": "k"}).status == 201


def test_profile_and_consents_are_kept_and_noted_without_their_content(visitor: Visitor) -> None:
    visitor.sign_in(generated_account(23))
    profile = visitor.ask("PATCH", "/v2/account/profile", {"name": "Someone Else"}).json
    assert (profile["name"], profile["phone"]) == ("Someone Else", "+999 000023")
    assert visitor.ask("PATCH", "/v2/account/profile", {"phone": "<script>"}).status == 422

    visitor.ask("PUT", "/v2/consents", {"marketing": True, "analytics": False})
    assert visitor.ask("GET", "/v2/consents").json == {"marketing": True, "analytics": False}
    events = visitor.ask("GET", "/v2/audit-events")
    assert [event["kind"] for event in events.json["events"]][:2] == ["consents_updated", "profile_updated"]
    assert "Someone" not in events.text


def test_an_erased_account_is_gone(stack: StackState, visitor: Visitor) -> None:
    account = generated_account(25)
    visitor.sign_in(account)
    since = time.time()
    visitor.ask("POST", "/v2/password-resets", {"email": account.email})
    inbox = Inbox(stack.outbox_url)
    eventually(lambda: inbox.newest(account.email, since) is not None, "a message to be erased")

    assert visitor.ask("DELETE", "/v2/account").status == 202
    assert visitor.ask("GET", "/v2/account").status == 401
    assert visitor.start_sign_in(account).status == 401
    eventually(lambda: inbox.newest(account.email, since) is None, "the partner forgot the message")


# Invoices and what they depend on


def test_invoices_are_listed_newest_first_and_opened_by_their_owner_only(stack: StackState, visitor: Visitor) -> None:
    visitor.sign_in(generated_account(27))
    invoices = visitor.ask("GET", "/v2/invoices").json["invoices"]
    assert [one["period"] for one in invoices] == sorted((one["period"] for one in invoices), reverse=True)
    opened = visitor.ask("GET", f"/v2/invoices/{invoices[0]['id']}").json
    assert sum(line["amount_cents"] for line in opened["lines"]) == opened["amount_cents"]

    other = Visitor(stack.url)
    other.sign_in(generated_account(29))
    assert other.ask("GET", f"/v2/invoices/{invoices[0]['id']}").status == 404
    assert other.ask("GET", "/v2/invoices/..%2f27").status == 404


def test_without_billing_known_invoices_are_shown_others_refused_and_all_is_well_afterwards(
    stack: StackState, visitor: Visitor
) -> None:
    visitor.sign_in(generated_account(31))
    known = visitor.ask("GET", "/v2/invoices").json["invoices"]
    with cut(stack, "billing"):
        assert visitor.ask("GET", "/v2/invoices").json["invoices"] == known
        refused = [visitor.ask("GET", f"/v2/invoices/{known[0]['id']}") for _ in range(12)]
        assert {answer.status for answer in refused} == {503}
        assert {answer.json["error"]["code"] for answer in refused} == {"billing_unavailable"}
        assert all(int(answer.headers["retry-after"]) >= 1 for answer in refused)
        assert _breaker_states(stack, "billing") == {2.0}

    def served_by_every_replica() -> bool:
        replicas = [process for process in stack_status(stack).processes if process.kind == "replica"]
        each = [Visitor(replica.url, jar=visitor.jar) for replica in replicas]
        return all(one.ask("GET", f"/v2/invoices/{known[0]['id']}").status == 200 for one in each)

    eventually(served_by_every_replica, "billing is asked again, by each replica's own breaker")


def _breaker_states(stack: StackState, link: str) -> set[float]:
    """Of those replicas that serve and were asked: 0 closed, 1 half open, 2 open."""
    texts = []
    for process in stack_status(stack).processes:
        if process.kind == "replica":
            with suppress(OSError):  # one that another test killed is on its way back
                texts.append(Visitor(process.url).ask("GET", "/metrics").text)
    states = {
        float(line.split()[-1])
        for text in texts
        for line in text.splitlines()
        if line.startswith(f'account_breaker_state{{link="{link}"}}')
    }
    return states - {0.0} or states


def test_without_valkey_the_service_goes_on_and_revocation_still_works(stack: StackState, visitor: Visitor) -> None:
    visitor.sign_in(generated_account(33))
    with cut(stack, "valkey"):
        assert visitor.ask("GET", "/v2/account").status == 200
        other = Visitor(stack.url)
        other.sign_in(generated_account(33))
        assert other.ask("DELETE", "/v2/sessions/current").status == 204
        assert visitor.ask("GET", "/readyz").status == 503
    eventually(lambda: visitor.ask("GET", "/readyz").status == 200, "ready again")


def test_without_postgresql_it_is_not_ready_and_says_when_to_come_back_and_recovers(
    stack: StackState, visitor: Visitor
) -> None:
    visitor.sign_in(generated_account(35))
    with cut(stack, "postgres"):
        refused = visitor.ask("GET", "/v2/account")
        assert (refused.status, refused.json["error"]["code"]) == (503, "database_unavailable")
        assert refused.headers["retry-after"] == "1"
        assert visitor.ask("GET", "/healthz").status == 200
        assert visitor.ask("GET", "/readyz").status == 503
    eventually(lambda: visitor.ask("GET", "/v2/account").status == 200, "the database is used again")


def test_sessions_survive_the_identity_partner_and_new_ones_wait_for_it(stack: StackState, visitor: Visitor) -> None:
    visitor.sign_in(generated_account(37))
    with cut(stack, "identity"):
        assert visitor.ask("GET", "/v2/account").status == 200
        assert Visitor(stack.url).start_sign_in(generated_account(39)).json["error"]["code"] == "identity_unavailable"
    eventually(lambda: Visitor(stack.url).start_sign_in(generated_account(39)).status == 201, "sign-in works again")


def test_after_a_rotation_of_keys_old_and_new_tokens_are_good(stack: StackState, visitor: Visitor) -> None:
    visitor.sign_in(generated_account(41))
    ask(f"{stack.outbox_url}/keys/rotate", "POST")
    other = Visitor(stack.url)
    other.sign_in(generated_account(43))

    for one in (visitor, other):
        eventually(lambda one=one: one.ask("GET", "/v2/account").status == 200, "the token is good")  # type: ignore[misc]


# The supervisor


def test_a_killed_replica_is_not_missed_and_comes_back(stack: StackState, visitor: Visitor) -> None:
    visitor.sign_in(generated_account(45))
    before = _process(stack, "account-1")
    assert control(stack, "/processes/account-1/kill") == {"pid": before.pid}
    # Whoever it had accepted dies with it; what comes once it is gone goes to the other one.
    eventually(lambda: not Path(f"/proc/{before.pid}").exists(), "the replica is gone")

    statuses = [Visitor(stack.url, jar=visitor.jar).ask("GET", "/v2/account").status for _ in range(10)]
    assert statuses == [200] * 10
    eventually(lambda: _process(stack, "account-1").state == "running", "the replica was restarted")
    after = _process(stack, "account-1")
    assert after.pid != before.pid
    assert after.restarts == before.restarts + 1


def test_a_killed_replica_can_be_started_at_once_and_starting_it_again_changes_nothing(stack: StackState) -> None:
    control(stack, "/processes/account-2/kill")
    pid = control(stack, "/processes/account-2/start")["pid"]

    assert pid == _process(stack, "account-2").pid == control(stack, "/processes/account-2/start")["pid"]
    url = _process(stack, "account-2").url
    eventually(lambda: _status_of(f"{url}/readyz") == 200, "the replica is ready")


def test_a_paused_replica_is_shown_as_such_and_resumed(stack: StackState) -> None:
    control(stack, "/processes/account-2/pause")
    try:
        assert _process(stack, "account-2").state == "paused"
    finally:
        control(stack, "/processes/account-2/resume")
    assert _process(stack, "account-2").state == "running"


def test_a_killed_database_comes_back_with_its_data(stack: StackState, visitor: Visitor) -> None:
    visitor.sign_in(generated_account(47))
    visitor.ask("PATCH", "/v2/account/profile", {"name": "Still Here"})
    control(stack, "/processes/postgres/kill")

    eventually(lambda: visitor.ask("GET", "/v2/account").status == 200, "the database is back")
    assert visitor.ask("GET", "/v2/account").json["name"] == "Still Here"


def test_the_control_api_wants_its_token_and_knows_its_processes(stack: StackState) -> None:
    assert Visitor(stack.control_url).ask("GET", "/status").status == 401
    assert Visitor(stack.control_url).ask("POST", "/stop", Authorization="Bearer guess").status == 401
    unknown = Visitor(stack.control_url).ask(
        "POST", "/processes/account-9/kill", Authorization=f"Bearer {stack.control_token}"
    )
    assert (unknown.status, "account-1" in unknown.text) == (404, True)
    assert {process.name for process in stack_status(stack).processes} == {
        "postgres", "valkey", "proxy", "partners", "account-1", "account-2"
    }  # fmt: skip


def test_metrics_have_routes_and_no_ids(stack: StackState, visitor: Visitor) -> None:
    visitor.sign_in(generated_account(49))
    invoice = visitor.ask("GET", "/v2/invoices").json["invoices"][0]["id"]
    answer = visitor.ask("GET", f"/v2/invoices/{invoice}")
    process = _process(stack, answer.headers["x-replica"])
    text = Visitor(process.url).ask("GET", "/metrics").text

    assert 'account_requests_total{method="GET",route="/v2/invoices/{invoice}",status="200"}' in text
    assert invoice not in text


def test_no_log_holds_anything_of_a_visitor(stack: StackState, visitor: Visitor) -> None:
    visitor.sign_in(generated_account(51))
    token = next(cookie.value for cookie in visitor.jar) or ""
    for log in Path(stack.state_dir, "logs").iterdir():
        text = log.read_text(errors="replace")
        for secret in ("accounts.invalid", "Visitor 0", "+999", "Correct-Horse", token, stack.control_token):
            assert secret not in text, f"{log.name} holds {secret}"


# Pages


def test_a_person_signs_in_with_a_code_and_reads_an_invoice_on_pages(visitor: Visitor) -> None:
    account = generated_account(10)
    page = visitor.ask("GET", "/account")
    assert "<h1>Sign in</h1>" in page.text
    wrong = visitor.ask("POST", "/sign-in", form={"email": account.email, "password": "wrong"})
    assert (wrong.status, 'role="alert"' in wrong.text) == (401, True)

    page = visitor.ask("POST", "/sign-in", form={"email": account.email, "password": account.password})
    assert ">Authentication code</label>" in page.text
    challenge = page.text.split('name="challenge" value="')[1].split('"')[0]
    page = visitor.ask("POST", "/sign-in/code", form={"challenge": challenge, "code": visitor.next_code(account)})
    assert "<h1>Your account</h1>" in page.text

    page = visitor.ask("GET", "/invoices")
    invoice = page.text.split('href="/invoices/')[1].split('"')[0]
    assert f"<h1>Invoice {invoice[-7:]}</h1>" in visitor.ask("GET", f"/invoices/{invoice}").text
    for path, heading in (
        ("/plan", "Plan"),
        ("/profile", "Profile"),
        ("/consents", "Consents"),
        ("/security", "Security"),
    ):
        page = visitor.ask("GET", path)
        assert page.text.count("<h1>") == 1
        assert f"<h1>{heading}</h1>" in page.text

    assert "<h1>Sign in</h1>" in visitor.ask("POST", "/sign-out", form={}).text
    assert "<h1>Sign in</h1>" in visitor.ask("GET", "/account").text


def test_a_person_changes_the_plan_and_resets_the_password_on_pages(stack: StackState, visitor: Visitor) -> None:
    account = generated_account(53)
    visitor.ask("POST", "/sign-in", form={"email": account.email, "password": account.password})
    key = visitor.ask("GET", "/plan").text.split('name="idempotency_key" value="')[1].split('"')[0]
    page = visitor.ask("POST", "/plan", form={"plan": "premium", "idempotency_key": key})
    assert "Your plan was changed." in page.text

    since = time.time()
    page = visitor.ask("POST", "/forgot-password", form={"email": account.email})
    assert "If an account exists for this address, a message is on its way." in page.text
    inbox = Inbox(stack.outbox_url)
    eventually(lambda: inbox.newest(account.email, since) is not None, "a message")
    message = inbox.newest(account.email, since)
    assert message is not None
    assert ">New password</label>" in visitor.ask("GET", f"/reset-password?token={message.token}").text
    page = visitor.ask("POST", "/reset-password", form={"token": message.token, "password": "Another-Horse-8-Battery"})
    assert "<h1>Password changed</h1>" in page.text


def test_a_form_sent_from_another_site_is_refused(visitor: Visitor) -> None:
    answer = visitor.ask("POST", "/sign-in", form={"email": "a", "password": "b"}, **{"Sec-Fetch-Site": "cross-site"})

    assert answer.status == 403


# Down


def test_a_second_stack_in_the_same_folder_is_refused_with_words(stack: StackState) -> None:
    assert read_stack(Path(stack.state_dir)) == stack
    with pytest.raises(TargetError, match="running here already"):
        start_stack(StackSettings(), Path(stack.state_dir))


def test_a_stack_that_goes_down_leaves_no_process_port_or_file(tmp_path: Path) -> None:
    state = start_stack(StackSettings(replicas=1, accounts=5), tmp_path / "state", owner_pipe=True)
    scratch = Path(json.loads((tmp_path / "state" / "scratch.json").read_text())["scratch"])
    processes = stack_status(state).processes
    proxies = ProxyClient(state.proxy_url, state.proxy_token).proxies()
    assert scratch.is_dir()
    stop_stack(state)
    stop_stack(state)

    assert not any(Path(f"/proc/{process.pid}").exists() for process in processes)
    ports = [urllib.parse.urlsplit(process.url).port for process in processes]
    ports += [int(link.listen.rpartition(":")[2]) for link in proxies.values()]
    assert all(is_free(port) for port in ports if port)
    assert not scratch.exists()
    assert list(tmp_path.iterdir()) == []
    assert read_stack(tmp_path / "state") is None


def test_a_stack_that_cannot_come_up_says_why_and_leaves_its_logs_only(tmp_path: Path, stack: StackState) -> None:
    port = urllib.parse.urlsplit(stack.url).port
    with pytest.raises(TargetError, match=f"port {port} is taken"):
        start_stack(StackSettings(port=port), tmp_path / "state")

    assert [path.name for path in (tmp_path / "state").iterdir()] == ["logs"]


def _process(stack: StackState, name: str) -> Any:
    return next(process for process in stack_status(stack).processes if process.name == name)


def _status_of(url: str) -> int:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code
    except OSError:
        return 0


def test_a_refreshed_session_takes_the_place_of_the_old_one_which_ends(stack: StackState) -> None:
    account = generated_account(181)
    visitor, thief = Visitor(stack.url), Visitor(stack.url)
    opened = visitor.start_sign_in(account).json["session"]["id"]
    for cookie in visitor.jar:
        thief.jar.set_cookie(cookie)
    assert thief.ask("GET", "/v2/account").status == 200
    refreshed = visitor.ask("POST", "/v2/sessions/current/refresh")
    assert (refreshed.status, refreshed.json["session"]["id"] != opened) == (201, True)
    assert visitor.ask("GET", "/v2/account").status == 200
    assert thief.ask("GET", "/v2/account").status == 401
    assert thief.ask("POST", "/v2/sessions/current/refresh").status == 401
    assert [one["id"] for one in visitor.ask("GET", "/v2/sessions").json["sessions"]] == [
        refreshed.json["session"]["id"]
    ]


def test_signing_up_gives_away_nothing_and_changes_no_account_that_exists(stack: StackState) -> None:
    account = generated_account(183)
    visitor = Visitor(stack.url)
    taken = visitor.ask("POST", "/v2/accounts", {"email": account.email, "password": "Another-Password-1"})
    fresh = visitor.ask("POST", "/v2/accounts", {"email": "new-one@accounts.invalid", "password": account.password})
    assert (taken.status, taken.text) == (fresh.status, fresh.text) == (202, "{}")
    assert visitor.start_sign_in(account, "Another-Password-1").status == 401
    assert visitor.start_sign_in(account).status == 201
    for email in ("somebody@example.com", "@accounts.invalid", "a@b@accounts.invalid"):
        asked = {"email": email, "password": account.password}
        assert visitor.ask("POST", "/v2/accounts", asked).status == 422


def test_a_stack_is_up_when_every_replica_takes_its_share_also_one_that_was_slow_to_start(tmp_path: Path) -> None:
    supervisor = Supervisor(StackSettings(accounts=20), tmp_path / "state")

    def left_out() -> list[str]:
        if supervisor.state is None:
            return []
        try:
            upstreams = ProxyClient(supervisor.state.proxy_url).balancers()["edge"]
        except TargetError:
            return []
        return [one.upstream for one in upstreams if not one.healthy]

    async def holds(condition: Callable[[], Any]) -> None:
        async with asyncio.timeout(4 * DEADLINE):
            while not await asyncio.to_thread(condition):  # noqa: ASYNC110 - nobody sets an event
                await asyncio.sleep(0.02)

    async def opened() -> list[str]:
        opening = asyncio.create_task(supervisor.open())
        try:
            await holds(lambda: "account-1" in supervisor.processes and supervisor.processes["account-1"].pid)
            pid = supervisor.processes["account-1"].pid
            assert pid is not None
            os.kill(pid, signal.SIGSTOP)
            await holds(left_out)
            os.kill(pid, signal.SIGCONT)
            await opening
            return left_out()
        finally:
            opening.cancel()
            await supervisor.close()

    assert asyncio.run(opened()) == []
