"""A phase with gates of its own is judged by itself: by what it names, at its gates, and apart from all else."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
from tests.unit.plan_simulation import HEALTHY, asked_once, simulate
from tests.unit.report_samples import all_met

from holdfast.errors import InputError
from holdfast.report.figures import percent
from holdfast.report.junit import render
from holdfast.report.markdown import render as markdown
from holdfast.report.matrix import matrix
from holdfast.run.preparation import prepare
from holdfast.run.summary import WHOLE_RUN
from holdfast.workspace.starter import copy_starter
from holdfast.workspace.workspace import find_workspace

ROOT = Path(__file__).resolve().parents[2]
PLAN = """kind: Plan
description: For a test.
phases:
  - {{name: calm, for: 40s}}
  - {{name: fault, for: 20s, {fault}}}
load: [{{profile: smoke, scale: 5}}]
objectives:
  - file: slo/self_service.yaml
    only: [sign-in-availability, sign-in-latency]
    gates: {{sign-in-availability: 0.95}}
"""


@pytest.fixture
def prepared(tmp_path):
    copy_starter(tmp_path / "workspace")

    def of(fault: str):
        (tmp_path / "workspace/plans/tried.yaml").write_text(PLAN.format(fault=fault))
        return prepare(find_workspace(tmp_path / "workspace"), "tried", may_ask=False)

    return of


def _results(plan):
    ended = simulate(plan, asked_once(plan), HEALTHY, 1)
    return ended, {(one.name, one.phase): one for one in ended.objectives}


def test_it_counts_in_nothing_else_and_judges_what_it_names(prepared):
    ended, results = _results(prepared("gates: {sign-in-availability: 0.9}"))

    apart, shown = results["sign-in-availability", "fault"], results["sign-in-latency", "fault"]
    assert (apart.gate, apart.judged, apart.apart, apart.verdict) == (0.9, True, True, "met")
    assert (shown.judged, shown.apart) == (False, False)
    whole, calm = (results["sign-in-availability", phase] for phase in (WHOLE_RUN, "calm"))
    assert whole.total == calm.total > 0
    assert (whole.gate, ended.verdict) == (0.95, "met")


def test_without_gates_it_is_a_part_of_the_whole(prepared):
    _, results = _results(prepared("judged: true"))

    total = {phase: results["sign-in-availability", phase].total for phase in (WHOLE_RUN, "calm", "fault")}
    assert total[WHOLE_RUN] == total["calm"] + total["fault"]


def test_what_is_not_proven_in_it_leaves_the_run_inconclusive(prepared):
    """Twenty seconds cannot prove 98.9 %, whatever the rest of the run proves."""
    ended, results = _results(prepared("gates: {sign-in-availability: 0.989}"))

    apart = results["sign-in-availability", "fault"]
    assert (apart.verdict, apart.decides, apart.label) == ("inconclusive", True, "sign-in-availability in fault")
    assert ended.verdict == "inconclusive"


def test_what_is_not_proven_in_it_is_an_error_of_junit(prepared):
    _, results = _results(prepared("gates: {sign-in-availability: 0.989}"))
    summary = replace(all_met(), objectives=tuple(results.values()), verdict="inconclusive", exit_code=3)

    suite = render(summary).partition('name="phase fault"')[2].partition("</testsuite>")[0]

    assert "<error" in suite


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ("judged: false, gates: {sign-in-availability: 0.9}", "a phase that is not judged has no gates"),
        ("gates: {sign-in-avail: 0.9}", 'judges no objective "sign-in-avail"'),
        ("gates: {billing-availability: 0.9}", 'judges no objective "billing-availability"'),
        ("gates: {sign-in-availability: 0.995}", "above the target 0.99"),
        ("gates: {sign-in-availability: 1.5}", "less than 1"),
    ],
)
def test_gates_that_cannot_be_meant_are_wrong_input(prepared, fault, told):
    with pytest.raises(InputError) as wrong:
        prepared(fault)

    assert told in str(wrong.value)
    assert "tried.yaml:5" in str(wrong.value)


def test_the_shipped_plans_judge_a_fault_by_itself_or_not_at_all():
    workspace = find_workspace(ROOT)
    for name in ("ci", "demo"):
        plan = prepare(workspace, name, may_ask=False)
        faults = {
            phase.name
            for phase in plan.phases
            if any(e.start < phase.end and phase.start < e.end for e in plan.experiments)
        }
        assert faults == {"fault"}
        (fault,) = (phase for phase in plan.phases if phase.name in faults)
        assert fault.apart or not fault.judged
        assert plan.notices == ()


def test_the_plan_of_the_guide_foresees_nothing_that_it_cannot_conclude(prepared, tmp_path):
    prepared("judged: true")
    guide = (ROOT / "docs/guides/run-in-ci.md").read_text(encoding="utf-8")
    (tmp_path / "workspace/plans/guide.yaml").write_text(re.findall(r"```yaml\n(.*?)```", guide, re.DOTALL)[0])

    assert prepare(find_workspace(tmp_path / "workspace"), "guide", may_ask=False).notices == ()


def test_reports_say_that_it_is_judged_by_itself_and_at_which_gate(prepared):
    _, results = _results(prepared("gates: {sign-in-availability: 0.9}"))
    summary = replace(all_met(), objectives=tuple(results.values()))

    title = f"fault (by itself, gate {percent(0.9)})"
    assert {column.title for column in matrix(summary).columns} == {"calm", title, "whole run"}
    assert title in markdown(summary)
