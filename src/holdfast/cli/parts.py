"""`holdfast load`, `check` and `chaos`: one part alone, as a plan made on the spot."""

import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Final

import click

from holdfast.cli.following import follow
from holdfast.cli.numbers import Finite
from holdfast.cli.options import Duration, worker_options
from holdfast.cli.workspace import ContentName, workspace_as_it_is
from holdfast.errors import ExitCode, InputError, Problem, raise_input_error
from holdfast.load.calibration import write_calibration
from holdfast.run.calibrating import calibrate as measure_ceiling
from holdfast.run.preparation import prepare_plan
from holdfast.run.workers import asked_workers
from holdfast.synthetics.definition import definition_of
from holdfast.synthetics.schedule import MOST_AT_ONCE
from holdfast.workspace.plan import Plan
from holdfast.workspace.workspace import Workspace, load_profile

_CLOSED_MODEL_SECONDS: Final = 60.0
_SPARE_SECONDS: Final = 5.0  # a browser starts, a code waits for its next step
_CODE_WAIT_SECONDS: Final = 30.0


@click.command()
@click.argument("profile", type=ContentName("scenarios/profiles"), required=False)
@click.option("--calibrate", is_flag=True, help="Measure what this machine's generator can do, and run no profile.")
@click.option("--for", "duration", type=Duration(), help="How long, such as 30s. Default: the profile's own stages.")
@click.option("--scale", type=Finite(min=0, min_open=True), default=1.0, help="Multiply its rates.")
@click.option("--objectives", multiple=True, type=ContentName("slo"), help="Judge by this file; may be repeated.")
@click.option("--target", help="A target of holdfast.yaml.")
@click.option("--seed", type=int, default=1, show_default=True, help="Seed of the arrivals.")
@worker_options
@click.option("--json", "as_json", is_flag=True, help="Print summary.json on stdout.")
def load(
    profile: str | None,
    *,
    calibrate: bool,
    duration: float | None,
    scale: float,
    objectives: tuple[str, ...],
    target: str | None,
    seed: int,
    workers: int,
    remote_workers: int,
    listen: str | None,
    key_file: Path | None,
    patience: float,
    as_json: bool,
) -> int:
    """Run one load PROFILE alone.

    With --calibrate instead: find the most visits and requests a second that this machine's generator can send, in half
    a minute, on a stub of its own. Later runs say what share of it they took.
    """
    workspace = workspace_as_it_is()
    if calibrate:
        if profile is not None:
            raise click.UsageError("--calibrate runs no profile: leave PROFILE out.")
        return _calibrate(workspace, as_json=as_json)
    if profile is None:
        raise click.UsageError("Missing argument 'PROFILE' (or --calibrate).")
    if duration is None:
        found, _, problems = load_profile(workspace, profile)
        if found is None:
            raise InputError(*workspace.problems, *problems)
        duration = found.seconds or _CLOSED_MODEL_SECONDS
    plan = Plan.model_validate(
        {
            "kind": "Plan",
            "description": f"The load profile {profile} alone.",
            "phases": [{"name": "load", "for": f"{duration}s"}],
            "load": [{"profile": profile, "scale": scale}],
            "objectives": list(objectives),
        }
    )
    prepared = prepare_plan(workspace, f"load-{_stem(profile)}", plan, target=target, seed=seed)
    prepared = replace(prepared, workers=asked_workers(workers, remote_workers, listen, key_file, patience))
    return follow(prepared, as_json=as_json).exit_code


@click.command()
@click.argument("journeys", nargs=-1, type=ContentName("synthetics", ".py"))
@click.option("--times", type=click.IntRange(1, 100), default=1, show_default=True, help="Walk each so often.")
@click.option("--target", help="A target of holdfast.yaml.")
@click.option("--json", "as_json", is_flag=True, help="Print summary.json on stdout.")
def check(journeys: tuple[str, ...], times: int, target: str | None, as_json: bool) -> int:
    """Walk JOURNEYS (all when none is named) and report which step fails, why, and since when.

    A walk that fails decides, as no objective says how many may: exit 1. Exit 0 when each came through, 3 when the
    browser broke or no account was free.
    """
    workspace = workspace_as_it_is()
    names = journeys or tuple(workspace.names("synthetics", ".py"))
    if not names:
        raise InputError(
            Problem("synthetics/", "there is no journey to walk", "write one, or `holdfast init` a workspace")
        )
    often = "once" if times == 1 else f"{times} times"
    longest = _longest_of_all([_longest(workspace, name) * times for name in names])
    plan = Plan.model_validate(
        {
            "kind": "Plan",
            "description": f"Walked {often}: {', '.join(_stem(name) for name in names)}.",
            "phases": [{"name": "check", "for": f"{longest}s"}],
            "journeys": [{"name": name, "every": "1s", "times": times} for name in names],
        }
    )
    return follow(prepare_plan(workspace, "check", plan, target=target), as_json=as_json).exit_code


@click.command()
@click.argument("experiment", type=ContentName("chaos"))
@click.option("--for", "duration", type=Duration(), default="20s", show_default=True, help="How long the fault is in.")
@click.option(
    "--load",
    "profile",
    type=ContentName("scenarios/profiles"),
    default="smoke",
    show_default=True,
    help="The load that must feel it.",
)
@click.option("--scale", type=Finite(min=0, min_open=True), default=1.0, help="Multiply its rates.")
@click.option(
    "--objectives",
    multiple=True,
    type=ContentName("slo"),
    help="Price the fault by this file (all under slo/ when none is named).",
)
@click.option(
    "--guard",
    type=Finite(min=0, min_open=True),
    metavar="BURN_RATE",
    help="Stop, and take the fault out, when an objective burns faster, or when there is nothing to judge it by.",
)
@click.option(
    "--guard-for", type=Duration(), default="10s", show_default=True, help="How much of the past the guard judges by."
)
@click.option("--target", help="A target of holdfast.yaml.")
@click.option("--json", "as_json", is_flag=True, help="Print summary.json on stdout.")
def chaos(
    experiment: str,
    duration: float,
    profile: str,
    scale: float,
    objectives: tuple[str, ...],
    guard: float | None,
    guard_for: float,
    target: str | None,
    as_json: bool,
) -> int:
    """Run one EXPERIMENT under a little load: baseline, fault, recovery.

    Exit 0 when its steady state held, 1 when it did not, 3 when nothing was shown. Objectives price the fault.
    """
    workspace = workspace_as_it_is()
    plan = Plan.model_validate(
        {
            "kind": "Plan",
            "description": f"The experiment {experiment} alone, under the load profile {profile}.",
            # The experiment's own verdict decides; what it cost is priced, not judged: such short phases prove little.
            "phases": [
                {"name": "baseline", "for": "15s", "judged": False},
                {"name": "fault", "for": f"{duration}s", "judged": False},
                {"name": "recovery", "for": "15s", "judged": False},
            ],
            "load": [{"profile": profile, "scale": scale}],
            "chaos": [{"experiment": experiment, "during": "fault"}],
            "objectives": list(objectives or workspace.names("slo", ".yaml")),
            "guard": None if guard is None else {"burn_rate": guard, "for": f"{guard_for}s"},
        }
    )
    prepared = prepare_plan(workspace, f"chaos-{_stem(experiment)}", plan, target=target)
    return follow(prepared, as_json=as_json).exit_code


def _calibrate(workspace: Workspace, *, as_json: bool) -> int:
    raise_input_error(workspace.problems)
    found = measure_ceiling(lambda text: click.echo(text, err=True))
    path = write_calibration(found, workspace.state_folder)
    if as_json:
        click.echo(json.dumps(asdict(found), indent=1))
    else:
        click.echo(f"{found.visits:.0f} visits/s, {found.requests:.0f} requests/s by one process of this machine")
        for note in found.notes:
            click.echo(f"note: {note}")
    click.echo(str(path), err=True)
    return int(ExitCode.MET)


def _longest_of_all(walks: Sequence[float]) -> float:
    """Until the last of them is over, at most: a few are walked at once, the walks of one journey in turn.

    Graham's bound for jobs that are taken as a worker gets free: sum / m + (1 - 1/m) * longest.
    """
    return sum(walks) / MOST_AT_ONCE + (1 - 1 / MOST_AT_ONCE) * max(walks) + _SPARE_SECONDS


def _longest(workspace: Workspace, name: str) -> float:
    """Seconds that one walk may take: its budget, and the wait for a code that nobody has used yet, if it needs one."""
    try:
        journey = definition_of(workspace.file_of("synthetics", name, ".py"))
    except InputError:
        return 0.0  # preparing it says what is wrong
    return journey.settings.budget + (_CODE_WAIT_SECONDS if journey.needs_code else 0.0)


def _stem(name: str) -> str:
    return name.rsplit("/", 1)[-1].removesuffix(".yaml").removesuffix(".py")
