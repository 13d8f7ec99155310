"""What each phase, fault and journey of a run spent of its error budget. The parts of each cut add up to the whole."""

from collections.abc import Iterator
from dataclasses import replace
from math import ceil, floor
from typing import Literal

from holdfast.run.recorded import Recorded
from holdfast.slo.attribution import Cost, by_part, by_span
from holdfast.slo.history import History, history_of
from holdfast.slo.indicator import Indicator
from holdfast.slo.objective import Objective
from holdfast.slo.standing import burn_down
from holdfast.slo.tally import tally
from holdfast.slo.window import Span

Cut = Literal["phase", "fault", "journey"]


def run_costs(recorded: Recorded, objective: Objective) -> tuple[tuple[Cut, Cost], ...]:
    """Of the judged phases, second by second; nothing where the objective does not count samples."""
    if not isinstance(objective.indicator, Indicator) or not recorded.intervals:
        return ()
    whole = _history(recorded, objective)
    phases = [(phase.name, Span(phase.start, phase.counted_to)) for phase in recorded.judged]
    faults = [
        (fault.name, Span(fault.started, recorded.ended if fault.ended is None else fault.ended))
        for fault in recorded.faults
        if fault.started is not None
    ]
    journeys = {name: _history(part, objective) for name, part in _by_journey(recorded)}
    found: list[tuple[Cut, Cost]] = [("phase", cost) for cost in by_span(whole, phases, objective.target)]
    if faults:
        found += [("fault", cost) for cost in by_span(whole, faults, objective.target)]
    found += [("journey", cost) for cost in by_part(journeys, objective.target) if cost.balance.total]
    return tuple(found)


def run_burn_down(recorded: Recorded, objective: Objective) -> tuple[tuple[float, float], ...]:
    """The budget that was left in the run, second by second; a long run's thinned."""
    if not isinstance(objective.indicator, Indicator) or not recorded.intervals:
        return ()
    counted = tally(_history(recorded, objective))
    span = Span(counted.start, counted.end)
    return burn_down(counted, span, counted.balance(span, objective.target))


def _history(recorded: Recorded, objective: Objective) -> History:
    start, end = floor(recorded.time_zero), ceil(recorded.ended) + 1
    looked = [Span(phase.start, phase.counted_to) for phase in recorded.judged]
    return history_of(recorded.counted(objective), start, end, 1, measured=looked)


def _by_journey(recorded: Recorded) -> Iterator[tuple[str, Recorded]]:
    """By scenario or journey, the first part of every name; a dropped arrival belongs to what it would have been."""
    names = dict.fromkeys(interval.name.partition("/")[0] for interval in recorded.intervals)
    for name in sorted(names):
        mine = tuple(i for i in recorded.intervals if i.name.partition("/")[0] == name)
        yield name, replace(recorded, intervals=mine)
