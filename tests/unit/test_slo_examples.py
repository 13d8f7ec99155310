"""Whole files in the way of the specification's examples and of other tools: what each gives, strict and lenient."""

from decimal import Decimal
from pathlib import Path

import pytest
from tests.unit.slo_objects import SLO, changed, documents_of, told

from holdfast.slo.foreign import FORMATS
from holdfast.slo.judges import judged_by, notes_on, source_types
from holdfast.slo.objective import Composite, Method, QueryRatio, QueryRaw, QueryThreshold
from holdfast.slo.openslo import load_definitions, load_objectives
from holdfast.slo.window import Calendar
from holdfast.workspace.document import load_documents

EXAMPLES = Path(__file__).resolve().parents[1] / "data/openslo"
FOREIGN = {
    "openslo_v1alpha": (1, "apiVersion", "OpenSLO v1alpha", "timeWindow: [{duration: 28d, isRolling: true}]"),
    "openslo_v2alpha": (1, "apiVersion", "a draft of OpenSLO 2", "sliRef → indicator, indicatorRef"),
    "nobl9": (1, "apiVersion", "a file of Nobl9", "countMetrics {good, total} → indicator.spec.ratioMetric"),
    "sloth": (1, "version", "a file of Sloth", "objective 99.9 → objectives: [{targetPercent: 99.9}]"),
    "sloth_kubernetes": (1, "apiVersion", "a file of Sloth", "error_query"),
    "pyrra": (1, "apiVersion", "a file of Pyrra", 'target: "99.9" → objectives: [{targetPercent: 99.9}]'),
    "slo_generator": (1, "apiVersion", "a file of slo-generator", "goal: 0.99 → objectives: [{target: 0.99}]"),
    "slo_generator_v1": (2, "slo_name", "a file of slo-generator, version 1", "good_bad_ratio"),
    "keptn_v1": (1, "spec_version", "a file of Keptn, version 1", "op: lt, value: 600"),
    "keptn": (1, "apiVersion", "a file of Keptn", "analysisValueTemplateRef"),
    "prometheus_rules": (1, "groups", "a rules file of Prometheus", "holdfast slo rules"),
    "prometheus_operator": (1, "apiVersion", "a rules file of Prometheus", "holdfast slo rules"),
}


def loaded(name, lenient=False):
    documents, problems = load_documents(EXAMPLES / f"{name}.yaml")
    assert problems == []
    return load_definitions(documents, lenient)


def test_an_objective_with_every_kind_around_it_is_read():
    definitions = loaded("valid/availability_with_alerts")

    assert definitions.problems == definitions.warnings == ()
    (objective,) = definitions.objectives
    assert (objective.name, objective.service, objective.target) == ("shop-availability", "web-shop", Decimal("0.999"))
    assert isinstance(objective.indicator, QueryRatio)
    assert objective.indicator.total.type == "prometheus"
    assert objective.indicator.total.source_name == "metrics"
    assert objective.indicator.total.connection == {"url": "https://prometheus.acme.example"}
    assert [policy.name for policy in objective.alert_policies] == ["page-on-fast-burn", "ticket-on-slow-burn"]
    assert [policy.condition.lookback for policy in objective.alert_policies] == [3600, 3 * 86400]
    assert judged_by(objective) == ("status",)


def test_a_calendar_month_and_a_threshold_are_read():
    definitions = loaded("valid/calendar_month")

    assert definitions.problems == definitions.warnings == ()
    (objective,) = definitions.objectives
    assert objective.window.calendar == Calendar("2026-01-01 00:00:00", "Europe/Berlin")
    assert objective.method is Method.TIMESLICES
    assert (objective.slices.seconds, objective.slices.target) == (300, Decimal("0.95"))
    assert objective.target == Decimal("0.995")
    assert isinstance(objective.indicator, QueryThreshold)
    assert (objective.indicator.op, objective.indicator.limit) == ("lte", Decimal("0.8"))
    assert judged_by(objective) == ()
    assert "holdfast cannot ask datadog" in notes_on(definitions.objectives)[0]


def test_a_composite_is_read_with_its_weights():
    definitions = loaded("valid/composite")

    assert definitions.problems == definitions.warnings == ()
    (composite,) = definitions.objectives
    assert isinstance(composite, Composite)
    assert [(part.name, part.weight, part.slices.seconds) for part in composite.parts] == [
        ("shopping-1", 2, 3600),
        ("shopping-2", 1, 3600),
    ]
    assert isinstance(composite.parts[1].indicator, QueryRaw)
    assert source_types(composite) == ("cloudwatch", "bigquery")
    assert len(notes_on([composite])) == 2


def test_a_pasted_example_is_refused_strictly_with_every_reason_at_once():
    definitions = loaded("lenient/pasted_example")

    assert definitions.objectives == ()
    assert [path for path, _ in told(definitions.problems)] == [
        "metadata.name",
        "metadata.labels.version",
        "spec.description",
        "spec.service",
        "spec.budgetingMethod",
        "spec.objectives[0].target",
        "spec.alertPolicies[0]",
        "spec.timeWindow[0]",
        "spec.objectives[0].op",
        "metadata.name",
        "spec.notificationTargets[0].metadata.name",
        "spec.conditions[0].kind",
    ]


def test_a_pasted_example_is_read_leniently_with_a_warning_for_each():
    definitions = loaded("lenient/pasted_example", lenient=True)

    assert definitions.problems == ()
    (objective,) = definitions.objectives
    assert (objective.name, objective.service, objective.target) == ("testslo", "testservice", Decimal("0.98"))
    assert objective.labels == {"env": "prod", "version": "1"}
    assert [policy.name for policy in objective.alert_policies] == ["page-somebody"]
    warned = [text for _, text in told(definitions.warnings)]
    assert len(warned) == 14
    assert any("while the burn rate is low" in text for text in warned)
    assert any("burnrate is taken" in text for text in warned)


@pytest.mark.parametrize(("name", "expected"), FOREIGN.items(), ids=FOREIGN.keys())
def test_a_file_of_another_tool_is_named_with_how_to_rewrite_it(name, expected):
    line, path, what, fix = expected

    definitions = loaded(f"foreign/{name}")

    (problem,) = definitions.problems
    assert problem.where == f"{_shown(name)}:{line}  {path}"
    assert problem.what.startswith(f"this is {what}")
    assert fix in problem.fix
    assert loaded(f"foreign/{name}", lenient=True).problems == (problem,)


def _shown(name):
    from holdfast.errors import shown

    return shown(EXAMPLES / "foreign" / f"{name}.yaml")


def test_every_format_has_an_example():
    assert len(FOREIGN) == len(FORMATS)
    assert sorted(path.stem for path in (EXAMPLES / "foreign").iterdir()) == sorted(FOREIGN)


@pytest.mark.parametrize("kind", ["datadog", "CloudWatch", "Instana", "dynatrace", "bigquery"])
def test_a_source_that_nobody_here_can_ask_is_read_and_said_so(tmp_path, kind):
    metric = {"thresholdMetric": {"metricSource": {"type": kind, "spec": {"query": "x"}}}}
    slo = changed(SLO, ("spec.indicator.spec", metric), ("spec.objectives.0", {"target": 0.9, "op": "lt", "value": 1}))

    definitions = load_definitions(documents_of(tmp_path, slo))

    assert definitions.problems == ()
    assert judged_by(definitions.objectives[0]) == ()
    (problem,) = load_objectives(documents_of(tmp_path, slo))[1]
    assert f"it counts a metric of another source ({kind.lower()})" in problem.what
    assert f"holdfast cannot ask {kind.lower()}: give it an indicator of type holdfast" in problem.fix
    assert notes_on(definitions.objectives)[0].startswith(f"holdfast cannot ask {kind.lower()}, so it reads sign-in")
