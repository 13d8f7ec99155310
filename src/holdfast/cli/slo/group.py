"""The group and the table of its commands."""

from typing import Final

import click

from holdfast.cli.lazy import LazyGroup

_COMMANDS: Final[dict[str, tuple[str, str]]] = {
    "gate": ("holdfast.cli.slo.gate", "May a change go out? The error-budget policy's answer, as an exit code."),
}


@click.group(cls=LazyGroup, table=_COMMANDS)
def slo() -> None:
    """Objectives: one definition, every use."""
