"""The series that make an objective's rules see a course of events: its own metrics, or what is recorded of them.

A query that is a plain selector is fed through the metrics themselves, so that its labels are tested too. Of another
one only what is recorded can be fed: its query is then not under test, and the file says so.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Final

from holdfast.slo.indicator import Indicator, Selector
from holdfast.slo.objective import Composite, Method, Objective, Query, QueryRatio, QueryRaw, QueryThreshold
from holdfast.slo.promql import RESPONSE, SAMPLES, bucket_edge, range_seconds
from holdfast.slo.rule_course import Course
from holdfast.slo.rule_records import BAD, RATIO, TOTAL, counts_events, series
from holdfast.slo.selector_example import SeriesSelector, example, parse_selector

Values = tuple[int | Fraction, ...]
_SUM: Final = ("sum(", ")")


@dataclass(frozen=True, slots=True)
class Fed:
    """One input series: its name with labels, and a value at each evaluation from the first on."""

    series: str
    values: Values


@dataclass(frozen=True, slots=True)
class Stimulus:
    """`unit`: seconds that are good or bad as a whole; 0: any share of events can be bad.

    `direct`: the metrics themselves are fed, not what is recorded of them.
    """

    feed: Callable[[Course], Sequence[Fed]]
    unit: int
    direct: bool


def stimulus_of(objective: Objective | Composite, windows: Sequence[int]) -> Stimulus | None:
    """None where an objective's query has values even without its metrics. `windows`: those that are recorded."""
    if isinstance(objective, Composite):
        return Stimulus(lambda course: _recorded_parts(objective, windows, course), 0, direct=False)
    unit = 0
    if objective.slices is not None and objective.method is Method.TIMESLICES:
        unit = objective.slices.seconds
    feed = _direct(objective)
    if feed is not None:
        if isinstance(objective.indicator, QueryThreshold):
            unit = max(unit, _resolution(objective.indicator.metric))
        return Stimulus(feed, unit, direct=True)
    if objective.method is not Method.OCCURRENCES or any("vector" in text for text in _texts(objective)):
        return None
    return Stimulus(lambda course: _recorded(objective, windows, course), 0, direct=False)


def _direct(objective: Objective) -> Callable[[Course], Sequence[Fed]] | None:
    indicator = objective.indicator
    match indicator:
        case Indicator():
            return _of_samples(indicator)
        case QueryRatio():
            return _of_ratio(indicator)
        case QueryRaw():
            selector = _plain(indicator.raw, summed=False)
            return None if selector is None else _of_raw(selector, indicator.success)
        case QueryThreshold():
            selector = _plain(indicator.metric, summed=False)
            return None if selector is None else _of_threshold(selector, indicator)


def _of_samples(indicator: Indicator) -> Callable[[Course], Sequence[Fed]] | None:
    total = indicator.total
    name = total.names[0].replace("*", "any").replace("?", "x")
    labels = {"source": total.source or "load", "name": name, "scenario": name.partition("/")[0]}
    good, bad = _outcomes(indicator)
    if good is None or bad is None:
        return None
    under = indicator.good.under if indicator.good is not None else None

    def feed(course: Course) -> Sequence[Fed]:
        rest = _counter([t - b for b, t in zip(course.bad, course.total, strict=True)])
        if under is None:
            return (
                Fed(_text(SAMPLES, {**labels, "outcome": good}), rest),
                Fed(_text(SAMPLES, {**labels, "outcome": bad}), _counter(course.bad)),
            )
        return (
            Fed(_text(SAMPLES, {**labels, "outcome": good}), _counter(course.total)),
            Fed(_text(f"{RESPONSE}_bucket", {**labels, "outcome": good, "le": bucket_edge(under)}), rest),
        )

    return feed


def _outcomes(indicator: Indicator) -> tuple[str | None, str | None]:
    """One that is good and one that is bad, among those that are counted."""
    counted = indicator.total.outcomes or ("ok", "failed", "timed_out", "rate_limited", "rejected")
    side: Selector | None = indicator.good or indicator.bad
    named = side.outcomes if side is not None and side.outcomes else counted
    inside = next((outcome for outcome in named if outcome in counted), None)
    outside = next((outcome for outcome in counted if outcome not in named), None)
    if indicator.bad is not None:
        return outside or "ok", inside
    return inside, outside or "unfinished"


def _of_ratio(indicator: QueryRatio) -> Callable[[Course], Sequence[Fed]] | None:
    side = indicator.good or indicator.bad
    total, part = _plain(indicator.total), None if side is None else _plain(side)
    if total is None or part is None:
        return None
    is_good = indicator.good is not None
    accrue = _counter if indicator.counter else _each
    same = total.metric == part.metric
    inside = example([total, part] if same else [part])
    outside = example([total], [part]) if same else example([total])
    if inside is None or outside is None:
        return None

    def feed(course: Course) -> Sequence[Fed]:
        rest = [t - b for b, t in zip(course.bad, course.total, strict=True)]
        of_part, of_rest = (rest, list(course.bad)) if is_good else (list(course.bad), rest)
        others = of_rest if same else list(course.total)
        return (
            Fed(_text(part.metric, inside), accrue(of_part)),
            Fed(_text(total.metric, outside), accrue(others)),
        )

    return feed


def _of_raw(selector: SeriesSelector, success: bool) -> Callable[[Course], Sequence[Fed]] | None:
    labels = example([selector])
    if labels is None:
        return None

    def feed(course: Course) -> Sequence[Fed]:
        ratios = [Fraction(b, t) if t else Fraction(0) for b, t in zip(course.bad, course.total, strict=True)]
        return (Fed(_text(selector.metric, labels), _each([1 - r if success else r for r in ratios])),)

    return feed


def _of_threshold(selector: SeriesSelector, indicator: QueryThreshold) -> Callable[[Course], Sequence[Fed]] | None:
    labels = example([selector])
    if labels is None:
        return None
    room = abs(indicator.limit) / 2 or Decimal(1)
    low, high = Fraction(indicator.limit - room), Fraction(indicator.limit + room)
    good, bad = (low, high) if indicator.op in ("lte", "lt") else (high, low)

    def feed(course: Course) -> Sequence[Fed]:
        return (Fed(_text(selector.metric, labels), _each([bad if b else good for b in course.bad])),)

    return feed


def _recorded(objective: Objective, windows: Sequence[int], course: Course) -> Sequence[Fed]:
    if not counts_events(objective):
        return [Fed(series(RATIO, objective, window), _ratios(course, window)) for window in windows]
    return [
        Fed(series(record, objective, window), _over(course, counts, window))
        for window in windows
        for record, counts in ((TOTAL, course.total), (BAD, course.bad))
    ]


def _recorded_parts(composite: Composite, windows: Sequence[int], course: Course) -> Sequence[Fed]:
    return [Fed(series(RATIO, part, window), _ratios(course, window)) for part in composite.parts for window in windows]


def _ratios(course: Course, window: int) -> Values:
    steps = range(len(course.bad) + 1)
    return tuple(Fraction(bad, total or 1) for bad, total in (course.ratio(window, at) for at in steps))


def _over(course: Course, counts: Sequence[int], window: int) -> Values:
    summed = _counter(counts)
    steps = window // course.step
    return tuple(summed[at] - summed[max(0, at - steps)] for at in range(len(summed)))


def _counter(counts: Sequence[int | Fraction]) -> Values:
    values: list[int | Fraction] = [0]
    for count in counts:
        values.append(values[-1] + count)
    return tuple(values)


def _each(counts: Sequence[int | Fraction]) -> Values:
    return (counts[0], *counts)


def _plain(query: Query, summed: bool = True) -> SeriesSelector | None:
    text = str(query.spec.get("query", "")).strip()
    if summed and text.startswith(_SUM[0]) and text.endswith(_SUM[1]):
        text = text[len(_SUM[0]) : -1]
    return parse_selector(text)


def _texts(objective: Objective) -> Iterator[str]:
    match objective.indicator:
        case QueryRatio() as ratio:
            for query in (ratio.total, ratio.good, ratio.bad):
                if query is not None:
                    yield str(query.spec.get("query", ""))
        case QueryRaw() as raw:
            yield str(raw.raw.spec.get("query", ""))
        case QueryThreshold() as threshold:
            yield str(threshold.metric.spec.get("query", ""))
        case _:
            return


def _resolution(query: Query) -> int:
    return range_seconds(str(query.spec.get("resolution", "1m")))


def _text(metric: str, labels: dict[str, str]) -> str:
    inside = ",".join(f'{label}="{_quoted(value)}"' for label, value in labels.items())
    return f"{metric}{{{inside}}}" if inside else metric


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
