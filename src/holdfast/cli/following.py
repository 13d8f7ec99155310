"""A run as the person at the terminal follows it: live on stderr, the result on stdout."""

import json
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from types import FrameType

import click

from holdfast.cli.exporter import exporting
from holdfast.errors import shown
from holdfast.process import hearing
from holdfast.report import write_reports
from holdfast.report.terminal import LiveScreen, console_for, render
from holdfast.run.engine import run
from holdfast.run.events import Finished, Started
from holdfast.run.folder import RunFolder
from holdfast.run.prepared import Prepared
from holdfast.run.stopping import StopSignal
from holdfast.run.summary import Summary


def follow(prepared: Prepared, *, as_json: bool, metrics: str | None = None) -> Finished:
    """Run it to its end. Reports are written into the run folder; the summary is printed.

    `metrics`: where Prometheus may scrape it meanwhile, as host:port.
    """
    finished: Finished | None = None
    database: list[Path] = []
    exported = exporting(metrics, lambda: database[0] if database else None)
    screen = LiveScreen(console_for(sys.stderr))
    with exported, _stopping() as stop, screen, closing(run(prepared, stop)) as events:
        for event in events:
            if isinstance(event, Started):
                database.append(RunFolder(event.folder).database)
            if isinstance(event, Finished):
                finished = _with_reports(event)
            screen.handle(finished or event)
    if finished is None:
        raise RuntimeError("the runner ended without saying so")
    print_summary(finished.summary, as_json=as_json)
    for report in finished.reports:
        click.echo(str(report), err=True)
    if finished.unwritten:
        click.echo(
            f"{click.style('error', fg='red', bold=True)} {shown(finished.folder)}: {finished.unwritten}", err=True
        )
    return finished


def _with_reports(finished: Finished) -> Finished:
    """A report that cannot be written takes nothing from the verdict on the screen."""
    try:
        return replace(finished, reports=tuple(write_reports(finished.summary, finished.folder)))
    except OSError as error:
        unwritten = finished.unwritten or f"the reports could not be written: {error.strerror}"
        return replace(finished, unwritten=unwritten)


def print_summary(summary: Summary, *, as_json: bool) -> None:
    """The result, on stdout."""
    if as_json:
        click.echo(json.dumps(asdict(summary), indent=1))
    else:
        render(summary, console_for(sys.stdout))


@contextmanager
def _stopping() -> Iterator[StopSignal]:
    """The first Ctrl-C (or SIGTERM, or SIGHUP) drains, undoes and seals; the second does not wait; the third leaves."""
    stop = StopSignal()

    def handle(signum: int, frame: FrameType | None) -> None:  # noqa: ARG001 - the signature of a handler
        if stop.at_once.is_set():
            raise KeyboardInterrupt
        stop.request()

    with hearing(handle):
        yield stop
