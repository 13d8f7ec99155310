"""Burn-rate windows: the published tables, exactly; and the algebra between budget, factor and time."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.slo.burn import (
    DAY,
    HOUR,
    WORKBOOK,
    BurnRow,
    budget_gone,
    fewest_failures,
    first_to_fire,
    impossible,
    within_budget,
)

rows = st.builds(
    BurnRow,
    st.sampled_from(["page", "ticket"]),
    st.integers(HOUR, 3 * DAY),
    st.integers(60, HOUR),
    st.decimals("0.01", "0.2", places=3),
)
targets = st.decimals("0.5", "0.9999", places=4)
periods = st.sampled_from([7 * DAY, 28 * DAY, 30 * DAY, 90 * DAY])
ratios = st.fractions(Fraction(1, 10_000), 1)


@pytest.mark.parametrize(
    ("days", "factors"),
    [
        (30, [Fraction(72, 5), 6, 3, 1]),
        (28, [Fraction("13.44"), Fraction("5.6"), Fraction("2.8"), Fraction(14, 15)]),
        (7, [Fraction("3.36"), Fraction("1.4"), Fraction("0.7"), Fraction(7, 30)]),
    ],
)
def test_the_factors_are_those_of_the_workbook_and_of_sloth(days, factors):
    assert [row.factor(days * DAY) for row in WORKBOOK.rows] == factors


def test_a_threshold_has_no_noise():
    assert WORKBOOK.rows[0].threshold(Decimal("0.999"), 30 * DAY) == Fraction("0.0144")


@pytest.mark.parametrize(
    ("target", "days", "rows_that_cannot"),
    [
        ("0.9305", 30, [0]), ("0.9306", 30, []), ("0.9256", 28, []), ("0.9255", 28, [0]),
        ("0.8333", 30, [0, 1]), ("0.8334", 30, [0]), ("0.999", 30, []),
    ],
)  # fmt: skip
def test_alerts_that_no_outage_can_fire_are_found(target, days, rows_that_cannot):
    found = impossible(WORKBOOK, Decimal(target), days * DAY)
    assert [WORKBOOK.rows.index(row) for row in found] == rows_that_cannot


def test_rows_that_fire_on_what_is_allowed_are_found():
    assert within_budget(WORKBOOK, 30 * DAY) == ()
    assert within_budget(WORKBOOK, 28 * DAY) == WORKBOOK.rows[3:]
    assert within_budget(WORKBOOK, 7 * DAY) == WORKBOOK.rows[2:]


def test_a_total_outage_of_three_nines_pages_in_52_seconds_and_resets_within_5_minutes():
    """14.4 · 0.001 of an hour; table 5-8's row over 30 days."""
    fast, target, period = WORKBOOK.rows[0], Decimal("0.999"), 30 * DAY
    assert fast.seconds_to_fire(target, period, Fraction(1)) == pytest.approx(51.84)
    assert fast.seconds_to_reset(target, period, Fraction(1)) == pytest.approx(295.68)
    assert first_to_fire(WORKBOOK.rows, target, period, Fraction(1)) == pytest.approx(51.84)
    assert first_to_fire(WORKBOOK.rows, target, period, Fraction("0.001")) is None


def test_where_traffic_is_low_one_failure_fires():
    """Ten requests an hour at 99.9 %: one failure is 10 % of them, a hundred times what is allowed."""
    fast = WORKBOOK.rows[0]
    assert fewest_failures(fast, Decimal("0.999"), 30 * DAY, Fraction(10, HOUR)) == 1
    assert fewest_failures(fast, Decimal("0.999"), 30 * DAY, Fraction(100)) == 5185


@given(rows, targets, periods, ratios)
def test_whenever_a_row_fires_its_share_of_the_budget_is_gone(row, target, period, ratio):
    gone = budget_gone(row, target, period, ratio)
    if gone is None:
        assert ratio <= row.threshold(target, period)
    else:
        assert float(gone) == pytest.approx(float(row.budget))


@given(rows, targets, periods, ratios, ratios)
def test_a_worse_fault_is_seen_no_later(row, target, period, one, other):
    better, worse = sorted((one, other))
    later = row.seconds_to_fire(target, period, better)
    sooner = row.seconds_to_fire(target, period, worse)
    assert later is None or (sooner is not None and sooner <= later)


@given(rows, targets, periods)
def test_the_impossible_ones_are_those_that_a_total_outage_does_not_fire(row, target, period):
    fires = row.seconds_to_fire(target, period, Fraction(1)) is not None
    assert fires == (row.threshold(target, period) < 1)
