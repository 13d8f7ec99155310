"""The parts of the page, in the order of a reader's questions; what needs no look folds to the line of its result.

A part folds where it is all green; one that did not run is a line with its reason. Answers, the picture of the run and
a sizing never fold: they are what the page is opened for.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace

from holdfast.record.sample import EXCUSED, OK
from holdfast.report.drop_off import funnels_of, is_whole
from holdfast.report.figures import count, duration, several, share
from holdfast.report.load_rows import scenarios_of
from holdfast.run.summary import WHOLE_RUN, Summary


@dataclass(frozen=True, slots=True)
class Section:
    """`absent`: why there is nothing to show. `result`: what it says in a line, where nothing in it needs a look."""

    id: str
    title: str
    absent: str = ""
    result: str = ""
    verdict: str = "good"  # the mark before the result

    @property
    def template(self) -> str:
        return f"{self.id}.html"


def sections_of(summary: Summary, drawn: Collection[str]) -> list[Section]:
    """`drawn`: names of the pictures that there are."""
    no_objectives = "" if summary.objectives else "no objective was asked for"
    no_evidence = "" if any(j.evidence for j in summary.journeys) else _no_screenshot(summary)
    no_funnels = "" if funnels_of(summary) else "no scenario or journey was started"
    no_journeys = _reason(summary.journeys, summary.journeys_reason)
    found = [
        Section("answers", "Answers", absent="" if summary.answers else "nothing was asked of this run"),
        Section("objectives", "Objectives", no_objectives, _objectives(summary)),
        Section("timeline", "Timeline", absent="" if "timeline" in drawn else "no visit and no walk was recorded"),
        Section("failures", "Failures", *_failures(summary)),
        Section("budget", "Error budget", no_objectives, _budget(summary)),
        Section("faults", "Faults", _reason(summary.faults, summary.faults_reason), _faults(summary)),
        Section("funnels", "Where customers drop off", no_funnels, _funnels(summary)),
        Section("journeys", "Journeys", no_journeys, _journeys(summary)),
        Section("capacity", "Capacity", absent=_reason(summary.capacity, summary.capacity_reason)),
        Section("load", "Load", _reason(summary.load, summary.load_reason), _load(summary)),
        Section("validity", "Validity", result=_validity(summary)),
        Section("evidence", "Evidence", absent=no_journeys or no_evidence),
        Section("provenance", "Provenance", result=_provenance(summary), verdict="neutral"),
    ]
    if summary.validity.verdict != "invalid":
        return found
    # What was measured by a generator that cannot be trusted is told, but not as good news.
    return [replace(section, verdict="unclear") if section.verdict == "good" else section for section in found]


def _no_screenshot(summary: Summary) -> str:
    if any(outcome != OK for journey in summary.journeys for outcome in journey.outcomes):
        return "a walk failed, and no screenshot of it is in the run folder"
    return "no walk failed, so no screenshot was kept"


def _reason(part: object, reason: str) -> str:
    return "" if part else reason or "this part did not run"


def _objectives(summary: Summary) -> str:
    whole = [o for o in summary.objectives if o.decides]
    if not whole or any(o.verdict != "met" for o in whole) or any(o.verdict == "missed" for o in summary.objectives):
        return ""
    undecided = sum(o.verdict == "inconclusive" for o in summary.objectives)
    also = f"; {several(undecided, 'result')} of single phases inconclusive by themselves" if undecided else ""
    over = "" if any(o.apart for o in whole) else " over the judged phases"
    return f"{several(len({o.name for o in whole}), 'objective')} met{over}{also}"


def _failures(summary: Summary) -> tuple[str, str]:
    """Why there is nothing to show; or the line of a part that has nothing in it because nothing failed."""
    if summary.failures:
        return "", ""
    outcomes = [one.outcomes for one in (summary.load.series if summary.load else ())]
    outcomes += [one.outcomes for one in summary.journeys]
    if not outcomes:
        return "nothing was sent", ""
    if any(number for one in outcomes for outcome, number in one.items() if outcome not in {OK, *EXCUSED}):
        return "this summary is of a version that did not group failures, or only attacks met their limits", ""
    return "", "no visit, walk or request failed"


def _budget(summary: Summary) -> str:
    spent = [
        (o.budget_spent, o.name) for o in summary.objectives if o.phase == WHOLE_RUN and o.budget_spent is not None
    ]
    most, name = max(spent, default=(None, ""))
    if most is None or most > 1 or any(o.verdict == "missed" for o in summary.objectives):
        return ""
    return f"most spent by {name}: {share(most)} of this run's budget" if most else "nothing of any budget was spent"


def _faults(summary: Summary) -> str:
    if any(f.verdict != "passed" or f.clean_up != "done" for f in summary.faults):
        return ""
    return "; ".join(
        f"{fault.title}: passed, {several(fault.bad_events or 0, 'bad event')}, clean-up done"
        for fault in summary.faults
    )


def _funnels(summary: Summary) -> str:
    found = funnels_of(summary)
    if not found or not all(is_whole(funnel) for funnel in found):
        return ""
    visits = count(sum(funnel.started for funnel in found))
    return f"nowhere: all {visits} visits and walks came through, in {several(len(found), 'funnel')}"


def _journeys(summary: Summary) -> str:
    found = summary.journeys
    fine = all(j.runs == j.outcomes.get(OK) and not j.missed and not j.probe_errors for j in found)
    if not found or not fine:
        return ""
    slowest = max((j.duration.p95 for j in found if j.duration.p95 is not None), default=None)
    walks = several(sum(j.runs for j in found), "walk")
    return f"{walks} of {several(len(found), 'journey')}, all ok; slowest p95 {duration(slowest)}"


def _load(summary: Summary) -> str:
    load = summary.load
    visits = [one for one in load.series if one.phase == WHOLE_RUN and one.depth == 1] if load else []
    if (
        load is None
        or load.dropped
        or load.unfinished
        or any(n for o in visits for k, n in o.outcomes.items() if k not in {OK, *EXCUSED})
    ):
        return ""
    slowest = max((one.response.p95 for one in scenarios_of(summary) if one.response.p95 is not None), default=None)
    return f"{several(load.finished, 'visit')}, all ok, none dropped; slowest scenario's p95 {duration(slowest)}"


def _validity(summary: Summary) -> str:
    checks = summary.validity.checks
    if summary.validity.verdict != "valid" or any(check.verdict != "valid" for check in checks):
        return ""
    return (
        f"valid: {several(len(checks), 'check')} within their limits" if checks else "valid: nothing was to be checked"
    )


def _provenance(summary: Summary) -> str:
    run = summary.run
    version = run.versions.get("holdfast")
    return f"run {run.id}, seed {run.seed}" + (f", holdfast {version}" if version else "")
