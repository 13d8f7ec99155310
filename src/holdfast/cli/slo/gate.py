"""`holdfast slo gate`."""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import click

from holdfast.cli.slo.observing import Asked, Observing, observing_options
from holdfast.errors import ExitCode, InputError, MeasurementError, Problem, raise_input_error

if TYPE_CHECKING:
    from holdfast.slo.decision import Decision, Default
    from holdfast.slo.exclusions import Exclusion
    from holdfast.slo.measured import Measured
    from holdfast.slo.openslo import AnyObjective, Definitions
    from holdfast.slo.policy import Policy

_COLOURS: Final = {"allow": "green", "review": "yellow", "freeze": "red"}


@click.command()
@observing_options
@click.option("--policy", "names", multiple=True, metavar="NAME", help="Ask this policy alone; may be repeated.")
@click.option("--change", metavar="KIND", help="What kind of change it is: policies exempt some, such as security.")
@click.option(
    "--inconclusive-as",
    type=click.Choice(["allow", "block"]),
    help="What holds where the data decide nothing, instead of what the policy says. It is recorded.",
)
@click.option("--reviewed-by", metavar="WHO", help="Who said yes where the policy asks a person. It is recorded.")
@click.option("--json", "as_json", is_flag=True, help="Print the decision as JSON.")
def gate(
    asked: Asked,
    *,
    names: tuple[str, ...],
    change: str | None,
    inconclusive_as: "Default | None",
    reviewed_by: str | None,
    as_json: bool,
) -> int:
    """May a change go out? Ask the error-budget policies in PATHs (default: all of slo/) and say why.

    Exit 0: released. 1: frozen. 3: inconclusive, or a person decides (--reviewed-by says that one did). Where data are
    missing, stale or broken, the policy's stated default holds, and it is told as such.
    """
    from dataclasses import replace

    from holdfast.slo.decision import decide
    from holdfast.slo.policy import policy_warnings

    definitions = replace(asked, only=()).definitions()
    policies = _policies(definitions, names, change)
    chosen = asked.definitions().objectives
    covered = {policy.name: _covered(policy, chosen) for policy in policies}
    wanted = {objective.name: objective for listed in covered.values() for objective in listed}
    measured = _measure(list(wanted.values()), definitions, asked.open())
    decisions = [
        decide(
            policy,
            [one for objective in covered[policy.name] for one in measured[objective.name]],
            asked.at,
            change=change,
            default=inconclusive_as,
        )
        for policy in policies
    ]
    for policy in policies:
        for warning in policy_warnings(policy, asked.at):
            click.echo(f"warning: {warning}", err=True)
    code = max((_exit_code(decision, reviewed_by) for decision in decisions), key=_weight)
    if as_json:
        from holdfast.cli.slo.gate_facts import facts_of

        click.echo(json.dumps(facts_of(decisions, int(code), inconclusive_as, reviewed_by), indent=1))
    else:
        click.echo("\n\n".join(_text(decision, inconclusive_as, reviewed_by) for decision in decisions))
    return int(code)


def _policies(definitions: "Definitions", names: tuple[str, ...], change: str | None) -> "list[Policy]":
    """Those that are asked. Raises InputError with all that is wrong."""
    from holdfast.slo.policy import load_policies
    from holdfast.workspace.document import nearest

    policies, problems = load_policies(definitions.own, definitions.objectives)
    raise_input_error(problems)
    if not policies:
        fix = "write a document of kind: ErrorBudgetPolicy; `holdfast init` makes one: slo/error_budget_policy.yaml"
        raise InputError(Problem("slo gate", "there is no error-budget policy in these files", fix))
    known = [policy.name for policy in policies]
    wrong = [
        Problem("--policy", f'there is no policy "{name}"', nearest(name, known)) for name in names if name not in known
    ]
    asked = [policy for policy in policies if not names or policy.name in names]
    wrong += [
        Problem("--change", f'policy {policy.name} knows no change "{change}"', nearest(change, policy.terms.changes))
        for policy in asked or policies
        if change is not None and change not in policy.terms.changes
    ]
    raise_input_error(wrong)
    return asked


def _covered(policy: "Policy", objectives: "Sequence[AnyObjective]") -> "list[AnyObjective]":
    found = [each for each in objectives if policy.terms.covers_objective(each.name, each.service)]
    if not found:
        what = f"policy {policy.name} covers none of the objectives that are asked about"
        raise InputError(Problem(policy.where(("covers",)), what, "add one to `covers`, or give the files of its SLOs"))
    return found


def _measure(
    objectives: "Sequence[AnyObjective]", definitions: "Definitions", observing: Observing
) -> "dict[str, tuple[Measured, ...]]":
    """What there is of each. Sources that do not answer are missing data; those that cannot are wrong input."""
    from holdfast.slo.exclusions import load_exclusions
    from holdfast.slo.objective import names_of

    exclusions, problems = load_exclusions(definitions.own, names_of(definitions.objectives))
    found: dict[str, tuple[Measured, ...]] = {}
    for objective in objectives:
        try:
            found[objective.name] = _measured(objective, exclusions, observing)
        except InputError as error:
            problems += error.problems
        except ValueError as error:
            problems.append(Problem("--step", str(error), "choose one that divides the slices"))
    raise_input_error(dict.fromkeys(problems))
    return found


def _measured(
    objective: "AnyObjective", exclusions: "Sequence[Exclusion]", observing: Observing
) -> "tuple[Measured, ...]":
    from holdfast.slo.exclusions import excluded
    from holdfast.slo.measured import Measured, measured_composite, measured_of, needed_history
    from holdfast.slo.objective import Composite, parts_of

    span = needed_history(objective, observing.at)
    parts = parts_of(objective)
    try:
        observed = [observing.observe(part, span, observing.step_of(part, observing.at)) for part in parts]
    except MeasurementError as error:
        why = "; ".join(problem.what for problem in error.problems)
        whole = objective.name if isinstance(objective, Composite) else ""
        return tuple(Measured(part.name, part.target, part.window, None, why, composite=whole) for part in parts)
    gone = excluded(exclusions, objective, span)
    if isinstance(objective, Composite):
        return measured_composite(objective, observed, span, observing.at, gone)
    return (measured_of(objective, observed[0], span, observing.at, gone[0]),)


def _exit_code(decision: "Decision", reviewed_by: str | None) -> ExitCode:
    if decision.answer == "freeze":
        return ExitCode.MISSED
    if decision.answer == "review" and reviewed_by is None:
        return ExitCode.INCONCLUSIVE
    return ExitCode.MET


def _weight(code: ExitCode) -> int:
    """What is frozen by one policy is not opened by a question of another."""
    return (ExitCode.MET, ExitCode.INCONCLUSIVE, ExitCode.MISSED).index(code)


def _text(decision: "Decision", inconclusive_as: str | None, reviewed_by: str | None) -> str:
    from holdfast.slo.decision import decision_words
    from holdfast.workspace.quantity import duration_text

    terms = decision.policy.terms
    lines = [click.style(decision_words(decision), fg=_COLOURS[decision.answer], bold=True), ""]
    lines += [f"  {reason}" for reason in decision.reasons]
    told = set(decision.reasons)
    lines += [f"  {finding.reason}" for finding in decision.findings if finding.reason not in told]
    aside = [f"{finding.objective}: {text}" for finding in decision.findings for text in finding.set_aside]
    lines += [f"  {text}" for text in aside if text not in told]
    rows: list[tuple[str, str]] = [("change", decision.change or "not said: nothing is exempt")]
    if not decision.conclusive:
        whose = "--inconclusive-as" if inconclusive_as else f"policy {decision.policy.name}"
        rows.append(("without data", f"{decision.default} ({whose})"))
    if decision.answer == "review" and reviewed_by is not None:
        rows.append(("reviewed by", reviewed_by))
    tier = next((tier for tier in terms.tiers if tier.name == decision.tier), None)
    rows += [("lifted when", sentence) for sentence in decision.lifts]
    if tier is not None:
        rows.append(("until then", tier.consequence))
        rows += [("exempt", ", ".join(tier.exempt))] if tier.exempt else []
    rows.append(("decides", terms.decider))
    if decision.answer != "allow":
        rows += [
            (
                "escalation",
                f"{step.to}, by {step.by}, {duration_text(step.after) + ' after' if step.after else 'at once'}",
            )
            for step in terms.escalation
        ]
    rows.append(("runbook", terms.runbook))
    width = max(len(key) for key, _ in rows)
    lines.append("")
    shown = ""
    for key, value in rows:
        lines.append(f"  {'' if key == shown else key:<{width}}  {value}")
        shown = key
    return "\n".join(lines)
