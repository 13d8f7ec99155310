"""The schema for editors: what is read without a problem keeps it, and it finds what a schema can find."""

from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from tests.drawing import dice
from tests.unit.mutation import mutated_tree
from tests.unit.slo_objects import SLO, SPEC, changed
from tests.unit.test_slo_alerts import ACCEPTED as ALERTS_ACCEPTED
from tests.unit.test_slo_alerts import REJECTED as ALERTS_REJECTED
from tests.unit.test_slo_fuzz import OPENSLO
from tests.unit.test_slo_openslo import ALSO_VALID, BROKEN, ONLY_ELSEWHERE

from holdfast.run.own_documents import own_problems
from holdfast.slo.openslo import OWN_KINDS, SHAPES, load_definitions
from holdfast.slo.schema import OWN_SHAPES, slo_schema
from holdfast.workspace.document import Document, load_documents

ROOT = Path(__file__).resolve().parents[2]
SCHEMA = Draft202012Validator(slo_schema())
FILES = sorted([*(ROOT / "slo").glob("*.yaml"), *(ROOT / "tests/data/openslo/valid").rglob("*.yaml")])
BEYOND_A_SCHEMA = {
    "a duration in seconds of the wrong metric", "a zone nobody knows", "op beside a ratio", "value beside a ratio",
    "a threshold without op", "a threshold without value", "two objectives of a threshold",
    "a time slice that does not divide", "a time slice as long as the window", "a reference to nothing",
    "a source of nothing", "a policy of nothing", "names of two depths", "a name with an empty part",
    "good of other samples than total", "good outcomes that total leaves out", "dropped as good", "a limit on total",
    "bad that means everything", "two kinds of source", "a condition of nothing", "a target of nothing",
    "a long domain",
}  # fmt: skip


def test_it_is_a_schema_of_draft_2020_12():
    of_schemas = Draft202012Validator(Draft202012Validator.META_SCHEMA)
    assert [error.message for error in of_schemas.iter_errors(slo_schema())] == []
    assert slo_schema()["$schema"] == Draft202012Validator.META_SCHEMA["$id"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_shipped_files_and_examples_keep_it(path):
    documents, _ = load_documents(path)
    for document in documents:
        assert [error.message for error in SCHEMA.iter_errors(document.data)] == []


@pytest.mark.parametrize("edits", [*ALSO_VALID, *(edits for edits, _ in ONLY_ELSEWHERE)])
def test_what_is_accepted_keeps_it(edits):
    assert [error.message for error in SCHEMA.iter_errors(changed(SLO, *edits))] == []


@pytest.mark.parametrize(("base", "edits"), ALERTS_ACCEPTED.values(), ids=ALERTS_ACCEPTED.keys())
def test_accepted_alerts_keep_it(base, edits):
    assert [error.message for error in SCHEMA.iter_errors(changed(base, *edits))] == []


@pytest.mark.parametrize("name", [name for name in BROKEN if name not in BEYOND_A_SCHEMA])
def test_what_is_refused_breaks_it(name):
    assert not SCHEMA.is_valid(changed(SLO, *BROKEN[name][0]))


@pytest.mark.parametrize("name", [name for name in ALERTS_REJECTED if name not in BEYOND_A_SCHEMA])
def test_refused_alerts_break_it(name):
    base, edits, *_ = ALERTS_REJECTED[name]

    assert not SCHEMA.is_valid(changed(base, *edits))


def test_mutated_files_that_are_read_without_a_problem_keep_it():
    rng = dice(3)
    accepted = 0
    for _ in range(2500):
        documents = [Document(Path("x.yaml"), mutated_tree(rng, data, most=1), {}) for data in rng.choice(OPENSLO)]
        if load_definitions(documents).problems:
            continue
        for document in documents:
            accepted += 1
            assert [error.message for error in SCHEMA.iter_errors(document.data)] == [], document.data
    assert accepted > 100


def test_mutated_documents_of_our_own_kinds_that_are_read_without_a_problem_keep_it():
    rng = dice(4)
    documents = [d for path in FILES for d in load_documents(path)[0] if d.data["kind"] in OWN_KINDS]
    assert {document.data["kind"] for document in documents} >= set(OWN_SHAPES)
    accepted = 0
    for _ in range(800):
        document = rng.choice(documents)
        mutated = Document(document.path, mutated_tree(rng, document.data, most=1), {})
        definitions = load_definitions([mutated])
        if not definitions.own or definitions.problems or own_problems(definitions, [mutated])[0]:
            continue
        accepted += 1
        assert [error.message for error in SCHEMA.iter_errors(mutated.data)] == [], mutated.data
    assert accepted > 80


def test_no_shape_stands_in_the_place_of_another_of_its_name():
    whole = slo_schema()["$defs"]
    for kind, shape in OWN_SHAPES.items():
        alone = slo_schema(own={kind: shape})["$defs"]
        assert {name: alone[name] for name in alone if name not in OWN_KINDS} == {
            name: whole[name] for name in alone if name not in OWN_KINDS
        }


def test_a_key_is_refused_where_it_does_not_belong():
    assert not SCHEMA.is_valid(changed(SLO, (f"{SPEC}.good.metricSource.spec.undr", "1s")))
    assert not SCHEMA.is_valid(changed(SLO, ("spec.objectve", 1)))


def test_editors_are_told_what_a_property_means():
    about = slo_schema()["$defs"]["ObjectiveEntry"]["properties"]["target"]["description"]

    assert about.startswith("The share that must be good")


def test_it_has_a_branch_for_every_kind():
    branches = [branch["$ref"].rpartition("/")[2] for branch in slo_schema()["else"]["oneOf"]]

    assert set(branches) == {*SHAPES, *OWN_KINDS}


def test_holdfasts_own_kinds_keep_it():
    assert SCHEMA.is_valid({"kind": "Exclusions", "anything": 1}) or "Exclusions" in OWN_SHAPES
    assert not SCHEMA.is_valid({"kind": "Exclusion"})
