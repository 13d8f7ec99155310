"""Error budgets in the terminal: the most endangered first, each with its curve."""

from collections.abc import Iterator, Sequence
from typing import Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from holdfast.report.figures import (
    ABSENT,
    count,
    duration,
    moment,
    number,
    percent,
    sentence,
    share,
    signed_duration,
    words,
)
from holdfast.report.standing_words import credits_text, describe, gone_text, left_text
from holdfast.report.terminal.console import STYLES, plain, said
from holdfast.report.verdicts import mark, tone
from holdfast.slo.status import AgreementStatus, ObjectiveStatus, SloStatus

_BARS: Final = "▁▂▃▄▅▆▇█"
_GONE: Final = "✕"
_CURVE: Final = 16
_SHOWN: Final = (300, 3600, 21600)
_WIDE: Final = 124


def print_status(status: SloStatus, console: Console) -> None:
    """A table where there is room for one; else a paragraph each."""
    console.print(said(status.verdict, words(status.verdict).upper()), plain(f"  as of {moment(status.at)}", "dim"))
    console.print()
    if console.width >= _WIDE:
        console.print(_table(status.objectives))
    else:
        for one in status.objectives:
            _paragraph(one, console)
    for one in status.objectives:
        _details(one, console)
    for agreement in status.agreements:
        _agreement(agreement, console)
    if status.exclusions:
        _title("Excluded", console)
        for exclusion in status.exclusions:
            text = f"{exclusion.name} ({words(exclusion.category)}): {sentence(exclusion.reason)} {exclusion.owner}"
            _line(console, plain(text))


def curve(points: Sequence[tuple[float, float]], columns: int = _CURVE) -> str:
    """The budget left over the window, a bar a column; ✕ where it is gone."""
    if not points:
        return ""
    chosen = [points[round(i * (len(points) - 1) / max(columns - 1, 1))][1] for i in range(columns)]
    return "".join(_GONE if left <= 0 else _BARS[min(int(left * len(_BARS)), len(_BARS) - 1)] for left in chosen)


def _table(objectives: Sequence[ObjectiveStatus]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("objective", overflow="fold", vertical="bottom")
    for title in ("good", "target", "left", "events", "time", *(f"burn {duration(s)}" for s in _SHOWN)):
        table.add_column(title, justify="right", no_wrap=True, vertical="bottom")
    table.add_column("gone in", overflow="fold", vertical="bottom")
    table.add_column("budget", no_wrap=True, vertical="bottom")
    table.add_column("seen", justify="right", no_wrap=True, vertical="bottom")
    for one in objectives:
        _row(table, one, "")
        for part in one.parts:
            _row(table, part, "  └ ")
    return table


def _row(table: Table, one: ObjectiveStatus, lead: str) -> None:
    style = STYLES[tone(one.verdict)]
    table.add_row(
        Text(f"{lead}{mark(one.verdict)} ", style) + plain(one.name),
        percent(one.ratio),
        Text(percent(one.target), "dim"),
        Text(left_text(one), style),
        number(one.budget.remaining_events) if one.target is not None else ABSENT,
        signed_duration(one.budget.remaining_seconds),
        *(number(rate) for rate in _rates(one)),
        gone_text(one),
        Text(curve(one.burn_down), style),
        percent(one.coverage),
    )


def _rates(one: ObjectiveStatus) -> Iterator[float | None]:
    found = {burn.lookback: burn.rate for burn in one.burn_rates}
    for lookback in _SHOWN:
        yield found.get(lookback)


def _paragraph(one: ObjectiveStatus, console: Console) -> None:
    style = STYLES[tone(one.verdict)]
    console.print(Text(f"{mark(one.verdict)} ", style) + plain(one.name, "bold"), Text(curve(one.burn_down), style))
    events = f" · {number(one.budget.remaining_events)} events" if one.target is not None else ""
    left = f"{left_text(one)} left{events} · {signed_duration(one.budget.remaining_seconds)}"
    rates = " · ".join(
        f"{duration(s)} {number(rate)}" for s, rate in zip(_SHOWN, _rates(one), strict=True) if rate is not None
    )
    good = f"{percent(one.ratio)} good, target {percent(one.target)} · " if one.target is not None else ""
    lines = [f"{good}{left}", f"burn {rates or ABSENT} · gone: {gone_text(one)} · seen {percent(one.coverage)}"]
    for line in lines:
        _line(console, plain(line))
    for part in one.parts:
        _line(console, plain(f"└ {mark(part.verdict)} {part.name}: {left_text(part)} left"))


def _details(one: ObjectiveStatus, console: Console) -> None:
    """What a table has no room for, where there is something to know."""
    lines = describe(one)
    asked = [burn for burn in one.burn_rates if burn.lookback not in _SHOWN and burn.rate is not None]
    if asked:
        lines.append("burn " + ", ".join(f"{number(burn.rate)} over {duration(burn.lookback)}" for burn in asked))
    for by in ("phase", "fault", "journey"):
        parts = [f"{c.name} {share(c.spent)} ({count(c.bad)} bad)" for c in one.costs if c.by == by]
        if parts:
            lines.append(f"spent of the run's own budget by {by}: {', '.join(parts)}")
    if lines:
        _title(one.name, console)
        for line in lines:
            _line(console, plain(line))


def _agreement(one: AgreementStatus, console: Console) -> None:
    _title(f"Agreement: {one.name}", console)
    _line(console, plain(f"{one.objective} over {one.window.text}: {percent(one.ratio)} good so far"))
    for far in one.distances:
        what = "objective" if far.credit is None else f"{share(float(far.credit))} credit"
        left = f"{number(far.remaining_events)} events, {signed_duration(far.remaining_seconds)}"
        text = f"{what} below {percent(float(far.below))}: " + ("broken by " if far.broken else "") + left
        _line(console, plain(text, STYLES["bad"] if far.broken else ""))
    _line(console, plain(f"credit: {credits_text(one)}"))


def _title(text: str, console: Console) -> None:
    console.print()
    console.print(plain(text, "bold"))


def _line(console: Console, text: Text) -> None:
    """Two spaces in, wrapped there too, and with no spaces at the end."""
    for line in text.wrap(console, max(console.width - 2, 10)):
        line.rstrip()
        console.print(Text("  ") + line)
