"""A load profile before it runs: the planned rate as a line over the arrivals that one seed draws."""

import math

import altair as alt

from holdfast.report.charts.drawing import WIDTH, Spec, from_zero, second_x, spec_of
from holdfast.report.figures import count, duration, rate
from holdfast.report.palette import variable
from holdfast.report.rows import MOST_POINTS, Row
from holdfast.run.shape import LoadShape


def shape_chart(shape: LoadShape) -> Spec | None:
    """One x in seconds; of long profiles the mean of as many seconds as one point stands for. None without stages."""
    if not shape.rate:
        return None
    step = math.ceil(len(shape.rate) / MOST_POINTS)
    rows: list[Row] = []
    for begin in range(0, len(shape.rate), step):
        planned, drawn = shape.rate[begin : begin + step], shape.drawn[begin : begin + step]
        rows.append(
            {
                "s": begin, "until": min(begin + step, shape.duration), "middle": min(begin + step / 2, shape.duration),
                "planned": sum(planned) / len(planned), "drawn": sum(drawn) / len(drawn),
            }
        )  # fmt: skip
    top = max(shape.peak, *(float(row["drawn"] or 0) for row in rows))
    said = (
        f"{count(shape.expected)} arrivals planned in {duration(shape.duration)}, peak {rate(shape.peak)}; "
        f"{count(shape.total_drawn)} drawn by seed {shape.seed} ({shape.arrivals})"
    )
    base = alt.Chart(alt.NamedData("seconds"))
    y_axis = alt.Axis(tickCount=5)
    tooltip = [
        alt.Tooltip("s:Q", title="second"),
        alt.Tooltip("planned:Q", title="planned, 1/s", format=".3~g"),
        alt.Tooltip("drawn:Q", title="drawn", format=".3~g"),
    ]
    colours = alt.Color(
        "kind:N",
        scale=alt.Scale(domain=["drawn", "planned rate"], range=[variable("outcome-ok"), variable("p95")]),
        legend=alt.Legend(title=None, orient="top", symbolType="square"),
    )
    bars = (
        base.transform_calculate(kind="'drawn'")
        .mark_rect(clip=True)
        .encode(
            x=second_x("s"),
            x2="until:Q",
            y=alt.Y("drawn:Q", title="arrivals per second", scale=from_zero(top), axis=y_axis),
            y2=alt.datum(0),
            color=colours,
            tooltip=tooltip,
        )
    )
    line = (
        base.transform_calculate(kind="'planned rate'")
        .mark_line(strokeWidth=2.5, clip=True)
        .encode(
            x=second_x("middle"), y=alt.Y("planned:Q", title="arrivals per second", scale=from_zero(top)), color=colours
        )
    )
    heading = alt.TitleParams(
        f"{shape.name}: arrivals a second",
        subtitle=said,
        anchor="start",
        fontSize=15,
        fontWeight=600,
        subtitleColor=variable("muted"),
        offset=10,
    )
    chart = alt.layer(bars, line).properties(width=WIDTH, height=300, title=heading)
    return spec_of(chart, {"seconds": rows}, f"The load profile {shape.name} before it runs: {said}.")
