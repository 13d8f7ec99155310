"""A load profile from what really came: a log or tickets in; a YAML file, its curve, and what was left out, out.

Paths become scenarios by rules, the first that fits; what fits none is counted and said, never guessed. Out go counts
in bins and shares of scenarios: no address, no query, no path and no name of anybody.
"""

import json
import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import Field

from holdfast.errors import InputError, Problem, raise_input_error, shown
from holdfast.workspace.access_log import Log, read_log
from holdfast.workspace.binding import Definition, bind
from holdfast.workspace.curve import bin_problem, counted, curve_text, fitting_bin
from holdfast.workspace.document import load_document, nearest

_DEFAULT_RULES: Final = (  # the narrow ones first: /password/reset is no sign-in, /account/consents no profile
    ("password_reset", r"passw|forgot|reset|recover"),
    ("billing_inquiry", r"invoice|billing|\bbills?\b|payment|charge"),
    ("plan_change", r"\bplans?\b|subscription|upgrade|downgrade|tariff"),
    ("profile_update", r"profile|consent|privacy|preferences|settings|address|phone|contact"),
    ("sign_in", r"sign.?in|log.?in|\bmfa\b|\botp\b|2fa|session|\bauth|\btoken|locked|access"),
)
_ASSET: Final = re.compile(r"\.(?:css|js|mjs|map|png|jpe?g|gif|svg|ico|webp|woff2?|ttf|eot)$", re.IGNORECASE)
_DEFAULT_TIME: Final = 60.0

Rules = Sequence[tuple[str, re.Pattern[str]]]


class RuleFile(Definition):
    """`rules: {sign_in: [/login, /sso], billing_inquiry: [invoice]}`: regular expressions, looked for in the path."""

    rules: Annotated[
        dict[str, Annotated[tuple[Annotated[str, Field(min_length=1)], ...], Field(strict=False, min_length=1)]],
        Field(min_length=1),
    ]


@dataclass(frozen=True, slots=True)
class Demand:
    """`curve`: the text of the CSV, None where there are only tickets. Counts are of lines, or of tickets."""

    curve: str | None
    mix: Mapping[str, float]
    counted: float
    unmatched: float
    unread: int
    without_zone: int
    seconds: float
    bin_seconds: float
    peak: float  # arrivals a second, over one bin
    mix_known: bool  # False: no line named a path or scenario, so each scenario counts the same


def load_rules(path: Path | None, scenarios: Collection[str]) -> Rules:
    """Those of a file, or sane ones for paths and topics of self-service. Raises InputError with all that is wrong."""
    if path is None:
        return [(name, re.compile(text, re.IGNORECASE)) for name, text in _DEFAULT_RULES if name in scenarios]
    document, problems = load_document(path)
    found: RuleFile | None = None
    if document is not None:
        found, wrong = bind(RuleFile, document)
        problems += wrong
    rules: list[tuple[str, re.Pattern[str]]] = []
    for name, texts in found.rules.items() if found is not None and document is not None else ():
        if name not in scenarios:
            where = document.where(("rules", name)) if document is not None else ""
            problems.append(Problem(where, f'there is no scenario "{name}"', nearest(name, scenarios)))
        for index, text in enumerate(texts):
            try:
                rules.append((name, re.compile(text, re.IGNORECASE)))
            except re.error as error:
                where = document.where(("rules", name, index)) if document is not None else ""
                problems.append(Problem(where, f"{text!r} is not a regular expression: {error}", "escape it"))
    raise_input_error(problems)
    return rules


def demand_from(
    path: Path, rules: Rules, scenarios: Collection[str], *, bin_seconds: float | None, per_visit: float
) -> Demand:
    """What a log says. `per_visit`: how many of its lines one visit makes. Raises InputError when it says nothing."""
    log, problems = read_log(path)
    if log is None:
        raise InputError(*problems)
    if log.topics is not None:
        return _of_tickets(path, log, log.topics, rules, scenarios)
    if len(log.times) < 2:
        lines = "1 line" if log.unread == 1 else f"{log.unread} lines"
        what = f"says of no two moments when somebody came ({lines} could not be read)"
        raise InputError(Problem(shown(path), what, "give an access log, or a CSV with a column timestamp"))
    named = [_scenario(asked, rules, scenarios) if asked is not None else None for asked in log.paths]
    mix = Counter(name for name in named if name is not None)
    if log.has_paths and not mix:
        what = f"none of its {len(log.times)} paths belongs to a scenario"
        raise InputError(Problem(shown(path), what, "say which do: --map RULES (see `holdfast guide shape-a-load`)"))
    times = [at for at, name in zip(log.times, named, strict=True) if name is not None or not log.has_paths]
    kept = Log(times=tuple(times))
    chosen = fitting_bin(kept, bin_seconds)
    wrong = bin_problem(shown(path), kept, chosen)
    if wrong is not None:
        raise InputError(wrong)
    points = [type(point)(point.offset, point.rate / per_visit) for point in counted(times, chosen)]
    return Demand(
        curve=curve_text(points),
        mix=dict(mix.most_common()) if mix else dict.fromkeys(sorted(scenarios), 1),
        counted=len(times),
        unmatched=len(log.times) - len(times),
        unread=log.unread,
        without_zone=log.without_zone,
        seconds=points[-1].offset,
        bin_seconds=chosen,
        peak=max(point.rate for point in points),
        mix_known=bool(mix),
    )


def profile_text(name: str, demand: Demand, *, compress_to: float | None) -> str:
    """The YAML of the profile; a curve lies beside it as NAME.csv. Rates stay as they were, time is compressed."""
    lines = ["kind: LoadProfile"]
    if demand.curve is None:
        lines.append("description: The mix of a count of tickets per topic; the rate is yours to set.")
        lines.append(f"stages: [{{hold: 1/s, for: {_DEFAULT_TIME:g}s}}]")
    else:
        length = compress_to if compress_to is not None else demand.seconds
        lines.append("description: Demand as a log shows it, in its own proportions.")
        lines.append("arrivals: poisson")
        lines.append(f"stages: [{{curve: {json.dumps(f'{name}.csv')}, over: {_plain(length)}s}}]")
    shares = ", ".join(f"{scenario}: {_plain(weight)}" for scenario, weight in demand.mix.items())
    return "\n".join([*lines, f"mix: {{{shares}}}", ""])


def _plain(value: float) -> str:
    """Without an exponent: durations have none."""
    return f"{value:.3f}".rstrip("0").rstrip(".")


def write_profile(folder: Path, name: str, demand: Demand, text: str, *, overwrite: bool) -> list[Path]:
    """The files that were made. Raises InputError rather than overwrite anything it was not told to."""
    files: dict[Path, str] = {folder / f"{name}.yaml": text}
    if demand.curve is not None:
        files[folder / f"{name}.csv"] = demand.curve
    if not overwrite:
        there = [path for path in files if path.exists()]
        raise_input_error(
            Problem(shown(path), "is there already", "choose another --name, or --force") for path in there
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path, content in files.items():
            path.write_text(content, encoding="utf-8")
    except OSError as error:
        raise InputError(Problem(shown(folder), f"cannot be written: {error}")) from error
    return list(files)


def demand_facts(demand: Demand) -> dict[str, Any]:
    """For scripts."""
    return {
        "counted": demand.counted, "unmatched": demand.unmatched, "unread": demand.unread,
        "without_zone": demand.without_zone, "seconds": demand.seconds, "bin_seconds": demand.bin_seconds,
        "peak": demand.peak, "mix": dict(demand.mix), "mix_known": demand.mix_known,
    }  # fmt: skip


def _of_tickets(path: Path, log: Log, topics: Mapping[str, float], rules: Rules, scenarios: Collection[str]) -> Demand:
    mix: Counter[str] = Counter()
    unmatched = 0.0
    for topic, tickets in topics.items():
        name = _scenario(topic, rules, scenarios)
        if name is None:
            unmatched += tickets
        elif tickets:
            mix[name] += tickets  # type: ignore[assignment]  # a Counter holds any number
    if not mix:
        what = f"none of its {len(topics)} topics belongs to a scenario"
        raise InputError(Problem(shown(path), what, "say which do: --map RULES (see `holdfast guide shape-a-load`)"))
    total = float(sum(mix.values()))
    return Demand(None, dict(mix.most_common()), total, unmatched, log.unread, 0, 0.0, 0.0, 0.0, mix_known=True)


def _scenario(text: str, rules: Rules, scenarios: Collection[str]) -> str | None:
    """A path, a topic, or a scenario's own name."""
    plain = text.strip().lower().replace("-", "_").replace(" ", "_")
    if plain in scenarios:
        return plain
    if _ASSET.search(text):
        return None
    return next((name for name, pattern in rules if pattern.search(text)), None)
