"""An example of an adapter: how the API of an imagined company, acme, does what the scenarios ask for.

Its shape is not the reference stack's: OAuth 2.0 with a bearer token, a second factor as a step of its own, 403 with a
code for whatever it refuses, camelCase, pages, amounts as decimal strings, 409 for a repeated order, a reset by a code
in an e-mail. Copy what you need. docs/guides/write-an-adapter.md explains it, `holdfast validate --target` checks it.
"""

import re
from typing import Any
from urllib.parse import quote

from holdfast.clock import Clock
from holdfast.kit.accounts import Account
from holdfast.kit.answer import Answer
from holdfast.kit.client import Client, Response
from holdfast.kit.inbox import Inbox
from holdfast.kit.outcome import OutcomeError, failed, not_offered
from holdfast.kit.service import Consents, Invoice, Plan, PlanChange, Profile, Session
from holdfast.kit.totp import StepLedger
from holdfast.record.sample import REJECTED, TIMED_OUT

PAGE_SIZE = 50
MOST_PAGES = 20  # a target that never says "last page" must not hold a visitor for ever
MAIL_DEADLINE = 10.0
MAIL_POLL = 0.1
EARLY = 5.0  # seconds before its end at which a token is renewed


class Acme:
    """One visitor's: the tokens are kept here, cookies (there are none) would be kept by the client."""

    def __init__(self, client: Client, inbox: Inbox | None, clock: Clock, ledger: StepLedger) -> None:
        self._client = client
        self._inbox = inbox
        self._clock = clock
        self._ledger = ledger
        self._access = ""
        self._refresh = ""
        self._ends_at = 0.0
        self._resetting = ""  # the address whose password is being reset: acme wants it with the code

    # Signing in: 200 with tokens, or 403 with a code.

    def sign_in(self, account: Account) -> None:
        asked = {"grant_type": "password", "username": account.email, "password": account.password}
        response = self._client.request("POST", "/oauth/token", form=asked, expect=(200, 403), name="POST token")
        if response.status == 200:
            self._keep(response)
            return
        error = Answer(response.json()).inner("error")
        if error.text("code") != "second_factor_required":
            raise OutcomeError(REJECTED, _word(error.text("code")))
        self.submit_code(account, error.inner("details").text("mfaToken"))

    def submit_code(self, account: Account, challenge_id: str) -> None:
        if account.totp_secret is None:
            raise failed("unexpected_challenge")
        turn = self._ledger.next_code(account.totp_secret, self._clock.now())
        self._clock.sleep(turn.wait)  # a code is accepted once
        asked = {"mfaToken": challenge_id, "otp": turn.code}
        self._keep(self._client.request("POST", "/oauth/step-up", json=asked, expect=(200,), name="POST step-up"))

    def refresh_session(self) -> Session:
        asked = {"grant_type": "refresh_token", "refresh_token": self._refresh}
        response = self._client.request("POST", "/oauth/token", form=asked, expect=(200,), name="POST refresh")
        self._keep(response)
        return Session(Answer(response.json()).text("deviceId"), current=True)

    def sign_out(self) -> None:
        self._ask("POST", "/oauth/revoke", name="POST revoke")
        self._access = self._refresh = ""
        self._ends_at = 0.0

    # Billing: pages, and amounts as decimal strings.

    def list_invoices(self) -> tuple[Invoice, ...]:
        found: list[Invoice] = []
        for page in range(1, MOST_PAGES + 1):
            path = f"/api/invoices?page={page}&pageSize={PAGE_SIZE}"
            answer = Answer(self._ask("GET", path, name="GET invoices").json())
            found += [_invoice(one) for one in answer.items("items")]
            if page >= answer.number("pages"):
                break
        return tuple(sorted(found, key=lambda invoice: invoice.period, reverse=True))  # acme's come oldest first

    def open_invoice(self, invoice: Invoice) -> None:
        path = f"/api/invoices/{quote(invoice.id, safe='', errors='replace')}"
        if Answer(self._ask("GET", path, name="GET invoice").json()).text("invoiceNo") != invoice.id:
            raise failed("another_invoice")

    # Plans: acme says "tariff"; a repeated order is 409, with the order that it repeats.

    def current_plan(self) -> str:
        return self.read_profile().plan

    def list_plans(self) -> tuple[Plan, ...]:
        found = Answer(self._ask("GET", "/api/tariffs", name="GET tariffs").json()).items("items")
        return tuple(Plan(one.text("tariffId"), one.text("displayName"), _cents(one, "monthlyPrice")) for one in found)

    def change_plan(self, plan: str, idempotency_key: str) -> PlanChange:
        asked = {"tariffId": plan, "requestId": idempotency_key}
        response = self._ask("POST", "/api/tariff-orders", json=asked, expect=(200, 409), name="POST tariff order")
        answer = Answer(response.json())
        replayed = response.status == 409
        if replayed:
            answer = answer.inner("error")
            if answer.text("code") != "duplicate_request":
                raise OutcomeError(REJECTED, _word(answer.text("code")))
            answer = answer.inner("details")
        order = answer.inner("order")
        return PlanChange(order.text("orderId"), order.text("tariffId"), order.text("state").lower(), replayed)

    # A forgotten password: a code of six digits by e-mail, read from an outbox of another shape.

    def request_password_reset(self, email: str) -> float:
        since = self._clock.now()
        asked = {"emailAddress": email}
        self._client.request("POST", "/api/forgot-password", json=asked, expect=(200,), name="POST forgot password")
        return since

    def wait_for_reset_token(self, email: str, since: float) -> str:
        if self._inbox is None:
            raise failed("no_outbox")  # the target names no outbox_url
        self._resetting = email
        deadline = self._clock.now() + MAIL_DEADLINE
        while True:
            mails = Answer(self._inbox.read(f"/mailbox/{quote(email, safe='')}")).items("mails")
            for mail in reversed(mails):
                code = re.search(r"\b\d{6}\b", mail.text("text"))
                if code is not None and mail.number("sentAtMillis") >= since * 1000 - 1:
                    return code[0]
            if self._clock.now() >= deadline:
                raise OutcomeError(TIMED_OUT, "no_message")
            self._clock.sleep(MAIL_POLL)

    def complete_password_reset(self, token: str, password: str) -> None:
        asked = {"emailAddress": self._resetting, "code": token, "newPassword": password}
        self._client.request(
            "POST", "/api/forgot-password/confirm", json=asked, expect=(200,), name="POST new password"
        )

    # The account.

    def read_profile(self) -> Profile:
        return _profile(Answer(self._ask("GET", "/api/me", name="GET me").json()))

    def update_profile(self, *, name: str | None = None, phone: str | None = None) -> Profile:
        asked = {key: value for key, value in {"fullName": name, "mobileNumber": phone}.items() if value is not None}
        return _profile(Answer(self._ask("PUT", "/api/me", json=asked, name="PUT me").json()))

    def list_sessions(self) -> tuple[Session, ...]:
        found = Answer(self._ask("GET", "/api/devices", name="GET devices").json()).items("items")
        return tuple(Session(one.text("deviceId"), one.flag("thisDevice")) for one in found)

    def read_consents(self) -> Consents:
        return _consents(Answer(self._ask("GET", "/api/consents", name="GET consents").json()))

    def update_consent(self, *, marketing: bool, analytics: bool) -> Consents:
        wished = {"MARKETING": marketing, "ANALYTICS": analytics}
        asked = {"choices": [{"purpose": purpose, "granted": granted} for purpose, granted in wished.items()]}
        return _consents(Answer(self._ask("PUT", "/api/consents", json=asked, name="PUT consents").json()))

    def open_sign_in_page(self) -> None:
        self._client.request("GET", "/login", expect=(200,), name="GET login page")

    # What acme does not have. A run whose scenario needs one of these is refused before it starts.

    sign_up = not_offered
    erase_account = not_offered  # by letter only
    sign_in_v1 = read_profile_v1 = list_invoices_v1 = not_offered
    guess_password = probe_password_reset = not_offered  # attacks are forbidden on this stack

    # How acme is asked.

    def _ask(self, method: str, path: str, *, expect: tuple[int, ...] = (200,), **more: Any) -> Response:
        """One request as the customer who is signed in."""
        if self._refresh and self._clock.now() >= self._ends_at - EARLY:
            self.refresh_session()
        headers = {"Authorization": f"Bearer {self._access}"}
        return self._client.request(method, path, headers=headers, expect=expect, **more)

    def _keep(self, response: Response) -> None:
        tokens = Answer(response.json())
        self._access = _header_text(tokens, "accessToken")
        self._refresh = _header_text(tokens, "refreshToken")
        self._ends_at = self._clock.now() + tokens.number("expiresInSeconds")


def self_service(client: Client, inbox: Inbox | None, clock: Clock, ledger: StepLedger) -> Acme:
    """holdfast calls this once for each visitor."""
    return Acme(client, inbox, clock, ledger)


def _invoice(one: Answer) -> Invoice:
    return Invoice(
        id=one.text("invoiceNo"),
        period=one.text("billingMonth"),
        amount_cents=_cents(one, "total"),
        currency=one.text("currencyCode"),
        status=one.text("state").lower(),
    )


def _profile(answer: Answer) -> Profile:
    return Profile(
        email=answer.text("emailAddress"),
        name=answer.text("fullName", ""),
        phone=answer.text("mobileNumber", ""),
        plan=answer.inner("tariff").text("tariffId"),
        mfa=answer.flag("secondFactor"),
    )


def _consents(answer: Answer) -> Consents:
    granted = {choice.text("purpose") for choice in answer.items("choices") if choice.flag("granted")}
    return Consents("MARKETING" in granted, "ANALYTICS" in granted)


def _cents(answer: Answer, key: str) -> int:
    """ "12.34" is 1234. Never by way of a float."""
    parts = re.fullmatch(r"([0-9]{1,9})\.([0-9]{2})", answer.text(key))
    if parts is None:
        raise failed(f"{key}_not_decimal")
    return int(parts[1] + parts[2])


def _header_text(answer: Answer, key: str) -> str:
    """What may stand in a header."""
    text = answer.text(key)
    if not text.isascii() or not text.isprintable():
        raise failed(f"answer_without_{key}")
    return text


def _word(code: str) -> str:
    """A code of acme's as the detail of an outcome: there must be few of them, whatever the target says."""
    return code if re.fullmatch(r"[a-z_]{1,40}", code) else "unknown_code"
