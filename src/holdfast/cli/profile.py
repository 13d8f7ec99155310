"""`holdfast profile plot` and `profile from-log`."""

import json
import math
import re
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Final

import click

from holdfast.cli.numbers import Finite
from holdfast.cli.options import Duration
from holdfast.cli.workspace import ContentName, current_workspace
from holdfast.errors import InputError, Problem, raise_input_error, shown
from holdfast.report.figures import duration, printable, rate, several
from holdfast.run.demand import Demand, demand_facts, demand_from, load_rules, profile_text, write_profile
from holdfast.run.shape import shape_of
from holdfast.slo.attainability import attainable
from holdfast.workspace.workspace import load_profile

_FEWEST: Final = attainable(0.95, 0).needed_to_meet
_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,60}")


@click.group()
def profile() -> None:
    """Look at a load profile before it runs, or make one from a log."""


@profile.command()
@click.argument("name", metavar="PROFILE", type=ContentName("scenarios/profiles"))
@click.option("--png", type=click.Path(dir_okay=False, path_type=Path), help="Draw it into this file, too.")
@click.option("--scale", type=Finite(min=0, min_open=True), default=1.0, help="Multiply its rates.")
@click.option("--seed", type=int, default=1, show_default=True, help="Seed of the arrivals that are drawn.")
@click.option("--for", "length", type=Duration(), help="How long, such as 5m. Default: the profile's own stages.")
@click.option("--json", "as_json", is_flag=True, help="Print the rate and the drawn arrivals by second as JSON.")
def plot(name: str, png: Path | None, scale: float, seed: int, length: float | None, as_json: bool) -> int:
    """Draw PROFILE: its rate over time, what it adds up to, and one schedule as it would be played."""
    found, _, problems = load_profile(current_workspace(), name)
    raise_input_error(problems)
    if found is None:
        return 2
    shape = shape_of(Path(name).stem, found, scale=scale, seed=seed, duration=length)
    if png is not None:
        from holdfast.report.charts import shape_chart, to_png

        spec = shape_chart(shape)
        if spec is None:
            raise InputError(Problem(name, "is a closed model: it has no arrival rate to draw", "leave out --png"))
        try:
            png.write_bytes(to_png(spec))
        except OSError as error:
            raise InputError(Problem(shown(png), f"cannot be written: {error.strerror}")) from error
        click.echo(shown(png), err=True)
    if as_json:
        click.echo(json.dumps(asdict(shape)))
    else:
        from holdfast.report.terminal.console import console_for
        from holdfast.report.terminal.shape import print_shape

        print_shape(shape, console_for(sys.stdout))
    return 0


@profile.command("from-log")
@click.argument("log", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--name", default="from_log", show_default=True, help="Of the profile that is made.")
@click.option("--bin", "bin_seconds", type=Duration(), help="Count in bins of, such as 10s. Default: about 200.")
@click.option("--compress-to", type=Duration(), help="Play it in this time, such as 10m; rates stay as they were.")
@click.option("--map", "rules", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Paths' scenarios.")
@click.option(
    "--per-visit",
    type=Finite(min=1),
    default=1.0,
    show_default=True,
    help="Lines of the log that one visit makes.",
)
@click.option("--force", is_flag=True, help="Overwrite a profile of this name.")
@click.option("--json", "as_json", is_flag=True, help="Print what was found as JSON.")
def from_log(
    log: Path,
    name: str,
    bin_seconds: float | None,
    compress_to: float | None,
    rules: Path | None,
    per_visit: float,
    force: bool,
    as_json: bool,
) -> int:
    """Make a load profile from LOG: an access log (common or combined format), a CSV with a timestamp and perhaps a
    path or scenario column, or a CSV of support tickets (topic,count), which gives the mix alone. Plain or gzip.

    Nothing of who came is kept: only how many, when, and for what.
    """
    if not _NAME.fullmatch(name):
        raise InputError(Problem("--name", f"{name!r} is not a name", "write lower-case letters, digits and _"))
    workspace = current_workspace()
    scenarios = workspace.names("scenarios", ".py")
    mapping = load_rules(rules, scenarios)
    demand = demand_from(log, mapping, scenarios, bin_seconds=bin_seconds, per_visit=per_visit)
    text = profile_text(name, demand, compress_to=compress_to)
    made = write_profile(workspace.folder("scenarios/profiles"), name, demand, text, overwrite=force)
    found, _, problems = load_profile(workspace, name)
    raise_input_error(problems)
    arrivals = found.expected_arrivals(found.seconds) if found is not None else 0.0
    if as_json:
        facts = {"files": [shown(path) for path in made], "arrivals": arrivals, **demand_facts(demand)}
        click.echo(json.dumps(facts, indent=1))
    else:
        for path in made:
            click.echo(shown(path))
        for sentence in (*_told(demand, per_visit), *_played(name, arrivals)):
            click.echo(sentence, err=True)
    return 0


def _told(demand: Demand, per_visit: float) -> list[str]:
    noun = "ticket" if demand.curve is None else "line"
    told = [f"{several(demand.counted, noun)} counted"]
    if demand.curve is not None:
        told[0] += f" over {duration(demand.seconds)}, in bins of {duration(demand.bin_seconds)}"
        told.append(f"the busiest bin: {rate(demand.peak)}")
        if per_visit == 1:
            told.append("each line is taken for a visit; where a visit makes several, say so: --per-visit")
    if not demand.mix_known:
        told.append("no line names a path or scenario: every scenario got the same weight; write your mix")
    if demand.unmatched:
        left = several(demand.unmatched, noun)
        told.append(f"of no scenario, and left out: {left}; --map says which belong to one")
    if demand.unread:
        told.append(f"{several(demand.unread, 'line')} could not be read, and left out")
    if demand.without_zone:
        told.append(f"without a time zone, and taken as UTC: {several(demand.without_zone, 'timestamp')}")
    return [printable(sentence) for sentence in told]


def _played(name: str, arrivals: float) -> list[str]:
    """What the profile adds up to: rates stay when time is compressed, so what is left of a quiet day may be little."""
    told = [f"it plays about {several(arrivals, 'arrival')}"]
    if 0 < arrivals < _FEWEST:
        scale = math.ceil(_FEWEST / arrivals)
        told[0] += f", and fewer than {_FEWEST} prove not even 95 %"
        told.append(
            f"play more of them (holdfast load {name} --scale {scale}; in a plan scale: {scale}), or for longer"
        )
    return told
