"""Rules as files: all in one, or a file an objective with its unit tests beside it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from holdfast.slo.policy_terms import ErrorBudgetPolicy
from holdfast.slo.routing import routing_text
from holdfast.slo.rule_set import RuleSet
from holdfast.slo.rule_tests import rule_tests
from holdfast.slo.rule_text import Resource, resource_text, rules_text
from holdfast.slo.rules import ObjectiveRules

_UNFED = "no course: its query has values without its metrics, or is no plain selector and its rules are another's"
HEADER = "# Written by `holdfast slo rules`: change the objectives instead.\n"


@dataclass(frozen=True, slots=True)
class Layout:
    """`operator`: PrometheusRule resources, with a namespace and labels."""

    operator: bool = False
    namespace: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RuleFile:
    """`path`: below the folder that is written to. `untested`: of rules, what their unit tests leave out, and why."""

    path: str
    text: str
    is_test: bool = False
    untested: tuple[str, ...] = ()


def rules_alone(made: RuleSet, layout: Layout) -> str:
    """All in one file: groups, or resources one after another."""
    if layout.operator:
        return HEADER + "---\n".join(_text(each, layout) for each in made.rules)
    return HEADER + rules_text(group for each in made.rules for group in each.groups)


def rule_files(
    made: RuleSet, layout: Layout, policies: Sequence[ErrorBudgetPolicy] | None = None
) -> tuple[RuleFile, ...]:
    """One file an objective: Prometheus takes them all by rule_files: [DIR/rules/*.yaml], and tests beside them.

    `policies`: then Alertmanager's routing too.

    promtool does not read resources: beside those stand the same rules as it reads them, for the tests alone.
    """
    files: list[RuleFile] = []
    for each in made.rules:
        path = f"rules/{each.id}.yaml"
        plain = path if layout.operator else f"../{path}"
        tests = rule_tests(each, [plain])
        untested = (_UNFED,) if tests is None else tests.untested
        files.append(RuleFile(path, HEADER + _text(each, layout), untested=untested))
        if layout.operator:
            files.append(RuleFile(f"tests/{path}", HEADER + rules_text(each.groups)))
        if tests is not None:
            files.append(RuleFile(f"tests/{each.id}.yaml", HEADER + tests.text, is_test=True))
    if policies is not None:
        files.append(RuleFile("alertmanager.yaml", HEADER + routing_text(made, policies)))
    return tuple(files)


def _text(each: ObjectiveRules, layout: Layout) -> str:
    if not layout.operator:
        return rules_text(each.groups)
    return resource_text(each.groups, Resource(f"holdfast-slo-{each.id}", layout.namespace, layout.labels))
