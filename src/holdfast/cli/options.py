"""Option types and groups that several commands share."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import click

from holdfast.workspace.quantity import seconds

_LONGEST_SECONDS: Final = 7 * 86_400.0


class Duration(click.ParamType[float]):
    """ "30s", between a second and a week; seconds inside."""

    name = "duration"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        try:
            duration = value if isinstance(value, float) else seconds(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)
        if not 1 <= duration <= _LONGEST_SECONDS:
            self.fail(f"{value} is not between 1s and 7d", param, ctx)
        return duration


def worker_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Who plays the load: `workers`, `remote_workers`, `listen`, `key_file`, `patience`."""
    options = (
        click.option(
            "--workers",
            type=click.IntRange(0, 64),
            default=0,
            help="Play the load by so many processes of this machine, instead of one.",
        ),
        click.option(
            "--remote-workers",
            type=click.IntRange(0, 1000),
            default=0,
            help="Wait for so many workers of other machines (`holdfast worker --join`) before it begins.",
        ),
        click.option("--listen", help="Where they join, as host:port. Default: 127.0.0.1:5557."),
        click.option(
            "--key-file",
            type=click.Path(path_type=Path),
            help="The key that they must know too, in a file of mode 0600; else HOLDFAST_WORKER_KEY.",
        ),
        click.option(
            "--patience",
            type=Duration(),
            default="60s",
            show_default=True,
            help="How long to wait for all workers to join.",
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command
