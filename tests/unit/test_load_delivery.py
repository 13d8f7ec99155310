"""Deltas reach the file exactly once, over a channel that loses, doubles and reorders them."""

from hypothesis import given
from hypothesis import strategies as st

from holdfast.load.delivery import Outgoing, Receipts

AGAIN = 2.0
STEPS = st.lists(st.sampled_from(["make", "send", "fail", "deliver", "double", "lose", "wait"]), max_size=120)
PICKS = st.randoms(use_true_random=False)


class Channel:
    """A worker, a master, and what is between them."""

    def __init__(self, picks):
        self.picks = picks
        self.now = 0.0
        self.outgoing, self.receipts = Outgoing(AGAIN), Receipts()
        self.on_the_way = []  # ("delta", number, blob) or ("ack", number, None)
        self.made, self.file, self.acknowledged = [], [], set()

    def make(self):
        self.made.append(f"{len(self.made)}".encode())
        self.outgoing.add(self.made[-1])

    def send(self, failing=False):
        for number, blob in self.outgoing.due(self.now):
            if failing and self.picks.random() < 0.5:
                return  # RPCError: again in a while
            self.on_the_way.append(("delta", number, blob))
            self.outgoing.sent(number, self.now)

    def fail(self):
        self.send(failing=True)

    def wait(self):
        self.now += AGAIN

    def lose(self):
        if self.on_the_way:
            self.on_the_way.pop(self.picks.randrange(len(self.on_the_way)))

    def double(self):
        if self.on_the_way:
            self.on_the_way.append(self.picks.choice(self.on_the_way))

    def deliver(self):
        if not self.on_the_way:
            return
        kind, number, blob = self.on_the_way.pop(self.picks.randrange(len(self.on_the_way)))
        if kind == "ack":
            self.acknowledged.add(number)
            self.outgoing.acknowledged(number)
            return
        if not self.receipts.has(number):
            self.file.append(blob)
            self.receipts.write(number)
        self.on_the_way.append(("ack", number, None))


@given(STEPS, PICKS)
def test_whatever_the_channel_does_nothing_is_written_twice_and_nothing_acknowledged_unwritten(steps, picks):
    channel = Channel(picks)
    for step in steps:
        getattr(channel, step)()
        assert len(set(channel.file)) == len(channel.file) == channel.receipts.written
        assert {channel.made[number - 1] for number in channel.acknowledged} <= set(channel.file)
        assert channel.outgoing.made == len(channel.made)
        assert channel.outgoing.outstanding == len(channel.made) - len(channel.acknowledged)
    # What is missing is known to the number, however it ended.
    assert channel.outgoing.made - channel.receipts.written == len(set(channel.made) - set(channel.file))


@given(STEPS, PICKS)
def test_once_the_channel_works_again_everything_arrives(steps, picks):
    channel = Channel(picks)
    for step in steps:
        getattr(channel, step)()
    while channel.outgoing.outstanding:
        channel.wait()
        channel.send()
        while channel.on_the_way:
            channel.deliver()
    assert sorted(channel.file) == sorted(channel.made)
    assert channel.receipts.written == channel.outgoing.made
    assert channel.receipts == Receipts(written=len(channel.made), _all_up_to=len(channel.made))  # in constant room


def test_one_that_overtook_another_does_not_hide_it():
    receipts = Receipts()
    for number in (1, 3):
        receipts.write(number)
    assert [receipts.has(number) for number in (1, 2, 3, 4)] == [True, False, True, False]


def test_one_whose_sending_failed_is_due_at_once_and_first():
    outgoing = Outgoing(AGAIN)
    outgoing.add(b"1")
    assert outgoing.due(0.0) == [(1, b"1")]  # and the sending raised
    outgoing.add(b"2")
    assert outgoing.due(0.1) == [(1, b"1"), (2, b"2")]
    outgoing.sent(1, 0.1)
    assert outgoing.due(0.1) == [(2, b"2")]
    assert outgoing.due(0.1 + AGAIN) == [(1, b"1"), (2, b"2")]


def test_what_was_never_sent_is_outstanding():
    outgoing = Outgoing(AGAIN)
    outgoing.add(b"1")
    assert (outgoing.made, outgoing.outstanding) == (1, 1)


def test_an_acknowledgement_that_comes_while_it_is_sent_again_leaves_nothing_behind():
    outgoing = Outgoing(AGAIN)
    outgoing.add(b"1")
    outgoing.due(0.0)
    outgoing.acknowledged(1)
    outgoing.sent(1, 0.0)
    assert (outgoing.outstanding, outgoing.due(9.0), outgoing._sent) == (0, [], {})


def test_a_refused_one_is_dealt_with_and_not_written():
    receipts = Receipts()
    receipts.refuse(1)
    assert (receipts.has(1), receipts.written, receipts.refused) == (True, 0, {1})
