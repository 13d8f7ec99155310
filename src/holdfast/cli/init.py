"""`holdfast init`."""

import shlex
import shutil
import sys
from pathlib import Path
from typing import Final

import click

from holdfast.workspace.starter import copy_starter

_NAME: Final = "holdfast"


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), default=Path())
def init(folder: Path) -> int:
    """Make a new workspace in FOLDER (here, when none is named) that runs as it is."""
    made = copy_starter(folder)
    click.echo(f"{len(made)} files in {folder}")
    click.echo(f"next: {'' if folder == Path() else f'cd {folder} && '}{_command()} demo")
    return 0


def _command() -> str:
    """What to type to call holdfast: as it was called now, where it lies in an environment that is not activated."""
    called = Path(sys.argv[0])
    if called.name == "__main__.py":
        return f"{shlex.quote(sys.executable)} -m holdfast"
    if called.name != _NAME or shutil.which(_NAME) is not None:
        return _NAME
    return shlex.quote(str(called.absolute()))  # the way there from another folder
