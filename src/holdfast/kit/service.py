"""The self-service adapter: what a visitor can do, whatever the stack behind is.

Scenarios, audits and checks call these operations; the adapter turns each into requests. The reference adapter speaks
the reference stack's API v2. For a stack of your own write one Python file with a function

    def self_service(client, inbox, clock, ledger) -> SelfService: ...

and name it as the target's `adapter` in holdfast.yaml; subclassing `ReferenceService` saves what is alike.
"""

from dataclasses import dataclass
from typing import Final, Protocol
from urllib.parse import quote

from holdfast.clock import Clock
from holdfast.kit.accounts import Account
from holdfast.kit.answer import Answer
from holdfast.kit.client import Client, Response
from holdfast.kit.inbox import Inbox
from holdfast.kit.outcome import OutcomeError, challenged, failed
from holdfast.kit.totp import StepLedger
from holdfast.record.sample import REJECTED, TIMED_OUT

MESSAGE_DEADLINE: Final = 10.0  # seconds: a customer who waits longer for a reset mail asks for another one
MOST_GUESSES: Final = 20  # of one visit: an attack scenario is a check of limits, not a means to break in
ATTACK_HEADER: Final = "X-Holdfast-Attack"  # so that the target's people can tell a drill from the real thing
ATTACKS: Final = ("guess_password", "probe_password_reset")  # operations: a scenario that uses one is an attack
_MESSAGE_POLL: Final = 0.1


@dataclass(frozen=True, slots=True)
class Invoice:
    """`amount_cents` in the smallest unit of `currency`."""

    id: str
    period: str
    amount_cents: int
    currency: str
    status: str


@dataclass(frozen=True, slots=True)
class Plan:
    """A tariff. `price_cents` a month."""

    id: str
    name: str
    price_cents: int


@dataclass(frozen=True, slots=True)
class PlanChange:
    """A change that was acknowledged; `replayed` when the target recognised the idempotency key."""

    id: str
    plan: str
    status: str
    replayed: bool


@dataclass(frozen=True, slots=True)
class Profile:
    """What the account page shows."""

    email: str
    name: str
    phone: str
    plan: str
    mfa: bool


@dataclass(frozen=True, slots=True)
class Session:
    """A signed-in device."""

    id: str
    current: bool


@dataclass(frozen=True, slots=True)
class Consents:
    """What the customer agreed to."""

    marketing: bool
    analytics: bool


@dataclass(frozen=True, slots=True)
class Reply:
    """How the target answered somebody it must tell nothing: compare two with ==. `body` as it came."""

    status: int
    body: bytes


class SelfService(Protocol):
    """The operations. Each raises OutcomeError when the target does otherwise than it must."""

    def sign_in(self, account: Account) -> None:
        """Password, then a one-time code when the target asks for one."""
        ...

    def submit_code(self, account: Account, challenge_id: str) -> None: ...
    def sign_out(self) -> None: ...
    def list_invoices(self) -> tuple[Invoice, ...]:
        """Newest first."""
        ...

    def open_invoice(self, invoice: Invoice) -> None: ...
    def current_plan(self) -> str: ...
    def list_plans(self) -> tuple[Plan, ...]: ...
    def change_plan(self, plan: str, idempotency_key: str) -> PlanChange: ...
    def request_password_reset(self, email: str) -> float:
        """When it was asked for, seconds since the epoch: hand it to `wait_for_reset_token`."""
        ...

    def wait_for_reset_token(self, email: str, since: float) -> str: ...
    def complete_password_reset(self, token: str, password: str) -> None: ...
    def read_profile(self) -> Profile: ...
    def update_profile(self, *, name: str | None = None, phone: str | None = None) -> Profile: ...
    def list_sessions(self) -> tuple[Session, ...]: ...
    def read_consents(self) -> Consents: ...
    def update_consent(self, *, marketing: bool, analytics: bool) -> Consents: ...
    def refresh_session(self) -> Session:
        """The session that takes the present one's place; the present one ends."""
        ...

    def open_sign_in_page(self) -> None: ...
    def sign_up(self, account: Account) -> None:
        """A new test account, without a second factor. Where the target has none: `sign_up = not_offered`."""
        ...

    def erase_account(self) -> None:
        """Erases the account that is signed in, for good. Only ever one that the visit signed up itself."""
        ...

    def sign_in_v1(self, account: Account) -> None:
        """By the old API; the old token is the adapter's to keep."""
        ...

    def read_profile_v1(self) -> Profile: ...
    def list_invoices_v1(self) -> tuple[Invoice, ...]: ...
    def guess_password(self, email: str, password: str) -> Reply:
        """Sign in with a wrong password, marked as an attack. OutcomeError: rate_limited, or failed "let_in"."""
        ...

    def probe_password_reset(self, email: str) -> Reply:
        """Ask for a reset, marked as an attack, to see what the answer gives away."""
        ...


class ReferenceService:
    """Speaks the reference stack's API v2. One visitor's: the session lives in the client's cookies."""

    def __init__(self, client: Client, inbox: Inbox | None, clock: Clock, ledger: StepLedger) -> None:
        self._client = client
        self._inbox = inbox
        self._clock = clock
        self._ledger = ledger
        self._token_v1 = ""
        self._guesses = 0

    def sign_in(self, account: Account) -> None:
        asked = {"email": account.email, "password": account.password}
        response = self._client.request("POST", "/v2/sessions", json=asked, expect=(200, 201), name="POST session")
        if response.status == 200:
            self.submit_code(account, Answer(response.json()).text("challenge_id"))

    def submit_code(self, account: Account, challenge_id: str) -> None:
        if account.totp_secret is None:
            raise challenged("code")
        turn = self._ledger.next_code(account.totp_secret, self._clock.now())
        self._clock.sleep(turn.wait)
        path = f"/v2/sessions/challenges/{quote(challenge_id, safe='')}"
        self._client.request("POST", path, json={"code": turn.code}, expect=(201,), name="POST code")

    def sign_out(self) -> None:
        self._client.request("DELETE", "/v2/sessions/current", expect=(204,), name="DELETE session")

    def list_invoices(self) -> tuple[Invoice, ...]:
        found = Answer(self._client.request("GET", "/v2/invoices", name="GET invoices").json()).items("invoices")
        return tuple(_invoice(one) for one in found)

    def open_invoice(self, invoice: Invoice) -> None:
        path = f"/v2/invoices/{quote(invoice.id, safe='')}"
        answer = Answer(self._client.request("GET", path, expect=(200,), name="GET invoice").json())
        if answer.text("id") != invoice.id:
            raise failed("another_invoice")

    def current_plan(self) -> str:
        return self.read_profile().plan

    def list_plans(self) -> tuple[Plan, ...]:
        found = Answer(self._client.request("GET", "/v2/plans", name="GET plans").json()).items("plans")
        return tuple(Plan(one.text("id"), one.text("name"), one.number("price_cents")) for one in found)

    def change_plan(self, plan: str, idempotency_key: str) -> PlanChange:
        try:
            response = self._client.request(
                "POST",
                "/v2/plan-changes",
                json={"plan": plan},
                headers={"Idempotency-Key": idempotency_key},
                expect=(200, 201),
                name="POST plan change",
            )
        except OutcomeError as error:
            if (error.outcome, error.detail) == (REJECTED, "403"):
                raise challenged("fresh_factor") from error
            raise
        change = Answer(response.json()).inner("plan_change")
        replayed = response.headers.get("idempotent-replay", "").lower() == "true"
        return PlanChange(change.text("id"), change.text("plan"), change.text("status"), replayed)

    def request_password_reset(self, email: str) -> float:
        since = self._clock.now()
        asked = {"email": email}
        self._client.request("POST", "/v2/password-resets", json=asked, expect=(202,), name="POST password reset")
        return since

    def wait_for_reset_token(self, email: str, since: float) -> str:
        """Poll the inbox for at most 10 s; OutcomeError `timed_out` "no_message" when none came."""
        if self._inbox is None:
            raise failed("no_outbox")  # the target names no outbox_url
        deadline = self._clock.now() + MESSAGE_DEADLINE
        while True:
            message = self._inbox.newest(email, since)
            if message is not None and message.token:
                return message.token
            if self._clock.now() >= deadline:
                raise OutcomeError(TIMED_OUT, "no_message")
            self._clock.sleep(_MESSAGE_POLL)

    def complete_password_reset(self, token: str, password: str) -> None:
        path = f"/v2/password-resets/{quote(token, safe='')}"
        self._client.request("POST", path, json={"password": password}, expect=(204,), name="POST new password")

    def read_profile(self) -> Profile:
        return _profile(Answer(self._client.request("GET", "/v2/account", expect=(200,), name="GET account").json()))

    def update_profile(self, *, name: str | None = None, phone: str | None = None) -> Profile:
        asked = {key: value for key, value in {"name": name, "phone": phone}.items() if value is not None}
        answer = self._client.request("PATCH", "/v2/account/profile", json=asked, expect=(200,), name="PATCH profile")
        return _profile(Answer(answer.json()))

    def list_sessions(self) -> tuple[Session, ...]:
        found = Answer(self._client.request("GET", "/v2/sessions", name="GET sessions").json()).items("sessions")
        return tuple(Session(one.text("id"), one.flag("current")) for one in found)

    def read_consents(self) -> Consents:
        return _consents(Answer(self._client.request("GET", "/v2/consents", name="GET consents").json()))

    def update_consent(self, *, marketing: bool, analytics: bool) -> Consents:
        asked = {"marketing": marketing, "analytics": analytics}
        return _consents(Answer(self._client.request("PUT", "/v2/consents", json=asked, name="PUT consents").json()))

    def refresh_session(self) -> Session:
        answer = self._client.request("POST", "/v2/sessions/current/refresh", expect=(201,), name="POST refresh")
        return Session(Answer(answer.json()).inner("session").text("id"), current=True)

    def open_sign_in_page(self) -> None:
        self._client.request("GET", "/sign-in", expect=(200,), name="GET sign-in page")

    def sign_up(self, account: Account) -> None:
        asked = {"email": account.email, "password": account.password}
        self._client.request("POST", "/v2/accounts", json=asked, expect=(202,), name="POST account")

    def erase_account(self) -> None:
        self._client.request("DELETE", "/v2/account", expect=(202,), name="DELETE account")

    def sign_in_v1(self, account: Account) -> None:
        asked = {"email": account.email, "password": account.password}
        if account.totp_secret is not None:
            turn = self._ledger.next_code(account.totp_secret, self._clock.now())
            self._clock.sleep(turn.wait)
            asked["code"] = turn.code
        answer = self._client.request("POST", "/v1/login", json=asked, expect=(200,), name="POST v1 login")
        self._token_v1 = Answer(answer.json()).text("token")

    def read_profile_v1(self) -> Profile:
        return _profile(Answer(self._get_v1("/v1/account", "GET v1 account").json()))

    def list_invoices_v1(self) -> tuple[Invoice, ...]:
        found = Answer(self._get_v1("/v1/invoices", "GET v1 invoices").json()).items("invoices")
        return tuple(_invoice(one) for one in found)

    def guess_password(self, email: str, password: str) -> Reply:
        """Raises ValueError after MOST_GUESSES of one visit: that is a scenario's bug."""
        self._guesses += 1
        if self._guesses > MOST_GUESSES:
            raise ValueError(f"a visit makes at most {MOST_GUESSES} guesses")
        asked = {"email": email, "password": password}
        reply = self._attack("/v2/sessions", asked, (401, 200, 201), "POST guess")
        if reply.status != 401:
            raise failed("let_in")
        return reply

    def probe_password_reset(self, email: str) -> Reply:
        return self._attack("/v2/password-resets", {"email": email}, (202,), "POST reset probe")

    def _attack(self, path: str, asked: dict[str, str], expect: tuple[int, ...], name: str) -> Reply:
        marked = {ATTACK_HEADER: "1"}
        answer = self._client.request("POST", path, json=asked, headers=marked, expect=expect, name=name)
        return Reply(answer.status, answer.body)

    def _get_v1(self, path: str, name: str) -> Response:
        bearer = {"Authorization": f"Bearer {self._token_v1}"}
        return self._client.request("GET", path, headers=bearer, expect=(200,), name=name)


def _invoice(one: Answer) -> Invoice:
    return Invoice(
        one.text("id"), one.text("period"), one.number("amount_cents"), one.text("currency"), one.text("status")
    )


def _profile(answer: Answer) -> Profile:
    return Profile(
        email=answer.text("email"),
        name=answer.text("name", ""),
        phone=answer.text("phone", ""),
        plan=answer.text("plan", ""),
        mfa=answer.flag("mfa"),
    )


def _consents(answer: Answer) -> Consents:
    return Consents(answer.flag("marketing"), answer.flag("analytics"))
