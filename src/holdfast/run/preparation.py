"""A plan and all it names, loaded and checked: every problem of all files at once, before anything starts.

In: a workspace and a plan (from a file, or made on the spot). Out: `Prepared`, or one InputError with all problems.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from holdfast.capacity.question import CapacityQuestion, load_question
from holdfast.chaos.experiment import Experiment, load_experiment
from holdfast.errors import InputError, Problem
from holdfast.load.scenario import check_scenario
from holdfast.load.scenario import steps_of as scenario_steps
from holdfast.run.asked import AskedExperiment, AskedJourney, AskedLoad, AskedObjective, AskedPhase
from holdfast.run.attacks import attack_problems
from holdfast.run.holdings import holdings_of, walks_of
from holdfast.run.importing import files_by_child, import_problems
from holdfast.run.objective_files import asked_objectives, check_steady_states, objectives_in
from holdfast.run.outlook import prospects_of, told, trials_of
from holdfast.run.prepared import Prepared
from holdfast.run.requirements import (
    Checking,
    check_accounts,
    check_accounts_of_journeys,
    check_extras,
    check_operations,
    find_plan_browser,
    find_target,
)
from holdfast.run.shares import shortfall
from holdfast.synthetics.definition import check_journey, definition_of
from holdfast.workspace.document import Document, PropertyPath, load_documents, nearest
from holdfast.workspace.plan import Plan
from holdfast.workspace.profile import LoadProfile
from holdfast.workspace.quantity import duration_text
from holdfast.workspace.target import TargetDefinition
from holdfast.workspace.workspace import Workspace, load_plan, load_profile

FAULT_LEAD_SECONDS: Final = 2.0
"""A fault is put in so long after its phase began, and out half as long before it ends: what was due in the phase
before has ended by then and is not charged with a fault of the next, and the phase after begins without it."""


def prepare(
    workspace: Workspace,
    plan_name: str,
    *,
    target: str | None = None,
    seed: int | None = None,
    may_ask: bool = True,
) -> Prepared:
    """Load a plan by name or path. Raises InputError with everything that is wrong.

    `may_ask`: also ask a target of the user's own whether it answers, and files whether they can be imported.
    """
    plan, document, problems = load_plan(workspace, plan_name)
    if plan is None:
        raise InputError(*workspace.problems, *problems)
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
    checking = Checking(workspace, document, may_ask)
    checking.add(problems)
    updates = {k: v for k, v in {"target": target, "seed": seed}.items() if v is not None}
    plan = plan.model_copy(update=updates)
    target_name, definition = find_target(checking, plan, target)
    profiles, load = _load(checking, plan)
    capacity, capacity_profile, capacity_objectives = _capacity(checking, plan)
    if capacity_profile is not None and capacity is not None:
        profiles[capacity.profile] = capacity_profile
    scenarios, steps = _scenarios(checking, profiles)
    sizing = capacity.profile if capacity is not None else None
    checking.add(attack_problems(checking, plan, target_name, definition, profiles, scenarios, sizing))
    check_operations(checking, scenarios, definition)
    if definition is not None and scenarios:
        check_accounts(checking, target_name, definition)
    journeys = _journeys(checking, plan)
    if definition is not None and journeys:
        coded = [j.name for j in journeys if definition_of(workspace.root / j.path).needs_code]
        others = bool(plan.load) + (plan.capacity is not None)
        check_accounts_of_journeys(checking, target_name, definition, coded, others=others)
    experiments = _experiments(checking, plan, definition)
    objectives = asked_objectives(checking, plan)
    check_steady_states(checking, plan, experiments, objectives)
    check_extras(checking, plan, target_name, definition)
    browser = find_plan_browser(checking, plan, definition)
    if checking.problems and may_ask:
        # A run has its own children import them. There will be no run, so it is done here: all problems at once.
        checking.add(import_problems(files_by_child(scenarios, journeys, workspace.root), workspace.root))
    if checking.problems or definition is None:
        raise InputError(*checking.problems)
    prepared = Prepared(
        workspace=workspace,
        name=name,
        plan=plan,
        target_name=target_name,
        target=definition,
        phases=tuple(AskedPhase(p.name, *plan.phase_bounds(p.name), p.judged, p.gates) for p in plan.phases),
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
    prospects = prospects_of(prepared, profiles)
    planned = tuple(
        replace(o, planned=p.at_most) for o, p in zip(objectives, prospects[: len(objectives)], strict=True)
    )
    trials = trials_of(prepared)
    notices = (*told(prospects, trials), *_accounts_short(prepared))
    return replace(prepared, objectives=planned, prospects=prospects, trials=trials, notices=notices)


def _accounts_short(prepared: Prepared) -> tuple[str, ...]:
    """Walks that will find no free account, said before the first one. Of a file; a stack of ours has plenty."""
    accounts = prepared.target.accounts
    if accounts is None or not prepared.journeys:
        return ()
    return shortfall(holdings_of({"file": prepared.workspace.root / accounts.file}), walks_of(prepared))


def profile_for_child(profile: LoadProfile) -> dict[str, Any]:
    """A load profile as the load child takes it: stages with a closed integral, in plain numbers."""
    return {
        "arrivals": profile.arrivals,
        "stages": [piece.message() for piece in profile.pieces],
        "mix": dict(profile.mix),
        "at_most": profile.visitors.at_most,
        "virtual_users": profile.virtual_users,
        "think_time": profile.think_time,
        "new_connections": profile.visitors.new_connections,
        "accounts": profile.accounts,
    }


def _load(checking: Checking, plan: Plan) -> tuple[dict[str, LoadProfile], tuple[AskedLoad, ...]]:
    profiles: dict[str, LoadProfile] = {}
    load = []
    for index, entry in enumerate(plan.load):
        where = checking.where(("load", index, "profile"), entry.profile)
        profile, _, problems = load_profile(checking.workspace, entry.profile, where)
        checking.add(problems)
        unknown = [phase for phase in entry.during if not _has_phase(checking, plan, ("load", index, "during"), phase)]
        if profile is not None:
            profiles[entry.profile] = profile
        if profile is None or unknown:
            continue
        load += [
            AskedLoad(Path(entry.profile).stem, entry.scale, start, end, profile_for_child(profile))
            for start, end in plan.stretches(entry)
        ]
    return profiles, tuple(load)


def _scenarios(
    checking: Checking, profiles: Mapping[str, LoadProfile]
) -> tuple[dict[str, Path], dict[str, tuple[str, ...]]]:
    workspace = checking.workspace
    known = workspace.names("scenarios", ".py")
    paths: dict[str, Path] = {}
    steps: dict[str, tuple[str, ...]] = {}
    for profile_name, profile in profiles.items():
        documents, _ = load_documents(workspace.file_of("scenarios/profiles", profile_name))
        for scenario in profile.mix:
            path = workspace.file_of("scenarios", scenario, ".py")
            if not path.is_file():
                where = documents[0].where(("mix", scenario))
                checking.wrong(where, f'there is no scenario "{scenario}"', nearest(scenario, known))
            elif scenario not in paths:
                problems = check_scenario(path)
                checking.add(problems)
                paths[scenario] = path
                if not problems:
                    steps[scenario] = tuple(scenario_steps(path))
    return paths, steps


def _journeys(checking: Checking, plan: Plan) -> tuple[AskedJourney, ...]:
    workspace = checking.workspace
    journeys = []
    for index, entry in enumerate(plan.journeys):
        path = workspace.file_of("synthetics", entry.name, ".py")
        if not path.is_file():
            where = checking.where(("journeys", index, "name"), entry.name)
            known = nearest(entry.name, workspace.names("synthetics", ".py"))
            checking.wrong(where, f'there is no journey "{entry.name}"', known)
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


def _experiments(checking: Checking, plan: Plan, definition: TargetDefinition | None) -> tuple[AskedExperiment, ...]:
    workspace = checking.workspace
    experiments = []
    for index, entry in enumerate(plan.chaos):
        path = workspace.file_of("chaos", entry.experiment)
        where = checking.where(("chaos", index, "experiment"), entry.experiment)
        experiment: Experiment | None = None
        if path.is_file():
            experiment, problems = load_experiment(path)
            checking.add(problems)
        else:
            known = nearest(entry.experiment, workspace.names("chaos", ".yaml"))
            checking.wrong(where, f'there is no experiment "{entry.experiment}"', known)
        if _has_phase(checking, plan, ("chaos", index, "during"), entry.during) and experiment is not None:
            start, end = plan.phase_bounds(entry.during)
            lead = min(FAULT_LEAD_SECONDS, (end - start) / 10)
            start, end = start + lead, end - lead / 2
            if end - start > experiment.max_duration:
                longest = duration_text(experiment.max_duration)
                where = checking.where(("chaos", index, "during"), entry.experiment)
                what = f"its fault would be in for {duration_text(end - start)}, and may be for {longest}"
                checking.wrong(where, what, "shorten the phase (--for), or raise max_duration in the experiment")
            experiments.append(AskedExperiment(path.stem, _in_workspace(path, workspace), experiment.title, start, end))
    if plan.chaos and definition is not None and definition.stack is None:
        what = "faults need a target that can be broken and mended"
        checking.wrong(checking.where(("chaos",), "chaos"), what, "aim at the reference stack")
    return tuple(experiments)


def _capacity(
    checking: Checking, plan: Plan
) -> tuple[CapacityQuestion | None, LoadProfile | None, tuple[AskedObjective, ...]]:
    if plan.capacity is None:
        return None, None, ()
    workspace = checking.workspace
    path = workspace.file_of("capacity", plan.capacity)
    if not path.is_file():
        known = nearest(plan.capacity, workspace.names("capacity", ".yaml"))
        where = checking.where(("capacity",), plan.capacity)
        checking.wrong(where, f'there is no sizing question "{plan.capacity}"', known)
        return None, None, ()
    question, document, problems = load_question(path)
    checking.add(problems)
    if question is None or document is None:
        return None, None, ()
    profile, _, problems = load_profile(workspace, question.profile, document.where(("profile",)))
    checking.add(problems)
    objectives: list[AskedObjective] = []
    names: set[str] = set()
    unread = False
    for index, file in enumerate(question.objectives):
        found, declared = objectives_in(workspace, file, document.where(("objectives", index)), checking.add)
        unread = unread or not declared
        names |= declared
        # A held rate says nothing about browsers: only objectives over load define capacity.
        objectives += [
            AskedObjective(o, question.gates.get(o.name, float(o.target)))
            for o in found
            if question.judges_by(o.name) and o.events.total.source != "synthetics"
        ]
    for name in dict.fromkeys((*question.only, *question.gates)):
        if not unread and name not in names:
            where = document.where(_place_of(name, document))
            checking.wrong(where, f'there is no objective "{name}"', nearest(name, names))
    return question, profile, tuple(objectives)


def _place_of(name: str, document: Document) -> PropertyPath:
    """Where a sizing question names an objective."""
    for index, entry in enumerate(document.data["objectives"]):
        if isinstance(entry, dict):
            for key in ("only", "gates"):
                if name in entry.get(key, ()):
                    only: PropertyPath = (list(entry["only"]).index(name),) if key == "only" else (name,)
                    return ("objectives", index, key, *only)
    return ("objectives",)


def _in_workspace(path: Path, workspace: Workspace) -> str:
    """What the record keeps: a run folder says nothing of the machine it was made on."""
    inside = path.resolve()
    root = workspace.root.resolve()
    return str(inside.relative_to(root)) if inside.is_relative_to(root) else str(inside)


def _has_phase(checking: Checking, plan: Plan, at: PropertyPath, phase: str) -> bool:
    """Whether the plan has it. A phase that cannot be read may be the one: it is not told to be missing."""
    names = [p.name for p in plan.phases]
    if phase in names:
        return True
    if not checking.lacks_some_of("phases"):
        checking.wrong(checking.where(at, phase), f'there is no phase "{phase}"', nearest(phase, names))
    return False
