from holdfast.load.health import (
    CPU_INVALID,
    GENERATOR_LATE,
    LAG_DEGRADED,
    LAG_INVALID,
    NO_ACCOUNT,
    check,
    check_health,
)
from holdfast.load.visit import record_dropped
from holdfast.record.recorder import Recorder, fold
from holdfast.record.store import Gauge

DONE = {"planned": 1000, "started": 1000, "dropped": 0, "finished": 1000, "unfinished": 0}
FINE = {
    "lag_p99": 0.002,
    "loop_delay": 0.004,
    "cpu": 0.4,
    "due": 1000,
    "dropped_for": {},
    "local_errors": 0,
    "done": DONE,
}


def verdicts(**changes):
    return {found.name: found.verdict for found in check(**{**FINE, **changes})}


def test_a_rested_generator_is_valid():
    assert set(verdicts().values()) == {"valid"}


def test_lag_degrades_and_then_invalidates():
    assert verdicts(lag_p99=LAG_DEGRADED * 1.01)["lag"] == "degraded"
    assert verdicts(lag_p99=LAG_INVALID * 1.01)["lag"] == "invalid"
    assert verdicts(lag_p99=LAG_DEGRADED)["lag"] == "valid"


def test_a_saturated_core_is_invalid():
    assert verdicts(cpu=CPU_INVALID + 0.01)["cpu"] == "invalid"


def test_what_was_never_measured_is_never_valid():
    found = verdicts(lag_p99=None, loop_delay=None, cpu=None, done={}, due=0)
    assert {name for name, verdict in found.items() if verdict == "invalid"} == {
        "lag",
        "loop_delay",
        "cpu",
        "reconciled",
    }
    assert found["samples"] == "degraded"


def test_dropped_arrivals_spare_the_target():
    assert verdicts(dropped_for={NO_ACCOUNT: 5})["dropped"] == "degraded"
    assert verdicts(dropped_for={NO_ACCOUNT: 50})["dropped"] == "invalid"


def test_the_reason_says_what_would_help():
    found = {c.name: c.reason for c in check(**{**FINE, "dropped_for": {NO_ACCOUNT: 50, GENERATOR_LATE: 2}})}
    assert "more accounts" in found["dropped"]


def test_totals_that_do_not_add_up_are_invalid():
    assert verdicts(done={**DONE, "finished": 999})["reconciled"] == "invalid"
    assert verdicts(done={**DONE, "planned": 1001})["reconciled"] == "invalid"


def test_our_own_want_of_ports_says_nothing_about_the_target():
    assert verdicts(local_errors=1)["local_limits"] == "invalid"


def test_too_few_samples_bound_no_quantile():
    assert verdicts(due=58)["samples"] == "degraded"
    assert verdicts(due=59)["samples"] == "valid"


def test_health_is_read_from_the_record_at_scenario_depth_only():
    recorder = Recorder("load")
    for _ in range(100):
        recorder.add("sign_in", 10.0, "ok", 0.3, lag=0.2)
        recorder.add("sign_in/sign_in", 10.0, "ok", 0.1)
        recorder.add("sign_in/sign_in/POST session", 10.0, "ok", 0.1)
    recorder.add("sign_in/sign_in/POST session", 10.0, "transport_error", 0.1, detail="NoLocalPortLeft")
    record_dropped(recorder, "sign_in", ["sign_in", "sign_out"], 10.0, NO_ACCOUNT)
    gauges = [Gauge(10.0, "generator", "cpu", 0.5), Gauge(10.0, "generator", "loop_delay", 0.01)]
    found = {c.name: c for c in check_health(load=fold("load", recorder.take()).intervals, gauges=gauges, done=DONE)}
    assert found["lag"].verdict == "invalid"
    assert found["cpu"].value == 0.5
    assert found["dropped"].value == 1 / 101
    assert found["local_limits"].value == 1.0
