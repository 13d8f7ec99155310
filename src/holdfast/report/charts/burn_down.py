"""An error budget over its window: what was left of it, moment by moment."""

from typing import Final

import altair as alt

from holdfast.report.charts.drawing import WIDTH, Part, Spec, spec_of
from holdfast.report.figures import moment
from holdfast.report.palette import variable
from holdfast.report.rows import Row
from holdfast.slo.status import ObjectiveStatus

_DAY: Final = 86_400
_MOMENTS: Final = 1800  # in a picture of less, seconds are told
_LITTLE: Final = 0.1  # of a window: of less than that, only what was measured is drawn
_ROUND: Final = (
    5,
    10,
    30,
    60,
    300,
    900,
    3600,
    3 * 3600,
    6 * 3600,
    _DAY,
    2 * _DAY,
    4 * _DAY,
    7 * _DAY,
    14 * _DAY,
    28 * _DAY,
)
_TICKS: Final = 8
LOWEST: Final = -0.5  # a budget overdrawn many times would press all that came before into a line


def burn_down_chart(one: ObjectiveStatus) -> Spec | None:
    """Time on the x axis (UTC), the share of the budget left on the y axis. None where nothing was counted."""
    if len(one.burn_down) < 2:
        return None
    rows: list[Row] = [{"at": at, "left": round(left, 6), "when": moment(at)} for at, left in one.burn_down]
    lowest = max(min(left for _, left in one.burn_down), LOWEST)
    start, end = _shown(one)
    form = "%d %b" if end - start > 3 * _DAY else "%H:%M" if end - start > _MOMENTS else "%H:%M:%S"
    axis = alt.Axis(
        grid=False,
        values=_ticks(start, end),
        labelOverlap="greedy",
        labelSeparation=9,
        labelExpr=f"utcFormat(1000 * datum.value, '{form}')",
    )
    x = alt.X("at:Q", title=None, scale=alt.Scale(domain=[start, end], nice=False), axis=axis)
    y = alt.Y(
        "left:Q",
        title="budget left",
        scale=alt.Scale(domain=[min(lowest * 1.1, 0), 1.05], nice=False),
        axis=alt.Axis(format="%", tickCount=4),
    )
    budget = alt.Chart(alt.NamedData("budget"))
    tooltip = [
        alt.Tooltip("when:N", title="at"),
        alt.Tooltip("left:Q", title="budget left", format=".2%"),
    ]
    tone = {"missed": "mark-bad", "inconclusive": "mark-unclear"}.get(one.verdict, "mark-good")
    layers: list[Part] = [
        budget.mark_area(color=variable(tone), opacity=0.14, interpolate="step-after", clip=True).encode(
            x=x, y=y, y2=alt.datum(0)
        ),
        alt.Chart(alt.NamedData("zero")).mark_rule(color=variable("bad"), strokeWidth=1).encode(y="left:Q"),
        alt.Chart(alt.NamedData("fair"))
        .mark_line(color=variable("muted"), strokeDash=[4, 4], strokeWidth=1, clip=True)
        .encode(x=x, y=y),
        budget.mark_line(color=variable(tone), strokeWidth=2, interpolate="step-after", clip=True).encode(
            x=x, y=y, tooltip=tooltip
        ),
    ]
    chart = alt.layer(*layers).properties(width=WIDTH, height=130)
    whole = (start, end) == (one.window.start, one.window.end)
    fair: list[Row] = [{"at": start, "left": 1}, {"at": end, "left": 0}] if whole else []
    data: dict[str, list[Row]] = {"budget": rows, "zero": [{"left": 0}], "fair": fair}
    return spec_of(chart, data, f"Error budget of {one.name} left over its window.", narrow_columns=1)


def _shown(one: ObjectiveStatus) -> tuple[float, float]:
    """The window; of one in which next to nothing was measured, such as by a run, only that stretch."""
    first, last = one.burn_down[0][0], one.burn_down[-1][0]
    if last - first < _LITTLE * (one.window.end - one.window.start):
        return first, last
    return one.window.start, one.window.end


def _ticks(start: float, end: float) -> list[float]:
    """At whole hours or days of UTC, so that a label of a day stands where it begins."""
    step = next((each for each in _ROUND if (end - start) / each <= _TICKS), 365 * _DAY)
    first = -(-start // step) * step
    return [first + step * index for index in range(int((end - first) // step) + 1)]
