"""YAML files in, plain data with the line of every property out; every problem of a file collected.

Read by PyYAML's safe loaders, with YAML 1.2's plain scalars: `no` is text, not False; `12:30` is text, not 750;
a date stays text. A key written twice is a problem, not a silent overwrite. `<<` merges and custom tags are refused.
"""

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import yaml

from holdfast.errors import Problem, shown
from holdfast.workspace.yaml_nodes import DEEPEST, nodes_of

PropertyPath = tuple[str | int, ...]

_MOST_NODES: Final = 200_000  # aliases of aliases ("billion laughs") end here
_MOST_BYTES: Final = 5_000_000
_SURROGATE: Final = re.compile("[\ud800-\udfff]")  # half a character, which nothing can print
_NO_CHARACTER: Final = "half of a surrogate pair is no character"
_TOO_DEEP: Final = f"more than {DEEPEST} mappings and lists in each other"


@dataclass(frozen=True, slots=True)
class Document:
    """One YAML document. `lines` maps each property's path to its 1-based line in the file."""

    path: Path
    data: Any
    lines: Mapping[PropertyPath, int] = field(repr=False)
    moved: Mapping[PropertyPath, PropertyPath] = field(default_factory=dict, repr=False)  # see `without`
    lost: frozenset[PropertyPath] = frozenset()  # what `without` left out: places in the file

    def line(self, at: PropertyPath = ()) -> int:
        """Of the property, or of the nearest one above it."""
        at = self.in_file(at)
        while at and at not in self.lines:
            at = at[:-1]
        return self.lines.get(at, 1)

    def where(self, at: PropertyPath = ()) -> str:
        """ "plans/ci.yaml:14  load[0].profile" """
        place = f"{shown(self.path)}:{self.line(at)}"
        return f"{place}  {property_text(self.in_file(at))}" if at else place

    def in_file(self, at: PropertyPath) -> PropertyPath:
        """Where a property of `data` stands in the file: elsewhere, when an entry before it was left out."""
        known = next((n for n in range(len(at), -1, -1) if at[:n] in self.moved), 0)
        return (*self.moved.get(at[:known], ()), *at[known:])

    def without(self, places: Iterable[PropertyPath]) -> "Document":
        """The same less some properties and list entries, given as places in `data`; lines stay those of the file."""
        doomed = frozenset(places)
        moved: dict[PropertyPath, PropertyPath] = {}

        def kept(data: Any, at: PropertyPath, new: PropertyPath) -> Any:
            moved[new] = self.in_file(at)
            if isinstance(data, dict):
                stay = [(key, value) for key, value in data.items() if (*at, key) not in doomed]
                return {key: kept(value, (*at, key), (*new, key)) for key, value in stay}
            if isinstance(data, list):
                left = [index for index in range(len(data)) if (*at, index) not in doomed]
                return [kept(data[old], (*at, old), (*new, index)) for index, old in enumerate(left)]
            return data

        data = kept(self.data, (), ())
        return replace(self, data=data, moved=moved, lost=self.lost | {self.in_file(at) for at in doomed})

    def lacks_some_of(self, at: PropertyPath) -> bool:
        """Whether `without` left out what stands at a place of the file, or a part of it."""
        return any(lost[: len(at)] == at for lost in self.lost)


def load_documents(path: Path) -> tuple[list[Document], list[Problem]]:
    """Every document of a file; none when it cannot be read as YAML at all."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return [], [Problem(shown(path), "there is no such file", _similar_file(path))]
    except OSError as error:
        return [], [Problem(shown(path), f"cannot be read: {error}")]
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        return [], [Problem(f"{shown(path)}:{line}", "is not UTF-8 text", "save the file in UTF-8")]
    if len(text) > _MOST_BYTES:
        return [], [Problem(shown(path), f"is larger than {_MOST_BYTES // 1_000_000} MB")]
    documents: list[Document] = []
    problems: list[Problem] = []
    try:
        for node in nodes_of(text):
            builder = _Builder(path, problems)
            documents.append(Document(path, builder.build(node, ()), builder.lines))
    except RecursionError:
        problems.append(_syntax_problem(path, yaml.YAMLError(_TOO_DEEP)))
    except yaml.YAMLError as error:
        problems.append(_syntax_problem(path, error))
    if not documents and not problems:
        problems.append(Problem(shown(path), "is empty", "write a definition, or delete the file"))
    return documents, problems


def load_document(path: Path) -> tuple[Document | None, list[Problem]]:
    """The file's one document."""
    documents, problems = load_documents(path)
    if len(documents) > 1:
        problems.append(Problem(documents[1].where(), "a second document", "keep one definition in this file"))
    return (documents[0] if documents else None), problems


def nearest(word: str, known: Iterable[str]) -> str:
    """'did you mean "x"? Known: …' for a word that is none of `known`."""
    names = sorted(known)
    close = difflib.get_close_matches(word, names, n=1, cutoff=0.6)
    listed = f"known: {', '.join(names)}" if names else "none is defined"
    return f'did you mean "{close[0]}"? {listed}' if close else listed


def property_text(at: PropertyPath) -> str:
    """("load", 0, "profile") → "load[0].profile"."""
    text = ""
    for part in at:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


class _Builder:
    def __init__(self, path: Path, problems: list[Problem]) -> None:
        self.path = path
        self.problems = problems
        self.lines: dict[PropertyPath, int] = {}
        self._nodes = 0
        self._constructor = yaml.constructor.SafeConstructor()

    def build(self, node: yaml.Node, at: PropertyPath) -> Any:
        self._nodes += 1
        if self._nodes > _MOST_NODES:
            raise yaml.YAMLError("too many nodes")
        if len(at) >= DEEPEST and not isinstance(node, yaml.ScalarNode):
            raise yaml.YAMLError(_TOO_DEEP)
        self.lines[at] = node.start_mark.line + 1
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, at)
        if isinstance(node, yaml.SequenceNode):
            return [self.build(item, (*at, index)) for index, item in enumerate(node.value)]
        return self._scalar(node, at)

    def _mapping(self, node: yaml.MappingNode, at: PropertyPath) -> dict[str, Any]:
        built: dict[str, Any] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, yaml.ScalarNode):
                self._problem(line, at, "a key that is not plain text", "write keys as words")
                continue
            key = str(key_node.value)
            if _SURROGATE.search(key):
                self._problem(line, at, _NO_CHARACTER, "write keys as words")
                continue
            if key in built:
                first = self.lines[*at, key]
                self._problem(line, (*at, key), f'"{key}" is written twice (first on line {first})', "keep one of them")
                continue
            built[key] = self.build(value_node, (*at, key))
            self.lines[*at, key] = line
        return built

    def _scalar(self, node: yaml.Node, at: PropertyPath) -> Any:
        if not node.tag.startswith("tag:yaml.org,2002:"):
            self._problem(node.start_mark.line + 1, at, f"the tag {node.tag} is not allowed", "write plain YAML")
            return None
        if _SURROGATE.search(str(node.value)):
            self._problem(node.start_mark.line + 1, at, _NO_CHARACTER, "write the character itself")
            return None
        try:
            return self._constructor.construct_object(node)
        except (ValueError, OverflowError, yaml.YAMLError) as error:
            self._problem(node.start_mark.line + 1, at, f"cannot be read: {error}", "")
            return None

    def _problem(self, line: int, at: PropertyPath, what: str, fix: str) -> None:
        where = f"{shown(self.path)}:{line}"
        self.problems.append(Problem(f"{where}  {property_text(at)}" if at else where, what, fix))


def _syntax_problem(path: Path, error: Exception) -> Problem:
    mark = getattr(error, "problem_mark", None)
    place = f"{shown(path)}:{mark.line + 1}:{mark.column + 1}" if mark else shown(path)
    what = getattr(error, "problem", None) or str(error)
    return Problem(place, f"not YAML: {what}", "check the indentation and quotes of this line and the one above")


def _similar_file(path: Path) -> str:
    siblings = [p.stem for p in path.parent.glob(f"*{path.suffix}")] if path.parent.is_dir() else []
    return nearest(path.stem, siblings) if siblings else f"create it, or check the name ({path.parent}/)"
