"""Error budgets: exact figures, and what can never be otherwise."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.slo.balance import Balance
from holdfast.slo.budget import (
    allowed_bad,
    budget_of,
    burn_rate,
    burns_faster,
    can_burn_faster,
    error_budget,
    exact,
)

DAY = 86400.0
targets = st.sampled_from([Decimal("0.9"), Decimal("0.95"), Decimal("0.99"), Decimal("0.999"), Decimal("0.9999")])
evidence = st.integers(1, 100_000).flatmap(lambda total: st.tuples(st.integers(0, total), st.just(total)))


def test_budgets_carry_no_float_noise():
    assert error_budget(0.999) == Decimal("0.001")
    assert repr(float(error_budget(Decimal("0.9999")))) == "0.0001"
    assert allowed_bad(12_345, 0.999) == Decimal("12.345")


@pytest.mark.parametrize(
    ("target", "days", "minutes"), [(0.999, 30, 43.2), (0.999, 28, 40.32), (0.9999, 30, 4.32), (0.99, 28, 403.2)]
)
def test_the_time_view_is_the_budgets_share_of_the_window(target, days, minutes):
    untouched = Balance(Fraction(0), Fraction(1), exact(target))
    assert untouched.remaining_seconds(days * DAY) == Fraction(str(minutes)) * 60


@pytest.mark.parametrize(("bad", "days"), [(1, 30), (2, 15), (10, 3)])
def test_a_window_is_exhausted_by_its_burn_rate(bad, days):
    budget = budget_of(bad, 1000, 0.999, seconds=60, window=30 * DAY)

    assert budget.burn_rate == bad
    assert budget.exhaustion == days * DAY


def test_nothing_bad_exhausts_nothing():
    budget = budget_of(0, 1000, 0.999, seconds=60, window=30 * DAY)

    assert (budget.spent, budget.exhaustion) == (0, None)


def test_an_hour_at_14_4_costs_two_percent_of_thirty_days():
    budget = budget_of(144, 10_000, 0.999, seconds=3600, window=30 * DAY)

    assert budget.burn_rate == 14.4
    assert budget.window_share == 0.02


def test_nothing_counted_is_not_known_rather_than_nothing_spent():
    budget = budget_of(0, 0, 0.99, seconds=60, window=DAY)

    assert (budget.spent, budget.burn_rate, budget.window_share, budget.exhaustion) == (None, None, None, None)
    assert burn_rate(0, 0, 0.99) is None


@pytest.mark.parametrize(("bad", "total"), [(-1, 10), (11, 10)])
def test_a_count_that_cannot_be_is_refused(bad, total):
    with pytest.raises(ValueError, match="cannot be"):
        budget_of(bad, total, 0.99, seconds=1, window=1)


@pytest.mark.parametrize("target", [1, 1.5, -0.1])
def test_a_target_that_leaves_no_budget_or_more_than_all_is_refused(target):
    with pytest.raises(ValueError, match="below 1"):
        error_budget(target)


def test_burn_rates_are_compared_before_they_are_rounded():
    # 9.05 and 9.04 both print as 9.0; both exceed a threshold of 9.
    assert burns_faster(905, 100_000, 0.999, 9)
    assert burns_faster(904, 100_000, 0.999, 9)
    assert not burns_faster(900, 100_000, 0.999, 9)
    assert burns_faster(1441, 100_000, 0.999, 14.4)
    assert not burns_faster(1440, 100_000, 0.999, 14.4)


@pytest.mark.parametrize(
    ("target", "threshold", "possible"),
    [
        (0.95, 14.4, True),
        (0.931, 14.4, True),
        (0.93, 14.4, False),
        (0.9, 10, False),
        (0.834, 6, True),
        (0.83, 6, False),
    ],
)
def test_a_total_outage_burns_no_faster_than_the_target_allows(target, threshold, possible):
    assert can_burn_faster(target, threshold) is possible


@settings(deadline=None)  # a busy machine is not a defect
@given(evidence, targets)
def test_more_bad_events_never_leave_more_budget(case, target):
    bad, total = case
    less = budget_of(max(bad - 1, 0), total, target, seconds=10, window=DAY)
    more = budget_of(bad, total, target, seconds=10, window=DAY)

    assert less.spent <= more.spent
    assert less.window_share <= more.window_share
    assert less.allowed == more.allowed


@settings(deadline=None)  # a busy machine is not a defect
@given(st.integers(1, 1000), targets)
def test_a_burn_of_one_spends_exactly_the_budget(bad, target):
    total = int(bad / error_budget(target))
    budget = budget_of(bad, total, target, seconds=DAY, window=DAY)

    assert (budget.spent, budget.burn_rate, budget.window_share) == (1, 1, 1)
    assert budget.exhaustion == DAY
    assert budget.allowed == bad


@settings(deadline=None)  # a busy machine is not a defect
@given(evidence, evidence, targets)
def test_budgets_of_parts_add_up_to_the_whole(one, two, target):
    parts = allowed_bad(one[1], target) + allowed_bad(two[1], target)

    assert parts == allowed_bad(one[1] + two[1], target)


@settings(deadline=None)  # a busy machine is not a defect
@given(evidence, targets, st.integers(2, 50))
def test_more_of_the_same_traffic_burns_no_faster(case, target, times):
    bad, total = case

    assert burn_rate(bad * times, total * times, target) == burn_rate(bad, total, target)
