"""Response times over the run: their quantiles, and the line that an objective draws under them."""

from collections.abc import Sequence
from typing import Any, Final

import altair as alt

from holdfast.report.charts.drawing import Part, log_seconds, second_x
from holdfast.report.figures import duration, percent
from holdfast.report.palette import variable
from holdfast.report.rows import Row
from holdfast.run.summary import TimelineLatency

_DASHED: Final[dict[str, Sequence[float]]] = {"p99": [5, 4], "p95": [1, 0], "p50": [1.5, 2.5]}


def latency_lines(
    data: str, lanes: Sequence[Sequence[float | None]], limited: TimelineLatency | None = None
) -> list[Part]:
    """p99 is dashed and lies on top, p50 is dotted: they are told apart where they are one line, and without colour."""
    values = [v for lane in lanes for v in lane if v]
    if not values:
        return []
    y = log_seconds([*values, *([limited.limit] if limited else [])], "response", "response time")
    drawn: list[Any] = ["p50", "p95", "p99"]  # the last on top
    names = drawn[::-1]
    lines = (
        alt.Chart(alt.NamedData(data))
        .transform_fold(drawn, as_=["quantile", "response"])
        .mark_line(clip=True, strokeWidth=2)
        .encode(
            x=second_x("middle"),
            y=y,
            color=alt.Color(
                "quantile:N",
                scale=alt.Scale(domain=names, range=[variable(n) for n in names]),
                legend=alt.Legend(title=None, orient="top", symbolType="stroke", symbolSize=500),
            ),
            strokeDash=alt.StrokeDash(
                "quantile:N",
                scale=alt.Scale(domain=names, range=[_DASHED[n] for n in names]),
                legend=alt.Legend(title=None, orient="top"),
            ),
        )
    )
    return [lines] if limited is None else [lines, *_limit(f"{data}-limit", y)]


def _limit(data: str, y: alt.Y) -> list[Part]:
    """The line that response times must stay below. What it says stands over the panel: curves would cross it here."""
    rule = alt.Chart(alt.NamedData(data)).mark_rule(color=variable("bad"), strokeWidth=1.5, strokeDash=[8, 3])
    return [rule.encode(y=y)]


def limit_said(one: TimelineLatency) -> str:
    """ "95 % within 400 ms"."""
    return f"{percent(one.target)} within {duration(one.limit)}"


def limit_row(one: TimelineLatency) -> Row:
    return {"response": one.limit}
