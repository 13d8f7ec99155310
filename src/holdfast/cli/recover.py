"""`holdfast recover`."""

import json
from dataclasses import asdict
from pathlib import Path

import click

from holdfast.chaos.undo import UndoResult, damaged_lines, open_entries
from holdfast.chaos.undo import recover as undo_logs
from holdfast.cli.workspace import current_workspace
from holdfast.errors import ExitCode, shown
from holdfast.run.leftovers import sweep_leftovers
from holdfast.run.living import runner_of


@click.command()
@click.option("--force", is_flag=True, help="Take out the faults of living runs, too: those runs end inconclusive.")
@click.option("--json", "as_json", is_flag=True, help="Print what was done as JSON.")
def recover(force: bool, as_json: bool) -> int:
    """Take out what a killed run left in its target, by the undo logs of all runs, and its litter on this machine.

    Exit 4 when something stays in. Exit 2 when it is in for a run that goes on, which takes it out itself: stop that
    run, or take it out by --force.
    """
    workspace = current_workspace()
    logs = [*sorted(workspace.runs_folder.glob("*/undo.jsonl")), workspace.state_folder / "undo.jsonl"]
    logs = [log for log in logs if log.is_file()]
    living = {} if force else _living(logs)
    results = undo_logs([log for log in logs if log not in living])
    swept = sweep_leftovers(workspace)
    refused = {log: pid for log, pid in living.items() if open_entries(log) or damaged_lines(log)}
    refusals = [_refusal(log.parent, pid) for log, pid in refused.items()]
    if as_json:
        found = [asdict(result) for result in results]
        found += [
            {"entry": asdict(entry), "outcome": "refused", "detail": refusal}
            for log, refusal in zip(refused, refusals, strict=True)
            for entry in open_entries(log)
        ]
        click.echo(json.dumps(found, indent=1, default=str))
    else:
        _print(results, refusals, swept)
    if any(not result.undone for result in results):
        return int(ExitCode.CLEAN_UP_FAILED)
    return int(ExitCode.WRONG_INPUT if refusals else ExitCode.MET)


def _living(logs: list[Path]) -> dict[Path, int]:
    """The logs whose run goes on, and the pid of its runner (0: unknown): also of one that is about to put its fault
    in, for an undo waits for an injection that is under way."""
    pids = {log: runner_of(log.parent) for log in logs}
    return {log: pid for log, pid in pids.items() if pid is not None}


def _refusal(run: Path, pid: int) -> str:
    process = f" (process {pid})" if pid else ""
    stop = f"stop it by `kill -INT {pid}`" if pid else "stop it by Ctrl-C"
    return (
        f"run {shown(run)} goes on{process}, and takes its fault out itself: wait for its end, {stop}, "
        "or take it out by --force, after which the run ends inconclusive"
    )


def _print(results: list[UndoResult], refusals: list[str], swept: list[Path]) -> None:
    for result in results:
        click.echo(f"{'taken out' if result.undone else 'STILL IN'}: {result.text}")
    for folder in swept:
        click.echo(f"removed: {shown(folder)}, which a killed process left", err=True)
    for refusal in refusals:
        click.echo(f"refused: {refusal}", err=True)
    if not results and not refusals:
        click.echo("nothing was left in")
