"""What a plan can prove, said before it starts: a prepared plan in, prospects and sentences out."""

import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from holdfast.run.asked import AskedObjective
from holdfast.run.prepared import Prepared
from holdfast.run.prospect import Prospect
from holdfast.slo.attainability import attainable
from holdfast.slo.indicator import Selector, matches
from holdfast.workspace.profile import LoadProfile

_MARGIN: Final = 4.0  # standard deviations of a Poisson count: more events than that come once in 30,000 runs
_REQUESTS: Final = 3


def prospects_of(prepared: Prepared, profiles: Mapping[str, LoadProfile]) -> tuple[Prospect, ...]:
    """One for each objective, in order. `profiles`: by the name that the plan calls them."""
    judged = sum(phase.end - phase.start for phase in prepared.phases if phase.judged)
    visits = _visits(prepared, profiles)
    walks = {j.name: min(judged / j.every, j.times or math.inf) for j in prepared.journeys}
    steps = dict(prepared.scenario_steps) | {j.name: j.steps for j in prepared.journeys}
    open_model = all(entry.profile["virtual_users"] is None for entry in prepared.load)
    return tuple(
        _prospect(asked, judged, *_planned(asked, visits, walks, steps, open_model), prepared)
        for asked in prepared.objectives
    )


def told(prospects: Iterable[Prospect]) -> tuple[str, ...]:
    """A sentence for each objective that the planned traffic cannot prove, or cannot miss, whatever the target does."""
    return tuple(prospect.warning for prospect in prospects if prospect.warning is not None and prospect.seconds)


def unprovable(prepared: Prepared, profiles: Mapping[str, LoadProfile]) -> tuple[str, ...]:
    """The same of a plan."""
    return told(prospects_of(prepared, profiles))


def _prospect(asked: AskedObjective, judged: float, planned: float | None, why: str, prepared: Prepared) -> Prospect:
    outlook = None
    at_most = None
    if planned is not None:
        outlook = attainable(asked.gate, int(planned), prepared.plan.verdict.design_effect_floor)
        at_most = math.ceil(planned + _MARGIN * math.sqrt(planned))
    return Prospect(asked.objective.name, asked.gate, judged, planned, at_most, outlook, why)


def _visits(prepared: Prepared, profiles: Mapping[str, LoadProfile]) -> dict[str, float]:
    """Planned in the judged phases, by scenario."""
    planned: dict[str, float] = {}
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
