"""Objectives in the words of other tools: recognised, and refused with what they are and how to say the same here.

Sources: the formats' own documentation (Sloth, Pyrra, Nobl9, slo-generator, Keptn, OpenSLO's older and newer drafts).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from holdfast.errors import Problem
from holdfast.workspace.document import Document

Recognises = Callable[[Mapping[str, Any]], str | None]


@dataclass(frozen=True, slots=True)
class Format:
    """`recognises`: the key that gives it away, or None. `rewriting`: what becomes what."""

    name: str
    recognises: Recognises
    rewriting: str


def _version(*starts: str) -> Recognises:
    def recognises(data: Mapping[str, Any]) -> str | None:
        return "apiVersion" if str(data.get("apiVersion", "")).startswith(starts) else None

    return recognises


def _sloth(data: Mapping[str, Any]) -> str | None:
    return "version" if str(data.get("version", "")).startswith("prometheus/") and "slos" in data else None


def _keptn(data: Mapping[str, Any]) -> str | None:
    return "spec_version" if "spec_version" in data and "objectives" in data else None


def _generator(data: Mapping[str, Any]) -> str | None:
    return "slo_name" if "slo_name" in data and "backend" in data else None


def _rules(data: Mapping[str, Any]) -> str | None:
    return "groups" if "groups" in data and "apiVersion" not in data else None


_SLOTH: Final = (
    "each entry of slos is one SLO: objective 99.9 → objectives: [{targetPercent: 99.9}]; sli.events.error_query and "
    "total_query → ratioMetric bad and total with metricSource {type: prometheus, spec: {query: …}}, less the "
    "[{{.window}}] ranges; sli.raw → raw with rawType: failure; alerting is what `holdfast slo rules` makes"
)
_GENERATOR: Final = (
    "goal: 0.99 → objectives: [{target: 0.99}]; good_bad_ratio filters → ratioMetric good or bad and total; "
    "distribution_cut → good below the threshold and total; the windows of the error budget policy → alert policies"
)
FORMATS: Final = (
    Format(
        "a draft of OpenSLO 2",
        _version("openslo.com/v2"),
        "write apiVersion: openslo/v1; sli, sliRef → indicator, indicatorRef; serviceRef → service; dataSourceRef → "
        "metricSource.metricSourceRef, dataSourceSpec.type → metricSource.type; one objective for each thresholdMetric",
    ),
    Format(
        "OpenSLO v1alpha, the draft before v1",
        _version("openslo/v1alpha"),
        "write apiVersion: openslo/v1; objectives[].ratioMetrics {good, total: {source, query}} → "
        "indicator.spec.ratioMetric {good, total: {metricSource: {type, spec: {query}}}}; timeWindows {unit: Day, "
        "count: 28, isRolling: true} → timeWindow: [{duration: 28d, isRolling: true}]",
    ),
    Format(
        "a file of Nobl9",
        _version("n9/"),
        "`sloctl convert` writes OpenSLO, or: timeWindows {unit: Day, count: 28} → timeWindow: [{duration: 28d, "
        "isRolling: true}]; objectives[].countMetrics {good, total} → indicator.spec.ratioMetric; rawMetric → "
        "thresholdMetric; metadata.project has no place, put it into labels",
    ),
    Format("a file of Sloth", _sloth, _SLOTH),
    Format("a file of Sloth", _version("sloth.slok.dev/"), _SLOTH),
    Format(
        "a file of Pyrra",
        _version("pyrra.dev/"),
        'target: "99.9" → objectives: [{targetPercent: 99.9}]; window: 4w → timeWindow: [{duration: 4w, isRolling: '
        "true}]; indicator.ratio errors and total → ratioMetric bad and total with metricSource {type: prometheus, "
        "spec: {query: …}}; indicator.latency success and total → ratioMetric good and total",
    ),
    Format("a file of slo-generator", _version("sre.google.com/"), _GENERATOR),
    Format("a file of slo-generator, version 1", _generator, _GENERATOR),
    Format(
        "a file of Keptn",
        _version("metrics.keptn.sh/", "lifecycle.keptn.sh/"),
        "each objective is one SLO: analysisValueTemplateRef's query → metricSource.spec.query of a thresholdMetric; "
        "target.failure → op and value; weights and scores have no place, a composite comes nearest",
    ),
    Format(
        "a file of Keptn, version 1",
        _keptn,
        'each objective is one SLO: sli → indicator, its query from sli.yaml; pass criteria "<600" → op: lt, value: '
        "600 of a thresholdMetric; total_score has no place, every objective is judged by itself",
    ),
    Format(
        "a rules file of Prometheus",
        _rules,
        "it holds alerts, not objectives: write SLOs, and let `holdfast slo rules` make the alerts",
    ),
    Format(
        "a rules file of Prometheus",
        _version("monitoring.coreos.com/"),
        "it holds alerts, not objectives: write SLOs, and let `holdfast slo rules` make the alerts",
    ),
)


def foreign_problem(document: Document) -> Problem | None:
    """What an object of another tool is, and how to rewrite it; None where nobody's format is recognised."""
    data = document.data
    for known in FORMATS if isinstance(data, dict) else ():
        key = known.recognises(data)
        if key is not None:
            word = f" ({key}: {data[key]})" if isinstance(data[key], str) else ""
            return Problem(
                document.where((key,)), f"this is {known.name}{word}, and only openslo/v1 is read", known.rewriting
            )
    return None
