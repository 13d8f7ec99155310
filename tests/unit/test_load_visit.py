"""What a visit records, and what stands for one that was never made."""

from random import Random

import gevent
import pytest

from holdfast.kit.accounts import AccountPool, generated_account
from holdfast.kit.outcome import OutcomeError
from holdfast.load.client import Exchange, HttpResponse
from holdfast.load.dropping import NO_VISITOR
from holdfast.load.leaving import is_bug, is_end, outcome_of
from holdfast.load.origin import Origin
from holdfast.load.pool import ConnectionPool
from holdfast.load.visit import Ground, Visit, record_dropped
from holdfast.load.wire import Dialer
from holdfast.record.recorder import Recorder, fold
from holdfast.record.sample import OK, depth_of
from holdfast.slo.indicator import Indicator, Selector, count


class FakeClock:
    def __init__(self, at=0.0):
        self.at = at

    def now(self):
        return self.at

    def sleep(self, seconds):
        self.at += seconds


@pytest.fixture
def recorder():
    return Recorder("load")


@pytest.fixture
def visit(recorder):
    clock = FakeClock(100.0)
    ground = Ground(
        dialer=Dialer(Origin.of("http://127.0.0.1:9")),
        clock=clock,
        accounts=AccountPool([], clock),
        inbox=None,
        make_service=lambda *_: None,
        marker="",
        recorder=recorder,
        fire=lambda **_: None,
        note_error=lambda *_: None,
        choices=Random(1),
    )
    visit = Visit(ground, "bill", generated_account(1), due=100.0)
    clock.at = 102.0
    return visit


def recorded(recorder):
    return {(i.name, i.outcome): i for i in fold("load", recorder.take()).intervals}


@pytest.mark.parametrize("names", [("*",), ("*/sign_in",), ("bill/open_invoice",)])
def test_dropped_arrivals_are_bad_events_of_an_objective_on_any_step(recorder, names):
    for _ in range(90):
        for name in ("bill", "bill/sign_in", "bill/open_invoice"):
            recorder.add(name, 10.0, OK, 0.1)
    for _ in range(10):
        record_dropped(recorder, "bill", ["sign_in", "open_invoice"], 10.0, NO_VISITOR)
    selector = Selector(names, "load")
    indicator = Indicator("x", selector, good=Selector(names, "load", (OK,)))
    counts = count(fold("load", recorder.take()).intervals, indicator, 10.0, 11.0)
    assert (counts.good_events, counts.total_events) == (90, 100)


def test_dropped_arrivals_are_bad_events_of_an_objective_on_requests_of_their_scenario(recorder):
    for second in (10.0, 11.0):
        for name in ("bill", "bill/look", "bill/look/GET invoices", "reset", "reset/ask", "reset/ask/POST reset"):
            recorder.add(name, second, OK, 0.1)
    for scenario in ("bill", "reset"):
        record_dropped(recorder, scenario, ["look"], 12.0, NO_VISITOR)
    indicator = Indicator(
        "x", Selector(("*/*/GET invoices",), "load"), good=Selector(("*/*/GET invoices",), "load", (OK,))
    )
    intervals = fold("load", recorder.take()).intervals
    counts = count(intervals, indicator, 10.0, 13.0)
    assert (counts.good_events, counts.total_events) == (2, 3)
    parts = [count(intervals, indicator, float(second), second + 1.0) for second in (10, 11, 12)]
    assert [(part.good_events, part.total_events) for part in parts] == [(1, 1), (1, 1), (0, 1)]


def test_a_dropped_arrival_is_one_sample_at_its_scenario_and_none_at_requests(recorder):
    record_dropped(recorder, "bill", ["sign_in", "open_invoice"], 10.0, NO_VISITOR)
    found = fold("load", recorder.take()).intervals
    assert [depth_of(i.name) for i in found] == [1, 2, 2]
    assert {(i.outcome, i.detail, i.count, i.slowest) for i in found} == {("dropped", NO_VISITOR, 1, 0.0)}


def test_a_visit_cut_off_within_a_step_leaves_both_unfinished_at_their_age(visit, recorder):
    visit.step("sign_in").__enter__()
    visit.cut_off()
    visit.end()
    found = recorded(recorder)
    assert set(found) == {("bill", "unfinished"), ("bill/sign_in", "unfinished")}
    assert found["bill", "unfinished"].slowest == 2.0


def test_a_visit_cut_off_between_steps_leaves_no_step_unfinished(visit, recorder):
    with visit.step("sign_in"):
        pass
    visit.cut_off()
    assert set(recorded(recorder)) == {("bill", "unfinished"), ("bill/sign_in", "ok")}


def test_an_error_is_known_by_the_step_it_came_out_of(visit):
    error = KeyError("x")
    with pytest.raises(KeyError), visit.step("sign_in"):
        raise error
    with visit.step("sign_out"):
        pass
    assert visit.step_that_raised(error) == "sign_in"
    assert visit.step_that_raised(KeyError("x")) is None


def exchange(**changes):
    fields = dict.fromkeys(Exchange._fields, 0.0) | {"name": "GET bill", "method": "GET", "outcome": OK, "detail": ""}
    return Exchange(**(fields | {"response": None, "error": None, "url": "http://x/bill", "duration": 0.5} | changes))


@pytest.fixture
def wire(visit):
    visit._ground.wire = Recorder("wire")
    return visit._ground.wire


def test_a_requests_parts_are_recorded_where_they_happened_and_change_no_other_count(visit, recorder, wire):
    visit._observe(exchange(dns=0.01, connect=0.02, tls=0.03, first_byte=0.04))
    visit._observe(exchange(connect=0.02, first_byte=0.04))
    visit._observe(exchange(first_byte=0.04))
    visit._observe(exchange(outcome="timed_out"))
    assert {(i.name, i.count) for i in fold("wire", wire.take()).intervals} == {
        ("dns", 1),
        ("connect", 2),
        ("tls", 1),
        ("first_byte", 3),
    }
    assert {depth_of(i.name) for i in fold("load", recorder.take()).intervals} == {3}


def test_locust_hears_what_its_own_clients_tell_it(visit):
    told = []
    visit._ground.fire = lambda **fields: told.append(fields)
    response = HttpResponse(200, [], b"hello")
    visit._observe(exchange(length=5, response=response))
    assert told == [
        {
            "request_type": "GET",
            "name": "GET bill",
            "response_time": 500.0,
            "response_length": 5,
            "response": response,
            "context": {},
            "exception": None,
            "start_time": 101.5,
            "url": "http://x/bill",
        }
    ]


def test_visits_share_the_pool_they_were_given_even_an_empty_one(visit):
    pool = ConnectionPool(visit._ground.dialer, new_connections=0.0)
    assert Visit(visit._ground, "bill", generated_account(1), due=100.0, pool=pool).client._pool is pool


def test_a_visitor_out_of_patience_gives_up_and_the_step_says_so(recorder, visit):
    clock = visit._ground.clock
    with pytest.raises(OutcomeError) as caught, visit.step("sign_in", 3.0):
        clock.at += 3.1
    visit.end(caught.value.outcome, caught.value.detail)
    assert (caught.value.outcome, caught.value.detail) == ("abandoned", "sign_in: too_slow")
    assert {("bill/sign_in", "abandoned"), ("bill", "abandoned")} == recorded(recorder).keys()


def test_patience_waits_as_long_as_it_says(recorder, visit):
    with visit.step("sign_in", 3.0):
        visit._ground.clock.at += 3.0
    assert {("bill/sign_in", "ok")} == recorded(recorder).keys()


def test_the_wait_in_our_own_generator_tries_nobodys_patience(recorder):
    clock = FakeClock(102.0)
    ground = Ground(
        Dialer(Origin.of("http://127.0.0.1:9")), clock, AccountPool([], clock), None, lambda *_: None, "", recorder,
        lambda **_: None, lambda *_: None, Random(1),
    )  # fmt: skip
    visit = Visit(ground, "bill", generated_account(1), due=92.0, lag=10.0)
    with visit.step("sign_in", 3.0):
        clock.at += 1.0
    assert recorded(recorder)["bill/sign_in", "ok"].slowest == pytest.approx(11.0)


def test_who_gives_up_at_a_failure_leaves_the_steps_own_outcome(recorder, visit):
    with pytest.raises(OutcomeError) as caught, visit.step("sign_in", 3.0):
        raise OutcomeError("failed", "503")
    assert (caught.value.outcome, caught.value.detail) == ("abandoned", "sign_in: failed")
    assert {("bill/sign_in", "failed")} == recorded(recorder).keys()


def test_a_bug_is_a_bug_whatever_the_patience(recorder, visit):
    with pytest.raises(KeyError), visit.step("sign_in", 3.0):
        raise KeyError("name")
    assert {("bill/sign_in", "failed")} == recorded(recorder).keys()


@pytest.mark.parametrize("error", [SystemExit("enough"), KeyboardInterrupt(), GeneratorExit()])
def test_what_a_scenario_raises_to_exit_ends_its_visit_and_not_the_process(error):
    left = (KeyError,)
    assert not is_end(error)
    assert is_bug(error, left)
    assert outcome_of(error, left) == ("failed", type(error).__name__)


def test_a_visit_that_is_killed_ends_and_is_no_bug():
    assert is_end(gevent.GreenletExit())
    assert not is_bug(gevent.GreenletExit(), ())
    assert not is_end(gevent.Timeout())
    assert not is_bug(gevent.Timeout(), ())


def test_the_reason_of_a_request_is_kept_where_others_of_its_visit_end_before_the_visit_hears_of_it(visit, recorder):
    late, other = OutcomeError("timed_out", "ResponseTimeout"), OutcomeError("failed", "503")
    for error in (late, None, other):
        visit._observe(exchange(error=error, outcome="ok" if error is None else error.outcome))
    visit.end(*visit.outcome_of(late))
    assert {i.detail for i in fold("load", recorder.take()).intervals if i.name == "bill"} == {"ResponseTimeout"}


@pytest.mark.parametrize(
    ("said", "met", "recorded_as"),
    [
        ("rejected", None, "rejected"),
        ("idle_closed", None, "failed"),
        ("idle_closed", "idle_closed", "idle_closed"),
        ("thinking", "idle_closed", "failed"),
        ("dropped", None, "failed"),
        ("splendid", None, "failed"),
    ],
)
def test_no_author_excuses_a_visit_by_an_outcome_that_is_ours_to_find(visit, recorder, said, met, recorded_as):
    if met is not None:
        visit._observe(exchange(outcome=met, error=OutcomeError(met)))
    visit.end(*visit.outcome_of(OutcomeError(said)))
    assert [i.outcome for i in fold("load", recorder.take()).intervals if i.name == "bill"] == [recorded_as]
