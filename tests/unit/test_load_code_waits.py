"""The wait for the next one-time code is a test's own: it is in no duration, no lag and no patience of a visitor."""

from random import Random

import pytest

from holdfast.kit.accounts import AccountPool, generated_account
from holdfast.load.code_waits import CodeWaits
from holdfast.load.origin import Origin
from holdfast.load.visit import Ground, Visit
from holdfast.load.wire import Dialer
from holdfast.record.recorder import Recorder, fold

MFA = generated_account(0)
LATE = 1_795_000_048.0  # 2 s before a step is over


class FakeClock:
    def __init__(self, at):
        self.at = at

    def now(self):
        return self.at

    def sleep(self, seconds):
        self.at += seconds


class Service:
    """Asks for a code as every adapter does, and takes half a second for the rest."""

    def __init__(self, clock, ledger):
        self._clock, self._ledger = clock, ledger

    def sign_in(self, account):
        self._clock.sleep(0.25)
        turn = self._ledger.next_code(account.totp_secret, self._clock.now())
        self._clock.sleep(turn.wait)
        self._clock.sleep(0.25)


@pytest.fixture
def lived():
    clock, recorder = FakeClock(LATE), Recorder("load")
    ground = Ground(
        dialer=Dialer(Origin.of("http://127.0.0.1:9")),
        clock=clock,
        accounts=AccountPool([], clock),
        inbox=None,
        make_service=lambda _client, _inbox, clock, ledger: Service(clock, ledger),
        marker="",
        recorder=recorder,
        fire=lambda **_: None,
        note_error=lambda *_: None,
        choices=Random(1),
    )
    return Visit(ground, "bill", MFA, due=LATE), clock, recorder


def durations(recorder):
    return {(i.name, i.outcome): pytest.approx(i.slowest) for i in fold("load", recorder.take()).intervals}


def test_waiting_for_a_code_is_in_the_duration_of_neither_the_step_nor_the_visit(lived):
    visit, clock, recorder = lived
    with visit.step("sign_in"):
        visit.service.sign_in(MFA)
    with visit.step("look"):
        clock.sleep(0.5)
    visit.end()
    assert clock.at - LATE == pytest.approx(4.0)
    assert durations(recorder) == {("bill", "ok"): 1.0, ("bill/sign_in", "ok"): 0.5, ("bill/look", "ok"): 0.5}


def test_nobody_loses_patience_over_a_code(lived):
    visit, _, recorder = lived
    with visit.step("sign_in", patience=1.0):
        visit.service.sign_in(MFA)
    visit.end()
    assert ("bill/sign_in", "ok") in durations(recorder)


def test_who_is_cut_off_while_waiting_for_a_code_is_nobodys_failure(lived):
    visit, clock, recorder = lived
    visit.step("sign_in").__enter__()
    visit._wait_for_code(3.0)
    clock.sleep(2.0)
    visit.cut_off()
    assert durations(recorder) == {("bill", "thinking"): 0.0, ("bill/sign_in", "thinking"): 0.0}


def test_a_wait_counts_as_far_as_it_has_passed():
    waits = CodeWaits()
    assert (waits.until(100.0), waits.waits(100.0)) == (0.0, False)
    waits.begin(100.0, 3.0)
    assert (waits.until(101.0), waits.waits(101.0)) == (1.0, True)
    assert (waits.until(110.0), waits.waits(110.0)) == (3.0, False)
    waits.begin(110.0, 5.0)
    assert waits.until(112.0) == 5.0
