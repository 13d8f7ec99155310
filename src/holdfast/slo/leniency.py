"""Rules that `--lenient` lets pass, each with how the file is read instead: for files that were pasted from examples.

The specification's own examples break some of its rules, and tools differ in which they enforce. What is let pass is a
change to the data before it is read strictly, so a lenient reading is never a different meaning, only a mended file;
each change is a warning at its place.
"""

import copy
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from holdfast.errors import Problem
from holdfast.slo.alert_conformance import CONDITION, POLICY, TARGET
from holdfast.slo.conformance import is_threshold
from holdfast.slo.library import API_VERSION, Library, single_objects
from holdfast.slo.resolving import Resolve, list_of, mapping_of
from holdfast.workspace.document import Document, PropertyPath

_NOT_IN_A_NAME: Final = re.compile(r"[^a-z0-9]+")
_START: Final = re.compile(r"(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d)(:\d\d)?Z?)?", re.ASCII)
_NUMBER: Final = re.compile(r"[0-9]{1,12}(\.[0-9]{1,12})?")
_NAMED: Final = ("service", "indicatorRef", "metricSourceRef", POLICY.ref, CONDITION.ref, TARGET.ref)
_NUMBERS: Final = ("target", "targetPercent", "timeSliceTarget", "value", "compositeWeight", "threshold")


@dataclass(slots=True)
class Draft:
    """A document's data while it is mended."""

    document: Document
    data: dict[str, Any]
    told: list[tuple[int, Problem]] = field(default_factory=list)

    def tell(self, at: PropertyPath, what: str, fix: str) -> None:
        self.told.append((self.document.line(at), Problem(self.document.where(at), what, fix)))

    @property
    def warnings(self) -> list[Problem]:
        """By line."""
        return [problem for _, problem in sorted(self.told, key=lambda told: told[0])]

    def mappings(self) -> Iterator[tuple[PropertyPath, dict[str, Any]]]:
        """All of them, from the top down, less what is free in OpenSLO: the spec of a metric source and a
        connection's details."""
        to_see: list[tuple[PropertyPath, Any]] = [((), self.data)]
        while to_see:
            at, data = to_see.pop()
            if isinstance(data, dict):
                yield at, data
            children = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
            free = at[-1:] == ("metricSource",)
            to_see += [
                ((*at, key), child)
                for key, child in children
                if not (free and key == "spec") and key != "connectionDetails"
            ]


@dataclass(frozen=True, slots=True)
class Leniency:
    """`lets_pass`: the rule that is broken; `reads`: what is read instead."""

    name: str
    lets_pass: str
    reads: str
    mend: Callable[[Draft, Resolve], None]


def softened(documents: Iterable[Document], beside: Iterable[Document]) -> tuple[list[Document], tuple[Problem, ...]]:
    """The documents mended, and a warning for each change."""
    drafts = [_draft(document) for document in single_objects(documents)]
    for leniency in LENIENCIES:
        mended = [_mended(draft) if isinstance(draft, Draft) else draft for draft in drafts]
        resolve = Library(mended, beside)
        for draft in drafts:
            if isinstance(draft, Draft):
                leniency.mend(draft, resolve)
    warnings = tuple(w for draft in drafts if isinstance(draft, Draft) for w in draft.warnings)
    return [_mended(draft) if isinstance(draft, Draft) else draft for draft in drafts], warnings


def _draft(document: Document) -> Draft | Document:
    data = document.data
    if isinstance(data, dict) and data.get("apiVersion") == API_VERSION:
        return Draft(document, copy.deepcopy(data))
    return document


def _mended(draft: Draft) -> Document:
    return replace(draft.document, data=draft.data)


def _empty_keys(draft: Draft, _: Resolve) -> None:
    for at, holder in draft.mappings():
        for key in [key for key, value in holder.items() if value is None]:
            del holder[key]
            draft.tell((*at, key), f'"{key}" is empty', "read as if it were not there: fill it, or remove it")


def _names(draft: Draft, _: Resolve) -> None:
    for at, holder in draft.mappings():
        keys = ("name",) if at[-1:] == ("metadata",) else _NAMED
        for key in keys:
            name = holder.get(key)
            slug = _slug(name) if isinstance(name, str) else None
            if slug and slug != name:
                holder[key] = slug
                draft.tell((*at, key), f'"{name}" is not a name by RFC 1123', f'read as "{slug}": write that')


def _slug(name: str) -> str:
    return _NOT_IN_A_NAME.sub("-", name.lower()).strip("-")[:63].strip("-")


def _texts(draft: Draft, _: Resolve) -> None:
    for at, holder in draft.mappings():
        if at[-1:] not in (("labels",), ("annotations",)):
            continue
        for key, value in holder.items():
            if isinstance(value, (bool, int, float)):
                text = str(value).lower() if isinstance(value, bool) else str(value)
                holder[key] = text
                draft.tell((*at, key), f"{value} is not text", f'read as "{text}": put it in quotes')


def _numbers(draft: Draft, _: Resolve) -> None:
    for at, holder in draft.mappings():
        for key in _NUMBERS:
            text = holder.get(key)
            if isinstance(text, str) and _NUMBER.fullmatch(text) and at[-1:] != ("spec",):
                holder[key] = float(text) if "." in text else int(text)
                draft.tell((*at, key), f'"{text}" is text, not a number', "read as the number: remove the quotes")


def _method(draft: Draft, _: Resolve) -> None:
    spec = _spec(draft, "SLO")
    if spec is not None and "budgetingMethod" not in spec:
        spec["budgetingMethod"] = "Occurrences"
        draft.tell(("spec",), '"budgetingMethod" is missing', "read as Occurrences: add it")


def _rolling(draft: Draft, _: Resolve) -> None:
    for index, window in enumerate(list_of((_spec(draft, "SLO") or {}).get("timeWindow"))):
        if isinstance(window, dict) and "calendar" not in window and window.get("isRolling", False) is False:
            window["isRolling"] = True
            at = ("spec", "timeWindow", index)
            draft.tell(at, "a window that is not rolling, without a calendar", "read as rolling: write isRolling: true")


def _start_times(draft: Draft, _: Resolve) -> None:
    for at, holder in draft.mappings():
        written = holder.get("startTime")
        found = _START.fullmatch(str(written))
        if found is None or (str(written).endswith("Z") and holder.get("timeZone") not in ("UTC", "Etc/UTC")):
            continue
        text = f"{found[1]} {found[2] or '00:00'}{found[3] or ':00'}"
        if text != written:
            holder["startTime"] = text
            draft.tell((*at, "startTime"), f'"{written}" is not as OpenSLO writes it', f'read as "{text}": write that')


def _operators(draft: Draft, resolve: Resolve) -> None:
    spec = _spec(draft, "SLO") or {}
    for index, entry in enumerate(list_of(spec.get("objectives"))):
        threshold = is_threshold(mapping_of(entry), resolve)
        threshold = is_threshold(spec, resolve) if threshold is None else threshold
        for key in ("op", "value"):
            if threshold is False and isinstance(entry, dict) and key in entry:
                del entry[key]
                at = ("spec", "objectives", index, key)
                draft.tell(
                    at, f"{key} belongs to a thresholdMetric", "it stands beside a ratio and is not read: remove it"
                )


def _slices(draft: Draft, _: Resolve) -> None:
    spec = _spec(draft, "SLO") or {}
    unused = {"Occurrences": ("timeSliceTarget", "timeSliceWindow"), "RatioTimeslices": ("timeSliceTarget",)}
    for index, entry in enumerate(list_of(spec.get("objectives"))):
        for key in unused.get(str(spec.get("budgetingMethod")), ()):
            if isinstance(entry, dict) and key in entry:
                del entry[key]
                at = ("spec", "objectives", index, key)
                draft.tell(at, f"{key} means nothing with {spec['budgetingMethod']}", "it is not read: remove it")


def _parts(draft: Draft, _: Resolve) -> None:
    """Entries of lists that name an object by its bare name, or leave its kind out."""
    for at, holder in draft.mappings():
        for key, part in (("alertPolicies", POLICY), ("conditions", CONDITION), ("notificationTargets", TARGET)):
            entries = list_of(holder.get(key))
            for index, entry in enumerate(entries):
                place = (*at, key, index)
                if isinstance(entry, str):
                    name = _slug(entry)
                    entries[index] = {part.ref: name}
                    draft.tell(place, f'"{entry}" stands bare', f"read as {part.ref}: {name}")
                elif isinstance(entry, dict) and "spec" in entry and "kind" not in entry:
                    entry["kind"] = part.kind
                    draft.tell(place, '"kind" is missing', f"read as {part.kind}: add kind: {part.kind}")


def _operator(draft: Draft, _: Resolve) -> None:
    for at, holder in draft.mappings():
        for index, entry in enumerate(list_of(holder.get("conditions"))):
            if isinstance(entry, dict) and "operator" in entry:
                del entry["operator"]
                place = (*at, "conditions", index, "operator")
                draft.tell(place, "a policy has one condition, and no operator", "it is not read: remove it")


def _sources(draft: Draft, resolve: Resolve) -> None:
    for at, holder in draft.mappings():
        name = holder.get("metricSourceRef")
        if isinstance(name, str) and isinstance(holder.get("type"), str) and resolve("DataSource", name) is None:
            del holder["metricSourceRef"]
            what = f'there is no DataSource "{name}" in these files'
            draft.tell((*at, "metricSourceRef"), what, f"read by its type alone, {holder['type']}: add the DataSource")


def _policies(draft: Draft, resolve: Resolve) -> None:
    spec = _spec(draft, "SLO") or {}
    entries = list_of(spec.get("alertPolicies"))
    missing = [
        (index, entry[POLICY.ref])
        for index, entry in enumerate(entries)
        if isinstance(entry, dict) and isinstance(entry.get(POLICY.ref), str) and len(entry) == 1
        if resolve(POLICY.kind, entry[POLICY.ref]) is None
    ]
    for index, name in missing:
        what = f'there is no AlertPolicy "{name}" in these files'
        draft.tell(("spec", "alertPolicies", index, POLICY.ref), what, "the objective is read without it: add its file")
    gone = {index for index, _ in missing}
    if gone:
        spec["alertPolicies"] = [entry for index, entry in enumerate(entries) if index not in gone]


def _spec(draft: Draft, kind: str) -> dict[str, Any] | None:
    spec = draft.data.get("spec")
    return spec if draft.data.get("kind") == kind and isinstance(spec, dict) else None


LENIENCIES: Final[Sequence[Leniency]] = (
    Leniency("empty-key", "a key with nothing behind it", "as if the key were not there", _empty_keys),
    Leniency(
        "bare-entry",
        "an entry of alertPolicies, conditions or notificationTargets that is only a name, or has no kind",
        "as a reference to that name, or with the kind that its place asks for",
        _parts,
    ),
    Leniency(
        "not-a-label",
        "a name, service or reference that is no RFC 1123 label",
        "in lower case, with `-` for what is neither letter nor digit",
        _names,
    ),
    Leniency("not-text", "a label or annotation that is a number or a truth value", "as its text", _texts),
    Leniency("quoted-number", "a number in quotes", "as the number", _numbers),
    Leniency("no-budgeting-method", "an SLO without budgetingMethod", "as Occurrences", _method),
    Leniency("not-rolling", "a window without isRolling: true and without a calendar", "as rolling", _rolling),
    Leniency(
        "start-time",
        "a startTime without seconds or time, with a T, or with a Z where timeZone is UTC",
        "with what is missing as 0",
        _start_times,
    ),
    Leniency("op-beside-ratio", "op or value beside a ratioMetric", "without them", _operators),
    Leniency(
        "unused-slice",
        "timeSliceTarget or timeSliceWindow with a budgetingMethod that has no use for it",
        "without it",
        _slices,
    ),
    Leniency("condition-operator", "operator beside a condition of an alert policy", "without it", _operator),
    Leniency(
        "no-data-source",
        "a metricSourceRef to a DataSource that is not there, beside a type",
        "by the type alone",
        _sources,
    ),
    Leniency("no-policy", "an alertPolicyRef to an AlertPolicy that is not there", "without that policy", _policies),
)
