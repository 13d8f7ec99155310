"""A backtest on the terminal: what happened, what each policy would have said, and what is proposed."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from holdfast.report.figures import ABSENT, duration, moment, number, percent, several, share
from holdfast.report.terminal.console import plain
from holdfast.slo.attainment import Attainment
from holdfast.slo.backtest import Fired, PlanResult, Share
from holdfast.slo.incidents import Incident
from holdfast.slo.suggestion import Candidate, Suggestion, merit
from holdfast.slo.trial import Trial

_MOST_FIRINGS = 40
_SINGLE = 1


def print_backtest(trials: Sequence[Trial], suggestion: Suggestion | str | None, console: Console) -> None:
    for trial in trials:
        _trial(trial, console)
    if isinstance(suggestion, str):
        _line(console, "No windows are proposed", suggestion)
    elif suggestion is not None:
        _suggestion(suggestion, console)


def _trial(trial: Trial, console: Console) -> None:
    result = trial.result
    console.print(plain(f"{trial.name}: {percent(float(trial.target))} over {trial.window}", "bold"), soft_wrap=True)
    said = (
        f"{moment(result.start)} to {moment(result.end)}, {percent(result.measured)} of it measured, by {trial.source}"
    )
    console.print(plain(f"  {said}; evaluated every {duration(result.every)}"), soft_wrap=True)
    console.print()
    _incidents(trial, console)
    _scores(result.results, console)
    for plan in result.results:
        _firings(plan, result.incidents, console)
    if trial.attainment is not None:
        _attainment(trial.attainment, trial, console)


def _incidents(trial: Trial, console: Console) -> None:
    incidents = trial.result.incidents
    if trial.rule is None:
        by = "named"
    else:
        least = percent(float(trial.rule.budget))
        by = f"found where the budget burned faster than allowed, and at least {least} of a period's went"
    _line(console, several(len(incidents), "incident"), by)
    if not incidents:
        console.print()
        return
    table = _table("", "begins", "lasts", "budget spent", "name", right=(2, 3))
    for index, one in enumerate(incidents):
        table.add_row(
            plain(str(index + 1)), moment(one.start), duration(one.end - one.start), share(one.spent), plain(one.name)
        )
    _print(console, table)


def _scores(results: Sequence[PlanResult], console: Console) -> None:
    table = _table(
        "policy", "alert", "alerts", "a week", "precision", "recall", "detection", "budget gone", "reset",
        right=(2, 3, 4, 5, 6, 7, 8),
    )  # fmt: skip
    for result in results:
        for place, score in enumerate(result.scores):
            table.add_row(
                plain(result.plan.name if not place else ""),
                plain(score.alert),
                str(score.precision.of),
                number(score.alerts_a_week),
                _share(score.precision),
                _share(score.recall),
                duration(score.detection),
                share(score.spent),
                _signed(score.reset),
            )
    _print(console, table)


def _firings(result: PlanResult, incidents: Sequence[Incident], console: Console) -> None:
    name = result.plan.name
    if not result.fired:
        _line(console, name, "no alert would have fired")
        console.print()
        return
    _line(console, name, f"{several(len(result.fired), 'alert')} would have fired")
    table = _table("fires", "alert", "windows", "lasts", "budget gone", "incident", right=(3, 4))
    for one in result.fired[:_MOST_FIRINGS]:
        table.add_row(
            moment(one.firing.fired_at),
            plain(one.firing.alert),
            plain(one.firing.row),
            _lasted(one),
            share(one.spent),
            plain(_told(one, incidents)),
        )
    _print(console, table, last=len(result.fired) <= _MOST_FIRINGS)
    if len(result.fired) > _MOST_FIRINGS:
        _line(console, f"and {len(result.fired) - _MOST_FIRINGS} more", "--json has them all")
        console.print()


def _told(one: Fired, incidents: Sequence[Incident]) -> str:
    named = [f"{place + 1} {incidents[place].name}".strip() for place in one.incidents]
    return ", ".join(named) or "none"


def _lasted(one: Fired) -> str:
    reset = one.firing.reset_at
    return "goes on" if reset is None else duration(reset - one.firing.fired_at)


def _attainment(found: Attainment, trial: Trial, console: Console) -> None:
    if found.proposed is None:
        _line(console, "No target is proposed", found.refused)
    else:
        words = f"the tightest that history held: {several(found.blocks, 'day')} to draw from"
        if found.blocks and trial.result.period != 28 * 86400:
            words = (
                f"the tightest that history held: {several(found.blocks, 'part')} of 1/28 of the window to draw from"
            )
        _line(console, f"Target proposed: {percent(float(found.proposed))}", words)
    if found.rungs:
        table = _table(
            "target", "windows met", "drawn periods met", "budget left", "in the worst window", "", right=(1, 2, 3, 4)
        )
        for rung in found.rungs:
            mark = "held" if rung.held else ""
            table.add_row(
                percent(float(rung.target)),
                f"{rung.met} of {rung.windows}" if rung.windows else ABSENT,
                percent(rung.likely),
                share(rung.left),
                share(rung.worst),
                plain(f"{mark} (now)" if rung.target == trial.target else mark),
            )
        _print(console, table)
        sure = (
            "Periods are drawn from the history's own days, taken for alike and independent, none worse than any seen."
        )
        console.print(plain(f"  {sure}"), soft_wrap=True)
        if any(rung.windows == 0 for rung in found.rungs):
            console.print(
                plain("  The history is shorter than one window, so no whole window was seen."), soft_wrap=True
            )
    console.print()


def _suggestion(found: Suggestion, console: Console) -> None:
    first, second = found.incidents
    how = f"of {found.tried} pairs, chosen on {first} incidents of the first half and tested on {second} of the second"
    _line(console, f"Windows proposed for paging: {found.proposed.name}", how)
    if not found.holds:
        what = "was best on the first half and does worse than the workbook's on the second: keep the workbook's"
        _line(console, found.chosen.name, what)
    for half, title in enumerate(("First half, which chose", "Second half, which tests")):
        _line(console, title, "long windows and their budgets; short windows are a twelfth")
        table = _table(
            "pages", "precision", "recall", "merit", "detection", "budget gone", "a week", "", right=tuple(range(1, 7))
        )
        for one in found.candidates:
            score = (one.first, one.second)[half]
            table.add_row(
                plain(one.name),
                _counted(score.precision),
                _counted(score.recall),
                number(merit(score)),
                duration(score.detection),
                share(score.spent),
                number(score.alerts_a_week),
                plain(_mark(one, found)),
            )
        _print(console, table)
    sure = "Few incidents decide this: read the differences as incidents, not as percent, and judge by the second half."
    console.print(plain(f"  {sure}"), soft_wrap=True)


def _mark(one: Candidate, found: Suggestion) -> str:
    marks = {
        "proposed": one == found.proposed,
        "the workbook's": one == found.workbook,
        "chosen": one == found.chosen and not found.holds,
        f"and {several(one.alike, 'pair')} alike": one.alike > 0,
    }
    return ", ".join(mark for mark, so in marks.items() if so)


def _counted(counted: Share) -> str:
    return f"{counted.hits}/{counted.of}"


def _share(counted: Share) -> str:
    """ "3 of 4 (19–99 %)": with the interval, because they are few."""
    interval = counted.interval
    if interval is None:
        return ABSENT
    low, high = (round(100 * edge) for edge in interval)
    return f"{counted.hits} of {counted.of} ({low}–{high} %)"


def _signed(seconds: float | None) -> str:
    if seconds is None or seconds >= 0:
        return duration(seconds)
    return f"-{duration(-seconds)}"


def _table(*columns: str, right: Sequence[int]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), header_style="dim")
    for place, column in enumerate(columns):
        table.add_column(column, justify="right" if place in right else "left", no_wrap=place < _SINGLE)
    return table


def _print(console: Console, table: Table, *, last: bool = True) -> None:
    console.print(table)
    if last:
        console.print()


def _line(console: Console, head: str, rest: str) -> None:
    text = plain(head, "bold")
    text.append_text(plain(f": {rest}"))
    console.print(text, soft_wrap=True)
