"""Files and folders of objectives, read together: what `holdfast slo …` is given, and what `slo/` holds."""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from holdfast.errors import Problem, shown
from holdfast.run.own_documents import own_problems
from holdfast.slo.judges import notes_on
from holdfast.slo.openslo import Definitions, load_definitions
from holdfast.workspace.document import Document, load_documents

_SUFFIXES: Final = (".yaml", ".yml")


@dataclass(frozen=True, slots=True)
class Checked:
    """`problems`: of the files themselves, of what they define, and of holdfast's own kinds, each once.

    `notes`: what is neither wrong nor doubtful, such as a source that holdfast cannot ask.
    """

    files: tuple[Path, ...]
    definitions: Definitions
    problems: tuple[Problem, ...]
    warnings: tuple[Problem, ...]
    notes: tuple[str, ...]


def check_definitions(paths: Iterable[Path], lenient: bool = False, apart: bool = False) -> Checked:
    """Files, and folders with all that is below them; references are resolved among all of them.

    `apart`: two files may use one name, because nothing reads them together.
    """
    files, problems = definition_files(paths)
    documents, unread = read_documents(files)
    definitions = load_definitions(documents, lenient, apart=apart)
    own, notes = own_problems(definitions, documents)
    own += _wrong_sources(documents)
    return Checked(
        files=tuple(files),
        definitions=definitions,
        problems=tuple(dict.fromkeys((*problems, *unread, *definitions.problems, *own))),
        warnings=definitions.warnings,
        notes=(*notes_on(definitions.objectives), *notes),
    )


def _wrong_sources(documents: Iterable[Document]) -> Iterator[Problem]:
    """A secret in a file must not pass a check, nor an address that no command could ask."""
    for document in documents:
        data = document.data
        spec = data.get("spec") if isinstance(data, dict) and data.get("kind") == "DataSource" else None
        details = spec.get("connectionDetails") if isinstance(spec, dict) else None
        if isinstance(spec, dict) and isinstance(details, dict) and str(spec.get("type")).lower() == "prometheus":
            from holdfast.slo.sources.prometheus.connection import wrong_with_source

            yield from wrong_with_source(details, document.where(("spec", "connectionDetails")))


def definition_files(paths: Iterable[Path]) -> tuple[list[Path], list[Problem]]:
    """Those named, and the *.yaml and *.yml below the folders named, each once; hidden ones only when named."""
    files: dict[str, Path] = {}
    problems: list[Problem] = []
    for path in paths:
        found = sorted(_below(path)) if path.is_dir() else [path]
        if not found:
            problems.append(Problem(shown(path), "there is no *.yaml or *.yml in this folder", "name another one"))
        for file in found:
            files.setdefault(os.path.realpath(file), file)
    return list(files.values()), problems


def read_documents(files: Iterable[Path]) -> tuple[list[Document], list[Problem]]:
    documents: list[Document] = []
    problems: list[Problem] = []
    for file in files:
        found, wrong = load_documents(file)
        documents += found
        problems += wrong
    return documents, problems


def _below(folder: Path) -> Iterator[Path]:
    for above, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            if name.endswith(_SUFFIXES) and not name.startswith("."):
                yield Path(above, name)
