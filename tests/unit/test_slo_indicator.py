"""Counting: which samples an objective counts, and in which second."""

from itertools import pairwise
from time import perf_counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.record.histogram import Histogram
from holdfast.record.recorder import Interval, Recorder, fold
from holdfast.record.sample import DROPPED, FAILED, NO_ACCOUNT, OK, OUTCOMES, TIMED_OUT
from holdfast.slo.indicator import Indicator, Selector, bad_in, count, joined, matches

SIGN_IN = Selector(("*/sign_in",), "load")


def interval(second, name="billing/sign_in", outcome=OK, times=1, source="load", took=0.1):
    taken = Histogram.of([took] * times)
    return Interval(second, source, name, outcome, "", times, taken, taken, None, took)


def good_of(total=SIGN_IN, outcomes=(OK,), under=None):
    return Indicator("x", total, good=Selector(total.names, total.source, outcomes, under))


@pytest.mark.parametrize(
    ("pattern", "name", "expected"),
    [
        ("sign_in", "sign_in", True),
        ("sign_in", "sign_in/submit", False),
        ("*/sign_in", "billing/sign_in", True),
        ("*/sign_in", "sign_in", False),
        ("*/sign_in", "billing/sign_in/POST sessions", False),
        ("*", "sign_in", True),
        ("*", "billing/sign_in", False),
        ("b*g/s?gn_in", "billing/sign_in", True),
        ("*/*/GET *", "billing/open/GET /v2/invoices", True),
        ("*/*/*", "billing/open/GET /v2/invoices", True),
        ("Sign_in", "sign_in", False),
        ("sign.in", "sign_in", False),
        ("[s]ign_in", "sign_in", False),
    ],
)
def test_a_star_stays_within_its_part_of_the_name(pattern, name, expected):
    assert matches(pattern, name) is expected


def test_many_stars_take_no_time():
    begin = perf_counter()

    assert not matches("a*" * 10 + "b", "a" * 40)
    assert matches("a*" * 10 + "b", "a" * 40 + "b")
    assert perf_counter() - begin < 1


def test_only_the_named_samples_count():
    intervals = [
        interval(10),
        interval(10, source="synthetics"),
        interval(10, name="billing"),
        interval(10, name="billing/sign_in/POST sessions"),
        interval(10, source="chaos"),
    ]

    counts = count(intervals, good_of(), 0, 100)

    assert (counts.good_events, counts.total_events) == (1, 1)


def test_no_source_means_load_and_synthetics_but_nothing_else():
    everywhere = Selector(("*/sign_in",))
    intervals = [interval(10, source=source) for source in ("load", "synthetics", "chaos", "target")]

    assert count(intervals, good_of(everywhere), 0, 100).total_events == 2


def test_every_outcome_counts_in_the_total_and_only_ok_is_good():
    intervals = [interval(10, outcome=outcome) for outcome in OUTCOMES]

    counts = count(intervals, good_of(), 0, 100)

    assert (counts.good_events, counts.bad_events) == (1, len(OUTCOMES) - 1)


def test_what_was_abandoned_dropped_or_unfinished_is_bad_even_where_total_leaves_it_out():
    total = Selector(("*/sign_in",), "load", (OK, FAILED))
    intervals = [interval(10, outcome=outcome) for outcome in OUTCOMES]

    counts = count(intervals, good_of(total), 0, 100)

    assert (counts.good_events, counts.total_events) == (1, 5)  # ok, failed, abandoned, dropped, unfinished


def test_with_bad_outcomes_the_rest_is_good_but_for_what_was_never_answered():
    indicator = Indicator("x", SIGN_IN, bad=Selector(SIGN_IN.names, "load", (FAILED, TIMED_OUT)))
    intervals = [interval(10, outcome=outcome) for outcome in OUTCOMES]

    counts = count(intervals, indicator, 0, 100)

    assert counts.bad_events == 5  # failed, timed_out, abandoned, dropped, unfinished


def test_slow_ones_are_not_good_and_failed_ones_never_fast():
    intervals = [interval(10, took=0.2), interval(10, took=0.6), interval(10, outcome=FAILED, took=0.01)]

    counts = count(intervals, good_of(under=0.4), 0, 100)

    assert (counts.good_events, counts.total_events) == (1, 3)


def test_a_second_belongs_to_the_stretch_that_holds_its_middle():
    intervals = [interval(second) for second in (9, 10, 11, 12)]

    assert count(intervals, good_of(), 10, 12).seconds.tolist() == [10, 11]
    assert count(intervals, good_of(), 10.4, 12.6).seconds.tolist() == [10, 11, 12]
    assert count(intervals, good_of(), 10.6, 12.4).seconds.tolist() == [11]


def test_seconds_without_events_are_left_out_and_the_rest_in_order():
    counts = count([interval(12, times=3), interval(10), interval(12, outcome=FAILED)], good_of(), 0, 100)

    assert counts.seconds.tolist() == [10, 12]
    assert counts.good.tolist() == [1, 3]
    assert counts.total.tolist() == [1, 4]
    assert counts.total.dtype == np.int64


def test_what_the_recorder_folds_is_what_is_counted():
    recorder = Recorder("load")
    for index in range(100):
        recorder.add("billing/sign_in", 10 + index / 10, OK if index % 10 else FAILED, 0.3 if index % 4 else 0.5)
    folded = fold("load", recorder.take())

    counts = count(folded.intervals, good_of(under=0.4), 0, 100)

    assert counts.total_events == 100
    assert counts.good_events == sum(1 for index in range(100) if index % 10 and index % 4)


cells = st.tuples(st.integers(0, 40), st.sampled_from(OUTCOMES), st.integers(1, 5), st.sampled_from([0.1, 0.5]))


@settings(deadline=None)  # a busy machine is not a defect
@given(st.lists(cells, max_size=30), st.lists(st.floats(0, 41), max_size=4))
def test_splitting_the_time_anywhere_changes_nothing(cells, cuts):
    intervals = [interval(second, outcome=outcome, times=n, took=took) for second, outcome, n, took in cells]
    edges = [0.0, *sorted(cuts), 41.0]

    parts = [count(intervals, good_of(under=0.4), a, b) for a, b in pairwise(edges)]
    whole = count(intervals, good_of(under=0.4), 0, 41)

    together = joined(parts)
    assert together.seconds.tolist() == whole.seconds.tolist()
    assert together.good.tolist() == whole.good.tolist()
    assert together.total.tolist() == whole.total.tolist()
    assert (whole.good <= whole.total).all()


@pytest.mark.parametrize("names", [("billing",), ("billing/*/GET invoices",)])
def test_an_arrival_without_a_free_account_is_no_event_and_one_without_a_visitor_is_a_bad_one(names):
    recorder = Recorder("load")
    recorder.add("billing", 10.0, OK, 0.1)
    recorder.add("billing/list/GET invoices", 10.0, OK, 0.1)
    recorder.add("billing", 10.2, DROPPED, 0.0, detail=NO_ACCOUNT)
    recorder.add("billing", 10.4, DROPPED, 0.0, detail="no free visitor")
    recorded = fold("load", recorder.take()).intervals
    indicator = good_of(Selector(names))
    counts = count(recorded, indicator, 0, 20)
    assert (counts.good_events, counts.total_events) == (1, 2)
    bad = [bad_in(good_of(Selector(("billing",))), i) for i in recorded if i.outcome == DROPPED]
    assert sorted(bad) == [0, 1]
