"""OpenSLO v1 files in; objectives, and all that is wrong with the files, out.

Every kind of `openslo/v1` may stand in the files; SLO and SLI are read whole, DataSource for the type its references
stand for, the rest no further than the name. What is valid OpenSLO but cannot be judged here yet (time slices, calendar
windows, composites, thresholds, other metric sources) is refused with a problem that says so, never passed over.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from holdfast.errors import Problem
from holdfast.slo.conformance import empty_problems, indicator_problems, slo_problems
from holdfast.slo.definition import (
    HoldfastMetric,
    IndicatorObject,
    IndicatorSpec,
    InlineIndicator,
    MetricSource,
    ObjectiveEntry,
    ObjectiveObject,
    OtherObject,
    never_good,
)
from holdfast.slo.indicator import Indicator, Selector
from holdfast.workspace.binding import bind
from holdfast.workspace.document import Document, PropertyPath, nearest

API_VERSION: Final = "openslo/v1"
KINDS: Final = ("AlertCondition", "AlertNotificationTarget", "AlertPolicy", "DataSource", "SLI", "SLO", "Service")
RUNBOOK: Final = "holdfast.dev/runbook"
OWNER: Final = "holdfast.dev/owner"
_NOT_YET: Final = "is valid OpenSLO, but not yet judged by this version"


@dataclass(frozen=True, slots=True)
class Objective:
    """What a service promises. `target`: share of good events; `window`: seconds; `where`: the line of the target."""

    name: str
    display_name: str
    service: str
    description: str
    target: Decimal
    window: float
    indicator: Indicator
    runbook: str
    owner: str
    where: str


def load_objectives(documents: Iterable[Document]) -> tuple[list[Objective], list[Problem]]:
    """The objectives of all documents together, in order; SLOs with a problem are left out."""
    loading = _Loading(list(documents))
    objectives = [objective for document in loading.documents for objective in loading.objectives_of(document)]
    return objectives, loading.problems


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
        self.documents = [document for document in documents if self._is_known(document)]
        self._named: dict[tuple[str, str], Document] = {}
        for document in self.documents:
            self._enter(document)

    def resolve(self, kind: str, name: object) -> Mapping[str, Any] | None:
        document = self._named.get((kind, str(name)))
        spec = document.data.get("spec") if document else None
        return spec if isinstance(spec, dict) else {} if document else None

    def objectives_of(self, document: Document) -> list[Objective]:
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
            self._add(document, () if kind is None else ("kind",), what, nearest(str(kind), KINDS))
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
        if bound is not None and not problems:
            self._indicator(document, ("spec",), bound)

    def _built(self, document: Document, bound: ObjectiveObject) -> list[Objective]:
        before = len(self.problems)
        at: PropertyPath = ("spec",)
        spec = bound.spec
        if spec.budgeting_method != "Occurrences":
            what = f"{spec.budgeting_method} {_NOT_YET}"
            self._add(document, (*at, "budgetingMethod"), what, "write Occurrences: good events over all events")
        window = spec.time_window[0]
        if not window.is_rolling:
            self._add(document, (*at, "timeWindow", 0), f"a calendar window {_NOT_YET}", "write isRolling: true")
        for index, entry in enumerate(spec.objectives):
            if entry.indicator is not None or entry.indicator_ref is not None or entry.composite_weight is not None:
                place = (*at, "objectives", index)
                self._add(document, place, f"a composite {_NOT_YET}", "write one SLO for each indicator")
        indicator = None
        if spec.indicator is not None:
            indicator = self._indicator(document, (*at, "indicator", "spec"), spec.indicator)
        elif spec.indicator_ref is not None:
            indicator = self._referred(spec.indicator_ref)
        if indicator is None or len(self.problems) > before:
            return []
        metadata = bound.metadata
        return [
            Objective(
                name=_name_of(metadata.name, index, spec.objectives),
                display_name=entry.display_name or metadata.display_name or metadata.name,
                service=spec.service,
                description=spec.description,
                target=_target_of(entry),
                window=window.duration,
                indicator=indicator,
                runbook=metadata.annotations.get(RUNBOOK, ""),
                owner=metadata.annotations.get(OWNER, ""),
                where=document.where((*at, "objectives", index, "target" if entry.target else "targetPercent")),
            )
            for index, entry in enumerate(spec.objectives)
        ]

    def _referred(self, name: str) -> Indicator | None:
        """Of an SLI whose problems are told with its own document."""
        document = self._named[("SLI", name)]
        bound, problems = bind(IndicatorObject, document)
        if bound is None or problems:
            return None
        kept, self.problems = self.problems, []
        indicator = self._indicator(document, ("spec",), bound)
        self.problems = kept
        return indicator

    def _indicator(self, document: Document, at: PropertyPath, bound: InlineIndicator) -> Indicator | None:
        ratio = _judged_ratio(bound.spec)
        if ratio is None:
            self._add(document, at, f"an indicator without good or bad and total {_NOT_YET}", "count events instead")
            return None
        side, selected, total_source = ratio
        place = (*at, "ratioMetric")
        total = self._selector(document, (*place, "total", "metricSource"), total_source)
        part = self._selector(document, (*place, side, "metricSource"), selected)
        if total is None or part is None:
            return None
        if side == "good" and not part.outcomes:
            part = Selector(part.names, part.source, ("ok",), part.under)
        before = len(self.problems)
        self._check_within(document, place, side, part, total)
        if len(self.problems) > before:
            return None
        name = bound.metadata.name
        return Indicator(name, total, good=part) if side == "good" else Indicator(name, total, bad=part)

    def _selector(self, document: Document, at: PropertyPath, source: MetricSource) -> Selector | None:
        kind = source.type
        if source.metric_source_ref is not None:
            referred = self.resolve("DataSource", source.metric_source_ref)
            if referred is None:
                what = f'there is no DataSource "{source.metric_source_ref}" in these files'
                self._add(document, (*at, "metricSourceRef"), what, "add it, or write type: holdfast")
                return None
            kind = kind or str(referred.get("type"))
        if kind != "holdfast":
            self._add(document, (*at, "type"), f"a metric source of type {kind} {_NOT_YET}", "write type: holdfast")
            return None
        metric, problems = bind(HoldfastMetric, document, (*at, "spec"))
        self.problems += problems
        return None if metric is None else Selector(metric.name, metric.source, metric.outcome, metric.under)

    def _check_within(self, document: Document, at: PropertyPath, side: str, part: Selector, total: Selector) -> None:
        """What is good or bad must be a part of what is counted, or a ratio could pass 1."""
        spec = (*at, side, "metricSource", "spec")
        if set(part.names) != set(total.names) or part.source != total.source:
            what = f"{side} and total select different samples"
            self._add(document, (*spec, "name"), what, "give both the same name and source, and only good an outcome")
        outside = [word for word in part.outcomes if total.outcomes and word not in total.outcomes]
        if outside:
            what = f'{side} counts "{outside[0]}", which total leaves out'
            self._add(document, (*spec, "outcome"), what, "add it to total's outcome, or leave that out")
        if total.under is not None:
            place = (*at, "total", "metricSource", "spec", "under")
            self._add(document, place, "total counts fast and slow events alike", "put under into good")
        if side == "bad" and part.under is not None:
            self._add(document, (*spec, "under"), "fast events are not bad ones", "write good with under")
        if side == "bad" and not part.outcomes:
            self._add(document, spec, "every event would be bad", "name the bad outcomes: outcome: [failed, timed_out]")
        if side == "good" and never_good(part.outcomes):
            what = f'"{never_good(part.outcomes)[0]}" can never be good'
            self._add(document, (*spec, "outcome"), what, "leave it out: what was not answered was not served")

    def _add(self, document: Document, at: PropertyPath, what: str, fix: str) -> None:
        self.problems.append(Problem(document.where(at), what, fix))


def _untold(found: Iterable[Problem], told: Sequence[Problem]) -> list[Problem]:
    """Less what is wrong with a property of the wrong type, which breaks rules too: once is enough."""
    places = {problem.where for problem in told if "is missing" not in problem.what}
    return [problem for problem in found if problem.where not in places]


def _judged_ratio(spec: IndicatorSpec) -> tuple[str, MetricSource, MetricSource] | None:
    ratio = spec.ratio_metric
    if ratio is None or ratio.total is None:
        return None
    if ratio.good is not None:
        return "good", ratio.good.metric_source, ratio.total.metric_source
    return ("bad", ratio.bad.metric_source, ratio.total.metric_source) if ratio.bad is not None else None


def _target_of(entry: ObjectiveEntry) -> Decimal:
    return entry.target if entry.target is not None else (entry.target_percent or Decimal(0)) / 100
