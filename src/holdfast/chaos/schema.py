"""What may stand in an experiment file: Chaos Toolkit's format, read strictly, and our block in its `extensions`.

Chaos Toolkit itself finds `rollback:` for `rollbacks:` valid, and leaves the fault in. Here unknown keys are problems.
"""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar, Final, Literal

from pydantic import ConfigDict, Field

from holdfast.workspace.binding import Broken, Definition, Duration

EXTENSION: Final = "holdfast"
ACTIONS: Final = "holdfast.chaos.actions"
PROBES: Final = "holdfast.chaos.probes"
_OURS: Final = "holdfast.chaos."

Number = Annotated[float, Field(strict=False)]
Text = Annotated[str, Field(min_length=1)]


class ExperimentPart(Definition):
    """Names as Chaos Toolkit writes them, and no others."""

    model_config: ClassVar[ConfigDict] = ConfigDict(frozen=True, extra="forbid", strict=True, populate_by_name=False)


class PythonProvider(ExperimentPart):
    type: Literal["python"]
    module: Text
    func: Text
    arguments: dict[str, Any] = Field(default_factory=dict)
    secrets: list[str] = Field(default_factory=list)


class ProcessProvider(ExperimentPart):
    type: Literal["process"]
    path: Text
    # A string would be run through a shell, and what is in it with it.
    arguments: dict[str, Any] | list[Any] = Field(default_factory=list)
    timeout: Number | str | None = None
    secrets: list[str] = Field(default_factory=list)


class HttpProvider(ExperimentPart):
    type: Literal["http"]
    url: Text
    method: str = "GET"
    headers: dict[str, Any] = Field(default_factory=dict)
    arguments: dict[str, Any] | None = None
    timeout: Number | list[Number] | str | None = None
    verify_tls: bool = True
    max_retries: int = 0
    secrets: list[str] = Field(default_factory=list)


Provider = Annotated[PythonProvider | ProcessProvider | HttpProvider, Field(discriminator="type")]


class Pauses(ExperimentPart):
    before: Number | str | None = None
    after: Number | str | None = None


class ControlProvider(ExperimentPart):
    type: Literal["python"]
    module: Text
    arguments: dict[str, Any] = Field(default_factory=dict)
    secrets: list[str] = Field(default_factory=list)


class ControlDefinition(ExperimentPart):
    name: Text | None = None
    ref: Text | None = None
    provider: ControlProvider | None = None
    scope: Literal["before", "after"] | None = None
    automatic: bool = True


class Activity(ExperimentPart):
    """A probe or an action; or `{ref: name}` of one written elsewhere in the file."""

    ref: Text | None = None
    type: Literal["probe", "action"] | None = None
    name: Text | None = None
    provider: Provider | None = None
    background: bool = False
    pauses: Pauses | None = None
    timeout: Number | None = None
    controls: list[ControlDefinition] = Field(default_factory=list)
    dry: Literal["probes", "actions", "activities", "pause"] | None = None
    tolerance: Any = None

    def broken(self) -> Iterator[Broken]:
        given = {"type": self.type, "name": self.name, "provider": self.provider}
        missing = [key for key, value in given.items() if value is None]
        if self.ref is None and missing:
            what = f"the activity lacks {', '.join(missing)}"
            yield Broken((), what, "an activity needs type, name and provider (or only ref)", ("ref", *given))
        if self.timeout is not None and isinstance(self.provider, PythonProvider):
            what = "Chaos Toolkit never enforces the timeout of a python activity"
            yield Broken(("timeout",), what, "bound it in its arguments", ("timeout", "provider"))


class HypothesisDefinition(ExperimentPart):
    title: Text
    probes: list[Activity] = Field(default_factory=list)
    controls: list[ControlDefinition] = Field(default_factory=list)


class RollbacksRuntime(ExperimentPart):
    strategy: Literal["default", "always", "never", "deviated"] = "default"


class HypothesisRuntime(ExperimentPart):
    strategy: Literal[
        "default", "before-method-only", "after-method-only", "during-method-only", "continuously", "skip"
    ] = "default"


class Runtime(ExperimentPart):
    """For a plain `chaos run`; in a run of holdfast rollbacks are always played."""

    rollbacks: RollbacksRuntime = RollbacksRuntime()
    hypothesis: HypothesisRuntime = HypothesisRuntime()
    python: dict[str, Any] | None = None


class ExperimentDefinition(ExperimentPart):
    """The whole file. https://chaostoolkit.org/reference/api/experiment/"""

    version: str | None = None
    title: Text
    description: Text
    tags: list[Text] = Field(default_factory=list)
    contributions: dict[str, Any] = Field(default_factory=dict)
    configuration: dict[str, Any] = Field(default_factory=dict)
    secrets: dict[str, Any] = Field(default_factory=dict)
    controls: list[ControlDefinition] = Field(default_factory=list)
    hypothesis: HypothesisDefinition | None = Field(default=None, alias="steady-state-hypothesis")
    method: list[Activity]
    rollbacks: list[Activity] = Field(default_factory=list)
    extensions: list[dict[str, Any]] = Field(default_factory=list)
    runtime: Runtime | None = None


class FaultName(ExperimentPart):
    """What the experiment breaks, for reports: the kind of fault, and what it hits."""

    kind: Text
    target: Text


class HoldfastExtension(ExperimentPart):
    """Chaos Toolkit passes over it.

    `resist`: the steady state must hold all through the fault. `recover`: it may be lost, and must be back by itself
    `recover_within` after the fault is out. `max_duration`: the fault is taken out after so long, whatever happens.
    """

    name: Literal["holdfast"]
    hypothesis: Literal["resist", "recover"]
    max_duration: Annotated[Duration, Field(gt=0, le=3600)]
    recover_within: Annotated[Duration, Field(ge=0)] = 30.0
    fault: FaultName


def is_foreign_action(activity: Mapping[str, Any]) -> bool:
    """Whether it is an action that is not one of ours: what it does, the undo log does not know."""
    module = str(activity.get("provider", {}).get("module", ""))
    return activity.get("type") == "action" and not module.startswith(_OURS)
