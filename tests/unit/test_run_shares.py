"""Who gets which accounts: journeys what they need, load the rest, each at least one; what is said when it is short."""

import pytest

from holdfast.kit.accounts import Account, Apart, accounts_of, generated_accounts
from holdfast.run.shares import Holdings, Walks, shares_of, shortfall

SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"


def coded(every=4.0, budget=4.0, walks=10, patient=False, name="account_page"):
    return Walks(name, needs_code=True, every=every, budget=budget, walks=walks, patient=patient)


def plain(name="look"):
    return Walks(name, needs_code=False, every=5.0, budget=5.0, walks=100)


def test_journeys_without_load_get_every_account():
    shares = shares_of(Holdings(1, 11), [coded()], load=False, search=False)
    assert (shares.load, shares.journeys, shares.apart) == (0, 12, Apart())


def test_a_journey_needs_as_many_accounts_with_a_second_factor_as_it_takes_walks_while_one_rests():
    assert coded(every=4.0, budget=4.0, walks=100).accounts == 9 + 1
    assert coded(every=300.0, budget=8.0, walks=100).accounts == 1 + 1
    assert coded(every=4.0, budget=4.0, walks=2).accounts == 2 + 1, "no more than walks are due"
    assert plain().accounts == 1 + 1, "one that has none rests for nobody"


def test_beside_load_journeys_get_what_they_need_and_load_the_others():
    shares = shares_of(Holdings(6, 6), [coded(every=30.0, budget=10.0), plain()], load=True, search=False)
    assert shares.apart == Apart(coded=3, plain=2)
    assert (shares.load, shares.search, shares.journeys) == (7, 0, 5)


def test_where_there_are_plenty_journeys_get_more_than_they_need():
    shares = shares_of(Holdings(1000, 1000), [coded(every=300.0), plain()], load=True, search=True)
    assert shares.apart == Apart(50, 50)
    assert (shares.load, shares.search) == (1140, 760)


@pytest.mark.parametrize(
    ("held", "search"),
    [
        *((Holdings(*of), False) for of in ((1, 1), (2, 0), (1, 11), (3, 0), (0, 3))),
        *((Holdings(*of), True) for of in ((1, 2), (3, 0), (1, 11), (0, 3))),
    ],
)
def test_each_part_gets_at_least_one_and_all_together_every_one(held, search):
    shares = shares_of(held, [coded(), plain()], load=True, search=search)
    assert shares.load + shares.search + shares.journeys == held.all
    assert shares.load >= 1
    assert shares.search >= search
    assert shares.journeys >= 1


def test_accounts_set_apart_are_the_last_of_each_kind_and_nobody_elses(tmp_path):
    path = tmp_path / "accounts.csv"
    secrets = {2: SECRET, 3: SECRET}  # the second factors stand in the middle of the file
    rows = [f"a{i}@b.test,p,{secrets.get(i, '')}" for i in range(8)]
    path.write_text("\n".join(["email,password,totp_secret", *rows]))
    path.chmod(0o600)
    source = {"file": str(path), "apart": {"coded": 1, "plain": 2}}
    load, journeys = accounts_of(source, 0, 5), accounts_of(source, 5, 3)
    assert [a.index for a in load] == [0, 1, 2, 4, 5]
    assert [(a.index, a.has_mfa) for a in journeys] == [(3, True), (6, False), (7, False)]
    assert accounts_of({"generated": 6, "apart": {"coded": 0, "plain": 0}}, 0, 6) == generated_accounts(0, 6)
    assert {type(account) for account in load} == {Account}


def test_walks_that_will_find_no_account_are_told_with_the_pace_that_would_do():
    (told,) = shortfall(Holdings(1, 11), [coded()])
    assert "account_page: the target has 1 account with a second factor, and 9 are needed" in told
    assert "walk every 34s" in told
    assert shortfall(Holdings(9, 0), [coded()]) == ()
    assert shortfall(Holdings(1, 0), [coded(patient=True)]) == (), "it waits instead"
    assert shortfall(Holdings(1, 0), [plain()]) == ()
