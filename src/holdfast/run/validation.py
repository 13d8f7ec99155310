"""Every file of a workspace checked, nothing started: what `holdfast validate` says."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from holdfast.capacity.question import load_question
from holdfast.chaos.experiment import load_experiment
from holdfast.errors import InputError, Problem
from holdfast.load.scenario import check_scenario
from holdfast.run.definition_files import Checked, check_definitions, definition_files, read_documents
from holdfast.run.importing import Files, import_problems
from holdfast.run.preparation import prepare, prepare_plan
from holdfast.run.requirements import not_playable
from holdfast.run.selected import unselected_problems
from holdfast.slo.indicator import Indicator
from holdfast.slo.objective import Composite
from holdfast.synthetics.definition import check_journey
from holdfast.workspace.plan import Plan
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
    slo = workspace.folder("slo")
    checked = check_definitions([slo], apart=True) if definition_files([slo])[0] else None
    if checked is not None:
        files += checked.files
        problems.update(dict.fromkeys((*checked.problems, *_unselected(workspace, checked))))
    problems.update(dict.fromkeys(import_problems(_importable(workspace), workspace.root)))
    doubts = [f"{w.where}: {w.what}; {w.fix}" for w in checked.warnings] if checked is not None else []
    notes = checked.notes if checked is not None else ()
    return Validation(tuple(files), tuple(problems), (*_notes(workspace), *_outlooks(workspace), *doubts, *notes))


def _notes(workspace: Workspace) -> tuple[str, ...]:
    """Scenarios that nothing plays on the default target may need what it lacks: content for another one."""
    paths = {name: workspace.folder("scenarios") / f"{name}.py" for name in workspace.names("scenarios", ".py")}
    names, whose = not_playable(workspace, paths)
    if not names:
        return ()
    use = "scenario uses" if len(names) == 1 else "scenarios use"
    listed = ", ".join(names)
    return (f"{len(names)} {use} operations that {whose} does not offer: {listed}; plans that play them are refused",)


def _outlooks(workspace: Workspace) -> Iterator[str]:
    """What a plan, or a sizing question that no plan asks, can never conclude. Of an unsound one nothing is said."""
    asked_by_plans = set()
    for name in workspace.names("plans", ".yaml"):
        with suppress(InputError):
            prepared = prepare(workspace, name, may_ask=False)
            asked_by_plans |= {prepared.plan.capacity}
            for text in prepared.notices:
                yield f"plans/{name}.yaml: {text}"
    for name in workspace.names("capacity", ".yaml"):
        if name in asked_by_plans:
            continue
        asked = {"name": "sizing", "for": "1s", "judged": False}
        plan = Plan.model_validate(
            {"kind": "Plan", "description": "A sizing alone.", "phases": [asked], "capacity": name}
        )
        with suppress(InputError):
            for text in prepare_plan(workspace, name, plan, may_ask=False).notices:
                yield f"capacity/{name}.yaml: {text}"


def _importable(workspace: Workspace) -> Files:
    return {
        child: {name: str(workspace.folder(folder) / f"{name}.py") for name in workspace.names(folder, ".py")}
        for child, folder in (("load", "scenarios"), ("synthetics", "synthetics"))
    }


def _unselected(workspace: Workspace, checked: Checked) -> list[Problem]:
    """Names that match nothing of the workspace, of objectives on holdfast's own samples."""
    parts = [p for o in checked.definitions.objectives for p in (o.parts if isinstance(o, Composite) else (o,))]
    ours = [part for part in parts if isinstance(part.indicator, Indicator)]
    documents, _ = read_documents(checked.files)
    return unselected_problems(workspace, ours, documents)


def _plan_problems(workspace: Workspace, path: Path) -> tuple[Problem, ...]:
    try:
        prepare(workspace, str(path), may_ask=False)
    except InputError as error:
        return error.problems
    return ()
