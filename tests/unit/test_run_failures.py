"""Failures by message: each counted once where it happened, the first time, and why an objective lost its events."""

import pytest

from holdfast.record.histogram import Histogram, bucket_index
from holdfast.record.recorder import Interval
from holdfast.record.sample import EXCUSED
from holdfast.record.timeline import FAULT, Span
from holdfast.run import failures
from holdfast.run.causes import cause_of
from holdfast.run.failures import failure_groups
from holdfast.run.funnels import losses, worst_losses
from holdfast.run.load_summary import Funnel, FunnelStep
from holdfast.slo.counted import Stretch
from holdfast.slo.indicator import Indicator, Selector

ZERO = 1000.0


def _interval(name, outcome, detail="", count=1, second=1000, took=0.2, source="load"):
    times = Histogram({bucket_index(took): count})
    return Interval(second, source, name, outcome, detail, count, times, times, None, took)


class _Recorded:
    """What `failure_groups` asks of a record."""

    time_zero = ZERO
    drained = ZERO + 100

    def __init__(self, *intervals, attacks=()):
        self.intervals = intervals
        self.asked = type("Asked", (), {"attacks": attacks})

    def within(self, start, end, source):
        return [i for i in self.intervals if start <= i.second + 0.5 < end and i.source == source]


def _groups(*intervals, attacks=()):
    return failure_groups(_Recorded(*intervals, attacks=attacks))


def test_a_failed_request_its_step_and_its_visit_are_one_failure_where_it_happened():
    (group,) = _groups(
        _interval("buy", "failed", "503", 3),
        _interval("buy/pay", "failed", "503", 3),
        _interval("buy/pay/POST order", "failed", "503", 3),
    )
    assert (group.message, group.count, dict(group.places)) == ("failed: 503", 3, {"buy/pay/POST order": 3})


def test_a_step_that_found_its_answer_wrong_is_a_failure_of_its_own():
    groups = _groups(
        _interval("buy", "failed", "wrong_total", 2),
        _interval("buy/pay", "failed", "wrong_total", 2),
        _interval("buy/pay/POST order", "failed", "503", 1),
    )
    assert {(g.message, g.count) for g in groups} == {("failed: wrong_total", 1), ("failed: 503", 1)}


def test_a_request_that_failed_inside_a_visit_that_calls_itself_ok_is_a_failure():
    (group,) = _groups(_interval("buy", "ok", count=9), _interval("buy/pay/POST order", "failed", "500", 9))
    assert (group.message, group.count) == ("failed: 500", 9)


def test_an_arrival_that_was_dropped_is_counted_once_and_not_by_its_steps():
    (group,) = _groups(
        _interval("buy", "dropped", "no free visitor", 5), _interval("buy/pay", "dropped", "no free visitor", 5)
    )
    assert (group.count, dict(group.places)) == (5, {"buy": 5})


def test_the_first_time_is_when_it_ended_and_not_when_it_was_due():
    (group,) = _groups(
        _interval("buy", "timed_out", "ResponseTimeout", second=1010, took=8.0),
        _interval("buy", "timed_out", "ResponseTimeout", second=1012, took=3.0),
    )
    assert group.first_at == pytest.approx(15.5, abs=0.05)
    assert group.last_at == pytest.approx(18.5, abs=0.05)


def test_an_attack_that_meets_its_limit_is_no_failure():
    assert _groups(_interval("guess", "rate_limited", "429", 50), attacks=("guess",)) == ()
    assert len(_groups(_interval("guess", "rate_limited", "429", 50))) == 1


def test_of_a_message_the_share_and_the_places_with_the_most_are_told():
    other, group = _groups(
        *(_interval("buy", "failed", "503", n, second=1000 + n) for n in (1, 2)),
        *(_interval(f"buy/step_{n}/GET x", "failed", "503", n, second=1000 + n) for n in (1, 4, 2, 3)),
        _interval("browse", "failed", "404", 13, second=1050),
    )
    assert (group.message, other.message) == ("failed: 404", "failed: 503"), "of as many the one that came first"
    assert (group.share, other.share) == (0.5, 0.5)
    assert list(other.places.items()) == [("buy/step_4/GET x", 4), ("buy", 3), ("buy/step_3/GET x", 3)]
    assert other.more_places == 2


def test_the_last_time_is_that_of_the_slowest_of_its_second():
    times = Histogram({bucket_index(0.2): 1, bucket_index(9.0): 1})
    (group,) = _groups(Interval(1010, "load", "buy", "failed", "503", 2, times, times, None, 9.0))
    assert (round(group.first_at), round(group.last_at)) == (11, 20)


def test_what_the_parts_account_for_are_the_earliest_of_the_whole():
    """A step failed by a request at second 1, and by itself at second 7: the latter is its own failure."""
    steps = [_interval("buy/pay", "failed", "503", second=1000 + at) for at in (7, 1)]
    (own,) = _groups(*steps, _interval("buy/pay/POST order", "failed", "503", second=1001))
    assert (own.message, own.count, own.places) == ("failed: 503", 2, {"buy/pay": 1, "buy/pay/POST order": 1})
    assert round(own.last_at) == 8


@pytest.mark.parametrize("outcome", sorted(EXCUSED))
def test_what_is_excused_is_no_failure_and_neither_is_what_a_search_overloaded_afterwards(outcome):
    assert _groups(_interval("buy", outcome, "idle"), _interval("buy", "failed", "503", second=1150)) == ()


def test_ever_so_many_messages_are_bounded_and_their_sum_is_kept():
    many = [_interval("buy", "failed", f"code_{i}", count=i + 1) for i in range(200)]
    groups = _groups(*many)
    assert len(groups) == failures.MOST_GROUPS
    assert sum(group.count for group in groups) == sum(range(1, 201))
    assert groups[0].message == "failed: code_199"


QUICK = Indicator("quick", Selector(("*/pay",), "load"), good=Selector(("*/pay",), "load", ("ok",), 0.4))


def test_the_cause_tells_slow_from_failed_where_most_were_and_which_fault_was_in():
    bad = [
        _interval("buy/pay", "ok", count=6, second=1005, took=0.9),
        _interval("buy/pay", "timed_out", "ResponseTimeout", 2, second=1005, took=8.0),
        _interval("gift/pay", "failed", "503", 1, second=1020),
        _interval("buy/pay", "ok", count=90, second=1020, took=0.1),
    ]
    fault = Span(FAULT, "late_database", started=1004.0, ended=1010.0)
    said = cause_of(bad, QUICK, [Stretch("whole", 1000.0, 1030.0, judged=True)], [fault])
    assert said == (
        "6 took longer than 400 ms, 2 timed out (ResponseTimeout), 1 failed (503); most in buy/pay (8); "
        "8 of the 9 while late_database was in"
    )


def test_where_nothing_was_bad_there_is_no_cause():
    fine = [_interval("buy/pay", "ok", count=90, second=1005, took=0.1)]
    assert cause_of(fine, QUICK, [Stretch("whole", 1000.0, 1030.0, judged=True)], []) == ""


def test_an_event_that_was_due_before_a_fault_and_hit_by_it_counts_as_met_by_it():
    late = [_interval("buy/pay", "timed_out", "x", second=1003, took=8.0)]
    fault = Span(FAULT, "late_database", started=1006.0, ended=1010.0)
    assert "1 of the 1 while late_database was in" in cause_of(
        late, QUICK, [Stretch("whole", 1000.0, 1030.0, judged=True)], [fault]
    )


def _funnel(name, *steps):
    return Funnel(
        name, "load", steps[0][1], steps[-1][2],
        tuple(FunnelStep(step, came, through, through / came, None, None) for step, came, through in steps),
    )  # fmt: skip


def test_losses_are_in_order_of_their_share_and_then_of_their_number():
    found = losses([_funnel("a", ("one", 1000, 980), ("two", 980, 980)), _funnel("b", ("enter code", 7, 6))])
    assert [(loss.funnel.name, loss.step.name) for loss in found] == [("b", "enter code"), ("a", "one")]

    alike = losses([_funnel("a", ("one", 10, 9)), _funnel("c", ("one", 1000, 900)), _funnel("b", ("one", 10, 9))])
    assert [loss.funnel.name for loss in alike] == ["c", "a", "b"]


def test_one_of_seven_is_named_beside_thirty_of_a_thousand_and_the_greatest_number_is_never_left_out():
    large = [_funnel(f"load_{i}", ("sign_in", 1000, 1000 - 30 - i)) for i in range(5)]
    small = [_funnel(f"walk_{i}", ("enter code", 7, 6)) for i in range(4)]
    named = {loss.funnel.name for loss in worst_losses([*large, *small], 3)}
    assert named == {"walk_0", "walk_1", "walk_2", "load_4", "load_3", "load_2"}
