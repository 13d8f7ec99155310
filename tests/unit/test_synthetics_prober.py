"""Who walks when: accounts that are not free are the pool's fault, told as such and recorded as nobody's failure."""

import asyncio
from types import SimpleNamespace

import pytest

from holdfast.kit.accounts import AccountPool, generated_account
from holdfast.synthetics import prober as module
from holdfast.synthetics.failure import Cause
from holdfast.synthetics.prober import Prober, Round
from holdfast.synthetics.schedule import Ticks
from holdfast.synthetics.walk import Walked

CODED, PLAIN = generated_account(0), generated_account(1)


class FakeClock:
    def __init__(self):
        self.at = 0.0

    def now(self):
        return self.at


class Told:
    """A recording that keeps what it is told."""

    def __init__(self):
        self.walked, self.not_walked, self.missed, self.events = [], [], [], []

    def add_gauge(self, *_):
        pass

    def add_walk(self, walked):
        self.walked.append(walked.at)

    def add_not_walked(self, journey, due, *, needs_code):
        self.not_walked.append((journey, due, needs_code))

    def add_missed(self, *missed):
        self.missed.append(missed)

    def add_event(self, kind, *_, **__):
        self.events.append(kind)


@pytest.fixture
def walks(monkeypatch):
    """Run rounds on a fake clock, each walk taking so many seconds; what became of them."""

    def run(accounts, *, needs_code=True, every=4.0, end=40.0, times=None, takes=2.0, clean_up_error=""):
        clock, told = FakeClock(), Told()

        async def walk(journey, account, browser, place, leave):
            at = clock.at
            clock.at += takes
            return Walked(journey.name, at, takes, Cause("ok", ""), (), "", clean_up_error=clean_up_error)

        async def wait_until(_, due):
            clock.at = max(clock.at, due)
            return True

        monkeypatch.setattr(module, "walk", walk)
        monkeypatch.setattr(Prober, "_wait_until", wait_until)
        browser = SimpleNamespace(generation=1)
        found = Prober(browser, SimpleNamespace(clock=clock), AccountPool(accounts, clock), told)
        journey = SimpleNamespace(name="page")
        asyncio.run(found.run([Round(journey, needs_code, Ticks(0.0, every, end, times))], 1.0))
        return told

    return run


def test_a_walk_without_an_account_is_no_failure_and_the_others_are_walked(walks):
    told = walks([CODED])
    assert told.walked == [0.0, 32.0], "one code each 30 s"
    assert told.not_walked == [("page", due, True) for due in (4.0, 8.0, 12.0, 16.0, 20.0, 24.0, 28.0, 36.0)]
    assert told.missed == []


def test_a_number_of_walks_that_was_asked_for_waits_until_the_account_has_rested(walks):
    told = walks([CODED], every=1.0, end=200.0, times=3)
    assert told.walked == [0.0, 30.0, 60.0]
    assert told.not_walked == []


def test_a_walk_does_not_wait_beyond_the_end_nor_for_an_account_that_could_not_be_set_back(walks):
    assert walks([CODED], every=1.0, end=20.0, times=3).not_walked != []
    dirty = walks([CODED], every=1.0, end=200.0, times=2, clean_up_error="RuntimeError")
    assert (dirty.walked, len(dirty.not_walked)) == ([0.0], 1)


def test_who_needs_no_code_takes_an_account_without_one_or_any_where_all_have_one(walks):
    assert len(walks([CODED, PLAIN], needs_code=False).walked) == 10
    assert walks([CODED], needs_code=False).walked == [0.0, 32.0]


def test_ten_accounts_are_enough_for_a_walk_every_four_seconds(walks):
    told = walks([generated_account(2 * index) for index in range(10)])
    assert (len(told.walked), told.not_walked) == (10, [])
