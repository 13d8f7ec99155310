"""OpenSLO v1 files in; objectives, and all that is wrong with the files, out.

Every kind of `openslo/v1` may stand in the files, in any order: references are resolved among all documents that are
loaded together. What `slo/` holds beside them in holdfast's own words (error-budget policies and the like) is set aside
for those who read it.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from holdfast.errors import Problem
from holdfast.slo.alert_conformance import POLICY, policy_problems
from holdfast.slo.alert_definition import ConditionObject, PolicyObject, TargetObject
from holdfast.slo.alerting import policy_of
from holdfast.slo.annotations import NO_DATA, OWNER, PARTIAL_SLICES, RUNBOOK
from holdfast.slo.caution import document_warnings, objective_warnings
from holdfast.slo.conformance import empty_problems, indicator_problems, slo_problems
from holdfast.slo.definition import (
    DataSourceObject,
    IndicatorObject,
    ObjectiveEntry,
    ObjectiveObject,
    ServiceObject,
)
from holdfast.slo.indicator import Indicator
from holdfast.slo.leniency import softened
from holdfast.slo.library import API_VERSION, KINDS, OWN_KINDS, Library, single_objects
from holdfast.slo.metric_source import indicator_of
from holdfast.slo.objective import (
    AlertPolicy,
    AnyIndicator,
    AnyObjective,
    Composite,
    Method,
    NoData,
    Objective,
    QueryRatio,
    QueryRaw,
    QueryThreshold,
    Slices,
)
from holdfast.slo.property import Shape
from holdfast.slo.resolving import list_of, mapping_of
from holdfast.slo.selection import SOURCE_TYPE
from holdfast.slo.window import Calendar, parse_window
from holdfast.workspace.binding import bind
from holdfast.workspace.document import Document, PropertyPath, nearest

__all__ = [
    "API_VERSION",
    "KINDS",
    "NO_DATA",
    "OWNER",
    "OWN_KINDS",
    "PARTIAL_SLICES",
    "QUERIED",
    "RUNBOOK",
    "AnyObjective",
    "Definitions",
    "declared_names",
    "load_definitions",
    "load_objectives",
    "source_of",
    "unjudged_by_run",
]

QUERIED: Final = (SOURCE_TYPE, "prometheus", "csv")
"""The types of metric source that are asked: the record of runs and of the monitor, Prometheus, and files of counts."""

SHAPES: Final[Mapping[str, type[Shape]]] = {
    "SLO": ObjectiveObject,
    "SLI": IndicatorObject,
    "Service": ServiceObject,
    "DataSource": DataSourceObject,
    "AlertPolicy": PolicyObject,
    "AlertCondition": ConditionObject,
    "AlertNotificationTarget": TargetObject,
}


@dataclass(frozen=True, slots=True)
class Definitions:
    """What files say. `own`: documents of `OWN_KINDS`. SLOs with a problem are left out of `objectives`.

    `warnings`: what keeps the rules and is hardly meant, and with leniency the rules that were let pass.
    """

    objectives: tuple[AnyObjective, ...]
    own: tuple[Document, ...]
    problems: tuple[Problem, ...]
    warnings: tuple[Problem, ...] = ()


def load_definitions(
    documents: Iterable[Document], lenient: bool = False, beside: Iterable[Document] = (), apart: bool = False
) -> Definitions:
    """Of all documents together, in order. `lenient`: see `leniency`; `beside`: may be referred to, and is not looked
    at for itself; `apart`: two files may use one name."""
    documents, beside = list(documents), list(beside)
    let_pass: tuple[Problem, ...] = ()
    if lenient:
        documents, let_pass = softened(documents, beside)
        beside, _ = softened(beside, ())
    loading = _Loading(Library(documents, beside, apart))
    objectives = tuple(o for document in loading.library.documents for o in loading.objectives_of(document))
    own = tuple(loading.library.own)
    problems = tuple(dict.fromkeys(loading.problems))  # of what two objectives name, once
    return Definitions(objectives, own, problems, tuple(dict.fromkeys((*let_pass, *loading.warnings))))


def load_objectives(
    documents: Iterable[Document], beside: Iterable[Document] = ()
) -> tuple[list[Objective], list[Problem]]:
    """The objectives that a run can judge by its own record; each other one is a problem that says why."""
    definitions = load_definitions(documents, beside=beside)
    problems = list(definitions.problems)
    judged: list[Objective] = []
    for objective in definitions.objectives:
        why = unjudged_by_run(objective)
        if why:
            what = f"{objective.name} cannot be judged by a run: {why}"
            problems.append(Problem(objective.where, what, _fix_of_unjudged(objective)))
        elif isinstance(objective, Objective):
            judged.append(objective)
    return judged, problems


def _fix_of_unjudged(objective: AnyObjective) -> str:
    parts = objective.parts if isinstance(objective, Composite) else (objective,)
    unasked = next((kind for kind in map(source_of, (p.indicator for p in parts)) if kind not in QUERIED), None)
    elsewhere = "give the plan a file without it (or `only:` the others)"
    if unasked is None:
        return f"leave it to `holdfast slo status`, or {elsewhere}"
    return f"holdfast cannot ask {unasked}: give it an indicator of type holdfast, or {elsewhere}"


def unjudged_by_run(objective: AnyObjective) -> str:
    """Why a run's record does not judge an objective; empty where it does."""
    if isinstance(objective, Composite):
        return "it is a composite, and a run judges each objective by itself"
    if not isinstance(objective.indicator, Indicator):
        metric = "metrics" if isinstance(objective.indicator, QueryRatio) else "a metric"
        return f"it counts {metric} of another source ({source_of(objective.indicator)}), not samples of the run"
    if objective.method is not Method.OCCURRENCES:
        return f"{objective.method} needs slices of time over days, and a run judges events (Occurrences)"
    if objective.target == 0:
        return "its target is 0, which is met whatever happens"
    return ""


def source_of(indicator: AnyIndicator) -> str:
    """The type of its metric source: "holdfast", "prometheus", …"""
    match indicator:
        case QueryRatio():
            return indicator.total.type
        case QueryRaw():
            return indicator.raw.type
        case QueryThreshold():
            return indicator.metric.type
        case _:
            return SOURCE_TYPE


def declared_names(documents: Iterable[Document]) -> set[str]:
    """What the SLOs of these documents call their objectives, whatever else is wrong with them."""
    names: set[str] = set()
    for document in single_objects(documents):
        data = mapping_of(document.data)
        name = mapping_of(data.get("metadata")).get("name")
        if data.get("kind") == "SLO" and isinstance(name, str):
            entries = list_of(mapping_of(data.get("spec")).get("objectives"))
            names |= {_name_of(name, index, entries) for index in range(len(entries))} if entries else {name}
            if any(key in mapping_of(entry) for entry in entries for key in ("indicator", "indicatorRef")):
                names.add(name)  # of the composite
    return names


def _name_of(name: str, index: int, entries: Sequence[object]) -> str:
    return f"{name}-{index + 1}" if len(entries) > 1 else name


class _Loading:
    """The loaded files, and what was found wrong with them."""

    def __init__(self, library: Library) -> None:
        self.library = library
        self.problems: list[Problem] = list(library.problems)
        self.warnings: list[Problem] = []

    def objectives_of(self, document: Document) -> list[AnyObjective]:
        """Checks a document of any kind; those of an SLO."""
        kind = document.data["kind"]
        bound, problems = bind(SHAPES[kind], document)
        problems += _untold(empty_problems(document), problems)
        problems += _untold(self._rules(document), problems)
        self.problems += problems
        self.warnings += document_warnings(document, self.library)
        if bound is None or problems:
            return []
        if isinstance(bound, IndicatorObject):
            indicator_of(document, ("spec",), bound, None, self.library, self.problems.append)
        if not isinstance(bound, ObjectiveObject):
            return []
        built = self._built(document, bound)
        self.warnings += [warning for objective in built for warning in objective_warnings(objective)]
        return built

    def _rules(self, document: Document) -> Iterator[Problem]:
        """Between its properties."""
        at: PropertyPath = ("spec",)
        spec = document.data.get("spec")
        match document.data["kind"]:
            case "SLO":
                yield from slo_problems(document, self.library)
            case "SLI" if isinstance(spec, dict):
                yield from indicator_problems(document, at, spec)
            case POLICY.kind:
                yield from policy_problems(document, at, mapping_of(spec), self.library)

    def _built(self, document: Document, bound: ObjectiveObject) -> list[AnyObjective]:
        """Empty where something that it names is wrong, which is told there."""
        before = len(self.problems)
        at: PropertyPath = ("spec",)
        spec = bound.spec
        shared = self._of_holder(document, at, spec, spec.objectives[0] if spec.objectives else None)
        own = [
            self._of_holder(document, (*at, "objectives", i), entry, entry) for i, entry in enumerate(spec.objectives)
        ]
        slices = [self._slices(document, bound, entry) for entry in spec.objectives]
        indicators = [each or shared for each in own]
        policies = [
            policy_of(document, (*at, "alertPolicies", index), entry, self.library)
            for index, entry in enumerate(spec.alert_policies)
        ]
        if len(self.problems) > before or not all(indicators) or not all(policies):
            return []
        alert_policies = tuple(policy for policy in policies if policy is not None)
        metadata = bound.metadata
        time = spec.time_window[0]
        calendar = Calendar(time.calendar.start_time, time.calendar.time_zone) if time.calendar else None
        is_composite = any(each is not None for each in own)
        objectives = [
            Objective(
                name=_name_of(metadata.name, index, spec.objectives),
                display_name=entry.display_name or metadata.display_name or metadata.name,
                service=spec.service,
                description=spec.description,
                target=_target_of(entry),
                window=parse_window(time.duration, calendar),
                indicator=indicator,
                runbook=metadata.annotations.get(RUNBOOK, ""),
                owner=metadata.annotations.get(OWNER, ""),
                where=document.where((*at, "objectives", index, _target_key(entry))),
                method=Method(spec.budgeting_method),
                slices=slices[index],
                weight=Decimal(1) if entry.composite_weight is None else entry.composite_weight,
                labels=_frozen(metadata.labels),
                annotations=metadata.annotations,
                alert_policies=() if is_composite else alert_policies,
            )
            for index, (entry, indicator) in enumerate(zip(spec.objectives, indicators, strict=True))
            if indicator is not None
        ]
        if not is_composite:
            return list(objectives)
        return [_composite(bound, tuple(objectives), alert_policies, document.where((*at, "objectives")))]

    def _slices(self, document: Document, bound: ObjectiveObject, entry: ObjectiveEntry) -> Slices | None:
        words = {}
        for key in (NO_DATA, PARTIAL_SLICES):
            word = bound.metadata.annotations.get(key, NoData.EXCLUDE.value)
            if word not in list(NoData):
                at = ("metadata", "annotations", key)
                self._add(document, at, f'"{word}" is not a way to count', nearest(word, list(NoData)))
                word = NoData.EXCLUDE.value
            words[key] = NoData(word)
        if entry.time_slice_window is None:
            return None
        return Slices(entry.time_slice_window, entry.time_slice_target, words[NO_DATA], words[PARTIAL_SLICES])

    def _of_holder(
        self, document: Document, at: PropertyPath, holder: Any, entry: ObjectiveEntry | None
    ) -> AnyIndicator | None:
        """The indicator that stands in, or is named by, an SLO's spec or one of its objectives."""
        if holder.indicator is not None:
            place = (*at, "indicator", "spec")
            return indicator_of(document, place, holder.indicator, entry, self.library, self.problems.append)
        named = self.library.find("SLI", holder.indicator_ref) if holder.indicator_ref is not None else None
        if named is None:
            return None
        bound, _ = bind(IndicatorObject, named)  # its problems are told with its own document
        if bound is None:
            return None
        return indicator_of(named, ("spec",), bound, entry, self.library, self.problems.append)

    def _add(self, document: Document, at: PropertyPath, what: str, fix: str) -> None:
        self.problems.append(Problem(document.where(at), what, fix))


def _untold(found: Iterable[Problem], told: Sequence[Problem]) -> list[Problem]:
    """Less what is wrong with a property of the wrong type, which breaks rules too: once is enough."""
    places = {problem.where for problem in told if "is missing" not in problem.what}
    return [problem for problem in found if problem.where not in places]


def _composite(
    bound: ObjectiveObject, parts: tuple[Objective, ...], alert_policies: tuple[AlertPolicy, ...], where: str
) -> Composite:
    first, metadata = parts[0], bound.metadata
    return Composite(
        name=metadata.name,
        display_name=metadata.display_name or metadata.name,
        service=first.service,
        description=first.description,
        window=first.window,
        method=first.method,
        parts=parts,
        runbook=first.runbook,
        owner=first.owner,
        where=where,
        slices=first.slices,
        labels=first.labels,
        annotations=first.annotations,
        alert_policies=alert_policies,
    )


def _frozen(labels: Mapping[str, Any]) -> Mapping[str, str | tuple[str, ...]]:
    return {key: value if isinstance(value, str) else tuple(value) for key, value in labels.items()}


def _target_key(entry: ObjectiveEntry) -> str:
    return "target" if entry.target is not None else "targetPercent"


def _target_of(entry: ObjectiveEntry) -> Decimal:
    return entry.target if entry.target is not None else (entry.target_percent or Decimal(0)) / 100
