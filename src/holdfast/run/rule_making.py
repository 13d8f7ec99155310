"""Files of objectives in, their Prometheus rules out: what `holdfast slo rules` is given."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from holdfast.errors import Problem, shown
from holdfast.run.definition_files import check_definitions
from holdfast.slo.burn import WORKBOOK, BurnWindows
from holdfast.slo.burn_windows import load_burn_windows
from holdfast.slo.objective import AnyObjective, Composite
from holdfast.slo.policy import load_policies
from holdfast.slo.policy_terms import ErrorBudgetPolicy
from holdfast.slo.routing import escalation_text, policy_of
from holdfast.slo.rule_set import RuleSet, rule_set
from holdfast.slo.rules import Escalation, RuleOptions
from holdfast.workspace.document import load_documents, nearest


def make_rules(
    paths: Sequence[Path],
    only: Sequence[str],
    windows: Path | None,
    options: RuleOptions,
    compatible: str | None = None,
) -> tuple[RuleSet, tuple[ErrorBudgetPolicy, ...]]:
    """And the error-budget policies among the files, which say who is told.

    `only`: objectives by name; empty: all. `windows`: a file with one set, of objectives that name none.
    """
    checked = check_definitions(paths)
    default, problems = WORKBOOK, list(checked.problems)
    if windows is not None:
        found, wrong = _default_windows(windows)
        problems += wrong
        default = found or default
    known, _ = load_burn_windows(checked.definitions.own)  # what is wrong with them is told with the files
    objectives, unknown = _chosen(checked.definitions.objectives, only)
    if not objectives and not problems:
        unknown = [*unknown, Problem("", "there is no objective in these files", "name others")]
    if problems or unknown:
        return RuleSet((), (*problems, *unknown), checked.warnings), ()
    policies = tuple(policy.terms for policy in load_policies(checked.definitions.own)[0])
    covering = ((objective.name, policy_of(objective, policies)) for objective in _with_parts(objectives))
    escalation = {name: Escalation(policy.name, escalation_text(policy)) for name, policy in covering if policy}
    made = rule_set(objectives, known, default, replace(options, escalation=escalation), compatible)
    return replace(made, warnings=(*checked.warnings, *made.warnings)), policies


def _with_parts(objectives: Iterable[AnyObjective]) -> Iterator[AnyObjective]:
    for objective in objectives:
        yield objective
        if isinstance(objective, Composite):
            yield from objective.parts


def _default_windows(file: Path) -> tuple[BurnWindows | None, list[Problem]]:
    documents, problems = load_documents(file)
    found, wrong = load_burn_windows(documents)
    problems += wrong
    if not problems and len(found) != 1:
        what = "holds no burn windows" if not found else f"holds {len(found)} sets of burn windows"
        problems.append(Problem(shown(file), what, "write one document of kind: BurnWindows"))
    return (found[0] if len(found) == 1 else None), problems


def _chosen(objectives: Sequence[AnyObjective], only: Sequence[str]) -> tuple[tuple[AnyObjective, ...], list[Problem]]:
    names = [objective.name for objective in objectives]
    unknown = [
        Problem("--only", f'there is no objective "{name}" in these files', nearest(name, names))
        for name in only
        if name not in names
    ]
    return tuple(objective for objective in objectives if not only or objective.name in only), unknown
