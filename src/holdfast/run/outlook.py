"""What a plan can never prove, said before it starts: a prepared plan in, sentences out."""

from collections.abc import Mapping
from pathlib import Path

from holdfast.run.prepared import Prepared
from holdfast.slo.indicator import matches
from holdfast.slo.objective import Objective
from holdfast.slo.verdict import attainable, percent
from holdfast.workspace.profile import LoadProfile
from holdfast.workspace.quantity import duration_text


def unprovable(prepared: Prepared, profiles: Mapping[str, LoadProfile]) -> tuple[str, ...]:
    """A sentence for each objective that the planned traffic cannot prove, whatever the target does."""
    judged = sum(phase.end - phase.start for phase in prepared.phases if phase.judged)
    if not judged:
        return ()
    planned: dict[str, float] = {}  # visits in the judged phases, by scenario
    for entry in prepared.load:
        profile = next(found for name, found in profiles.items() if Path(name).stem == entry.name)
        visits = sum(
            profile.expected_arrivals(end - begin, entry.scale, after=begin - entry.start)
            for phase in prepared.phases
            if phase.judged
            for begin, end in [(max(phase.start, entry.start), min(phase.end, entry.end))]
            if begin < end
        )
        for scenario, weight in profile.mix.items():
            planned[scenario] = planned.get(scenario, 0.0) + visits * weight / sum(profile.mix.values())
    open_model = all(entry.profile["virtual_users"] is None for entry in prepared.load)
    walks = sum(judged / journey.every for journey in prepared.journeys)
    notices: list[str] = []
    for asked in prepared.objectives:
        synthetic = asked.objective.events.total.source == "synthetics"
        if not synthetic and not open_model:
            continue
        expected = walks if synthetic else _expected(asked.objective, planned, prepared.scenario_steps)
        outlook = attainable(asked.gate, int(expected))
        if not outlook.can_be_met:
            notices.append(
                f"{asked.objective.name}: about {expected:.0f} events are planned in the {duration_text(judged)} that "
                f"are judged; proving {percent(asked.gate)} takes {outlook.needed_to_meet} without a bad one, so at "
                "best it ends inconclusive"
            )
    return tuple(notices)


def _expected(objective: Objective, planned: Mapping[str, float], steps: Mapping[str, tuple[str, ...]]) -> float:
    """Events of an objective over load: visits of those scenarios that have a name it selects."""
    patterns = objective.events.total.names
    return sum(
        visits
        for scenario, visits in planned.items()
        if any(
            matches(pattern, name)
            for pattern in patterns
            for name in (scenario, *(f"{scenario}/{step}" for step in steps.get(scenario, ())))
        )
    )
