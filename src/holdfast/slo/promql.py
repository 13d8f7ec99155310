"""PromQL of an indicator: the same question, asked of Prometheus instead of a run's record. Text in, text out.

    events in a range   sum(increase(holdfast_samples_total{…}[5m]))        error ratio   bad events / total events

Metrics that holdfast exports (see `holdfast.monitor.exporter`):

    holdfast_samples_total{source, name, outcome, scenario}                 counter
    holdfast_response_seconds_bucket{source, name, outcome, scenario, le}   histogram of response time from the due time

`name` is the sample's whole name ("billing_inquiry/list_invoices") and `scenario` its first part, so that the globs of
a selector become one anchored pattern. Of other metrics, a query's `spec` holds:

    query        a plain selector (`http_requests_total{code=~"5.."}`), or sum() of one, which is counted by increase()
                 unless the ratio says `counter: false`, and then by sum_over_time(); or an expression with
                 `{{.window}}` where its range belongs, taken as it is; or another expression, counted by a subquery
    testTraffic  the same of the part of it that is test traffic
    perSecond    whether an expression with `{{.window}}` is a rate, events a second; false: events
    resolution   of subqueries, "1m" unless it says otherwise
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from holdfast.record.sample import DROPPED
from holdfast.slo.indicator import NEVER_GOOD, SOURCES, Indicator, Selector
from holdfast.slo.objective import AnyIndicator, Query, QueryRatio, QueryRaw, QueryThreshold

SAMPLES: Final = "holdfast_samples_total"
RESPONSE: Final = "holdfast_response_seconds"
WINDOW: Final = "{{.window}}"
RESOLUTION: Final = "1m"

_WINDOW: Final = re.compile(r"\{\{\s*\.window\s*\}\}")
_TEXT: Final = r'"(?:[^"\\]|\\.)*"' + r"|'(?:[^'\\]|\\.)*'"
_INSIDE: Final = rf"""(?:[^{{}}"']|{_TEXT})"""
_SELECTOR: Final = re.compile(rf"[A-Za-z_:][A-Za-z0-9_:]*\s*(\{{{_INSIDE}*\}})?|\{{{_INSIDE}+\}}")
_SUM: Final = re.compile(rf"""sum\s*\((?P<inside>(?:[^()"']|{_TEXT})*)\)""")
_OPERATORS: Final = {"lte": "<=", "gte": ">=", "lt": "<", "gt": ">"}
_REQUEST_DEPTH: Final = 3


@dataclass(frozen=True, slots=True)
class Expressions:
    """What to ask for a range. `bad`, `total`: events; `ratio`: bad over total.

    A source that measures ratios has no events: `bad` and `total` are None, and each measurement weighs the same.
    """

    ratio: str
    bad: str | None = None
    total: str | None = None


def expressions(indicator: AnyIndicator, window: str) -> Expressions:
    """Of an indicator over the last `window` ("5m"). Raises ValueError for a query that is not PromQL's."""
    match indicator:
        case Indicator():
            return _of_samples(indicator, window)
        case QueryRatio():
            total = events(indicator.total, window, counter=indicator.counter)
            if indicator.bad is not None:
                bad = events(indicator.bad, window, counter=indicator.counter)
                return _counted(f"({bad} or 0 * {total})", total)
            good = events(_given(indicator.good), window, counter=indicator.counter)
            return _counted(_rest(total, good), total)
        case QueryRaw():
            mean = _mean(indicator.raw, window)
            return Expressions(f"1 - ({mean})" if indicator.success else mean)
        case QueryThreshold():
            held = _held(indicator, _WINDOW.sub(window, _text(indicator.metric)))
            return Expressions(f"1 - avg_over_time(({held})[{window}:{_resolution(indicator.metric)}])")


def sampled(indicator: AnyIndicator, window: str) -> str:
    """The error ratio of an indicator that measures values, at one moment; `window` only fills a query's template.

    Raises ValueError for one that counts events.
    """
    match indicator:
        case QueryRaw():
            value = _WINDOW.sub(window, _text(indicator.raw))
            return f"1 - ({value})" if indicator.success else f"({value})"
        case QueryThreshold():
            return f"1 - ({_held(indicator, _WINDOW.sub(window, _text(indicator.metric)))})"
        case _:
            raise ValueError(f"{indicator.name} counts events")


def events(query: Query, window: str, *, counter: bool) -> str:
    """How many events a query counts in the last `window`."""
    text = _text(query)
    if _WINDOW.search(text):
        filled = _enclosed(_WINDOW.sub(window, text))
        return f"({filled} * {range_seconds(window)})" if query.spec.get("perSecond") is True else filled
    counting = "increase" if counter else "sum_over_time"
    summed = _SUM.fullmatch(text)  # increase(sum(…)) would take the restart of one instance for that of all
    inside = text if summed is None else summed["inside"].strip()
    if _SELECTOR.fullmatch(inside):
        return f"sum({counting}({inside}[{window}]))"
    return f"{counting}(({text})[{window}:{_resolution(query)}])"


def select(names: Iterable[str], **labels: str | Iterable[str]) -> str:
    """Matchers of samples by their names' globs and labels: `{name=~"[^/]*/sign_in",outcome=~"ok|failed"}`."""
    matchers = [f'name=~"{_escaped("|".join(name_pattern(name) for name in names))}"']
    for label, wanted in labels.items():
        values = [wanted] if isinstance(wanted, str) else sorted(wanted)
        if values:
            matchers.append(_matcher(label, values))
    return "{" + ",".join(matchers) + "}"


def name_pattern(glob: str) -> str:
    """RE2 of a glob over a whole name; see `holdfast.slo.indicator.matches`."""
    texts = []
    for index, part in enumerate(glob.split("/", _REQUEST_DEPTH - 1)):
        inside = "." if index == _REQUEST_DEPTH - 1 else "[^/]"
        texts.append("".join(f"{inside}*" if c == "*" else inside if c == "?" else _literal(c) for c in part))
    return "/".join(texts)


def bucket_edge(under: float) -> str:
    """A bucket's `le`: 0.4, and 1.0 of 1, as Prometheus 3 and OpenMetrics write it."""
    text = f"{under:.15g}"
    return text if "." in text or "e" in text else f"{text}.0"


def range_seconds(window: str) -> int:
    """Of a PromQL range of whole units: "5m" → 300. Raises ValueError."""
    found = re.fullmatch(r"([0-9]+)([smhdwy])", window)
    if found is None:
        raise ValueError(f'"{window}" is not a range of PromQL: write one such as 5m')
    return int(found[1]) * {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800, "y": 31536000}[found[2]]


def range_text(seconds: int) -> str:
    """The shortest range of PromQL that is so many seconds: 3600 → "1h", 259200 → "3d"."""
    for unit, length in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds % length == 0:
            return f"{seconds // length}{unit}"
    return f"{seconds}s"


def _of_samples(indicator: Indicator, window: str) -> Expressions:
    source = SOURCES if indicator.total.source is None else (indicator.total.source,)
    names = indicator.total.names
    wanted = (*indicator.total.outcomes, *NEVER_GOOD) if indicator.total.outcomes else ()
    all_of_it = select(names, source=source, outcome=wanted)
    total = f"sum(increase({SAMPLES}{all_of_it}[{window}]))"
    dropped = _dropped(indicator.total, source, window)
    if indicator.bad is not None:
        bad_ones = select(names, source=source, outcome=(*indicator.bad.outcomes, *NEVER_GOOD))
        bad = f"sum(increase({SAMPLES}{bad_ones}[{window}]))"
        return _counted(_plus(f"({bad} or 0 * {total})", dropped), _plus(total, dropped))
    good = _given(indicator.good)
    if good.under is None:
        served = f"sum(increase({SAMPLES}{select(names, source=source, outcome=good.outcomes)}[{window}]))"
    else:
        quick = select(names, source=source, outcome=good.outcomes, le=_edges(good.under))
        served = f"sum(increase({RESPONSE}_bucket{quick}[{window}]))"
    return _counted(_plus(_rest(total, served), dropped), _plus(total, dropped))


def _dropped(total: Selector, source: Iterable[str], window: str) -> str | None:
    """Arrivals that our generator dropped, of scenarios that make such requests: one bad event each."""
    if total.depth < _REQUEST_DEPTH:
        return None
    visits = "{" + ",".join([_matcher("source", list(source)), f'outcome="{DROPPED}"', 'name!~".*/.*"']) + "}"
    requests = (
        f"last_over_time({SAMPLES}{select(total.names, source=source)}[{window}])"  # also when nobody exports now
    )
    asking = f"group by (source, scenario) ({requests})"
    return f"(sum(increase({SAMPLES}{visits}[{window}]) * on (source, scenario) group_left () {asking}) or vector(0))"


def _plus(events_text: str, dropped: str | None) -> str:
    return events_text if dropped is None else f"({events_text} + {dropped})"


def _rest(total: str, good: str) -> str:
    """What is not good. Where nothing was ever good its series is absent, and everything was bad."""
    return f"({total} - ({good} or 0 * {total}))"


def _counted(bad: str, total: str) -> Expressions:
    return Expressions(f"({bad})\n/\n({total})", bad, total)


def _mean(query: Query, window: str) -> str:
    text = _text(query)
    if _WINDOW.search(text):
        return _WINDOW.sub(window, text)
    mean = f"avg_over_time((({text}) >= -Inf)[{window}:{_resolution(query)}])"  # or one NaN would make it NaN
    return f"avg({mean})" if _SELECTOR.fullmatch(text) else mean


def _held(threshold: QueryThreshold, value: str) -> str:
    """1 while the value is good, 0 while not; absent where it is NaN, which is no value and not a bad one."""
    return f"(({value}) >= -Inf) {_OPERATORS[threshold.op]} bool {threshold.limit:f}"


def _text(query: Query) -> str:
    text: Any = query.spec.get("query")
    if query.type != "prometheus" or not isinstance(text, str) or not text.strip():
        raise ValueError(f"a metric source of type {query.type} has no PromQL query")
    return text.strip()


def _enclosed(text: str) -> str:
    """In parentheses, unless it is one call: what stands around it must not bind tighter."""
    bare = re.sub(_TEXT, "", text)  # strings may hold parentheses
    if re.fullmatch(r"[A-Za-z_:][A-Za-z0-9_:]*\s*\(.*\)", bare, re.DOTALL):
        depth, closed = 0, []
        for place, character in enumerate(bare):
            depth += (character == "(") - (character == ")")
            if character == ")" and depth == 0:
                closed.append(place)
        if closed == [len(bare) - 1]:
            return text
    return f"({text})"


def _resolution(query: Query) -> str:
    return str(query.spec.get("resolution", RESOLUTION))


def _given(side: Any) -> Any:
    if side is None:
        raise ValueError("an indicator names good or bad events")
    return side


def _edges(under: float) -> list[str]:
    """A bucket's `le` as it may have been written, whichever exporter and Prometheus it came through: 1, or 1.0."""
    text = f"{under:.15g}"
    return list(dict.fromkeys([text, bucket_edge(under)]))


def _matcher(label: str, values: list[str]) -> str:
    if len(values) == 1:
        return f'{label}="{_escaped(values[0])}"'
    return f'{label}=~"{_escaped("|".join(_quoted(value) for value in values))}"'


def _literal(character: str) -> str:
    return f"\\{character}" if character in r"\.+*?()|[]{}^$" else character


def _quoted(text: str) -> str:
    return "".join(_literal(character) for character in text)


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
