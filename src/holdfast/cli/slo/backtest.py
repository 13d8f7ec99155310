"""`holdfast slo backtest`."""

import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from holdfast.cli.numbers import Finite
from holdfast.cli.slo.observing import Asked, Moment, Observing, Step, observing_options
from holdfast.errors import ExitCode, InputError, Problem, shown

if TYPE_CHECKING:
    from holdfast.slo.alert import AlertPlan
    from holdfast.slo.burn import BurnWindows
    from holdfast.slo.history import History
    from holdfast.slo.incidents import Incident, IncidentRule
    from holdfast.slo.objective import Objective
    from holdfast.slo.openslo import AnyObjective
    from holdfast.slo.sources.incident_file import NamedIncident
    from holdfast.slo.suggestion import Suggestion
    from holdfast.slo.trial import Trial
    from holdfast.slo.window import Span

_PICTURES: Final = (".html", ".png", ".svg")


@click.command()
@observing_options
@click.option("--from", "begin", type=Moment(), help="Judge from then on. Default: the objective's window before --to.")
@click.option("--to", "end", type=Moment(), help="Judge until then. Default: --at, or when the history ends.")
@click.option(
    "--windows",
    "window_files",
    type=click.Path(path_type=Path),
    multiple=True,
    metavar="FILE",
    help="Try these burn windows (kind: BurnWindows) beside the workbook's; may be repeated.",
)
@click.option("--methods", is_flag=True, help="Try the six methods of the SRE workbook, too.")
@click.option("--evaluate-every", "every", type=Step(), help="How often rules are evaluated. Default: each --step.")
@click.option(
    "--min-failures",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Bad events that a long window must hold before it alerts.",
)
@click.option(
    "--incidents",
    "incident_file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="What really happened: CSV or YAML of start, end, name. Default: a --run's faults, or found in the history.",
)
@click.option(
    "--incident-budget",
    type=Finite(min=0, max=1, min_open=True),
    default=0.02,
    show_default=True,
    help="An incident that is found spends at least this share of a period's budget.",
)
@click.option("--suggest", "suggesting", is_flag=True, help="Propose a target and windows, with what each would cost.")
@click.option("--plot", type=click.Path(path_type=Path), metavar="FILE", help="Draw it into this .html, .png or .svg.")
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
def backtest(
    asked: Asked,
    begin: float | None,
    end: float | None,
    window_files: tuple[Path, ...],
    methods: bool,
    every: int | None,
    min_failures: int,
    incident_file: Path | None,
    incident_budget: float,
    suggesting: bool,
    plot: Path | None,
    as_json: bool,
) -> int:
    """Play alerts back over history: when each would have fired and reset, what it would have missed, and how soon
    it would have told. PATH: files or folders of objectives; by default slo/.
    """
    from holdfast.slo.incidents import IncidentRule
    from holdfast.slo.sources.incident_file import load_incidents

    if plot is not None and plot.suffix.lower() not in _PICTURES:
        raise InputError(
            Problem("--plot", f'"{plot.suffix}" is no kind of picture', f"end it in {', '.join(_PICTURES)}")
        )
    if begin is not None and end is not None and begin >= end:
        raise InputError(Problem("--from", "is not before --to", "give an earlier --from"))
    playing = _Playing(
        asked.open(),
        begin,
        end,
        asked.step if every is None else every,
        _windows(window_files),
        methods,
        min_failures,
        _faults(asked) if incident_file is None else load_incidents(incident_file),
        IncidentRule(budget=Decimal(str(incident_budget))),
        suggesting,
    )
    trials = [playing.trial(objective) for objective in _objectives(asked.definitions().objectives)]
    suggestion = _suggestion(trials, playing) if suggesting else None
    if as_json:
        from holdfast.report.backtest_facts import facts_of

        click.echo(json.dumps(facts_of(trials, suggestion), indent=1))
    else:
        from holdfast.report.terminal.backtest import print_backtest
        from holdfast.report.terminal.console import console_for

        print_backtest(trials, suggestion, console_for(sys.stdout))
    for trial in trials:
        for note in trial.notes:
            click.echo(f"{trial.name}: {note}", err=True)
    if plot is not None:
        _draw(trials, plot)
    unseen = any(trial.result.measured == 0 or not trial.result.allowed for trial in trials)
    return int(ExitCode.INCONCLUSIVE if unseen or not trials else ExitCode.MET)


class _Playing:
    """What all objectives of one command are played with."""

    def __init__(
        self,
        observing: Observing,
        begin: float | None,
        end: float | None,
        every: int,
        windows: "tuple[BurnWindows, ...]",
        methods: bool,
        min_failures: int,
        named: "tuple[NamedIncident, ...] | None",
        rule: "IncidentRule",
        suggesting: bool,
    ) -> None:
        self.observing, self.begin, self.end, self.every = observing, begin, end, every
        self.windows, self.methods, self.min_failures = windows, methods, min_failures
        self.named, self.rule, self.suggesting = named, rule, suggesting

    def trial(self, objective: "Objective") -> "Trial":
        from holdfast.slo.attainment import attainment
        from holdfast.slo.backtest import backtest as played
        from holdfast.slo.playback import sums_of
        from holdfast.slo.trial import Trial

        plans = self._plans(objective)
        span = self._span(objective)
        lookback = max(plan.longest for plan in plans)
        history, notes = self._history(objective, span, lookback)
        plans = self._fitting(objective, plans, history.step, notes)
        notes += self._cautions(objective)
        result = played(
            history,
            objective.target,
            objective.window.seconds,
            plans,
            every=max(self.every, history.step),
            since=span.start,
            incidents=self.incidents(objective.name),
            rule=self.rule,
        )
        if result.short_of and history.measured.any():
            from holdfast.report.figures import duration

            notes.append(
                f"the history begins {duration(result.short_of)} too late for the longest window to be full from the "
                "start: until then windows hold what there is, as Prometheus does"
            )
        judged = sums_of(history.between(result.start, result.end))
        held = attainment(judged, objective.window.seconds) if self.suggesting else None
        return Trial(
            objective.name,
            objective.window.text,
            objective.target,
            self.observing.source(objective).name,
            result,
            self.rule if self.named is None else None,
            tuple(notes),
            held,
        )

    def incidents(self, name: str) -> "tuple[Incident, ...] | None":
        from holdfast.slo.sources.incident_file import incidents_of

        return None if self.named is None else incidents_of(self.named, name)

    def _plans(self, objective: "Objective") -> "list[AlertPlan]":
        from holdfast.slo.alert import plan_of, plan_of_conditions, workbook_methods
        from holdfast.slo.burn import WORKBOOK

        target, period = objective.target, objective.window.seconds
        plans = [
            plan_of(windows, target, period, min_failures=self.min_failures) for windows in (WORKBOOK, *self.windows)
        ]
        own = [replace(one.condition, name=one.name) for one in objective.alert_policies if one.when_breaching]
        if own:
            plans.append(plan_of_conditions(own, target))
        return [*plans, *(workbook_methods(target, period) if self.methods else ())]

    def _span(self, objective: "Objective") -> "Span":
        """The time that is judged: what was asked, else the objective's window up to the end of what there is."""
        from holdfast.slo.window import Span

        end = min(self.observing.at, self.observing.at if self.end is None else self.end)
        begin = self.begin
        if self.end is None or begin is None:
            extent = self.observing.extent(objective)
            if extent is not None and self.end is None:
                end = min(end, max(extent.end, extent.start + 1))
            if begin is None:
                begin = end - objective.window.seconds
                begin = begin if extent is None else max(begin, extent.start)
        if begin >= end:
            what = f"{objective.name}: nothing lies between --from and the end of its history"
            raise InputError(Problem("--from", what, "give an earlier --from"))
        return Span(begin, end)

    def _history(self, objective: "Objective", span: "Span", lookback: int) -> "tuple[History, list[str]]":
        """From as far back as the longest window looks. Of objectives counted in slices, one step a slice."""
        from holdfast.slo.objective import Method
        from holdfast.slo.slices import Grid, sliced
        from holdfast.slo.tally import sound
        from holdfast.slo.window import Span

        wanted = Span(span.start - lookback, span.end)
        extent = self.observing.extent(objective)
        if extent is not None:
            wanted = Span(max(wanted.start, min(extent.start, span.start)), wanted.end)
        observed = self.observing.observe(objective, wanted)
        history, broken = sound(observed.history)
        notes = list(observed.notes)
        if broken:
            notes.append(f"{broken} steps hold counts that cannot be, and were left out")
        if not history.total.any():
            notes.append("nothing was counted in this time, which says nothing about its alerts")
        if objective.method is not Method.OCCURRENCES and objective.slices is not None:
            try:
                whole = Span(history.start, history.end)
                history = sliced(history, objective.slices, objective.method, Grid(whole))
            except ValueError as error:
                raise InputError(
                    Problem("--step", f"{objective.name}: {error}", "give a --step that divides them")
                ) from error
        return history, notes

    def _fitting(
        self, objective: "Objective", plans: "Sequence[AlertPlan]", step: int, notes: list[str]
    ) -> "list[AlertPlan]":
        """The plans whose windows are whole steps; of the others, a note. Raises InputError where none is left."""
        from holdfast.slo.playback import misfits
        from holdfast.slo.promql import range_text

        every = max(self.every, step)
        if self.every < self.observing.step:
            text = f"rules are evaluated every {range_text(step)}: within a step nothing is known to have changed"
            notes.append(text)
        if misfits({"every": every}, step):
            what = f"{objective.name}: steps of {step} s cannot be evaluated every {every} s"
            fix = "give a whole multiple of the step, or a --step that divides it"
            raise InputError(Problem("--evaluate-every", what, fix))
        kept, left_out = [], []
        for plan in plans:
            wrong = misfits({range_text(window): window for window in plan.windows}, step)
            if wrong:
                left_out.append(f"of {plan.name}, no whole number of steps of {step} s: {', '.join(wrong)}")
            else:
                kept.append(plan)
        if not kept:
            sliced = step > self.observing.step
            fix = "give --windows of whole slices" if sliced else "give a --step that divides them"
            raise InputError(*(Problem("--step", f"{objective.name}: {what}", fix) for what in left_out))
        notes += [f"not played: {what}" for what in left_out]
        return kept

    def _cautions(self, objective: "Objective") -> list[str]:
        """Rows that never fire at this target, and rows that fire on what it allows."""
        from holdfast.slo.alert import row_of
        from holdfast.slo.burn import WORKBOOK, impossible, within_budget

        target, period = objective.target, objective.window.seconds
        found = []
        for windows in (WORKBOOK, *self.windows):
            never = [row_of(row, target, period).name for row in impossible(windows, target, period)]
            always = [row_of(row, target, period).name for row in within_budget(windows, period)]
            if never:
                found.append(f"{windows.name}: no outage can fire {', '.join(never)} at a target of {target}")
            if always:
                allowed = "fires on what the objective allows, its factor being below 1"
                found.append(f"{windows.name}: {', '.join(always)} {allowed}")
        return found


def _objectives(found: "Sequence[AnyObjective]") -> "list[Objective]":
    """Composites are played by their parts: each part has events of its own, and alerts watch events."""
    from holdfast.slo.objective import Composite

    objectives: list[Objective] = []
    for one in found:
        if isinstance(one, Composite):
            click.echo(f"{one.name}: a composite is played by its parts", err=True)
            objectives += [replace(part, name=f"{one.name}/{part.name}", window=one.window) for part in one.parts]
        else:
            objectives.append(one)
    if not objectives:
        raise InputError(Problem("slo/", "holds no objective", "name a file or a folder of objectives"))
    return objectives


def _faults(asked: Asked) -> "tuple[NamedIncident, ...] | None":
    """Of a run what was put into the target is known: alerts are held against its faults. None where it had none."""
    if asked.run is None:
        return None
    from holdfast.cli.slo.observing import run_folder
    from holdfast.slo.sources.incident_file import faults_of

    return faults_of(run_folder(asked.run)) or None


def _windows(files: tuple[Path, ...]) -> "tuple[BurnWindows, ...]":
    if not files:
        return ()
    from holdfast.slo.burn_windows import load_burn_windows
    from holdfast.workspace.document import load_documents

    found: list[BurnWindows] = []
    for file in files:
        documents, problems = load_documents(file)
        windows, more = load_burn_windows(documents)
        if problems or more:
            raise InputError(*problems, *more)
        if not windows:
            raise InputError(Problem(shown(file), "holds no burn windows", "write kind: BurnWindows"))
        found += windows
    return tuple(found)


def _suggestion(trials: "Sequence[Trial]", playing: _Playing) -> "Suggestion | str":
    from holdfast.slo.suggestion import Case, suggest

    cases = [
        Case(
            trial.name,
            trial.result.history.between(trial.result.start, trial.result.end),
            trial.target,
            trial.result.period,
            playing.incidents(trial.name),
        )
        for trial in trials
    ]
    every = max(trial.result.every for trial in trials)
    return suggest(cases, every=every, rule=playing.rule, min_failures=playing.min_failures)


def _draw(trials: "Sequence[Trial]", file: Path) -> None:
    from holdfast.report.backtest_picture import written

    try:
        file.write_bytes(written(trials, file.suffix.lower().removeprefix(".")))
    except OSError as error:
        raise InputError(Problem(shown(file), f"cannot be written: {error.strerror}")) from error
    click.echo(shown(file), err=True)
