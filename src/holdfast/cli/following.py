"""A run as the person at the terminal follows it: live on stderr, the result on stdout."""

import json
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from types import FrameType

import click

from holdfast.cli.exporter import exporting
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
    with exported, _stopping() as stop, LiveScreen(console_for(sys.stderr)) as screen:
        for event in run(prepared, stop):
            if isinstance(event, Started):
                database.append(RunFolder(event.folder).database)
            if isinstance(event, Finished):
                reports = write_reports(event.summary, event.folder)
                finished = replace(event, reports=tuple(reports))
                screen.handle(finished)
            else:
                screen.handle(event)
    if finished is None:
        raise RuntimeError("the runner ended without saying so")
    print_summary(finished.summary, as_json=as_json)
    for report in finished.reports:
        click.echo(str(report), err=True)
    return finished


def print_summary(summary: Summary, *, as_json: bool) -> None:
    """The result, on stdout."""
    if as_json:
        click.echo(json.dumps(asdict(summary), indent=1))
    else:
        render(summary, console_for(sys.stdout))


@contextmanager
def _stopping() -> Iterator[StopSignal]:
    """The first Ctrl-C (or SIGTERM) drains, undoes and seals; the second does not wait; the third leaves."""
    stop = StopSignal()

    def handle(signum: int, frame: FrameType | None) -> None:  # noqa: ARG001 - the signature of a handler
        if stop.at_once.is_set():
            raise KeyboardInterrupt
        stop.request()

    before = {sign: signal.signal(sign, handle) for sign in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for sign, handler in before.items():
            signal.signal(sign, handler)
