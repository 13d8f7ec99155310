import json
from dataclasses import dataclass, field

import pytest

from holdfast.errors import InputError
from holdfast.kit.accounts import generated_account, stranger_like
from holdfast.kit.adapter import adapter_at
from holdfast.kit.inbox import Inbox
from holdfast.kit.outcome import OutcomeError
from holdfast.kit.service import ATTACK_HEADER, MOST_GUESSES, Invoice, ReferenceService
from holdfast.kit.totp import StepLedger, code_at


class FakeClock:
    def __init__(self, at=1000.0):
        self.at = at

    def now(self):
        return self.at

    def sleep(self, seconds):
        self.at += max(seconds, 0.0)


@dataclass
class Canned:
    status: int
    answer: object = None
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def body(self):
        return json.dumps(self.answer).encode()

    def json(self):
        return self.answer


class FakeClient:
    def __init__(self, *answers):
        self.answers = list(answers)
        self.asked = []

    def request(self, method, path, **more):
        self.asked.append((method, path, more))
        return self.answers.pop(0)


def service(*answers, inbox=None, clock=None):
    client = FakeClient(*answers)
    return ReferenceService(client, inbox, clock or FakeClock(), StepLedger()), client


def test_sign_in_submits_a_code_when_it_is_asked_for_one():
    account = generated_account(0)
    visitor, client = service(Canned(200, {"challenge": "totp", "challenge_id": "c/1"}), Canned(201))
    visitor.sign_in(account)
    method, path, more = client.asked[1]
    assert (method, path) == ("POST", "/v2/sessions/challenges/c%2F1")
    assert more["json"] == {"code": code_at(account.totp_secret, 1000.0)}


def test_sign_in_without_a_second_factor_is_one_request():
    visitor, client = service(Canned(201, {"session": {"id": "s"}}))
    visitor.sign_in(generated_account(1))
    assert len(client.asked) == 1


def test_a_second_code_of_one_account_waits_for_its_step():
    clock = FakeClock(at=1000.0)
    challenge = Canned(200, {"challenge_id": "c"})
    visitor, _ = service(challenge, Canned(201), challenge, Canned(201), clock=clock)
    visitor.sign_in(generated_account(0))
    visitor.sign_in(generated_account(0))
    assert clock.at == 1020.0


def test_an_answer_that_lacks_what_it_must_hold_is_a_measured_failure():
    visitor, _ = service(Canned(200, {"invoices": [{"id": "1", "period": "2026-10"}]}))
    with pytest.raises(OutcomeError) as found:
        visitor.list_invoices()
    assert (found.value.outcome, found.value.detail) == ("failed", "answer_without_amount_cents")


def test_another_invoice_than_the_one_asked_for_is_a_failure():
    visitor, _ = service(Canned(200, {"id": "2"}))
    with pytest.raises(OutcomeError, match="another_invoice"):
        visitor.open_invoice(Invoice("1", "2026-10", 1, "EUR", "paid"))


def test_a_plan_change_says_whether_it_was_replayed():
    change = {"plan_change": {"id": "p", "plan": "plus", "status": "applied"}}
    visitor, client = service(Canned(201, change, {"idempotent-replay": "true"}))
    assert visitor.change_plan("plus", "key-1").replayed
    assert client.asked[0][2]["headers"] == {"Idempotency-Key": "key-1"}


def test_the_reset_token_is_waited_for():
    answers = [{"messages": []}, {"messages": [{"id": "1", "to": "a@b.test", "at": 1001, "token": "t"}]}]
    asked = []

    def fetch(url):
        asked.append(url)
        return json.dumps(answers.pop(0)).encode()

    clock = FakeClock()
    visitor, _ = service(inbox=Inbox("http://outbox.test/", fetch), clock=clock)
    assert visitor.wait_for_reset_token("a@b.test", 1000.0) == "t"
    assert asked[0] == "http://outbox.test/messages?to=a%40b.test&since=1000.000000"
    assert clock.at == pytest.approx(1000.1)


def test_a_message_that_never_comes_is_a_time_out():
    visitor, _ = service(inbox=Inbox("http://outbox.test", lambda _: b'{"messages": []}'), clock=FakeClock())
    with pytest.raises(OutcomeError) as found:
        visitor.wait_for_reset_token("a@b.test", 1000.0)
    assert (found.value.outcome, found.value.detail) == ("timed_out", "no_message")


def test_an_outbox_that_cannot_be_read_is_an_outcome():
    def refuse(_):
        raise ConnectionRefusedError

    with pytest.raises(OutcomeError, match="outbox_unreachable"):
        Inbox("http://outbox.test", refuse).newest("a@b.test", 0.0)


def test_an_own_adapter_is_loaded_from_its_file(tmp_path):
    path = tmp_path / "acme.py"
    path.write_text("def self_service(client, inbox, clock, ledger):\n    return ('acme', client)\n")
    assert adapter_at(path)("client", None, FakeClock(), StepLedger()) == ("acme", "client")
    assert adapter_at(None) is ReferenceService


@pytest.mark.parametrize("text", ["x = 1\n", "import nowhere_to_be_found\n", "def (:\n"])
def test_an_adapter_that_cannot_be_used_is_wrong_input(tmp_path, text):
    path = tmp_path / "acme.py"
    path.write_text(text)
    with pytest.raises(InputError, match=r"acme\.py"):
        adapter_at(path)


def test_guesses_are_marked_bounded_and_alarm_when_one_lets_in():
    visitor, client = service(*[Canned(401, {"error": {}})] * MOST_GUESSES, Canned(201))
    replies = {visitor.guess_password("a@b.invalid", "x") for _ in range(MOST_GUESSES)}
    assert len(replies) == 1
    assert all(more["headers"] == {ATTACK_HEADER: "1"} for _, _, more in client.asked)
    with pytest.raises(ValueError, match="at most"):
        visitor.guess_password("a@b.invalid", "x")
    lucky, _ = service(Canned(201))
    with pytest.raises(OutcomeError, match="let_in"):
        lucky.guess_password("a@b.invalid", "x")


def test_an_extra_proof_that_nobody_had_to_expect_is_a_challenge():
    visitor, _ = service(Canned(200, {"challenge_id": "c"}))
    with pytest.raises(OutcomeError) as caught:
        visitor.sign_in(generated_account(1))  # has no second factor
    assert (caught.value.outcome, caught.value.detail) == ("challenged", "code")


@pytest.mark.parametrize("email", ["visitor-000001@accounts.invalid", "a@b.invalid"])
def test_a_stranger_looks_like_the_account(email):
    stranger = stranger_like(email, "0123456789abcdef" * 2)
    assert stranger.partition("@")[2] == email.partition("@")[2]
    assert len(stranger) == max(len(email), 12 + len("@b.invalid"))


@pytest.mark.parametrize("stated", ["ok", "Ann Lee", "", "broken"])
def test_what_is_no_outcome_is_recorded_as_failed(stated: str) -> None:
    error = OutcomeError(stated, "why")
    assert (error.outcome, str(error)) == ("failed", "failed: why")
    assert OutcomeError("rejected").outcome == "rejected"
