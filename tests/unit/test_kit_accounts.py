from pathlib import Path

import pytest

from holdfast.errors import InputError
from holdfast.kit.accounts import (
    AccountPool,
    accounts_of,
    divided,
    generated_account,
    generated_accounts,
    read_accounts,
    secrets_in,
    turned,
)
from holdfast.kit.totp import StepLedger, code_at

SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"  # RFC 6238, appendix B, in base32


class FakeClock:
    def __init__(self, at=0.0):
        self.at = at

    def now(self):
        return self.at

    def sleep(self, seconds):
        self.at += max(seconds, 0.0)


def test_generated_accounts_are_the_same_everywhere():
    account = generated_account(42)
    assert account == generated_account(42)
    assert account.email == "visitor-000042@accounts.invalid"
    assert len({generated_account(index).totp_secret for index in range(0, 40, 2)}) == 20


def test_every_other_account_has_a_second_factor():
    assert [account.has_mfa for account in generated_accounts(0, 4)] == [True, False, True, False]


def test_an_account_never_shows_its_secrets():
    account = generated_account(0)
    assert account.password not in repr(account)
    assert account.totp_secret not in repr(account)


def test_a_pool_lends_the_one_that_rested_longest():
    pool = AccountPool(generated_accounts(0, 4), FakeClock())
    first = pool.lease(mfa=False)
    pool.give_back(first)
    assert [pool.lease(mfa=False).index for _ in range(2)] == [3, 1]


def test_a_pool_says_none_when_it_is_exhausted():
    pool = AccountPool(generated_accounts(0, 2), FakeClock())
    assert {pool.lease().index, pool.lease().index} == {0, 1}
    assert pool.lease() is None


def test_an_account_with_a_second_factor_rests_until_the_next_step_of_codes():
    clock = FakeClock(at=100.0)
    pool = AccountPool(generated_accounts(0, 1), clock)
    account = pool.lease()
    clock.at = 110.0
    pool.give_back(account)
    clock.at = 119.9
    assert pool.lease() is None
    clock.at = 120.0
    assert pool.lease() == account


def test_resting_accounts_do_not_keep_others_from_being_lent():
    clock = FakeClock(at=90.0)
    pool = AccountPool(generated_accounts(0, 2), clock)
    for account in [pool.lease(), pool.lease()]:
        pool.give_back(account)
    assert pool.lease().index == 1
    assert pool.lease() is None


def test_accounts_of_a_target_are_a_slice_of_them():
    assert [account.index for account in accounts_of({"generated": 10}, 8, 100)] == [8, 9]


def test_a_slice_without_accounts_is_wrong_input():
    with pytest.raises(InputError, match="there are none"):
        accounts_of({"generated": 10}, 10, 5)


def test_own_accounts_are_read_from_a_private_file(tmp_path: Path):
    path = tmp_path / "accounts.csv"
    path.write_text(f"email,password,totp_secret\na@example.test,one,\nb@example.test,two,{SECRET}\n")
    path.chmod(0o600)
    first, second = read_accounts(path)
    assert (first.email, first.has_mfa) == ("a@example.test", False)
    assert (second.password, second.has_mfa) == ("two", True)


def test_an_accounts_file_may_begin_with_the_mark_that_spreadsheets_write(tmp_path: Path):
    path = tmp_path / "accounts.csv"
    path.write_text("email,password\na@b.example,Correct-Horse-7\n", encoding="utf-8-sig")
    path.chmod(0o600)
    assert [account.email for account in read_accounts(path)] == ["a@b.example"]


def test_all_problems_of_an_accounts_file_are_said_at_once(tmp_path: Path):
    path = tmp_path / "accounts.csv"
    path.write_text("email,password\na@example.test,\n,two\n")
    path.chmod(0o644)
    with pytest.raises(InputError) as found:
        read_accounts(path)
    assert [problem.where for problem in found.value.problems] == [str(path), f"{path}:2", f"{path}:3"]


def test_second_factors_no_code_can_be_made_of_are_problems_of_the_file_and_are_not_shown(tmp_path: Path):
    path = tmp_path / "accounts.csv"
    secrets = [f"{SECRET[:-1]}1", SECRET.lower(), "JBSWY3DPEHPK3PXP", f"{SECRET[:8]} {SECRET[8:]}", "é"]
    rows = [f"{index}@example.test,one,{secret}\n" for index, secret in enumerate(secrets)]
    path.write_text("".join(["email,password,totp_secret\n", rows[0], "\n", *rows[1:], "x@example.test,,GE\n"]))
    path.chmod(0o600)
    with pytest.raises(InputError) as found:
        read_accounts(path)
    what = "no code can be made of this totp_secret"
    assert [(problem.where, problem.what) for problem in found.value.problems] == [
        *((f"{path}:{line}", what) for line in (2, 5, 6, 7)),
        (f"{path}:8", "no password"),
        (f"{path}:8", what),
    ]
    assert "JBSW" not in str(found.value)
    assert SECRET[:8] not in str(found.value)


def test_codes_are_those_of_rfc_6238():
    # Their last six digits.
    assert [code_at(SECRET, at) for at in (59, 1111111109, 1234567890)] == ["287082", "081804", "005924"]


def test_the_ledger_never_gives_the_same_code_twice():
    ledger, secret = StepLedger(), generated_account(0).totp_secret
    first, second, third = (ledger.next_code(secret, 65.0) for _ in range(3))
    assert (first.wait, second.wait, third.wait) == (0.0, 25.0, 55.0)
    assert first.code == code_at(secret, 65.0)
    assert second.code == code_at(secret, 90.0)
    assert ledger.next_code(generated_account(2).totp_secret, 65.0).wait == 0.0


def test_runs_in_seconds_that_follow_each_other_begin_at_places_far_apart() -> None:
    accounts = generated_accounts(0, 1000)
    firsts = [turned(accounts, 1_795_000_000.4 + second)[0].index for second in range(30)]
    gaps = [min(abs(a - b), 1000 - abs(a - b)) for i, a in enumerate(firsts) for b in firsts[i + 1 :]]
    assert min(gaps) >= 1000 // 80
    assert sorted(account.index for account in turned(accounts, 5.0)) == list(range(1000))


def test_where_some_loads_share_accounts_and_some_lease_them_neither_meets_the_others() -> None:
    accounts = generated_accounts(0, 10)
    leased, shared = divided(accounts, {True, False})
    assert not {one.index for one in leased} & {one.index for one in shared}
    assert len(leased) + len(shared) == 10
    assert {one.has_mfa for one in leased} == {one.has_mfa for one in shared} == {True, False}
    assert divided(accounts, {True}) == divided(accounts, {False}) == (accounts, ())


def test_of_generated_accounts_the_password_and_the_secrets_of_codes_are_kept_out_of_logs():
    known = set(secrets_in({"generated": 20}))
    assert {one.password for one in generated_accounts(0, 20)} <= known
    assert {one.totp_secret for one in generated_accounts(0, 20) if one.totp_secret} <= known
    assert set(secrets_in(None)) > known
