"""The chain of one direction: toxics put on, changed and taken off a live stream, on a clock turned by hand."""

import random

import pytest

from holdfast.proxy.chain import Exposure, Pipe
from holdfast.proxy.toxics import new_toxic, updated_toxic


class Timer:
    def __init__(self, when, callback) -> None:
        self.when, self.callback, self.cancelled = when, callback, False

    def cancel(self) -> None:
        self.cancelled = True


class HandTurnedTimers:
    """An event loop's timers; `turn_to` calls what is due on the way, in order."""

    def __init__(self) -> None:
        self.now = 0.0
        self.timers: list[Timer] = []

    def time(self) -> float:
        return self.now

    def call_at(self, when, callback) -> Timer:
        self.timers.append(Timer(when, callback))
        return self.timers[-1]

    def turn_to(self, now: float) -> None:
        while due := sorted(
            (timer for timer in self.timers if not timer.cancelled and timer.when <= now), key=lambda timer: timer.when
        ):
            self.timers.remove(due[0])
            self.now = max(self.now, due[0].when)
            due[0].callback()
        self.now = now


class Socket:
    """Both kinds of transport: what was written to it, and whether it is being read."""

    def __init__(self) -> None:
        self.written = b""
        self.half_closed = False
        self.reading = True

    def write(self, chunk: bytes) -> None:
        assert not self.half_closed
        self.written += chunk

    def write_eof(self) -> None:
        self.half_closed = True

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True


class Stream:
    """A pipe between two sockets, and its owner."""

    def __init__(self) -> None:
        self.timers = HandTurnedTimers()
        self.source, self.sink = Socket(), Socket()
        self.pipe = Pipe(self, self.timers)
        self.pipe.connect(self.source, self.sink)
        self.exposure = Exposure()
        self.how_it_ended = ""

    def send(self, chunk: bytes) -> None:
        (self.pipe.inlet or self.pipe).data(chunk)

    def put(self, *toxics) -> None:
        self.pipe.arrange([(toxic, self.exposure) for toxic in toxics], random.Random(1))

    def close(self) -> None:
        self.how_it_ended = "closed"
        self.pipe.close()

    def abort(self) -> None:
        self.how_it_ended = "aborted"
        self.pipe.close()

    def reset(self) -> None:
        self.how_it_ended = "reset"
        self.pipe.close()

    def half_closed(self) -> None:
        pass


@pytest.fixture
def stream() -> Stream:
    return Stream()


def toxic(kind: str, name: str = "", **attributes: int):
    return new_toxic({"type": kind, "name": name or kind, "attributes": attributes})


def test_without_toxics_there_is_no_chain_at_all(stream):
    assert stream.pipe.inlet is None
    stream.send(b"abc")

    assert stream.sink.written == b"abc"


def test_a_delayed_chunk_comes_when_it_is_due(stream):
    stream.put(toxic("latency", latency=100))
    stream.send(b"abc")

    stream.timers.turn_to(0.099)
    assert stream.sink.written == b""
    stream.timers.turn_to(0.1)
    assert stream.sink.written == b"abc"


def test_the_end_of_file_waits_for_what_was_sent_before_it(stream):
    stream.put(toxic("latency", latency=100))
    stream.send(b"abc")
    stream.pipe.source_end()
    assert not stream.sink.half_closed

    stream.timers.turn_to(0.1)

    assert (stream.sink.written, stream.sink.half_closed) == (b"abc", True)


def test_a_removed_toxic_lets_go_at_once_and_in_order_what_it_held(stream):
    stream.put(toxic("latency", latency=60_000))
    stream.send(b"abc")
    stream.send(b"def")
    stream.pipe.source_end()

    stream.put()

    assert (stream.sink.written, stream.sink.half_closed) == (b"abcdef", True)
    assert stream.pipe.inlet is None


def test_a_reset_of_a_whole_chain_keeps_the_order(stream):
    stream.put(toxic("latency", "first", latency=1000), toxic("latency", "second", latency=1000))
    stream.send(b"1")
    stream.timers.turn_to(1.0)  # now held by the second
    stream.send(b"2")  # held by the first

    stream.put()

    assert stream.sink.written == b"12"


def test_a_toxic_added_to_a_live_stream_touches_what_comes_after(stream):
    stream.send(b"before ")
    stream.put(toxic("latency", latency=100))
    stream.send(b"after")

    assert stream.sink.written == b"before "
    stream.timers.turn_to(0.1)
    assert stream.sink.written == b"before after"


def test_adding_a_neighbour_leaves_a_toxic_as_it_is(stream):
    limit = toxic("limit_data", bytes=5)
    stream.put(limit)
    stream.send(b"abc")
    stream.put(limit, toxic("noop"))
    stream.send(b"defgh")

    assert stream.sink.written == b"abcde"
    assert stream.how_it_ended == "closed"


def test_an_update_lets_go_what_the_old_numbers_held(stream):
    slow = toxic("latency", latency=60_000)
    stream.put(slow)
    stream.send(b"abc")

    stream.put(updated_toxic(slow, {"attributes": {"latency": 10}}))
    stream.send(b"def")

    assert stream.sink.written == b"abc"
    stream.timers.turn_to(0.01)
    assert stream.sink.written == b"abcdef"


def test_a_time_out_closes_the_connection_when_its_time_is_up(stream):
    stream.put(toxic("timeout", timeout=500))
    stream.send(b"abc")

    stream.timers.turn_to(0.5)

    assert (stream.sink.written, stream.how_it_ended) == (b"", "closed")


def test_removing_a_black_hole_closes_the_connection_whose_bytes_it_swallowed(stream):
    stream.put(toxic("timeout", timeout=0))
    stream.send(b"abc")
    stream.put()

    assert (stream.sink.written, stream.how_it_ended) == (b"", "closed")


def test_a_time_out_of_0_may_be_given_an_end_by_an_update(stream):
    hole = toxic("timeout", timeout=0)
    stream.put(hole)
    stream.put(updated_toxic(hole, {"attributes": {"timeout": 100}}))
    assert stream.how_it_ended == ""

    stream.timers.turn_to(0.1)

    assert stream.how_it_ended == "closed"


def test_a_reset_comes_after_its_wait_and_nothing_passes_before(stream):
    stream.put(toxic("reset_peer", timeout=100))
    stream.send(b"abc")
    assert stream.how_it_ended == ""

    stream.timers.turn_to(0.1)

    assert (stream.sink.written, stream.how_it_ended) == (b"", "reset")


def test_a_reset_called_off_in_time_harms_nothing(stream):
    stream.put(toxic("reset_peer", timeout=100))
    stream.send(b"abc")
    stream.put()
    stream.timers.turn_to(1.0)

    assert (stream.sink.written, stream.how_it_ended) == (b"abc", "")


def test_a_reset_that_is_updated_still_holds_its_bytes(stream):
    coming = toxic("reset_peer", timeout=100)
    stream.put(coming)
    stream.send(b"abc")
    stream.put(updated_toxic(coming, {"attributes": {"timeout": 200}}))

    stream.timers.turn_to(0.19)
    assert (stream.sink.written, stream.how_it_ended) == (b"", "")
    stream.timers.turn_to(0.2)
    assert stream.how_it_ended == "reset"


def test_a_sender_waits_while_a_toxic_holds_too_much(stream):
    stream.put(toxic("bandwidth", rate=100))
    stream.send(b"x" * 100_000)
    assert not stream.source.reading

    stream.timers.turn_to(1.0)

    assert stream.source.reading
    assert stream.sink.written == b"x" * 100_000


def test_removing_a_toxic_that_held_too_much_lets_the_sender_go_on(stream):
    stream.put(toxic("bandwidth", rate=1))
    stream.send(b"x" * 100_000)
    stream.put()

    assert stream.source.reading


def test_a_sender_waits_until_nobody_blocks(stream):
    stream.pipe.block("one")
    stream.pipe.block("two")
    stream.pipe.unblock("one")
    assert not stream.source.reading

    stream.pipe.unblock("two")

    assert stream.source.reading


def test_a_source_that_has_ended_is_not_read_again(stream):
    stream.pipe.block("the sink")
    stream.pipe.source_end()
    stream.pipe.unblock("the sink")

    assert not stream.source.reading


def test_exposure_counts_a_connection_once_and_every_chunk(stream):
    slow = toxic("latency", latency=10)
    stream.put(slow)
    stream.send(b"a")
    stream.send(b"b")
    stream.put(updated_toxic(slow, {"attributes": {"latency": 20}}))
    stream.send(b"c")

    assert (stream.exposure.connections, stream.exposure.chunks) == (1, 3)


def test_a_toxic_that_no_byte_has_met_touched_nothing(stream):
    stream.put(toxic("latency", latency=10))
    stream.put()

    assert stream.exposure == Exposure(0, 0)


def test_nothing_comes_out_of_a_closed_stream(stream):
    stream.put(toxic("latency", latency=10))
    stream.send(b"a")
    stream.pipe.close()
    stream.timers.turn_to(1.0)

    assert stream.sink.written == b""
