"""OpenSLO v1 files in; objectives, and all that is wrong with the files, out.

Every kind of `openslo/v1` may stand in the files, in any order: references are resolved among all documents that are
loaded together. What `slo/` holds beside them in holdfast's own words (error-budget policies and the like) is set aside
for those who read it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from holdfast.errors import Problem
from holdfast.slo.conformance import empty_problems, indicator_problems, slo_problems
from holdfast.slo.definition import (
    IndicatorObject,
    IndicatorSpec,
    InlineIndicator,
    MetricSource,
    ObjectiveEntry,
    ObjectiveObject,
    OtherObject,
    RatioMetric,
)
from holdfast.slo.indicator import Indicator, Selector
from holdfast.slo.objective import (
    AnyIndicator,
    Composite,
    Method,
    NoData,
    Objective,
    Query,
    QueryRatio,
    QueryRaw,
    QueryThreshold,
    Slices,
)
from holdfast.slo.selection import SOURCE_TYPE, Side, ratio, selector
from holdfast.slo.window import Calendar, parse_window
from holdfast.workspace.binding import bind
from holdfast.workspace.document import Document, PropertyPath, nearest

API_VERSION: Final = "openslo/v1"
KINDS: Final = ("AlertCondition", "AlertNotificationTarget", "AlertPolicy", "DataSource", "SLI", "SLO", "Service")
OWN_KINDS: Final = ("BurnWindows", "ErrorBudgetPolicy", "Exclusions", "ServiceLevelAgreement")
"""Holdfast's own, without an apiVersion: OpenSLO has no word for what they say."""
RUNBOOK: Final = "holdfast.dev/runbook"
OWNER: Final = "holdfast.dev/owner"
NO_DATA: Final = "holdfast.dev/no-data"
PARTIAL_SLICES: Final = "holdfast.dev/partial-slices"

AnyObjective = Objective | Composite


@dataclass(frozen=True, slots=True)
class Definitions:
    """What files say. `own`: documents of `OWN_KINDS`. SLOs with a problem are left out of `objectives`."""

    objectives: tuple[AnyObjective, ...]
    own: tuple[Document, ...]
    problems: tuple[Problem, ...]


def load_definitions(documents: Iterable[Document]) -> Definitions:
    """Of all documents together, in order."""
    loading = _Loading(list(documents))
    objectives = tuple(objective for document in loading.documents for objective in loading.objectives_of(document))
    return Definitions(objectives, tuple(loading.own), tuple(loading.problems))


def load_objectives(documents: Iterable[Document]) -> tuple[list[Objective], list[Problem]]:
    """The objectives that a run can judge by its own record; each other one is a problem that says why."""
    definitions = load_definitions(documents)
    problems = list(definitions.problems)
    judged: list[Objective] = []
    for objective in definitions.objectives:
        why = unjudged_by_run(objective)
        if why:
            what = f"{objective.name} cannot be judged by a run: {why}"
            fix = "leave it to `holdfast slo status`, or give the plan a file without it (or `only:` the others)"
            problems.append(Problem(objective.where, what, fix))
        elif isinstance(objective, Objective):
            judged.append(objective)
    return judged, problems


def unjudged_by_run(objective: AnyObjective) -> str:
    """Why a run's record does not judge an objective; empty where it does."""
    if isinstance(objective, Composite):
        return "it is a composite, and a run judges each objective by itself"
    if not isinstance(objective.indicator, Indicator):
        metric = "metrics" if isinstance(objective.indicator, QueryRatio) else "a metric"
        return f"it counts {metric} of another source ({source_of(objective.indicator)}), not samples of the run"
    if objective.method is not Method.OCCURRENCES:
        return f"{objective.method} needs slices of time over days, and a run judges events (Occurrences)"
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
    for document in documents:
        data = document.data if isinstance(document.data, dict) else {}
        metadata, spec = data.get("metadata"), data.get("spec")
        name = metadata.get("name") if isinstance(metadata, dict) else None
        if data.get("kind") == "SLO" and isinstance(name, str):
            entries = spec.get("objectives") if isinstance(spec, dict) else None
            names |= {_name_of(name, index, entries) for index in range(len(entries))} if entries else {name}
    return names


def _name_of(name: str, index: int, entries: Sequence[object]) -> str:
    return f"{name}-{index + 1}" if len(entries) > 1 else name


class _Loading:
    """The loaded files, what they define, and what was found wrong."""

    def __init__(self, documents: Sequence[Document]) -> None:
        self.problems: list[Problem] = []
        self.own = [document for document in documents if _is_own(document)]
        self.documents = [document for document in documents if not _is_own(document) and self._is_known(document)]
        self._named: dict[tuple[str, str], Document] = {}
        for document in self.documents:
            self._enter(document)

    def resolve(self, kind: str, name: object) -> Mapping[str, Any] | None:
        document = self._named.get((kind, str(name)))
        spec = document.data.get("spec") if document else None
        return spec if isinstance(spec, dict) else {} if document else None

    def objectives_of(self, document: Document) -> list[AnyObjective]:
        kind = document.data["kind"]
        if kind == "SLI":
            self._check_indicator(document)
            return []
        if kind != "SLO":
            _, problems = bind(OtherObject, document)
            self.problems += problems
            return []
        bound, problems = bind(ObjectiveObject, document)
        problems += _untold(empty_problems(document), problems)
        problems += _untold(slo_problems(document, self.resolve), problems)
        self.problems += problems
        return [] if bound is None or problems else self._built(document, bound)

    def _is_known(self, document: Document) -> bool:
        data = document.data
        if not isinstance(data, dict):
            self._add(document, (), "expected an OpenSLO object", "start with apiVersion: openslo/v1 and kind: SLO")
            return False
        version, kind = data.get("apiVersion"), data.get("kind")
        if version != API_VERSION:
            if version is None:
                self._add(document, (), '"apiVersion" is missing', f"write apiVersion: {API_VERSION}")
            elif str(version).startswith(("openslo", "OpenSLO")):
                self._add(document, ("apiVersion",), f"{version} is not read here", f"rewrite it as {API_VERSION}")
            else:
                self._add(document, ("apiVersion",), f'unknown apiVersion "{version}"', f"write {API_VERSION}")
            return False
        if kind not in KINDS:
            what = '"kind" is missing' if kind is None else f'unknown kind "{kind}"'
            self._add(document, () if kind is None else ("kind",), what, nearest(str(kind), (*KINDS, *OWN_KINDS)))
            return False
        return True

    def _enter(self, document: Document) -> None:
        metadata = document.data.get("metadata")
        name = metadata.get("name") if isinstance(metadata, dict) else None
        if not isinstance(name, str):
            return
        first = self._named.setdefault((document.data["kind"], name), document)
        if first is not document:
            at = ("metadata", "name")
            what = f'a second {document.data["kind"]} "{name}" (the first: {first.where(at)})'
            self._add(document, at, what, "give it a name of its own")

    def _check_indicator(self, document: Document) -> None:
        bound, problems = bind(IndicatorObject, document)
        problems += _untold(empty_problems(document), problems)
        spec = document.data.get("spec")
        if isinstance(spec, dict):
            problems += _untold(indicator_problems(document, ("spec",), spec), problems)
        self.problems += problems
        if bound is not None and not problems and bound.spec.ratio_metric is not None:
            self._indicator(document, ("spec",), bound, None)

    def _built(self, document: Document, bound: ObjectiveObject) -> list[AnyObjective]:
        before = len(self.problems)
        at: PropertyPath = ("spec",)
        spec = bound.spec
        shared = self._of_holder(document, at, spec, spec.objectives[0] if spec.objectives else None)
        own = [
            self._of_holder(document, (*at, "objectives", i), entry, entry) for i, entry in enumerate(spec.objectives)
        ]
        slices = [self._slices(document, bound, entry) for entry in spec.objectives]
        indicators = [each or shared for each in own]
        if len(self.problems) > before or not all(indicators):
            return []
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
                where=document.where((*at, "objectives", index, "target" if entry.target else "targetPercent")),
                method=Method(spec.budgeting_method),
                slices=slices[index],
                weight=Decimal(1) if entry.composite_weight is None else entry.composite_weight,
                labels=_frozen(metadata.labels),
                annotations=metadata.annotations,
            )
            for index, (entry, indicator) in enumerate(zip(spec.objectives, indicators, strict=True))
            if indicator is not None
        ]
        if not is_composite:
            return list(objectives)
        first = objectives[0]
        return [
            Composite(
                name=metadata.name,
                display_name=metadata.display_name or metadata.name,
                service=spec.service,
                description=spec.description,
                window=first.window,
                method=first.method,
                parts=tuple(objectives),
                runbook=first.runbook,
                owner=first.owner,
                where=document.where((*at, "objectives")),
                slices=first.slices,
                labels=first.labels,
                annotations=first.annotations,
            )
        ]

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
            return self._indicator(document, (*at, "indicator", "spec"), holder.indicator, entry)
        return self._referred(holder.indicator_ref, entry) if holder.indicator_ref is not None else None

    def _referred(self, name: str, entry: ObjectiveEntry | None) -> AnyIndicator | None:
        """Of an SLI whose problems are told with its own document."""
        document = self._named[("SLI", name)]
        bound, problems = bind(IndicatorObject, document)
        if bound is None or problems:
            return None
        kept, self.problems = self.problems, []
        indicator = self._indicator(document, ("spec",), bound, entry)
        self.problems = kept
        return indicator

    def _indicator(
        self, document: Document, at: PropertyPath, bound: InlineIndicator, entry: ObjectiveEntry | None
    ) -> AnyIndicator | None:
        name, spec = bound.metadata.name, bound.spec
        if spec.threshold_metric is not None:
            return self._threshold(document, (*at, "thresholdMetric", "metricSource"), name, spec, entry)
        metric = spec.ratio_metric
        if metric is None:
            return None
        place = (*at, "ratioMetric")
        if metric.raw is not None:
            where = (*place, "raw", "metricSource")
            raw = self._source(document, where, metric.raw.metric_source)
            if isinstance(raw, Selector):
                what = "holdfast records events, not ratios"
                self._add(document, where, what, "write good and total instead of raw")
                return None
            return None if raw is None else QueryRaw(name, raw, metric.raw_type == "success")
        return self._ratio(document, place, name, metric)

    def _ratio(self, document: Document, at: PropertyPath, name: str, metric: RatioMetric) -> AnyIndicator | None:
        side: Side = "good" if metric.good is not None else "bad"
        selected = metric.good or metric.bad
        if selected is None or metric.total is None:
            return None
        total = self._source(document, (*at, "total", "metricSource"), metric.total.metric_source)
        part = self._source(document, (*at, side, "metricSource"), selected.metric_source)
        if total is None or part is None:
            return None
        if isinstance(total, Selector) and isinstance(part, Selector):
            return ratio(document, at, name, side, part, total, self.problems.append)
        if isinstance(total, Selector) or isinstance(part, Selector) or total.type != part.type:
            what = f"{side} and total come from different kinds of source"
            self._add(document, (*at, side, "metricSource"), what, "count both in one place, or a ratio means nothing")
            return None
        counter = metric.counter is not False
        if side == "good":
            return QueryRatio(name, total, good=part, counter=counter)
        return QueryRatio(name, total, bad=part, counter=counter)

    def _threshold(
        self, document: Document, at: PropertyPath, name: str, spec: IndicatorSpec, entry: ObjectiveEntry | None
    ) -> AnyIndicator | None:
        metric = spec.threshold_metric
        if metric is None or entry is None or entry.op is None or entry.value is None:
            return None
        source = self._source(document, at, metric.metric_source)
        if not isinstance(source, Selector):
            return None if source is None else QueryThreshold(name, source, entry.op, entry.value)
        if source.under is not None or source.outcomes:
            key = "under" if source.under is not None else "outcome"
            what = f"a threshold of holdfast's samples is on their response time, and {key} has no place beside it"
            self._add(document, (*at, "spec", key), what, "leave it out, or write a ratioMetric")
            return None
        if entry.op not in ("lte", "lt"):
            what = "the value of holdfast's samples is their response time in seconds, and slow is not good"
            self._add(document, at, what, "write op: lte")
            return None
        good = Selector(source.names, source.source, ("ok",), float(entry.value))
        return Indicator(name, source, good=good)

    def _source(self, document: Document, at: PropertyPath, source: MetricSource) -> Selector | Query | None:
        kind, connection = source.type, {}
        if source.metric_source_ref is not None:
            referred = self.resolve("DataSource", source.metric_source_ref)
            if referred is None:
                what = f'there is no DataSource "{source.metric_source_ref}" in these files'
                self._add(document, (*at, "metricSourceRef"), what, "add it, or write type: holdfast")
                return None
            kind = kind or str(referred.get("type"))
            details = referred.get("connectionDetails")
            connection = details if isinstance(details, dict) else {}
        if kind is None or kind.lower() == SOURCE_TYPE:
            return selector(document, at, self.problems.append)
        where = document.where((*at, "spec"))
        return Query(kind.lower(), source.spec, connection, source.metric_source_ref or "", where)

    def _add(self, document: Document, at: PropertyPath, what: str, fix: str) -> None:
        self.problems.append(Problem(document.where(at), what, fix))


def _is_own(document: Document) -> bool:
    data = document.data
    return isinstance(data, dict) and "apiVersion" not in data and data.get("kind") in OWN_KINDS


def _untold(found: Iterable[Problem], told: Sequence[Problem]) -> list[Problem]:
    """Less what is wrong with a property of the wrong type, which breaks rules too: once is enough."""
    places = {problem.where for problem in told if "is missing" not in problem.what}
    return [problem for problem in found if problem.where not in places]


def _frozen(labels: Mapping[str, Any]) -> Mapping[str, str | tuple[str, ...]]:
    return {key: value if isinstance(value, str) else tuple(value) for key, value in labels.items()}


def _target_of(entry: ObjectiveEntry) -> Decimal:
    return entry.target if entry.target is not None else (entry.target_percent or Decimal(0)) / 100
