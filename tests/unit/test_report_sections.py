"""Which parts of the page fold: what is all green does, and nothing else."""

from dataclasses import replace

import pytest
from tests.unit.report_samples import all_met

from holdfast.report.sections import sections_of


def green():
    sample = all_met()
    journeys = tuple(replace(j, funnel=replace(j.funnel, outside=0, completed=22)) for j in sample.journeys)
    load = replace(sample.load, unfinished=0, finished=2395, funnels=())
    return replace(sample, load=load, journeys=journeys, failures=())


def folded(summary):
    return {section.id for section in sections_of(summary, ("timeline",)) if section.result}


def first_as(items, **changed):
    return (replace(items[0], **changed), *items[1:])


def in_a_phase(summary, **changed):
    found = [o for o in summary.objectives if not o.decides]
    return tuple(replace(o, **changed) if o is found[0] else o for o in summary.objectives)


def over_the_run(summary, **changed):
    return tuple(replace(o, **changed) if o.phase == "run" else o for o in summary.objectives)


SPOILT = {
    "an objective was missed in a phase": (
        {"objectives", "budget"},
        lambda s: replace(s, objectives=in_a_phase(s, verdict="missed")),
    ),
    "nobody knows of an objective": (
        {"objectives"},
        lambda s: replace(s, objectives=over_the_run(s, verdict="inconclusive")),
    ),
    "a budget is overspent": ({"budget"}, lambda s: replace(s, objectives=over_the_run(s, budget_spent=1.2))),
    "a fault may be in": ({"faults"}, lambda s: replace(s, faults=first_as(s.faults, clean_up="failed"))),
    "a fault was felt": ({"faults"}, lambda s: replace(s, faults=first_as(s.faults, verdict="failed"))),
    "a walk was left out": ({"journeys"}, lambda s: replace(s, journeys=first_as(s.journeys, missed=1))),
    "a probe failed": ({"journeys"}, lambda s: replace(s, journeys=first_as(s.journeys, probe_errors=1))),
    "arrivals were dropped": ({"load"}, lambda s: replace(s, load=replace(s.load, dropped=3))),
    "visits were cut off": ({"load"}, lambda s: replace(s, load=replace(s.load, unfinished=3))),
    "a check is degraded": (
        {"validity"},
        lambda s: replace(
            s, validity=replace(s.validity, checks=first_as(s.validity.checks, verdict="degraded"))
        ),
    ),
}  # fmt: skip


@pytest.mark.parametrize("spoilt", SPOILT)
def test_what_needs_a_look_stays_open_and_the_rest_folds(spoilt):
    opened, spoil = SPOILT[spoilt]
    whole = green()
    assert folded(whole) - folded(spoil(whole)) == opened
    assert folded(spoil(whole)) <= folded(whole)


def test_nothing_that_cannot_be_trusted_is_marked_as_good():
    whole = green()
    invalid = replace(whole, validity=replace(whole.validity, verdict="invalid"))
    assert "good" in {section.verdict for section in sections_of(whole, ())}
    assert {section.verdict for section in sections_of(invalid, ())} == {"unclear", "neutral"}


def test_a_screenshot_that_is_not_there_does_not_mean_that_no_walk_failed():
    def evidence(summary):
        return next(section.absent for section in sections_of(summary, ()) if section.id == "evidence")

    walked = tuple(replace(journey, evidence=(), outcomes={"ok": 22}) for journey in green().journeys)
    assert evidence(replace(green(), journeys=walked)) == "no walk failed, so no screenshot was kept"
    failed = first_as(walked, outcomes={"ok": 21, "timed_out": 1})
    assert "a walk failed" in evidence(replace(green(), journeys=failed))
