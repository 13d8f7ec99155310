"""libyaml and PyYAML's own parser give the same documents, lines and problems."""
# ruff: noqa: E501 - the table of odd texts is one row for each group

from pathlib import Path

import pytest
import yaml
from tests.drawing import dice
from tests.unit.mutation import mutated_text

from holdfast.workspace import yaml_nodes
from holdfast.workspace.document import load_documents
from holdfast.workspace.yaml_nodes import DEEPEST, LOADERS, PurePython

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = sorted(
    path for folder in ("slo", "plans", "chaos", "capacity", "scenarios") for path in (ROOT / folder).rglob("*.yaml")
)
with_libyaml = pytest.mark.skipif(len(LOADERS) < 2, reason="PyYAML was built without libyaml")


def both(monkeypatch, path):
    found = []
    for loaders in (LOADERS, [PurePython]):
        monkeypatch.setattr(yaml_nodes, "LOADERS", loaders)
        documents, problems = load_documents(path)
        found.append(([(d.data, dict(d.lines)) for d in documents], problems))
    monkeypatch.undo()
    return found


@with_libyaml
@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.name)
def test_shipped_files_are_read_the_same_by_both(monkeypatch, path):
    fast, pure = both(monkeypatch, path)

    assert fast == pure
    assert fast[1] == []


@with_libyaml
@pytest.mark.parametrize(
    "text",
    [
        "{a: s?ign}", "a: b\tc", "a: !x 1", "{a:}", "%YAML 1.3\n---\na: 1", "\ufeffa: 1", "a: \ufeff", "a: [", "a: 'b", "- a\n b",
        "a: 1\na: 2", "a: &x {b: *x}", "a: no\nb: 010\nc: 12:30\nd: 2026-01-01", "? [a]\n: b", "a: |\n  x\n\n  y\n", "a: \x00",
        "---\na: 1\n---\nb: [\n", "a: *nobody", "a: \n  b: \n", "<<: {a: 1}", "[" * 500, "a: " + "[" * (DEEPEST + 1) + "]" * (DEEPEST + 1),
        "[" * 5000, "a\n: b", "a: b: c", "",
    ],
)  # fmt: skip
def test_what_is_odd_is_read_the_same_by_both(monkeypatch, tmp_path, text):
    path = tmp_path / "odd.yaml"
    path.write_bytes(text.encode())

    fast, pure = both(monkeypatch, path)

    assert fast == pure


@with_libyaml
def test_broken_files_are_read_the_same_by_both(monkeypatch, tmp_path):
    rng = dice(7)
    texts = [path.read_text() for path in SHIPPED]
    path = tmp_path / "broken.yaml"
    for _ in range(500):
        path.write_bytes(mutated_text(rng, rng.choice(texts)[:1500]).encode())

        fast, pure = both(monkeypatch, path)

        assert fast == pure, path.read_bytes()


def test_without_libyaml_files_are_read_too(monkeypatch, tmp_path):
    monkeypatch.setattr(yaml_nodes, "LOADERS", [PurePython])
    (tmp_path / "a.yaml").write_text("a: [1, no]\n---\nb: 2\n")

    documents, problems = load_documents(tmp_path / "a.yaml")

    assert ([document.data for document in documents], problems) == ([{"a": [1, "no"]}, {"b": 2}], [])


def test_nesting_has_an_end(tmp_path):
    path = tmp_path / "deep.yaml"
    path.write_text("[" * DEEPEST + "]" * DEEPEST)
    assert load_documents(path)[1] == []
    for depth in (DEEPEST + 1, 400, 5000):
        path.write_text("[" * depth + "]" * depth)
        (problem,) = load_documents(path)[1]
        assert f"more than {DEEPEST}" in problem.what


@with_libyaml
def test_the_fast_parser_is_the_one_that_is_asked(monkeypatch):
    monkeypatch.setattr(PurePython, "check_node", lambda _: pytest.fail("PyYAML's own parser was asked"))

    assert [node.tag for node in yaml_nodes.nodes_of("a: 1")] == ["tag:yaml.org,2002:map"]
    assert yaml.__with_libyaml__
