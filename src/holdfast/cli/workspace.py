"""What several commands share: the workspace they stand in, and completion of its names."""

from pathlib import Path

import click
from click.shell_completion import CompletionItem

from holdfast.errors import HoldfastError, InputError, Problem
from holdfast.workspace.workspace import Workspace, find_workspace, look_for_workspace


def current_workspace() -> Workspace:
    """The one at or above the current folder. Raises InputError when there is none, or holdfast.yaml is wrong."""
    return find_workspace(current_folder())


def workspace_as_it_is() -> Workspace:
    """The same for commands that check everything: they tell what is wrong with holdfast.yaml with all the rest."""
    return look_for_workspace(current_folder())


def current_folder() -> Path:
    """Raises InputError when it was deleted while somebody stood in it."""
    try:
        return Path.cwd()
    except OSError as error:
        raise InputError(
            Problem("the current folder", f"is not there any more: {error.strerror}", "change into another one")
        ) from None


class RunName(click.Path):
    """A run folder by its path, completed from the names of those that were recorded."""

    def __init__(self) -> None:
        super().__init__(path_type=Path)

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        try:
            facts = sorted(current_workspace().runs_folder.glob("*/run.json"), reverse=True)
        except HoldfastError:
            facts = []
        names = ["last", *(path.parent.name for path in facts)] if facts else []
        found = [CompletionItem(name) for name in names if name.startswith(incomplete)]
        return found or super().shell_complete(ctx, param, incomplete)


class ContentName(click.ParamType[str]):
    """The name of a definition, completed from the workspace's files."""

    name = "name"

    def __init__(self, kind: str, suffix: str = ".yaml") -> None:
        self.kind = kind
        self.suffix = suffix

    def shell_complete(self, _context: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        try:
            names = current_workspace().names(self.kind, self.suffix)
        except HoldfastError:
            return []
        return [CompletionItem(name) for name in names if name.startswith(incomplete)]
