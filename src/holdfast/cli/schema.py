"""`holdfast schema`."""

import json

import click

_KINDS = ("summary", "slo")


@click.command()
@click.argument("what", type=click.Choice(_KINDS), default="summary")
def schema(what: str) -> int:
    """Print a JSON Schema: of summary.json, which scripts may read, or of the files under slo/, for editors."""
    if what == "slo":
        from holdfast.slo.schema import slo_schema

        made = slo_schema()
    else:
        from holdfast.run.summary import summary_schema

        made = summary_schema()
    click.echo(json.dumps(made, indent=1))
    return 0
