"""Prometheus' answers as a history.

    events       a step [t, t + step) holds what the compiled expression counts over its length, evaluated at its end
    values       a raw ratio or a threshold's metric is looked at once, at the step's end, and weighs one event
    not measured no total, or one that is not a number; nobody scraped it
    no errors    a total, and no series of bad (or good) ones: none has happened yet

increase() extrapolates from the scrapes in a step to its ends, so that a step's count is a measurement, not a whole
number; over many steps it evens out. A step needs two scrapes in it, or it is not measured.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from holdfast.clock import Clock
from holdfast.errors import InputError, Problem
from holdfast.slo.history import History, broken_steps
from holdfast.slo.indicator import Indicator
from holdfast.slo.objective import AnyIndicator, Objective, Query, QueryRatio
from holdfast.slo.promql import Expressions, bucket_edge, expressions, range_text, sampled
from holdfast.slo.sources.observed import Observed, unmeasured, whole_steps
from holdfast.slo.sources.prometheus.api import MOST_POINTS, Answer, PrometheusApi, Series
from holdfast.slo.sources.prometheus.connection import Connection
from holdfast.slo.window import Span

TEST_TRAFFIC: Final = "testTraffic"
_NOISE: Final = 1e-9  # of a total: what floats make of good + bad
_MOST_LABELS: Final = 3

Floats = npt.NDArray[np.float64]


class PrometheusSource:
    """`at`: as of when; nothing later is asked for."""

    def __init__(
        self,
        connection: Connection,
        *,
        at: float,
        timeout: float = 30.0,
        deadline: float = 300.0,
        clock: Clock | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.name = f"Prometheus at {connection.url}"
        self._at = at
        self._api = PrometheusApi(connection, timeout=timeout, deadline=deadline, clock=clock, environment=environment)

    def observe(self, objective: Objective, span: Span, step: int) -> Observed:
        start, end = whole_steps(Span(span.start, min(span.end, self._at)), step)
        if start == end:
            return Observed(unmeasured(start, end, step))
        return self._observed(objective, start, end, step)

    def instant(self, objective: Objective, window: int) -> Observed:
        """One step of `window` whole seconds that ends at `at`: one evaluation, however long the window."""
        end = int(self._at)
        return self._observed(objective, end - window, end, window)

    def extent(self, objective: Objective) -> Span | None:  # noqa: ARG002 - Prometheus tells no such thing
        return None

    def _observed(self, objective: Objective, start: int, end: int, step: int) -> Observed:
        tests = _tests_of(objective)
        asking = _Asking(self._api, objective, start, end, step)
        history = asking.history(objective.indicator)
        test_traffic = None
        if tests is not None:
            found = asking.history(tests, is_part=True)
            test_traffic = replace(
                found,
                good=np.where(history.measured, found.good, 0.0),
                total=np.where(history.measured, found.total, 0.0),
                measured=history.measured,
            )
            over = int(np.count_nonzero(test_traffic.total > history.total * (1 + _NOISE)))
            if over:
                asking.note(f"{_of(over, len(history))} have more test traffic than traffic: the queries do not agree")
        return Observed(history, test_traffic, tuple(asking.notes))


@dataclass(slots=True)
class _Asking:
    """One objective over some steps."""

    api: PrometheusApi
    objective: Objective
    start: int
    end: int
    step: int
    notes: list[str] = field(default_factory=list)

    @property
    def steps(self) -> int:
        return (self.end - self.start) // self.step

    def note(self, text: str) -> None:
        if text not in self.notes:
            self.notes.append(text)

    def history(self, indicator: AnyIndicator, *, is_part: bool = False) -> History:
        """`is_part`: of the traffic that was asked for before, so that what is missing is none of it."""
        asked = self._expressions(indicator)
        if asked.total is None or asked.bad is None:
            total, bad = None, self._values(asked.ratio)
            total = np.where(np.isfinite(bad), 1.0, np.nan)
        else:
            total = self._values(asked.total)
            bad = self._values(asked.bad) if np.isfinite(total).any() else np.full(self.steps, np.nan)
        measured = np.isfinite(total)
        odd = int(np.count_nonzero(np.isinf(total) | (measured & np.isinf(bad))))
        if odd:
            self.note(f"{_of(odd, self.steps)} were answered with infinity, and are not measured")
        measured &= ~np.isinf(bad)
        total, bad = np.where(measured, total, 0.0), np.where(measured & np.isfinite(bad), bad, 0.0)
        good = total - bad
        good = np.where(np.abs(good) <= _NOISE * total, 0.0, good)
        good = np.where(np.abs(bad) <= _NOISE * total, total, good)
        history = History(self.start, self.step, good, total, measured)
        if not is_part:
            self._tell_doubts(history)
        return history

    def _tell_doubts(self, history: History) -> None:
        missing = self.steps - int(np.count_nonzero(history.measured))
        if missing == self.steps:
            self.note(
                f"Prometheus has no total of {self.objective.name}: nothing was measured "
                f"(a step of {range_text(self.step)} needs two scrapes in it; a longer --step has more)"
            )
        elif missing:
            self.note(f"{_of(missing, self.steps)} have no total, and are not measured")
        under = _under(self.objective.indicator)
        if under is not None and history.total.any() and not history.good.any():
            self.note(
                f'nothing was ever good: does a bucket le="{bucket_edge(under)}" exist? '
                "An exporter that is not given the objective has no such edge"
            )
        bad_side = self.objective.indicator.bad if isinstance(self.objective.indicator, QueryRatio) else None
        if bad_side is not None and history.total.any() and not history.bad.any():
            self.note("nothing was ever bad: does the query of bad match anything? One that never does reads 100 %")
        if broken := broken_steps(history):
            self.note(f"{_of(broken, self.steps)} have more good events than events, or fewer than none")

    def _expressions(self, indicator: AnyIndicator) -> Expressions:
        try:
            if isinstance(indicator, (Indicator, QueryRatio)):
                return expressions(indicator, range_text(self.step))
            return Expressions(sampled(indicator, range_text(self.step)))
        except ValueError as error:
            raise InputError(Problem(self.objective.where, str(error), "give a query, or another source")) from error

    def _values(self, query: str) -> Floats:
        """One value a step; NaN where there is none. Raises InputError where several series answer."""
        found = np.full(self.steps, np.nan)
        doubtful: dict[str, int] = {}
        nans = 0
        for first, last, answer in self._answers(query):
            series = _only(answer, query, self.objective)
            for doubt in answer.doubts:
                doubtful[doubt] = doubtful.get(doubt, 0) + last - first
            if series is None:
                continue
            places = np.rint((np.array(series.times) - self.start) / self.step).astype(np.int64) - 1
            inside = (places >= 0) & (places < self.steps)
            values = np.array(series.values, dtype=np.float64)
            nans += int(np.count_nonzero(np.isnan(values)))
            found[places[inside]] = values[inside]
        for doubt, steps in doubtful.items():
            self.note(f"{_of(steps, self.steps)} were answered with a warning: {doubt}")
        if nans:
            self.note(f"{_of(nans, self.steps)} were answered with NaN")
        return found

    def _answers(self, query: str) -> Iterator[tuple[int, int, Answer]]:
        """First and end of some steps, and the answer to them; each at its own end, none asked twice."""
        where = self.objective.where
        if self.steps == 1:
            yield 0, 1, self.api.instant(query, self.end, where)
            return
        for first in range(0, self.steps, MOST_POINTS):
            last = min(first + MOST_POINTS, self.steps)
            start, end = self.start + (first + 1) * self.step, self.start + last * self.step
            yield first, last, self.api.range(query, start, end, self.step, where)


def _under(indicator: AnyIndicator) -> float | None:
    good = indicator.good if isinstance(indicator, Indicator) else None
    return good.under if good is not None else None


def _only(answer: Answer, query: str, objective: Objective) -> Series | None:
    if len(answer.series) <= 1:
        return answer.series[0] if answer.series else None
    told = ", ".join(_labels(series.labels) for series in answer.series[:_MOST_LABELS])
    more = ", …" if len(answer.series) > _MOST_LABELS else ""
    what = f"{len(answer.series)} series answer for {objective.name} ({told}{more}): {query}"
    raise InputError(Problem(objective.where, what, "sum them up in the query: sum(…)"))


def _labels(labels: Mapping[str, str]) -> str:
    return "{" + ", ".join(f'{name}="{value}"' for name, value in sorted(labels.items())) + "}"


def _tests_of(objective: Objective) -> QueryRatio | None:
    """The marked part of both sides. Raises InputError where only one side says which."""
    ratio = objective.indicator
    if not isinstance(ratio, QueryRatio):
        return None
    sides = [side for side in (ratio.total, ratio.good, ratio.bad) if side is not None]
    marked = [side for side in sides if TEST_TRAFFIC in side.spec]
    if not marked:
        return None
    if len(marked) < len(sides):
        missing = next(side for side in sides if TEST_TRAFFIC not in side.spec)
        what = f"{TEST_TRAFFIC} stands on one side of {objective.name} alone"
        raise InputError(Problem(missing.where, what, "say on both sides which part is test traffic"))
    return replace(
        ratio,
        total=_marked(ratio.total),
        good=None if ratio.good is None else _marked(ratio.good),
        bad=None if ratio.bad is None else _marked(ratio.bad),
    )


def _marked(query: Query) -> Query:
    spec: dict[str, Any] = {**query.spec, "query": query.spec[TEST_TRAFFIC]}
    return replace(query, spec=spec)


def _of(count: int, steps: int) -> str:
    return f"{count:,} of {steps:,} steps"
