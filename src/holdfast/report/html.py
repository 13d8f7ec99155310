"""A summary as one HTML page that opens with no network: charts and tables, light and dark, wide and narrow, on paper.

The page trusts nothing that came from a file or a target: text is escaped, addresses are checked, and its policy lets
only its own two scripts and its own style run (charts use Vega's expression interpreter, which needs no `unsafe-eval`).
"""

import base64
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from holdfast.report import figures, verdicts
from holdfast.report.drop_off import between, by_loss, came_through, funnels_of, is_whole, told_apart, tone_of
from holdfast.report.load_rows import failed_of, not_all_ok, over
from holdfast.report.matrix import matrix, weights
from holdfast.report.palette import COLOURS, outcome_colour
from holdfast.report.rows import length, seconds_per_point
from holdfast.report.sections import sections_of
from holdfast.run.funnels import lost_beside_steps
from holdfast.run.load_summary import SeriesResult
from holdfast.run.summary import WHOLE_RUN, Summary

if TYPE_CHECKING:
    from holdfast.report.charts import Spec

_JOINTS = re.compile(r"([_/-])")


def render(summary: Summary) -> str:
    """The whole page. About two seconds: Altair and the charts' runtime are loaded for it."""
    from holdfast.report.charts import runtime

    specs = _pictures(summary)
    page = environment()
    style = page.get_template("style.css").render(colours=COLOURS)
    script = page.get_template("page.js").render()
    vega = runtime().replace("</script", r"<\/script")
    missed = [o for o in summary.objectives if o.verdict == "missed"]
    unclear = [o for o in summary.objectives if o.verdict == "inconclusive"]
    return page.get_template("report.html").render(
        summary=summary,
        sections=sections_of(summary, specs),
        matrix=matrix(summary),
        weights=weights(summary),
        missed=missed,
        undecided=[o for o in unclear if o.decides],
        too_short=[o for o in unclear if not o.decides],
        funnels=by_loss(funnels_of(summary)),
        whole_funnels=[funnel for funnel in funnels_of(summary) if is_whole(funnel)],
        likenesses=summary.load.likenesses if summary.load else (),
        series=_series(summary),
        evidence=[(name, _file_link(name)) for journey in summary.journeys for name in journey.evidence],
        timeline_text=_timeline_text(summary),
        seconds_per_point=seconds_per_point(summary.timeline),
        drawn=specs,
        charts=Markup(json_for_script(specs)),  # noqa: S704 - `<` is escaped
        runtime=Markup(vega),  # noqa: S704 - our own
        script=Markup(script),  # noqa: S704 - our own
        style=Markup(style),  # noqa: S704 - our own
        policy=policy([vega, script], style),
    )


def _pictures(summary: Summary) -> "dict[str, Spec]":
    from holdfast.report import charts

    capacity = summary.capacity
    found = {
        "timeline": charts.timeline_chart(summary),
        "budget": charts.budget_chart(summary),
        "capacity": charts.capacity_chart(capacity) if capacity else None,
        "sizing": charts.sizing_chart(capacity.sizing) if capacity and capacity.sizing else None,
    }
    return {name: spec for name, spec in found.items() if spec is not None}


def _series(summary: Summary) -> list[tuple[str, list[SeriesResult]]]:
    found: dict[str, list[SeriesResult]] = {}
    for one in summary.load.series if summary.load else ():
        found.setdefault(one.phase, []).append(one)
    return list(found.items())


def _timeline_text(summary: Summary) -> str:
    """What the picture shows, for those who do not see it."""
    timeline = summary.timeline
    said = [f"Phase {p.name} from {p.start:.0f} to {p.end:.0f} seconds." for p in timeline.phases]
    said += [f"Fault {f.name} put in at {f.start:.0f} seconds." for f in timeline.faults]
    return " ".join([f"{length(timeline):.0f} seconds.", *said])


def json_for_script(specs: "Mapping[str, Spec]") -> str:
    """For a script element: nothing in it can end the element."""
    return json.dumps(specs, separators=(",", ":")).replace("<", "\\u003c")


def policy(scripts: Sequence[str], style: str) -> str:
    """Content security: only these scripts and this style, and nothing from anywhere else."""
    allowed = " ".join(_hash(script) for script in scripts)
    return (
        f"default-src 'none'; script-src {allowed}; style-src {_hash(style)}; img-src 'self' file: data:; "
        "base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _file_link(name: str) -> str | None:
    """The address of a file under the run's evidence folder; None for anything else."""
    parts = name.split("/")
    if len(parts) < 2 or parts[0] != "evidence" or any(part in {"", ".", ".."} for part in parts) or "\\" in name:
        return None
    return quote(name)


def _breakable(text: str) -> Markup:
    """A name in the machine's spelling, which may go on in the next line after an underscore, dash or slash."""
    return Markup(_JOINTS.sub(r"\1<wbr>", str(escape(figures.printable(text)))))  # noqa: S704 - escaped


def _web_link(address: str) -> str | None:
    """An address that may be followed; a path in the user's repository is only shown."""
    try:
        return address if urlsplit(address).scheme in {"http", "https"} else None
    except ValueError:  # "http://[x/"
        return None


@cache
def environment() -> Environment:
    """Templates of every page, and how they say figures."""
    made = Environment(
        loader=PackageLoader("holdfast.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        finalize=lambda value: figures.printable(value) if type(value) is str else value,
    )
    made.filters |= {
        "between": between,
        "breakable": _breakable,
        "came_through": came_through,
        "checked": lambda value, name: figures.checked(name, value),
        "count": figures.count,
        "duration": figures.duration,
        "ended": figures.ended,
        "failed_of": failed_of,
        "held": lambda held: "not looked at" if held is None else "held" if held else "did not hold",
        "iso": lambda at: datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds"),
        "last_name": lambda name, depth: name.split("/", depth - 1)[-1],
        "lost_beside_steps": lost_beside_steps,
        "mark": verdicts.mark,
        "moment": figures.moment,
        "money": figures.money,
        "not_all_ok": not_all_ok,
        "number": figures.number,
        "of_hundred": lambda ratio: f"{100 * min(max(ratio, 0.0), 1.0):.2f}",
        "outcome_colour": outcome_colour,
        "over": lambda found: over(list(found)),
        "percent": figures.percent,
        "rate": figures.rate,
        "seconds": lambda at: figures.ABSENT if at is None else f"{at:.1f}\u202fs",
        "sentence": figures.sentence,
        "several": figures.several,
        "share": figures.share,
        "signed_duration": figures.signed_duration,
        "stretch": lambda phase: "the judged phases together" if phase == WHOLE_RUN else phase,
        "told_apart": told_apart,
        "tone": verdicts.tone,
        "tone_of": tone_of,
        "web_link": _web_link,
        "word_of": verdicts.word_of,
        "words": figures.words,
    }
    return made
