"""YAML in, data with lines out."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from holdfast.workspace.document import load_documents, nearest, property_text


def _load(tmp_path: Path, text: str):
    path = tmp_path / "a.yaml"
    path.write_text(text, encoding="utf-8")
    return load_documents(path)


def test_plain_words_and_times_stay_text(tmp_path: Path) -> None:
    documents, problems = _load(tmp_path, "a: no\nb: 12:30\nc: 010\nd: 2020-01-21 12:30:00\ne: 1\nf: .5\ng: true\nh:\n")
    assert not problems
    assert documents[0].data == {
        "a": "no",
        "b": "12:30",
        "c": "010",
        "d": "2020-01-21 12:30:00",
        "e": 1,
        "f": 0.5,
        "g": True,
        "h": None,
    }


def test_each_property_knows_its_line(tmp_path: Path) -> None:
    documents, _ = _load(tmp_path, "# a comment\nload:\n  - profile: x\n  - profile: y\n")
    assert documents[0].line(("load", 1, "profile")) == 4
    assert documents[0].where(("load", 1, "profile")).endswith("a.yaml:4  load[1].profile")
    assert documents[0].line(("load", 1, "missing", "deep")) == 4


def test_a_key_written_twice_is_a_problem_naming_both_lines(tmp_path: Path) -> None:
    _, problems = _load(tmp_path, "a: 1\nb: 2\na: 3\n")
    assert "written twice (first on line 1)" in problems[0].what
    assert ":3" in problems[0].where


def test_broken_yaml_is_one_problem_with_its_place(tmp_path: Path) -> None:
    documents, problems = _load(tmp_path, "a: [1,\nb: 2\n")
    assert not documents
    assert len(problems) == 1
    assert "not YAML" in problems[0].what


def test_custom_tags_are_refused_and_build_nothing(tmp_path: Path) -> None:
    documents, problems = _load(tmp_path, "a: !!python/object/apply:os.system [echo hi]\nb: 1\n")
    assert problems or documents[0].data["a"] == ["echo hi"]
    _, problems = _load(tmp_path, "a: !custom x\n")
    assert "not allowed" in problems[0].what


def test_aliases_of_aliases_end_instead_of_filling_memory(tmp_path: Path) -> None:
    lines = ["a0: &a0 [x,x,x,x,x,x,x,x,x]"] + [f"a{i}: &a{i} [{','.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 9)]
    _, problems = _load(tmp_path, "\n".join(lines))
    assert "too many nodes" in problems[0].what


def test_an_alias_that_holds_itself_is_a_problem_not_a_crash(tmp_path: Path) -> None:
    _, problems = _load(tmp_path, "a: &a [*a]\n")
    assert problems


def test_an_empty_file_is_a_problem(tmp_path: Path) -> None:
    _, problems = _load(tmp_path, "# nothing\n")
    assert "empty" in problems[0].what


@given(st.text(max_size=200))
def test_no_text_makes_it_crash(text: str) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.yaml"
        path.write_bytes(text.encode("utf-8", errors="surrogatepass"))
        documents, problems = load_documents(path)
        assert documents or problems


def test_the_nearest_known_name_is_offered() -> None:
    assert nearest("sign_inn", ["sign_in", "billing"]).startswith('did you mean "sign_in"?')
    assert property_text(("load", 0, "profile")) == "load[0].profile"


def test_a_file_that_is_not_utf_8_is_told_at_its_line(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_bytes(b"a: 1\nb: \xfc\n")

    documents, (problem,) = load_documents(path)

    assert not documents
    assert problem.where.endswith("a.yaml:2")
    assert (problem.what, problem.fix) == ("is not UTF-8 text", "save the file in UTF-8")
