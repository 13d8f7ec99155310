"""`holdfast guide`."""

import click

from holdfast.workspace.guides import guide_named, guides


@click.command()
@click.argument("name", required=False)
def guide(name: str | None) -> int:
    """Print the guide NAME, page by page on a terminal; without a NAME list them all.

    Guides and reference pages are part of the installed package: they are of this version and need no network.
    """
    if name is not None:
        click.echo_via_pager(guide_named(name).text)
        return 0
    found = guides()
    width = max((len(one.name) for one in found), default=0)
    for kind in dict.fromkeys(one.kind for one in found):
        click.echo(f"{kind}:")
        for one in found:
            if one.kind == kind:
                click.echo(f"  {one.name:<{width}}  {one.title}")
    click.echo("\nPrint one: holdfast guide NAME")
    return 0
