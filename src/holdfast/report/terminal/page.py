"""A summary on one terminal page: verdict, answers, objectives by phase, what faults cost, funnels, sizing."""

from typing import Final

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from holdfast.report.drop_off import by_loss, came_through, funnels_of, is_whole, lost_as, told_apart, tone_of
from holdfast.report.failure_rows import figures_of_failure, shown
from holdfast.report.figures import checked, count, duration, moment, percent, rate, sentence, share, words
from holdfast.report.load_rows import (
    HEAD,
    REQUEST_HEAD,
    failed_of,
    figures_of,
    figures_of_ok,
    figures_of_request,
    over,
    requests_of,
    scenarios_of,
    went_wrong_lines,
)
from holdfast.report.matrix import Matrix, matrix, weights
from holdfast.report.terminal.console import STYLES, plain, said
from holdfast.report.verdicts import mark, tone, word_of
from holdfast.run.funnels import lost_beside_steps
from holdfast.run.load_summary import Funnel, FunnelStep
from holdfast.run.summary import CapacityResult, FaultResult, ObjectiveResult, Summary

_BAR: Final = 20  # characters
_NARROWEST_NAME: Final = 16
_MOST_MESSAGES: Final = 10
_MOST_REQUESTS: Final = 15


def render(summary: Summary, console: Console) -> None:
    """Print it. Fits 80 columns; in fewer, tables become lists."""
    _verdict(summary, console)
    _answers(summary, console)
    _objectives(summary, console)
    _failures(summary, console)
    _load(summary, console)
    _requests(summary, console)
    if summary.faults:
        _title("Faults", console)
        for fault in summary.faults:
            _fault(fault, console)
    _funnels(summary, console)
    _likenesses(summary, console)
    if summary.capacity is not None:
        _capacity(summary.capacity, console)
    _validity(summary, console)
    _absent(summary, console)
    _notices(summary, console)
    console.print()


def _verdict(summary: Summary, console: Console) -> None:
    run = summary.run
    console.print()
    banner = said(summary.verdict, word_of(summary).upper())
    banner.stylize("bold")
    console.print(banner, plain(f" {summary.headline}", "bold"), sep="")
    took = duration(run.ended - run.started)
    facts = f"plan {run.plan} · {run.target} · {moment(run.started)} · took {took} · exit code {summary.exit_code}"
    console.print(plain(facts, "dim"))


def _answers(summary: Summary, console: Console) -> None:
    for answer in summary.answers:
        console.print()
        console.print(said(answer.verdict, answer.question))
        _line(console, plain(answer.answer))


def _notices(summary: Summary, console: Console) -> None:
    if not summary.notices:
        return
    _title("To know when reading this", console)
    for notice in summary.notices:
        _line(console, plain(notice))


def _objectives(summary: Summary, console: Console) -> None:
    if not summary.objectives:
        return
    _title("Objectives", console)
    laid_out = matrix(summary)
    columns = [max(len(column.title), 8 if column.judged else 10) + 2 for column in laid_out.columns]
    if _NARROWEST_NAME + 8 + sum(columns) <= console.width:
        console.print(_objectives_table(laid_out))
    else:
        _objectives_list(laid_out, console)
    for weight in weights(summary):
        _line(console, plain(weight, "dim"))


def _objectives_table(laid_out: Matrix) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("objective", overflow="fold", vertical="bottom")
    table.add_column("target", justify="right", no_wrap=True, vertical="bottom")
    for column in laid_out.columns:
        title = plain(column.title)
        table.add_column(title if column.judged else title + Text("\nnot judged"), no_wrap=True, vertical="bottom")
    for row in laid_out.rows:
        cells = [_ratio(row.results.get(column.phase)) for column in laid_out.columns]
        table.add_row(plain(row.title), Text(percent(row.target), "dim"), *cells)
    return table


def _objectives_list(laid_out: Matrix, console: Console) -> None:
    for row in laid_out.rows:
        console.print(plain(row.title), Text(f"target {percent(row.target)}", "dim"))
        for column in laid_out.columns:
            result = row.results.get(column.phase)
            if result is not None:
                note = "" if column.judged else " (not judged)"
                numbers = f"{count(result.good)} of {count(result.total)}"
                _line(console, _ratio(result), plain(f"  {column.title}{note}"), Text(f"  {numbers}", "dim"))


def _ratio(result: ObjectiveResult | None) -> Text:
    if result is None:
        return Text("–")
    return Text(f"{mark(result.verdict)} {percent(result.ratio)}", STYLES[tone(result.verdict)])


def _load(summary: Summary, console: Console) -> None:
    found = scenarios_of(summary)
    if not found:
        return
    _title("Load", console)
    console.print(plain(f"visits {over(found)}, response time of all that was sent", "dim"))
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column(HEAD[0], overflow="fold", vertical="bottom")
    for title in HEAD[1:]:
        table.add_column(title, justify="right", overflow="fold", vertical="bottom")
    for one in found:
        name, *figures = figures_of(one)
        table.add_row(plain(name), *figures)
        if beside := figures_of_ok(one):
            table.add_row(*(Text(cell, "dim") for cell in beside))
    console.print(table)
    for line in went_wrong_lines(summary):
        _line(console, plain(line, STYLES["bad"]))


def _failures(summary: Summary, console: Console) -> None:
    """Nothing where nothing failed. Below the message where it was seen: names are long."""
    if not summary.failures:
        return
    _title("Failures", console)
    console.print(plain("every failure once, where it happened, by message", "dim"))
    groups, more = shown(summary.failures, _MOST_MESSAGES)
    for group in groups:
        message, number, share_of_all, first, last, places = figures_of_failure(group)
        told = f"  {number} ({share_of_all}), first at {first}" + (f", last at {last}" if last != first else "")
        console.print(plain(message, STYLES["bad"]), Text(told), sep="")
        if places:
            _line(console, plain(f"in {places}", "dim"))
    if more:
        console.print(plain(f"And {more}.", "dim"))


def _requests(summary: Summary, console: Console) -> None:
    found, more = requests_of(summary, _MOST_REQUESTS)
    if not found:
        return
    _title("Requests", console)
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column(REQUEST_HEAD[0], overflow="fold", vertical="bottom")
    for title in REQUEST_HEAD[1:]:
        table.add_column(title, justify="right", overflow="fold", vertical="bottom")
    for one in found:
        name, number, each_second, failed, *times = figures_of_request(one)
        table.add_row(plain(name), number, each_second, Text(failed, STYLES["bad"] if failed_of(one) else ""), *times)
    console.print(table)
    if more:
        _line(console, plain(f"And {more}.", "dim"))


def _fault(fault: FaultResult, console: Console) -> None:
    console.print(plain(fault.title), said(fault.verdict), said(fault.clean_up, f"clean-up {fault.clean_up}"))
    if fault.injected_at is None:
        _line(console, plain(sentence(fault.reason)))
        return
    if fault.time_to_impact is None:
        _line(console, Text("not felt by any objective"))
    else:
        more = "more than " if fault.recovery_censored else ""
        detected = "never" if fault.time_to_detect is None else f"after {duration(fault.time_to_detect)}"
        times = [
            f"felt after {duration(fault.time_to_impact)}",
            f"alert would fire {detected}",
            f"recovered after {more}{duration(fault.time_to_recover)}",
        ]
        _line(console, Text(" · ".join(times)))
        on = f" on {fault.objective}" if fault.objective else ""
        _line(console, plain(f"{count(fault.bad_events)} bad events{on}"))
    for objective, spent in fault.budget_spent.items():
        _line(console, plain(f"{share(spent)} of the whole window's budget of {objective}, at this traffic"))


def _funnels(summary: Summary, console: Console) -> None:
    started = funnels_of(summary)
    if not started:
        return
    _title("Where customers drop off", console)
    whole = [funnel for funnel in started if is_whole(funnel)]
    for funnel in by_loss(started):
        console.print(plain(funnel.name), Text(came_through(funnel), "dim"))
        if funnel.started:
            console.print(Padding(_steps(funnel, console.width), (0, 0, 0, 2)))
        for text in lost_beside_steps(funnel):
            _line(console, plain(text))
    if whole:
        console.print(plain(f"No loss in {', '.join(funnel.name for funnel in whole)}.", "dim"))


def _likenesses(summary: Summary, console: Console) -> None:
    found = summary.load.likenesses if summary.load else ()
    if not found:
        return
    _title("Can anybody learn who has an account?", console)
    for one in found:
        console.print(said(tone_of(one), told_apart(one)))
        medians = f"p50 {duration(one.known_response.p50)} known, {duration(one.unknown_response.p50)} unknown"
        _line(console, plain(f"{medians}; {one.reason}"))


def _steps(funnel: Funnel, width: int) -> Table:
    table = Table(box=None, pad_edge=False, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(overflow="fold", max_width=max(width // 3, 12))
    table.add_column(no_wrap=True)
    table.add_column(justify="right", no_wrap=True)
    table.add_column(overflow="fold")
    for step in funnel.steps:
        lost = step.reached - step.completed
        table.add_row(
            plain(step.name),
            _bar(step, funnel.started, _BAR if width >= 70 else _BAR // 2),
            Text(percent(step.ratio)),
            plain(lost_as(step) or f"{count(lost)} lost", STYLES["bad"]) if lost else Text(""),
        )
    return table


def _bar(step: FunnelStep, started: int, width: int) -> Text:
    """Of those that started: got through, reached it and were lost. A loss is never rounded away."""
    reached = round(width * step.reached / started)
    through = round(width * step.completed / started)
    if step.completed < step.reached:
        reached = max(reached, 1)
        through = min(through, reached - 1)
    return (
        Text("█" * through, STYLES["good"])
        + Text("▒" * (reached - through), STYLES["bad"])
        + Text(" " * (width - reached))
    )


def _capacity(capacity: CapacityResult, console: Console) -> None:
    _title("Capacity", console)
    if capacity.sizing is not None:
        sizing = capacity.sizing
        console.print(Text(f"{count(sizing.replicas)} replicas for a peak of {rate(sizing.peak)}", "bold"))
        carry = f"{count(sizing.replicas_without_spare)} to carry it, {count(sizing.spare)} spare"
        _line(console, Text(f"{carry}; {percent(sizing.utilisation_at_peak)} busy at the peak"))
    else:
        console.print(plain(f"No sizing: {capacity.reason}"))
    stated = "" if capacity.stated is None else f"; stated {rate(capacity.stated)}"
    sure = {True: "confirmed", False: "not confirmed"}
    _line(
        console,
        Text(
            f"{count(capacity.replicas)} replicas held {rate(capacity.low)} ({sure[capacity.confirmed_low]}), "
            f"not {rate(capacity.high)} ({sure[capacity.confirmed_high]}){stated}"
        ),
    )


def _validity(summary: Summary, console: Console) -> None:
    _title("Measurement", console)
    console.print(said(summary.validity.verdict))
    for check in summary.validity.checks:
        if check.verdict != "valid":
            value = ""
            if check.value is not None:
                value = f" {checked(check.name, check.value)} (limit {checked(check.name, check.limit)})"
            _line(console, said(check.verdict, words(check.name)), plain(f"{value}: {check.reason}"))


def _absent(summary: Summary, console: Console) -> None:
    parts = [
        ("objectives", summary.objectives, "none was asked for"),
        ("load", summary.load, summary.load_reason),
        ("journeys", summary.journeys, summary.journeys_reason),
        ("faults", summary.faults, summary.faults_reason),
        ("capacity", summary.capacity, summary.capacity_reason),
    ]
    missing = [f"{name} ({reason})" for name, part, reason in parts if not part]
    if missing:
        console.print()
        console.print(plain(f"Not part of this run: {'; '.join(missing)}.", "dim"))


def _title(text: str, console: Console) -> None:
    console.print()
    console.print(Text(text, "bold"))


def _line(console: Console, *parts: Text) -> None:
    """Two spaces in, wrapped there too, and with no spaces at the end."""
    for line in Text("").join(parts).wrap(console, max(console.width - 2, 10)):
        line.rstrip()
        console.print(Text("  ") + line)
