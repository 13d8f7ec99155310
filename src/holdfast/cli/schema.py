"""`holdfast schema`."""

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

import click


def _summary() -> dict[str, Any]:
    from holdfast.run.summary import summary_schema

    return summary_schema()


def _slo() -> dict[str, Any]:
    from holdfast.slo.schema import slo_schema

    return slo_schema()


def _slo_status() -> dict[str, Any]:
    from holdfast.slo.status import status_schema

    return status_schema()


def _burn_windows() -> dict[str, Any]:
    from holdfast.slo.burn_windows import burn_windows_schema

    return burn_windows_schema()


def _error_budget_policy() -> dict[str, Any]:
    from holdfast.slo.policy import policy_schema

    return policy_schema()


_SCHEMAS: Final[Mapping[str, Callable[[], dict[str, Any]]]] = {
    "summary": _summary,
    "slo": _slo,
    "slo-status": _slo_status,
    "error-budget-policy": _error_budget_policy,
    "burn-windows": _burn_windows,
}


@click.command()
@click.argument("what", type=click.Choice(list(_SCHEMAS)), default="summary")
def schema(what: str) -> int:
    """Print a JSON Schema: of what scripts may read, or of the files under slo/, for editors."""
    click.echo(json.dumps(_SCHEMAS[what](), indent=1))
    return 0
