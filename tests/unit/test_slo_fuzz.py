"""Whatever is written into a file of objectives, the answer is objectives or problems, never a traceback.

1,500 mutated files; HOLDFAST_FUZZ=10000 makes it as many.
"""
# ruff: noqa: E501 - the table of bases has a row for each

import json
import os
from collections import Counter
from pathlib import Path

import yaml
from tests.drawing import dice
from tests.unit.mutation import mutated_bytes, mutated_text, mutated_tree, written
from tests.unit.slo_objects import (
    CONDITION,
    INLINE_POLICY,
    POLICY,
    REMOVE,
    SERVICE,
    SLI,
    SLO,
    SOURCE,
    TARGET,
    THRESHOLD,
    changed,
)

from holdfast.cli.slo.check import _facts
from holdfast.run.definition_files import check_definitions
from holdfast.run.own_documents import own_problems
from holdfast.slo.openslo import OWN_KINDS, declared_names, load_definitions, load_objectives
from holdfast.workspace.document import Document, load_documents

FILES = int(os.environ.get("HOLDFAST_FUZZ", "1500"))
OURS = Path(__file__).resolve().parents[2] / "slo"
NOW = 1_800_000_000.0
CALENDAR = {"startTime": "2026-01-31 02:30:00", "timeZone": "Europe/Berlin"}
# fmt: off
OPENSLO = [
    [SLO],
    [SLI, SOURCE, changed(SLO, ("spec.indicator", REMOVE), ("spec.indicatorRef", "quick"))],
    [changed(SLO, ("spec.alertPolicies", [INLINE_POLICY, {"alertPolicyRef": "wake-somebody"}])), POLICY, CONDITION, TARGET],
    [changed(SLO, ("spec.indicator.spec", THRESHOLD), ("spec.objectives.0", {"target": 0.9, "op": "lt", "value": 1}))],
    [changed(SLO, ("spec.budgetingMethod", "Timeslices"), ("spec.objectives.0", {"target": 0.9, "timeSliceTarget": 0.9, "timeSliceWindow": 5}))],
    [changed(SLO, ("spec.budgetingMethod", "RatioTimeslices"), ("spec.objectives.0", {"target": 0.9, "timeSliceWindow": "5m"}))],
    [changed(SLO, ("spec.timeWindow.0", {"duration": "1M", "isRolling": False, "calendar": CALENDAR}))],
    [changed(SLO, ("spec.indicator", REMOVE), ("spec.objectives.0.indicator", SLO["spec"]["indicator"]))],
    [changed(SLO, ("spec.indicator.spec.ratioMetric", {"raw": THRESHOLD["thresholdMetric"], "rawType": "success"}))],
    [SERVICE, SOURCE],
]
BASES = [
    *OPENSLO,
    *([document.data] for path in sorted(OURS.glob("*.yaml")) for document in load_documents(path)[0] if document.data["kind"] in OWN_KINDS),
    [[SLO, SERVICE], {"kind": "Exclusions"}, {"version": "prometheus/v1", "slos": []}, {"apiVersion": "n9/v1alpha"}],
]
# fmt: on


def answered(problems, warnings):
    """Everything that is said can be printed, and names a place."""
    for told in (*problems, *warnings):
        str(told).encode()
        assert told.where, told
        assert told.what, told


def test_no_mutated_file_of_objectives_makes_a_traceback(tmp_path):
    rng = dice(20260101)
    path = tmp_path / "mutated.yaml"
    seen = Counter()
    for _ in range(FILES):
        base = rng.choice(BASES)
        way = rng.random()
        if way < 0.5:
            documents = [Document(Path("mutated.yaml"), mutated_tree(rng, data), {}) for data in base]
        else:
            text = "---\n".join(written(data) for data in base)
            raw = mutated_text(rng, text).encode("utf-8", "replace") if way < 0.9 else mutated_bytes(rng, text)
            path.write_bytes(raw)
            documents, _ = load_documents(path)
            checked = check_definitions([path], lenient=rng.random() < 0.5)
            answered(checked.problems, checked.warnings)
            json.dumps(_facts(checked))
        strict = load_definitions(documents)
        lenient = load_definitions(documents, lenient=True)
        answered(strict.problems, strict.warnings)
        answered(lenient.problems, lenient.warnings)
        answered(own_problems(strict, documents)[0], ())
        load_objectives(documents)
        declared_names(documents)
        for objective in (*strict.objectives, *lenient.objectives):
            span = objective.window.span(NOW)
            assert span.start <= NOW <= span.end
        seen["accepted" if not strict.problems else "refused"] += 1
        seen["let pass"] += bool(strict.problems and not lenient.problems)
    assert min(seen["accepted"], seen["refused"]) > FILES / 20, seen  # else the mutations prove little
    assert seen["let pass"] > 0


def test_what_yaml_can_say_and_no_terminal_can_is_a_problem(tmp_path):
    path = tmp_path / "surrogate.yaml"
    path.write_text('apiVersion: openslo/v1\nkind: "\\ud800"\n"\\udfff": 1\n')

    _, problems = load_documents(path)

    assert [problem.where.rpartition(":")[2] for problem in problems] == ["2  kind", "3"]
    answered(problems, ())


def test_the_bases_of_the_mutations_are_valid(tmp_path):
    for base in OPENSLO:
        path = tmp_path / "base.yaml"
        path.write_text(yaml.safe_dump_all(base))
        assert load_definitions(load_documents(path)[0]).problems == ()
