"""`holdfast init`."""

from pathlib import Path

import click

from holdfast.workspace.starter import copy_starter


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), default=Path())
def init(folder: Path) -> int:
    """Make a new workspace in FOLDER (here, when none is named) that runs as it is."""
    made = copy_starter(folder)
    click.echo(f"{len(made)} files in {folder}")
    click.echo(f"next: {'' if folder == Path() else f'cd {folder} && '}holdfast demo")
    return 0
