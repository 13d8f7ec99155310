"""The `holdfast` command and its subcommands. Each lies in a module of its own, imported when it is called."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Final

import click

from holdfast import __version__
from holdfast.cli.lazy import LazyGroup
from holdfast.errors import ExitCode, HoldfastError, Problem

_COMMANDS: Final = {
    "demo": (
        "holdfast.cli.run",
        "Load, journeys, a fault, verdicts and a sizing on the reference stack, in two minutes.",
    ),
    "run": ("holdfast.cli.run", "Run a plan and judge it."),
    "load": ("holdfast.cli.parts", "Run one load profile alone."),
    "profile": ("holdfast.cli.profile", "Look at a load profile before it runs, or make one from a log."),
    "check": ("holdfast.cli.parts", "Walk browser journeys once: can customers sign in right now?"),
    "chaos": ("holdfast.cli.parts", "Run one experiment under a little load."),
    "slo": (
        "holdfast.cli.slo",
        "Objectives: check, judge over their windows, make alerts of, play back, gate releases.",
    ),
    "exporter": ("holdfast.cli.exporter", "Export a run or a history to Prometheus."),
    "report": ("holdfast.cli.report", "Render a recorded run again."),
    "stack": ("holdfast.cli.stack", "Start, stop or look at the reference stack."),
    "recover": ("holdfast.cli.recover", "Take out what a killed run left in its target."),
    "guide": ("holdfast.cli.guide", "List the guides, or print one."),
    "init": ("holdfast.cli.init", "Make a new workspace that runs as it is."),
    "validate": ("holdfast.cli.validate", "Check every file of the workspace, starting nothing."),
    "doctor": ("holdfast.cli.doctor", "Say what this machine has and lacks."),
    "worker": ("holdfast.cli.worker", "Join a distributed run, and play a part of its load."),
    "schema": ("holdfast.cli.schema", "Print the JSON Schema of summary.json, or of the files under slo/."),
}
_EXIT_CODES: Final = (
    "Exit codes: 0 met, 1 an objective missed, 2 wrong input, 3 inconclusive or not to be trusted, 4 clean-up failed, "
    "5 regression, 130 interrupted."
)


@click.group(
    cls=LazyGroup,
    table=_COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=_EXIT_CODES,
)
@click.version_option(__version__, prog_name="holdfast")
def program() -> None:
    """Load-test, watch, break and size an account self-service stack.

    One objective is CI gate, production alert, chaos steady state and capacity limit; one timeline prices every fault
    in error budget; no verdict is greener than its evidence.
    """


def invoke(arguments: Sequence[str]) -> int:
    """Run a command line. Returns the exit code; every known error is one message per problem, never a traceback."""
    try:
        code = program.main(args=list(arguments), prog_name="holdfast", standalone_mode=False)
    except HoldfastError as error:
        for problem in error.problems:
            click.echo(f"{click.style('error', fg='red', bold=True)} {problem}", err=True)
        if error.exit_code is ExitCode.WRONG_INPUT:
            _tell_script(arguments, error.problems)
        return int(error.exit_code)
    except click.ClickException as error:  # a wrong argument is one, too
        error.show()
        _tell_script(arguments, (Problem("", error.format_message()),))
        return int(ExitCode.WRONG_INPUT)
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted; if a fault may be in a target, `holdfast recover` takes it out", err=True)
        return int(ExitCode.INTERRUPTED)
    return code if isinstance(code, int) else int(ExitCode.MET)


def _tell_script(arguments: Sequence[str], problems: Sequence[Problem]) -> None:
    """Who asked for JSON gets JSON, in the words of `validate --json`."""
    if "--json" in arguments:
        click.echo(json.dumps({"problems": [asdict(problem) for problem in problems]}, indent=1))
