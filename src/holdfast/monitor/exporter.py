"""Records as Prometheus metrics: counts and response times of one record or of many, read on as they grow.

What a record holds when the exporter begins is where its counters begin: Prometheus dates an increase by its scrape,
and those samples are older. A series that comes later is shown as 0 once, and with its counts from the next scrape on,
since increase() sees no first value. Of every name each outcome is shown from the start, most of them as 0.

What counts in no error budget (see `slo.counted`) or for no objective (`slo.indicator.is_no_event`) is a metric of its
own, so that rules say what a run's verdict says. The end of an idle connection is shown once it is known whose fault it
was, some seconds later.

A bucket counts what `Histogram.count_up_to` counts, so that an objective's `under` says the same of a record and of
the metrics.
"""

import math
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector

from holdfast.errors import RunFolderError
from holdfast.monitor.metrics import (
    LADDER,
    LAST_SAMPLE,
    MOST_NAMES,
    NAMES_LEFT_OUT,
    OBJECTIVE_BURN_RATE,
    OBJECTIVE_TARGET,
    OBJECTIVE_WINDOW,
    RESPONSE_METRIC,
    SAMPLES_METRIC,
    UNCOUNTED_METRIC,
    Metric,
)
from holdfast.record.histogram import MICROSECONDS, Histogram, bucket_bounds, bucket_middle
from holdfast.record.idle_closes import settled_from, settled_later
from holdfast.record.recorder import Interval
from holdfast.record.sample import IDLE_CLOSED, OUTCOMES
from holdfast.record.store import RunStore
from holdfast.run.guarding import SOURCE as GUARD
from holdfast.slo.counted import is_counted, phases_of, search_began
from holdfast.slo.indicator import Indicator, is_no_event
from holdfast.slo.objective import Composite, Objective
from holdfast.slo.promql import bucket_edge

Family = CounterMetricFamily | HistogramMetricFamily | GaugeMetricFamily
Key = tuple[str, str]

_GUARD_SUFFIX: Final = "/burn_rate"


class Exporter(Collector):
    """`databases`: the `run.db` of each record there is now; asked anew at each scrape."""

    def __init__(
        self,
        databases: Callable[[], Iterable[Path]],
        objectives: Iterable[Objective | Composite] = (),
        *,
        most_names: int = MOST_NAMES,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._databases = databases
        self._objectives = tuple(objectives)
        self._edges = edges_of(self._objectives)
        self._places: dict[int, int] = {}
        self._names: dict[Key, dict[str, _Series]] = {}
        self._most_names = most_names
        self._uncounted: dict[tuple[str, str, str], int] = {}
        self._left_out: set[Key] = set()
        self._read_to: dict[Path, int] = {}
        self._idle_closes: dict[Path, list[Interval]] = {}  # of each record those that are too new to be judged
        self._now = now
        self._newest: int | None = None
        self._burn_rates: dict[str, tuple[float, float]] = {}
        self._lock = threading.Lock()
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(self)
        self._read(live=False)

    @property
    def left_out(self) -> int:
        return len(self._left_out)

    def text(self) -> bytes:
        """The scrape: what is new is read first."""
        with self._lock:
            self._read(live=True)
            return generate_latest(self._registry)

    def collect(self) -> Iterator[Family]:
        samples = CounterMetricFamily(SAMPLES_METRIC.name, SAMPLES_METRIC.text, labels=SAMPLES_METRIC.labels)
        response = HistogramMetricFamily(RESPONSE_METRIC.name, RESPONSE_METRIC.text, labels=RESPONSE_METRIC.labels)
        for (source, name), series in sorted(self._names.items()):
            scenario = name.partition("/")[0]
            for outcome, one in series.items():
                labels = (source, name, outcome, scenario)
                samples.add_metric(labels, one.count if one.shown else 0)
                if one.count:  # of an outcome that never was, a histogram would be 15 series of nothing
                    response.add_metric(labels, self._buckets(one), one.seconds if one.shown else 0.0)
        uncounted = CounterMetricFamily(UNCOUNTED_METRIC.name, UNCOUNTED_METRIC.text, labels=UNCOUNTED_METRIC.labels)
        for (source, name, outcome), number in sorted(self._uncounted.items()):
            uncounted.add_metric((source, name, outcome, name.partition("/")[0]), number)
        yield samples
        yield uncounted
        yield response
        yield _gauge(NAMES_LEFT_OUT, [((), float(len(self._left_out)))])
        if self._newest is not None:
            yield _gauge(LAST_SAMPLE, [((), float(self._newest))])
        if self._objectives:
            yield _gauge(OBJECTIVE_TARGET, [((o.name, o.service), float(o.target)) for o in self._single()])
            yield _gauge(OBJECTIVE_WINDOW, [((o.name, o.service), float(o.window.seconds)) for o in self._objectives])
        if self._burn_rates:
            yield _gauge(OBJECTIVE_BURN_RATE, [((name,), rate) for name, (_, rate) in sorted(self._burn_rates.items())])
        for series in self._names.values():
            for one in series.values():
                one.shown = one.shown or one.count > 0

    def _single(self) -> list[Objective]:
        return [objective for objective in self._objectives if isinstance(objective, Objective)]

    def _read(self, *, live: bool) -> None:
        for path in self._databases():
            try:
                self._read_on(path, live=live or path in self._read_to)
            except (RunFolderError, sqlite3.Error, ValueError):
                continue  # not begun yet, in the middle of its making, or damaged: the next scrape looks again

    def _read_on(self, path: Path, *, live: bool) -> None:
        with RunStore.reading(path) as store:
            last, intervals = store.added(None, self._read_to.get(path, 0))
            gauges = store.gauges(GUARD)[-50:] if intervals else []
            settled, waiting = self._settled(path, intervals, store)
            spans = store.spans() if settled else []
        self._read_to[path], self._idle_closes[path] = last, waiting
        phases, searching = phases_of(spans, math.inf, planned=True), search_began(spans)
        for interval in settled:
            if not is_no_event(interval) and is_counted(interval.second, phases, searching):
                self._add(interval, live=live)
            else:
                self._set_aside(interval)
        for gauge in gauges:
            name = gauge.name.removesuffix(_GUARD_SUFFIX)
            if gauge.name != name and gauge.at >= self._burn_rates.get(name, (0.0, 0.0))[0]:
                self._burn_rates[name] = (gauge.at, gauge.value)

    def _settled(self, path: Path, added: list[Interval], store: RunStore) -> tuple[list[Interval], list[Interval]]:
        """What can be shown, and the ends of idle connections that are too new for it."""
        now = self._now()
        closed = [*self._idle_closes.get(path, []), *(i for i in added if i.outcome == IDLE_CLOSED)]
        ripe = [interval for interval in closed if settled_from(interval) <= now]
        waiting = [interval for interval in closed if settled_from(interval) > now]
        return [*(i for i in added if i.outcome != IDLE_CLOSED), *settled_later(ripe, store)], waiting

    def _add(self, interval: Interval, *, live: bool) -> None:
        key = (interval.source, interval.name)
        series = self._names.get(key)
        if series is None:
            if len(self._names) >= self._most_names:
                self._left_out.add(key)
                return
            series = self._names[key] = {outcome: _Series() for outcome in OUTCOMES}
        one = series.setdefault(interval.outcome, _Series())
        one.count += interval.count
        one.shown = one.shown or not live
        self._fold(one, interval.response)
        self._newest = interval.second if self._newest is None else max(self._newest, interval.second)

    def _set_aside(self, interval: Interval) -> None:
        key = (interval.source, interval.name, interval.outcome)
        if key not in self._uncounted and len(self._uncounted) >= self._most_names * len(OUTCOMES):
            self._left_out.add(key[:2])
            return
        self._uncounted[key] = self._uncounted.get(key, 0) + interval.count
        self._newest = interval.second if self._newest is None else max(self._newest, interval.second)

    def _fold(self, one: "_Series", response: Histogram) -> None:
        for index, count in response.counts.items():
            place = self._places.get(index)
            if place is None:
                place = self._places[index] = self._place(index)
            one.by_edge[place] = one.by_edge.get(place, 0) + count
            one.seconds += bucket_middle(index) * count

    def _place(self, index: int) -> int:
        """The first edge that a bucket of the record lies below as a whole."""
        slowest = round(bucket_bounds(index)[1] * MICROSECONDS) - 1
        limits = (round(edge * MICROSECONDS) for edge in self._edges)
        return next((place for place, limit in enumerate(limits) if slowest <= limit), len(self._edges))

    def _buckets(self, one: "_Series") -> list[tuple[str, float]]:
        texts = [*(bucket_edge(edge) for edge in self._edges), "+Inf"]
        if not one.shown:
            return [(text, 0) for text in texts]
        buckets: list[tuple[str, float]] = []
        so_far = 0
        for place, text in enumerate(texts):
            so_far += one.by_edge.get(place, 0)
            buckets.append((text, so_far))
        return buckets


@dataclass(slots=True)
class _Series:
    """What was counted of one source, name and outcome. `shown`: whether a scrape has seen it as 0, or may not."""

    count: int = 0
    seconds: float = 0.0
    by_edge: dict[int, int] = field(default_factory=dict)
    shown: bool = False


def edges_of(objectives: Iterable[Objective | Composite]) -> tuple[float, ...]:
    """The ladder and every `under`, seconds, rising: a limit that is no edge could not be asked for."""
    parts = [o for each in objectives for o in (each.parts if isinstance(each, Composite) else (each,))]
    unders = [
        o.indicator.good.under
        for o in parts
        if isinstance(o.indicator, Indicator) and o.indicator.good is not None and o.indicator.good.under is not None
    ]
    return tuple({bucket_edge(edge): edge for edge in sorted([*unders, *LADDER])}.values())


def _gauge(metric: Metric, values: Iterable[tuple[tuple[str, ...], float]]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(metric.name, metric.text, labels=metric.labels)
    for labels, value in values:
        family.add_metric(labels, value)
    return family
