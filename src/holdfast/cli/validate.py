"""`holdfast validate`."""

import json
from dataclasses import asdict

import click

from holdfast.cli.workspace import workspace_as_it_is
from holdfast.errors import ExitCode, InputError
from holdfast.run.validation import validate as check_all


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print files and problems as JSON.")
def validate(as_json: bool) -> int:
    """Check every file of the workspace and say everything that is wrong at once. Nothing is started."""
    found = check_all(workspace_as_it_is())
    if as_json:
        click.echo(
            json.dumps(
                {"files": [str(f) for f in found.files], "problems": [asdict(p) for p in found.problems]}, indent=1
            )
        )
        return int(ExitCode.WRONG_INPUT if found.problems else ExitCode.MET)
    if found.problems:
        raise InputError(*found.problems)
    click.echo(f"{len(found.files)} files are valid")
    return int(ExitCode.MET)
