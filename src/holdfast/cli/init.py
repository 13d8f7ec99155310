"""`holdfast init`."""

import shlex
import shutil
import sys
from pathlib import Path
from typing import Final

import click

from holdfast.workspace.starter import copy_starter, write_bare

_NAME: Final = "holdfast"


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), default=Path())
@click.option("--bare", is_flag=True, help="For an API of your own: one file of each kind, and nothing of the example.")
def init(folder: Path, bare: bool) -> int:
    """Make a new workspace in FOLDER (here, when none is named) that runs as it is."""
    made = write_bare(folder) if bare else copy_starter(folder)
    click.echo(f"{len(made)} files in {folder}")
    there = "" if folder == Path() else f"cd {shlex.quote(str(folder))} && "
    if bare:
        click.echo(
            "say in holdfast.yaml where your API is, in adapters/mine.py what it speaks, in accounts.csv who may come"
        )
        click.echo(f"next: {there}{_command()} validate --target")
    else:
        click.echo(f"next: {there}{_command()} demo")
    return 0


def _command() -> str:
    """What to type to call holdfast: as it was called now, where it lies in an environment that is not activated."""
    called = Path(sys.argv[0])
    if called.name == "__main__.py":
        return f"{shlex.quote(sys.executable)} -m holdfast"
    if called.name != _NAME or shutil.which(_NAME) is not None:
        return _NAME
    return shlex.quote(str(called.absolute()))  # the way there from another folder
