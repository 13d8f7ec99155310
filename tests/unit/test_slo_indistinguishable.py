"""Telling two kinds of answers apart: false alarms, power, and never a yes without evidence. By simulation."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.record.histogram import Histogram, bucket_middle
from holdfast.slo.indistinguishable import ALPHA, Answers, compare_answers

RUNS = 400


def answers(durations, others=0):
    histogram = Histogram.of(durations)
    return Answers({bucket_middle(index): count for index, count in histogram.counts.items()}, others)


def drawn(random, count, shift=0.0, spread=0.03):
    """Answers of about 150 ms, with a long tail, as a loaded stack gives them."""
    return answers(0.06 + random.gamma(9.0, 0.01, count) + random.normal(0.0, spread / 10, count) + shift)


def verdicts(shift, count, seed):
    random = np.random.default_rng(seed)
    found = [compare_answers(drawn(random, count), drawn(random, count, shift)) for _ in range(RUNS)]
    return {word: sum(c.indistinguishable == word for c in found) / RUNS for word in ("yes", "no", "inconclusive")}


@pytest.mark.parametrize("count", [25, 100, 600])
def test_alike_answers_raise_a_false_alarm_no_more_often_than_said(count):
    # three standard errors of a share of 0.05 in 400 runs are 0.033
    assert verdicts(0.0, count, seed=count)["no"] <= ALPHA + 0.033


def test_a_shift_of_twenty_milliseconds_is_found():
    assert verdicts(0.020, 120, seed=1)["no"] >= 0.9


def test_it_says_yes_only_where_there_were_enough_answers_to_say_so():
    assert verdicts(0.0, 600, seed=2)["yes"] >= 0.8
    assert verdicts(0.0, 40, seed=3)["yes"] == 0.0


def test_a_difference_at_the_margin_is_called_none_no_more_often_than_said():
    """Exponential times: the chance that one of rate 1 is slower than one of rate r is r / (1 + r), 0.6 for r = 1.5."""
    random = np.random.default_rng(4)
    pairs = [(answers(random.exponential(1 / 1.5, 400)), answers(random.exponential(1.0, 400))) for _ in range(RUNS)]
    assert sum(compare_answers(*pair).indistinguishable == "yes" for pair in pairs) / RUNS <= ALPHA + 0.033


def test_times_of_one_median_but_another_spread_are_told_apart():
    random = np.random.default_rng(5)
    narrow, wide = answers(random.normal(0.15, 0.005, 300)), answers(np.abs(random.normal(0.15, 0.04, 300)))
    found = compare_answers(narrow, wide)
    assert (found.indistinguishable, found.reason) == ("no", "their times are spread differently")


def test_one_kind_that_is_refused_otherwise_gives_itself_away():
    assert compare_answers(answers([0.1] * 100), answers([0.1] * 80, others=20)).indistinguishable == "no"


def test_a_few_answers_prove_nothing_either_way():
    found = compare_answers(answers([0.1] * 19), answers([9.0] * 19))
    assert (found.indistinguishable, found.slower, found.interval) == ("inconclusive", None, (0.0, 1.0))


def test_times_that_are_all_the_same_cannot_be_told_apart():
    assert compare_answers(answers([0.1] * 50), answers([0.1] * 50)).indistinguishable == "yes"


lists = st.lists(st.floats(0.001, 2.0), min_size=20, max_size=60)


@given(lists, lists, st.integers(0, 5), st.integers(0, 5))
def test_which_kind_comes_first_makes_no_difference(one, other, lost_one, lost_other):
    first, second = answers(one, lost_one), answers(other, lost_other)
    there, back = compare_answers(first, second), compare_answers(second, first)
    assert there.indistinguishable == back.indistinguishable
    if there.slower is not None and back.slower is not None:
        assert there.slower == pytest.approx(1 - back.slower)
        assert there.interval[0] <= there.slower <= there.interval[1]
