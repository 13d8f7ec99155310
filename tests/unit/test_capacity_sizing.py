"""Sizing from a verified bracket."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.capacity.search import Bracket
from holdfast.capacity.sizing import SizingQuestion, size


def found(low=40.0, high=44.0, *, confirmed=True, non_monotone=False):
    return Bracket(low, high, confirmed, confirmed, non_monotone, "40/s was held twice", ())


def test_the_peak_is_carried_within_the_limit_and_with_one_lost():
    sizing = size(SizingQuestion(120, 1, 0.8), found(), replicas_measured=2)

    assert sizing.capacity_per_replica == (20, 22)
    assert sizing.replicas_without_spare == 8  # 120 / (20 · 0.8) = 7.5
    assert sizing.replicas == 9
    assert sizing.utilisation_at_peak == pytest.approx(120 / 180)
    assert sizing.headroom == pytest.approx(0.5)
    assert sizing.reason == (
        "2 replicas held 40/s, so one carries 20/s; 120/s at no more than 80% of that take 8, and 1 may be lost"
    )


def test_a_peak_that_fits_exactly_takes_no_replica_more():
    # 0.8 · 12 = 9.600000000000001 in floats
    assert size(SizingQuestion(9.6, 0, 0.8), found(low=12), replicas_measured=1).replicas == 1
    assert size(SizingQuestion(0.3, 0, 1.0), found(low=0.1), replicas_measured=1).replicas == 3


def test_only_the_verified_lower_end_counts():
    sizing = size(SizingQuestion(100, 0, 1.0), found(low=10, high=1000), replicas_measured=1)

    assert sizing.replicas == 10


def test_it_says_what_it_takes_for_granted():
    plain = size(SizingQuestion(120), found(), 2)
    unsure = size(SizingQuestion(120), found(high=None, confirmed=False, non_monotone=True), 2)

    assert any("grows in proportion to replicas" in text for text in plain.assumptions)
    assert not any("only once" in text for text in plain.assumptions)
    assert any("held only once" in text for text in unsure.assumptions)
    assert any("may carry more" in text for text in unsure.assumptions)
    assert any("noisy" in text for text in unsure.assumptions)
    assert unsure.capacity_per_replica == (20, None)


def test_the_curve_goes_through_the_answer():
    sizing = size(SizingQuestion(120), found(), 2)
    curve = dict(sizing.curve)

    assert curve[120] == sizing.replicas
    assert max(curve) == 240


def test_nothing_held_is_nothing_to_size_by():
    with pytest.raises(ValueError, match="nothing to size by"):
        size(SizingQuestion(120), found(low=None), 2)


peaks = st.floats(0.1, 1e5)


@settings(deadline=None)  # a busy machine is not a defect
@given(peaks, st.floats(0.1, 1000), st.integers(1, 20), st.integers(0, 5), st.floats(0.1, 1))
def test_with_the_spare_lost_the_limit_still_holds(peak, low, measured, spare, limit):
    sizing = size(SizingQuestion(peak, spare, limit), found(low=low), measured)

    left = sizing.replicas - spare
    assert peak / (left * low / measured) <= limit * (1 + 1e-9)
    assert left == 1 or peak / ((left - 1) * low / measured) > limit * (1 - 1e-9)
    assert list(sizing.curve) == sorted(sizing.curve)


@settings(deadline=None)  # a busy machine is not a defect
@given(peaks, peaks)
def test_more_demand_never_needs_less(one, two):
    less, more = sorted((one, two))

    assert size(SizingQuestion(less), found(), 2).replicas <= size(SizingQuestion(more), found(), 2).replicas
