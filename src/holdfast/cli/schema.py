"""`holdfast schema`."""

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

import click


def _summary() -> dict[str, Any]:
    from holdfast.run.summary import summary_schema

    return summary_schema()


def _slo_status() -> dict[str, Any]:
    from holdfast.slo.status import status_schema

    return status_schema()


_SCHEMAS: Final[Mapping[str, Callable[[], dict[str, Any]]]] = {"summary": _summary, "slo-status": _slo_status}


@click.command()
@click.argument("what", type=click.Choice(list(_SCHEMAS)), default="summary")
def schema(what: str) -> int:
    """Print the JSON Schema of a file or an output that scripts may read."""
    click.echo(json.dumps(_SCHEMAS[what](), indent=1))
    return 0
