"""`holdfast runs`."""

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import click
from rich.table import Table

from holdfast.cli.workspace import current_workspace
from holdfast.clock import SystemClock
from holdfast.errors import ExitCode, InputError, Problem, raise_input_error
from holdfast.report.figures import moment, printable, several
from holdfast.report.terminal.console import console_for, plain, said
from holdfast.report.verdicts import word_for
from holdfast.run.room import size_text
from holdfast.run.shelf import Kept, remove, runs_in, surplus


@click.command()
@click.option("--keep", type=click.IntRange(0), metavar="N", help="Remove all but the newest N, after showing which.")
@click.option("--yes", is_flag=True, help="Do not ask before runs are removed.")
@click.option("--json", "as_json", is_flag=True, help="Print them as JSON.")
def runs(keep: int | None, *, yes: bool, as_json: bool) -> int:
    """List the runs of this workspace, the newest first: when, plan, verdict, exit code, and why.

    With --keep, all but the newest N are removed. A run that is on, and one whose fault may still be in a target, stay;
    links, and folders that no run made, are neither listed nor touched.
    """
    folder = current_workspace().runs_folder
    found = runs_in(folder, SystemClock().now())
    going, staying = surplus(found, len(found) if keep is None else keep)
    if not as_json:
        _print(found if keep is None else going, none="no run was recorded here yet" if keep is None else "")
        for one in staying:
            click.echo(f"{one.name} stays: {one.stays}", err=True)
    removed = _removed(going, yes=yes) if going else ()
    if as_json:
        facts: dict[str, Any] = {"folder": str(folder), "runs": [_facts(one) for one in found if one not in removed]}
        if keep is not None:
            facts |= {"removed": [one.name for one in removed], "stay": {one.name: one.stays for one in staying}}
        click.echo(json.dumps(facts, indent=1))
    elif keep is not None and not going:
        click.echo(f"nothing to remove: {several(len(found), 'run')}", err=True)
    return int(ExitCode.MET)


def _removed(going: Sequence[Kept], *, yes: bool) -> Sequence[Kept]:
    """Those that were removed, as the person said. Raises InputError when nobody can be asked, or one would not go."""
    what = f"{several(len(going), 'run')}, {size_text(sum(one.size for one in going))}"
    if not yes:
        if not sys.stdin.isatty():
            raise InputError(Problem("runs", f"{what} would be removed, and nobody is here to be asked", "give --yes"))
        if not click.confirm(f"Remove {what}?", err=True):
            click.echo("nothing was removed", err=True)
            return ()
    raise_input_error(remove(going))
    click.echo(f"removed {what}", err=True)
    return going


def _print(found: Sequence[Kept], *, none: str) -> None:
    if not found:
        if none:
            click.echo(none, err=True)
        return
    table = Table(box=None, pad_edge=False, show_edge=False)
    for column in ("when", "plan", "verdict", "exit", "size", "why"):
        table.add_column(column, overflow="fold", no_wrap=column in {"when", "exit", "size"})
    for one in found:
        table.add_row(
            plain(moment(one.started).removesuffix(" UTC")),
            plain(one.plan),
            said(one.verdict, word_for(one.verdict, one.asked)) if one.verdict is not None else plain(one.state),
            "" if one.exit_code is None else str(one.exit_code),
            size_text(one.size),
            plain(one.why),
        )
    console_for(sys.stdout).print(table)


def _facts(one: Kept) -> dict[str, Any]:
    """Without the path, which the folder and the name make."""
    facts = asdict(one)
    del facts["path"]
    return facts | {"why": printable(one.why)}
