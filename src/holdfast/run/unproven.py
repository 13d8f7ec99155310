"""Oks that rest on nothing: no data never passes, also at the depth of requests.

A visit that asked the target for nothing ended well whatever became of the target; one in which something failed that
its code passed over calls itself ok. Either is told in every report and leaves a run inconclusive, unless the scenario
says that it is meant (`expect`). Of a step that asked for nothing only where an objective counts it: a step may well
compute.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from holdfast.record.recorder import Interval
from holdfast.record.sample import EXCUSED, FAILED_INSIDE, NO_REQUEST, OK, depth_of
from holdfast.run.recorded import Recorded
from holdfast.slo.indicator import Indicator, selects

_NAMED: Final = 2  # reasons of one scenario or step
_KINDS: Final = {1: "visits", 2: "passes"}


@dataclass(frozen=True, slots=True)
class Unproven:
    """`count` of the `total` times that a scenario, step or journey ended ok prove nothing. `why`: the most first."""

    source: Literal["load", "synthetics"]
    name: str
    detail: Literal["no_request", "failed_inside"]
    count: int
    total: int
    why: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """ "80 of 80 visits of buy ended ok although something in them failed (rejected: 404)"."""
        what = "walks" if self.source == "synthetics" else _KINDS[depth_of(self.name)]
        said = f"{self.count} of {self.total} {what} of {self.name} ended ok"
        if self.detail == NO_REQUEST and self.source == "synthetics":
            return f"{said} without an answer of the target to any page"
        if self.source == "synthetics":
            return f"{said} although a page or a call in them was answered with a server error or 429, or not at all"
        if self.detail == NO_REQUEST:
            return f"{said} and sent no request"
        why = f" ({', '.join(self.why) or 'their own code says so'})"
        return f"{said} although something in them failed{why}"


def unproven_oks(recorded: Recorded) -> tuple[Unproven, ...]:
    """Over the judged phases; without any, over all there was."""
    judged = [phase for phase in recorded.phases if phase.judged]
    edges = [(p.start, p.counted_to) for p in judged] or [(recorded.time_zero - 0.5, recorded.drained)]
    found = [i for start, end in edges for i in recorded.within(start, end)]
    return unproven_in(found, [asked.objective.events for asked in recorded.asked.objectives])


def unproven_in(intervals: Sequence[Interval], indicators: Sequence[Indicator]) -> tuple[Unproven, ...]:
    """Scenarios and journeys first, then the steps of those whose visits are beyond doubt; the most first."""
    oks: dict[tuple[str, str], Counter[str]] = {}
    bad: dict[tuple[str, str], Counter[str]] = {}
    for interval in intervals:
        if interval.outcome == OK and depth_of(interval.name) < 3:
            oks.setdefault((interval.source, interval.name), Counter())[interval.detail] += interval.count
        elif interval.outcome not in EXCUSED and interval.outcome != OK and depth_of(interval.name) > 1:
            said = interval.outcome.replace("_", " ") + (f": {interval.detail}" if interval.detail else "")
            for name in {interval.name.partition("/")[0], "/".join(interval.name.split("/", 2)[:2])}:
                bad.setdefault((interval.source, name), Counter())[said] += interval.count
    visits = [one for (source, name), told in oks.items() if "/" not in name for one in _of(source, name, told, bad)]
    known = {(one.source, one.name, one.detail) for one in visits}
    steps = [
        one
        for (source, name), told in oks.items()
        if "/" in name
        for one in _of(source, name, told, bad)
        if (source, name.partition("/")[0], one.detail) not in known
        and (one.detail == FAILED_INSIDE or any(selects(indicator.total, source, name) for indicator in indicators))
    ]
    return tuple(sorted(visits, key=lambda one: -one.count) + sorted(steps, key=lambda one: -one.count))


def _of(source: str, name: str, told: Counter[str], bad: Mapping[tuple[str, str], Counter[str]]) -> Iterator[Unproven]:
    where: Literal["load", "synthetics"] = "synthetics" if source == "synthetics" else "load"
    total = told.total()
    if told[NO_REQUEST]:
        yield Unproven(where, name, "no_request", told[NO_REQUEST], total)
    if told[FAILED_INSIDE]:
        why = tuple(said for said, _ in bad.get((source, name), Counter()).most_common(_NAMED))
        yield Unproven(where, name, "failed_inside", told[FAILED_INSIDE], total, why)
