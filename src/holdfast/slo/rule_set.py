"""The rules of many objectives: which burn windows each has, and everything that is wrong at once."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from holdfast.errors import Problem
from holdfast.slo.burn import WORKBOOK, BurnWindows
from holdfast.slo.burn_windows import choose
from holdfast.slo.objective import AnyObjective, Composite
from holdfast.slo.rule_checks import Traffic
from holdfast.slo.rules import ORDINARY, ObjectiveRules, RuleOptions, rules_of
from holdfast.slo.sloth_rules import sloth_rules
from holdfast.slo.traffic import traffic_of


@dataclass(frozen=True, slots=True)
class RuleSet:
    """In the order of the objectives, each composite after its parts."""

    rules: tuple[ObjectiveRules, ...]
    problems: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()


def rule_set(
    objectives: Iterable[AnyObjective],
    known: Sequence[BurnWindows] = (),
    default: BurnWindows = WORKBOOK,
    options: RuleOptions = ORDINARY,
    compatible: str | None = None,
) -> RuleSet:
    """`known`: burn windows that annotations may name; `default`: of objectives that name none.

    `compatible`: "sloth" for rules under its names.
    """
    found: list[ObjectiveRules] = []
    problems: list[Problem] = []
    for objective in objectives:
        chosen = choose(objective, known, default)
        traffic, wrong = traffic_of(objective)
        problems += wrong
        if isinstance(chosen, Problem):
            problems.append(chosen)
            continue
        if isinstance(objective, Composite):
            unguarded = replace(traffic, min_failures=0) if traffic.min_failures else Traffic()
            also = (*chosen.seconds, objective.window.seconds)
            found += [rules_of(part, chosen, traffic, options, also=also) for part in objective.parts]
            found.append(rules_of(objective, chosen, unguarded, options))
        else:
            found.append(rules_of(objective, chosen, traffic, options))
    if compatible == "sloth":
        found = [sloth_rules(each) for each in found]
    for each in found:
        problems += each.problems
    warnings = [warning for each in found for warning in each.warnings]
    return RuleSet(tuple(found), tuple(dict.fromkeys(problems)), tuple(dict.fromkeys(warnings)))
