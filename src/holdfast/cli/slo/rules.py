"""`holdfast slo rules`."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from holdfast.cli.slo.observing import Step
from holdfast.cli.workspace import current_workspace
from holdfast.errors import ExitCode, InputError, Problem, raise_input_error, shown

if TYPE_CHECKING:
    from holdfast.run.promtool import PromtoolResult
    from holdfast.slo.rule_files import Layout, RuleFile
    from holdfast.slo.rule_set import RuleSet


@click.command()
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path), metavar="[PATH]…")
@click.option("--only", multiple=True, metavar="NAME", help="This objective alone; may be repeated.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["prometheus", "operator"]),
    default="prometheus",
    show_default=True,
    help="A rule file of Prometheus, or PrometheusRule resources of its operator.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Write rules, their unit tests and the Alertmanager routing here, a file an objective.",
)
@click.option(
    "--windows",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Burn windows (kind: BurnWindows, or Sloth's AlertWindows) of objectives that name none.",
)
@click.option("--compatible", type=click.Choice(["sloth"]), help="Record and alert under the names of this generator.")
@click.option("--label", "labels", multiple=True, metavar="KEY=VALUE", help="Put this label on everything.")
@click.option("--namespace", default="", metavar="NAME", help="Of PrometheusRule resources.")
@click.option(
    "--resource-label", "resource_labels", multiple=True, metavar="KEY=VALUE", help="Of PrometheusRule resources."
)
@click.option("--interval", type=Step(), metavar="DURATION", help="Of every group; default: the server's.")
@click.option("--test", is_flag=True, help="Check and test the rules with promtool.")
@click.option("--json", "as_json", is_flag=True, help="Print what was made as JSON.")
def rules(
    paths: tuple[Path, ...],
    *,
    only: tuple[str, ...],
    form: str,
    out: Path | None,
    windows: Path | None,
    compatible: str | None,
    labels: tuple[str, ...],
    namespace: str,
    resource_labels: tuple[str, ...],
    interval: int | None,
    test: bool,
    as_json: bool,
) -> int:
    """Write recording and alerting rules for Prometheus, from the objectives in PATHs (default: all of slo/).

    Alerts that no outage can fire are left out with a warning, before anything is written; an objective without any
    other is an error. Without --out the rules go to stdout.
    """
    from holdfast.run.rule_making import make_rules
    from holdfast.slo.rules import RuleOptions

    extra, resource = _pairs("--label", labels, named=True), _pairs("--resource-label", resource_labels)
    named = paths or (current_workspace().folder("slo"),)
    made, policies = make_rules(named, only, windows, RuleOptions(interval=interval, extra=extra), compatible)
    for warning in made.warnings:
        click.echo(f"{click.style('warning', fg='yellow', bold=True)} {warning}", err=True)
    raise_input_error(made.problems)
    from holdfast.slo.rule_files import Layout, rule_files, rules_alone

    layout = Layout(operator=form == "operator", namespace=namespace, labels=resource)
    files = rule_files(made, layout, policies) if out is not None else ()
    if out is not None:
        _write(out, files)
        for file in files:
            for what in file.untested:
                click.echo(f"note: {file.path}: not tested: {what}", err=True)
    tested = _tested(made, layout) if test else None
    if as_json:
        click.echo(json.dumps(_facts(made, files, tested), indent=1))
    elif out is None:
        click.echo(rules_alone(made, layout), nl=False)
    else:
        click.echo(f"{_counted(len(made.rules), 'objective')}: {_counted(len(files), 'file')} in {shown(out)}")
    if tested is not None and not as_json:
        _tell(tested)
    return int(ExitCode.INCONCLUSIVE if tested is not None and tested.state == "failed" else ExitCode.MET)


def _tested(made: "RuleSet", layout: "Layout") -> "PromtoolResult":
    from dataclasses import replace

    from holdfast.run.promtool import held_by_promtool
    from holdfast.slo.rule_files import rule_files

    return held_by_promtool(rule_files(made, replace(layout, operator=False)))


def _tell(tested: "PromtoolResult") -> None:
    """On stderr: stdout may be the rules themselves."""
    if tested.state == "skipped":
        click.echo(f"{click.style('skipped', fg='yellow', bold=True)} promtool: {tested.skipped}", err=True)
        return
    for failure in tested.failures:
        click.echo(failure, err=True)
    colour = "green" if tested.state == "passed" else "red"
    what = f"promtool: {_counted(tested.checked, 'rule file')} checked, {_counted(tested.tested, 'test file')} run"
    click.echo(f"{click.style(tested.state, fg=colour, bold=True)} {what}", err=True)


def _facts(made: "RuleSet", files: "tuple[RuleFile, ...]", tested: "PromtoolResult | None") -> dict[str, Any]:
    return {
        "objectives": [
            {
                "name": each.objective.name,
                "service": each.objective.service,
                "windows": each.windows.name,
                "source": each.windows.source,
                "min_failures": each.traffic.min_failures,
                "alerts": [
                    {"name": one.rule.alert, "severity": one.rule.labels["severity"], "expr": one.rule.expr}
                    for one in each.written
                ],
                "rules": sum(len(group.rules) for group in each.groups),
            }
            for each in made.rules
        ],
        "files": [file.path for file in files],
        "warnings": [asdict(warning) for warning in made.warnings],
        "promtool": None if tested is None else asdict(tested),
    }


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _write(out: Path, files: "tuple[RuleFile, ...]") -> None:
    try:
        for file in files:
            path = out / file.path
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(file.text, encoding="utf-8")
    except OSError as error:
        raise InputError(Problem(shown(out), f"cannot be written: {error.strerror}", "name another folder")) from error


def _pairs(option: str, written: tuple[str, ...], *, named: bool = False) -> dict[str, str]:
    from holdfast.slo.rule_labels import RESERVED, is_label_name

    found: dict[str, str] = {}
    problems: list[Problem] = []
    for text in written:
        key, equals, value = text.partition("=")
        if not equals or not key:
            problems.append(Problem(option, f'"{text}" is not a label', "write one such as team=identity"))
        elif named and not is_label_name(key):
            problems.append(Problem(option, f'"{key}" is no name of a label', "letters, digits and _ only"))
        elif named and key in RESERVED:
            problems.append(Problem(option, f'"{key}" is a label of holdfast\'s own', "call it something else"))
        found[key] = value
    raise_input_error(problems)
    return found
