"""What each phase, fault and journey of a run spent of its error budget. The parts of each cut add up to the whole."""

from collections.abc import Iterator
from math import ceil, floor
from typing import Literal

from holdfast.record.recorder import Interval
from holdfast.run.recorded import Recorded
from holdfast.slo.attribution import Cost, by_part, by_span
from holdfast.slo.history import History, history_of
from holdfast.slo.indicator import Indicator, count
from holdfast.slo.objective import Objective
from holdfast.slo.standing import burn_down
from holdfast.slo.tally import tally
from holdfast.slo.window import Span

Cut = Literal["phase", "fault", "journey"]


def run_costs(recorded: Recorded, objective: Objective) -> tuple[tuple[Cut, Cost], ...]:
    """Of everything that was recorded, second by second; nothing where the objective does not count samples."""
    if not isinstance(objective.indicator, Indicator) or not recorded.intervals:
        return ()
    indicator = objective.indicator
    start, end = floor(recorded.time_zero), ceil(recorded.ended) + 1
    whole = _history(recorded.intervals, indicator, start, end)
    phases = [(phase.name, Span(phase.start, phase.counted_to)) for phase in recorded.phases]
    faults = [
        (fault.name, Span(fault.started, recorded.ended if fault.ended is None else fault.ended))
        for fault in recorded.faults
        if fault.started is not None
    ]
    journeys = {name: _history(found, indicator, start, end) for name, found in _by_journey(recorded)}
    found: list[tuple[Cut, Cost]] = [("phase", cost) for cost in by_span(whole, phases, objective.target)]
    if faults:
        found += [("fault", cost) for cost in by_span(whole, faults, objective.target)]
    found += [("journey", cost) for cost in by_part(journeys, objective.target) if cost.balance.total]
    return tuple(found)


def run_burn_down(recorded: Recorded, objective: Objective) -> tuple[tuple[float, float], ...]:
    """The budget that was left in the run, second by second; a long run's thinned."""
    if not isinstance(objective.indicator, Indicator) or not recorded.intervals:
        return ()
    start, end = floor(recorded.time_zero), ceil(recorded.ended) + 1
    counted = tally(_history(recorded.intervals, objective.indicator, start, end))
    span = Span(start, end)
    return burn_down(counted, span, counted.balance(span, objective.target))


def _history(intervals: tuple[Interval, ...], indicator: Indicator, start: int, end: int) -> History:
    return history_of(count(intervals, indicator, start, end), start, end, 1)


def _by_journey(recorded: Recorded) -> Iterator[tuple[str, tuple[Interval, ...]]]:
    """By scenario or journey, the first part of every name; a dropped arrival belongs to what it would have been."""
    names = dict.fromkeys(interval.name.partition("/")[0] for interval in recorded.intervals)
    for name in sorted(names):
        yield name, tuple(i for i in recorded.intervals if i.name.partition("/")[0] == name)
