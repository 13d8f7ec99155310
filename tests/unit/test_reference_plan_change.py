"""The rules of idempotency keys, without a database."""

import pytest

from holdfast.reference.plan_change import Outcome, StoredAnswer, check_key, fingerprint_of, replay
from holdfast.reference.refusal import Refusal

BODY = '{"plan_change": {"id": "chg-1"}}'


def test_the_same_request_with_the_same_key_gets_the_same_answer() -> None:
    fingerprint = fingerprint_of({"plan": "premium"})

    assert replay(StoredAnswer(fingerprint, 201, BODY), fingerprint) == Outcome(201, BODY, replayed=True)


def test_another_request_with_the_same_key_is_refused() -> None:
    stored = StoredAnswer(fingerprint_of({"plan": "premium"}), 201, BODY)

    with pytest.raises(Refusal) as refused:
        replay(stored, fingerprint_of({"plan": "basic"}))
    assert (refused.value.status, refused.value.code) == (422, "idempotency_key_reused")


def test_a_key_whose_first_request_has_no_answer_yet_says_when_to_come_back() -> None:
    fingerprint = fingerprint_of({"plan": "premium"})

    with pytest.raises(Refusal) as refused:
        replay(StoredAnswer(fingerprint, None, None), fingerprint)
    assert (refused.value.status, refused.value.retry_after) == (409, 1.0)


def test_the_fingerprint_does_not_depend_on_the_order_of_fields() -> None:
    assert fingerprint_of({"a": 1, "b": 2}) == fingerprint_of({"b": 2, "a": 1})


@pytest.mark.parametrize("key", [None, "", "x" * 201, "line\nbreak"])
def test_an_unusable_key_is_refused(key: str | None) -> None:
    with pytest.raises(Refusal) as refused:
        check_key(key)
    assert refused.value.status == 400
