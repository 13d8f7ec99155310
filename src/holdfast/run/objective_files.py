"""The objectives that a plan names: its files found and read, its gates and its guard held against them."""

from collections.abc import Callable
from pathlib import Path

from holdfast.chaos.experiment import load_experiment
from holdfast.errors import Problem
from holdfast.run.asked import AskedExperiment, AskedObjective
from holdfast.run.definition_files import definition_files, read_documents
from holdfast.run.requirements import Checking
from holdfast.run.selected import unselected_problems
from holdfast.slo.guard import guard_problems
from holdfast.slo.objective import Objective
from holdfast.slo.openslo import declared_names, load_objectives
from holdfast.workspace.document import Document, PropertyPath, load_documents, nearest
from holdfast.workspace.plan import Plan
from holdfast.workspace.workspace import Workspace


def objectives_in(
    workspace: Workspace, file: str, where: str, add: Callable[[list[Problem]], None]
) -> tuple[list[Objective], set[str]]:
    """The objectives of one file, given as path or name; and the names of all that it defines, also of unsound ones."""
    path = workspace.file_of("slo", file)
    if not path.is_file():
        known = nearest(Path(file).stem, workspace.names("slo", ".yaml"))
        add([Problem(where, f'there is no file of objectives "{file}"', known)])
        return [], set()
    documents, problems = load_documents(path)
    add(problems)
    objectives, problems = load_objectives(documents, beside=_beside(workspace, path))
    add(problems)
    add(unselected_problems(workspace, objectives, documents))
    return objectives, {objective.name for objective in objectives} | declared_names(documents)


def _beside(workspace: Workspace, path: Path) -> list[Document]:
    """What a file of `slo/` may refer to: the others there, whose own problems are theirs."""
    folder = workspace.folder("slo")
    if path.parent.resolve() != folder.resolve():
        return []
    files, _ = definition_files([folder])
    return read_documents(file for file in files if file.resolve() != path.resolve())[0]


def asked_objectives(checking: Checking, plan: Plan) -> tuple[AskedObjective, ...]:
    found: list[AskedObjective] = []
    for index, entry in enumerate(plan.objectives):
        at: PropertyPath = ("objectives", index)
        objectives, names = objectives_in(checking.workspace, entry.file, checking.where(at, entry.file), checking.add)
        for key, named in (("gates", tuple(entry.gates)), ("only", entry.only)):
            for name in (name for name in named if names and name not in names):
                where = checking.where((*at, key, name), name)
                checking.wrong(where, f'there is no objective "{name}" in {entry.file}', nearest(name, names))
        if entry.only:
            objectives = [objective for objective in objectives if objective.name in entry.only]
        found += [AskedObjective(o, entry.gates.get(o.name, float(o.target))) for o in objectives]
        for objective in objectives:
            gate = entry.gates.get(objective.name)
            if gate is not None and gate > float(objective.target):
                where = checking.where((*at, "gates", objective.name), objective.name)
                checking.wrong(where, f"the gate {gate} is above the target {objective.target}", "lower it")
    _check_phase_gates(checking, plan, found)
    if plan.guard is not None:
        watched = [asked.objective for asked in found if asked.objective.events.total.source != "synthetics"]
        checking.add(guard_problems(plan.guard.burn_rate, watched, checking.where(("guard", "burn_rate"), "guard")))
        whole = not (checking.lacks_some_of("objectives") or checking.lacks_some_of("load") or checking.problems)
        if whole and not (watched and plan.load):
            what = "there is nothing it could watch: it judges objectives by the load"
            checking.wrong(checking.where(("guard",), "guard"), what, "name load and objectives on it, or leave it out")
    return tuple(found)


def _check_phase_gates(checking: Checking, plan: Plan, found: list[AskedObjective]) -> None:
    """A phase's own gates are of objectives that the plan judges, and none asks for more than its target."""
    targets = {asked.objective.name: asked.objective.target for asked in found}
    whole = not (checking.lacks_some_of("objectives") or checking.problems)
    for index, phase in enumerate(plan.phases):
        for name, gate in phase.gates.items():
            where = checking.where(("phases", index, "gates", name), name)
            if name not in targets and whole:
                checking.wrong(where, f'this plan judges no objective "{name}"', nearest(name, targets))
            elif name in targets and gate > float(targets[name]):
                checking.wrong(where, f"the gate {gate} is above the target {targets[name]}", "lower it")


def check_steady_states(
    checking: Checking,
    plan: Plan,
    experiments: tuple[AskedExperiment, ...],
    objectives: tuple[AskedObjective, ...],
) -> None:
    """An experiment whose steady state is an objective needs it measured, or it never begins."""
    measured = {asked.objective.name for asked in objectives}
    for judged in plan.objectives:  # those of a file with a problem may be fine once it is mended
        measured |= objectives_in(checking.workspace, judged.file, "", lambda _: None)[1]
    if checking.lacks_some_of("objectives"):
        return
    for index, entry in enumerate(plan.chaos):
        path = next((e.path for e in experiments if e.name == Path(entry.experiment).stem), None)
        experiment = load_experiment(checking.workspace.root / path)[0] if path is not None else None
        for name in experiment.objectives if experiment is not None else ():
            if name not in measured:
                where = checking.where(("chaos", index, "experiment"), entry.experiment)
                what = f'its steady state is the objective "{name}", which this plan does not measure'
                checking.wrong(where, what, "add its file under objectives")
