"""Objectives against phases, as every report lays them out: a row an objective, a column a phase, the run last."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

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
    judged = {result.phase: result.judged for result in summary.objectives}
    ran = [phase.name for phase in summary.timeline.phases if phase.name in judged]
    others = [phase for phase in judged if phase not in ran and phase != WHOLE_RUN]
    columns = [Column(phase, phase, judged[phase], whole=False) for phase in [*ran, *others]]
    if WHOLE_RUN in judged:
        columns.append(Column(WHOLE_RUN, "whole run", judged=True, whole=True))
    by_name: dict[str, dict[str, ObjectiveResult]] = {}
    for result in summary.objectives:
        by_name.setdefault(result.name, {})[result.phase] = result
    return Matrix(columns, [_row(name, results) for name, results in by_name.items()])


def not_met(summary: Summary) -> list[ObjectiveResult]:
    """What needs a word of explanation: missed first, then inconclusive."""
    missed = [result for result in summary.objectives if result.verdict == "missed"]
    unclear = [result for result in summary.objectives if result.verdict == "inconclusive"]
    return [*missed, *unclear]


def _row(name: str, results: Mapping[str, ObjectiveResult]) -> Row:
    one = results.get(WHOLE_RUN) or next(iter(results.values()))
    title = one.display_name or name
    return Row(name, title, one.target, one.gate, one.service, one.owner, one.runbook, results)
