"""What a plan can prove, said before it starts: a prepared plan in, prospects and sentences out."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from holdfast.run.asked import AskedObjective, AskedPhase
from holdfast.run.prepared import Prepared
from holdfast.run.prospect import IN_FLIGHT_SECONDS, Prospect
from holdfast.run.trial_prospect import TrialProspect
from holdfast.slo.attainability import attainable, with_burst
from holdfast.slo.indicator import Selector, matches
from holdfast.workspace.profile import LoadProfile

_MARGIN: Final = 4.0  # standard deviations of a Poisson count: more events than that come once in 30,000 runs
_REQUESTS: Final = 3
_ROUNDING: Final = 1e-9  # 48 events must not be 47 for want of a bit


def prospects_of(prepared: Prepared, profiles: Mapping[str, LoadProfile]) -> tuple[Prospect, ...]:
    """One for each objective over the phases that are judged together, in order; then those of phases that are judged
    by themselves. `profiles`: by the name that the plan calls them.
    """
    together = [phase for phase in prepared.phases if phase.judged and not phase.apart]
    found = _of_phases(prepared, profiles, together, prepared.objectives)
    for phase in prepared.phases:
        if phase.apart:
            named = [
                replace(asked, gate=phase.gates[asked.objective.name])
                for asked in prepared.objectives
                if asked.objective.name in phase.gates
            ]
            found += [replace(one, phase=phase.name) for one in _of_phases(prepared, profiles, [phase], named)]
    return tuple(found)


def _of_phases(
    prepared: Prepared,
    profiles: Mapping[str, LoadProfile],
    phases: Sequence[AskedPhase],
    objectives: Iterable[AskedObjective],
) -> list[Prospect]:
    """Of objectives over some phases together."""
    judged = sum(phase.end - phase.start for phase in phases)
    visits = _visits(prepared, profiles, phases)
    walks = {j.name: min(judged / j.every, j.times or math.inf) for j in prepared.journeys}
    steps = dict(prepared.scenario_steps) | {j.name: j.steps for j in prepared.journeys}
    open_model = all(entry.profile["virtual_users"] is None for entry in prepared.load)
    faults = tuple(e.name for e in prepared.experiments if any(e.start < p.end and p.start < e.end for p in phases))
    return [
        _prospect(asked, judged, *_planned(asked, visits, walks, steps, open_model), prepared, faults)
        for asked in objectives
    ]


def trials_of(prepared: Prepared) -> tuple[TrialProspect, ...]:
    """One for each objective of the plan's sizing question, at the rate that its search begins with."""
    question, profile = prepared.capacity, prepared.capacity_profile
    if question is None or profile is None:
        return ()
    visits = question.search.start * question.hold
    weights = sum(profile.mix.values())
    by_scenario = {scenario: visits * weight / weights for scenario, weight in profile.mix.items()}
    found = []
    for asked in prepared.capacity_objectives:
        planned, why = _planned(asked, by_scenario, {}, prepared.scenario_steps, open_model=True)
        outlook = None if planned is None else attainable(asked.gate, int(planned + _ROUNDING))
        rate = question.search.start
        found.append(
            TrialProspect(question.name, asked.objective.name, asked.gate, rate, question.hold, planned, outlook, why)
        )
    return tuple(found)


def told(prospects: Iterable[Prospect], trials: Iterable[TrialProspect] = ()) -> tuple[str, ...]:
    """A sentence for each objective that the planned traffic cannot prove, or cannot miss, whatever the target does;
    and for each that the first rate of a sizing cannot prove.
    """
    objectives = (prospect.warning for prospect in prospects if prospect.seconds)
    sizings = (trial.warning for trial in trials)
    return tuple(warning for warning in (*objectives, *sizings) if warning is not None)


def unprovable(prepared: Prepared, profiles: Mapping[str, LoadProfile]) -> tuple[str, ...]:
    """The same of a plan."""
    return told(prospects_of(prepared, profiles))


def _prospect(
    asked: AskedObjective,
    judged: float,
    planned: float | None,
    why: str,
    prepared: Prepared,
    faults: tuple[str, ...],
) -> Prospect:
    outlook = burst = at_most = None
    if planned is not None:
        floor = prepared.plan.verdict.design_effect_floor
        outlook = attainable(asked.gate, int(planned), floor)
        at_most = math.ceil(planned + _MARGIN * math.sqrt(planned))
        if faults and planned >= 1 and outlook.can_be_met:
            at_once = math.ceil(IN_FLIGHT_SECONDS * planned / judged)
            burst = with_burst(asked.gate, int(planned), judged, min(at_once, int(planned)), floor)
    return Prospect(
        asked.objective.name, asked.gate, judged, planned, at_most, outlook, why, faults=faults, burst=burst
    )


def _visits(prepared: Prepared, profiles: Mapping[str, LoadProfile], phases: Sequence[AskedPhase]) -> dict[str, float]:
    """Planned in these phases, by scenario."""
    planned: dict[str, float] = {}
    for entry in prepared.load:
        profile = next(found for name, found in profiles.items() if Path(name).stem == entry.name)
        visits = sum(
            profile.expected_arrivals(end - begin, entry.scale, after=begin - entry.start)
            for phase in phases
            for begin, end in [(max(phase.start, entry.start), min(phase.end, entry.end))]
            if begin < end
        )
        for scenario, weight in profile.mix.items():
            planned[scenario] = planned.get(scenario, 0.0) + visits * weight / sum(profile.mix.values())
    return planned


def _planned(
    asked: AskedObjective,
    visits: Mapping[str, float],
    walks: Mapping[str, float],
    steps: Mapping[str, tuple[str, ...]],
    open_model: bool,
) -> tuple[float | None, str]:
    """Events of an objective, or why nobody knows how many."""
    total = asked.objective.events.total
    if total.depth == _REQUESTS:
        return None, "how many requests its visits will make is not known before"
    if total.source != "synthetics" and not open_model:
        return None, "how many events virtual users will bring depends on how fast the target answers"
    counted = [visits] if total.source == "load" else [walks] if total.source == "synthetics" else [visits, walks]
    return sum(number * _selected(total, name, steps) for times in counted for name, number in times.items()), ""


def _selected(total: Selector, name: str, steps: Mapping[str, tuple[str, ...]]) -> int:
    """How many events of one visit or walk are selected: itself, or those of its steps."""
    names = (name, *(f"{name}/{step}" for step in steps.get(name, ())))
    return sum(any(matches(pattern, one) for pattern in total.names) for one in names)
