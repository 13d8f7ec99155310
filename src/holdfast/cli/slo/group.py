"""The group and the table of its commands."""

from typing import Final

import click

from holdfast.cli.lazy import LazyGroup

_COMMANDS: Final[dict[str, tuple[str, str]]] = {
    "backtest": ("holdfast.cli.slo.backtest", "When would each alert have fired, over history?"),
    "check": ("holdfast.cli.slo.check", "Check files of objectives, and say everything that is wrong at once."),
    "rules": ("holdfast.cli.slo.rules", "Write Prometheus rules, with unit tests and the routing of their alerts."),
    "status": ("holdfast.cli.slo.status", "How much of each error budget is left, and when it is gone."),
    "gate": ("holdfast.cli.slo.gate", "May a change go out? The error-budget policy's answer, as an exit code."),
}


@click.group(cls=LazyGroup, table=_COMMANDS)
def slo() -> None:
    """Objectives: one definition, every use."""
