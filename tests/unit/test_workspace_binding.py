"""What fits of a wrong file is still read, so that what it names is checked too; nothing derived is told."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import yaml
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import Field

from holdfast.workspace.binding import Broken, Definition, bind, bind_what_fits
from holdfast.workspace.document import Document, load_document
from holdfast.workspace.plan import Plan
from holdfast.workspace.profile import LoadProfile


class Part(Definition):
    name: str
    size: Annotated[int, Field(ge=1)] = 1


class Whole(Definition):
    title: str
    parts: Annotated[tuple[Part, ...], Field(strict=False)] = ()
    most: int = 10

    def broken(self) -> Iterator[Broken]:
        if sum(part.size for part in self.parts) > self.most:
            yield Broken(("most",), "the parts are larger than the most", "raise it", ("most", "parts"))


def read(tmp_path: Path, text: str) -> Document:
    path = tmp_path / "a.yaml"
    path.write_text(text, encoding="utf-8")
    document, problems = load_document(path)
    assert document is not None, problems
    assert not problems
    return document


def test_a_wrong_entry_is_left_out_and_the_rest_keeps_its_lines(tmp_path: Path) -> None:
    text = "title: x\nparts:\n- {name: a}\n- {nmae: b}\n- {name: c, size: 0}\n- {name: d, size: 2}\n"
    whole, document, problems = bind_what_fits(Whole, read(tmp_path, text))
    assert whole is not None
    assert [part.name for part in whole.parts] == ["a", "c", "d"]
    assert document.where(("parts", 2, "size")).endswith("a.yaml:6  parts[3].size")
    assert document.lacks_some_of(("parts",))
    assert not document.lacks_some_of(("title",))
    assert sorted(p.where.split(":")[-1] for p in problems) == [
        "4  parts[1].name",
        "4  parts[1].nmae",
        "5  parts[2].size",
    ]


def test_what_needs_the_missing_is_not_read(tmp_path: Path) -> None:
    whole, _, problems = bind_what_fits(Whole, read(tmp_path, "tile: x\n"))
    assert whole is None
    assert {p.what for p in problems} == {'unknown key "tile"', '"title" is missing'}


def test_a_rule_is_told_at_its_property_unless_something_it_looks_at_was_left_out(tmp_path: Path) -> None:
    whole, problems = bind(Whole, read(tmp_path, "title: x\nmost: 1\nparts: [{name: a, size: 2}]\n"))
    assert whole is None
    assert [(p.where.split(":")[-1], p.fix) for p in problems] == [("2  most", "raise it")]
    _, problems = bind(Whole, read(tmp_path, "title: x\nmost: many\nparts: [{name: a, size: 20}]\n"))
    assert len(problems) == 1


def test_all_rules_of_a_plan_are_told_at_once(tmp_path: Path) -> None:
    text = "kind: Plan\ndescription: x\nphases: [{name: a, for: 1s}, {name: a, for: 2s}, {name: a, for: 3s}]\n"
    _, problems = bind(Plan, read(tmp_path, text))
    assert [p.where.split("  ")[-1] for p in problems] == [
        "phases[1].name",
        "phases[2].name",
        str(tmp_path / "a.yaml") + ":1",
    ]


def test_a_limit_is_told_as_an_advice(tmp_path: Path) -> None:
    text = (
        "kind: LoadProfile\ndescription: x\nstages: [{hold: 1/s, for: 1s}]\nmix: {a: 0}\nvisitors: {at_most: 30000}\n"
    )
    _, problems = bind(LoadProfile, read(tmp_path, text))
    assert [p.fix for p in problems] == ["write more than 0", "write at most 20000"]


VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-3, 3), st.text("ab", max_size=3)),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["name", "size", "x"]), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(["title", "parts", "most", "other"]), VALUES, max_size=4))
@example({"title": "a", "parts": [{"name": "b", "size": 2}, {"nmae": "c"}], "other": 1})
@example({"title": "a", "parts": [{"name": "b", "size": 3}], "most": 2})
def test_whatever_is_written_is_read_or_told_and_what_fits_is_itself_without_fault(data: dict[str, object]) -> None:
    document = _document(data)
    whole, sound, problems = bind_what_fits(Whole, document)
    assert (whole is not None) or problems
    assert all(p.where and p.what for p in problems)
    if whole is not None:
        again, _, rest = bind_what_fits(Whole, Document(sound.path, sound.data, {}))
        assert again == whole
        assert all("larger than the most" in p.what for p in rest)  # left untold when it may be derived


def _document(data: object) -> Document:
    assert yaml.safe_load(yaml.safe_dump(data)) == data
    return Document(Path("a.yaml"), data, {})
