"""The guides and reference pages that travel with holdfast: Markdown, read with no network and no checkout."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from holdfast.errors import InputError, Problem
from holdfast.workspace.document import nearest

_PACKAGE: Final = Path(__file__).resolve().parents[1]
_KINDS: Final = ("guides", "reference")


@dataclass(frozen=True, slots=True)
class Guide:
    """One page. `kind`: "guides" say how to do something, "reference" says what there is."""

    name: str
    title: str
    kind: str
    path: Path

    @property
    def text(self) -> str:
        return self.path.read_text(encoding="utf-8")


def docs_folder() -> Path:
    """Inside the installed package, or in the repository itself when it is installed editable."""
    shipped = _PACKAGE / "docs"
    return shipped if shipped.is_dir() else _PACKAGE.parents[1] / "docs"


def guides() -> list[Guide]:
    """Guides first, then reference pages, each in the order of their names."""
    return [
        Guide(path.stem, _title(path), kind, path)
        for kind in _KINDS
        for path in sorted((docs_folder() / kind).glob("*.md"))
    ]


def guide_named(name: str) -> Guide:
    """By its name, with or without ".md". Raises InputError with what may be meant."""
    found = {guide.name: guide for guide in guides()}
    wanted = name.removesuffix(".md")
    if wanted not in found:
        raise InputError(Problem(f"holdfast guide {name}", "there is no such guide", nearest(wanted, found)))
    return found[wanted]


def _title(path: Path) -> str:
    """Of its first line, which is a heading."""
    with path.open(encoding="utf-8") as lines:
        return lines.readline().lstrip("# ").strip()
