"""A plan whose every part is known to be valid, and what the record keeps of it."""

import platform
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

from holdfast import __version__
from holdfast.capacity.question import CapacityQuestion
from holdfast.load.calibration import ceiling_of, this_machine
from holdfast.load.scenario import is_attack
from holdfast.run.asked import (
    Asked,
    AskedExperiment,
    AskedJourney,
    AskedLoad,
    AskedObjective,
    AskedPhase,
    plan_hash,
)
from holdfast.run.prospect import Prospect
from holdfast.run.trial_prospect import TrialProspect
from holdfast.run.workers import ALONE, Workers
from holdfast.workspace.plan import Plan
from holdfast.workspace.profile import LoadProfile
from holdfast.workspace.target import TargetDefinition
from holdfast.workspace.tls import UNVERIFIED
from holdfast.workspace.workspace import Workspace

_PACKAGES: Final = ("locust", "playwright", "chaostoolkit-lib", "pydantic", "numpy")


@dataclass(frozen=True, slots=True)
class Prepared:
    """A plan whose every part is known to be valid."""

    workspace: Workspace
    name: str
    plan: Plan
    target_name: str
    target: TargetDefinition
    phases: tuple[AskedPhase, ...]
    load: tuple[AskedLoad, ...]
    scenarios: Mapping[str, Path]
    scenario_steps: Mapping[str, tuple[str, ...]]
    journeys: tuple[AskedJourney, ...]
    experiments: tuple[AskedExperiment, ...]
    objectives: tuple[AskedObjective, ...]
    capacity: CapacityQuestion | None = None
    capacity_profile: LoadProfile | None = None
    capacity_objectives: tuple[AskedObjective, ...] = ()
    browser: Path | None = None
    notices: tuple[str, ...] = field(default=())
    prospects: tuple[Prospect, ...] = ()
    trials: tuple[TrialProspect, ...] = ()
    workers: Workers = ALONE


def asked_of(prepared: Prepared, run_id: str, now: float) -> Asked:
    """What `run.json` keeps of it. The target's size is not known before it is open."""
    guard = prepared.plan.guard
    verified = prepared.target.tls_in(prepared.workspace.root).verify
    return Asked(
        id=run_id,
        plan=prepared.name,
        description=prepared.plan.description,
        plan_hash=plan_hash(prepared.plan.model_dump(mode="json") | {"load": [dict(e.profile) for e in prepared.load]}),
        target=prepared.target_name,
        target_url=prepared.target.url,
        tls_verified=verified,
        seed=prepared.plan.seed,
        created=now,
        versions=_versions(),
        phases=prepared.phases,
        objectives=prepared.objectives,
        load=prepared.load,
        scenarios=prepared.scenario_steps,
        journeys=prepared.journeys,
        experiments=prepared.experiments,
        guard_burn_rate=guard.burn_rate if guard else None,
        guard_for=guard.for_ if guard else 10.0,
        capacity=prepared.capacity,
        capacity_objectives=prepared.capacity_objectives,
        stack=None,
        design_effect_floor=prepared.plan.verdict.design_effect_floor,
        stop_when_certain=prepared.plan.verdict.stop_when_certain,
        notices=prepared.notices if verified else (UNVERIFIED, *prepared.notices),
        attacks=tuple(name for name, path in prepared.scenarios.items() if is_attack(path)),
        ceiling=ceiling_of(prepared.workspace.state_folder, this_machine()) if prepared.load else None,
    )


def _versions() -> dict[str, str]:
    found = {"holdfast": __version__, "python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found
