"""Λ and Λ⁻¹ are inverse for every kind of stage, alone and chained."""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.workspace.profile import LoadProfile, Sine, Stage, Stairs
from holdfast.workspace.rate import ArrivalRate, RateStage, WaveStage, fitted, kepler, stage_of

rates = st.floats(0.0, 500.0)
lengths = st.floats(0.05, 500.0)
ramps = st.builds(RateStage, rates, rates, lengths)
waves = st.builds(
    lambda mean, share, period, seconds: WaveStage(mean, mean * share, period, seconds),
    st.floats(0.1, 500.0),
    st.floats(0.0, 1.0),
    st.floats(0.5, 500.0),
    lengths,
)
chains = st.lists(st.one_of(ramps, waves), min_size=1, max_size=6)
shares = st.lists(st.floats(0.0, 0.999999), min_size=1, max_size=20)


@given(chains, shares)
def test_the_integral_of_its_inverse_is_what_went_in(stages, asked):
    rate = ArrivalRate(stages)
    wanted = np.array(asked) * rate.expected
    assert np.allclose(rate.expected_at(rate.times_at(wanted)), wanted, rtol=1e-11, atol=1e-9)


@given(chains, shares)
def test_the_inverse_of_the_integral_is_the_time_where_somebody_comes(stages, asked):
    rate = ArrivalRate(stages)
    times = np.array(asked) * rate.seconds
    passed = rate.expected_at(times)
    again = rate.times_at(passed)
    assert np.allclose(rate.expected_at(again), passed, rtol=1e-11, atol=1e-9)
    flowing = rate.rate_at(times) > 1.0
    assert np.allclose(again[flowing], times[flowing], rtol=1e-8, atol=1e-6)


@given(chains)
def test_the_integral_is_the_area_under_the_rate(stages):
    rate = ArrivalRate(stages)
    for stage, begin in zip(stages, np.cumsum([0.0, *(s.seconds for s in stages)]), strict=False):
        nodes, weights = np.polynomial.legendre.leggauss(40)
        panels = max(1, math.ceil(stage.seconds / stage.period)) if isinstance(stage, WaveStage) else 1
        edges = np.linspace(0.0, stage.seconds, panels + 1)
        area = sum(
            (high - low) / 2 * float(weights @ stage.rate_at((high + low) / 2 + (high - low) / 2 * nodes))
            for low, high in pairwise(edges)
        )
        inside = rate.expected_at(np.array([begin + stage.seconds])) - rate.expected_at(np.array([begin]))
        assert math.isclose(float(inside[0]), area, rel_tol=1e-8, abs_tol=1e-6)


@given(st.floats(0.0, 2 * math.pi), st.floats(0.0, 1.0))
def test_keplers_equation_is_solved_to_the_last_bits(mean_anomaly, eccentricity):
    angle = float(kepler(np.array([mean_anomaly]), eccentricity)[0])
    assert math.isclose(angle - eccentricity * math.sin(angle), mean_anomaly, rel_tol=1e-14, abs_tol=4e-15)


@given(chains, st.floats(0.01, 2000.0))
def test_fitted_stages_last_exactly_so_long_and_keep_their_rate(stages, seconds):
    found, whole = ArrivalRate(fitted(stages, seconds)), ArrivalRate(stages)
    assert math.isclose(found.seconds, seconds, rel_tol=1e-9)
    until = np.array([min(seconds, whole.seconds)])
    assert np.allclose(found.expected_at(until), whole.expected_at(until), rtol=1e-9, atol=1e-6)


@given(st.one_of(ramps, waves), st.floats(0.1, 10.0))
def test_a_stage_goes_through_a_job_unchanged_and_scales(stage, scale):
    assert stage_of(stage.message()) == stage
    assert math.isclose(stage.scaled(scale).expected, stage.expected * scale, rel_tol=1e-9, abs_tol=1e-9)


@given(st.one_of(ramps, waves))
def test_no_rate_is_above_the_peak_or_below_nothing(stage):
    seen = stage.rate_at(np.linspace(0.0, stage.seconds, 200))
    assert seen.max() <= stage.peak * (1 + 1e-9) + 1e-9
    assert seen.min() >= -1e-9


def test_a_wave_begins_at_its_lowest_and_its_mean_is_its_mean():
    wave = WaveStage(30.0, 20.0, 600.0, 600.0)
    assert wave.rate_at(np.array([0.0, 300.0])).tolist() == pytest.approx([10.0, 50.0])
    assert wave.expected == pytest.approx(18_000)


def profile(*stages):
    return LoadProfile(kind="LoadProfile", description="x", stages=stages, mix={"a": 1.0})


@pytest.mark.parametrize(
    ("stage", "seconds", "expected"),
    [
        (Stage(hold="40/s", for_="2m"), 120, 4800),
        (Stage(ramp_to="40/s", over="30s"), 30, 600),
        (Stage(stairs=Stairs(from_="10/s", to="50/s", steps=5), over="5m"), 300, 60 * (10 + 20 + 30 + 40 + 50)),
        (Stage(spike_to="200/s", over="10s", for_="20s"), 40, 200 * 20 + 200 * 10),
        (Stage(sine=Sine(mean="30/s", amplitude="20/s", period="10m"), for_="20m"), 1200, 36_000),
        (Stage(sine=Sine(mean="30/s", amplitude="20/s", period="10m"), for_="5m"), 300, 9_000),
    ],
)
def test_each_kind_of_stage_plans_what_its_shape_adds_up_to(stage, seconds, expected):
    planned = profile(stage)
    assert planned.seconds == pytest.approx(seconds)
    assert planned.expected_arrivals(seconds) == pytest.approx(expected)
    halves = planned.expected_arrivals(seconds / 2) + planned.expected_arrivals(seconds / 2, after=seconds / 2)
    assert halves == pytest.approx(expected)
    assert planned.expected_arrivals(seconds + 10) == pytest.approx(expected + 10 * planned.pieces[-1].end_rate)


def test_a_spike_rises_from_and_falls_back_to_the_rate_before_it():
    pieces = profile(Stage(hold="15/s", for_="1m"), Stage(spike_to="120/s", over="5s", for_="30s")).pieces
    assert pieces[1:] == (RateStage(15.0, 120.0, 5.0), RateStage(120.0, 120.0, 30.0), RateStage(120.0, 15.0, 5.0))
