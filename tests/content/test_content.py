"""Each file of the content folders loads, is valid, and says what it is for."""

import ast
from pathlib import Path

import pytest
import yaml

from holdfast.run.preparation import prepare
from holdfast.run.validation import validate
from holdfast.workspace.starter import CONTENT_FOLDERS, copy_starter
from holdfast.workspace.workspace import find_workspace

ROOT = Path(__file__).resolve().parents[2]
PLANS = sorted((ROOT / "plans").glob("*.yaml"))
PYTHON = sorted(path for folder in ("scenarios", "synthetics", "adapters") for path in (ROOT / folder).glob("*.py"))
DEFINITIONS = sorted(path for folder in CONTENT_FOLDERS for path in (ROOT / folder).rglob("*.yaml"))
ALLOWED_IMPORTS = {
    "locust",
    "playwright",
    "holdfast",
    "contextlib",
    "uuid",
    "datetime",
    "random",
    "re",
    "typing",
    "urllib",
}


def test_the_whole_workspace_is_valid() -> None:
    found = validate(find_workspace(ROOT))
    assert [str(problem) for problem in found.problems] == []
    assert len(found.files) >= 15


@pytest.mark.parametrize("path", PLANS, ids=lambda path: path.stem)
def test_each_plan_prepares_and_says_what_it_is_for(path: Path) -> None:
    prepared = prepare(find_workspace(ROOT), str(path))
    assert len(prepared.plan.description) > 20
    assert prepared.phases


@pytest.mark.parametrize("path", PYTHON, ids=lambda path: path.stem)
def test_each_scenario_and_journey_has_a_docstring_and_imports_only_the_public_parts(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert ast.get_docstring(tree)
    for node in ast.walk(tree):
        names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        assert {name.split(".")[0] for name in names} <= ALLOWED_IMPORTS, path


@pytest.mark.parametrize("path", DEFINITIONS, ids=lambda path: path.stem)
def test_each_definition_describes_itself(path: Path) -> None:
    for document in yaml.safe_load_all(path.read_text(encoding="utf-8")):
        text = document.get("description") or document.get("spec", {}).get("description")
        assert text, path


def test_content_folders_hold_definitions_only() -> None:
    for folder in CONTENT_FOLDERS:
        assert not list((ROOT / folder).rglob("__init__.py"))


def test_the_starter_workspace_is_the_same_files_and_valid(tmp_path: Path) -> None:
    made = copy_starter(tmp_path / "new")
    assert {p.relative_to(tmp_path / "new") for p in made} >= {p.relative_to(ROOT) for p in DEFINITIONS + PYTHON}
    assert validate(find_workspace(tmp_path / "new")).problems == ()
