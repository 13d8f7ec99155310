"""A run folder in, its summary out: verdicts, budgets, funnels, the scorecard, validity. Nothing else is looked at.

The verdict, highest severity first: a fault left in · interrupted · not to be trusted · missed · inconclusive · met.
A judged phase that is missed misses the run, even where the judged phases together do not prove it; so does an
experiment whose steady state did not hold. One that proves nothing leaves the run inconclusive.
"""

from collections.abc import Sequence

from holdfast.chaos.undo import open_entries
from holdfast.errors import ExitCode
from holdfast.load.limits import SAMPLES_FOR_P95
from holdfast.record.sample import DROPPED, EXCUSED, OK
from holdfast.run.answers import answers
from holdfast.run.asked import Asked
from holdfast.run.capacity import capacity_result
from holdfast.run.failures import failure_groups
from holdfast.run.fault_cost import fault_results, in_undo_log, left_in
from holdfast.run.folder import RunFolder
from holdfast.run.guard_result import burned, guard_result, went_blind
from holdfast.run.journey_failures import standing_fault_results
from holdfast.run.load_summary import LoadResult
from holdfast.run.machine.judged import MACHINE
from holdfast.run.machine.neighbours import NEIGHBOUR
from holdfast.run.objectives import doubted, objective_results, verdict_of
from holdfast.run.picture import timeline
from holdfast.run.recorded import Recorded, read_recorded
from holdfast.run.stack_watch import outside_deaths
from holdfast.run.summary import (
    WHOLE_RUN,
    CapacityResult,
    FaultResult,
    JourneyResult,
    ObjectiveResult,
    RunFacts,
    RunVerdict,
    StandingFault,
    Summary,
    Validity,
)
from holdfast.run.traffic import journey_results, load_result
from holdfast.run.uncounted import Uncounted, uncounted_visits
from holdfast.run.unproven import Unproven, unproven_oks
from holdfast.run.validity import REFERENCE_STACK, validity_of

_EXIT_CODES: dict[RunVerdict, ExitCode] = {
    "met": ExitCode.MET,
    "measured": ExitCode.MET,
    "missed": ExitCode.MISSED,
    "inconclusive": ExitCode.INCONCLUSIVE,
    "invalid": ExitCode.INCONCLUSIVE,
    "clean_up_failed": ExitCode.CLEAN_UP_FAILED,
    "interrupted": ExitCode.INTERRUPTED,
}
_HEADLINES: dict[RunVerdict, str] = {
    "met": "Every objective was met",
    "measured": "Measured; no objective was judged",
    "missed": "An objective was missed",
    "inconclusive": "The evidence does not decide",
    "invalid": "The measurement cannot be trusted",
    "clean_up_failed": "Something may still be in the target",
    "interrupted": "The run was interrupted",
}
_FINDINGS = {"deviated", "not-recovered"}  # an experiment's verdicts that say something of the target


def judge_run(folder: RunFolder) -> Summary:
    """Of a sealed run, or one that was killed. Raises RunFolderError when it never began."""
    recorded = read_recorded(folder)
    asked = recorded.asked
    unproven = unproven_oks(recorded)
    objectives = doubted(objective_results(recorded), unproven, recorded)
    load = load_result(recorded)
    journeys = journey_results(recorded)
    faults = fault_results(recorded)
    capacity = capacity_result(recorded)
    validity = validity_of(recorded)
    verdict = _verdict(recorded, objectives, faults, validity, capacity, load, journeys, unproven)
    uncounted = uncounted_visits(recorded) if load else ()
    guard = guard_result(recorded)
    standing = standing_fault_results(recorded)
    return Summary(
        run=RunFacts(
            id=asked.id,
            plan=asked.plan,
            description=asked.description,
            plan_hash=asked.plan_hash,
            target=asked.target_shown,
            seed=asked.seed,
            started=asked.created,
            ended=recorded.ended,
            time_zero=recorded.time_zero,
            versions=asked.versions,
        ),
        verdict=verdict,
        exit_code=int(_EXIT_CODES[verdict]),
        headline=_headline(recorded, verdict, objectives, faults, capacity, load, journeys, validity, unproven)
        + _but(verdict, uncounted)
        + _on_a_busy_machine(verdict, validity),
        answers=answers(verdict, objectives, faults, load, journeys, capacity, uncounted, unproven, standing),
        validity=validity,
        objectives=objectives,
        timeline=timeline(recorded),
        failures=failure_groups(recorded),
        load=load,
        load_reason="" if load else "the plan names no load",
        journeys=journeys,
        journeys_reason="" if journeys else "the plan names no journeys",
        faults=faults,
        faults_reason=_no_faults(asked) if not faults else "",
        capacity=capacity,
        capacity_reason="" if capacity else _no_capacity(recorded),
        standing_faults=standing,
        unproven=unproven,
        guard=guard,
        guard_reason="" if guard else "the plan asks for no guard",
        notices=(*_notices(recorded), *_standing_notice(standing, journeys)),
    )


def _verdict(
    recorded: Recorded,
    objectives: Sequence[ObjectiveResult],
    faults: Sequence[FaultResult],
    validity: Validity,
    capacity: CapacityResult | None,
    load: LoadResult | None,
    journeys: Sequence[JourneyResult],
    hollow: Sequence[Unproven],
) -> RunVerdict:
    if left_in(recorded):
        return "clean_up_failed"
    if any(event.facts.get("interrupted") for event in recorded.events_of("sealed")):
        return "interrupted"
    if validity.verdict == "invalid":
        return "invalid"
    judged = [o for o in objectives if o.judged]
    findings = any(fault.verdict in _FINDINGS for fault in faults)
    by_objectives = verdict_of(objectives)
    if findings or by_objectives == "missed" or burned(recorded):
        return "missed"
    whole = [o for o in judged if o.decides]
    unseen = bool(recorded.asked.objectives) and any(p.judged for p in recorded.asked.phases) and not whole
    unproven = len(faults) < len(recorded.asked.experiments) or any(fault.verdict != "passed" for fault in faults)
    unsized = recorded.asked.capacity is not None and (capacity is None or capacity.sizing is None)
    if not recorded.asked.objectives:
        return _without_objectives(recorded, load, journeys, unproven=unproven or unsized or bool(hollow))
    if went_blind(recorded) or unseen or unproven or unsized or hollow or by_objectives == "inconclusive":
        return "inconclusive"
    if judged or faults:
        return "met"
    # No phase is judged: the objectives do not decide, and must not make of a run what it would not be without them.
    alone = _without_objectives(recorded, load, journeys, unproven=False)
    return "measured" if recorded.asked.capacity is not None or alone in {"met", "measured"} else "inconclusive"


def _without_objectives(
    recorded: Recorded, load: LoadResult | None, journeys: Sequence[JourneyResult], *, unproven: bool
) -> RunVerdict:
    """Nothing says how many may fail: a journey that was walked alone must come through. Beside load, where some will
    fail, it should, as a visit should.

    That all of a few visits ended well is no more than luck allows: see `_too_few`.
    """
    failed = any(outcome != "ok" for journey in journeys for outcome in journey.outcomes)
    if failed and load is None:
        return "missed"
    asked = {journey.name: journey.times for journey in recorded.asked.journeys}
    unwalked = any(journey.runs < (asked.get(journey.name) or 1) for journey in journeys)
    unclear = unproven or failed or unwalked or _visits_lost(load) or _too_few(recorded, load)
    if unclear:
        return "inconclusive"
    return "met" if journeys or recorded.asked.experiments else "measured"


def _visits_lost(load: LoadResult | None) -> int:
    if load is None:
        return 0
    return sum(count for outcome, count in _visits(load) if outcome not in {OK, *EXCUSED})


def _visits_sent(load: LoadResult) -> int:
    return sum(count for outcome, count in _visits(load) if outcome not in {DROPPED, *EXCUSED})


def _visits(load: LoadResult) -> list[tuple[str, int]]:
    return [pair for s in load.series if s.phase == WHOLE_RUN and s.depth == 1 for pair in s.outcomes.items()]


def _too_few(recorded: Recorded, load: LoadResult | None) -> bool:
    """Whether the load is all that is judged, and too little: of fewer visits than bound a p95, one in twenty may fail
    and none has yet. An experiment and a sizing question have a verdict of their own.
    """
    if load is None or recorded.asked.experiments or recorded.asked.capacity is not None:
        return False
    return _visits_sent(load) < SAMPLES_FOR_P95


def may_be_left_in(folder: RunFolder) -> list[str]:
    """The same of a run that could not be finished, as far as there is a record."""
    try:
        return left_in(read_recorded(folder))
    except Exception:  # noqa: BLE001 - a record that cannot be read must not hide what the undo log says
        return in_undo_log(folder.undo_log)


def _headline(
    recorded: Recorded,
    verdict: RunVerdict,
    objectives: Sequence[ObjectiveResult],
    faults: Sequence[FaultResult],
    capacity: CapacityResult | None,
    load: LoadResult | None,
    journeys: Sequence[JourneyResult],
    validity: Validity,
    unproven: Sequence[Unproven],
) -> str:
    """The verdict in a line, with what decided it."""
    named = _HEADLINES[verdict]
    if verdict == "invalid":
        dead = ", ".join(dict.fromkeys(death.process for death in outside_deaths(recorded)))
        names = {REFERENCE_STACK: f"our reference stack lost {dead}"}
        invalid = [check.name for check in validity.checks if check.verdict == "invalid"]
        # Where our stack died, the rest follows from it.
        invalid.sort(key=lambda name: name != REFERENCE_STACK)
        wrong = ", ".join(names.get(name, name.replace("_", " ")) for name in invalid)
        missed = _missed(objectives)
        return f"{named}: {wrong}" + (f" (and missed: {', '.join(missed)})" if missed else "")
    if verdict == "clean_up_failed":
        return f"{named}: {_way_out(recorded)}"
    if verdict in {"met", "measured"}:
        return _met_headline(objectives, faults, capacity, verdict)
    if verdict == "missed":
        missed = _missed(objectives)
        found = [f"{f.title} ({f.verdict})" for f in faults if f.verdict in _FINDINGS]
        if missed:
            return f"Missed: {', '.join(missed)}"
        if found:
            return f"The steady state did not hold: {', '.join(found)}"
        failed = _failed_walks(journeys)
        return f"A journey fails: {', '.join(failed)}" if failed and not objectives else named
    if verdict == "inconclusive":
        return _inconclusive_headline(recorded, objectives, faults, capacity, load, journeys, validity, unproven)
    return named


def _inconclusive_headline(
    recorded: Recorded,
    objectives: Sequence[ObjectiveResult],
    faults: Sequence[FaultResult],
    capacity: CapacityResult | None,
    load: LoadResult | None,
    journeys: Sequence[JourneyResult],
    validity: Validity,
    unproven: Sequence[Unproven],
) -> str:
    unclear = sorted({o.label for o in objectives if o.decides and o.verdict == "inconclusive"})
    unclear += [f"{f.title} ({f.verdict})" for f in faults if f.verdict != "passed"]
    unclear += ["the sizing"] if capacity is not None and capacity.sizing is None else []
    judged = any(o.judged for o in objectives)
    lost = _visits_lost(load)
    if not unclear and not judged and lost:
        why = "no phase is judged" if objectives else "no objective says how many may"
        return f"{lost} visit{'s' if lost != 1 else ''} did not end well, and {why}"
    unclear += [one.text for one in unproven]
    unclear += [] if judged or recorded.asked.capacity is not None else _failed_walks(journeys)
    if not unclear and not judged and load is not None and _too_few(recorded, load):
        return f"{_visits_sent(load)} visits show too little: it takes {SAMPLES_FOR_P95} (run longer)"
    short = next((check.reason for check in validity.checks if check.name == "journey_accounts"), "")
    unclear += [short] if short and not unclear else []
    named = _HEADLINES["inconclusive"]
    return f"{named}: {', '.join(unclear)}" if unclear else named


def _way_out(recorded: Recorded) -> str:
    if open_entries(recorded.folder.undo_log):
        return "run `holdfast recover`"
    if unread := in_undo_log(recorded.folder.undo_log):
        return f"{', '.join(unread)}, may be a fault that is still in, so look by hand"
    return f"the rollbacks of {', '.join(left_in(recorded))} did not take it out, so look by hand"


def _but(verdict: RunVerdict, uncounted: Sequence[Uncounted]) -> str:
    """Objectives decide; that they were met must not be read as that all went well."""
    bad = sum(one.bad for one in uncounted)
    if verdict != "met" or not bad:
        return ""
    return f", but {bad} visit{'s' if bad != 1 else ''} ended badly that no objective counts"


def _on_a_busy_machine(verdict: RunVerdict, validity: Validity) -> str:
    """A verdict that others on the machine had a part in; where they invalidate it, it says so by itself."""
    degraded = any(check.name == MACHINE and check.verdict == "degraded" for check in validity.checks)
    return " (degraded: the machine was busy with something else)" if degraded and verdict != "invalid" else ""


def _missed(objectives: Sequence[ObjectiveResult]) -> list[str]:
    return sorted({o.label for o in objectives if o.judged and o.verdict == "missed"})


def _failed_walks(journeys: Sequence[JourneyResult]) -> list[str]:
    return [_failed_walk(journey) for journey in journeys if any(outcome != "ok" for outcome in journey.outcomes)]


def _failed_walk(journey: JourneyResult) -> str:
    step = next((s.name for s in journey.funnel.steps if s.completed < s.reached), None)
    return f"{journey.name} at {step}" if step else journey.name


def _met_headline(
    objectives: Sequence[ObjectiveResult],
    faults: Sequence[FaultResult],
    capacity: CapacityResult | None,
    verdict: RunVerdict,
) -> str:
    if verdict == "measured":
        return "Sized; no objective was judged" if capacity is not None else _HEADLINES[verdict]
    if any(o.judged for o in objectives):
        lowered = len({o.name for o in objectives if o.decides and o.gate < o.target})
        return _HEADLINES["met"] + (f", {lowered} of them at a gate below its target" if lowered else "")
    if faults:
        return "The steady state held before and after the fault"
    return "Every journey came through"


def _no_faults(asked: Asked) -> str:
    return "the experiment never put its fault in" if asked.experiments else "the plan names no experiment"


def _no_capacity(recorded: Recorded) -> str:
    if recorded.asked.capacity is None:
        return "the plan asks no sizing question"
    return "the search held no arrival rate: the run ended before it"


def _standing_notice(standing: Sequence[StandingFault], journeys: Sequence[JourneyResult]) -> tuple[str, ...]:
    """Where no failed journey's answer names them."""
    if not standing or any(journey.failures for journey in journeys):
        return ()
    named = "; ".join(f"{fault.place} {fault.what}" for fault in standing)
    return (f"In the target, not put in by this run: {named}.",)


def _notices(recorded: Recorded) -> tuple[str, ...]:
    found = list(recorded.asked.notices)
    for event in recorded.events:
        if event.kind == "stopped":
            found.append(f"The guard stopped the run: {event.facts.get('reason')}")
        elif event.kind == "ended_early":
            found.append(f"The run ended early, its answer being certain: {event.facts.get('reason')}")
        elif event.kind == NEIGHBOUR:
            found.append(f"{event.source}: {event.facts.get('text')}")
        elif event.kind in {"scenario_error", "activity_failed", "notice"}:
            text = event.facts.get("text") or event.facts.get("message") or event.facts.get("reason")
            line = f"{event.source}: {text}"
            if line not in found:
                found.append(line)
    return tuple(found)
