"""A metric source of type `holdfast`: which samples an indicator counts, and the rules between its two sides."""

from collections.abc import Callable
from typing import Final, Literal

from holdfast.errors import Problem
from holdfast.slo.definition import HoldfastMetric, never_good
from holdfast.slo.indicator import Indicator, Selector
from holdfast.workspace.binding import bind
from holdfast.workspace.document import Document, PropertyPath

SOURCE_TYPE: Final = "holdfast"

Side = Literal["good", "bad"]
Tell = Callable[[Problem], None]


def selector(document: Document, at: PropertyPath, tell: Tell) -> Selector | None:
    """Of the `spec` of a metric source that stands at `at`."""
    metric, problems = bind(HoldfastMetric, document, (*at, "spec"))
    for problem in problems:
        tell(problem)
    return None if metric is None else Selector(metric.name, metric.source, metric.outcome, metric.under)


def ratio(
    document: Document, at: PropertyPath, name: str, side: Side, part: Selector, total: Selector, tell: Tell
) -> Indicator | None:
    """Of a ratioMetric that stands at `at`, both sides read; None where they do not go together."""
    if side == "good" and not part.outcomes:
        part = Selector(part.names, part.source, ("ok",), part.under)
    problems = _wrong_between(document, at, side, part, total)
    for problem in problems:
        tell(problem)
    if problems:
        return None
    return Indicator(name, total, good=part) if side == "good" else Indicator(name, total, bad=part)


def _wrong_between(document: Document, at: PropertyPath, side: Side, part: Selector, total: Selector) -> list[Problem]:
    """What is good or bad must be a part of what is counted, or a ratio could pass 1."""
    spec = (*at, side, "metricSource", "spec")
    problems: list[Problem] = []

    def add(place: PropertyPath, what: str, fix: str) -> None:
        problems.append(Problem(document.where(place), what, fix))

    if set(part.names) != set(total.names) or part.source != total.source:
        what = f"{side} and total select different samples"
        add((*spec, "name"), what, "give both the same name and source, and only good an outcome")
    outside = [word for word in part.outcomes if total.outcomes and word not in total.outcomes]
    if outside:
        what = f'{side} counts "{outside[0]}", which total leaves out'
        add((*spec, "outcome"), what, "add it to total's outcome, or leave that out")
    if total.under is not None:
        place = (*at, "total", "metricSource", "spec", "under")
        add(place, "total counts fast and slow events alike", "put under into good")
    if side == "bad" and part.under is not None:
        add((*spec, "under"), "fast events are not bad ones", "write good with under")
    if side == "bad" and not part.outcomes:
        add(spec, "every event would be bad", "name the bad outcomes: outcome: [failed, timed_out]")
    if side == "good" and never_good(part.outcomes):
        what = f'"{never_good(part.outcomes)[0]}" can never be good'
        add((*spec, "outcome"), what, "leave it out: what was not answered was not served")
    return problems
