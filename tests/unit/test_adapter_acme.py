"""The example adapter against answers of any shape, and what an adapter offers."""

import json
import re
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.errors import InputError
from holdfast.kit.accounts import generated_account
from holdfast.kit.adapter import adapter_at, is_offered, made_unasked, operations
from holdfast.kit.inbox import Inbox
from holdfast.kit.outcome import OutcomeError, not_offered
from holdfast.kit.service import Invoice, ReferenceService
from holdfast.kit.totp import StepLedger

ACME = Path(__file__).resolve().parents[2] / "adapters/acme.py"
WORDS = sorted(set(re.findall(r'"([a-zA-Z]+)"', ACME.read_text(encoding="utf-8"))))  # every word that it looks for
LEAF = st.none() | st.booleans() | st.integers() | st.sampled_from(["19.99", "second_factor_required", "", "a\nb", "é"])
JSON = st.recursive(
    LEAF | st.text(st.characters(), max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=8),
    max_leaves=12,
)
MAKE = adapter_at(ACME)
CALLS = {
    "sign_in": (generated_account(0),),
    "submit_code": (generated_account(0), "c"),
    "open_invoice": (Invoice("R/\ud800", "2026-01", 1, "EUR", "paid"),),
    "change_plan": ("M", "key"),
    "request_password_reset": ("a@b.test",),
    "wait_for_reset_token": ("a@b.test", 1000.0),
    "complete_password_reset": ("123456", "secret"),
}


class FakeClock:
    def __init__(self):
        self.at = 1000.0

    def now(self):
        return self.at

    def sleep(self, seconds):
        self.at += max(seconds, 0.0)


class AnyAnswer:
    headers = {}  # noqa: RUF012

    def __init__(self, status, value):
        self.status, self.body = status, json.dumps(value).encode()

    def json(self):
        return json.loads(self.body)


class Random:
    """Gives any of the statuses that are expected, and refuses what the real client refuses."""

    def __init__(self, values, pick):
        self.values, self.pick = values, pick

    def request(self, method, path, *, json=None, form=None, headers=None, expect=None, name=None):
        if not path.startswith("/") or not path.isascii() or not path.isprintable():
            raise ValueError(path)
        for value in (headers or {}).values():
            if "\r" in value or "\n" in value:
                raise ValueError(value)
            value.encode("latin-1")
        value = self.values.pop() if self.values else {}
        return AnyAnswer(expect[self.pick % len(expect)], value)


@settings(max_examples=250)
@given(st.lists(JSON, max_size=4), st.integers(0, 1), st.sampled_from(operations()))
def test_whatever_the_target_answers_the_adapter_ends_in_a_result_or_an_outcome(values, pick, operation):
    inbox = Inbox("http://outbox.test", lambda _: json.dumps(values[0] if values else {}).encode())
    service = MAKE(Random(list(values), pick), inbox, FakeClock(), StepLedger())
    given = {"marketing": True, "analytics": False} if operation == "update_consent" else {}
    if operation in CALLS or is_offered(service, operation):
        with suppress(OutcomeError):
            getattr(service, operation)(*CALLS.get(operation, ()), **given)


@pytest.mark.parametrize(("text", "cents"), [("19.99", 1999), ("0.05", 5), ("1000.00", 100_000)])
def test_a_decimal_string_is_read_without_a_float(text, cents):
    service = MAKE(Random([{"items": [{"tariffId": "S", "displayName": "S", "monthlyPrice": text}]}], 0), None,
                   FakeClock(), StepLedger())  # fmt: skip
    assert service.list_plans()[0].price_cents == cents


@pytest.mark.parametrize("text", ["19,99", "1e9", "NaN", "-1.00", "1.999", "٣.٣٣"])
def test_another_form_of_amount_is_a_measured_failure(text):
    service = MAKE(Random([{"items": [{"tariffId": "S", "displayName": "S", "monthlyPrice": text}]}], 0), None,
                   FakeClock(), StepLedger())  # fmt: skip
    with pytest.raises(OutcomeError, match="monthlyPrice_not_decimal"):
        service.list_plans()


def test_the_operations_are_those_of_the_protocol_and_the_reference_adapter_has_them_all():
    reference = made_unasked(ReferenceService, None)
    assert {"sign_in", "list_invoices", "update_consent"} <= set(operations())
    assert all(is_offered(reference, operation) for operation in operations())


def test_the_example_says_something_of_every_operation():
    acme = made_unasked(MAKE, ACME)
    assert [operation for operation in operations() if not callable(getattr(acme, operation, None))] == []


def test_an_operation_that_is_not_offered_is_known_unasked_and_an_outcome_when_it_is_asked_for():
    acme = made_unasked(MAKE, ACME)
    assert not is_offered(acme, "erase_account")
    assert not is_offered(acme, "no_such_thing")
    with pytest.raises(OutcomeError) as found:
        acme.erase_account()
    assert (found.value.outcome, found.value.detail) == ("failed", "not_offered")
    with pytest.raises(OutcomeError, match="not_offered"):
        not_offered("sign_up")


@pytest.mark.parametrize("leaves", ["raise SystemExit(1)", "raise SystemExit(0)", "raise GeneratorExit"])
def test_an_adapter_that_leaves_while_it_is_made_is_wrong_input_with_its_line(tmp_path, leaves):
    path = tmp_path / "acme.py"
    path.write_text(f"def self_service(client, inbox, clock, ledger):\n    {leaves}\n")
    with pytest.raises(InputError, match=r"acme\.py:2: .* raises (SystemExit|GeneratorExit)"):
        made_unasked(adapter_at(path), path)
    path.write_text(f"{leaves}\n")
    with pytest.raises(InputError, match=r"acme\.py:1: cannot be imported"):
        adapter_at(path)


def test_an_adapter_that_cannot_be_made_is_wrong_input_with_its_line(tmp_path):
    path = tmp_path / "acme.py"
    path.write_text("def self_service(client, inbox, clock, ledger):\n    return client.request('GET', '/')\n")
    with pytest.raises(InputError, match=r"acme\.py:2: .*GET / was sent while the adapter was made"):
        made_unasked(adapter_at(path), path)
