"""A plan: what runs together on one timeline. Files under `plans/`.

kind: Plan
phases: [{name: baseline, for: 40s}, {name: fault, for: 40s}, {name: recovery, for: 40s}]
load: [{profile: business_hours, scale: 0.5}]
journeys: [{name: sign_in_and_read_invoice, every: 15s}]
chaos: [{experiment: replica_kill, during: fault}]
objectives: [slo/self_service.yaml]
guard: {burn_rate: 14.4, for: 10s}
verdict: {design_effect_floor: 3, stop_when_certain: true}
capacity: self_service
"""

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from holdfast.workspace.binding import Broken, Definition, Duration


class PhaseDefinition(Definition):
    """A named stretch of the run. Verdicts are given for each; only `judged` ones decide the run.

    `gates`: the phase is judged by itself. Each objective named must be proven in it at its gate here, no other one is
    judged in it, and it is no part of what the other phases prove together. For a phase with a fault in it: what the
    fault costs at once says nothing of the time without it, and would drown what was proven there.
    """

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    for_: Annotated[Duration, Field(alias="for", gt=0)]
    judged: bool = True
    gates: dict[str, Annotated[float, Field(gt=0, lt=1)]] = Field(default_factory=dict)

    def broken(self) -> Iterator[Broken]:
        if self.gates and not self.judged:
            yield Broken(("gates",), "a phase that is not judged has no gates", "remove one", ("gates", "judged"))


class LoadEntry(Definition):
    """A load profile, its rates multiplied by `scale`, over the phases named (all of them when none is)."""

    profile: str
    scale: Annotated[float, Field(gt=0, strict=False)] = 1.0
    during: Annotated[tuple[str, ...], Field(strict=False)] = ()


class JourneyEntry(Definition):
    """A journey, walked once every `every` (its own setting when absent), at most `times` times."""

    name: str
    every: Duration | None = None
    times: Annotated[int | None, Field(gt=0)] = None


class ChaosEntry(Definition):
    """An experiment; its fault is in for the phase named."""

    experiment: str
    during: str


class ObjectivesEntry(Definition):
    """A file of objectives, or `only` some of it.

    `gates` lowers what a run must prove of one, where a run is too short to prove its target. The target stays the
    objective's; the report shows both.
    """

    file: str
    only: Annotated[tuple[str, ...], Field(strict=False)] = ()
    gates: dict[str, Annotated[float, Field(gt=0, lt=1)]] = Field(default_factory=dict)


def _entry(value: Any) -> Any:
    return {"file": value} if isinstance(value, str) else value


class GuardDefinition(Definition):
    """Stops the run when an objective burns its budget this fast for this long."""

    burn_rate: Annotated[float, Field(gt=0, strict=False)] = 14.4
    for_: Annotated[Duration, Field(alias="for", gt=0)] = 10.0


class VerdictDefinition(Definition):
    """How objectives are judged.

    `design_effect_floor`: failures are taken to come in clusters at least so large (1: as independent as they look). It
    is measured by every run and told in its summary; a run in which little fails cannot measure it, hence the floor.
    `stop_when_certain`: end the run when an objective is certainly missed, whatever follows.
    """

    design_effect_floor: Annotated[float, Field(ge=1, allow_inf_nan=False, strict=False)] = 1.0
    stop_when_certain: bool = False


class Plan(Definition):
    """See the module."""

    kind: Literal["Plan"]
    description: Annotated[str, Field(min_length=1)]
    target: str | None = None
    seed: int = 1
    phases: Annotated[tuple[PhaseDefinition, ...], Field(strict=False, min_length=1)]
    load: Annotated[tuple[LoadEntry, ...], Field(strict=False)] = ()
    journeys: Annotated[tuple[JourneyEntry, ...], Field(strict=False)] = ()
    chaos: Annotated[tuple[ChaosEntry, ...], Field(strict=False)] = ()
    objectives: Annotated[tuple[Annotated[ObjectivesEntry, BeforeValidator(_entry)], ...], Field(strict=False)] = ()
    guard: GuardDefinition | None = None
    verdict: VerdictDefinition = VerdictDefinition()
    capacity: str | None = None

    def broken(self) -> Iterator[Broken]:
        names = [phase.name for phase in self.phases]
        for index, name in enumerate(names):
            if name in names[:index]:
                yield Broken(("phases", index, "name"), f"two phases are called {name}", "give each a name of its own")
        if not (self.load or self.journeys or self.capacity):
            what = "nothing would be measured"
            yield Broken((), what, "name load, journeys or capacity", ("load", "journeys", "capacity"))

    @property
    def duration(self) -> float:
        """Seconds from the first phase's start to the last one's end."""
        return sum(phase.for_ for phase in self.phases)

    def phase_bounds(self, name: str) -> tuple[float, float]:
        """[start, end) of a phase, in seconds after the run's time 0."""
        start = 0.0
        for phase in self.phases:
            if phase.name == name:
                return start, start + phase.for_
            start += phase.for_
        raise KeyError(name)

    def stretches(self, entry: LoadEntry) -> tuple[tuple[float, float], ...]:
        """[start, end) of each stretch that plays a load. Phases that follow each other are one."""
        bounds = [self.phase_bounds(name) for name in entry.during] or [(0.0, self.duration)]
        found: list[tuple[float, float]] = []
        for start, end in sorted(bounds):
            if found and start <= found[-1][1]:
                found[-1] = (found[-1][0], max(end, found[-1][1]))
            else:
                found.append((start, end))
        return tuple(found)
