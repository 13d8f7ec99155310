"""What was measured, on the terminal and as docs/reference/performance.md."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from figure import Figure, Group, Table, shown
from rich.console import Console
from rich.table import Table as Grid

_STYLES = {"reached": "green", "missed": "bold red", "not measured": "yellow"}


def print_group(console: Console, group: Group) -> None:
    console.print(f"\n[bold]{group.name}[/]  {group.about}", highlight=False)
    for table in group.tables:
        grid = Grid(title=table.title, title_justify="left")
        for index, column in enumerate(table.columns):
            grid.add_column(column, overflow="fold", justify="left" if index == 0 else "right")
        for row in table.rows:
            grid.add_row(*row)
        console.print(grid)
        for command in table.commands:
            console.print(f"  {command}", style="dim", highlight=False, markup=False)
    grid = Grid("figure", "measured", "limit", "", "how")
    for figure in group.figures:
        verdict = figure.verdict
        style = _STYLES.get(verdict, "")
        grid.add_row(figure.what, _value(figure), _limit(figure), f"[{style}]{verdict}[/]" if style else "", figure.how)
    console.print(grid)
    for what, profile in group.profiles.items():
        console.print(f"[bold]why {what} was missed[/]: where the load child's processor time went")
        console.print(profile, highlight=False, markup=False)


def written(groups: Sequence[Group], *, machine: str, versions: Mapping[str, str], load: str, quick: bool) -> str:
    """The page in Markdown."""
    tools = ", ".join(version if name in version else f"{name} {version}" for name, version in versions.items())
    how = "`make bench QUICK=1` (short windows, few rounds: noisier)" if quick else "`make bench`"
    head = (
        f"# Performance\n\nWritten by {how} on {machine}. Load average {load} (1 minute, before each group). "
        f"Peers: {tools}. Absolute figures move with the machine; compare within one run.\n"
    )
    return head + "".join(_section(group) for group in groups)


def rewritten(text: str, group: Group, *, load: str) -> str:
    """The page with one group measured anew, alone; at the end where it has none yet."""
    head, *sections = text.split("\n## ")
    measured = replace(group, about=f"{group.about} Measured after the rest, alone, at a load average of {load}.")
    anew = _section(measured).removeprefix("\n## ")
    kept = [anew if section.startswith(f"{group.name}\n") else section for section in sections]
    return "\n## ".join([head, *kept, *([] if anew in kept else [anew])])


def _section(group: Group) -> str:
    figures = Table(
        "",
        ("figure", "measured", "limit", "", "how"),
        tuple(
            (f.what, _value(f), _limit(f), "**missed**" if f.verdict == "missed" else f.verdict, f.how)
            for f in group.figures
        ),
    )
    parts = [f"\n## {group.name}\n\n{group.about} Alone: `make bench ONLY={group.name}`.\n\n{_markdown(figures)}"]
    for table in group.tables:
        parts.append(f"\n{table.title}:\n\n{_markdown(table)}")
        parts += ["\n", *(f"- `{command}`\n" for command in table.commands)] if table.commands else []
    parts += [
        f"\nWhere the load child's processor time went, since “{what}” was missed:\n\n```\n{profile}```\n"
        for what, profile in group.profiles.items()
    ]
    return "".join(parts)


def _markdown(table: Table) -> str:
    lines: Iterable[tuple[str, ...]] = (table.columns, ("---",) * len(table.columns), *table.rows)
    return "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n" for line in lines)


def _value(figure: Figure) -> str:
    return f"{shown(figure.value)} {figure.unit}".strip()


def _limit(figure: Figure) -> str:
    if figure.limit is None:
        return ""
    return f"{'≥' if figure.at_least else '≤'} {shown(figure.limit)} {figure.unit}".strip()
