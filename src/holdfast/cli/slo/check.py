"""`holdfast slo check`."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from holdfast.cli.workspace import current_workspace
from holdfast.errors import ExitCode, InputError, shown
from holdfast.run.definition_files import Checked, check_definitions
from holdfast.slo.judges import judged_by, source_types
from holdfast.slo.objective import AnyObjective, Composite


@click.command()
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path), metavar="[PATH]…")
@click.option("--lenient", is_flag=True, help="Let rules pass that pasted examples often break, with a warning each.")
@click.option("--json", "as_json", is_flag=True, help="Print what was found as JSON.")
def check(paths: tuple[Path, ...], lenient: bool, as_json: bool) -> int:
    """Check files of objectives: OpenSLO v1, and what holdfast adds to it. Nothing is asked and nothing is started.

    PATH is a file or a folder (with all below it); without one it is the workspace's slo/. References are resolved
    among all that is named, and everything that is wrong is told at once. Exits 0, or 2 when something is wrong.
    """
    named = paths or (current_workspace().folder("slo"),)
    checked = check_definitions(named, lenient)
    if as_json:
        click.echo(json.dumps(_facts(checked), indent=1))
        return int(ExitCode.WRONG_INPUT if checked.problems else ExitCode.MET)
    for warning in checked.warnings:
        click.echo(f"{click.style('warning', fg='yellow', bold=True)} {warning}", err=True)
    for note in checked.notes:
        click.echo(f"note: {note}", err=True)
    if checked.problems:
        _offer_leniency(named, lenient)
        raise InputError(*checked.problems)
    objectives = _counted(len(checked.definitions.objectives), "objective")
    verb = "is" if len(checked.definitions.objectives) == 1 else "are"
    click.echo(f"{objectives} in {_counted(len(checked.files), 'file')} {verb} valid")
    return int(ExitCode.MET)


def _offer_leniency(paths: tuple[Path, ...], lenient: bool) -> None:
    """To those whom it would help."""
    if not lenient and not (would := check_definitions(paths, lenient=True)).problems:
        warnings = _counted(len(would.warnings), "warning")
        click.echo(f"note: with --lenient all of this is read, with {warnings} instead of errors", err=True)


def _facts(checked: Checked) -> dict[str, Any]:
    return {
        "files": [shown(path) for path in checked.files],
        "objectives": [_objective(objective) for objective in checked.definitions.objectives],
        "problems": [asdict(problem) for problem in checked.problems],
        "warnings": [asdict(warning) for warning in checked.warnings],
        "notes": checked.notes,
    }


def _objective(objective: AnyObjective) -> dict[str, Any]:
    return {
        "name": objective.name,
        "service": objective.service,
        "target": None if isinstance(objective, Composite) else float(objective.target),
        "window": objective.window.text,
        "rolling": objective.window.calendar is None,
        "method": str(objective.method),
        "composite_of": [part.name for part in objective.parts] if isinstance(objective, Composite) else [],
        "sources": source_types(objective),
        "judged_by": judged_by(objective),
        "alert_policies": [policy.name for policy in objective.alert_policies],
        "where": objective.where,
    }


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
