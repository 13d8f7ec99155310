from typing import Any

import pytest

from holdfast.chaos.verdict import Judgement, Observed, judge, what_failed

ACTIONS = "holdfast.chaos.actions"


def activity(name: str = "inject", **changed: Any) -> dict[str, Any]:
    provider = {"type": "python", "module": ACTIONS, "func": name}
    return {"type": "action", "name": name, "provider": provider} | changed


def item(name: str = "inject", status: str | None = "succeeded", output: Any = None, **changed: Any) -> dict[str, Any]:
    found = {"activity": activity(name, **changed), "output": output}
    return found if status is None else found | {"status": status}


def state(met: bool, output: object = True) -> dict[str, Any]:
    probe = {"activity": {"name": "ready"}, "status": "succeeded", "output": output}
    return {"steady_state_met": met, "probes": [probe]}


def journal(**changed: Any) -> dict[str, Any]:
    states = {"before": state(True), "after": state(True), "during": []}
    whole: dict[str, Any] = {
        "status": "completed",
        "deviated": False,
        "steady_states": states | changed.pop("steady_states", {}),
        "run": [item("inject"), item("hold"), item("revert")],
        "rollbacks": [item("revert")],
    }
    return whole | changed


def judged(journal: dict[str, Any] | None, **changed: Any) -> Judgement:
    observed: dict[str, Any] = {"hypothesis": "recover", "injected": True, "recover_within": 30.0}
    return judge(journal, Observed(**(observed | changed)))


def test_a_steady_state_that_holds_before_and_after_passes() -> None:
    assert judged(journal()).verdict == "passed"
    assert judged(journal(), hypothesis="resist").verdict == "passed"


def test_a_baseline_that_is_not_met_is_no_success_whatever_the_exit_code_said() -> None:
    found = judged(journal(steady_states={"before": state(False, False), "after": None}, run=[]), injected=False)

    assert found.verdict == "baseline-not-met"
    assert "ready" in found.reason


@pytest.mark.parametrize(
    "broken",
    [
        item(status="failed", output=None),
        item(status=None),  # a background activity that raised
        item(provider={"type": "process", "path": "false"}, output={"status": 1}),
        item(provider={"type": "http", "url": "http://x"}, output={"status": 503}),
    ],
)
def test_an_action_that_failed_applied_no_fault(broken: dict[str, Any]) -> None:
    assert judged(journal(run=[broken])).verdict == "fault-not-applied"


def test_a_probe_of_the_method_that_failed_is_no_missing_fault() -> None:
    assert judged(journal(run=[item(), item("look", "failed", type="probe")])).verdict == "passed"


def test_a_method_that_put_nothing_in_proves_nothing() -> None:
    assert judged(journal(run=[]), injected=False).verdict == "fault-not-applied"


def test_a_hold_that_failed_makes_it_inconclusive() -> None:
    assert judged(journal(run=[item(), item("hold", "failed")])).verdict == "inconclusive"


def test_a_fault_that_met_no_traffic_proves_nothing() -> None:
    found = judged(journal(), exposed=0)
    assert found.verdict == "inconclusive"
    assert "met no traffic" in found.reason
    assert judged(journal(), exposed=0, hypothesis="resist").verdict == "inconclusive"
    assert judged(journal(), exposed=1).verdict == "passed"


def test_without_a_hypothesis_nothing_is_shown() -> None:
    assert judged(journal(steady_states={"before": None, "after": None})).verdict == "inconclusive"


def test_a_deviation_only_during_the_fault_counts_where_it_must_be_resisted() -> None:
    during = [state(True), state(False, False), state(True)]

    found = judged(journal(steady_states={"during": during}), hypothesis="resist")
    assert found.verdict == "deviated"
    assert "1 of 3" in found.reason
    assert judged(journal(steady_states={"during": during})).verdict == "passed"


def test_a_deviation_after_the_fault_counts_too() -> None:
    after = {"after": state(False, False)}
    assert judged(journal(steady_states=after), hypothesis="resist").verdict == "deviated"


def test_what_cannot_be_told_is_neither_held_nor_lost() -> None:
    unknown = state(False, "cannot tell: the newest burn rate is 9.1 s old")

    assert judged(journal(steady_states={"during": [unknown]}), hypothesis="resist").verdict == "inconclusive"
    assert judged(journal(steady_states={"after": unknown}), hypothesis="resist").verdict == "inconclusive"
    found = judged(journal(steady_states={"after": unknown}), recovered=False, watched=30.0)
    assert found.verdict == "inconclusive"


def test_recovery_may_take_its_time() -> None:
    lost = journal(steady_states={"after": state(False, False)})

    assert judged(lost, recovered=True, watched=12.0).verdict == "passed"
    assert judged(lost, recovered=False, watched=30.0).verdict == "not-recovered"


def test_a_run_that_ends_before_the_time_allowed_shows_no_failed_recovery() -> None:
    lost = journal(steady_states={"after": state(False, False)})

    assert judged(lost, recovered=False, watched=10.0).verdict == "inconclusive"


def test_stopped_and_broken_experiments_say_so_first() -> None:
    assert judged(journal(run=[]), stopped="the run was stopped").verdict == "interrupted"
    assert judged(journal(status="interrupted")).verdict == "interrupted"
    assert judged(journal(status="aborted")).verdict == "error"
    assert judged(None, error="ValueError: x").verdict == "error"
    assert judged(None).verdict == "error"


def test_an_activity_that_a_signal_ended_did_not_fail_by_itself() -> None:
    ended = {"exception": ["chaoslib.exceptions.ActivityFailed: chaoslib.exceptions.InterruptExecution: SIGTERM\n"]}
    probe = {"activity": {"name": "ready"}, "status": "failed", "output": None} | ended
    before = {"steady_state_met": False, "probes": [probe]}

    assert judged(journal(run=[item("inject", status="failed") | ended])).verdict == "interrupted"
    assert judged(journal(run=[item("inject"), item("hold", status="failed") | ended])).verdict == "interrupted"
    assert judged(journal(run=[], steady_states={"before": before})).verdict == "interrupted"


def test_a_failure_is_told_in_the_activitys_own_words() -> None:
    failed = item(status="failed") | {"exception": ["chaoslib.exceptions.ActivityFailed: TargetError: no such link\n"]}

    assert what_failed(failed) == '"inject" failed: TargetError: no such link'
    assert what_failed(item()) == ""
