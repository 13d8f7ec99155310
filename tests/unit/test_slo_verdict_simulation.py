"""Error rates of verdicts in simulation: at or below nominal, under independence and where failures come together.

A true ratio of exactly the target makes "met" and "missed" both wrong. tests/bench/verdict_errors.py does the same at
length; its table is in docs/reference/verdicts.md.
"""

from fractions import Fraction

import numpy as np
import pytest
from tests.unit.failure_patterns import Shape, clustered, drifting, outages

from holdfast.slo.verdict import Verdict, judge, judge_all

RUNS = 800
NOMINAL = 0.05
LIMIT = NOMINAL + 3 * (NOMINAL * (1 - NOMINAL) / RUNS) ** 0.5  # what chance adds in so many runs, at most
SHAPE = Shape(seconds=600, each=100, share=0.001)

PATTERNS = {
    "independent": clustered(0.0),
    "rho 0.01": clustered(0.01),
    "rho 0.05": clustered(0.05),
    "rho 0.2": clustered(0.2),
    "outages of 5 s": outages(5, 0.1),
    "outages of 10 s": outages(10, 0.1),
    "AR(1) 0.8": drifting(0.8),
    "AR(1) 0.9": drifting(0.9),
}


def _rates(verdicts):
    return verdicts.count(Verdict.MET) / len(verdicts), verdicts.count(Verdict.MISSED) / len(verdicts)


def _judged(pattern, shape=SHAPE, target=0.999, runs=RUNS, floor=1.0):
    bad = pattern(np.random.default_rng(20_240), shape, runs)
    return [judge(shape.counts(one), target, effect_floor=floor).verdict for one in bad]


@pytest.mark.parametrize("name", PATTERNS)
def test_neither_error_is_more_frequent_than_promised(name):
    met, missed = _rates(_judged(PATTERNS[name]))
    print(f"{name:16s} met {met:6.1%}  missed {missed:6.1%}  (nominal 5 %, limit {LIMIT:.1%})")

    assert met <= LIMIT
    assert missed <= LIMIT


def test_with_few_outages_to_see_the_floor_keeps_the_promise():
    """Two or three outages in a run: one run in twelve sees none, and looks clean."""
    few = outages(5, 0.02)
    seen, _ = _rates(_judged(few))
    floored, _ = _rates(_judged(few, floor=400.0))
    print(f"two outages: met {seen:.1%} as measured, {floored:.1%} with a floor")

    assert seen > LIMIT  # said in the docs; mend both when this is mended
    assert floored <= LIMIT


def test_care_leaves_the_power_to_prove_a_good_target_and_to_find_a_bad_one():
    good = Shape(SHAPE.seconds, SHAPE.each, SHAPE.share / 2)
    bad = Shape(SHAPE.seconds, SHAPE.each, SHAPE.share * 2)

    assert _judged(clustered(0.0), good, runs=200).count(Verdict.MET) > 0.9 * 200
    assert _judged(clustered(0.0), bad, runs=200).count(Verdict.MISSED) > 0.95 * 200


def test_among_four_objectives_none_is_missed_by_bad_luck_more_often_than_promised():
    shape = Shape(seconds=200, each=50, share=0.01)
    drawn = clustered(0.0)(np.random.default_rng(3), shape, 4 * 400).reshape(400, 4, -1)
    runs = [[j.verdict for j in judge_all([(shape.counts(bad), 0.99) for bad in four])] for four in drawn]

    any_missed = Fraction(sum(Verdict.MISSED in run for run in runs), len(runs))
    assert any_missed <= NOMINAL + 3 * (NOMINAL * (1 - NOMINAL) / len(runs)) ** 0.5
