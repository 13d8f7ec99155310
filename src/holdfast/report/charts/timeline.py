"""The run on its one clock: phases, faults, visits by outcome, latency, journeys, gauges; and the budget it burnt."""

import json
import math
from collections.abc import Sequence
from typing import Any, Final

import altair as alt

from holdfast.report.charts.drawing import (
    BAND,
    LANE,
    WIDTH,
    Part,
    Spec,
    from_zero,
    ground,
    ground_rows,
    lanes_of,
    outcome_colours,
    second_x,
    seconds_axis,
    spec_of,
)
from holdfast.report.charts.latency import latency_lines, limit_row, limit_said
from holdfast.report.figures import words
from holdfast.report.palette import variable
from holdfast.report.rows import (
    budget_rows,
    gauge_rows,
    journey_rows,
    latency_rows,
    length,
    outcome_field,
    outcomes_shown,
    second_rows,
)
from holdfast.run.summary import Summary, Timeline

_SHAPES: Final = (
    "circle",
    "cross",
    "square",
    "triangle-up",
    "diamond",
    "triangle-down",
    "triangle-right",
    "triangle-left",
)
_DASHES: Final = ([1, 0], [6, 3], [2, 2], [8, 3, 2, 3], [4, 4], [1, 3])
_GAUGES: Final = {"replicas_ready": ("Replicas ready", "replicas"), "in_flight": ("Visits in flight", "visits")}
"""Of the gauges, what is shown: title and unit."""
_POINTER: Final = "pointer"
_MOST_LIMITED: Final = 3  # objectives with a limit whose response times have a panel
_ZOOM: Final = "zoom"
_LETTER: Final = 7.2  # pixels of a name's letter, bold, at 11 px


def timeline_chart(summary: Summary) -> Spec | None:
    """Phases and faults, visits by outcome, latency, journeys and gauges on one x. None when nothing was measured."""
    timeline = summary.timeline
    visits, journeys = any(timeline.rate), bool(timeline.journeys)
    if not visits and not journeys:
        return None
    outcomes = outcomes_shown(timeline)
    panels = []
    if visits:
        top = max((*timeline.rate, *_ended_per_second(timeline)))
        panels.append(
            _panel(
                "Visits per second, as they ended; line: due",
                120,
                _visits(outcomes, top),
                _due(top),
                _pointer("visits", outcomes),
            )
        )
        lanes = (timeline.p50, timeline.p95, timeline.p99)
        panels.append(
            _panel(
                "Response time of visits",
                150,
                *latency_lines("seconds", lanes),
                _pointer("latency", outcomes),
            )
        )
    limited = timeline.latencies[:_MOST_LIMITED]
    for place, one in enumerate(limited):
        title = f"Response time: {one.title}"
        data_name = f"latency-{place}"
        lines = latency_lines(data_name, (one.p50, one.p95, one.p99), one)
        panels.append(_panel(title, 120, *lines, limit=f"red line: {limit_said(one)}"))
    if journeys:
        top = max(journey.duration for journey in timeline.journeys)
        panels.append(_panel("Journeys: how long each walk took", 96, *_walks(outcomes, top, legend=not visits)))
    gauges = {name: points for name in _GAUGES if (points := timeline.gauges.get(name))}
    for name, points in gauges.items():
        title, unit = _GAUGES[name]
        panels.append(_panel(title, 54, _gauge(name, unit, max(value for _, value in points))))
    chart = alt.vconcat(_strip(timeline), *panels, spacing=12)
    chart = chart.resolve_scale(color="independent", shape="independent", strokeDash="independent")
    data = ground_rows(timeline) | {"seconds": second_rows(timeline), "journeys": journey_rows(timeline)}
    for place, one in enumerate(limited):
        data[f"latency-{place}"] = latency_rows(one, timeline)
        data[f"latency-{place}-limit"] = [limit_row(one)]
    data |= {f"gauge-{name}": gauge_rows(points) for name, points in gauges.items()}
    spec = spec_of(chart, data, "The run on one clock: phases, faults, visits by outcome, response time, journeys.")
    for panel in spec["vconcat"][1:]:
        _share_x(panel, labels=panel is spec["vconcat"][-1])
    # One pointer for several panels: Altair gives a parameter to one view only.
    hover = {"type": "point", "fields": ["s"], "on": "pointerover", "clear": "pointerout"}
    views = [
        layer["name"]
        for panel in spec["vconcat"]
        for layer in panel["layer"]
        if layer.get("name", "").startswith(_POINTER)
    ]
    if views:  # a run of journeys alone has no figures by the second to point at
        spec["params"] = [*spec.get("params", []), {"name": _POINTER, "select": hover, "views": views}]
    return spec


def budget_chart(summary: Summary) -> Spec | None:
    """How much of the run's own error budget was left, second by second. None without objectives that were counted."""
    timeline = summary.timeline
    if not timeline.budget_left or not timeline.seconds:
        return None
    names = list(timeline.budget_left)
    rows = budget_rows(timeline)
    lowest = max(min(min(left) for left in timeline.budget_left.values()), -1.0)
    lines = (
        alt.Chart(alt.NamedData("budget"))
        .mark_line(interpolate="step-after", strokeWidth=2, clip=True)
        .encode(
            x=second_x("s"),
            y=alt.Y(
                "left:Q",
                title="error budget left",
                scale=alt.Scale(domain=[min(math.floor(10 * lowest) / 10, 0), 1.06], nice=False),
                axis=alt.Axis(format="%", tickCount=6),
            ),
            color=alt.Color(
                "objective:N",
                scale=alt.Scale(domain=names, range=[variable(f"series-{i % 6 + 1}") for i in range(len(names))]),
                legend=alt.Legend(title=None, orient="top", symbolType="stroke"),
            ),
            strokeDash=alt.StrokeDash(
                "objective:N",
                scale=alt.Scale(domain=names, range=[_DASHES[i % 6] for i in range(len(names))]),
                legend=alt.Legend(title=None, orient="top"),
            ),
            tooltip=[
                alt.Tooltip("objective:N"),
                alt.Tooltip("s:Q", title="second"),
                alt.Tooltip("left:Q", title="budget left", format=".1%"),
            ],
        )
    )
    spent = (
        alt.Chart(alt.NamedData("zero"))
        .mark_rule(color=variable("bad"), strokeWidth=1)
        .encode(y=alt.Y("at:Q", title="error budget left"))
    )
    chart = alt.layer(*ground(), spent, lines).properties(width=WIDTH, height=200)
    data = ground_rows(timeline) | {"budget": rows, "zero": [{"at": 0}]}
    return spec_of(
        chart,
        data,
        "Error budget left over the run, by objective; at 0 % all that may fail has failed.",
        narrow_columns=1,
    )


def _panel(title: str, height: int, *layers: Part, limit: str | None = None) -> Part:
    """One strip of the timeline, with the phases and faults behind it. `limit`: what its red line means."""
    titled = alt.TitleParams(title, anchor="start", fontSize=12, fontWeight=600, offset=6)
    if limit is not None:
        titled.subtitle, titled.subtitleColor, titled.subtitleFontSize = limit, variable("bad"), 11
    return alt.layer(*ground(), *layers).properties(width=WIDTH, height=height, title=titled)


def _strip(timeline: Timeline) -> Part:
    """Names of phases and faults. Where a short phase has no room for its name, names stand on two lines in turn; what
    still has none is cut. Each fault has a lane of its own, its name above it.

    The page sets `pixels` to the width it has, and `crowded` where that is little.
    """
    whole = length(timeline)
    narrow = (
        min((1.0, *((p.end - p.start) / whole * WIDTH / (_LETTER * len(p.name) + 10) for p in timeline.phases))) < 1
    )
    height = BAND + LANE * lanes_of(timeline)
    stroke = alt.BrushConfig(fill=variable("ink"), fillOpacity=0.15, stroke=variable("ink"))
    zoom = alt.selection_interval(name=_ZOOM, encodings=["x"], mark=stroke)
    crowded = alt.param(name="crowded", value=narrow)
    pixels = alt.param(name="pixels", value=WIDTH)
    phases = alt.Chart(alt.NamedData("phases"))
    faults = alt.Chart(alt.NamedData("faults"))
    axis = alt.Axis(labels=False, ticks=False, domain=False, grid=False)
    x = alt.X("start:Q", title=None, axis=axis, scale=alt.Scale(nice=False))
    judged = alt.Scale(domain=[True, False], range=[variable("line"), variable("sunken")])
    bands = phases.mark_rect(y=0, y2=34, stroke=variable("surface"), strokeWidth=2).encode(
        x=x,
        x2="end:Q",
        tooltip=_stretch_tooltip("phase"),
        color=alt.Color("judged:N", scale=judged, legend=None),
    )
    room = f"(crowded ? datum.room_of_two : datum.room) / {whole} * pixels - 10"
    names = [
        phases.mark_text(align="left", dx=5, y=y, color=variable("ink"), fontWeight=600)
        .transform_filter(f"datum.row == {row}")
        .transform_calculate(shown=f"{room} < 3 * {_LETTER} ? '' : truncate(datum.name, floor({room} / {_LETTER}))")
        .encode(x=x, text="shown:N")
        for row, y in ((0, alt.expr("crowded ? 10 : 17")), (1, alt.expr("crowded ? 25 : 17")))
    ]
    y_scale = alt.Scale(domain=[height, 0], nice=False, zero=False)
    bars = faults.mark_rect(color=variable("fault"), cornerRadius=2).encode(
        x=x,
        x2="end:Q",
        y=alt.Y("top:Q", title=None, axis=None, scale=y_scale),
        y2="bottom:Q",
        tooltip=_stretch_tooltip("fault"),
    )
    sides: list[Any] = [("left", "start:Q"), ("right", "end:Q")]
    labels = [
        faults.mark_text(align=align, baseline="bottom", color=variable("bad"), fontWeight=600)
        .transform_filter(f"datum.side == '{align}'")
        .transform_calculate(shown=f"truncate(datum.name, floor(datum.room / {whole} * pixels / {_LETTER}))")
        .encode(x=alt.X(at, title=None), y=alt.Y("label:Q", title=None, axis=None, scale=y_scale), text="shown:N")
        for align, at in sides
    ]
    strip = alt.layer(bands.add_params(zoom), *names, bars, *labels).add_params(crowded, pixels)
    return strip.properties(width=WIDTH, height=height)


def _visits(outcomes: Sequence[str], top: float) -> Part:
    """Bad outcomes lie at the bottom, where their height can be read."""
    fields: list[Any] = [outcome_field(i) for i in range(len(outcomes))]
    return (
        alt.Chart(alt.NamedData("seconds"))
        .transform_fold(fields, as_=["key", "visits"])
        .transform_calculate(
            outcome=f"{json.dumps([words(o) for o in outcomes])}[toNumber(substring(datum.key, 1))]",
            rank="-toNumber(substring(datum.key, 1))",
        )
        .mark_area(interpolate="step-after", opacity=1, clip=True)
        .encode(
            x=second_x("s"),
            y=alt.Y(
                "visits:Q", title="visits per second", stack=True, scale=from_zero(top), axis=alt.Axis(tickCount=4)
            ),
            order=alt.Order("rank:Q"),
            color=outcome_colours(outcomes, legend=True),
        )
    )


def _ended_per_second(timeline: Timeline) -> list[int]:
    return [sum(second) for second in zip(*timeline.ended.values(), strict=True)]


def _due(top: float) -> Part:
    return (
        alt.Chart(alt.NamedData("seconds"))
        .mark_line(interpolate="step-after", color=variable("ink"), strokeWidth=1, opacity=0.75, clip=True)
        .encode(x=second_x("s"), y=alt.Y("rate:Q", title="visits per second", scale=from_zero(top)))
    )


def _pointer(panel: str, outcomes: Sequence[str]) -> Part:
    """One invisible column a second, over the whole height: what was measured then, wherever the pointer is."""
    shown = [alt.Tooltip("span:N", title="second"), alt.Tooltip("rate:Q", title="visits due per second", format=".3~g")]
    shown += [alt.Tooltip(f"{outcome_field(i)}:Q", title=words(outcome)) for i, outcome in enumerate(outcomes)]
    shown += [alt.Tooltip(f"{name}_said:N", title=name) for name in ("p50", "p95", "p99")]
    return (
        alt.Chart(alt.NamedData("seconds"))
        .mark_rect(color=variable("ink"), clip=True)
        .encode(
            x=second_x("s"), x2="until:Q", tooltip=shown,
            opacity=alt.condition({"param": _POINTER, "empty": False}, alt.value(0.14), alt.value(0)),
        )
        .properties(name=f"{_POINTER}-{panel}")
    )  # fmt: skip


def _walks(outcomes: Sequence[str], top: float, *, legend: bool) -> list[Part]:
    """A walk is a line from its begin to its end, and its mark stands where it ended: where a failure happened."""
    said = [words(o) for o in outcomes]
    shapes = [_SHAPES[i % len(_SHAPES)] for i in range(len(outcomes))]
    walks = alt.Chart(alt.NamedData("journeys"))
    y = alt.Y("duration:Q", title="duration", scale=from_zero(top), axis=seconds_axis(tickCount=3))
    spans = walks.mark_rule(strokeWidth=1.6, opacity=0.75, clip=True).encode(
        x=second_x("at"), x2="drawn_end:Q", y=y, color=outcome_colours(outcomes, legend=legend)
    )
    ends = walks.mark_point(
        filled=True, size=58, opacity=1, clip=True, stroke=variable("surface"), strokeWidth=0.8
    ).encode(
        x=second_x("drawn_end"),
        y=y,
        color=outcome_colours(outcomes, legend=legend),
        shape=alt.Shape("outcome:N", scale=alt.Scale(domain=said, range=shapes), legend=None),
        tooltip=[
            alt.Tooltip("name:N", title="journey"),
            alt.Tooltip("outcome:N"),
            alt.Tooltip("took:N"),
            alt.Tooltip("at:Q", title="began at second", format=".1f"),
            alt.Tooltip("end:Q", title="ended at second", format=".1f"),
        ],
    )
    return [spans, ends]


def _gauge(name: str, unit: str, top: float) -> Part:
    return (
        alt.Chart(alt.NamedData(f"gauge-{name}"))
        .mark_line(interpolate="step-after", color=variable("p95"), strokeWidth=2, clip=True)
        .encode(
            x=second_x("s"),
            y=alt.Y("value:Q", title=unit, scale=from_zero(top), axis=alt.Axis(tickCount=2, tickMinStep=1, format="d")),
            tooltip=[alt.Tooltip("s:Q", title="second", format=".1f"), alt.Tooltip("value:Q", title=words(name))],
        )
    )  # fmt: skip


def _stretch_tooltip(title: str) -> list[alt.Tooltip]:
    return [
        alt.Tooltip("name:N", title=title),
        alt.Tooltip("said:N", title="from, to"),
        alt.Tooltip("note:N", title=" "),
    ]


def _share_x(panel: Spec, *, labels: bool) -> None:
    """Every layer follows the zoom; seconds are written once, under the last panel."""
    for layer in panel["layer"]:
        x = layer.get("encoding", {}).get("x")
        if x is not None:
            x["scale"] = {"domain": {"param": _ZOOM}, "nice": False}
            x["axis"] |= {} if labels else {"labels": False, "ticks": False}
