"""Verdicts: the published bounds, the tables computed from them, and error rates seen in simulation."""

from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.slo.attainability import attainable
from holdfast.slo.bounds import (
    clean_needed,
    events_needed,
    fewest_to_miss,
    lower_bound,
    most_failures,
    proven_beyond,
    proven_within,
    upper_bound,
)
from holdfast.slo.budget import percent
from holdfast.slo.clusters import effect_of
from holdfast.slo.indicator import Counts, no_counts
from holdfast.slo.verdict import Verdict, judge, judge_all, worst


def counted(good, total):
    """Events in one second, or of several seconds."""
    good, total = np.atleast_1d(good).astype(np.int64), np.atleast_1d(total).astype(np.int64)
    return Counts(np.arange(len(total), dtype=np.int64), good, total)


def spread(bad, total, seconds=100):
    """Bad events as far apart as they can be: nothing clusters."""
    per_second = np.full(seconds, total // seconds)
    bad_in = np.zeros(seconds, np.int64)
    bad_in[np.linspace(0, seconds - 1, bad).astype(int)] += 1
    return counted(per_second - bad_in, per_second)


@pytest.mark.parametrize(
    ("bad", "total", "expected"),
    [(0, 100, 0.0295130), (1, 1000, 0.00473499), (3, 10000, 7.75181e-4), (5, 10000, 0.00105101)],
)
def test_the_upper_bound_is_clopper_and_pearsons(bad, total, expected):
    assert upper_bound(bad, total) == pytest.approx(expected, rel=5e-6)


def test_the_lower_bound_is_clopper_and_pearsons():
    assert lower_bound(1, 1000) == pytest.approx(5.12920e-5, rel=5e-6)


@pytest.mark.parametrize("total", [1, 7, 300, 12345])
def test_without_failures_the_bound_has_a_closed_form(total):
    assert upper_bound(0, total) == pytest.approx(1 - 0.05 ** (1 / total), rel=1e-12)
    assert lower_bound(0, total) == 0
    assert upper_bound(total, total) == 1


@pytest.mark.parametrize(
    ("target", "needed"),
    [("0.95", 59), ("0.99", 299), ("0.995", 598), ("0.999", 2995), ("0.9995", 5990), ("0.9999", 29956)],
)
def test_clean_events_that_prove_a_target(target, needed):
    assert clean_needed(Decimal(target)) == needed


def test_each_failure_takes_more_events_to_outweigh():
    assert [events_needed(0.999, bad) for bad in range(6)] == [2995, 4742, 6294, 7752, 9151, 10511]
    assert [events_needed(0.99, bad) for bad in range(6)] == [299, 473, 628, 773, 913, 1049]


@pytest.mark.parametrize(
    ("target", "events", "most", "fewest"),
    [
        (0.99, 500, 1, 10), (0.99, 1000, 4, 16), (0.99, 5000, 38, 63), (0.99, 10000, 83, 118),
        (0.999, 1000, None, 4), (0.999, 3000, 0, 7), (0.999, 5000, 1, 10), (0.999, 10000, 4, 16),
        (0.999, 50000, 38, 63),
    ],
)  # fmt: skip
def test_how_many_failures_decide(target, events, most, fewest):
    assert most_failures(target, events) == most
    assert fewest_to_miss(target, events) == fewest


def test_the_verdict_turns_exactly_at_those_failures():
    assert judge(spread(4, 10000), 0.999).verdict is Verdict.MET
    assert judge(spread(5, 10000), 0.999).verdict is Verdict.INCONCLUSIVE
    assert judge(spread(15, 10000), 0.999).verdict is Verdict.INCONCLUSIVE
    assert judge(spread(16, 10000), 0.999).verdict is Verdict.MISSED


def test_what_cannot_be_decided_is_known_before_it_is_run():
    short = attainable(0.999, 1200)

    assert not short.can_be_met
    assert short.can_be_missed
    assert short.needed_to_meet == 2995
    assert "about 1,200 are expected, so it can only end inconclusive, or missed" in short.reason
    assert attainable(0.99, 1200).can_be_met
    assert not attainable(0.99, 0).can_be_missed


@pytest.mark.parametrize(
    ("events", "met", "missed"),
    [(3000, 0.22, 0.39), (5000, 0.29, 0.54), (10_000, 0.44, 0.84), (20_000, 0.79, 0.97), (50_000, 0.994, 1.0)],
)
def test_the_chance_of_an_answer_is_known_before_it_is_run(events, met, missed):
    outlook = attainable(Decimal("0.999"), events)

    assert outlook.power_met == pytest.approx(met, abs=0.005)
    assert outlook.power_missed == pytest.approx(missed, abs=0.005)


def test_the_target_that_a_short_run_would_prove_is_one_it_proves():
    assert attainable(0.999, 1200).highest_target == Decimal("0.9975")
    assert attainable(0.999, 0).highest_target == 0
    for events in (1, 2, 59, 299, 2994, 2995):
        target = attainable(0.999, events).highest_target
        assert target == 0 or attainable(target, events).can_be_met


def test_a_known_design_effect_takes_as_many_times_the_events():
    outlook = attainable(0.99, 1000, effect=4.0)

    assert not outlook.can_be_met
    assert outlook.needed_to_meet == 4 * 299


def test_no_data_is_inconclusive_and_never_met():
    nothing = judge(no_counts(), 0.99)

    assert nothing.verdict is Verdict.INCONCLUSIVE
    assert nothing.ratio is None
    assert (nothing.low, nothing.high) == (0, 1)
    assert nothing.needed == 299
    assert nothing.reason == "No event was seen, which proves nothing; 299 without a bad one would prove 99 %."


@pytest.mark.parametrize(("good", "total"), [(11, 10), (-1, 10), ([20, 0], [10, 20])])
def test_a_count_that_cannot_be_is_inconclusive(good, total):
    judgement = judge(counted(good, total), 0.5)

    assert judgement.verdict is Verdict.INCONCLUSIVE
    assert "cannot be trusted" in judgement.reason


def test_one_good_event_proves_nothing_and_one_bad_event_neither():
    assert judge(counted(1, 1), 0.95).verdict is Verdict.INCONCLUSIVE
    assert judge(counted(0, 1), 0.9).verdict is Verdict.INCONCLUSIVE


def test_a_clean_record_says_how_much_is_missing():
    judgement = judge(counted(1200, 1200), Decimal("0.999"))

    assert judgement.needed == 1795
    assert judgement.reason == (
        "1,200 of 1,200 were good (100 %): the true ratio may be anything from 99.75 % to 100 %, and the target is "
        "99.9 %. 1,795 more without a bad one would prove it."
    )


def test_the_reason_never_rounds_up_to_the_target():
    judgement = judge(spread(1, 300_000), Decimal("0.999"))

    assert judgement.verdict is Verdict.MET
    assert "(99.99 %)" in judgement.reason
    assert judgement.needed == 0


def test_a_miss_says_so():
    judgement = judge(spread(60, 3000), Decimal("0.99"))

    assert judgement.verdict is Verdict.MISSED
    assert judgement.reason == (
        "2,940 of 3,000 were good (98 %): at most 98.41 % with 95 % confidence; the target is 99 %."
    )


def test_a_bound_that_equals_the_budget_is_no_matter_of_floats():
    assert proven_within(0, 1, Decimal("0.95"))  # U = 1 - 0.05, exactly the budget: met
    assert not proven_beyond(1, 1, Decimal("0.05"))  # L = 0.05, exactly the budget and not above it
    assert not proven_within(0, 1, Decimal("0.9499999999999999"))
    assert proven_beyond(1, 1, Decimal("0.0499999999999999"))
    assert judge(counted(1, 1), Decimal("0.05")).verdict is Verdict.MET
    assert judge(counted(0, 1), Decimal("0.95")).verdict is Verdict.INCONCLUSIVE


def test_independent_failures_have_a_design_effect_near_one():
    random = np.random.default_rng(1)
    total = np.full(600, 100)
    effects = [effect_of(counted(total - random.binomial(100, 0.01, 600), total)) for _ in range(50)]

    assert 1 <= np.mean([effect.seen for effect in effects]) < 1.4  # the largest of six lengths
    assert np.mean([effect.high for effect in effects]) < 2


def test_single_events_one_to_a_second_have_no_design_effect():
    assert effect_of(counted([0, 1, 1, 0, 1, 1, 1, 1], [1] * 8)).high == 1


def test_failures_in_one_second_weigh_as_one():
    good = np.full(100, 100)
    good[40] = 50

    judgement = judge(counted(good, np.full(100, 100)), 0.999)

    assert judgement.design_effect == pytest.approx(50, rel=0.02)
    assert judgement.design_effect_high > judgement.design_effect  # one cluster: the next may be larger
    assert judgement.effective_total == pytest.approx(10_000 / judgement.design_effect_high)
    assert judgement.verdict is Verdict.INCONCLUSIVE
    assert "in clusters (design effect 50" in judgement.reason


def test_an_outage_of_several_seconds_is_seen_in_blocks_as_long():
    good = np.full(600, 100)
    for start in range(0, 600, 100):
        good[start : start + 10] = 99

    effect = effect_of(counted(good, np.full(600, 100)))

    assert effect.block == 10
    assert effect.seen == pytest.approx(9, rel=0.05)


def test_a_total_outage_is_missed_though_it_is_one_cluster():
    good = np.full(120, 50)
    good[40:80] = 0

    assert judge(counted(good, np.full(120, 50)), 0.99).verdict is Verdict.MISSED


def test_a_pair_of_failures_in_one_second_of_a_long_run_does_not_unprove_it():
    good = np.full(600, 100)
    good[300] = 98

    assert judge(counted(good, np.full(600, 100)), 0.999).verdict is Verdict.MET


def test_the_design_effect_has_a_floor_for_where_it_cannot_be_estimated():
    clean = counted(np.full(100, 100), np.full(100, 100))

    assert effect_of(clean).high == 1
    assert effect_of(counted(5, 10), floor=3).seen == 3
    assert effect_of(counted([4, 4, 5], [5, 5, 5]), floor=3).measured < 3
    assert effect_of(clean, floor=3).measured is None
    assert judge(clean, 0.999).verdict is Verdict.MET
    floored = judge(clean, 0.999, effect_floor=4)
    assert floored.verdict is Verdict.INCONCLUSIVE
    assert floored.effective_total == 2500
    assert floored.needed == 4 * 2995 - 10_000
    assert "by the plan's design effect of 4 worth 2,500 independent events" in floored.reason


def test_a_clean_record_says_what_it_proves_of_seconds():
    judgement = judge(counted(np.full(600, 100), np.full(600, 100)), Decimal("0.999"))

    assert judgement.verdict is Verdict.MET
    assert judgement.bad_seconds_at_most == pytest.approx(0.00498, abs=5e-6)
    assert judgement.reason.endswith("600 clean seconds alone prove only that at most 0.5 % of seconds have a failure.")


def test_among_many_objectives_a_miss_must_be_surer():
    barely = spread(16, 10000)  # alone a miss at 0.999
    clean = spread(0, 10000)

    alone = judge_all([(barely, 0.999)])
    among = judge_all([(barely, 0.999)] + [(clean, 0.999)] * 9)

    assert alone[0].verdict is Verdict.MISSED
    assert among[0].verdict is Verdict.INCONCLUSIVE
    assert "10 objectives judged together" in among[0].reason
    assert all(judgement.verdict is Verdict.MET for judgement in among[1:])


def test_a_plain_miss_stays_one_among_many_and_helps_no_other():
    plain, barely = spread(60, 10000), spread(16, 10000)

    verdicts = [j.verdict for j in judge_all([(barely, 0.999), (plain, 0.999), (plain, 0.999)])]

    assert verdicts == [Verdict.MISSED, Verdict.MISSED, Verdict.MISSED]


def test_no_objective_of_none_is_judged():
    assert judge_all([]) == []


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        ([], Verdict.INCONCLUSIVE),
        ([Verdict.MET, Verdict.MET], Verdict.MET),
        ([Verdict.MET, Verdict.INCONCLUSIVE], Verdict.INCONCLUSIVE),
        ([Verdict.INCONCLUSIVE, Verdict.MISSED, Verdict.MET], Verdict.MISSED),
    ],
)
def test_what_is_missed_outweighs_what_is_unclear(verdicts, expected):
    assert worst(verdicts) is expected


def test_a_target_of_one_is_refused():
    with pytest.raises(ValueError, match="below 1"):
        judge(counted(1, 1), 1)


def test_percentages_carry_no_float_noise():
    assert percent(Decimal("0.999")) == "99.9 %"
    assert percent(0.95) == "95 %"
    assert percent(0.9995) == "99.95 %"


evidence = st.integers(1, 5000).flatmap(lambda total: st.tuples(st.integers(0, total), st.just(total)))
targets = st.sampled_from([0.9, 0.95, 0.99, 0.999])


@settings(deadline=None)  # a busy machine is not a defect
@given(evidence, targets)
def test_the_interval_holds_the_ratio_and_decides_the_verdict(case, target):
    bad, total = case
    judgement = judge(counted(total - bad, total), target)

    assert judgement.low <= judgement.ratio <= judgement.high
    if judgement.verdict is Verdict.MET:
        assert judgement.low >= target - 1e-12
    if judgement.verdict is Verdict.MISSED:
        assert judgement.high < target


@settings(deadline=None)  # a busy machine is not a defect
@given(evidence, targets)
def test_one_more_bad_event_never_betters_the_verdict(case, target):
    bad, total = case
    order = [Verdict.MISSED, Verdict.INCONCLUSIVE, Verdict.MET]
    before = judge(counted(total - bad, total), target).verdict
    after = judge(counted(max(total - bad - 1, 0), total), target).verdict

    assert order.index(after) <= order.index(before)


@settings(deadline=None)  # a busy machine is not a defect
@given(st.integers(0, 50), st.sampled_from([0.9, 0.99, 0.999]))
def test_as_many_more_as_it_asks_for_prove_the_target(bad, target):
    judgement = judge(counted(400 - bad, 400), target)
    total = 400 + judgement.needed

    assert judge(counted(total - bad, total), target).verdict is Verdict.MET
