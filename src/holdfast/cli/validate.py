"""`holdfast validate`."""

import json
from dataclasses import asdict
from typing import Final

import click

from holdfast.cli.workspace import workspace_as_it_is
from holdfast.errors import CleanUpError, ExitCode, InputError, Problem
from holdfast.run.target_check import TargetCheck, check_target
from holdfast.run.validation import validate as check_all
from holdfast.workspace.tls import UNVERIFIED

_WORDS: Final = {"works": "works", "missing": "missing", "broken": "BROKEN", "not_tried": "not tried"}


@click.command()
@click.option(
    "--target",
    is_flag=False,
    flag_value="",
    metavar="[NAME]",
    help="Instead, try the target's adapter: each operation once, with real requests, and what it changes put back.",
)
@click.option("--destructive", is_flag=True, help="With --target: also what cannot be put back (it costs an account).")
@click.option("--json", "as_json", is_flag=True, help="Print what was found as JSON.")
def validate(target: str | None, destructive: bool, as_json: bool) -> int:
    """Check every file of the workspace and say everything that is wrong at once. Nothing is started or sent.

    With --target, ask a target (the default one without a NAME) whether its adapter does what scenarios ask for.
    """
    if target is not None:
        found = check_target(workspace_as_it_is(), target or None, destructive=destructive)
        return _show(found, as_json=as_json)
    if destructive:
        raise InputError(Problem("--destructive", "belongs to --target", "name the target, or leave it out"))
    checked = check_all(workspace_as_it_is())
    if as_json:
        files = [str(path) for path in checked.files]
        problems = [asdict(problem) for problem in checked.problems]
        click.echo(json.dumps({"files": files, "problems": problems, "notes": checked.notes}, indent=1))
        return int(ExitCode.WRONG_INPUT if checked.problems else ExitCode.MET)
    for note in checked.notes:
        click.echo(f"note: {note}", err=True)
    if checked.problems:
        raise InputError(*checked.problems)
    click.echo(f"{len(checked.files)} files are valid")
    return int(ExitCode.MET)


def _show(found: TargetCheck, *, as_json: bool) -> int:
    """The table on stdout; problems go the way of all problems. What was left in weighs more than what is broken."""
    if as_json:
        click.echo(json.dumps(asdict(found), indent=1))
        if found.left_in:
            return int(ExitCode.CLEAN_UP_FAILED)
        return int(ExitCode.WRONG_INPUT if found.problems else ExitCode.MET)
    doubt = "" if found.tls_verified else f"\n{UNVERIFIED}"
    click.echo(f"target {found.target}: {found.url}, by {found.adapter}{doubt}\n")
    width = max(len(one.operation) for one in found.tried)
    for one in found.tried:
        told = f"{one.seconds * 1000:.0f} ms" if one.seconds is not None else one.reason
        click.echo(f"  {one.operation:<{width}}  {_WORDS[one.verdict]:<9}  {told}")
    for scenario, needs in found.cannot_run.items():
        click.echo(f"\n  the scenario {scenario} cannot run here: it needs {', '.join(needs)}")
    if found.left_in:
        raise CleanUpError(*found.left_in, *found.problems)
    if found.problems:
        click.echo()
        raise InputError(*found.problems)
    return int(ExitCode.MET)
