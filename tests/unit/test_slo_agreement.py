"""Agreements: how far they are from owing anything, and what they owe, to the last cent."""

from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.test_slo_standing import DAY, calendar, history, objective

from holdfast.slo.agreement import Agreement, Tier, agreement_standing, load_agreements
from holdfast.slo.sources.observed import Observed
from holdfast.workspace.document import load_documents

JANUARY = 1_767_225_600
GOOD = """
kind: ServiceLevelAgreement
name: business
description: What was promised.
owner: identity
objective: sign-in
credits:
  - {below: 0.999, credit: 0.10}
  - {below: 0.99, credit: 0.25}
fee: 12000.10
currency: EUR
"""


def agreement(**changes) -> Agreement:
    facts = {
        "name": "business",
        "description": "",
        "owner": "identity",
        "objective": "sign-in",
        "window": calendar(),
        "tiers": (Tier(Decimal("0.999"), Decimal("0.10")), Tier(Decimal("0.99"), Decimal("0.25"))),
        "fee": Decimal("12000.10"),
        "currency": "EUR",
        "where": "",
    }
    return Agreement(**(facts | changes))


def month(bad_steps: int, days: int = 31) -> Observed:
    failed = np.zeros(days * 1440)
    failed[:bad_steps] = 10
    return Observed(history(np.full(days * 1440, 10.0), failed, end=JANUARY + days * DAY))


def loaded(tmp_path: Path, text: str, target="0.9995"):
    path = tmp_path / "agreement.yaml"
    path.write_text(text, encoding="utf-8")
    return load_agreements(load_documents(path)[0], [objective(target)])


def test_the_ratio_of_a_tier_itself_owes_nothing_and_one_event_less_does():
    kept = agreement()

    assert kept.credit(Fraction(999, 1000)) == 0
    assert kept.credit(Fraction(999, 1000) - Fraction(1, 10**12)) == Decimal("0.10")
    assert kept.credit(Fraction(99, 100) - Fraction(1, 10**12)) == Decimal("0.25")
    assert kept.credit(None) is None


def test_money_is_exact():
    assert agreement().amount(Decimal("0.10")) == Decimal("1200.010")
    assert agreement(fee=None).amount(Decimal("0.10")) is None


def test_distances_are_told_in_events_and_seconds_to_the_objective_and_each_tier():
    at = float(JANUARY + 31 * DAY - 60)
    one = agreement_standing(agreement(), objective("0.9995"), month(0), at)

    assert [far.below for far in one.distances] == [Decimal("0.9995"), Decimal("0.999"), Decimal("0.99")]
    assert [far.credit for far in one.distances] == [None, Decimal("0.10"), Decimal("0.25")]
    whole = one.standing.whole.total
    assert one.distances[1].events == whole / 1000
    assert one.distances[1].seconds == Fraction(31 * DAY, 1000)
    assert not any(far.broken for far in one.distances)


def test_a_bad_start_of_a_month_owes_now_but_nothing_at_best():
    """30 bad minutes of the first ten days are 0.2 % of them, and 0.067 % of the month."""
    at = float(JANUARY + 10 * DAY)
    one = agreement_standing(agreement(), objective("0.9995"), month(30, days=10), at)

    assert (one.now, one.at_best) == (Decimal("0.10"), 0)
    assert one.projected == 0  # the last day was clean
    assert one.amount_now == Decimal("1200.010")
    assert one.distances[0].broken
    assert not one.distances[1].broken


def test_what_goes_on_like_the_last_day_is_projected():
    at = float(JANUARY + 10 * DAY)
    seen = month(0, days=10)
    seen.history.good[-1440:] -= 1  # a tenth of the last day

    one = agreement_standing(agreement(), objective("0.9995"), seen, at)

    assert one.at_best == Decimal("0.10")
    assert one.projected == Decimal("0.25")


def test_nothing_counted_owes_nobody_knows_what():
    one = agreement_standing(agreement(), objective("0.9995"), Observed(history([0], [0])), float(JANUARY + DAY))

    assert (one.now, one.at_best, one.amount_now) == (None, None, None)


@given(st.fractions(0, 1), st.fractions(0, 1))
def test_a_worse_ratio_never_owes_less(one, other):
    low, high = sorted((one, other))

    assert agreement().credit(low) >= agreement().credit(high)


def test_an_agreement_is_read_with_its_money_as_it_is_written(tmp_path):
    (one,), problems = loaded(tmp_path, GOOD)

    assert problems == []
    assert one.fee == Decimal("12000.1")
    assert one.target == Decimal("0.999")
    assert (one.window.text, one.window.calendar.zone) == ("1M", "UTC")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("objective: sign-in", "objective: sing-in", 'no objective "sing-in"'),
        ("{below: 0.99, credit: 0.25}", "{below: 0.9995, credit: 0.25}", "owes"),
        ("{below: 0.99, credit: 0.25}", "{below: 0.99, credit: 0.05}", "owes"),
        ("below: 0.999,", "below: 0.9999,", "more than the objective's own target"),
        ("credit: 0.25", "credit: 25", "too large"),
        ("fee: 12000.10", "fee: much", "not an amount"),
        ("fee: 12000.10", "fee: -1", "not below 0"),
        ("currency: EUR", "currency: euro", "form"),
        ("owner: identity\n", "", '"owner" is missing'),
        ("fee: 12000.10", "window: {duration: 1X}", "not an OpenSLO duration"),
    ],
)
def test_what_is_wrong_with_an_agreement_is_told_at_its_line(tmp_path, old, new, said):
    assert old in GOOD
    _, problems = loaded(tmp_path, GOOD.replace(old, new))

    assert any(said in problem.what for problem in problems), problems
    assert all("agreement.yaml:" in problem.where for problem in problems)
