"""A verdict that is said to be certain is the one of every continuation."""

from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.slo.bounds import EXACT_ALPHA
from holdfast.slo.curtailment import Certainty, Curtailment
from holdfast.slo.indicator import Counts
from holdfast.slo.verdict import Verdict, judge

TARGETS = [0.8, 0.9, 0.95, 0.99]


def one_second(bad, total):
    """Events whose design effect is 1: a single block tells nothing of clusters."""
    return Counts(np.zeros(1, np.int64), np.array([total - bad]), np.array([total]))


@settings(deadline=None, max_examples=150)
@given(st.data(), st.integers(1, 400), st.sampled_from(TARGETS))
def test_what_is_certain_is_the_verdict_of_every_continuation(data, planned, target):
    seen = data.draw(st.integers(0, planned))
    bad = data.draw(st.integers(0, seen))
    later = data.draw(st.integers(0, planned - seen))  # bad ones among those that follow: only their number matters
    certainty = Curtailment.of(target, planned).certainty(bad, seen)
    verdict = judge(one_second(bad + later, planned), target).verdict

    if certainty is Certainty.MISSED:
        assert verdict is Verdict.MISSED
    if certainty is Certainty.MET:
        assert verdict is Verdict.MET
    if certainty is Certainty.NOT_MET:
        assert verdict is not Verdict.MET


@settings(deadline=None, max_examples=150)
@given(st.data(), st.integers(1, 400), st.sampled_from(TARGETS))
def test_what_is_not_said_to_be_certain_is_open(data, planned, target):
    seen = data.draw(st.integers(0, planned))
    bad = data.draw(st.integers(0, seen))
    certainty = Curtailment.of(target, planned).certainty(bad, seen)
    best = judge(one_second(bad, planned), target).verdict
    worst = judge(one_second(bad + planned - seen, planned), target).verdict

    if certainty is Certainty.UNDECIDED:
        assert best is Verdict.MET
        assert worst is not Verdict.MET
    if certainty is Certainty.NOT_MET:
        assert best is Verdict.INCONCLUSIVE


@settings(deadline=None, max_examples=150)
@given(st.data(), st.integers(1, 400), st.sampled_from(TARGETS), st.floats(1, 30))
def test_a_run_stopped_as_certainly_missed_is_missed_by_what_it_saw(data, planned, target, effect):
    seen = data.draw(st.integers(1, planned))
    bad = data.draw(st.integers(0, seen))

    if Curtailment.of(target, planned, effect=effect).certainty(bad, seen) is Certainty.MISSED:
        assert judge(one_second(bad, seen), target, effect_floor=effect).verdict is Verdict.MISSED


@settings(deadline=None, max_examples=150)
@given(st.data(), st.integers(1, 400), st.sampled_from(TARGETS), st.floats(1, 30))
def test_what_can_no_longer_be_met_cannot_be_met_at_a_greater_effect_either(data, planned, target, effect):
    bad = data.draw(st.integers(0, planned))

    if Curtailment.of(target, planned).certainty(bad, planned) is Certainty.NOT_MET:
        assert judge(one_second(bad, planned), target, effect_floor=effect).verdict is not Verdict.MET


def test_the_limits_are_those_of_the_verdict():
    limits = Curtailment.of(Decimal("0.999"), 10_000)

    assert (limits.most_to_meet, limits.fewest_to_miss) == (4, 16)
    assert limits.certainty(15, 20) is Certainty.NOT_MET
    assert limits.certainty(16, 20) is Certainty.MISSED
    assert limits.certainty(4, 9_999) is Certainty.UNDECIDED
    assert limits.certainty(4, 10_000) is Certainty.MET
    assert limits.certainty(3, 9_999) is Certainty.MET


def test_a_plan_that_can_never_be_met_says_so_at_once():
    assert Curtailment.of(0.999, 1000).certainty(0, 0) is Certainty.NOT_MET


def test_of_more_events_than_planned_nothing_is_certain():
    assert Curtailment.of(0.9, 100).certainty(90, 101) is Certainty.UNDECIDED


def test_among_several_objectives_certainty_takes_more_failures():
    alone, among = Curtailment.of(0.99, 1000), Curtailment.of(0.99, 1000, alpha=EXACT_ALPHA / Fraction(5))

    assert among.fewest_to_miss > alone.fewest_to_miss


def test_counts_that_cannot_be_are_refused():
    with pytest.raises(ValueError, match="cannot be"):
        Curtailment.of(0.9, 10).certainty(3, 2)


def test_looking_every_second_misses_no_more_often_than_looking_once():
    """Exactly the budget fails: a run stopped at its first certain miss is one that would have ended missed."""
    random = np.random.default_rng(5)
    planned, target = 2000, 0.99
    limits = Curtailment.of(target, planned)
    curtailed = full = 0
    for _ in range(500):
        so_far = random.binomial(20, 0.01, 100).cumsum()
        looks = [limits.certainty(int(k), 20 * (i + 1)) for i, k in enumerate(so_far)]
        ends_missed = judge(one_second(int(so_far[-1]), planned), target).verdict is Verdict.MISSED
        assert (Certainty.MISSED in looks) == ends_missed
        curtailed += Certainty.MISSED in looks
        full += ends_missed
    print(f"missed: {curtailed / 500:.1%} looked at every second, {full / 500:.1%} once")
    assert curtailed / 500 <= 0.05 + 3 * (0.05 * 0.95 / 500) ** 0.5
