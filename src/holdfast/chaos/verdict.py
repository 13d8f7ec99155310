"""What an experiment showed, recomputed from its journal. Chaos Toolkit's own status is green in cases that are not.

    error               it could not be run, or broke
    interrupted         told to stop, or its max_duration was reached
    baseline-not-met    the steady state did not hold before: nothing was put in
    fault-not-applied   putting the fault in failed, or shows no sign that it worked
    inconclusive        the fault met no traffic, nobody measured, or the run ended too soon
    deviated            the steady state must hold all through ("resist"), and did not
    not-recovered       it must be back by itself ("recover"), and was not
    passed

The first that applies, in this order. Whether everything was taken out again is a verdict of its own.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from holdfast.chaos.probes import CANNOT_TELL
from holdfast.chaos.schema import ACTIONS

ERROR: Final = "error"
INTERRUPTED: Final = "interrupted"
BASELINE_NOT_MET: Final = "baseline-not-met"
FAULT_NOT_APPLIED: Final = "fault-not-applied"
INCONCLUSIVE: Final = "inconclusive"
DEVIATED: Final = "deviated"
NOT_RECOVERED: Final = "not-recovered"
PASSED: Final = "passed"

VERDICTS: Final = (
    ERROR,
    INTERRUPTED,
    BASELINE_NOT_MET,
    FAULT_NOT_APPLIED,
    INCONCLUSIVE,
    DEVIATED,
    NOT_RECOVERED,
    PASSED,
)

Journal = Mapping[str, Any]
"""Chaos Toolkit's: steady_states {before, after, during}, run, rollbacks, status, …"""
State = Mapping[str, Any]
"""One look at the steady state: steady_state_met, probes [{activity, status, output}, …] to the first that failed."""

_SLACK_SECONDS: Final = 1.5  # between two looks


@dataclass(frozen=True, slots=True)
class Observed:
    """What we saw ourselves beside the journal.

    `exposed`: how much traffic met the fault (chunks or connections); None when nothing counts it. `recovered`: whether
    the steady state came back while we went on looking after the journal's end, and `watched` for how long (seconds).
    `gone`: why the fault was not in any more before its time. `afterwards`: the look after the rollbacks, which Chaos
    Toolkit does not take; None where there were none that change anything.
    """

    hypothesis: str
    injected: bool
    stopped: str = ""
    error: str = ""
    exposed: int | None = None
    recovered: bool | None = None
    watched: float = 0.0
    recover_within: float = 0.0
    gone: str = ""
    afterwards: State | None = None


@dataclass(frozen=True, slots=True)
class Judgement:
    verdict: str
    reason: str


def judge(journal: Journal | None, observed: Observed) -> Judgement:
    """One of `VERDICTS`, and why."""
    found = _not_finished(journal, observed)
    if found is not None or journal is None:
        return found or Judgement(ERROR, "Chaos Toolkit left no journal")
    found = _nothing_shown(journal, observed)
    if found is not None:
        return found
    states = journal["steady_states"]
    if observed.hypothesis == "resist":
        return _judge_resistance(states.get("during") or [], states["after"], observed.afterwards)
    return _judge_recovery(states["after"] if observed.afterwards is None else observed.afterwards, observed)


def _not_finished(journal: Journal | None, observed: Observed) -> Judgement | None:
    if observed.error:
        return Judgement(ERROR, observed.error)
    if observed.stopped:
        return Judgement(INTERRUPTED, observed.stopped)
    if journal is not None and journal["status"] == "interrupted":
        return Judgement(INTERRUPTED, "Chaos Toolkit was interrupted")
    if journal is not None and any("InterruptExecution" in _exception(item) for item in _ran(journal)):
        # Raised in the midst of an activity in Python, which takes it for a failure of its own.
        return Judgement(INTERRUPTED, "a signal to Chaos Toolkit, or a control of the experiment, ended an activity")
    if journal is not None and journal["status"] == "aborted":
        return Judgement(ERROR, "Chaos Toolkit aborted the experiment: see its log")
    return None


def _nothing_shown(journal: Journal, observed: Observed) -> Judgement | None:
    """The fault was not in, not for as long as it should, or nobody would have noticed."""
    before, after = journal["steady_states"]["before"], journal["steady_states"]["after"]
    if before is not None and not before["steady_state_met"]:
        return Judgement(BASELINE_NOT_MET, f"before the fault, {_failed_probe(before)}")
    failed = [item for item in journal["run"] if item["activity"].get("type") == "action" and what_failed(item)]
    applying = [item for item in failed if not calls(item["activity"], "hold", "revert")]
    if applying or not observed.injected:
        return Judgement(FAULT_NOT_APPLIED, _told(applying) or "the method put no fault in")
    if failed:
        return Judgement(INCONCLUSIVE, _told(failed))
    if observed.gone:
        return Judgement(INCONCLUSIVE, f"the fault left before its time: {observed.gone}")
    if observed.exposed == 0:
        return Judgement(INCONCLUSIVE, "the fault met no traffic: none crossed it while it was in")
    if before is None or after is None:
        return Judgement(INCONCLUSIVE, "no steady state was checked before and after the fault")
    return None


def _judge_resistance(during: Sequence[State], after: State, afterwards: State | None) -> Judgement:
    lost = [state for state in during if _is_lost(state)]
    if lost:
        checks = f"in {len(lost)} of {len(during)} checks during the fault"
        return Judgement(DEVIATED, f"{checks}, {_failed_probe(lost[0])}")
    if _is_lost(after):
        return Judgement(DEVIATED, f"after the fault, {_failed_probe(after)}")
    if afterwards is not None and _is_lost(afterwards):
        return Judgement(DEVIATED, f"after the rollbacks, {_failed_probe(afterwards)}")
    looks = (*during, after, *(() if afterwards is None else (afterwards,)))
    unknown = next((state for state in looks if not state["steady_state_met"]), None)
    if unknown is not None:
        return Judgement(INCONCLUSIVE, _failed_probe(unknown))
    return Judgement(PASSED, f"the steady state held before, after, and in {len(during)} checks during the fault")


def _judge_recovery(after: State, observed: Observed) -> Judgement:
    if after["steady_state_met"]:
        return Judgement(PASSED, "the steady state held as soon as the fault was out")
    later = f"{observed.watched:.1f} s after the fault was out"
    if observed.recovered:
        return Judgement(PASSED, f"the steady state was back {later}")
    if observed.recovered is None or observed.watched < observed.recover_within - _SLACK_SECONDS:
        allowed = f"{observed.recover_within:g} s are allowed"
        return Judgement(INCONCLUSIVE, f"the run ended {later}, and {allowed}; last, {_failed_probe(after)}")
    if not _is_lost(after):
        return Judgement(INCONCLUSIVE, _failed_probe(after))
    return Judgement(NOT_RECOVERED, f"{later}, still not back: {_failed_probe(after)}")


def what_failed(item: Mapping[str, Any]) -> str:
    """What failed in an activity that ran, whatever Chaos Toolkit thinks of it; "" when nothing did.

    A background activity that raises leaves no status; a process that exits 1 and an HTTP answer of 500 "succeed".
    """
    name, output = item["activity"].get("name", "an activity"), item.get("output")
    provider = item["activity"].get("provider", {}).get("type")
    if item.get("status") != "succeeded":
        return f'"{name}" failed: {_exception(item)}'
    if provider == "process" and isinstance(output, dict) and output.get("status"):
        return f'"{name}" exited with {output["status"]}'
    if provider == "http" and isinstance(output, dict) and int(output.get("status") or 0) >= 400:
        return f'"{name}" was answered {output["status"]}'
    return ""


def calls(activity: Mapping[str, Any], *functions: str) -> bool:
    """Whether it is one of these actions of ours."""
    provider = activity.get("provider", {})
    return bool(provider.get("module") == ACTIONS and provider.get("func") in functions)


def steady_state_met(state: State | None) -> bool | None:
    """None when it was not checked."""
    return None if state is None else bool(state["steady_state_met"])


def _ran(journal: Journal) -> Iterator[Mapping[str, Any]]:
    """Every activity that was played, but for rollbacks: what fails of these is a clean-up's."""
    yield from journal["run"]
    states = journal["steady_states"]
    for state in (states.get("before"), *(states.get("during") or ()), states.get("after")):
        yield from (state or {}).get("probes") or ()


def _told(items: Sequence[Mapping[str, Any]]) -> str:
    return "; ".join(what_failed(item) for item in items)


def _exception(item: Mapping[str, Any]) -> str:
    lines = item.get("exception") or ["no status was recorded"]
    return str(lines[-1]).strip().removeprefix("chaoslib.exceptions.ActivityFailed: ")


def _last_probe(state: State) -> Mapping[str, Any]:
    """The one that failed: Chaos Toolkit stops at it."""
    probes = state.get("probes") or [{}]
    probe: Mapping[str, Any] = probes[-1]
    return probe


def _is_lost(state: State) -> bool:
    """Not met, and not only for want of a measurement."""
    output = _last_probe(state).get("output")
    unknown = isinstance(output, str) and output.startswith(CANNOT_TELL)
    return not state["steady_state_met"] and not unknown


def _failed_probe(state: State) -> str:
    probe = _last_probe(state)
    name = probe.get("activity", {}).get("name", "a probe")
    if probe.get("status") == "failed":
        return f'probe "{name}" failed: {_exception(probe)}'
    return f'probe "{name}" said {probe.get("output")!r}'
