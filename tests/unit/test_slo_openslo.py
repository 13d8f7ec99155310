"""OpenSLO files: what is accepted, and what every broken rule says, with its path."""
# ruff: noqa: E501 - the tables of rules have a row for each

import copy
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter
from tests.unit.slo_objects import (
    GOOD,
    INLINE_POLICY,
    REMOVE,
    SLI,
    SLO,
    SPEC,
    THRESHOLD,
    TOTAL,
    changed,
    documents_of,
    loaded,
    told,
)

from holdfast.slo.indicator import Selector
from holdfast.slo.objective import Objective
from holdfast.slo.openslo import load_definitions, load_objectives
from holdfast.slo.window import Calendar, Window, rolling, seconds_of
from holdfast.workspace.document import Document, load_documents


def test_a_valid_slo_becomes_an_objective(tmp_path):
    objectives, problems = loaded(tmp_path, SLO)

    assert problems == []
    (objective,) = objectives
    assert objective.name == "sign-in"
    assert objective.display_name == "Sign in"
    assert objective.target == Decimal("0.99")
    assert objective.window == rolling("28d")
    assert (objective.runbook, objective.owner) == ("docs/sign-in.md", "identity")
    assert objective.indicator.good == Selector(("*/sign_in",), None, ("ok",), 0.4)
    assert objective.indicator.total == Selector(("*/sign_in",), None, (), None)
    assert objective.where.endswith("spec.objectives[0].target")


def test_good_means_ok_unless_it_says_otherwise(tmp_path):
    slo = changed(SLO, (f"{SPEC}.good.metricSource.spec", {"name": "*/sign_in"}))

    (objective,), problems = loaded(tmp_path, slo)

    assert not problems
    assert objective.indicator.good is not None
    assert objective.indicator.good.outcomes == ("ok",)


# fmt: off
ALSO_VALID = [
    [("spec.objectives.0", {"targetPercent": 99})],
    [("spec.objectives", [{"target": 0.9}, {"target": 0.99}])],
    [("spec.timeWindow.0.duration", "4w")],
    [("spec.timeWindow.0.duration", "1M")],
    [("metadata.displayName", REMOVE)],
    [(f"{SPEC}.good", REMOVE), (f"{SPEC}.bad", changed(GOOD, ("metricSource.spec", {"name": "*/sign_in", "outcome": ["failed", "timed_out"]})))],
    [(f"{SPEC}.total.metricSource.spec.outcome", ["ok", "failed", "timed_out"])],
    [(f"{SPEC}.good.metricSource.spec.name", ["a", "b"]), (f"{SPEC}.total.metricSource.spec.name", ["b", "a"])],
    [("spec.alertPolicies", [INLINE_POLICY])],
]
# fmt: on


@pytest.mark.parametrize("edits", ALSO_VALID)
def test_other_valid_forms_are_accepted(tmp_path, edits):
    objectives, problems = loaded(tmp_path, changed(SLO, *edits))

    assert problems == []
    assert objectives


def test_a_percentage_is_exact(tmp_path):
    (objective,), _ = loaded(tmp_path, changed(SLO, ("spec.objectives.0", {"targetPercent": 99.9})))

    assert objective.target == Decimal("0.999")


def test_several_targets_of_one_slo_get_names_of_their_own(tmp_path):
    objectives, _ = loaded(tmp_path, changed(SLO, ("spec.objectives", [{"target": 0.9}, {"target": 0.99}])))

    assert [(o.name, o.target) for o in objectives] == [("sign-in-1", Decimal("0.9")), ("sign-in-2", Decimal("0.99"))]


# fmt: off
SLICED = ("spec.budgetingMethod", "Timeslices")
BROKEN = {
    "an unknown key": ([("spec.objectve", 1)], "spec.objectve", 'unknown key "objectve"'),
    "a snake_case key": ([("spec.budgeting_method", "x")], "spec.budgeting_method", "unknown key"),
    "an unknown key of the metric": ([(f"{SPEC}.good.metricSource.spec.undr", "1s")], f"{SPEC}.good.metricSource.spec.undr", "unknown key"),
    "no service": ([("spec.service", REMOVE)], "spec.service", '"service" is missing'),
    "a name in capitals": ([("metadata.name", "SignIn")], "metadata.name", "not a name"),
    "a name too long": ([("metadata.name", "x" * 64)], "metadata.name", "not a name"),
    "a long description": ([("spec.description", "x" * 1051)], "spec.description", "at most 1050"),
    "a label that is a number": ([("metadata.labels.tier", 1)], "metadata.labels.tier", "put numbers in quotes"),
    "no window": ([("spec.timeWindow", [])], "spec.timeWindow", "0 time windows"),
    "two windows": ([("spec.timeWindow", SLO["spec"]["timeWindow"] * 2)], "spec.timeWindow", "2 time windows"),
    "a window that is neither": ([("spec.timeWindow.0.isRolling", False)], "spec.timeWindow[0]", "needs a calendar"),
    "a rolling calendar": ([("spec.timeWindow.0.calendar", {"startTime": "2026-01-01 00:00:00", "timeZone": "UTC"})], "spec.timeWindow[0].calendar", "rolling"),
    "a start without seconds": ([("spec.timeWindow.0", {"duration": "1M", "calendar": {"startTime": "2026-01-01 12:30", "timeZone": "UTC"}})], "spec.timeWindow[0].calendar.startTime", "start time"),
    "a zone nobody knows": ([("spec.timeWindow.0", {"duration": "1M", "calendar": {"startTime": "2026-01-01 00:00:00", "timeZone": "Mars/Base"}})], "spec.timeWindow[0].calendar.timeZone", "time zone"),
    "a duration of 0": ([("spec.timeWindow.0.duration", "0d")], "spec.timeWindow[0].duration", "duration"),
    "a duration with a sign": ([("spec.timeWindow.0.duration", "+28d")], "spec.timeWindow[0].duration", "duration"),
    "a duration in seconds": ([("spec.timeWindow.0.duration", "30s")], "spec.timeWindow[0].duration", "duration"),
    "op beside a ratio": ([("spec.objectives.0.op", "gt")], "spec.objectives[0].op", "thresholdMetric"),
    "value beside a ratio": ([("spec.objectives.0.value", 1)], "spec.objectives[0].value", "thresholdMetric"),
    "a threshold without op": ([("spec.indicator.spec", THRESHOLD), ("spec.objectives.0.value", 1)], "spec.objectives[0].op", '"op" is missing'),
    "a threshold without value": ([("spec.indicator.spec", THRESHOLD), ("spec.objectives.0.op", "lt")], "spec.objectives[0].value", '"value" is missing'),
    "two objectives of a threshold": ([("spec.indicator.spec", THRESHOLD), ("spec.objectives", [{"op": "lt", "value": 1, "target": 0.9}] * 2)], "spec.objectives", "one objective"),
    "no objective": ([("spec.objectives", [])], "spec.objectives", "no objective"),
    "no target": ([("spec.objectives.0", {"displayName": "x"})], "spec.objectives[0].target", '"target" is missing'),
    "two targets": ([("spec.objectives.0.targetPercent", 99)], "spec.objectives[0].target", "together"),
    "a target of 1": ([("spec.objectives.0.target", 1)], "spec.objectives[0].target", "below 1"),
    "a target below 0": ([("spec.objectives.0.target", -0.1)], "spec.objectives[0].target", "at least 0"),
    "percent below 0": ([("spec.objectives.0", {"targetPercent": -1})], "spec.objectives[0].targetPercent", "at least 0"),
    "a target in percent": ([("spec.objectives.0.target", 99)], "spec.objectives[0].target", "targetPercent"),
    "100 percent": ([("spec.objectives.0", {"targetPercent": 100})], "spec.objectives[0].targetPercent", "no error budget"),
    "a target that is text": ([("spec.objectives.0.target", "0.99")], "spec.objectives[0].target", "without quotes"),
    "a target that is true": ([("spec.objectives.0.target", True)], "spec.objectives[0].target", "not a number"),
    "time slices without their target": ([SLICED, ("spec.objectives.0.timeSliceWindow", "5m")], "spec.objectives[0].timeSliceTarget", '"timeSliceTarget" is missing'),
    "time slices without a window": ([SLICED, ("spec.objectives.0.timeSliceTarget", 0.9)], "spec.objectives[0].timeSliceWindow", '"timeSliceWindow" is missing'),
    "a time slice target of 0": ([SLICED, ("spec.objectives.0", {"target": 0.9, "timeSliceTarget": 0, "timeSliceWindow": "5m"})], "spec.objectives[0].timeSliceTarget", "above 0"),
    "a time slice that does not divide": ([SLICED, ("spec.objectives.0", {"target": 0.9, "timeSliceTarget": 1, "timeSliceWindow": 11})], "spec.objectives[0].timeSliceWindow", "does not divide"),
    "a time slice as long as the window": ([SLICED, ("spec.objectives.0", {"target": 0.9, "timeSliceTarget": 1, "timeSliceWindow": "28d"})], "spec.objectives[0].timeSliceWindow", "does not divide"),
    "a time slice of occurrences": ([("spec.objectives.0.timeSliceTarget", 0.9)], "spec.objectives[0].timeSliceTarget", "means nothing"),
    "an unknown method": ([("spec.budgetingMethod", "Slices")], "spec.budgetingMethod", "write 'Occurrences'"),
    "no method": ([("spec.budgetingMethod", REMOVE)], "spec.budgetingMethod", '"budgetingMethod" is missing'),
    "good and bad": ([(f"{SPEC}.bad", TOTAL)], f"{SPEC}.good", "together"),
    "neither good nor bad": ([(f"{SPEC}.good", REMOVE)], f"{SPEC}.good", '"good" is missing'),
    "no total": ([(f"{SPEC}.total", REMOVE)], f"{SPEC}.total", '"total" is missing'),
    "raw beside good": ([(f"{SPEC}.raw", TOTAL), (f"{SPEC}.rawType", "success")], f"{SPEC}.good", "beside"),
    "raw without rawType": ([(SPEC, {"raw": TOTAL})], f"{SPEC}.rawType", '"rawType" is missing'),
    "rawType without raw": ([(f"{SPEC}.rawType", "failure")], f"{SPEC}.rawType", "without"),
    "an empty metric": ([(f"{SPEC}.total.metricSource.spec", {})], f"{SPEC}.total.metricSource.spec", "at least 1"),
    "a metric of no type": ([(f"{SPEC}.total.metricSource.type", REMOVE)], f"{SPEC}.total.metricSource.type", '"type" is missing'),
    "both kinds of metric": ([("spec.indicator.spec.thresholdMetric", THRESHOLD["thresholdMetric"])], "spec.indicator.spec", "both"),
    "no metric": ([("spec.indicator.spec", {})], "spec.indicator.spec", "neither"),
    "no indicator": ([("spec.indicator", REMOVE)], "spec.indicator", '"indicator" is missing'),
    "indicator and reference": ([("spec.indicatorRef", "quick")], "spec.indicatorRef", "together"),
    "a reference to nothing": ([("spec.indicator", REMOVE), ("spec.indicatorRef", "nothing")], "spec.indicatorRef", 'no SLI "nothing"'),
    "a source of nothing": ([(f"{SPEC}.total.metricSource", {"metricSourceRef": "nowhere", "spec": {"name": "a"}})], f"{SPEC}.total.metricSource.metricSourceRef", 'no DataSource "nowhere"'),
    "a policy of nothing": ([("spec.alertPolicies", [{"alertPolicyRef": "page"}])], "spec.alertPolicies[0].alertPolicyRef", 'no AlertPolicy "page"'),
    "an unknown outcome": ([(f"{SPEC}.good.metricSource.spec.outcome", "okay")], f"{SPEC}.good.metricSource.spec.outcome", 'did you mean "ok"'),
    "an unknown source": ([(f"{SPEC}.good.metricSource.spec.source", "laod")], f"{SPEC}.good.metricSource.spec.source", 'did you mean "load"'),
    "a limit without a unit": ([(f"{SPEC}.good.metricSource.spec.under", 400)], f"{SPEC}.good.metricSource.spec.under", "not a duration"),
    "names of two depths": ([(f"{SPEC}.total.metricSource.spec.name", ["sign_in", "*/sign_in"])], f"{SPEC}.total.metricSource.spec.name", "different depth"),
    "a name with an empty part": ([(f"{SPEC}.total.metricSource.spec.name", "sign_in/")], f"{SPEC}.total.metricSource.spec.name", "empty part"),
    "good of other samples than total": ([(f"{SPEC}.good.metricSource.spec.name", "*/other")], f"{SPEC}.good.metricSource.spec.name", "different samples"),
    "good outcomes that total leaves out": ([(f"{SPEC}.total.metricSource.spec.outcome", ["failed"])], f"{SPEC}.good.metricSource.spec.outcome", "leaves out"),
    "dropped as good": ([(f"{SPEC}.good.metricSource.spec.outcome", "dropped")], f"{SPEC}.good.metricSource.spec.outcome", "never be good"),
    "a limit on total": ([(f"{SPEC}.total.metricSource.spec.under", "1s")], f"{SPEC}.total.metricSource.spec.under", "fast and slow"),
    "bad that means everything": ([(SPEC, {"bad": TOTAL, "total": TOTAL})], f"{SPEC}.bad.metricSource.spec", "every event"),
    "two kinds of source": ([(f"{SPEC}.total.metricSource.type", "prometheus")], f"{SPEC}.good.metricSource", "different kinds of source"),
}


# fmt: on


@pytest.mark.parametrize(("edits", "path", "what"), BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_rule_is_told_with_its_path(tmp_path, edits, path, what):
    objectives, problems = loaded(tmp_path, changed(SLO, *edits))

    assert objectives == []
    assert any(at == path and what in text for at, text in told(problems)), told(problems)


# fmt: off
ONLY_ELSEWHERE = [
    ([("spec.budgetingMethod", "Timeslices"), ("spec.objectives.0", {"target": 0.9, "timeSliceTarget": 0.9, "timeSliceWindow": "5m"})], "slices of time"),
    ([("spec.budgetingMethod", "RatioTimeslices"), ("spec.objectives.0", {"target": 0.9, "timeSliceWindow": 5})], "slices of time"),
    ([("spec.indicator.spec", THRESHOLD), ("spec.objectives.0", {"target": 0.9, "op": "lt", "value": 1})], "prometheus"),
    ([(SPEC, {"raw": THRESHOLD["thresholdMetric"], "rawType": "success"})], "prometheus"),
    ([("spec.indicator", REMOVE), ("spec.objectives.0.indicator", SLO["spec"]["indicator"])], "composite"),
]
# fmt: on


@pytest.mark.parametrize(("edits", "why"), ONLY_ELSEWHERE)
def test_what_a_run_cannot_judge_is_read_whole_and_the_run_says_why(tmp_path, edits, why):
    definitions = load_definitions(documents_of(tmp_path, changed(SLO, *edits)))
    assert not definitions.problems
    assert len(definitions.objectives) == 1

    objectives, problems = load_objectives(documents_of(tmp_path, changed(SLO, *edits)))
    assert objectives == []
    (problem,) = problems
    assert "cannot be judged by a run" in problem.what
    assert why in problem.what


def test_the_slices_of_a_composite_have_one_length(tmp_path):
    entry = {"target": 0.9, "timeSliceTarget": 0.9, "timeSliceWindow": "5m", "indicator": SLO["spec"]["indicator"]}
    slo = changed(
        SLO, SLICED, ("spec.indicator", REMOVE), ("spec.objectives", [entry, {**entry, "timeSliceWindow": 5}])
    )

    same = load_definitions(documents_of(tmp_path, slo))
    other = load_definitions(documents_of(tmp_path, changed(slo, ("spec.objectives.1.timeSliceWindow", "10m"))))

    assert same.problems == ()
    assert [path for path, _ in told(other.problems)] == ["spec.objectives[1].timeSliceWindow"]


def test_a_calendar_window_is_read_with_its_zone(tmp_path):
    calendar = {"startTime": "2026-01-01 00:00:00", "timeZone": "Europe/Berlin"}
    slo = changed(SLO, ("spec.timeWindow.0", {"duration": "1M", "calendar": calendar}))

    (objective,), problems = loaded(tmp_path, slo)

    assert not problems
    assert objective.window == Window(1, "M", Calendar("2026-01-01 00:00:00", "Europe/Berlin"))


def test_a_threshold_on_our_own_samples_is_one_on_their_response_time(tmp_path):
    metric = {"thresholdMetric": TOTAL}
    edits = [("spec.indicator.spec", metric), ("spec.objectives.0", {"op": "lte", "value": 0.4, "target": 0.99})]

    (objective,), problems = loaded(tmp_path, changed(SLO, *edits))

    assert not problems
    assert objective.events.good == Selector(("*/sign_in",), None, ("ok",), 0.4)


def test_all_problems_of_all_files_are_told_at_once(tmp_path):
    one = changed(SLO, ("spec.objectives.0.target", 2), ("spec.servce", "x"), ("spec.timeWindow", []))
    two = changed(SLO, ("metadata.name", "other"), ("spec.indicator.spec", {}))

    _, problems = loaded(tmp_path, one, two)

    paths = [path for path, _ in told(problems)]
    assert paths == ["spec.objectives[0].target", "spec.servce", "spec.timeWindow", "spec.indicator.spec"]


def test_a_problem_names_file_and_line(tmp_path):
    file = tmp_path / "slo.yaml"
    file.write_text("apiVersion: openslo/v1\nkind: SLO\nmetadata:\n  name: Wrong\nspec: {}\n")
    documents, _ = load_documents(file)

    _, problems = load_objectives(documents)

    assert problems[0].where == f"{file}:4  metadata.name"


def test_an_indicator_may_stand_in_a_document_of_its_own(tmp_path):
    referring = changed(SLO, ("spec.indicator", REMOVE), ("spec.indicatorRef", "quick"))

    objectives, problems = loaded(tmp_path, SLI, referring)

    assert problems == []
    assert objectives[0].indicator.name == "quick"


def test_a_broken_indicator_is_told_once_and_where_it_stands(tmp_path):
    sli = changed(SLI, ("spec.ratioMetric.good.metricSource.spec.name", "*/other"))
    referring = changed(SLO, ("spec.indicator", REMOVE), ("spec.indicatorRef", "quick"))

    objectives, problems = loaded(tmp_path, sli, referring)

    assert objectives == []
    assert [path for path, _ in told(problems)] == ["spec.ratioMetric.good.metricSource.spec.name"]


def test_op_is_refused_also_where_the_ratio_is_referred_to(tmp_path):
    referring = changed(SLO, ("spec.indicator", REMOVE), ("spec.indicatorRef", "quick"), ("spec.objectives.0.op", "gt"))

    _, problems = loaded(tmp_path, SLI, referring)

    assert [path for path, _ in told(problems)] == ["spec.objectives[0].op"]


def test_a_data_source_lends_its_type(tmp_path):
    source = {
        "apiVersion": "openslo/v1",
        "kind": "DataSource",
        "metadata": {"name": "here"},
        "spec": {"type": "holdfast", "connectionDetails": {"any": "thing"}},
    }
    total = {"metricSource": {"metricSourceRef": "here", "spec": {"name": "*/sign_in"}}}

    objectives, problems = loaded(tmp_path, source, changed(SLO, (f"{SPEC}.total", total)))

    assert problems == []
    assert objectives


def test_the_same_name_twice_is_a_problem_also_across_files(tmp_path):
    _, problems = loaded(tmp_path, SLO, SLO)

    assert [path for path, _ in told(problems)] == ["metadata.name"]
    assert 'a second SLO "sign-in"' in problems[0].what


def test_other_kinds_need_no_more_than_a_name(tmp_path):
    service = {"apiVersion": "openslo/v1", "kind": "Service", "metadata": {"name": "account"}, "spec": {}}

    _, problems = loaded(tmp_path, service, SLO)
    _, nameless = loaded(tmp_path, changed(service, ("metadata", {})))

    assert problems == []
    assert told(nameless) == [("metadata.name", '"name" is missing add it')]


@pytest.mark.parametrize(
    ("version", "what"),
    [
        ("openslo.com/v2alpha", "a draft of OpenSLO 2"),
        ("openslo/v1beta", "not read here"),
        ("v1", "unknown apiVersion"),
    ],
)
def test_other_versions_are_recognised_and_refused(tmp_path, version, what):
    _, problems = loaded(tmp_path, changed(SLO, ("apiVersion", version)))

    assert [path for path, _ in told(problems)] == ["apiVersion"]
    assert what in problems[0].what


def test_an_unknown_kind_names_the_nearest(tmp_path):
    _, problems = loaded(tmp_path, changed(SLO, ("kind", "SL0")))

    assert 'did you mean "SLO"' in problems[0].fix


def test_an_objective_survives_json(tmp_path):
    (objective,), _ = loaded(tmp_path, SLO)
    adapter = TypeAdapter(Objective)

    assert adapter.validate_json(adapter.dump_json(objective)) == objective


@pytest.mark.parametrize(
    ("text", "expected"),
    [("5m", 300), ("1h", 3600), ("28d", 2419200), ("4w", 2419200), ("1M", 2592000), ("1Q", 7776000), ("1Y", 31536000)],
)
def test_durations_have_the_lengths_the_go_sdk_gives_them(text, expected):
    assert seconds_of(text) == expected


@settings(deadline=None)  # a busy machine is not a defect
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["spec", "metadata", "objectives", "name", "indicator", "x"]), inner, max_size=4
            )
        ),
        max_leaves=12,
    ),
    st.sampled_from(
        [(), ("spec",), ("spec", "indicator"), ("spec", "objectives"), ("spec", "timeWindow"), ("metadata",)]
    ),
)
def test_whatever_is_written_there_is_never_a_traceback(anything, place):
    data = copy.deepcopy(SLO)
    if place:
        holder = data
        for part in place[:-1]:
            holder = holder[part]
        holder[place[-1]] = anything
    else:
        data = anything

    objectives, problems = load_objectives([Document(Path("slo.yaml"), data, {})])

    assert objectives or problems
