"""`holdfast schema`."""

import json

import click

from holdfast.run.summary import summary_schema


@click.command()
@click.argument("what", type=click.Choice(["summary"]), default="summary")
def schema(what: str) -> int:  # noqa: ARG001 - the one there is, so far
    """Print the JSON Schema of a file that scripts may read."""
    click.echo(json.dumps(summary_schema(), indent=1))
    return 0
