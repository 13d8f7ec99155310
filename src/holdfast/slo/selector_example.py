"""Series that a PromQL selector selects, and others that it does not: what unit tests of rules feed."""

import importlib
import itertools
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

_SELECTOR: Final = re.compile(r'([A-Za-z_:][A-Za-z0-9_:]*)?\s*(?:\{((?:[^{}"\']|"(?:[^"\\]|\\.)*")*)\})?\s*')
_MATCHER: Final = re.compile(r'\s*([A-Za-z_][A-Za-z0-9_]*)\s*(=~|!~|!=|=)\s*"((?:[^"\\]|\\.)*)"\s*,?')
_TRIED: Final = ("", "200", "500", "ok", "failed", "other")
_MOST_TRIED: Final = 20_000


@dataclass(frozen=True, slots=True)
class Matcher:
    label: str
    op: str
    value: str

    def takes(self, value: str) -> bool:
        if self.op in ("=", "!="):
            return (value == self.value) is (self.op == "=")
        return (re.fullmatch(self.value, value, re.DOTALL) is not None) is (self.op == "=~")


@dataclass(frozen=True, slots=True)
class SeriesSelector:
    """`metric{matchers}`."""

    metric: str
    matchers: tuple[Matcher, ...]

    def takes(self, labels: Mapping[str, str]) -> bool:
        return all(matcher.takes(labels.get(matcher.label, "")) for matcher in self.matchers)


def parse_selector(text: str) -> SeriesSelector | None:
    """None where it is anything else than a plain selector of one metric, or not to be followed."""
    found = _SELECTOR.fullmatch(text.strip())
    if found is None or not found[1]:
        return None
    matchers: list[Matcher] = []
    rest = found[2] or ""
    while rest.strip():
        one = _MATCHER.match(rest)
        if one is None:
            return None
        value = re.sub(r"\\(.)", lambda match: {"n": "\n"}.get(match[1], match[1]), one[3])
        if one[2] in ("=~", "!~") and not _compiles(value):
            return None
        matchers.append(Matcher(one[1], one[2], value))
        rest = rest[one.end() :]
    return SeriesSelector(found[1], tuple(matchers))


def example(taken: Iterable[SeriesSelector], refused: Iterable[SeriesSelector] = ()) -> dict[str, str] | None:
    """Labels that all of `taken` select and none of `refused`; None where none was found."""
    taken, refused = list(taken), list(refused)
    matchers = [matcher for selector in (*taken, *refused) for matcher in selector.matchers]
    labels = list(dict.fromkeys(matcher.label for matcher in matchers))
    values = [_candidates([m for m in matchers if m.label == label]) for label in labels]
    for tried in itertools.islice(itertools.product(*values), _MOST_TRIED):
        chosen = dict(zip(labels, tried, strict=True))
        if all(s.takes(chosen) for s in taken) and not any(s.takes(chosen) for s in refused):
            return {label: value for label, value in chosen.items() if value}
    return None


def _candidates(matchers: Iterable[Matcher]) -> list[str]:
    found: dict[str, None] = {}
    for matcher in matchers:
        if matcher.op in ("=", "!="):
            found[matcher.value] = None
        else:
            for part in _alternatives(matcher.value):
                found[part] = None
    return [*found, *(value for value in _TRIED if value not in found)]


def _alternatives(pattern: str) -> list[str]:
    """One text for each alternative of a regular expression."""
    parser: Any = importlib.import_module("re._parser")  # the only parser of regular expressions there is
    try:
        parsed: Any = parser.parse(pattern)
        if len(parsed) == 1 and str(parsed[0][0]) == "BRANCH":
            return ["".join(map(_one, branch)) for branch in parsed[0][1][1]]
        return ["".join(map(_one, parsed))]
    except (ValueError, RecursionError):
        return []


def _one(node: Any) -> str:
    """The shortest text that a node matches, near enough: `example` looks whether it does."""
    kind, value = str(node[0]), node[1]
    if kind == "LITERAL":
        return chr(int(value))
    if kind in ("ANY", "NOT_LITERAL"):
        return "x"
    if kind == "IN":
        first = value[0]
        if str(first[0]) == "LITERAL":
            return chr(int(first[1]))
        if str(first[0]) == "RANGE":
            return chr(int(first[1][0]))
        return "0" if str(first[1]) == "CATEGORY_DIGIT" else " " if str(first[1]) == "CATEGORY_SPACE" else "x"
    if kind in ("MAX_REPEAT", "MIN_REPEAT"):
        least, most, inside = value
        return "".join(map(_one, inside)) * int(max(least, min(1, most)))
    if kind == "SUBPATTERN":
        return "".join(map(_one, value[-1]))
    if kind == "BRANCH":
        return "".join(map(_one, value[1][0]))
    if kind == "AT":
        return ""
    raise ValueError(f"cannot make an example of {kind}")


def _compiles(pattern: str) -> bool:
    try:
        re.compile(pattern)
    except re.error:
        return False
    return True
