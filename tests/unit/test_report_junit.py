"""junit.xml: well formed, in the common shape, and never of another opinion than the exit code."""

import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest
from tests.unit.report_samples import HOSTILE, VARIANTS, all_met, clean_up_failed, fault_hurt, hostile, no_data

from holdfast.report.junit import render
from holdfast.run.answers import why_question
from holdfast.run.summary import Answer

# Jenkins' junit-10.xsd: what each element may carry.
ATTRIBUTES = {
    "testsuites": {"name", "time", "tests", "failures", "errors", "disabled"},
    "testsuite": {"name", "tests", "failures", "errors", "time", "skipped", "timestamp", "hostname", "id", "package"},
    "properties": set(),
    "property": {"name", "value"},
    "testcase": {"name", "classname", "time", "status", "assertions"},
    "failure": {"message", "type"},
    "error": {"message", "type"},
    "skipped": {"message"},
    "system-out": set(),
}
CHILDREN = {
    "testsuites": {"testsuite"},
    "testsuite": {"properties", "testcase"},
    "properties": {"property"},
    "testcase": {"failure", "error", "skipped", "system-out"},
}


def _parsed(summary):
    return ET.fromstring(render(summary).encode())  # noqa: S314 - we wrote it


def _case(root, suite, name):
    return root.find(f"./testsuite[@name='{suite}']/testcase[@name='{name}']")


def _state(case):
    found = [child.tag for child in case if child.tag != "system-out"]
    return found[0] if found else "passed"


@pytest.mark.parametrize("variant", VARIANTS)
def test_it_has_the_shape_that_readers_expect(variant):
    for element in _parsed(VARIANTS[variant]()).iter():
        assert set(element.attrib) <= ATTRIBUTES[element.tag]
        assert {child.tag for child in element} <= CHILDREN.get(element.tag, set())


@pytest.mark.parametrize("variant", VARIANTS)
def test_its_sums_are_those_of_its_cases(variant):
    root = _parsed(VARIANTS[variant]())
    for element in [root, *root]:
        for attribute, tag in (("tests", "testcase"), ("failures", "failure"), ("errors", "error")):
            assert int(element.get(attribute)) == len(list(element.iter(tag)))
    for suite in root:
        assert int(suite.get("skipped")) == len(list(suite.iter("skipped")))


@pytest.mark.parametrize("variant", VARIANTS)
def test_something_failed_exactly_when_the_exit_code_is_not_zero(variant):
    summary = VARIANTS[variant]()
    root = _parsed(summary)
    assert (int(root.get("failures")) + int(root.get("errors")) > 0) == (summary.exit_code != 0)


def test_a_missed_objective_is_a_failure_in_its_phase_and_over_the_run():
    root = _parsed(fault_hurt())
    assert _state(_case(root, "phase fault", "sign-in-availability")) == "failure"
    assert _state(_case(root, "run", "sign-in-availability")) == "failure"


def test_no_data_over_the_run_is_an_error():
    assert _state(_case(_parsed(no_data()), "run", "sign-in-availability")) == "error"


def test_a_phase_too_short_by_itself_is_skipped_with_its_reason():
    case = _case(_parsed(all_met()), "phase baseline", "sign-in-availability")
    assert _state(case) == "skipped"
    assert "cannot prove" in case.find("skipped").get("message")


def test_a_phase_that_is_not_judged_is_skipped_with_its_verdict():
    message = _case(_parsed(all_met()), "phase warm_up", "sign-in-latency").find("skipped").get("message")
    assert message.startswith("not judged in this phase; inconclusive")


def test_a_missed_objective_in_a_phase_that_is_not_judged_fails_nothing():
    sample = all_met()
    objectives = tuple(replace(o, verdict="missed") if not o.judged else o for o in sample.objectives)
    root = _parsed(replace(sample, objectives=objectives))
    assert (root.get("failures"), root.get("errors")) == ("0", "0")


def test_a_fault_left_in_is_a_failure():
    assert _state(_case(_parsed(clean_up_failed()), "clean-up", "replica_kill")) == "failure"


def test_hostile_texts_are_escaped_and_control_characters_gone():
    root = _parsed(hostile())
    assert HOSTILE in root.find("./testsuite[@name='run']/testcase[@name='verdict']/failure").get("message")


def _journeys(root):
    return {case.get("name"): case for case in root.findall("./testsuite[@name='journeys']/testcase")}


def test_each_suite_has_the_time_that_it_took_and_not_the_runs():
    sample = fault_hurt()
    root = _parsed(sample)
    times = {suite.get("name"): float(suite.get("time")) for suite in root}
    assert times["phase baseline"] == 40.0
    assert times["faults"] == pytest.approx(6.7)
    assert times["journeys"] == pytest.approx(sum(walk.duration for walk in sample.timeline.journeys), abs=0.001)
    assert times["run"] == pytest.approx(148.2)
    assert (times["measurement"], times["clean-up"]) == (0.0, 0.0)
    assert root.get("time") == f"{max(times.values()):.3f}", "they ran beside each other"
    for suite in root:
        own = sum(float(case.get("time")) for case in suite.iter("testcase"))
        assert own <= float(suite.get("time")) + 0.01


def test_a_journey_that_fails_and_decides_is_a_failure():
    alone = replace(fault_hurt(), objectives=())
    assert {_state(case) for case in _journeys(_parsed(alone)).values()} == {"failure"}


@pytest.mark.parametrize(("verdict", "state"), [("missed", "failure"), ("inconclusive", "error"), ("met", "passed")])
def test_a_journey_that_an_objective_counts_has_its_state(verdict, state):
    sample = fault_hurt()
    objectives = tuple(
        replace(o, verdict=verdict) if (o.name, o.phase) == ("journey-success", "run") else o for o in sample.objectives
    )
    counted = tuple(replace(j, counted_by=("journey-success",)) for j in sample.journeys)
    cases = _journeys(_parsed(replace(sample, objectives=objectives, journeys=counted)))
    assert {_state(case) for case in cases.values()} == {state}


def test_a_journey_that_no_objective_counts_decides_nothing_and_is_skipped():
    case = _journeys(_parsed(fault_hurt()))["reset_password"]
    assert case.find("skipped").get("message") == "2 of 22 runs were not ok; no objective counts them"


@pytest.mark.parametrize(("alone", "state"), [(True, "error"), (False, "skipped")])
def test_a_journey_of_which_no_walk_was_finished_is_an_error_where_nothing_else_decides(alone, state):
    sample = fault_hurt()
    journeys = tuple(replace(j, runs=0, outcomes={}) for j in sample.journeys)
    found = replace(sample, journeys=journeys, objectives=() if alone else sample.objectives)
    assert {_state(case) for case in _journeys(_parsed(found)).values()} == {state}


def test_why_a_journey_fails_stands_in_its_case():
    sample = fault_hurt()
    why = Answer(why_question("reset_password"), "Step enter code: failed (503) in 2 of 22 walks.", "bad")
    case = _journeys(_parsed(replace(sample, answers=(why,))))["reset_password"]
    assert case.find("skipped").text.endswith(why.answer)
