from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.load import limits
from holdfast.load.calibration import Ceiling
from holdfast.load.dropping import GENERATOR_LATE, NO_VISITOR
from holdfast.load.health import check, check_health
from holdfast.load.measured import Measured, measured_in, wait_at_any_moment
from holdfast.load.visit import record_dropped
from holdfast.record.recorder import Recorder, fold
from holdfast.record.sample import NO_ACCOUNT
from holdfast.record.store import Event, Gauge

DONE = {"planned": 1000, "started": 1000, "dropped": 0, "finished": 1000, "unfinished": 0}
CALM = {
    "cpu": (0.4,),
    "loop_delay": (0.004,),
    "steal": (0.0,),
    "throttled": (0.0,),
    "throttled_seconds": (0.0,),
    "descriptors": (0.1,),
}
FINE = Measured(
    lag_p99=0.002,
    gauges={"generator": CALM},
    visits={"sign_in": {"ok": 1000}},
    dropped_for={},
    requests={"sign_in": 3000},
    limited_requests={},
    limited_visits={},
    details={"": 3000},
    peak_arrivals=50.0,
    peak_requests=150.0,
    done=DONE,
)
CEILING = Ceiling(1000.0, 4000.0, "calibrated on 2026-01-01")


def checks(measured=FINE, ceiling=CEILING, expected=()):
    return {found.name: found for found in check(measured, ceiling, expected)}


def with_gauge(name, *values):
    return replace(FINE, gauges={"generator": {**CALM, name: values}})


def dropping(count, why=NO_ACCOUNT, of=10_000):
    return replace(FINE, visits={"sign_in": {"ok": of - count, "dropped": count}}, dropped_for={why: count})


def ending(outcome, count, of=10_000):
    return replace(FINE, visits={"sign_in": {"ok": of - count, outcome: count}})


def limiting(count, of=10_000, by="requests", scenario="sign_in"):
    limited = {by: {scenario: of}, f"limited_{by}": {scenario: count}}
    return replace(FINE, **limited | ({"visits": {scenario: {"ok": of}}} if by == "visits" else {}))


def test_a_rested_generator_is_valid():
    assert {found.verdict for found in checks().values()} == {"valid"}


@pytest.mark.parametrize(
    ("name", "limit", "at"),
    [
        ("lag", limits.LAG, lambda v: replace(FINE, lag_p99=v)),
        ("loop_delay", limits.LOOP_DELAY, lambda v: with_gauge("loop_delay", v)),
        ("cpu", limits.CPU, lambda v: with_gauge("cpu", v)),
        ("steal", limits.STEAL, lambda v: with_gauge("steal", v)),
        ("throttled", limits.THROTTLED, lambda v: with_gauge("throttled", v)),
        ("descriptors", limits.DESCRIPTORS, lambda v: with_gauge("descriptors", v)),
        ("dropped", limits.DROPPED_SHARE, lambda v: dropping(round(v * 10_000), NO_VISITOR)),
        ("accounts", limits.DROPPED_SHARE, lambda v: dropping(round(v * 10_000))),
        ("rate_limited", limits.RATE_LIMITED_SHARE, lambda v: limiting(round(v * 10_000))),
        ("unfinished", limits.UNFINISHED_SHARE, lambda v: ending("unfinished", round(v * 10_000))),
    ],
)
def test_a_value_at_its_limit_passes_and_one_above_does_not(name, limit, at):
    found = [checks(at(value))[name] for value in (limit.degraded, limit.degraded + 1e-4)]
    found += [checks(at(value))[name] for value in (limit.invalid, limit.invalid + 1e-4)]
    assert [c.verdict for c in found] == ["valid", "degraded", "degraded", "invalid"]
    assert [c.limit for c in found] == [limit.degraded, limit.degraded, limit.degraded, limit.invalid]
    assert "(" in found[3].reason or ":" in found[3].reason  # what to do


def test_what_was_never_measured_is_never_valid():
    nothing = Measured(None, {}, {}, {}, {}, {}, {}, {}, 0.0, 0.0, {})
    found = checks(nothing, None)
    assert {name for name, c in found.items() if c.verdict == "invalid"} == {
        "lag",
        "loop_delay",
        "cpu",
        "reconciled",
        "samples",
    }
    assert "no data" in found["samples"].reason


def test_what_a_machine_does_not_tell_is_said_and_no_reason_for_distrust():
    bare = {name: CALM[name] for name in ("cpu", "loop_delay")}
    found = checks(replace(FINE, gauges={"generator": bare}))
    for name in ("steal", "throttled", "descriptors"):
        assert (found[name].verdict, found[name].value) == ("valid", None)
        assert "not told" in found[name].reason


FROZEN = (0.004,) * 27 + (0.5,) * 3  # half a second in every tenth


@pytest.mark.parametrize(
    ("delays", "value", "verdict"),
    [
        ((0.004,) * 30, 0.0, "valid"),
        ((0.02,) * 30, 0.01, "valid"),  # each second for 20 ms: 1 % of all moments wait longer than 10 ms
        ((0.02,) * 29 + (0.35,), 0.05, "degraded"),
        (FROZEN, 0.4, "invalid"),
        ((0.004,) * 29 + (0.26,), 0.002, "valid"),  # one hiccup is not a verdict
        ((0.004,) * 25 + (5.0,), 4.7, "invalid"),
    ],
)
def test_virtual_users_tell_no_lag_so_the_loop_is_asked(delays, value, verdict):
    closed = replace(with_gauge("loop_delay", *delays), lag_p99=0.0, closed=True)
    found = checks(closed)["lag"]
    assert found.value == pytest.approx(value, abs=0.011)
    assert found.verdict == verdict
    assert checks(replace(closed, closed=False))["lag"].verdict == "valid"


def test_the_worst_of_the_workers_stands_still_and_the_longer_wait_counts():
    workers = {"generator/1": CALM, "generator/2": {**CALM, "loop_delay": FROZEN}}
    assert checks(replace(FINE, gauges=workers, closed=True))["lag"].verdict == "invalid"
    late = checks(replace(FINE, lag_p99=0.2, closed=True))["lag"]
    assert (late.value, "stood still" in late.reason) == (0.2, False)
    assert checks(replace(FINE, lag_p99=None, closed=True))["lag"].verdict == "invalid"


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30), st.sampled_from((0.9, 0.95, 0.99)))
def test_the_wait_at_any_moment_is_exceeded_in_the_moments_that_the_quantile_leaves(delays, q):
    wait = wait_at_any_moment(delays, q)
    longer = sum(max(delay - wait, 0.0) for delay in delays) / len(delays)
    assert longer == pytest.approx(1 - q) if wait else longer <= 1 - q + 1e-9


def test_throttling_is_judged_over_all_seconds_and_descriptors_by_the_worst():
    found = checks(replace(FINE, gauges={"generator": {**CALM, "throttled": (0.0,) * 99 + (0.5,)}}))
    assert found["throttled"].value == pytest.approx(0.005)
    assert checks(with_gauge("descriptors", 0.1, 0.99, 0.1))["descriptors"].verdict == "invalid"


def test_each_worker_is_judged_on_its_own_and_the_worst_is_named():
    workers = {
        f"generator/{n}": {**CALM, "cpu": (cpu,), "steal": (0.3 if n == 3 else 0.0,)}
        for n, cpu in ((1, 0.2), (2, 0.97), (3, 0.3))
    }
    found = checks(replace(FINE, gauges=workers))
    assert (found["cpu"].verdict, found["cpu"].value) == ("invalid", 0.97)
    assert found["cpu"].reason.startswith("generator/2: ")
    assert found["steal"].reason.startswith("generator/3: ")
    assert found["workers"].verdict == "valid"


def test_a_worker_that_tells_nothing_of_itself_is_the_worst():
    found = checks(replace(FINE, gauges={"generator/1": CALM, "generator/2": {"steal": (0.0,)}}))
    assert (found["cpu"].verdict, found["cpu"].value) == ("invalid", None)
    assert "generator/2" in found["cpu"].reason


def test_a_lost_worker_and_lost_deltas_are_invalid_and_named():
    found = checks(replace(FINE, lost={"generator/2": "killed by signal 9"}, untold=("generator/1",)))
    assert found["workers"].verdict == found["deltas"].verdict == "invalid"
    assert "generator/2 (killed by signal 9)" in found["workers"].reason
    assert "generator/1" in found["deltas"].reason
    assert not {"workers", "deltas"} & set(checks())  # one process, and it is here


def test_the_reason_says_what_would_help():
    found = checks(replace(FINE, dropped_for={NO_ACCOUNT: 50, GENERATOR_LATE: 2}))
    assert "more accounts" in found["dropped"].reason
    assert "accounts:" in found["accounts"].reason


@pytest.mark.parametrize(("lag", "helps"), [(0.05, "at_most"), (0.421, "take more workers (--workers N)")])
def test_a_generator_that_was_late_is_not_told_to_make_more_visitors(lag, helps):
    found = checks(replace(dropping(1_000, NO_VISITOR), lag_p99=lag))["dropped"]
    assert found.verdict == "invalid"
    assert helps in found.reason
    assert ("at_most" in found.reason) == (helps == "at_most")


def test_a_rate_limit_that_a_scenario_means_to_meet_is_not_held_against_it():
    for by in ("requests", "visits"):
        attacked = limiting(900, of=1000, by=by, scenario="stuffing")
        assert checks(attacked)["rate_limited"].verdict == "invalid"
        excused = checks(attacked, expected=("stuffing",))["rate_limited"]
        assert (excused.verdict, excused.value) == ("valid", 0.0)


@pytest.mark.parametrize(("outcome", "detail"), [("abandoned", "too_many_tries"), ("ok", ""), ("failed", "no_plan")])
def test_a_429_that_its_visit_hides_is_counted_where_it_was_answered(outcome, detail):
    recorder = Recorder("load")
    for _ in range(100):
        recorder.add("impatient", 10.0, outcome, 0.1, detail=detail)
        recorder.add("impatient/sign_in/POST session", 10.0, "rate_limited", 0.1, detail="429")
        recorder.add("impatient/sign_in/GET plan", 10.0, "ok", 0.1, detail="429")  # an expected one
        recorder.add("impatient/sign_in/GET page", 10.0, "ok", 0.1)
    found = checks(measured_in(fold("load", recorder.take()).intervals, [], DONE))["rate_limited"]
    assert (found.verdict, found.value) == ("invalid", 2 / 3)
    assert "200 of 300 requests" in found.reason


@pytest.mark.parametrize(("outcome", "detail"), [("rate_limited", "429"), ("abandoned", "pay: rate_limited")])
def test_visits_refused_at_their_last_request_were_not_let_through(outcome, detail):
    recorder = Recorder("load")
    for _ in range(100):
        recorder.add("bill", 10.0, outcome, 0.1, detail=detail)
        for _ in range(9):
            recorder.add("bill/sign_in/POST session", 10.0, "ok", 0.1)
        recorder.add("bill/pay/POST payment", 10.0, "rate_limited", 0.1, detail="429")
    found = checks(measured_in(fold("load", recorder.take()).intervals, [], DONE))["rate_limited"]
    assert (found.verdict, found.value) == ("invalid", 1.0)
    assert "100 of 100 visits" in found.reason


def test_totals_that_do_not_add_up_are_invalid():
    for wrong in ({"finished": 999}, {"planned": 1001}):
        assert checks(replace(FINE, done={**DONE, **wrong}))["reconciled"].verdict == "invalid"


def test_our_own_want_of_ports_says_nothing_about_the_target():
    assert checks(replace(FINE, details={"": 3000, "NoLocalPortLeft": 1}))["local_limits"].verdict == "invalid"


@pytest.mark.parametrize(
    ("sent", "verdict"), [(0, "invalid"), (1, "degraded"), (58, "degraded"), (59, "valid"), (298, "valid")]
)
def test_too_few_samples_bound_no_quantile(sent, verdict):
    assert checks(replace(FINE, visits={"sign_in": {"ok": sent}}))["samples"].verdict == verdict


def test_visits_that_were_all_dropped_are_no_data():
    assert checks(dropping(100, of=100))["samples"].verdict == "invalid"


@pytest.mark.parametrize(
    ("arrivals", "requests", "workers", "verdict", "value"),
    [
        (800.0, 0.0, 1, "valid", 0.8),
        (801.0, 0.0, 1, "degraded", 0.801),
        (10.0, 3201.0, 1, "degraded", 0.80025),
        (1600.0, 0.0, 2, "valid", 0.8),
        (2000.0, 0.0, 4, "degraded", 1.0),
    ],
)
def test_the_share_of_the_ceiling_is_of_the_nearer_one_and_of_each_worker(arrivals, requests, workers, verdict, value):
    gauges = on_machine(1.0, 2, *[0.4] * workers)
    found = checks(replace(FINE, gauges=gauges, peak_arrivals=arrivals, peak_requests=requests))["ceiling"]
    assert (found.verdict, found.value) == (verdict, pytest.approx(value))


def on_machine(machine, cores, *cpu, first=1):
    """Workers of one machine, each with its share of a core."""
    told = {"machine": (machine,), "cores": (float(cores),)}
    return {f"generator/{n}": {**CALM, **told, "cpu": (share,) * 3} for n, share in enumerate(cpu, first)}


def test_more_workers_than_cores_can_do_no_more_than_the_cores():
    crowded = replace(FINE, gauges=on_machine(1.0, 2, 0.5, 0.5, 0.5, 0.49), peak_arrivals=4000.0)
    found = checks(crowded)
    assert (found["ceiling"].verdict, found["ceiling"].value) == ("degraded", 2.0)
    assert "by 4 workers; calibrated for 1000 a second on each of 2 cores" in found["ceiling"].reason
    assert "take more cores" in found["ceiling"].reason
    assert found["cpu"].verdict == "valid"
    assert (found["machine_cpu"].verdict, found["machine_cpu"].value) == ("invalid", pytest.approx(0.995))
    assert "generator/1 and 3 more workers" in found["machine_cpu"].reason


def test_each_machine_has_its_own_cores_and_the_fullest_is_told():
    gauges = on_machine(1.0, 4, 0.4, 0.4) | on_machine(2.0, 2, 0.9, 0.8, 0.0, first=3)
    found = checks(replace(FINE, gauges=gauges, peak_arrivals=4000.0))
    assert found["ceiling"].value == pytest.approx(1.0)  # two and two can run at once
    assert (found["machine_cpu"].verdict, found["machine_cpu"].value) == ("degraded", pytest.approx(0.85))
    assert found["machine_cpu"].reason.startswith("generator/3")


def test_workers_that_tell_no_cores_raise_no_ceiling():
    found = checks(replace(FINE, gauges={f"generator/{n}": CALM for n in (1, 2)}, peak_arrivals=1600.0))
    assert found["ceiling"].value == pytest.approx(1.6)
    assert "machine_cpu" not in found


def test_without_a_ceiling_that_is_said():
    assert "not calibrated" in checks(ceiling=None)["ceiling"].reason
    foreign = checks(ceiling=Ceiling(note="not calibrated: another machine's"))["ceiling"]
    assert (foreign.verdict, foreign.value, foreign.reason) == ("valid", None, "not calibrated: another machine's")


def test_health_is_read_from_the_record_at_scenario_depth_only():
    recorder = Recorder("load")
    for _ in range(100):
        recorder.add("sign_in", 10.0, "ok", 0.3, lag=0.2)
        recorder.add("sign_in/sign_in", 10.0, "ok", 0.1)
        recorder.add("sign_in/sign_in/POST session", 10.0, "ok", 0.1)
    recorder.add("sign_in/sign_in/POST session", 11.0, "transport_error", 0.1, detail="NoLocalPortLeft")
    record_dropped(recorder, "sign_in", ["sign_in", "sign_out"], 10.0, NO_ACCOUNT)
    load = fold("load", recorder.take()).intervals
    gauges = [
        Gauge(10.0, "generator", "cpu", 0.5),
        Gauge(10.0, "generator", "loop_delay", 0.01),
        Gauge(10.0, "target", "cpu", 1.0),
    ]
    events = [
        Event(11.0, "load", "worker_lost", {"worker": "generator/2", "at": 11.0, "reason": "killed"}),
        Event(12.0, "load", "deltas_lost", {"worker": "generator/2"}),
        Event(12.0, "load", "notice", {"text": "no matter"}),
    ]
    measured = measured_in(load, gauges, DONE, events)
    assert (measured.peak_arrivals, measured.peak_requests) == (100.0, 100.0)
    assert (measured.due, measured.dropped, measured.sent) == (101, 1, 100)
    assert measured.lost == {"generator/2": "killed"}
    assert measured.untold == ("generator/2",)
    found = {c.name: c for c in check_health(load=load, gauges=gauges, done=DONE, events=events)}
    assert found["lag"].verdict == "invalid"
    assert found["cpu"].value == 0.5
    assert found["dropped"].value == 1 / 101
    assert found["local_limits"].value == 1.0
    assert found["workers"].verdict == found["deltas"].verdict == "invalid"


def test_a_worker_that_may_be_wrong_about_the_clock_degrades_the_run_with_its_evidence():
    def knowing(round_trip):
        clock = {"clock_offset": (-1.5,), "clock_round_trip": (round_trip,)}
        near = {"clock_offset": (0.0,), "clock_round_trip": (0.001,)}
        return replace(FINE, gauges={"generator/1": {**CALM, **near}, "generator/2": {**CALM, **clock}})

    most = 2 * limits.CLOCK_ERROR.degraded
    found = [checks(knowing(round_trip))["clock"] for round_trip in (most, most + 0.001)]
    assert [check.verdict for check in found] == ["valid", "degraded"]
    assert all("generator/2: took the run's clock to be -1.500 s" in check.reason for check in found)
    assert found[1].value == pytest.approx(0.1005)
    assert "clock" not in checks()  # one process has the run's own


@pytest.mark.parametrize(("recorded", "lost", "verdict"), [
    (100, {}, "valid"), (99, {}, "invalid"), (101, {}, "invalid"),
    (130, {"generator/2": "killed"}, "valid"), (99, {"generator/2": "killed"}, "invalid"),
])  # fmt: skip
def test_what_was_counted_must_be_in_the_record(recorded, lost, verdict):
    done = {"planned": 100, "started": 100, "dropped": 0, "finished": 100, "unfinished": 0}
    measured = replace(FINE, done=done, visits={"sign_in": {"ok": recorded}}, lost=lost)
    assert checks(measured)["reconciled"].verdict == verdict
