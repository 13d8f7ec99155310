"""Visits that ended badly and that no objective counts: what a verdict by objectives alone would not tell.

A bad visit is counted where an objective has it among its bad events: the visit itself, the step it failed in, or a
request of that step. An objective on other steps, or on the time of ok ones alone, does not see it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from holdfast.record.recorder import Interval
from holdfast.record.sample import DROPPED, EXCUSED, OK, RATE_LIMITED, depth_of
from holdfast.run.recorded import Recorded
from holdfast.slo.indicator import Indicator, bad_in

_NAMED = 2  # reasons of one scenario


@dataclass(frozen=True, slots=True)
class Uncounted:
    """`bad` of a scenario's `visits` ended badly, and no objective counts them. `why`: the most frequent first."""

    scenario: str
    bad: int
    visits: int
    why: tuple[str, ...]

    @property
    def text(self) -> str:
        """ "61 of 238 visits of buy ended badly (transport error: ConnectionRefusedError)"."""
        why = f" ({', '.join(self.why)})" if self.why else ""
        return f"{self.bad} of {self.visits} visits of {self.scenario} ended badly{why}"


def uncounted_visits(recorded: Recorded) -> tuple[Uncounted, ...]:
    """By scenario, the worst first. Over the judged phases, as objectives are; without any over all there was."""
    judged = [p for p in recorded.phases if p.judged] if recorded.asked.objectives else []
    # The first and the last second are cut by the run's edges; what was due in them counts all the same.
    edges = [(p.start, p.counted_to) for p in judged] or [(recorded.time_zero - 0.5, recorded.drained)]
    load = [i for start, end in edges for i in recorded.within(start, end, "load") if i.outcome != DROPPED]
    indicators = [asked.objective.events for asked in recorded.asked.objectives]
    by_scenario: dict[str, list[Interval]] = {}
    for interval in load:
        by_scenario.setdefault(interval.name.partition("/")[0], []).append(interval)
    found = [
        _of(scenario, intervals, indicators, attack=scenario in recorded.asked.attacks)
        for scenario, intervals in by_scenario.items()
    ]
    return tuple(sorted((one for one in found if one.bad), key=lambda one: -one.bad))


def _of(scenario: str, intervals: Sequence[Interval], indicators: Sequence[Indicator], *, attack: bool) -> Uncounted:
    """An attack means to meet a limit: to be refused by it is no bad end."""
    fine = {OK, *EXCUSED, RATE_LIMITED} if attack else {OK, *EXCUSED}
    visits = [i for i in intervals if depth_of(i.name) == 1]
    bad = [i for i in intervals if i.outcome not in fine]
    ended_badly = [i for i in bad if depth_of(i.name) == 1]
    steps = {i.name for i in bad if depth_of(i.name) == 2}
    by_step = {
        step: max(
            _counted([i for i in bad if i.name == step], indicators),
            _counted([i for i in bad if i.name.startswith(f"{step}/")], indicators),
        )
        for step in steps
    }
    counted = max(_counted(ended_badly, indicators), sum(by_step.values()))
    # What is counted has its cause elsewhere: only where no step is left did visits end outside of them.
    unseen = [i for i in bad if by_step.get(i.name, 1) == 0]
    reasons: dict[str, int] = {}
    for interval in unseen or ended_badly:
        said = interval.outcome.replace("_", " ") + (f": {interval.detail}" if interval.detail else "")
        reasons[said] = reasons.get(said, 0) + interval.count
    return Uncounted(
        scenario=scenario,
        bad=max(sum(i.count for i in ended_badly) - counted, 0),
        visits=sum(i.count for i in visits),
        why=tuple(sorted(reasons, key=lambda said: -reasons[said])[:_NAMED]),
    )


def _counted(intervals: Iterable[Interval], indicators: Sequence[Indicator]) -> int:
    return sum(max((bad_in(indicator, i) for indicator in indicators), default=0) for i in intervals)
