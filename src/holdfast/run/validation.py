"""Every file of a workspace checked, nothing started: what `holdfast validate` says."""

from dataclasses import dataclass
from pathlib import Path

from holdfast.capacity.question import load_question
from holdfast.chaos.experiment import load_experiment
from holdfast.errors import InputError, Problem
from holdfast.load.scenario import check_scenario
from holdfast.run.preparation import objectives_in, prepare
from holdfast.synthetics.definition import check_journey
from holdfast.workspace.document import shown
from holdfast.workspace.workspace import CONFIG_FILE, Workspace, load_profile


@dataclass(frozen=True, slots=True)
class Validation:
    """The files looked at, and every problem of them."""

    files: tuple[Path, ...]
    problems: tuple[Problem, ...]


def validate(workspace: Workspace) -> Validation:
    """All content folders; plans with everything they name."""
    files: list[Path] = [workspace.root / CONFIG_FILE]
    problems: list[Problem] = []

    def add(found: list[Problem] | tuple[Problem, ...]) -> None:
        problems.extend(problem for problem in found if problem not in problems)

    def each(kind: str, suffix: str) -> list[Path]:
        found = [workspace.folder(kind) / f"{name}{suffix}" for name in workspace.names(kind, suffix)]
        files.extend(found)
        return found

    for path in each("scenarios", ".py"):
        add(check_scenario(path))
    for path in each("scenarios/profiles", ".yaml"):
        add(load_profile(workspace, str(path))[2])
    for path in each("synthetics", ".py"):
        add(check_journey(path))
    for path in each("chaos", ".yaml"):
        add(load_experiment(path)[1])
    for path in each("slo", ".yaml"):
        objectives_in(workspace, str(path), shown(path), add)
    for path in each("capacity", ".yaml"):
        add(load_question(path)[1])
    for path in each("plans", ".yaml"):
        try:
            prepare(workspace, str(path))
        except InputError as error:
            add(error.problems)
    return Validation(tuple(files), tuple(problems))
