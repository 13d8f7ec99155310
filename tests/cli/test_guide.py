"""`holdfast guide`: what a message points to can be read where holdfast is installed, without a checkout."""

import ast
import re
from pathlib import Path

import pytest

from holdfast.cli.program import program
from holdfast.workspace import guides as shipped
from holdfast.workspace.guides import guides

SOURCE = Path(__file__).parents[2] / "src/holdfast"
DOCS = Path(__file__).parents[2] / "docs"
NAMED = re.compile(r"holdfast guide ([a-z][a-z-]*)")


def _texts():
    """Every text of the program that somebody may read, with its place."""
    for path in sorted(SOURCE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield f"{path.relative_to(SOURCE)}:{node.lineno}", node.value


def test_without_a_name_every_guide_is_listed_with_its_title(holdfast):
    ran = holdfast("guide")
    assert ran.code == 0
    for page in sorted((DOCS / "guides").glob("*.md")):
        title = page.read_text(encoding="utf-8").splitlines()[0].removeprefix("# ")
        assert len(re.findall(rf"^  {page.stem} +{re.escape(title)}$", ran.out, re.MULTILINE)) == 1, page.stem


@pytest.mark.parametrize("name", ["run-in-ci", "run-in-ci.md", "verdicts"])
def test_a_guide_is_printed_as_it_is_where_no_terminal_is(holdfast, name):
    ran = holdfast("guide", name)
    assert ran.code == 0
    page = name.removesuffix(".md")
    found = next(path for path in DOCS.rglob(f"{page}.md") if path.parent.name in {"guides", "reference"})
    assert ran.out.rstrip("\n") == found.read_text(encoding="utf-8").rstrip("\n")


def test_a_misspelt_guide_is_told_with_what_may_be_meant(holdfast):
    ran = holdfast("guide", "run-in-cli")
    assert ran.code == 2
    assert 'there is no such guide did you mean "run-in-ci"?' in " ".join(ran.err.split())


@pytest.mark.parametrize("name", ["../../pyproject", "/etc/hostname", ""])
def test_a_name_reads_nothing_but_guides(holdfast, name):
    ran = holdfast("guide", name)
    assert (ran.code, ran.out) == (2, "")


def test_the_guide_of_every_message_that_names_one_is_there():
    known = {guide.name for guide in guides()}
    named = [(place, name) for place, text in _texts() for name in NAMED.findall(text) if name != "NAME"]
    assert named
    assert [(place, name) for place, name in named if name not in known] == []


def test_no_message_points_to_a_guide_by_a_file_that_only_a_checkout_has():
    pages = {guide.path.name for guide in guides()}
    pointed = [
        (place, page)
        for place, text in _texts()
        for page in re.findall(r"(?:docs/(?:guides|reference)/)?([a-z-]+\.md)", text)
        if page in pages and "\n" not in text.strip()
    ]
    assert pointed == []


def test_names_of_guides_and_reference_pages_are_there_once():
    names = [guide.name for guide in guides()]
    assert len(names) == len(set(names))
    assert {guide.kind for guide in guides()} == {"guides", "reference"}


def test_the_wheel_holds_the_guides_where_the_command_looks_for_them(monkeypatch, tmp_path):
    """The build's own table says where they go; an installed package has no checkout beside it."""
    import tomllib

    wheel = tomllib.loads((DOCS.parent / "pyproject.toml").read_text(encoding="utf-8"))
    table = wheel["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]
    package = tmp_path / "holdfast"
    for source, place in table.items():
        if source in {"docs/guides", "docs/reference"}:
            folder = tmp_path / place
            folder.mkdir(parents=True)
            (folder / "only-here.md" if source == "docs/guides" else folder / "and-here.md").write_text("# Only here\n")
    monkeypatch.setattr(shipped, "_PACKAGE", package)
    assert [(guide.name, guide.title) for guide in guides()] == [("only-here", "Only here"), ("and-here", "Only here")]


def test_the_command_stands_in_the_help():
    assert "guide" in program.list_commands(None)
