"""What `slo status`, `backtest` and `gate` share: which objectives, and where their history comes from.

    @click.command()
    @observing_options
    def status(asked: Asked) -> int:
        definitions = asked.definitions()
        observing = asked.open()
        observed = observing.observe(objective, objective.window.span(observing.at))

Options are read at once, and sources opened when they are first needed.
"""

import functools
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from holdfast.cli.workspace import RunName
from holdfast.errors import InputError, Problem, RunFolderError, raise_input_error, shown

if TYPE_CHECKING:
    from holdfast.slo.objective import Objective
    from holdfast.slo.openslo import AnyObjective, Definitions
    from holdfast.slo.sources.observed import Observed, Source
    from holdfast.slo.window import Span
    from holdfast.workspace.workspace import Workspace


class Moment(click.ParamType[float]):
    """ "2026-01-31T12:00:00Z", or seconds since the epoch; the latter inside."""

    name = "time"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        if isinstance(value, float):
            return value
        from holdfast.slo.moment import exact_moment

        found = exact_moment(value)
        if found is None:
            advice = "write one such as 2026-01-31T12:00:00Z, with its zone, or seconds since the epoch"
            self.fail(f"{str(value)!r} is not a time: {advice}", param, ctx)
        return found


class Step(click.ParamType[int]):
    """ "1m", whole seconds, up to a day or what is said."""

    name = "duration"

    def __init__(self, most: str = "1d") -> None:
        self.most = most

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        from holdfast.workspace.quantity import seconds

        if isinstance(value, int):
            return value
        try:
            found = seconds(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)
        if found != int(found) or not 1 <= found <= seconds(self.most):
            self.fail(f"{value} is not whole seconds between 1s and {self.most}", param, ctx)
        return int(found)


def observing_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Hands the command one argument for all of these options: `asked`."""
    options = (
        click.argument("paths", nargs=-1, type=click.Path(path_type=Path), metavar="[PATH]..."),
        click.option("--only", multiple=True, metavar="NAME", help="This objective alone; may be repeated."),
        click.option("--run", type=RunName(), metavar="RUN", help="Count what a run recorded: a path, or last."),
        click.option(
            "--history",
            type=click.Path(path_type=Path),
            metavar="FOLDER",
            help="Count what the monitor recorded, or all the runs in a folder.",
        ),
        click.option("--prometheus", metavar="URL", help="Ask this Prometheus, instead of those of the DataSources."),
        click.option(
            "--csv", type=click.Path(path_type=Path), metavar="FILE", help="Read good and total from a CSV file."
        ),
        click.option(
            "--at", type=Moment(), help="As of when: 2026-01-31T12:00:00Z, or seconds since the epoch. Default: now."
        ),
        click.option(
            "--step", type=Step(), default="1m", show_default=True, help="How finely the history is looked at."
        ),
        click.option(
            "--timeout",
            type=Step(),
            default="30s",
            show_default=True,
            help="How long one request to Prometheus may take.",
        ),
    )

    @functools.wraps(command)
    def with_asked(
        *arguments: Any,
        paths: tuple[Path, ...],
        only: tuple[str, ...],
        run: Path | None,
        history: Path | None,
        prometheus: str | None,
        csv: Path | None,
        at: float | None,
        step: int,
        timeout: int,
        **others: Any,
    ) -> Any:
        asked = Asked(paths, only, run, history, prometheus, csv, _now() if at is None else at, step, timeout)
        return command(*arguments, asked=asked, **others)

    wrapped: Callable[..., Any] = with_asked
    for option in reversed(options):
        wrapped = option(wrapped)
    return wrapped


@dataclass(frozen=True, slots=True)
class Asked:
    """The options as they were given. `at`: seconds since the epoch; `step`, `timeout`: seconds."""

    paths: tuple[Path, ...]
    only: tuple[str, ...]
    run: Path | None
    history: Path | None
    prometheus: str | None
    csv: Path | None
    at: float
    step: int
    timeout: int

    @property
    def places(self) -> str:
        """Where objectives are looked for, for a message."""
        return ", ".join(shown(path) for path in self.paths) or "slo"

    def definitions(self) -> "Definitions":
        """Of the paths, or of the workspace's slo/; of `objectives` those chosen. Raises InputError with all wrong."""
        from dataclasses import replace

        from holdfast.run.definition_files import definition_files, read_documents
        from holdfast.slo.openslo import load_definitions

        files, problems = definition_files(self._paths())
        documents, unread = read_documents(files)
        problems += unread
        definitions = load_definitions(documents)
        raise_input_error([*problems, *definitions.problems])
        return replace(definitions, objectives=tuple(_chosen(definitions.objectives, self.only)))

    def open(self) -> "Observing":
        """Raises InputError for options that do not go together, or that name what is not there."""
        together = [name for name in ("run", "history", "csv") if getattr(self, name) is not None]
        if self.csv is not None and self.prometheus is not None:
            together.append("prometheus")
        if len(together) > 1:
            what = " and ".join(f"--{name}" for name in together) + " say two things about where the history is"
            raise InputError(Problem(f"--{together[1]}", what, "give one of them"))
        if self.history is not None and not self.history.is_dir():
            fix = "name the folder of a record, or one of several runs"
            raise InputError(Problem("--history", f"there is no folder {shown(self.history)}", fix))
        return Observing(self)

    def _paths(self) -> tuple[Path, ...]:
        if self.paths:
            return self.paths
        folder = _workspace().folder("slo")
        return (folder,) if folder.is_dir() else ()


@dataclass(slots=True)
class Observing:
    """Sources opened when they are first needed, each once; all are asked as of `at`."""

    asked: Asked
    _opened: "dict[tuple[Any, ...], Source]" = field(default_factory=dict)

    @property
    def at(self) -> float:
        return self.asked.at

    @property
    def step(self) -> int:
        return self.asked.step

    def step_of(self, objective: "Objective", at: float) -> int:
        """That of the options, or finer where slices or the begin of its calendar window at a moment ask for it."""
        step = self.step
        if objective.slices is not None:
            step = math.gcd(step, objective.slices.seconds)
        if objective.window.calendar is not None:
            step = math.gcd(step, int(objective.window.span(at).start))
        return step

    def source(self, objective: "Objective") -> "Source":
        """Where this objective's history comes from. Raises InputError where nothing says so."""
        from holdfast.slo.indicator import Indicator
        from holdfast.slo.openslo import source_of

        asked = self.asked
        if asked.csv is not None:
            return self._table(asked.csv)
        if isinstance(objective.indicator, Indicator):
            if asked.run is None and asked.history is None and asked.prometheus is not None:
                return self._prometheus(objective)
            return self._record(objective)
        kind = source_of(objective.indicator)
        if kind == "prometheus":
            return self._prometheus(objective)
        if kind == "csv":
            return self._table(None)
        what = f"{objective.name} counts metrics of {kind}, which holdfast does not ask"
        raise InputError(Problem(objective.where, what, "export them into a file and give it by --csv"))

    def observe(self, objective: "Objective", span: "Span", step: int | None = None) -> "Observed":
        """The whole steps in a span, none of them after `at`. Raises InputError and MeasurementError, as sources do."""
        from holdfast.slo.window import Span

        span = Span(span.start, min(span.end, self.at))
        return self.source(objective).observe(objective, span, self.step if step is None else step)

    def extent(self, objective: "Objective") -> "Span | None":
        """From the first to the last moment that its source has anything of; None where it cannot tell."""
        return self.source(objective).extent(objective)

    def _table(self, file: Path | None) -> "Source":
        from holdfast.slo.sources.table import TableSource

        return self._once(("csv", file), lambda: TableSource(file))

    def _record(self, objective: "Objective") -> "Source":
        from holdfast.slo.sources.record import open_record

        asked = self.asked
        if asked.history is not None:
            folder = asked.history
            return self._once(("record",), lambda: open_record(folder))
        try:
            return self._once(("record",), lambda: open_record(run_folder(asked.run)))
        except RunFolderError as error:
            if asked.run is not None:
                raise
            what = f"{objective.name} counts samples of holdfast, and {error.problems[0].what}"
            fix = "give --run, --history, --prometheus or --csv, or choose other objectives by --only"
            raise InputError(Problem(objective.where, what, fix)) from error

    def _prometheus(self, objective: "Objective") -> "Source":
        from holdfast.slo.sources.prometheus import PrometheusSource, connection_of

        connection = connection_of(objective, self.asked.prometheus)
        return self._once(
            ("prometheus", connection),
            lambda: PrometheusSource(connection, at=min(self.at, _now()), timeout=float(self.asked.timeout)),
        )

    def _once(self, key: tuple[Any, ...], make: "Callable[[], Source]") -> "Source":
        if key not in self._opened:
            self._opened[key] = make()
        return self._opened[key]


def _chosen(objectives: "Iterable[AnyObjective]", only: tuple[str, ...]) -> "list[AnyObjective]":
    from holdfast.workspace.document import nearest

    known = list(objectives)
    names = {objective.name for objective in known}
    raise_input_error(
        Problem("--only", f'there is no objective "{name}"', nearest(name, names)) for name in only if name not in names
    )
    return [objective for objective in known if not only or objective.name in only]


def run_folder(run: Path | None) -> Path:
    """By path or name; None: the newest. Raises RunFolderError."""
    from holdfast.run.folder import open_run_folder

    if run is not None and (run / "run.db").is_file():
        return run
    return open_run_folder(run or Path("last"), _workspace().runs_folder).path


def _workspace() -> "Workspace":
    from holdfast.cli.workspace import current_workspace

    return current_workspace()


def _now() -> float:
    from holdfast.clock import SystemClock

    return SystemClock().now()


def at_text(at: float) -> str:
    """For people: "2026-01-31 12:00:00 UTC"."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
