"""What a worker sends is what the master writes."""

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.load.deltas import of_worker, packed, unpacked
from holdfast.record.recorder import Recorder, fold
from holdfast.record.sample import OUTCOMES
from holdfast.record.store import Gauge

SAMPLES = st.lists(
    st.tuples(
        st.sampled_from(["sign_in", "sign_in/enter", "ä/€/GET x"]),
        st.floats(1e9, 2e9),
        st.sampled_from(sorted(OUTCOMES)),
        st.floats(0, 1000),
        st.floats(0, 1),
        st.text(max_size=10),
    ),
    max_size=30,
)
GAUGES = st.lists(st.builds(Gauge, st.floats(0, 1e9), st.text(max_size=9), st.text(max_size=9), st.floats(0, 1e9)))


@given(SAMPLES, GAUGES)
def test_a_delta_survives_the_way_to_the_master(samples, gauges):
    recorder = Recorder("load")
    for name, at, outcome, duration, lag, detail in samples:
        recorder.add(name, at, outcome, duration + lag, lag, detail, "trace")
    folded = fold("load", recorder.take())
    again, told = unpacked(packed(folded, gauges))
    assert again == folded
    assert told == gauges
    assert all(gauge.source.endswith("/3") for gauge in of_worker(told, 3))


@given(st.binary(max_size=200))
def test_whatever_comes_instead_is_refused_not_a_traceback(blob):
    with pytest.raises(ValueError, match="not a delta"):
        unpacked(blob)


@given(st.recursive(st.one_of(st.none(), st.integers(-9, 9), st.binary(max_size=3)), st.lists, max_leaves=6))
def test_whatever_well_formed_nonsense_comes_is_refused(value):
    rows = {"intervals": [value], "exemplars": [], "gauges": []}
    with pytest.raises(ValueError, match="not a delta"):
        unpacked(msgpack.packb(rows))
