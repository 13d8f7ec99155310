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
from holdfast.kit.client import Client
from holdfast.kit.inbox import Inbox
from holdfast.kit.outcome import OutcomeError, failed
from holdfast.kit.totp import StepLedger
from holdfast.record.sample import TIMED_OUT

MESSAGE_DEADLINE: Final = 10.0  # seconds: a customer who waits longer for a reset mail asks for another one
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


class ReferenceService:
    """Speaks the reference stack's API v2. One visitor's: the session lives in the client's cookies."""

    def __init__(self, client: Client, inbox: Inbox | None, clock: Clock, ledger: StepLedger) -> None:
        self._client = client
        self._inbox = inbox
        self._clock = clock
        self._ledger = ledger

    def sign_in(self, account: Account) -> None:
        asked = {"email": account.email, "password": account.password}
        response = self._client.request("POST", "/v2/sessions", json=asked, expect=(200, 201), name="POST session")
        if response.status == 200:
            self.submit_code(account, Answer(response.json()).text("challenge_id"))

    def submit_code(self, account: Account, challenge_id: str) -> None:
        if account.totp_secret is None:
            raise failed("unexpected_challenge")
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
        response = self._client.request(
            "POST",
            "/v2/plan-changes",
            json={"plan": plan},
            headers={"Idempotency-Key": idempotency_key},
            expect=(200, 201),
            name="POST plan change",
        )
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
