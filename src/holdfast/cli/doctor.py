"""`holdfast doctor`."""

import json
import sys
from dataclasses import asdict

import click
from rich.table import Table

from holdfast.cli.workspace import current_folder
from holdfast.errors import ExitCode
from holdfast.report.terminal import console_for
from holdfast.run.diagnosis import diagnose


@click.command()
@click.option("--json", "as_json", is_flag=True)
def doctor(as_json: bool) -> int:
    """Say what this machine has and lacks, and what to do about it. Exit 2 when something needed is missing."""
    findings = diagnose(current_folder())
    if as_json:
        click.echo(json.dumps([asdict(finding) for finding in findings], indent=1))
    else:
        table = Table(box=None, pad_edge=False)
        for column in ("", "what", "found", "to do"):
            table.add_column(column, overflow="fold")
        for finding in findings:
            table.add_row(
                {"ok": "ok", "warning": "!", "missing": "x"}[finding.state], finding.what, finding.found, finding.fix
            )
        console_for(sys.stdout).print(table)
    return int(ExitCode.WRONG_INPUT if any(f.state == "missing" for f in findings) else ExitCode.MET)
