"""A workspace: the folder with `holdfast.yaml`, and the definitions found by name in its content folders."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import Field

from holdfast.errors import InputError, Problem, raise_input_error, shown
from holdfast.workspace.binding import Broken, Definition, Model, bind_what_fits
from holdfast.workspace.curve import Point, load_curve
from holdfast.workspace.document import Document, load_document, nearest
from holdfast.workspace.plan import Plan
from holdfast.workspace.profile import LoadProfile
from holdfast.workspace.target import TargetDefinition

CONFIG_FILE: Final = "holdfast.yaml"
STATE_FOLDER: Final = ".holdfast"


class Configuration(Definition):
    """`holdfast.yaml`."""

    kind: Literal["Workspace"] = "Workspace"
    targets: Annotated[dict[str, TargetDefinition], Field(min_length=1)]
    default_target: str
    browser: str | None = None  # path of a Chromium, where the one that is found is not the one wanted

    def broken(self) -> Iterator[Broken]:
        if self.default_target not in self.targets:
            fix = nearest(self.default_target, self.targets)
            what = f'default_target "{self.default_target}" is not under targets'
            yield Broken(("default_target",), what, fix, ("default_target", "targets"))


@dataclass(frozen=True, slots=True)
class Workspace:
    """Where definitions are found. Names are file stems."""

    root: Path
    configuration: Configuration
    document: Document | None = field(default=None, repr=False)
    problems: tuple[Problem, ...] = ()  # of holdfast.yaml; `configuration` is then what could be read of it

    @property
    def state_folder(self) -> Path:
        """What a running stack or an open fault left: never content, never committed."""
        return self.root / STATE_FOLDER

    @property
    def runs_folder(self) -> Path:
        return self.root / "runs"

    def folder(self, kind: str) -> Path:
        """ "plans", "scenarios", "synthetics", "chaos", "slo", "capacity" """
        return self.root / kind

    def names(self, kind: str, suffix: str) -> list[str]:
        folder = self.folder(kind)
        return (
            sorted(p.stem for p in folder.glob(f"*{suffix}") if not p.stem.startswith("_")) if folder.is_dir() else []
        )

    def file_of(self, kind: str, name: str, suffix: str = ".yaml") -> Path:
        """The file a name or a path stands for; it may not exist."""
        if name.endswith(suffix):
            given = Path(name)
            return given if given.is_absolute() or given.exists() else self.root / given
        return self.folder(kind) / f"{name}{suffix}"


def find_workspace(start: Path) -> Workspace:
    """The nearest folder at or above `start` with `holdfast.yaml`. Raises InputError when none is, or it is wrong."""
    workspace = look_for_workspace(start)
    raise_input_error(workspace.problems)
    return workspace


def look_for_workspace(start: Path) -> Workspace:
    """The same for those who tell `problems` with those of other files. Raises InputError when there is none."""
    root = next((p for p in (start, *start.parents) if (p / CONFIG_FILE).is_file()), None)
    if root is None:
        raise InputError(
            Problem(
                shown(start),
                f"there is no {CONFIG_FILE} here or above",
                "change into a workspace, or make one here with `holdfast init`",
            )
        )
    document, problems = load_document(root / CONFIG_FILE)
    configuration = None
    if document is not None:
        configuration, document, wrong = bind_what_fits(Configuration, document)
        problems += wrong
    unread = Configuration.model_construct(targets={}, default_target="")
    return Workspace(root, configuration or unread, document, tuple(problems))


def load_plan(workspace: Workspace, name: str) -> tuple[Plan | None, Document | None, list[Problem]]:
    """What can be read of a plan, the document less what cannot, and all that is wrong with the file."""
    path = workspace.file_of("plans", name)
    if not path.is_file():
        return None, None, [_no_such("plan", name, path, workspace.names("plans", ".yaml"))]
    return _load(Plan, path)


def load_profile(
    workspace: Workspace, name: str, where: str = ""
) -> tuple[LoadProfile | None, Document | None, list[Problem]]:
    """The same of a load profile. `where`: the place that names it, for the message when there is none."""
    path = workspace.file_of("scenarios/profiles", name)
    if not path.is_file():
        return None, None, [_no_such("load profile", name, path, workspace.names("scenarios/profiles", ".yaml"), where)]
    profile, document, problems = _load(LoadProfile, path)
    if profile is None or document is None:
        return profile, document, problems
    curves: list[list[Point]] = [[] for _ in profile.stages]
    for index, stage in enumerate(profile.stages):
        if stage.curve is not None:
            beside = path.parent / stage.curve
            file = beside if beside.is_file() else workspace.root / stage.curve
            if file.is_file():
                curves[index], wrong = load_curve(file, stage.bin)
                problems += wrong
            else:
                known = nearest(stage.curve, (found.name for found in path.parent.glob("*.csv*")))
                place = document.where(("stages", index, "curve"))
                problems.append(Problem(place, f'there is no file "{stage.curve}"', known))
    return profile.with_curves(curves), document, problems


def _load(model: type[Model], path: Path) -> tuple[Model | None, Document | None, list[Problem]]:
    document, problems = load_document(path)
    if document is None:
        return None, None, problems
    bound, document, wrong = bind_what_fits(model, document)
    return bound, document, problems + wrong


def _no_such(kind: str, name: str, path: Path, known: list[str], where: str = "") -> Problem:
    return Problem(where or shown(path), f'there is no {kind} "{name}"', nearest(Path(name).stem, known))
