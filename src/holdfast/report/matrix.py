"""Objectives against phases, as every report lays them out: a row an objective, a column a phase, the run last."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from holdfast.report.figures import count, percent, several
from holdfast.run.summary import WHOLE_RUN, ObjectiveResult, Summary


@dataclass(frozen=True, slots=True)
class Column:
    """A phase. `whole`: all judged phases together, which decide the run."""

    phase: str
    title: str
    judged: bool
    whole: bool


@dataclass(frozen=True, slots=True)
class Row:
    """An objective's results by phase; a phase may be missing."""

    name: str
    title: str
    target: float
    gate: float
    service: str
    owner: str
    runbook: str
    results: Mapping[str, ObjectiveResult]


@dataclass(frozen=True, slots=True)
class Matrix:
    columns: Sequence[Column]
    rows: Sequence[Row]


def matrix(summary: Summary) -> Matrix:
    """Phases in the order they ran, then the judged ones together; objectives in the order of their file."""
    judged: dict[str, bool] = {}
    for result in summary.objectives:
        judged[result.phase] = judged.get(result.phase, False) or result.judged
    ran = [phase.name for phase in summary.timeline.phases if phase.name in judged]
    others = [phase for phase in judged if phase not in ran and phase != WHOLE_RUN]
    columns = [Column(phase, _title(phase, summary), judged[phase], whole=False) for phase in [*ran, *others]]
    if WHOLE_RUN in judged:
        columns.append(Column(WHOLE_RUN, "whole run", judged=True, whole=True))
    by_name: dict[str, dict[str, ObjectiveResult]] = {}
    for result in summary.objectives:
        by_name.setdefault(result.name, {})[result.phase] = result
    return Matrix(columns, [_row(name, results) for name, results in by_name.items()])


def _title(phase: str, summary: Summary) -> str:
    """A phase that is judged by itself has gates of its own, which no row can show."""
    gates = {result.gate for result in summary.objectives if result.phase == phase and result.apart}
    if not gates:
        return phase
    return f"{phase} (by itself, gate {percent(min(gates))})" if len(gates) == 1 else f"{phase} (by itself)"


def not_met(summary: Summary) -> list[ObjectiveResult]:
    """What needs a word of explanation: missed first, then inconclusive."""
    missed = [result for result in summary.objectives if result.verdict == "missed"]
    unclear = [result for result in summary.objectives if result.verdict == "inconclusive"]
    return [*missed, *unclear]


def weights(summary: Summary) -> list[str]:
    """How much the events of each objective say over the run, and what a later plan may take for its floor.

    Nothing of an objective without a failure and without a floor: how its failures would cluster was not seen.
    """
    whole = [result for result in summary.objectives if result.phase == WHOLE_RUN]
    found = [result for result in whole if result.good < result.total or result.design_effect > 1]
    return [f"{result.display_name or result.name}: {_weight(result)}" for result in found]


def _weight(result: ObjectiveResult) -> str:
    worth = f"{several(result.total, 'event')} say as much as {count(round(result.effective_total))} independent ones"
    most = f", at most {result.design_effect_high:.2f}" if result.design_effect_high > result.design_effect else ""
    measured = result.design_effect_measured
    if measured is None:
        return f"{worth} (design effect {result.design_effect:.2f}, too little failed to measure it{most})"
    if measured < result.design_effect:
        most = f", by the plan {result.design_effect:.2f}{most}"
    return f"{worth} (design effect {measured:.2f} over blocks of {result.effect_block} s{most})"


def _row(name: str, results: Mapping[str, ObjectiveResult]) -> Row:
    one = results.get(WHOLE_RUN) or next(iter(results.values()))
    title = one.display_name or name
    return Row(name, title, one.target, one.gate, one.service, one.owner, one.runbook, results)
