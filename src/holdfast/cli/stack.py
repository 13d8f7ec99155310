"""`holdfast stack up|down|status`."""

import json
from dataclasses import asdict

import click

from holdfast.cli.numbers import Finite
from holdfast.cli.workspace import current_workspace
from holdfast.errors import ExitCode
from holdfast.kit.accounts import generated_account
from holdfast.reference import StackSettings, StackState, read_stack, stack_status, start_stack, stop_stack
from holdfast.run.leftovers import sweep_leftovers
from holdfast.run.standing_faults import standing_faults
from holdfast.run.target import connection_to_stack, standing_stack_folder
from holdfast.workspace.target import StackDefinition


@click.group()
def stack() -> None:
    """Start, stop or look at the reference stack. Runs use it while it stands; without it each starts its own."""


@stack.command()
@click.option("--replicas", type=click.IntRange(1, 16), help="Of the account service.")
@click.option("--accounts", type=click.IntRange(200, 1_000_000), help="Seeded accounts.")
@click.option("--workers", type=click.IntRange(1, 1000), help="Requests a replica works on at once.")
@click.option(
    "--service-time",
    type=Finite(0, 10),
    help="Seconds each of them takes at least: workers / service time is the stated capacity.",
)
@click.option("--restart-delay", type=Finite(0, 3600), help="Seconds until a replica that died is started again.")
@click.option("--port", type=click.IntRange(1, 65535), help="Of the public address; a free one when absent.")
@click.option("--json", "as_json", is_flag=True)
def up(port: int | None, as_json: bool, **given: float | None) -> int:
    """Start it in the background and print its address.

    What is not given is as holdfast.yaml says of its reference target, so that it is the stack a run would start.
    """
    workspace = current_workspace()
    sweep_leftovers(workspace)
    folder = standing_stack_folder(workspace)
    state = read_stack(folder)
    if state is None:
        targets = workspace.configuration.targets.values()
        defined = next((t.settings for t in targets if t.stack is not None and t.settings is not None), None)
        settings = (defined or StackDefinition()).model_dump() | {k: v for k, v in given.items() if v is not None}
        state = start_stack(StackSettings(**settings, port=port), folder)
    else:
        click.echo("it stands already; its settings were not changed", err=True)
    _print(state, as_json=as_json)
    return 0


@stack.command()
def down() -> int:
    """Stop it; no process, port or file stays behind."""
    state = read_stack(standing_stack_folder(current_workspace()))
    if state is None:
        click.echo("it is not running")
        return 0
    stop_stack(state)
    click.echo("stopped")
    return 0


@stack.command()
@click.option("--json", "as_json", is_flag=True)
def status(as_json: bool) -> int:
    """Report whether it runs, where, how its processes are, and what is wrong: faults that are in, dead links.

    Exit 3 when it does not run; what is in it is no error of ours.
    """
    state = read_stack(standing_stack_folder(current_workspace()))
    if state is None:
        click.echo(json.dumps({"running": False}) if as_json else "not running: `holdfast stack up` starts it")
        return int(ExitCode.INCONCLUSIVE)
    _print(state, as_json=as_json)
    return 0


def _print(state: StackState, *, as_json: bool) -> None:
    found = stack_status(state)
    faults = standing_faults(connection_to_stack("reference", state))
    if as_json:
        told = {"running": True, **asdict(found), "faults": [asdict(fault) for fault in faults]}
        click.echo(json.dumps(told, indent=1))
        return
    account = generated_account(1)
    click.echo(f"{state.url}  (sign in as {account.email}, password {account.password})")
    click.echo(f"messages: {state.outbox_url}/messages\nlogs: {state.state_dir}/logs")
    for process in found.processes:
        click.echo(f"  {process.name:<12} {process.state:<10} pid {process.pid}  restarts {process.restarts}")
    click.echo("faults:" if faults else "faults: none is in, every link leads somewhere")
    for fault in faults:
        click.echo(f"  {fault.place} {fault.what}")
