"""`holdfast slo status`."""

import json
import math
import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from holdfast.cli.numbers import Finite
from holdfast.cli.slo.observing import Asked, Observing, Step, observing_options
from holdfast.errors import ExitCode, InputError, MeasurementError, Problem, RunFolderError, raise_input_error, shown
from holdfast.slo.standing import LEAST_COVERAGE

if TYPE_CHECKING:
    from holdfast.run.recorded import Recorded
    from holdfast.slo.agreement import Agreement, AgreementStanding
    from holdfast.slo.exclusions import Exclusion
    from holdfast.slo.objective import Objective
    from holdfast.slo.openslo import AnyObjective
    from holdfast.slo.sources.observed import Observed
    from holdfast.slo.standing import Standing
    from holdfast.slo.status import SloStatus, Told
    from holdfast.slo.window import Span

_CODES: Final = {
    "met": int(ExitCode.MET),
    "missed": int(ExitCode.MISSED),
    "inconclusive": int(ExitCode.INCONCLUSIVE),
}


@click.command()
@observing_options
@click.option(
    "--lookback", type=Step("366d"), multiple=True, help="A burn rate over this long too, up to 366d; may be repeated."
)
@click.option(
    "--coverage-below",
    type=Finite(0, 1),
    default=LEAST_COVERAGE,
    show_default=True,
    metavar="SHARE",
    help="Of its window less than this was measured: inconclusive, unless it is missed already.",
)
@click.option("--html", type=click.Path(path_type=Path), metavar="FILE", help="Write it as a page too.")
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON (see `holdfast schema slo-status`).")
def status(asked: Asked, lookback: tuple[int, ...], coverage_below: float, html: Path | None, as_json: bool) -> int:
    """How much of each error budget is left, how fast it goes, and when it is gone; the most endangered first.

    Objectives are those of PATHs (files or folders), or of slo/. Exits 0 when all are within budget, 1 when one has
    spent more than it may, 3 when one cannot be told (no data, or too little).
    """
    found = _status(asked, lookback, coverage_below)
    if html is not None:
        from holdfast.report.budget import render_budget

        try:
            html.write_text(render_budget(found), encoding="utf-8")
        except OSError as error:
            what = f"cannot be written: {error.strerror}"
            raise InputError(Problem(shown(html), what, "name a file in a folder that is there")) from error
        click.echo(str(html), err=True)
    if as_json:
        click.echo(json.dumps(asdict(found), indent=1, allow_nan=False))
    else:
        from holdfast.report.terminal.budget import print_status
        from holdfast.report.terminal.console import console_for

        print_status(found, console_for(sys.stdout))
    return found.exit_code


def _status(asked: Asked, lookbacks: Sequence[int], least_coverage: float) -> "SloStatus":
    from holdfast.slo.agreement import load_agreements
    from holdfast.slo.exclusions import load_exclusions
    from holdfast.slo.objective import names_of
    from holdfast.slo.standing import LOOKBACKS
    from holdfast.slo.status import status_of

    all_of_them = replace(asked, only=()).definitions()
    chosen = asked.definitions().objectives
    names = {objective.name for objective in chosen}
    exclusions, problems = load_exclusions(all_of_them.own, names_of(all_of_them.objectives))
    agreements, wrong = load_agreements(all_of_them.own, all_of_them.objectives)
    raise_input_error([*problems, *wrong])
    if not chosen:
        raise_input_error([Problem(asked.places, "there is no objective here", "write one, or name its file")])
    recorded = _recorded(asked)
    looking = _Looking(asked.open(), recorded, tuple(sorted({*LOOKBACKS, *lookbacks})), exclusions, least_coverage)
    told = [looking.told(objective) for objective in chosen]
    kept = [looking.agreement(one, all_of_them.objectives) for one in agreements if one.objective in names]
    concerned = [one for one in exclusions if any(one.is_for(name) for name in names_of(chosen))]
    return status_of(told, kept, concerned, at=looking.at, step=asked.step, exit_codes=_CODES)


class _Looking:
    """As of one moment: now, or the end of the run that is looked at."""

    def __init__(
        self,
        observing: Observing,
        recorded: "Recorded | None",
        lookbacks: tuple[int, ...],
        exclusions: "Sequence[Exclusion]",
        least_coverage: float,
    ) -> None:
        self.least_coverage = least_coverage
        self.observing, self.recorded, self.lookbacks, self.exclusions = observing, recorded, lookbacks, exclusions
        step = observing.step
        self.at = float(math.floor(observing.at / step) * step)
        self.untrusted, self.doubts = ("", {}) if recorded is None else _held_against(recorded)
        source = click.get_current_context().get_parameter_source("at")
        if recorded is not None and source is click.core.ParameterSource.DEFAULT:
            self.at = float(math.ceil((recorded.ended + 1) / step) * step)
            # of a run that has just ended, its last step is not over yet, and nothing will come in it any more
            self.observing = replace(observing.asked, at=self.at).open()

    def told(self, objective: "AnyObjective") -> "Told":
        from holdfast.run.budget_cost import run_burn_down, run_costs
        from holdfast.slo.composite import composite_standing
        from holdfast.slo.exclusions import excluded
        from holdfast.slo.objective import Composite
        from holdfast.slo.standing import needed_span, standing
        from holdfast.slo.status import Told

        gone = excluded(self.exclusions, objective, needed_span(objective, self.at, self.lookbacks))
        if isinstance(objective, Composite):
            seen = [self.observed(part) for part in objective.parts]
            one = composite_standing(
                objective, seen, self.at, exclusions=gone, lookbacks=self.lookbacks, least_coverage=self.least_coverage
            )
            return Told(self.no_greener_than_the_run(one), self.observing.source(objective.parts[0]).name)
        one = standing(
            objective,
            self.observed(objective),
            self.at,
            exclusions=gone[0],
            lookbacks=self.lookbacks,
            least_coverage=self.least_coverage,
        )
        name = self.observing.source(objective).name
        if self.recorded is None:
            return Told(one, name)
        one = self.no_greener_than_the_run(one)
        return Told(one, name, run_costs(self.recorded, objective), run_burn_down(self.recorded, objective))

    def no_greener_than_the_run(self, one: "Standing") -> "Standing":
        """What the run's own report does not believe is not believed here."""
        from holdfast.slo.objective import names_of
        from holdfast.slo.verdict import Verdict

        if self.untrusted:
            return replace(one, verdict=Verdict.INCONCLUSIVE, reason=self.untrusted)
        doubts = [self.doubts[name] for name in names_of([one.objective]) if name in self.doubts]
        if not doubts:
            return one
        verdict = Verdict.INCONCLUSIVE if one.verdict is Verdict.MET else one.verdict
        return replace(one, verdict=verdict, notes=(*one.notes, *doubts))

    def agreement(self, agreement: "Agreement", objectives: "Sequence[AnyObjective]") -> "AgreementStanding":
        from holdfast.slo.agreement import agreement_standing, last_window
        from holdfast.slo.exclusions import excluded
        from holdfast.slo.objective import Objective
        from holdfast.slo.standing import needed_span

        objective = next(one for one in objectives if one.name == agreement.objective and isinstance(one, Objective))
        own = replace(objective, window=agreement.window)
        span = needed_span(own, self.at, self.lookbacks)
        last, before = last_window(agreement, self.at), None
        if last is not None and last.end % self.observing.step_of(own, self.at) == 0:
            span, before = replace(span, start=min(span.start, last.start)), self.observed(own, last)
        (gone,) = excluded(self.exclusions, own, span)
        return agreement_standing(agreement, objective, self.observed(own), self.at, exclusions=gone, before=before)

    def observed(self, objective: "Objective", span: "Span | None" = None) -> "Observed":
        """What cannot be answered now is not measured, and says so; the other objectives are told all the same."""
        from holdfast.slo.sources.observed import Observed, unmeasured, whole_steps
        from holdfast.slo.standing import needed_span

        span = needed_span(objective, self.at, self.lookbacks) if span is None else span
        step = self.observing.step_of(objective, self.at)
        try:
            return self.observing.observe(objective, span, step)
        except MeasurementError as error:
            notes = tuple(f"{problem.where}: {problem.what}".removeprefix(": ") for problem in error.problems)
            return Observed(unmeasured(*whole_steps(span, step), step), notes=notes)


def _held_against(recorded: "Recorded") -> tuple[str, dict[str, str]]:
    """Why nothing that this run measured can be trusted ("": it can), and why single objectives cannot be met by it."""
    from holdfast.run.objectives import doubts
    from holdfast.run.unproven import unproven_oks
    from holdfast.run.validity import validity_of

    validity = validity_of(recorded)
    names = ", ".join(check.name.replace("_", " ") for check in validity.checks if check.verdict == "invalid")
    untrusted = f"the measurement of the run cannot be trusted: {names}" if validity.verdict == "invalid" else ""
    return untrusted, doubts(unproven_oks(recorded), recorded)


def _recorded(asked: Asked) -> "Recorded | None":
    """The run that was named, for what its phases, faults and journeys spent; None where it is another record."""
    if asked.run is None:
        return None
    from holdfast.cli.workspace import current_workspace
    from holdfast.run.folder import open_run_folder
    from holdfast.run.recorded import read_recorded

    runs = asked.run.parent if (asked.run / "run.json").is_file() else current_workspace().runs_folder
    try:
        return read_recorded(open_run_folder(asked.run, runs))
    except RunFolderError:
        if (asked.run / "run.db").is_file():
            return None
        raise
