"""The `holdfast` command and its subcommands. Each lies in a module of its own, imported when it is called."""

from collections.abc import Sequence
from typing import Final

import click

from holdfast import __version__
from holdfast.cli.lazy import LazyGroup
from holdfast.errors import ExitCode

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
    "runs": ("holdfast.cli.runs", "List the runs of this workspace, and remove old ones."),
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
    "5 regression, 70 holdfast itself failed (the traceback is in a log), 130 interrupted. Of several, the first of "
    "4, 70, 130, 3, 1."
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
    """Run a command line. Returns the exit code, whatever happens: every error is a message, never a traceback."""
    try:
        code = program.main(args=list(arguments), prog_name="holdfast", standalone_mode=False)
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - the one catch at the top
        from holdfast.cli.ending import end_with

        return end_with(error, arguments)
    return code if isinstance(code, int) else int(ExitCode.MET)
