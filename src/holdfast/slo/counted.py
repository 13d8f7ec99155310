"""What counts in an error budget, decided in one place: which stretches of a record, and whose samples in them.

    counted      every judged phase, with the faults in it and with what visitors still do while the last one drains
    not counted  a phase with `judged: false`, such as a warm-up; a capacity search, from its begin to the record's end,
                 for it overloads the target on purpose; attackers, unless the objective names their scenario in full

A run's verdict and the budget it spent, the picture of it, `slo status`, `slo gate`, backtests and the exporter all ask
here, so that one run has one figure. The reasons stand in docs/decisions/0005-what-counts-in-an-error-budget.md.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final

from holdfast.record.recorder import Interval
from holdfast.record.timeline import PHASE, SEARCH, SEARCH_STEP, Span
from holdfast.slo.indicator import Counts, Indicator, count, joined

_AS_RECORDED: Final[Mapping[str, bool]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Stretch:
    """[start, end), seconds since the epoch: a phase, or all judged ones in turn.

    `drained`: until when its events are counted. Visitors who came in the last phase take their later steps after it;
    leaving those out would leave out the slowest.
    """

    name: str
    start: float
    end: float
    judged: bool
    drained: float = 0.0  # not before `end`

    @property
    def seconds(self) -> float:
        return self.end - self.start

    @property
    def counted_to(self) -> float:
        return max(self.end, self.drained)

    def holds(self, second: int) -> bool:
        """Whether an interval of that second is counted in it: a second belongs where its middle lies."""
        return self.start <= second + 0.5 < self.counted_to


def phases_of(
    spans: Iterable[Span], ended: float, judged: Mapping[str, bool] = _AS_RECORDED, *, planned: bool = False
) -> list[Stretch]:
    """The phases of a record in their order, as long as they really lasted; the last one with what drained after it.

    `ended`: when the record ends. `judged`: by name, where that is known better than from the spans. `planned`: those
    that have not begun as well, for a record that still grows.
    """
    listed = list(spans)
    found = []
    for span in listed:
        start = span.start if planned else span.started
        if span.kind != PHASE or start is None:
            continue
        end = span.end if planned else span.ended
        end = ended if end is None else min(end, ended)
        counts = judged.get(span.name, span.attributes.get("judged") is not False)
        found.append(Stretch(span.name, start, max(end, start), counts))
    found.sort(key=lambda stretch: stretch.start)
    searching = search_began(listed)
    drained = ended + 1.0 if searching is None else searching  # the record's last second is over then
    return [*found[:-1], *(replace(last, drained=drained) for last in found[-1:])]


def search_began(spans: Iterable[Span]) -> float | None:
    """When a capacity search began to load the target; None where there was none.

    Runs of old have only a span for each rate that was held to its end.
    """
    return min((s.started for s in spans if s.kind in {SEARCH, SEARCH_STEP} and s.started is not None), default=None)


def judged_of(phases: Iterable[Stretch]) -> list[Stretch]:
    """The phases that count in a budget, as they decide the run."""
    return [phase for phase in phases if phase.judged]


def is_counted(second: int, phases: Iterable[Stretch], searching: float | None) -> bool:
    """Whether a record's samples of a second count, while it still grows; `phases` as planned."""
    if searching is not None and second + 0.5 >= searching:
        return False
    return not any(phase.holds(second) for phase in phases if not phase.judged)


def counted(
    intervals: Iterable[Interval], indicator: Indicator, stretches: Sequence[Stretch], attacks: Collection[str] = ()
) -> Counts:
    """Good and total events of some stretches that do not overlap. `attacks`: names of scenarios."""
    mine = of_customers(intervals, indicator, attacks)
    return joined(count(mine, indicator, stretch.start, stretch.counted_to) for stretch in stretches)


def of_customers(intervals: Iterable[Interval], indicator: Indicator, attacks: Collection[str]) -> list[Interval]:
    """Without attackers, whose refusals are what is wanted; an objective that names their scenario is about them."""
    named = {pattern.partition("/")[0] for pattern in indicator.total.names}
    left_out = {name for name in attacks if name not in named}
    if not left_out:
        return list(intervals)
    return [i for i in intervals if i.source != "load" or i.name.partition("/")[0] not in left_out]
