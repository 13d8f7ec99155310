"""A summary as junit.xml: a suite a phase with a case an objective; then measurement, faults, journeys, the run.

It agrees with the exit code: there is a failure or an error exactly when that is not 0. So

    missed in a judged phase or over the run      failure
    inconclusive over the run, no data            error: what is not proven never passes
    inconclusive in one phase                     skipped: it may be too short by itself; the run's own case decides
    any verdict in a phase that is not judged     skipped, with the verdict
    a run in which nothing was judged             skipped: it is no pass
    a fault that was felt                         skipped, with what happened: objectives decide, not this
    a walk that failed, and decides               failure, unless the objectives that count it were met: then passed
    a walk that failed, and no objective counts   skipped, with what happened

Each suite has the time that it took: a phase its length, journeys the time that was walked, faults the time that they
were in, the run all of it. Checks of the measurement and clean-up take none of their own.
"""

import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final, Literal

from holdfast.record.sample import OK
from holdfast.report.figures import checked, count, duration, number, percent, printable, words
from holdfast.report.load_rows import went_wrong_lines
from holdfast.report.verdicts import word_of
from holdfast.run.answers import why_question
from holdfast.run.summary import WHOLE_RUN, FaultResult, JourneyResult, ObjectiveResult, Summary, ValidityCheck

State = Literal["passed", "failure", "error", "skipped"]

_RUN_STATES: Final[dict[str, State]] = {
    "met": "passed",
    "measured": "skipped",
    "missed": "failure",
    "clean_up_failed": "failure",
}


@dataclass(frozen=True, slots=True)
class Case:
    """One testcase; `text` says more than fits an attribute."""

    name: str
    state: State
    message: str = ""
    text: str = ""
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Suite:
    name: str
    cases: Sequence[Case]
    start: float  # since the epoch
    seconds: float


def render(summary: Summary) -> str:
    """The document, in the shape Jenkins' junit-10.xsd describes, which others read too."""
    suites = [suite for suite in _suites(summary) if suite.cases]
    root = ET.Element("testsuites", {"name": printable(f"holdfast {summary.run.plan}"), **_sums(suites)})
    for suite in suites:
        _add(root, suite, summary)
    ET.indent(root, " ")
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _suites(summary: Summary) -> list[Suite]:
    zero, took = summary.run.time_zero, summary.run.ended - summary.run.started
    stretches = {phase.name: (zero + phase.start, phase.end - phase.start) for phase in summary.timeline.phases}
    by_phase: dict[str, list[ObjectiveResult]] = {}
    for objective in summary.objectives:
        by_phase.setdefault(objective.phase, []).append(objective)
    suites = [
        Suite(f"phase {phase}", [_objective(o) for o in found], *stretches.get(phase, (zero, 0.0)))
        for phase, found in by_phase.items()
        if phase != WHOLE_RUN
    ]
    whole = [_with_cause(_objective(o), summary) for o in by_phase.get(WHOLE_RUN, ())]
    others = {
        "measurement": [_check(check) for check in summary.validity.checks],
        "faults": [_fault(fault, summary) for fault in summary.faults],
        "clean-up": [_clean_up(fault) for fault in summary.faults],
        "journeys": [_journey(journey, summary) for journey in summary.journeys],
        "run": [*whole, _run(summary)],
    }
    times = {
        "faults": _time_of_faults(summary),
        "journeys": _time_of_walks(summary),
        "run": (summary.run.started, took),
    }
    nothing = (summary.run.ended, 0.0)  # looked at when all was over
    return suites + [Suite(name, cases, *times.get(name, nothing)) for name, cases in others.items()]


def _time_of_faults(summary: Summary) -> tuple[float, float]:
    """When the first was put in, and how long they were in together."""
    began = [fault.injected_at for fault in summary.faults if fault.injected_at is not None]
    return min(began, default=summary.run.time_zero), sum(_time_in(fault, summary) for fault in summary.faults)


def _time_in(fault: FaultResult, summary: Summary) -> float:
    if fault.injected_at is None:
        return 0.0
    return max((summary.run.ended if fault.reverted_at is None else fault.reverted_at) - fault.injected_at, 0.0)


def _time_of_walks(summary: Summary) -> tuple[float, float]:
    """When the first walk was due, and how long all walks took together."""
    walks = summary.timeline.journeys
    first = min((walk.at for walk in walks), default=0.0)
    return summary.run.time_zero + first, sum(walk.duration for walk in walks)


def _objective(result: ObjectiveResult) -> Case:
    said = f"{words(result.verdict)}: {result.reason}"
    text = "\n".join(
        [
            f"{count(result.good)} of {count(result.total)} good: {percent(result.ratio)}",
            f"target: {percent(result.target)}, had to prove: {percent(result.gate)}",
            f"between {percent(result.interval[0])} and {percent(result.interval[1])}, 95 % confidence on each side",
            f"burn rate: {number(result.burn_rate)}",
            *([f"why: {result.cause}"] if result.cause else []),
            *([f"owner: {result.owner}"] if result.owner else []),
            *([f"runbook: {result.runbook}"] if result.runbook else []),
        ]
    )
    if not result.judged:
        return Case(result.name, "skipped", f"not judged in this phase; {said}", text)
    if result.verdict == "met":
        return Case(result.name, "passed", said, text)
    if result.verdict == "missed":
        return Case(result.name, "failure", said, text)
    if result.decides:
        return Case(result.name, "error", said, text)
    return Case(result.name, "skipped", f"{said}; the judged phases together decide", text)


def _with_cause(case: Case, summary: Summary) -> Case:
    return case if case.state == "passed" else replace(case, text="\n".join([case.text, *_not_ok(summary)]))


def _check(check: ValidityCheck) -> Case:
    text = f"value {checked(check.name, check.value)}, limit {checked(check.name, check.limit)}"
    state: State = "error" if check.verdict == "invalid" else "passed"
    return Case(check.name, state, f"{check.verdict}: {check.reason}", text)


def _fault(fault: FaultResult, summary: Summary) -> Case:
    if fault.injected_at is None:
        state: State = "skipped" if summary.verdict in {"met", "measured"} else "error"
        return Case(fault.experiment, state, f"never put in, so it shows nothing: {words(fault.verdict)}", fault.reason)
    lines = [
        f"{fault.fault} on {fault.target}",
        f"felt after: {duration(fault.time_to_impact)}",
        f"alert would fire after: {duration(fault.time_to_detect)}",
        f"recovered after: {'more than ' if fault.recovery_censored else ''}{duration(fault.time_to_recover)}",
        f"bad events: {count(fault.bad_events)}{f' on {fault.objective}' if fault.objective else ''}",
    ]
    said = f"{words(fault.verdict)}: {fault.reason}"
    state = "passed" if fault.verdict == "passed" else "skipped"
    return Case(fault.experiment, state, said, "\n".join(lines), _time_in(fault, summary))


def _clean_up(fault: FaultResult) -> Case:
    if fault.clean_up == "failed":
        return Case(fault.experiment, "failure", "it may still be in the target: run `holdfast recover`", fault.reason)
    return Case(fault.experiment, "passed" if fault.clean_up == "done" else "skipped", f"clean-up {fault.clean_up}")


def _journey(journey: JourneyResult, summary: Summary) -> Case:
    bad = sum(number for outcome, number in journey.outcomes.items() if outcome != OK)
    said = ", ".join(f"{count(number)} {words(outcome)}" for outcome, number in journey.outcomes.items())
    reasons = [answer.answer for answer in summary.answers if answer.question == why_question(journey.name)]
    text = "\n".join([f"{count(journey.runs)} runs: {said}", *(reasons or journey.evidence)])
    seconds = sum(walk.duration for walk in summary.timeline.journeys if walk.name == journey.name)
    if not journey.runs:
        decides = not summary.objectives and summary.exit_code != 0
        return Case(journey.name, "error" if decides else "skipped", "no run was finished", text)
    if not bad:
        return Case(journey.name, "passed", "", text, seconds)
    told = f"{bad} of {journey.runs} runs were not ok"
    state, why = _decided(journey, summary)
    return Case(journey.name, state, f"{told}; {why}", text, seconds)


def _decided(journey: JourneyResult, summary: Summary) -> tuple[State, str]:
    """What walks that were not ok mean for the run: by themselves, or by the objectives that count them."""
    if not summary.objectives:
        return "failure", "no objective says how many may be"
    verdicts = {o.label: o.verdict for o in summary.objectives if o.decides and o.name in journey.counted_by}
    if not verdicts:
        return "skipped", "no objective counts them"
    named = ", ".join(f"{name} was {verdict}" for name, verdict in verdicts.items())
    if "missed" in verdicts.values():
        return "failure", named
    return ("error" if "inconclusive" in verdicts.values() else "passed"), named


def _run(summary: Summary) -> Case:
    state = _RUN_STATES.get(summary.verdict, "error")
    lines = [f"{answer.question} {answer.answer}" for answer in summary.answers]
    text = "\n".join([*lines, *_not_ok(summary)])
    return Case("verdict", state, f"{word_of(summary)}: {summary.headline}", text)


def _not_ok(summary: Summary) -> list[str]:
    """What became of visits that were not ok, scenario by scenario: the cause, where only this file is read."""
    return [f"visits not ok in {line}" for line in went_wrong_lines(summary)]


def _add(root: ET.Element, suite: Suite, summary: Summary) -> None:
    stamp = datetime.fromtimestamp(suite.start, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    sums = {"name": printable(suite.name), "timestamp": stamp, **_sums([suite]), "skipped": _number(suite, "skipped")}
    element = ET.SubElement(root, "testsuite", sums)
    if suite.name == "run":
        properties = ET.SubElement(element, "properties")
        run = summary.run
        facts = {"run": run.id, "target": run.target, "seed": run.seed, "plan_hash": run.plan_hash}
        for name, value in facts.items():
            ET.SubElement(properties, "property", name=name, value=printable(str(value)))
    for case in suite.cases:
        place = printable(f"{summary.run.plan}.{suite.name}")
        found = ET.SubElement(
            element, "testcase", name=printable(case.name), classname=place, time=f"{case.seconds:.3f}"
        )
        text = printable(case.text)
        if case.state == "passed":
            if text or case.message:
                ET.SubElement(found, "system-out").text = "\n".join(filter(None, [printable(case.message), text]))
            continue
        told = ET.SubElement(found, case.state, message=printable(case.message))
        if case.state != "skipped":
            told.set("type", case.state)
        told.text = text


def _sums(suites: Sequence[Suite]) -> dict[str, str]:
    return {
        "tests": str(sum(len(suite.cases) for suite in suites)),
        "failures": str(sum(int(_number(suite, "failure")) for suite in suites)),
        "errors": str(sum(int(_number(suite, "error")) for suite in suites)),
        "time": f"{max((suite.seconds for suite in suites), default=0.0):.3f}",
    }


def _number(suite: Suite, state: State) -> str:
    return str(sum(case.state == state for case in suite.cases))
