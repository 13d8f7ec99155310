"""Every file of a workspace checked, nothing started: what `holdfast validate` says."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from holdfast.capacity.question import load_question
from holdfast.chaos.experiment import load_experiment
from holdfast.errors import InputError, Problem, shown
from holdfast.load.scenario import check_scenario
from holdfast.run.importing import Files, import_problems
from holdfast.run.objective_files import objectives_in
from holdfast.run.preparation import prepare
from holdfast.run.requirements import not_playable
from holdfast.slo.policy import load_policies
from holdfast.synthetics.definition import check_journey
from holdfast.workspace.document import load_documents
from holdfast.workspace.workspace import CONFIG_FILE, Workspace, load_profile


@dataclass(frozen=True, slots=True)
class Validation:
    """The files looked at, every problem of them, and what is no problem as long as nobody plays it."""

    files: tuple[Path, ...]
    problems: tuple[Problem, ...]
    notes: tuple[str, ...] = ()


def validate(workspace: Workspace) -> Validation:
    """All content folders; plans with everything they name."""
    checks: tuple[tuple[str, str, Callable[[Path], Iterable[Problem]]], ...] = (
        ("scenarios", ".py", check_scenario),
        ("scenarios/profiles", ".yaml", lambda path: load_profile(workspace, str(path))[2]),
        ("synthetics", ".py", check_journey),
        ("chaos", ".yaml", lambda path: load_experiment(path)[1]),
        ("slo", ".yaml", lambda path: _objective_problems(workspace, path)),
        ("capacity", ".yaml", lambda path: load_question(path)[2]),
        ("plans", ".yaml", lambda path: _plan_problems(workspace, path)),
    )
    files: list[Path] = [workspace.root / CONFIG_FILE]
    problems: dict[Problem, None] = dict.fromkeys(workspace.problems)  # in order, each once
    for folder, suffix, check in checks:
        for name in workspace.names(folder, suffix):
            path = workspace.folder(folder) / f"{name}{suffix}"
            files.append(path)
            problems.update(dict.fromkeys(check(path)))
    problems.update(dict.fromkeys(_policy_problems(workspace)))
    problems.update(dict.fromkeys(import_problems(_importable(workspace))))
    return Validation(tuple(files), tuple(problems), _notes(workspace))


def _notes(workspace: Workspace) -> tuple[str, ...]:
    """Scenarios that nothing plays on the default target may need what it lacks: content for another one."""
    paths = {name: workspace.folder("scenarios") / f"{name}.py" for name in workspace.names("scenarios", ".py")}
    names, whose = not_playable(workspace, paths)
    if not names:
        return ()
    use = "scenario uses" if len(names) == 1 else "scenarios use"
    listed = ", ".join(names)
    return (f"{len(names)} {use} operations that {whose} does not offer: {listed}; plans that play them are refused",)


def _importable(workspace: Workspace) -> Files:
    return {
        child: {name: str(workspace.folder(folder) / f"{name}.py") for name in workspace.names(folder, ".py")}
        for child, folder in (("load", "scenarios"), ("synthetics", "synthetics"))
    }


def _objective_problems(workspace: Workspace, path: Path) -> list[Problem]:
    problems: list[Problem] = []
    objectives_in(workspace, str(path), shown(path), problems.extend)
    return problems


def _policy_problems(workspace: Workspace) -> tuple[Problem, ...]:
    """Policies are read with all of slo/, for the objectives that they cover may lie in other files."""
    files = [workspace.folder("slo") / f"{name}.yaml" for name in workspace.names("slo", ".yaml")]
    return load_policies([document for file in files for document in load_documents(file)[0]])[1]


def _plan_problems(workspace: Workspace, path: Path) -> tuple[Problem, ...]:
    try:
        prepare(workspace, str(path), may_ask=False)
    except InputError as error:
        return error.problems
    return ()
