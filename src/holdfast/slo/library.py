"""All objects of files that are read together, by kind and name: what references are resolved among."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from holdfast.errors import Problem
from holdfast.slo.foreign import foreign_problem
from holdfast.workspace.document import Document, PropertyPath, nearest

API_VERSION: Final = "openslo/v1"
KINDS: Final = ("AlertCondition", "AlertNotificationTarget", "AlertPolicy", "DataSource", "SLI", "SLO", "Service")
OWN_KINDS: Final = ("BurnWindows", "ErrorBudgetPolicy", "Exclusions", "ServiceLevelAgreement")
"""Holdfast's own, without an apiVersion: OpenSLO has no word for what they say."""


class Library:
    """`documents`: those of OpenSLO v1, in order; `own`: those of `OWN_KINDS`; `problems`: what is neither, and names
    that two objects of a kind have.

    `apart`: files need not go together, as those of a workspace that are for different plans: what two files call the
    same is no problem. `beside`: documents whose objects may be referred to, and that are otherwise somebody else's
    to look at.
    """

    def __init__(self, documents: Iterable[Document], beside: Iterable[Document] = (), apart: bool = False) -> None:
        self.problems: list[Problem] = []
        self._apart = apart
        single = list(single_objects(documents))
        self.own = [document for document in single if _is_own(document)]
        self.documents = [d for d in single if not _is_own(d) and self._is_known(d)]
        self._named: dict[tuple[str, str], Document] = {}
        for document in self.documents:
            self._enter(document)
        for document in single_objects(beside):
            key = _name(document)
            if key is not None and _kind_problem(document) is None:
                self._named.setdefault(key, document)

    def names(self, kind: str) -> list[str]:
        return [name for of, name in self._named if of == kind]

    def find(self, kind: str, name: object) -> Document | None:
        return self._named.get((kind, str(name)))

    def __call__(self, kind: str, name: object) -> Mapping[str, Any] | None:
        """The `spec` of a named object, empty where it has none; None where there is no such object."""
        document = self.find(kind, name)
        spec = document.data.get("spec") if document else None
        return spec if isinstance(spec, dict) else {} if document else None

    def _is_known(self, document: Document) -> bool:
        problem = _kind_problem(document)
        if problem is not None:
            self.problems.append(problem)
        return problem is None

    def _enter(self, document: Document) -> None:
        key = _name(document)
        if key is None:
            return
        first = self._named.setdefault(key, document)
        if first is not document and not (self._apart and first.path != document.path):
            at = ("metadata", "name")
            what = f'a second {key[0]} "{key[1]}" (the first: {first.where(at)})'
            self.problems.append(Problem(document.where(at), what, "give it a name of its own"))


def single_objects(documents: Iterable[Document]) -> Iterator[Document]:
    """A document may hold a list of objects, as the Go SDK reads them: each becomes a document of its own."""
    for document in documents:
        data = document.data
        if isinstance(data, list) and data and all(isinstance(item, dict) for item in data):
            for index, item in enumerate(data):
                yield replace(document, data=item, moved={(): (index,)})
        else:
            yield document


def _kind_problem(document: Document) -> Problem | None:
    data = document.data
    at: PropertyPath = ()
    if not isinstance(data, dict):
        what, fix = "expected an OpenSLO object", "start with apiVersion: openslo/v1 and kind: SLO"
        return Problem(document.where(at), what, fix)
    version, kind = data.get("apiVersion"), data.get("kind")
    if version != API_VERSION:
        if (foreign := foreign_problem(document)) is not None:
            return foreign
        if version is None:
            return Problem(document.where(at), '"apiVersion" is missing', f"write apiVersion: {API_VERSION}")
        at = ("apiVersion",)
        if str(version).lower().startswith("openslo"):
            return Problem(document.where(at), f"{version} is not read here", f"rewrite it as {API_VERSION}")
        return Problem(document.where(at), f'unknown apiVersion "{version}"', f"write {API_VERSION}")
    if kind not in KINDS:
        what = '"kind" is missing' if kind is None else f'unknown kind "{kind}"'
        at = () if kind is None else ("kind",)
        return Problem(document.where(at), what, nearest(str(kind), (*KINDS, *OWN_KINDS)))
    return None


def _name(document: Document) -> tuple[str, str] | None:
    metadata = document.data.get("metadata") if isinstance(document.data, dict) else None
    name = metadata.get("name") if isinstance(metadata, dict) else None
    return (str(document.data.get("kind")), name) if isinstance(name, str) else None


def _is_own(document: Document) -> bool:
    data = document.data
    return isinstance(data, dict) and "apiVersion" not in data and data.get("kind") in OWN_KINDS
