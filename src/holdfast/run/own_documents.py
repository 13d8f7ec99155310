"""The kinds that holdfast adds to OpenSLO, and who reads each: what `holdfast slo check` and `validate` call."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from holdfast.errors import Problem
from holdfast.slo.agreement import load_agreements
from holdfast.slo.burn_windows import load_burn_windows
from holdfast.slo.exclusions import load_exclusions
from holdfast.slo.policy import load_policies
from holdfast.workspace.document import Document

Loader = Callable[[list[Document]], tuple[Sequence[Any], list[Problem]]]
"""All documents of one kind in; what they define, and all that is wrong with them, out."""

OWN_LOADERS: Final[Mapping[str, Loader]] = {
    "BurnWindows": load_burn_windows,
    "ErrorBudgetPolicy": load_policies,
    "Exclusions": load_exclusions,
    "ServiceLevelAgreement": load_agreements,
}
"""By kind. A kind of `library.OWN_KINDS` that is not here is told as a note: nobody has checked it."""


def own_problems(documents: Iterable[Document]) -> tuple[list[Problem], list[str]]:
    """What is wrong with documents of holdfast's own kinds; and notes on those that nobody reads."""
    by_kind: dict[str, list[Document]] = {}
    for document in documents:
        by_kind.setdefault(document.data["kind"], []).append(document)
    problems: list[Problem] = []
    notes: list[str] = []
    for kind, found in by_kind.items():
        loader = OWN_LOADERS.get(kind)
        if loader is None:
            notes.append(f"{len(found)} of kind {kind} not checked: {', '.join(d.where() for d in found)}")
        else:
            problems += loader(found)[1]
    return problems, notes
