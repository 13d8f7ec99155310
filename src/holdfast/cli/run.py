"""`holdfast run` and `holdfast demo`."""

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Final

import click

from holdfast.cli.following import follow
from holdfast.cli.options import worker_options
from holdfast.cli.workspace import ContentName, current_folder, workspace_as_it_is
from holdfast.errors import ExitCode, InputError
from holdfast.run.preparation import prepare
from holdfast.run.prepared import Prepared
from holdfast.run.prospect import Prospect
from holdfast.run.summary import Summary
from holdfast.run.trial_prospect import TrialProspect
from holdfast.run.workers import asked_workers
from holdfast.workspace.starter import copy_starter
from holdfast.workspace.workspace import Workspace, find_workspace

_DEMO_FOLDER = "holdfast-demo"
_FINDINGS: Final = frozenset({ExitCode.MISSED, ExitCode.INCONCLUSIVE})


@click.command()
@click.argument("plan", type=ContentName("plans"))
@click.option("--target", help="A target of holdfast.yaml, instead of the plan's.")
@click.option("--seed", type=int, help="Seed of the arrivals, instead of the plan's.")
@worker_options
@click.option(
    "--metrics",
    metavar="HOST:PORT",
    help="Export the run to Prometheus while it is on, at 127.0.0.1:9464 for example; see `holdfast exporter`.",
)
@click.option("--dry-run", is_flag=True, help="Start nothing: say what the run could prove of each objective.")
@click.option("--json", "as_json", is_flag=True, help="Print summary.json on stdout.")
def run(
    plan: str,
    target: str | None,
    seed: int | None,
    workers: int,
    remote_workers: int,
    listen: str | None,
    key_file: Path | None,
    patience: float,
    metrics: str | None,
    dry_run: bool,
    as_json: bool,
) -> int:
    """Run PLAN (a name under plans/, or a path) and judge it.

    The run folder under runs/ holds the record, summary.json, report.html, junit.xml and report.md.
    """
    prepared = prepare(workspace_as_it_is(), plan, target=target, seed=seed, may_ask=not dry_run)
    if dry_run:
        return _say_prospects(prepared, as_json=as_json)
    prepared = replace(prepared, workers=asked_workers(workers, remote_workers, listen, key_file, patience))
    return follow(prepared, as_json=as_json, metrics=metrics).exit_code


def _say_prospects(prepared: Prepared, *, as_json: bool) -> int:
    found: tuple[Prospect | TrialProspect, ...] = (*prepared.prospects, *prepared.trials)
    if as_json:
        click.echo(json.dumps([asdict(prospect) for prospect in found], indent=1, default=str))
    else:
        for prospect in found:
            click.echo(f"{prospect.sentence}.")
        if not found:
            click.echo("The plan names no objective.")
    return int(ExitCode.MET)


@click.command()
@click.option(
    "--show",
    is_flag=True,
    help="End with 0 once the demo ran to its end, whatever it found, and print the exit code that CI would have got.",
)
@click.option("--json", "as_json", is_flag=True, help="Print summary.json on stdout.")
def demo(show: bool, as_json: bool) -> int:
    """Load, two browser journeys, one fault, verdicts and a sizing, on the reference stack, in about two minutes.

    It is `holdfast run plans/demo.yaml`; outside a workspace one is made first, in ./holdfast-demo.
    """
    prepared = prepare(_demo_workspace(), "demo")
    finished = follow(prepared, as_json=as_json)
    if not show or finished.unwritten:
        return finished.exit_code
    code, text = shown_end(finished.summary)
    click.echo(text, err=True)
    return code


def shown_end(summary: Summary) -> tuple[int, str]:
    """How a run that only shows ends: its exit code, and the one that CI would have got with the reason.

    Only the verdicts on the target, missed and not decided, become 0. Wrong input, a fault that may still be in and a
    person's interruption keep their codes, as do errors that ended the run early: they are no part of the show.
    """
    code = summary.exit_code
    text = f"the demo ran to its end; in CI, `holdfast run demo` would have ended with exit code {code}: "
    return (int(ExitCode.MET) if code in _FINDINGS else code), text + summary.headline


def _demo_workspace() -> Workspace:
    try:
        return workspace_as_it_is()
    except InputError:
        here = current_folder() / _DEMO_FOLDER
        if not here.exists():
            copy_starter(here)
            click.echo(f"no workspace here: made one in {_DEMO_FOLDER}/", err=True)
        return find_workspace(here)
