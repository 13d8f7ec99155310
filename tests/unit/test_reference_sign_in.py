"""Passwords and one-time codes of the account service."""

import pytest

from holdfast.kit.accounts import generated_account
from holdfast.kit.totp import code_at
from holdfast.reference.passwords import check_new_password, hash_password, matches
from holdfast.reference.refusal import Refusal
from holdfast.reference.sign_in import matching_step

SECRET = generated_account(0).totp_secret or ""
AT = 1_800_000_010.0
STEP = int(AT // 30)


def test_a_password_matches_its_own_hash_only() -> None:
    stored = hash_password("Correct-Horse-7-Battery")

    assert matches("Correct-Horse-7-Battery", stored)
    assert not matches("correct-horse-7-battery", stored)


def test_no_hash_matches_nothing_whatever_the_password() -> None:
    assert not matches("", None)


def test_the_same_password_has_another_hash_each_time() -> None:
    assert hash_password("Correct-Horse-7-Battery") != hash_password("Correct-Horse-7-Battery")


@pytest.mark.parametrize("password", ["short", "x" * 201])
def test_a_password_that_is_too_short_or_too_long_may_not_be_chosen(password: str) -> None:
    with pytest.raises(Refusal, match="10 to 200"):
        check_new_password(password)


@pytest.mark.parametrize("offset", [-1, 0, 1])
def test_the_code_of_this_step_and_of_its_neighbours_is_accepted_and_the_step_is_known(offset: int) -> None:
    assert matching_step(SECRET, code_at(SECRET, AT + 30 * offset), AT) == STEP + offset


@pytest.mark.parametrize("offset", [-2, 2])
def test_the_code_of_a_step_further_away_is_not(offset: int) -> None:
    assert matching_step(SECRET, code_at(SECRET, AT + 30 * offset), AT) is None


@pytest.mark.parametrize("code", ["", "12345", "abcdef", "１２３４５６"])
def test_what_is_no_code_is_not_accepted(code: str) -> None:
    assert matching_step(SECRET, code, AT) is None


def test_a_code_may_be_typed_in_two_groups() -> None:
    code = code_at(SECRET, AT)

    assert matching_step(SECRET, f" {code[:3]} {code[3:]} ", AT) == STEP
