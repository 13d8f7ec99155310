"""Toxics as pure schedules: bytes and a time in, due events out; and how a toxic is read from JSON."""

import itertools
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.proxy.refusal import ApiError
from holdfast.proxy.toxics import TOXIC_TYPES, new_toxic, updated_toxic
from holdfast.proxy.toxics.bandwidth import Bandwidth
from holdfast.proxy.toxics.effect import Effect, Event, What
from holdfast.proxy.toxics.latency import Latency
from holdfast.proxy.toxics.limit_data import LimitData
from holdfast.proxy.toxics.noop import Noop
from holdfast.proxy.toxics.reset_peer import ResetPeer
from holdfast.proxy.toxics.slicer import Slicer
from holdfast.proxy.toxics.slow_close import SlowClose
from holdfast.proxy.toxics.timeout import Timeout


def started(attributes, earlier: Effect | None = None) -> Effect:
    return attributes.effect(random.Random(1), earlier)


def bytes_of(events) -> bytes:
    return b"".join(event.data for event in events)


def test_noop_passes_everything_on_at_once():
    effect = started(Noop())

    assert list(effect.data(b"abc", 5.0)) == [Event(5.0, What.DATA, b"abc")]
    assert list(effect.ended(6.0)) == [Event(6.0, What.END)]


def test_latency_is_counted_from_the_arrival_of_each_chunk():
    effect = started(Latency(latency=250))

    assert [event.due for event in effect.data(b"a", 1.0)] == [1.25]
    assert [event.due for event in effect.data(b"b", 1.1)] == [pytest.approx(1.35)]


def test_latency_leaves_the_end_of_the_stream_to_its_place_in_the_queue():
    assert list(started(Latency(latency=250)).ended(1.0)) == [Event(1.0, What.END)]


@given(latency=st.integers(0, 1000), jitter=st.integers(0, 2000))
def test_latency_with_jitter_never_delivers_before_arrival_nor_later_than_both_together(latency, jitter):
    (event,) = started(Latency(latency, jitter)).data(b"a", 10.0)

    assert 10.0 <= event.due <= 10.0 + (latency + jitter) / 1000 + 1e-9


def test_bandwidth_delivers_at_its_rate_in_slices_of_100_ms():
    events = started(Bandwidth(rate=10)).data(b"x" * 2500, 0.0)

    assert [(pytest.approx(event.due), len(event.data)) for event in events] == [(0.1, 1000), (0.2, 1000), (0.25, 500)]


def test_bandwidth_remembers_what_is_still_on_the_wire():
    effect = started(Bandwidth(rate=10))
    effect.data(b"x" * 1000, 0.0)

    assert effect.data(b"x" * 1000, 0.05)[0].due == pytest.approx(0.2)


def test_bandwidth_does_not_save_up_for_later():
    effect = started(Bandwidth(rate=10))
    effect.data(b"x" * 1000, 0.0)

    assert effect.data(b"x" * 1000, 60.0)[0].due == pytest.approx(60.1)


def test_slow_close_delays_the_end_and_nothing_else():
    effect = started(SlowClose(delay=500))

    assert effect.data(b"a", 1.0)[0].due == 1.0
    assert list(effect.ended(1.0)) == [Event(1.5, What.END)]


def test_timeout_cuts_a_sender_that_keeps_talking_too():
    effect = started(Timeout(timeout=1000))

    assert list(effect.opened(2.0)) == [Event(3.0, What.CUT)]
    assert not effect.data(b"still here", 2.9)
    assert not effect.ended(2.95)


def test_timeout_of_0_swallows_and_never_closes():
    effect = started(Timeout(timeout=0))

    assert not effect.opened(2.0)
    assert not effect.data(b"a", 3.0)


def test_reset_peer_waits_from_the_first_data_and_holds_what_comes_meanwhile():
    effect = started(ResetPeer(timeout=100))

    assert list(effect.opened(0.0)) == []
    assert [(e.due, e.what) for e in effect.data(b"a", 1.0)] == [(1.1, What.RESET), (1.1, What.DATA)]
    assert [(e.due, e.what) for e in effect.data(b"b", 1.05)] == [(1.1, What.DATA)]


def test_reset_peer_keeps_counting_from_the_first_data_when_it_is_updated():
    effect = started(ResetPeer(timeout=100))
    effect.data(b"a", 1.0)

    assert started(ResetPeer(timeout=300), effect).data(b"a", 1.2)[0] == Event(1.3, What.RESET)


@given(
    data=st.binary(min_size=1, max_size=400),
    average=st.integers(1, 50),
    spread=st.integers(0, 49),
    delay=st.integers(0, 10_000),
)
def test_slicer_loses_nothing_and_keeps_to_its_sizes(data, average, spread, delay):
    variation = min(spread, average - 1)
    events = started(Slicer(average, variation, delay)).data(data, 1.0)

    assert bytes_of(events) == data
    assert all(average - variation <= len(event.data) <= average + variation for event in events[:-1])
    assert all(later.due >= earlier.due for earlier, later in itertools.pairwise(events))
    assert events[-1].due == pytest.approx(1.0 + (len(events) - 1) * delay / 1_000_000)


def test_limit_data_cuts_after_exactly_its_bytes():
    effect = started(LimitData(bytes=5))

    assert list(effect.data(b"abc", 1.0)) == [Event(1.0, What.DATA, b"abc")]
    assert list(effect.data(b"defgh", 2.0)) == [Event(2.0, What.DATA, b"de"), Event(2.0, What.CUT)]


def test_limit_data_of_0_cuts_at_the_first_byte():
    assert list(started(LimitData(bytes=0)).data(b"a", 1.0)) == [Event(1.0, What.CUT)]


def test_the_count_of_limit_data_survives_an_update():
    effect = started(LimitData(bytes=5))
    effect.data(b"abcd", 1.0)

    assert bytes_of(started(LimitData(bytes=6), effect).data(b"efgh", 2.0)) == b"ef"


# Reading


def test_a_toxic_has_toxiproxys_defaults():
    assert new_toxic({"type": "latency"}).as_json() == {
        "attributes": {"latency": 0, "jitter": 0},
        "name": "latency_downstream",
        "type": "latency",
        "stream": "downstream",
        "toxicity": 1.0,
    }


def test_the_stream_is_read_in_any_case_and_shown_as_it_was_written():
    toxic = new_toxic({"type": "noop", "stream": "UpStream"})

    assert (toxic.direction, toxic.stream, toxic.name) == ("upstream", "UpStream", "noop_UpStream")


def test_null_means_absent():
    toxic = new_toxic({"type": "latency", "name": None, "toxicity": None, "attributes": {"latency": None}})

    assert toxic == new_toxic({"type": "latency"})


def test_an_update_merges_attributes_and_ignores_name_type_and_stream():
    before = new_toxic({"type": "latency", "name": "slow", "attributes": {"latency": 100, "jitter": 5}})
    after = updated_toxic(before, {"name": "x", "type": "noop", "stream": "upstream", "attributes": {"latency": 7}})

    assert after.as_json() == {**before.as_json(), "attributes": {"latency": 7, "jitter": 5}}


REFUSED = [
    ("not an object", [], 400, "bad request body: expected a JSON object"),
    ("no type", {}, 400, "invalid toxic type"),
    ("unknown type", {"type": "gremlin"}, 400, "invalid toxic type"),
    (
        "unknown stream, before the type",
        {"stream": "sideways", "type": "gremlin"},
        400,
        "stream was invalid, can be either upstream or downstream",
    ),
    ("toxicity above 1", {"type": "noop", "toxicity": 1.5}, 400, "bad request body: toxicity must be between 0 and 1"),
    ("toxicity below 0", {"type": "noop", "toxicity": -0.1}, 400, "bad request body: toxicity must be between 0 and 1"),
    ("toxicity NaN", {"type": "noop", "toxicity": float("nan")}, 400, "bad request body: toxicity must be between"),
    ("toxicity text", {"type": "noop", "toxicity": "1"}, 400, "bad request body: toxicity must be a number"),
    ("attributes list", {"type": "noop", "attributes": [1]}, 400, "bad request body: attributes must be an object"),
    ("fraction", {"type": "latency", "attributes": {"latency": 1.5}}, 400, "bad request body: attributes.latency"),
    ("boolean", {"type": "latency", "attributes": {"latency": True}}, 400, "bad request body: attributes.latency"),
    ("beyond a double", {"type": "latency", "attributes": {"latency": 2**60}}, 400, "bad request body: attributes."),
    ("negative latency", {"type": "latency", "attributes": {"latency": -1}}, 400, "latency must not be negative"),
    ("negative jitter", {"type": "latency", "attributes": {"jitter": -1}}, 400, "jitter must not be negative"),
    ("negative timeout", {"type": "timeout", "attributes": {"timeout": -1}}, 400, "timeout must not be negative"),
    ("negative reset", {"type": "reset_peer", "attributes": {"timeout": -1}}, 400, "timeout must not be negative"),
    ("negative close", {"type": "slow_close", "attributes": {"delay": -1}}, 400, "delay must not be negative"),
    ("negative limit", {"type": "limit_data", "attributes": {"bytes": -1}}, 400, "bytes must not be negative"),
    ("bandwidth default 0", {"type": "bandwidth"}, 400, "rate must be at least 1"),
    ("negative rate", {"type": "bandwidth", "attributes": {"rate": -5}}, 400, "rate must be at least 1"),
    ("slicer defaults 0", {"type": "slicer"}, 400, "average_size must be at least 1"),
    (
        "slicer variation as large as the average",
        {"type": "slicer", "attributes": {"average_size": 5, "size_variation": 5}},
        400,
        "size_variation must be smaller than average_size",
    ),
    (
        "slicer negative delay",
        {"type": "slicer", "attributes": {"average_size": 5, "delay": -1}},
        400,
        "delay must not be negative",
    ),
]


@pytest.mark.parametrize(("body", "status", "message"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_a_toxic_that_cannot_be_obeyed_is_refused(body, status, message):
    with pytest.raises(ApiError) as refused:
        new_toxic(body)

    assert refused.value.status == status
    assert message in refused.value.message


@pytest.mark.parametrize("name", sorted(TOXIC_TYPES))
def test_every_attribute_is_a_whole_number_that_defaults_to_0(name):
    attributes = TOXIC_TYPES[name]()

    assert all(getattr(attributes, field) == 0 for field in attributes.__dataclass_fields__)
