"""Who walks when: accounts that are not free are the pool's fault, told as such and recorded as nobody's failure."""

import asyncio
from types import SimpleNamespace

import pytest

from holdfast.kit.accounts import AccountPool, generated_account
from holdfast.synthetics import prober as module
from holdfast.synthetics.failure import Cause
from holdfast.synthetics.prober import Prober, Round
from holdfast.synthetics.schedule import Ticks
from holdfast.synthetics.walk import ProbeFailed, Walked

CODED, PLAIN = generated_account(0), generated_account(1)


class FakeClock:
    def __init__(self):
        self.at = 0.0

    def now(self):
        return self.at


class Elsewhere:
    """Locks of accounts that other processes have until some time."""

    def __init__(self, clock, until):
        self.clock, self.until, self.taken = clock, until, []

    def take(self, account):
        if self.clock.now() < self.until.get(account.index, 0.0):
            return False
        self.taken.append(account.index)
        return True

    def free(self, account):
        self.taken.remove(account.index)


class Told:
    """A recording that keeps what it is told."""

    def __init__(self):
        self.walked, self.not_walked, self.missed, self.events = [], [], [], []
        self.reasons = set()

    def add_gauge(self, *_):
        pass

    def add_walk(self, walked):
        self.walked.append(walked.at)

    def add_not_walked(self, journey, due, reason, *, needs_code):
        self.not_walked.append((journey, due, needs_code))
        self.reasons.add(reason)

    def add_missed(self, *missed):
        self.missed.append(missed)

    def add_event(self, kind, *_, **__):
        self.events.append(kind)


@pytest.fixture
def walks(monkeypatch):
    """Run rounds on a fake clock, each walk taking so many seconds; what became of them."""

    def run(
        accounts,
        *,
        needs_code=True,
        every=4.0,
        end=40.0,
        times=None,
        takes=2.0,
        waits=0.0,
        breaks=(),
        clean_up_error="",
        elsewhere=None,
    ):
        clock, told, breaks = FakeClock(), Told(), list(breaks)

        async def walk(journey, account, browser, place, leave):
            at = clock.at
            if breaks:
                clock.at += breaks.pop(0)
                return ProbeFailed("it crashed")
            clock.at += takes + waits
            return Walked(journey.name, at, takes, Cause("ok", ""), (), "", clean_up_error=clean_up_error, waited=waits)

        async def replace(_):
            pass

        async def wait_until(_, due):
            clock.at = max(clock.at, due)
            return True

        monkeypatch.setattr(module, "walk", walk)
        monkeypatch.setattr(Prober, "_wait_until", wait_until)
        browser = SimpleNamespace(generation=1, replace=replace)
        locks = Elsewhere(clock, elsewhere or {})
        found = Prober(browser, SimpleNamespace(clock=clock), AccountPool(accounts, clock), told, locks)
        journey = SimpleNamespace(name="page")
        asyncio.run(found.run([Round(journey, needs_code, Ticks(0.0, every, end, times))], 1.0))
        assert not locks.taken or clean_up_error, "what was used is free again, unless it could not be set back"
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
    assert told.missed == [], "each walk took 2 s, and the next one came later"


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


def test_a_walk_kept_waiting_for_its_code_makes_no_other_one_missed(walks):
    accounts = [generated_account(2 * index) for index in range(10)]
    told = walks(accounts, every=2.0, end=12.0, takes=1.0, waits=3.0)
    assert told.walked == [0.0, 4.0, 8.0]
    assert told.not_walked == [("page", due, True) for due in (2.0, 6.0, 10.0)]
    assert (told.missed, told.reasons) == ([], {"waited_for_code"})


def test_of_a_walk_that_waited_and_was_slow_the_target_answers_for_its_own_part(walks):
    told = walks([CODED, PLAIN], needs_code=False, every=2.0, end=10.0, takes=5.0, waits=3.0)
    assert told.walked == [0.0, 8.0]
    assert [due for _, due, _ in told.missed] == [2.0, 4.0]
    assert [due for _, due, _ in told.not_walked] == [6.0]


def test_a_browser_that_breaks_costs_the_target_nothing(walks):
    told = walks([PLAIN], needs_code=False, every=2.0, end=12.0, takes=1.0, breaks=[4.0])
    assert told.walked == [4.0, 6.0, 8.0, 10.0]
    assert told.not_walked == [("page", 2.0, False), ("page", 4.0, False)]
    assert (told.missed, told.reasons) == ([], {"browser_broke"})
    told = walks([PLAIN], needs_code=False, every=2.0, end=12.0, takes=1.0, breaks=[3.0, 3.0])
    assert (told.walked, told.missed, told.reasons) == ([6.0, 8.0, 10.0], [], {"browser_broke"})


def test_an_account_that_another_process_walks_with_is_waited_for_where_a_walk_was_asked_for(walks):
    told = walks([CODED], every=1.0, end=200.0, times=1, elsewhere={CODED.index: 7.0})
    assert [7.0 <= at < 7.5 for at in told.walked] == [True]
    assert told.not_walked == []


def test_another_account_is_taken_where_one_is_free(walks):
    plain = [one for one in map(generated_account, range(9)) if not one.has_mfa][:2]
    told = walks(plain, needs_code=False, every=4.0, end=7.0, elsewhere={plain[0].index: 100.0})
    assert told.walked == [0.0, 4.0]


def test_an_account_that_another_process_keeps_makes_no_walk_a_failure(walks):
    told = walks([CODED], every=4.0, end=10.0, elsewhere={CODED.index: 100.0})
    assert told.walked == told.missed == []
    assert len(told.not_walked) == 3
