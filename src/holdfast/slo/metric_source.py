"""What an indicator's metrics are: holdfast's own samples, or a query of another source; references resolved."""

from collections.abc import Mapping
from typing import Any

from holdfast.errors import Problem
from holdfast.slo.definition import IndicatorSpec, InlineIndicator, MetricSource, ObjectiveEntry, RatioMetric
from holdfast.slo.indicator import Indicator, Selector
from holdfast.slo.library import Library
from holdfast.slo.objective import AnyIndicator, Query, QueryRatio, QueryRaw, QueryThreshold
from holdfast.slo.selection import SOURCE_TYPE, Side, Tell, ratio, selector
from holdfast.workspace.document import Document, PropertyPath, nearest


def indicator_of(
    document: Document,
    at: PropertyPath,
    bound: InlineIndicator,
    entry: ObjectiveEntry | None,
    library: Library,
    tell: Tell,
) -> AnyIndicator | None:
    """Of an indicator whose `spec` stands at `at`. `entry`: the objective that asks, whose op and value a threshold is
    compared with. None where something is wrong, which `tell` is told, or a threshold has nothing to compare with."""
    reading = _Reading(document, library, tell)
    name, spec = bound.metadata.name, bound.spec
    if spec.threshold_metric is not None:
        return reading.threshold((*at, "thresholdMetric", "metricSource"), name, spec, entry)
    metric = spec.ratio_metric
    if metric is None:
        return None
    place = (*at, "ratioMetric")
    if metric.raw is not None:
        return reading.raw((*place, "raw", "metricSource"), name, metric, metric.raw.metric_source)
    return reading.ratio(place, name, metric)


class _Reading:
    def __init__(self, document: Document, library: Library, tell: Tell) -> None:
        self.document = document
        self.library = library
        self.tell = tell

    def raw(self, at: PropertyPath, name: str, metric: RatioMetric, source: MetricSource) -> AnyIndicator | None:
        raw = self._source(at, source)
        if isinstance(raw, Selector):
            self._add(at, "holdfast records events, not ratios", "write good and total instead of raw")
            return None
        return None if raw is None else QueryRaw(name, raw, metric.raw_type == "success")

    def ratio(self, at: PropertyPath, name: str, metric: RatioMetric) -> AnyIndicator | None:
        side: Side = "good" if metric.good is not None else "bad"
        selected = metric.good or metric.bad
        if selected is None or metric.total is None:
            return None
        total = self._source((*at, "total", "metricSource"), metric.total.metric_source)
        part = self._source((*at, side, "metricSource"), selected.metric_source)
        if total is None or part is None:
            return None
        if isinstance(total, Selector) and isinstance(part, Selector):
            return ratio(self.document, at, name, side, part, total, self.tell)
        if isinstance(total, Selector) or isinstance(part, Selector) or total.type != part.type:
            what = f"{side} and total come from different kinds of source"
            self._add((*at, side, "metricSource"), what, "count both in one place, or a ratio means nothing")
            return None
        counter = metric.counter is not False
        if side == "good":
            return QueryRatio(name, total, good=part, counter=counter)
        return QueryRatio(name, total, bad=part, counter=counter)

    def threshold(
        self, at: PropertyPath, name: str, spec: IndicatorSpec, entry: ObjectiveEntry | None
    ) -> AnyIndicator | None:
        metric = spec.threshold_metric
        if metric is None:
            return None
        source = self._source(at, metric.metric_source)
        if entry is None or entry.op is None or entry.value is None:
            return None
        if not isinstance(source, Selector):
            return None if source is None else QueryThreshold(name, source, entry.op, entry.value)
        if source.under is not None or source.outcomes:
            key = "under" if source.under is not None else "outcome"
            what = f"a threshold of holdfast's samples is on their response time, and {key} has no place beside it"
            self._add((*at, "spec", key), what, "leave it out, or write a ratioMetric")
            return None
        if entry.op not in ("lte", "lt"):
            what = "the value of holdfast's samples is their response time in seconds, and slow is not good"
            self._add(at, what, "write op: lte")
            return None
        good = Selector(source.names, source.source, ("ok",), float(entry.value))
        return Indicator(name, source, good=good)

    def _source(self, at: PropertyPath, source: MetricSource) -> Selector | Query | None:
        kind: str | None = source.type
        connection: Mapping[str, Any] = {}
        if source.metric_source_ref is not None:
            referred = self.library("DataSource", source.metric_source_ref)
            if referred is None:
                what = f'there is no DataSource "{source.metric_source_ref}" in these files'
                known = nearest(source.metric_source_ref, self.library.names("DataSource"))
                self._add((*at, "metricSourceRef"), what, known)
                return None
            lent = referred.get("type")
            kind = kind or (lent if isinstance(lent, str) else "")
            details = referred.get("connectionDetails")
            connection = details if isinstance(details, dict) else {}
        if kind is None or kind.lower() == SOURCE_TYPE:
            return selector(self.document, at, self.tell)
        where = self.document.where((*at, "spec"))
        return Query(kind.lower(), source.spec, connection, source.metric_source_ref or "", where)

    def _add(self, at: PropertyPath, what: str, fix: str) -> None:
        self.tell(Problem(self.document.where(at), what, fix))
