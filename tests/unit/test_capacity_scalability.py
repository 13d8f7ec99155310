"""The Universal Scalability Law against published examples, and the inverses that others got wrong."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.capacity.scalability import (
    concurrency_at,
    concurrency_for_response,
    fit,
    operational_bound,
    response_at,
    throughput_at,
)

# R package usl 3.0: raytracer and specsdm91 (Gunther)
RAYTRACER = [(1, 20), (4, 78), (8, 130), (12, 170), (16, 190), (20, 200), (24, 210), (28, 230), (32, 260), (48, 280), (64, 310)]  # fmt: skip  # noqa: E501
SPECSDM91 = [(1, 64.9), (18, 995.9), (36, 1652.4), (72, 1853.2), (108, 1828.9), (144, 1775.0), (216, 1702.2)]
SYNTHETIC = [(1, 1), (2, 1.8868), (4, 3.0769), (6, 3.5294), (8, 3.5398), (10, 3.3557)]


def fitted(points):
    return fit([n for n, _ in points], [x for _, x in points])


@pytest.fixture(scope="module")
def models():
    """One with a peak and one without."""
    return fitted(SPECSDM91), fitted(RAYTRACER)


def test_specsdm91_is_fitted_as_published():
    model = fitted(SPECSDM91)

    assert model.contention == pytest.approx(2.772847e-2, rel=1e-5)
    assert model.crosstalk == pytest.approx(1.043655e-4, rel=1e-5)
    assert model.single == pytest.approx(89.99523, rel=1e-5)
    assert model.contention_error == pytest.approx(9.12173e-3, rel=1e-4)
    assert model.crosstalk_error == pytest.approx(1.987527e-5, rel=1e-4)
    assert model.single_error == pytest.approx(14.21349, rel=1e-4)
    assert model.residual_error == pytest.approx(82.84582, rel=1e-6)
    assert model.peak_concurrency == pytest.approx(96.51955, rel=1e-5)
    assert model.peak_throughput == pytest.approx(1883.899, rel=1e-5)
    assert model.limit == pytest.approx(3245.589, rel=1e-5)
    assert [round(throughput_at(model, n)) for n, _ in SPECSDM91] == [90, 1078, 1541, 1850, 1879, 1822, 1646]
    assert model.identified


def test_a_fit_without_crosstalk_has_no_peak_and_is_not_identified():
    model = fitted(RAYTRACER)

    assert model.crosstalk == 0
    assert model.contention == pytest.approx(5.777078e-2, rel=1e-6)
    assert model.single == pytest.approx(21.84884, rel=1e-6)
    assert model.contention_error == pytest.approx(1.32932e-2, rel=1e-4)
    assert model.crosstalk_error == pytest.approx(1.17920e-4, rel=1e-4)
    assert model.limit == pytest.approx(378.1989, rel=1e-6)
    assert throughput_at(model, 96) == pytest.approx(323.2763, rel=1e-6)
    assert throughput_at(model, 128) == pytest.approx(335.4551, rel=1e-6)
    assert (model.peak_concurrency, model.peak_throughput, model.identified) == (None, None, False)
    assert "not identified" in model.reason


def test_a_peak_beyond_the_loads_is_a_guess_and_called_one():
    model = fitted(RAYTRACER[:6])

    assert model.peak_concurrency == pytest.approx(24.488, rel=1e-3)
    assert model.peak_throughput == pytest.approx(203.49, rel=1e-4)  # 310 was later observed
    assert not model.identified
    assert "lies beyond the loads tested (up to 20)" in model.reason


def test_a_curve_without_noise_is_found_again():
    model = fitted(SYNTHETIC)

    assert (model.contention, model.crosstalk, model.single) == pytest.approx((0.02, 0.02, 1), rel=1e-3)
    assert model.peak_concurrency == pytest.approx(7, rel=1e-3)


def test_fewer_than_six_loads_are_refused():
    with pytest.raises(ValueError, match="at least 6"):
        fitted(RAYTRACER[:5])
    with pytest.raises(ValueError, match="at least 6"):
        fitted([RAYTRACER[0]] * 8)
    with pytest.raises(ValueError, match="above 0"):
        fitted([*RAYTRACER[:6], (30, 0)])


def test_efficiency_that_rises_with_load_is_flagged():
    assert fitted([(1, 10), (2, 24), (4, 50), (8, 98), (16, 180), (32, 300)]).superlinear
    assert not fitted([*SPECSDM91[1:], (1, 90)]).superlinear


def test_the_inverses_that_others_get_wrong():
    model = fitted(SPECSDM91)

    at_1800 = concurrency_at(model, 1800)
    assert at_1800 == pytest.approx(60.57, abs=0.01)
    assert response_at(model, at_1800) == pytest.approx(33.65e-3, abs=1e-5)
    in_50_ms = concurrency_for_response(model, 0.050)
    assert in_50_ms == pytest.approx(94.18, abs=0.01)
    assert throughput_at(model, in_50_ms) == pytest.approx(1883.7, abs=0.1)


def test_there_is_no_concurrency_for_what_cannot_be_reached():
    assert concurrency_at(fitted(SPECSDM91), 1884) is None
    assert concurrency_at(fitted(RAYTRACER), 379) is None
    assert concurrency_for_response(fitted(SPECSDM91), 0.01) is None


@settings(deadline=None)  # a busy machine is not a defect
@given(st.floats(1, 96))
def test_throughput_and_its_inverse_close(models, n):
    for model in models:
        assert concurrency_at(model, throughput_at(model, n)) == pytest.approx(n, rel=1e-4)


@settings(deadline=None)  # a busy machine is not a defect
@given(st.floats(1, 500))
def test_littles_law_holds_for_the_inverse_of_response_time(models, n):
    for model in models:
        found = concurrency_for_response(model, response_at(model, n))
        assert found == pytest.approx(n, rel=1e-6)
        assert throughput_at(model, found) * response_at(model, found) == pytest.approx(found, rel=1e-9)


def test_no_model_may_exceed_the_bottleneck():
    demands = [0.0098, 0.0025, 0.00072, 0.0098]

    assert operational_bound(1, demands) == pytest.approx(43.8212, rel=1e-5)
    assert operational_bound(100, demands) == pytest.approx(1 / 0.0098)
    assert operational_bound(10, demands, think_time=1) == pytest.approx(10 / 1.02282)
    with pytest.raises(ValueError, match="above 0"):
        operational_bound(1, [])
