"""Error-budget policies: documents in; what was agreed, and all that is wrong with it, out. Words: `policy_terms`."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from holdfast.errors import Problem
from holdfast.slo.moment import moment_text
from holdfast.slo.objective import Composite
from holdfast.slo.openslo import AnyObjective, declared_names
from holdfast.slo.policy_terms import ErrorBudgetPolicy
from holdfast.workspace.binding import bind
from holdfast.workspace.document import Document, PropertyPath, nearest

KIND: Final = "ErrorBudgetPolicy"


@dataclass(frozen=True, slots=True)
class Policy:
    """A policy and where it is written."""

    terms: ErrorBudgetPolicy
    document: Document

    @property
    def name(self) -> str:
        return self.terms.name

    def where(self, at: PropertyPath = ()) -> str:
        return self.document.where(at)


def load_policies(
    documents: Iterable[Document], objectives: Iterable[AnyObjective] = ()
) -> tuple[tuple[Policy, ...], list[Problem]]:
    """The policies among documents that are loaded together, and all that is wrong with them.

    What they cover must be defined: by `objectives`, or by SLOs among the same documents, sound or not. Where there is
    neither, names are taken as they are.
    """
    listed, defined = list(documents), list(objectives)
    names = declared_names(listed) | {objective.name for objective in defined}
    names |= {part.name for objective in defined if isinstance(objective, Composite) for part in objective.parts}
    services = _services(listed) | {objective.service for objective in defined}
    policies: list[Policy] = []
    problems: list[Problem] = []
    for document in listed:
        if not is_policy(document):
            continue
        terms, found = bind(ErrorBudgetPolicy, document)
        problems += found
        if names:
            problems += _undefined(document, names, services)
        if terms is not None:
            policies.append(Policy(terms, document))
    for policy in policies:
        first = next(other for other in policies if other.name == policy.name)
        if first is not policy:
            what = f'a second policy "{policy.name}" (the first: {first.where(("name",))})'
            problems.append(Problem(policy.where(("name",)), what, "give it a name of its own"))
    return tuple(policies), problems


def policy_warnings(policy: Policy, at: float) -> tuple[Problem, ...]:
    """What is no mistake but should be tidied up at this time: waivers that are over."""
    return tuple(
        Problem(
            policy.where(("waivers", index, "expires")),
            f"the waiver of {waiver.owner} expired at {moment_text(waiver.expires)} and no longer counts",
            "delete it, or agree on a new one",
        )
        for index, waiver in enumerate(policy.terms.waivers)
        if waiver.expires <= at
    )


def policy_schema() -> dict[str, Any]:
    """The JSON Schema of a policy's document."""
    schema = ErrorBudgetPolicy.model_json_schema(by_alias=True)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def is_policy(document: Document) -> bool:
    return isinstance(document.data, dict) and document.data.get("kind") == KIND and "apiVersion" not in document.data


def _undefined(document: Document, objectives: set[str], services: set[str]) -> list[Problem]:
    """Objectives and services that no SLO defines, read off the document itself: the rest of it may be wrong."""
    found: list[Problem] = []
    data = document.data
    covers = data.get("covers")
    lists: list[tuple[str, PropertyPath, object]] = []
    if isinstance(covers, dict):
        lists += [(word, ("covers", f"{word}s"), covers.get(f"{word}s")) for word in ("objective", "service")]
    for key in ("waivers", "exclusions"):
        entries = data.get(key)
        for index, entry in enumerate(entries if isinstance(entries, list) else []):
            if isinstance(entry, dict):
                lists.append(("objective", (key, index, "objectives"), entry.get("objectives")))
    for word, at, names in lists:
        known = objectives if word == "objective" else services
        for index, name in enumerate(names if isinstance(names, list) else []):
            if isinstance(name, str) and name not in known:
                what = f'there is no {word} "{name}" in these files'
                found.append(Problem(document.where((*at, index)), what, nearest(name, known)))
    return found


def _services(documents: Iterable[Document]) -> set[str]:
    found: set[str] = set()
    for document in documents:
        data = document.data if isinstance(document.data, dict) else {}
        spec = data.get("spec")
        if data.get("kind") == "SLO" and isinstance(spec, dict) and isinstance(spec.get("service"), str):
            found.add(spec["service"])
    return found
