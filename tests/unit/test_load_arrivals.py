import hashlib
import math
import subprocess
import sys
from itertools import islice, pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chi2, kstest

from holdfast.load.arrivals import (
    Arrival,
    RateStage,
    Stripe,
    WaveStage,
    arrivals,
    fitted,
    least_count,
    offsets,
    stages_of,
)
from holdfast.workspace.rate import ArrivalRate

MIX = {"sign_in": 3.0, "billing_inquiry": 1.0}
rates = st.floats(0.0, 200.0)
stages = st.lists(st.builds(RateStage, rates, rates, st.floats(0.1, 5.0)), min_size=1, max_size=4)


def expected_in(stage, elapsed):
    """Λ within one stage, by the schoolbook."""
    return stage.start_rate * elapsed + (stage.end_rate - stage.start_rate) / stage.seconds * elapsed**2 / 2


def expected_until(planned, until):
    total, began = 0.0, 0.0
    for stage in planned:
        total += expected_in(stage, min(max(until - began, 0.0), stage.seconds))
        began += stage.seconds
    return total


@given(stages, st.sampled_from(["uniform", "poisson"]), st.floats(-0.1, 1.2))
def test_how_many_are_due_is_known_without_placing_them(planned, spacing, share):
    """To the arrival but for one that lies on the bound itself, by the last bit of a float."""
    until = share * sum(stage.seconds for stage in planned)
    placed = offsets(planned, 1, spacing)
    near = 1e-6 * (1 + abs(until))
    least, most = int((placed < until - near).sum()), int((placed <= until + near).sum())
    assert least <= least_count(planned, 1, spacing, until) <= most


@given(stages, st.floats(0.0, 1.0), st.floats(0.0, 1.0))
def test_a_uniform_schedule_holds_in_any_window_what_the_rate_promises(planned, one, other):
    total = sum(stage.seconds for stage in planned)
    begin, end = sorted((one * total, other * total))
    count = sum(begin <= a.offset < end for a in arrivals(planned, MIX, 1, "uniform"))
    assert abs(count - (expected_until(planned, end) - expected_until(planned, begin))) < 1 + 1e-6


@given(stages, st.sampled_from(["uniform", "poisson"]), st.integers())
def test_arrivals_come_in_order_and_within_the_stages(planned, spacing, seed):
    offsets = [a.offset for a in arrivals(planned, MIX, seed, spacing)]
    assert all(earlier <= later for earlier, later in pairwise(offsets))
    assert all(0 <= offset <= sum(stage.seconds for stage in planned) + 1e-9 for offset in offsets)


@given(rates, rates, st.floats(0.001, 1e5), st.floats(0.0, 1.0))
def test_the_inverse_of_the_integrated_rate_is_exact(start, end, seconds, share):
    stage = RateStage(start, end, seconds)
    wanted = share * stage.expected
    assert math.isclose(expected_in(stage, stage.elapsed_at(wanted)), wanted, rel_tol=1e-9, abs_tol=1e-9)


def test_a_nearly_flat_ramp_loses_no_digits():
    stage = RateStage(1000.0, 1000.0 + 1e-9, 1000.0)
    assert stage.elapsed_at(500_000.0) == pytest.approx(500.0, abs=1e-6)


@given(stages, st.integers())
def test_the_same_seed_gives_the_same_schedule(planned, seed):
    assert list(arrivals(planned, MIX, seed, "poisson")) == list(arrivals(planned, MIX, seed, "poisson"))


def test_another_seed_gives_another_schedule():
    planned = [RateStage(50.0, 50.0, 2.0)]
    assert list(arrivals(planned, MIX, 1, "poisson")) != list(arrivals(planned, MIX, 2, "poisson"))


def test_another_mix_moves_no_arrival():
    planned = [RateStage(50.0, 50.0, 2.0)]
    offsets = [[a.offset for a in arrivals(planned, mix, 1, "poisson")] for mix in (MIX, {"sign_in": 1.0})]
    assert offsets[0] == offsets[1]


@given(stages, st.integers(1, 5))
def test_the_stripes_of_several_workers_make_up_the_schedule(planned, workers):
    whole = list(arrivals(planned, MIX, 3, "poisson"))
    stripes = [list(islice(arrivals(planned, MIX, 3, "poisson"), k, None, workers)) for k in range(workers)]
    assert sorted((a for stripe in stripes for a in stripe), key=lambda a: a.offset) == whole


def test_poisson_counts_have_the_mean_and_the_variance_of_poisson():
    planned = [RateStage(20.0, 20.0, 1000.0)]
    counts = [0] * 1000
    for arrival in arrivals(planned, MIX, 11, "poisson"):
        counts[int(arrival.offset)] += 1
    mean = sum(counts) / len(counts)
    variance = sum((count - mean) ** 2 for count in counts) / (len(counts) - 1)
    assert mean == pytest.approx(20.0, abs=4 * math.sqrt(20 / 1000))
    assert variance / mean == pytest.approx(1.0, abs=4 * math.sqrt(2 / 1000))


def test_a_poisson_ramp_follows_the_integrated_rate():
    planned = [RateStage(0.0, 100.0, 100.0)]
    offsets = [a.offset for a in arrivals(planned, MIX, 5, "poisson")]
    early = sum(offset < 50.0 for offset in offsets)
    assert early == pytest.approx(1250, abs=4 * math.sqrt(1250))
    assert len(offsets) == pytest.approx(5000, abs=4 * math.sqrt(5000))


def test_scenarios_are_drawn_by_weight():
    drawn = [a.scenario for a in arrivals([RateStage(100.0, 100.0, 40.0)], MIX, 2, "uniform")]
    assert drawn.count("sign_in") / len(drawn) == pytest.approx(0.75, abs=0.03)


def test_a_schedule_is_not_made_before_it_is_asked_for():
    endless = [RateStage(1e6, 1e6, 1e9)]
    assert len(list(islice(arrivals(endless, MIX, 1, "poisson"), 10))) == 10


def test_no_rate_no_arrivals():
    assert list(arrivals([RateStage(0.0, 0.0, 10.0)], MIX, 1, "uniform")) == []
    assert list(arrivals([], MIX, 1, "poisson")) == []


def test_a_pause_between_stages_stays_empty():
    planned = [RateStage(10.0, 10.0, 1.0), RateStage(0.0, 0.0, 5.0), RateStage(10.0, 10.0, 1.0)]
    offsets = [a.offset for a in arrivals(planned, MIX, 1, "uniform")]
    assert not [offset for offset in offsets if 1.0 < offset < 6.0]
    assert len(offsets) == 20


def test_a_profile_that_is_too_short_holds_its_last_rate():
    assert fitted([RateStage(0.0, 10.0, 2.0)], 5.0)[-1] == RateStage(10.0, 10.0, 3.0)


def test_a_profile_that_is_too_long_is_cut_where_it_is():
    assert fitted([RateStage(0.0, 10.0, 2.0), RateStage(5.0, 5.0, 9.0)], 1.0) == (RateStage(0.0, 5.0, 1.0),)


def test_scale_multiplies_every_rate():
    profile = {"stages": [{"from": 0, "to": 40, "seconds": 30}]}
    assert stages_of(profile, 0.5) == (RateStage(0.0, 20.0, 30.0),)


def test_uniform_arrivals_stand_in_the_middle_of_their_share():
    found = list(arrivals([RateStage(2.0, 2.0, 1.0)], {"sign_in": 1.0}, 1, "uniform"))
    assert found == [Arrival(0.25, "sign_in"), Arrival(0.75, "sign_in")]


@given(stages, st.integers(1, 5), st.sampled_from(["uniform", "poisson", "stratified"]))
def test_the_parts_that_workers_make_themselves_are_the_stripes_of_the_schedule(planned, workers, spacing):
    whole = list(arrivals(planned, MIX, 3, spacing, 7))
    for index in range(workers):
        part = list(arrivals(planned, MIX, 3, spacing, 7, Stripe(index, workers)))
        assert part == whole[index::workers]


def test_parts_are_stripes_across_many_chunks_of_points_too():
    planned = [RateStage(3000.0, 3000.0, 5.0), WaveStage(2000.0, 1500.0, 2.0, 3.0)]
    whole = list(arrivals(planned, MIX, 3, "poisson"))
    assert len(whole) > 20_000
    for index in range(3):
        assert list(arrivals(planned, MIX, 3, "poisson", part=Stripe(index, 3))) == whole[index::3]


@given(st.integers(0, 1000), st.integers(1, 20))
def test_shares_of_visitors_sum_up_exactly(total, workers):
    shares = [Stripe(index, workers).share(total) for index in range(workers)]
    assert sum(shares) == total
    assert max(shares) - min(shares) <= 1


WAVY = [RateStage(0.0, 80.0, 50.0), WaveStage(50.0, 50.0, 40.0, 100.0), RateStage(20.0, 20.0, 50.0)]


def test_poisson_points_seen_through_the_integral_are_independent_exponential_steps():
    found = offsets(WAVY, 17, "poisson")
    steps = np.diff(ArrivalRate(WAVY).expected_at(found))
    assert kstest(steps, "expon").pvalue > 0.01
    assert abs(np.corrcoef(steps[:-1], steps[1:])[0, 1]) < 4 / math.sqrt(len(steps))


def test_poisson_counts_of_equal_expectation_pass_the_test_of_dispersion_and_do_not_follow_each_other():
    rate = ArrivalRate(WAVY)
    marks = rate.expected_at(offsets(WAVY, 23, "poisson"))
    counts = np.bincount((marks / 20).astype(int))[: int(rate.expected / 20)]
    dispersion = ((counts - counts.mean()) ** 2).sum() / counts.mean()
    assert 0.005 < chi2.sf(dispersion, len(counts) - 1) < 0.995
    assert abs(np.corrcoef(counts[:-1], counts[1:])[0, 1]) < 4 / math.sqrt(len(counts))


@given(st.integers(1, 50))
def test_a_stratum_holds_exactly_its_arrivals(stratum):
    found = offsets([RateStage(10.0, 10.0, 100.0)], 5, "stratified", stratum)
    counts = np.bincount((found * 10 / stratum).astype(int))
    assert set(counts[: 1000 // stratum].tolist()) == {stratum}


def test_a_window_of_a_wave_holds_what_its_integral_says():
    rate = ArrivalRate(WAVY)
    found = offsets(WAVY, 1, "uniform")
    for begin, end in [(0, 10), (49, 51), (60, 75.5), (140, 200)]:
        count = int(((found >= begin) & (found < end)).sum())
        expected = float(np.diff(rate.expected_at(np.array([begin, end], dtype=float)))[0])
        assert abs(count - expected) < 1 + 1e-6


def test_another_process_draws_the_very_same_schedule():
    code = (
        "from holdfast.load.arrivals import *\n"
        "import hashlib\n"
        "print(hashlib.sha256(offsets([RateStage(50.0, 90.0, 60.0)], 7, 'poisson').tobytes()).hexdigest())"
    )
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    assert other == hashlib.sha256(offsets([RateStage(50.0, 90.0, 60.0)], 7, "poisson").tobytes()).hexdigest()
