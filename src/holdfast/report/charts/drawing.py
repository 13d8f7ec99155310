"""What the pictures share: axes, colours, the ground under everything on the run's clock, and how they become files.

Colours stand in a specification as `var(--name)` (see palette): the page's style sets them, so that a picture follows
light, dark and print by itself; `to_png` fills them in for a file. Widths are a page's to change.
"""

import json
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Final

import altair as alt
import vl_convert

from holdfast.report.figures import words
from holdfast.report.palette import Theme, outcome_colour, resolved, variable
from holdfast.report.rows import Row, fault_rows, phase_rows
from holdfast.run.summary import Timeline

Spec = dict[str, Any]  # a Vega-Lite specification, as JSON
Part = Any  # an Altair chart or layer: what its methods return is not typed so that it can be followed

WIDTH: Final = 900
LEFT: Final = 52  # room for the labels of every left axis, so that panels share one x; its title stands beside it


def spec_of(chart: Part, data: Mapping[str, list[Row]], description: str, *, narrow_columns: int = 3) -> Spec:
    """Data are put in last: Altair would check each of their rows against Vega-Lite's whole schema, for seconds."""
    chart = chart.properties(description=description, background="transparent").configure(**_look())
    spec: Spec = chart.to_dict()
    return spec | {"datasets": dict(data), "usermeta": {"narrowColumns": narrow_columns}}


def to_png(spec: Spec, scale: float = 2.0, theme: Theme = "light") -> bytes:
    """The picture as a PNG file's bytes, on the theme's ground."""
    text = resolved(json.dumps(spec), theme)
    themed = json.loads(text)
    themed["background"] = resolved(variable("surface"), theme)
    themed["padding"] = 12
    png: bytes = vl_convert.vegalite_to_png(themed, scale=scale)
    return png


def to_svg(spec: Spec, theme: Theme = "light") -> str:
    """The picture as the text of an SVG file, on the theme's ground."""
    themed = json.loads(resolved(json.dumps(spec), theme))
    themed["background"] = resolved(variable("surface"), theme)
    themed["padding"] = 12
    svg: str = vl_convert.vegalite_to_svg(themed)
    return svg


@cache
def runtime() -> str:
    """Vega, Vega-Lite and Vega-Embed as one script (about 0.9 MB): window.vegaEmbed."""
    script: str = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;")
    return script


def ground() -> list[Part]:
    """Faults as shade, phases' ends as rules: drawn behind everything that shares the clock."""
    shade = alt.Chart(alt.NamedData("faults")).mark_rect(color=variable("fault"), opacity=0.12, clip=True)
    ends = alt.Chart(alt.NamedData("phases")).mark_rule(
        color=variable("muted"), opacity=0.55, strokeDash=[2, 3], clip=True
    )
    return [
        shade.encode(x=second_x("start"), x2="end:Q"),
        ends.encode(x=second_x("start")),
        ends.encode(x=second_x("end")),
    ]


_STEPS: Final = (
    (1, 2, 5),
    (1, 1.5, 2, 3, 4, 5, 7),
    (1, 1.2, 1.4, 1.6, 1.8, 2, 2.5, 3, 3.5, 4, 5, 6, 7, 8, 9),
    tuple(tenth / 10 for tenth in range(10, 100)),
)
_LEAST_TICKS: Final = 3

BAND: Final = 38  # pixels of the phases' strip
LANE: Final = 24  # and of a fault beneath: its name, and its bar
MOST_LANES: Final = 8


def lanes_of(timeline: Timeline) -> int:
    """Each fault has a lane of its own; of very many, some share one."""
    return min(len(timeline.faults), MOST_LANES)


def ground_rows(timeline: Timeline) -> dict[str, list[Row]]:
    faults = fault_rows(timeline, BAND, LANE, max(lanes_of(timeline), 1))
    return {"phases": phase_rows(timeline), "faults": faults}


def second_x(field: str) -> alt.X:
    axis = alt.Axis(
        title=None,
        grid=False,
        tickCount=8,
        labelExpr="datum.value + ' s'",
        labelFlush=True,
        labelOverlap="greedy",
        labelSeparation=6,
    )
    return alt.X(f"{field}:Q", title=None, axis=axis, scale=alt.Scale(nice=False))


def outcome_colours(outcomes: Sequence[str], *, legend: bool) -> alt.Color:
    scale = alt.Scale(domain=[words(o) for o in outcomes], range=[outcome_colour(o) for o in outcomes])
    return alt.Color(
        "outcome:N", scale=scale, legend=alt.Legend(title=None, orient="top", symbolType="square") if legend else None
    )


def from_zero(top: float) -> alt.Scale:
    """With room above the highest value, so that its line is whole."""
    return alt.Scale(domain=[0, 1.12 * top or 1], nice=False)


def log_seconds(values: Sequence[float], field: str, title: str) -> alt.Y:
    """Latency lives on a log scale: twice as slow is the same step wherever it happens. Ticks at 1, 2 and 5, and
    between them where that makes too few.
    """
    low, high = min(values) / 1.3, max(values) * 1.3
    ticks = next(
        (found for steps in _STEPS if len(found := _ticks(low, high, steps)) >= _LEAST_TICKS),
        _ticks(low, high, _STEPS[-1]),
    )
    scale = alt.Scale(type="log", domain=[low, high], nice=False)
    return alt.Y(f"{field}:Q", title=title, scale=scale, axis=seconds_axis(values=ticks))


def _ticks(low: float, high: float, steps: Sequence[float]) -> list[float]:
    return [round(m * 10.0**e, 9) for e in range(-4, 4) for m in steps if low <= m * 10.0**e <= high]


def seconds_axis(**options: Any) -> alt.Axis:
    said = "datum.value < 0.9995 ? format(1000 * datum.value, '~r') + ' ms' : format(datum.value, '~r') + ' s'"
    return alt.Axis(labelExpr=said, **options)


def _look() -> dict[str, Any]:
    font = "system-ui, 'Segoe UI', Roboto, 'Helvetica Neue', 'DejaVu Sans', sans-serif"
    return {
        "font": font,
        "view": {"stroke": None},
        "axis": {
            "labelColor": variable("muted"), "titleColor": variable("muted"), "domainColor": variable("line"),
            "tickColor": variable("line"), "gridColor": variable("grid"), "labelFontSize": 11, "titleFontSize": 11,
            "titleFontWeight": "normal", "labelFont": font, "titleFont": font,
        },
        "axisY": {
            "domain": False, "ticks": False, "labelPadding": 6, "minExtent": LEFT, "maxExtent": LEFT, "titlePadding": 3,
        },
        "axisX": {"labelPadding": 4, "grid": False},
        "legend": {
            "labelColor": variable("ink"), "labelFontSize": 11, "labelFont": font, "offset": 2, "padding": 0,
            "rowPadding": 3, "columnPadding": 12, "labelLimit": 260,
        },
        "title": {"color": variable("ink"), "font": font},
        "text": {"font": font, "fontSize": 11},
    }  # fmt: skip
