"""`holdfast recover`."""

import json
from dataclasses import asdict

import click

from holdfast.chaos.undo import recover as undo_logs
from holdfast.cli.workspace import current_workspace
from holdfast.errors import ExitCode


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print what was done as JSON.")
def recover(as_json: bool) -> int:
    """Take out what a killed run left in its target, by the undo logs of all runs. Exit 4 when something stays in."""
    workspace = current_workspace()
    logs = [*sorted(workspace.runs_folder.glob("*/undo.jsonl")), workspace.state_folder / "undo.jsonl"]
    results = undo_logs([log for log in logs if log.is_file()])
    if as_json:
        click.echo(json.dumps([asdict(result) for result in results], indent=1, default=str))
    else:
        for result in results:
            click.echo(f"{'taken out' if result.undone else 'STILL IN'}: {result.text}")
        if not results:
            click.echo("nothing was left in")
    return int(ExitCode.MET if all(result.undone for result in results) else ExitCode.CLEAN_UP_FAILED)
