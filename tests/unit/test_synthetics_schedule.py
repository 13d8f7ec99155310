"""When journeys are walked, on a clock that stands still until told."""

import asyncio

import pytest

from holdfast.synthetics.schedule import Ticks, keep_walking, spread


class Time:
    """A clock whose waits are over at once; a walk takes as long as it is told."""

    def __init__(self, *durations, stop_at=None):
        self.now = 0.0
        self.durations = list(durations)
        self.stop_at = stop_at
        self.walked = []
        self.missed = []

    async def wait_until(self, at):
        if self.stop_at is not None and at >= self.stop_at:
            return False
        self.now = max(self.now, at)
        return True

    async def walk(self, due):
        self.walked.append(due)
        self.now += self.durations.pop(0) if self.durations else 1.0

    def run(self, ticks):
        asyncio.run(keep_walking(ticks, lambda: self.now, self.wait_until, self.walk, self.missed.append))
        return self


def test_a_journey_is_walked_at_its_due_times_until_the_end():
    time = Time().run(Ticks(first=2.0, every=10.0, end=32.0))

    assert time.walked == [2.0, 12.0, 22.0]
    assert time.missed == []


def test_a_walk_still_going_on_makes_the_next_ones_missed_never_late():
    time = Time(25.0).run(Ticks(first=0.0, every=10.0, end=50.0))

    assert time.walked == [0.0, 30.0, 40.0]
    assert time.missed == [10.0, 20.0]


def test_a_walk_that_outlasts_the_end_is_the_last():
    time = Time(500.0).run(Ticks(first=0.0, every=10.0, end=30.0))

    assert time.walked == [0.0]
    assert time.missed == [10.0, 20.0]


def test_no_walk_begins_after_the_stop():
    assert Time(stop_at=15.0).run(Ticks(first=0.0, every=10.0, end=99.0)).walked == [0.0, 10.0]


def test_a_journey_is_walked_so_many_times_at_most():
    time = Time(25.0, 25.0).run(Ticks(first=0.0, every=10.0, end=99.0, times=1))

    assert time.walked == [0.0]
    assert time.missed == []


@pytest.mark.parametrize("duration", [3.0, 40.0, 600.0])
def test_journeys_do_not_start_together_and_each_is_walked_at_least_once(duration):
    ticks = spread([(15.0, None), (300.0, None), (15.0, 1)], 1000.0, duration)

    firsts = [each.first for each in ticks]
    assert len(set(firsts)) == 3
    assert all(1000.0 <= first < 1000.0 + duration for first in firsts)
    assert [each.times for each in ticks] == [None, None, 1]


def test_the_same_journeys_get_the_same_phases():
    assert spread([(15.0, None)] * 4, 0.0, 60.0) == spread([(15.0, None)] * 4, 0.0, 60.0)
