"""Histories: cut, joined and masked, they lose no event and invent none."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.slo.history import History, broken_steps, history_of
from holdfast.slo.indicator import Counts
from holdfast.slo.window import Span

pairs = st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), min_size=1, max_size=60)


def history(events: list[tuple[int, int]], start: int = 600, step: int = 60) -> History:
    good = np.array([g for g, _ in events], dtype=np.float64)
    bad = np.array([b for _, b in events], dtype=np.float64)
    return History(start, step, good, good + bad, np.ones(len(events), dtype=np.bool_))


@given(pairs, st.floats(0, 6000, allow_nan=False))
def test_cutting_a_history_anywhere_loses_nothing_and_counts_nothing_twice(events, cut):
    whole = history(events)
    parts = [whole.between(0, cut), whole.between(cut, whole.end + 1)]

    assert sum(len(part) for part in parts) == len(whole)
    assert sum(part.total.sum() for part in parts) == whole.total.sum()
    assert sum(part.good.sum() for part in parts) == whole.good.sum()


def test_a_part_knows_when_it_begins():
    part = history([(1, 0), (2, 0), (3, 0)]).between(660, 720)

    assert (part.start, part.end, part.good.tolist()) == (660, 720, [2.0])


def test_an_excluded_stretch_is_neither_counted_nor_measured():
    whole = history([(9, 1), (5, 5), (9, 1)])

    less = whole.without([Span(660, 720)])

    assert less.total.tolist() == [10, 0, 10]
    assert less.bad.tolist() == [1, 0, 1]
    assert less.measured.tolist() == [True, False, True]
    assert whole.total.tolist() == [10, 10, 10]


@given(
    st.lists(
        st.tuples(st.integers(0, 599), st.integers(0, 9), st.integers(0, 9)), max_size=40, unique_by=lambda c: c[0]
    )
)
def test_counts_by_second_are_folded_into_steps_whole(counts):
    ordered = sorted(counts)
    seconds = np.array([s for s, _, _ in ordered], dtype=np.int64)
    good = np.array([g for _, g, _ in ordered], dtype=np.int64)
    total = good + np.array([b for _, _, b in ordered], dtype=np.int64)

    folded = history_of(Counts(seconds, good, total), 0, 600, 60)

    assert len(folded) == 10
    assert (folded.good.sum(), folded.total.sum()) == (good.sum(), total.sum())
    for index in range(10):
        here = (seconds >= index * 60) & (seconds < index * 60 + 60)
        assert folded.total[index] == total[here].sum()


def test_what_nobody_looked_at_is_not_measured_but_what_was_counted_is():
    counts = Counts(np.array([130]), np.array([1]), np.array([1]))

    folded = history_of(counts, 0, 240, 60, measured=[Span(0, 60)])

    assert folded.measured.tolist() == [True, False, True, False]


@pytest.mark.parametrize(
    ("good", "total", "broken"),
    [
        ([1.0], [1.0], 0),
        ([2.0], [1.0], 1),
        ([-1.0], [1.0], 1),
        ([np.nan], [1.0], 1),
        ([1.0], [np.inf], 1),
        ([1.0], [1e308], 1),
    ],
)
def test_steps_that_cannot_be_are_counted(good, total, broken):
    found = History(0, 60, np.array(good), np.array(total), np.ones(1, dtype=np.bool_))

    assert broken_steps(found) == broken
