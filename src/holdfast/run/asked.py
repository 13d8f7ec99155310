"""What was asked of a run: `run.json`, all that is needed beside `run.db` to judge it again years later."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from holdfast.capacity.question import CapacityQuestion
from holdfast.errors import Problem, RunFolderError
from holdfast.load.calibration import Ceiling
from holdfast.run.folder import RunFolder, read_facts, write_facts
from holdfast.slo.objective import Objective

SCHEMA: Final = "holdfast/run/v1"


@dataclass(frozen=True, slots=True)
class AskedPhase:
    """[start, end) in seconds after time 0. `gates`: by objective, where the phase is judged by itself."""

    name: str
    start: float
    end: float
    judged: bool
    gates: Mapping[str, float] = field(default_factory=dict)

    @property
    def apart(self) -> bool:
        """Whether it is judged by itself, and no part of what the other phases prove together."""
        return bool(self.gates)


@dataclass(frozen=True, slots=True)
class AskedObjective:
    """`gate`: the ratio the run must prove; the objective's target unless the plan lowers it.

    `planned`: events that the judged phases may bring at most; None where that is not known before.
    """

    objective: Objective
    gate: float
    planned: int | None = None


@dataclass(frozen=True, slots=True)
class AskedJourney:
    name: str
    path: str  # below the workspace
    every: float
    budget: float
    steps: tuple[str, ...]
    runbook: str = ""
    owner: str = ""
    times: int | None = None  # at most so many walks


@dataclass(frozen=True, slots=True)
class AskedExperiment:
    """`start`, `end`: when its fault is in, in seconds after time 0."""

    name: str
    path: str
    title: str
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class AskedLoad:
    """A load profile as the load child takes it; see `holdfast.load.child`."""

    name: str
    scale: float
    start: float
    end: float
    profile: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Asked:
    """See the module."""

    id: str
    plan: str
    description: str
    plan_hash: str
    target: str
    target_url: str | None  # null for the reference stack, which is started for the run
    seed: int
    created: float
    versions: Mapping[str, str]
    phases: tuple[AskedPhase, ...]
    objectives: tuple[AskedObjective, ...]
    load: tuple[AskedLoad, ...]
    scenarios: Mapping[str, tuple[str, ...]]  # steps by scenario
    journeys: tuple[AskedJourney, ...]
    experiments: tuple[AskedExperiment, ...]
    guard_burn_rate: float | None
    guard_for: float
    capacity: CapacityQuestion | None
    capacity_objectives: tuple[AskedObjective, ...]
    stack: Mapping[str, float] | None  # what is known of the target's size: replicas, workers, service_time
    notices: tuple[str, ...] = ()
    attacks: tuple[str, ...] = ()  # scenarios whose limits are meant to be met
    tls_verified: bool = True
    design_effect_floor: float = 1.0
    stop_when_certain: bool = False
    ceiling: Ceiling | None = None  # of the generator's machine, where the plan has load
    schema: str = field(default=SCHEMA)

    @property
    def target_shown(self) -> str:
        """Name and address; and what makes it doubtful who was measured, for every report names the target."""
        if self.target_url is None:
            return self.target
        return f"{self.target} ({self.target_url}{'' if self.tls_verified else ', TLS certificates not verified'})"

    @property
    def duration(self) -> float:
        return max((phase.end for phase in self.phases), default=0.0)


def write_asked(asked: Asked, folder: RunFolder) -> None:
    from pydantic import TypeAdapter

    write_facts(folder, TypeAdapter(Asked).dump_python(asked, mode="json"))


def read_asked(folder: RunFolder) -> Asked:
    """Raises RunFolderError when it does not fit."""
    from pydantic import TypeAdapter, ValidationError

    try:
        return TypeAdapter(Asked).validate_python(read_facts(folder), strict=False)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise RunFolderError(Problem(f"{folder.facts}  {place}", f"does not fit {SCHEMA}: {first['msg']}")) from error


def plan_hash(facts: Mapping[str, Any]) -> str:
    """Of everything a plan resolves to: two runs are comparable when theirs are equal."""
    return hashlib.sha256(json.dumps(facts, sort_keys=True, default=str).encode()).hexdigest()[:16]
