"""`holdfast exporter`, and the `--metrics` of `holdfast run`."""

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from holdfast.cli.workspace import current_workspace, workspace_as_it_is
from holdfast.errors import ExitCode, HoldfastError, InputError, Problem
from holdfast.process import hearing

if TYPE_CHECKING:
    from holdfast.monitor.exporter import Exporter
    from holdfast.monitor.serving import Serving
    from holdfast.slo.openslo import AnyObjective

ADDRESS: Final = "127.0.0.1:9464"
_LAST_SCRAPE_SECONDS: Final = 35.0
"""After a run: for whoever scraped it to see its last counts: two scrapes at the usual 15 s."""


@click.command()
@click.argument("run_folder", metavar="[RUN]", type=click.Path(path_type=Path), required=False)
@click.option(
    "--history",
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="Instead of one run: the monitor's record, or all records in a folder, those to come included.",
)
@click.option("--listen", default=ADDRESS, show_default=True, help="Where Prometheus scrapes it, as host:port.")
@click.option(
    "--key-file",
    type=click.Path(path_type=Path),
    help="The key that whoever scrapes must send as a bearer token, in a file of mode 0600; else "
    "HOLDFAST_EXPORTER_KEY. Beyond loopback there must be one.",
)
def exporter(run_folder: Path | None, history: Path | None, listen: str, key_file: Path | None) -> int:
    """Export the counts and response times of RUN (a path, a name under runs/; default: the newest) to Prometheus.

    It follows a run that is still going on, and ends on Ctrl-C, SIGTERM or SIGHUP with exit 0. The buckets of response
    time hold every `under` of the objectives under slo/.
    """
    from holdfast.monitor.serving import listening

    host, port, key = listening(listen, "--listen", key_file, os.environ)
    exported = _exporter(_databases(run_folder, history))
    ended = threading.Event()
    with hearing(lambda *_: ended.set()), _serving(exported, host, port, key) as serving:
        click.echo(serving.url)
        ended.wait()
    if exported.left_out:
        click.echo(f"{exported.left_out:,} names were left out: holdfast_names_left_out told so", err=True)
    return int(ExitCode.MET)


@contextmanager
def exporting(metrics: str | None, database: Callable[[], Path | None]) -> Iterator[None]:
    """Export a run while it is on, and until its last counts were scraped. `database`: None until there is one."""
    if metrics is None:
        yield
        return
    from holdfast.monitor.serving import listening

    host, port, key = listening(metrics, "--metrics", None, os.environ)

    def databases() -> list[Path]:
        found = database()
        return [] if found is None else [found]

    with _serving(_exporter(databases), host, port, key) as serving:
        click.echo(f"metrics at {serving.url}", err=True)
        yield
        if serving.scrapes and not serving.wait_for_scrapes(2, _LAST_SCRAPE_SECONDS):
            click.echo(f"the last counts were not scraped within {_LAST_SCRAPE_SECONDS:.0f} s", err=True)


def _serving(exported: "Exporter", host: str, port: int, key: str) -> "Serving":
    from holdfast.monitor.serving import Serving

    return Serving(exported.text, host, port, key)


def _exporter(databases: Callable[[], list[Path]]) -> "Exporter":
    from holdfast.monitor.exporter import Exporter

    return Exporter(databases, _objectives())


def _databases(run_folder: Path | None, history: Path | None) -> Callable[[], list[Path]]:
    """Raises InputError where there is nothing of the kind."""
    from holdfast.run.folder import open_run_folder

    if history is None:
        if run_folder is not None and (run_folder / "run.db").is_file():
            path = run_folder / "run.db"
        else:
            path = open_run_folder(run_folder or Path("last"), current_workspace().runs_folder).database
        return lambda: [path]
    if run_folder is not None:
        raise InputError(Problem("--history", "RUN and --history say two things", "give one of them"))
    if not history.is_dir():
        raise InputError(Problem(str(history), "is no folder", "name the folder that records are in, such as runs"))
    return lambda: [path for path in (history / "run.db", *sorted(history.glob("*/run.db"))) if path.is_file()]


def _objectives() -> "list[AnyObjective]":
    """Of the workspace; none outside of one. What is wrong with them is told by others."""
    from holdfast.slo.openslo import load_definitions
    from holdfast.workspace.document import load_documents

    try:
        folder = workspace_as_it_is().folder("slo")
    except HoldfastError:
        return []
    documents = [document for file in sorted(folder.glob("*.yaml")) for document in load_documents(file)[0]]
    return list(load_definitions(documents).objectives)
