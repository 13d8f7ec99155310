"""Sizing questions: read, or all that is wrong with them told at once."""

import pytest
from pydantic import TypeAdapter

from holdfast.capacity.question import CapacityQuestion, load_question
from holdfast.capacity.search import SearchQuestion

TEXT = """\
kind: CapacityQuestion
description: How many replicas?
profile: business_hours
objectives:
  - {file: slo/self_service.yaml, only: [sign-in-latency], gates: {sign-in-latency: 0.9}}
search: {start: 10/s, most: 80/s, growth: 2, tolerance: 0.1, hold: 6s, settle: 2s}
peak: 120/s
spare_replicas: 2
utilisation_limit: 0.7
"""


def load(tmp_path, text):
    file = tmp_path / "peak.yaml"
    file.write_text(text)
    question, _, problems = load_question(file)
    return question, problems


def test_a_question_is_read(tmp_path):
    question, problems = load(tmp_path, TEXT)

    assert problems == []
    assert question == CapacityQuestion(
        name="peak",
        description="How many replicas?",
        profile="business_hours",
        objectives=("slo/self_service.yaml",),
        search=SearchQuestion(start=10, most=80, growth=2, tolerance=0.1),
        hold=6,
        settle=2,
        peak=120,
        spare_replicas=2,
        utilisation_limit=0.7,
        only=("sign-in-latency",),
        gates={"sign-in-latency": 0.9},
    )
    assert question.judges_by("sign-in-latency")
    assert not question.judges_by("journey-success")


def test_a_file_of_objectives_may_be_taken_whole(tmp_path):
    question, _ = load(tmp_path, TEXT.replace("{file: slo/self_service.yaml, only: [sign-in-latency], gates: {sign-in-latency: 0.9}}", "slo/self_service.yaml"))  # fmt: skip  # noqa: E501

    assert question.objectives == ("slo/self_service.yaml",)
    assert question.judges_by("anything")


def test_it_survives_json(tmp_path):
    question, _ = load(tmp_path, TEXT)
    adapter = TypeAdapter(CapacityQuestion)

    assert adapter.validate_json(adapter.dump_json(question)) == question


@pytest.mark.parametrize(
    ("old", "new", "path", "what"),
    [
        ("peak: 120/s", "peek: 120/s", "peek", 'unknown key "peek"'),
        ("peak: 120/s", "peak: 120", "peak", "not an arrival rate"),
        ("start: 10/s", "start: 100/s", "search.start", "not below most"),
        ("hold: 6s", "hold: 6", "search.hold", "not a duration"),
        ("growth: 2", "growth: 1", "search.growth", "1.1"),
        ("utilisation_limit: 0.7", "utilisation_limit: 70", "utilisation_limit", "1"),
        ("spare_replicas: 2", "spare_replicas: -1", "spare_replicas", "0"),
        ("gates: {sign-in-latency: 0.9}", "gates: {other: 0.9}", "objectives[0].gates.other", "not among only"),
        ("profile: business_hours\n", "", "profile", "is missing"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(tmp_path, old, new, path, what):
    assert old in TEXT
    _, problems = load(tmp_path, TEXT.replace(old, new))

    assert any(p.where.endswith(f"  {path}") and what in f"{p.what} {p.fix}" for p in problems), problems


def test_all_problems_are_told_at_once(tmp_path):
    _, problems = load(tmp_path, TEXT.replace("120/s", "many").replace("0.7", "7").replace("hold", "holt"))

    assert len(problems) == 4  # peak, the limit, holt, and hold missing


def test_a_missing_file_is_a_problem_not_a_traceback(tmp_path):
    question, _, problems = load_question(tmp_path / "nothing.yaml")

    assert question is None
    assert "no such file" in problems[0].what
