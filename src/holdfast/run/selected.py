"""Does an objective select anything that this workspace can play? A typo in a selector would count nothing, for ever.

Known without running anything are scenarios and journeys, and their steps as they are written out; what requests are
made is not, so of an objective on requests only the scenario and step are held against them.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path

from holdfast.errors import Problem
from holdfast.load.scenario import steps_of as scenario_steps
from holdfast.record.sample import OUTSIDE
from holdfast.slo.indicator import Selector, matches
from holdfast.slo.objective import Objective
from holdfast.slo.openslo import declared_names
from holdfast.slo.resolving import mapping_of
from holdfast.synthetics.definition import check_journey, definition_of
from holdfast.workspace.document import Document, PropertyPath, nearest
from holdfast.workspace.workspace import Workspace

Played = Mapping[str, Mapping[str, tuple[str, ...] | None]]
"""By source ("load", "synthetics"), then by the name of the scenario or journey: its steps; None where not known."""

_WHO = {"load": "scenario", "synthetics": "journey"}


def unselected_problems(
    workspace: Workspace, objectives: Iterable[Objective], documents: Iterable[Document]
) -> list[Problem]:
    """One for each objective that can count nothing, whatever of this workspace is played. `documents`: its file's."""
    played = _playable(workspace)
    listed = list(documents)
    problems = []
    for objective in objectives:
        wrong = _wrong_with(objective.events.total, played)
        if wrong is not None:
            problems.append(Problem(_place_of(objective, listed), *wrong))
    return problems


def _playable(workspace: Workspace) -> Played:
    journeys: dict[str, tuple[str, ...] | None] = {}
    for path in _files(workspace.folder("synthetics")):
        # Of a file with a problem, which is told at the file, the steps may be right.
        journeys[path.stem] = None if check_journey(path) else definition_of(path).steps
    scenarios = {path.stem: scenario_steps(path) or None for path in _files(workspace.folder("scenarios"))}
    return {"load": scenarios, "synthetics": journeys}


def _files(folder: Path) -> list[Path]:
    """Also those below: a mix or a plan may name a path."""
    return sorted(folder.rglob("*.py"))


def _wrong_with(total: Selector, played: Played) -> tuple[str, str] | None:
    """What is wrong with a selector that matches nothing, and what to do."""
    sources = [total.source] if total.source is not None else list(played)
    known = {name: steps for source in sources for name, steps in played[source].items()}
    who = " or ".join(_WHO[source] for source in sources)
    told: tuple[str, str] | None = None
    for pattern in total.names:
        head, *rest = pattern.split("/", 2)
        here = {name: steps for name, steps in known.items() if matches(head, name)}
        if not here:
            told = told or (f'no {who} of this workspace is called "{head}"', nearest(head, known))
            continue
        outside = (OUTSIDE,) if len(rest) > 1 else ()
        if not rest or any(
            steps is None or any(matches(rest[0], step) for step in (*steps, *outside)) for steps in here.values()
        ):
            return None
        whose = "" if set(head) <= {"*"} else f' that "{head}" selects'
        steps = {step for found in here.values() for step in found or ()}
        told = told or (f'no {who} of this workspace{whose} has a step "{rest[0]}"', nearest(rest[0], steps))
    return told


def _place_of(objective: Objective, documents: Iterable[Document]) -> str:
    """The line of the selector; of an indicator that is referred to, where its own document has it."""
    total: PropertyPath = ("ratioMetric", "total", "metricSource", "spec", "name")
    for document in documents:
        if objective.name not in declared_names([document]):
            continue
        spec = mapping_of(document.data.get("spec"))
        if "indicator" in spec:
            return document.where(("spec", "indicator", "spec", *total))
        for other in documents:
            data = mapping_of(other.data)
            name = mapping_of(data.get("metadata")).get("name")
            if data.get("kind") == "SLI" and name is not None and name == spec.get("indicatorRef"):
                return other.where(("spec", *total))
    return objective.where
