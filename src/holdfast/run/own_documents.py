"""The kinds that holdfast adds to OpenSLO, and who reads each: what `holdfast slo check` and `validate` call."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from holdfast.errors import Problem
from holdfast.slo.objective import AnyObjective, Composite
from holdfast.slo.openslo import Definitions, declared_names
from holdfast.workspace.document import Document


@dataclass(frozen=True, slots=True)
class Beside:
    """What documents of an own kind may name: the files that they lie among, and what is defined there.

    `objectives`: None where there is none, or where one has a problem: those that name it are not held against it.
    `names`: of all objectives, sound or not.
    """

    documents: tuple[Document, ...]
    objectives: tuple[AnyObjective, ...] | None
    names: tuple[str, ...]


Loaded = tuple[Sequence[Any], list[Problem]]
Loader = Callable[[list[Document], Beside], Loaded]
"""All documents of one kind in; what they define, and all that is wrong with them, out. Each imports its own when it is
called: most files hold none of its kind."""


def _policies(found: list[Document], beside: Beside) -> Loaded:
    from holdfast.slo.policy import load_policies

    return load_policies([*found, *beside.documents], beside.objectives or ())


def _burn_windows(found: list[Document], beside: Beside) -> Loaded:  # noqa: ARG001 - they name nothing
    from holdfast.slo.burn_windows import load_burn_windows

    return load_burn_windows(found)


def _exclusions(found: list[Document], beside: Beside) -> Loaded:
    from holdfast.slo.exclusions import load_exclusions

    return load_exclusions(found, beside.names)


def _agreements(found: list[Document], beside: Beside) -> Loaded:
    from holdfast.slo.agreement import load_agreements

    return load_agreements(found, beside.objectives)


OWN_LOADERS: Final[Mapping[str, Loader]] = {
    "BurnWindows": _burn_windows,
    "ErrorBudgetPolicy": _policies,
    "Exclusions": _exclusions,
    "ServiceLevelAgreement": _agreements,
}
"""By kind. A kind of `library.OWN_KINDS` that is not here is told as a note: nobody has checked it."""


def own_problems(definitions: Definitions, documents: Iterable[Document]) -> tuple[list[Problem], list[str]]:
    """What is wrong with documents of holdfast's own kinds; and notes on those that nobody reads."""
    by_kind: dict[str, list[Document]] = {}
    for document in definitions.own:
        by_kind.setdefault(document.data["kind"], []).append(document)
    beside = _beside(definitions, documents)
    problems: list[Problem] = []
    notes: list[str] = []
    for kind, found in by_kind.items():
        loader = OWN_LOADERS.get(kind)
        if loader is None:
            notes.append(f"{len(found)} of kind {kind} not checked: {', '.join(d.where() for d in found)}")
        else:
            problems += loader(found, beside)[1]
    return problems, notes


def _beside(definitions: Definitions, documents: Iterable[Document]) -> Beside:
    own = {id(document) for document in definitions.own}
    others = tuple(document for document in documents if id(document) not in own)
    names = declared_names(others) | {objective.name for objective in definitions.objectives}
    for objective in definitions.objectives:
        if isinstance(objective, Composite):
            names |= {part.name for part in objective.parts}
    known = None if definitions.problems or not definitions.objectives else definitions.objectives
    return Beside(others, known, tuple(sorted(names)))
