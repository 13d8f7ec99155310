"""Histograms: accuracy, merging, encoding."""

from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.record.histogram import (
    Histogram,
    bucket_bounds,
    bucket_index,
    bucket_indexes,
    bucket_middle,
    quantiles_of,
)

durations = st.floats(min_value=0, max_value=86_400, allow_nan=False)
many = st.lists(durations, max_size=60)


@given(durations)
def test_a_bucket_holds_its_duration_and_stands_for_it_within_0_4_percent(duration: float) -> None:
    index = bucket_index(duration)
    low, high = bucket_bounds(index)
    microseconds = round(duration * 1e6)
    assert round(low * 1e6) <= microseconds < round(high * 1e6)
    assert abs(bucket_middle(index) - microseconds / 1e6) <= max(0.004 * duration, 1e-6)


@given(st.lists(durations, min_size=1, max_size=60))
def test_the_vectorised_and_the_plain_index_agree(values: list[float]) -> None:
    assert bucket_indexes(np.array(values)).tolist() == [bucket_index(value) for value in values]


@given(many, many, many)
def test_merging_is_adding_in_any_order_and_grouping(a: list[float], b: list[float], c: list[float]) -> None:
    whole = Histogram.of([*a, *b, *c])
    left = Histogram.sum((Histogram.sum((Histogram.of(a), Histogram.of(b))), Histogram.of(c)))
    right = Histogram.sum((Histogram.of(c), Histogram.sum((Histogram.of(b), Histogram.of(a)))))
    assert whole == left == right


@given(many)
def test_reading_what_was_written_gives_the_same(values: list[float]) -> None:
    histogram = Histogram.of(values)
    assert Histogram.from_bytes(histogram.to_bytes()) == histogram


@given(st.binary(max_size=40))
def test_damaged_bytes_are_refused_or_read_but_never_crash(encoded: bytes) -> None:
    with suppress(ValueError):
        Histogram.from_bytes(encoded)


@given(st.lists(durations, min_size=1, max_size=60), st.floats(0.001, 1))
def test_a_quantile_is_the_nearest_rank_within_0_4_percent(values: list[float], q: float) -> None:
    found = Histogram.of(values).quantile(q)
    exact = sorted(values)[max(1, int(np.ceil(q * len(values)))) - 1]
    assert found is not None
    assert abs(found - exact) <= max(0.004 * exact, 1e-6)


@given(many, durations)
def test_a_limit_is_never_judged_greener_than_the_evidence(values: list[float], limit: float) -> None:
    truly = sum(round(v * 1e6) <= round(limit * 1e6) for v in values)
    assert Histogram.of(values).count_up_to(limit) <= truly


def test_a_limit_errs_by_less_than_a_hundredth_of_itself() -> None:
    histogram = Histogram.of([0.390] * 10 + [0.399] * 5 + [0.41] * 3)
    assert histogram.count_up_to(0.4) >= 10
    assert Histogram.of([0.3967] * 7).count_up_to(0.4) == 7


def test_an_empty_histogram_has_no_quantiles() -> None:
    assert Histogram().quantile(0.5) is None
    assert quantiles_of(Histogram()) == {"p50": None, "p95": None, "p99": None, "p999": None, "max": None}


def test_no_quantile_is_above_the_true_maximum() -> None:
    values = [0.5003]
    found = quantiles_of(Histogram.of(values), slowest=0.5003)
    assert all(value is not None and value <= 0.5003 for value in found.values())


def test_negative_durations_from_clock_noise_count_as_zero() -> None:
    assert Histogram.of([-0.001]).counts == {0: 1}


def test_a_number_cut_short_is_refused() -> None:
    with pytest.raises(ValueError, match="cut short"):
        Histogram.from_bytes(b"\x80")
