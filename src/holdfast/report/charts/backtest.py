"""A backtest on one clock: the error ratio, the error budget, and when each policy's alerts would have fired."""

from collections.abc import Sequence

import altair as alt
import numpy as np

from holdfast.report.charts.drawing import WIDTH, Part, Spec, spec_of
from holdfast.report.figures import duration, moment, percent, share
from holdfast.report.palette import variable
from holdfast.report.rows import MOST_POINTS, Row
from holdfast.slo.budget import error_budget
from holdfast.slo.trial import Trial

_LANE = 30  # height of one alert's name and bars
_TONES = ("bad", "series-1", "series-3", "series-4")


def backtest_chart(trial: Trial) -> Spec | None:
    """Incidents are shaded through all panels. None where nothing was counted."""
    result = trial.result
    if not result.allowed:
        return None
    series = _series(trial)
    lanes = [f"{plan.plan.name}: {alert.name}" for plan in result.results for alert in plan.plan.alerts]
    names = list(dict.fromkeys(alert.name for plan in result.results for alert in plan.plan.alerts))
    panels = [
        _panel("Error ratio", 130, *_ratio(trial, series)),
        _panel("Error budget left, of one period's", 110, *_budget(series)),
        _panel("Alerts", _LANE * len(lanes), *_bars(lanes, names)),
    ]
    chart = alt.vconcat(*panels, spacing=14).resolve_scale(color="independent")
    data: dict[str, list[Row]] = {
        "series": series,
        "incidents": _incident_rows(trial),
        "firings": _firing_rows(trial, lanes),
        "lanes": [{"lane": lane, "at": place + 0.3} for place, lane in enumerate(lanes)],
        "limits": [{"at": float(error_budget(trial.target))}],
        "zero": [{"at": 0.0}],
        "edges": [{"t": 1000 * result.start}, {"t": 1000 * result.end}],
    }
    said = f"{trial.name}: error ratio, budget left and alerts from {moment(result.start)} to {moment(result.end)}"
    spec = spec_of(chart.properties(title=_title(trial)), data, said)
    for panel in spec["vconcat"][:-1]:  # times are written once, under the last panel
        for layer in panel["layer"]:
            if "x" in layer.get("encoding", {}):
                layer["encoding"]["x"]["axis"] = {"labels": False, "ticks": False, "title": None, "grid": False}
    return spec


def _title(trial: Trial) -> alt.TitleParams:
    found = len(trial.result.incidents)
    return alt.TitleParams(
        f"{trial.name}: {percent(float(trial.target))} over {trial.window}",
        subtitle=f"shaded: {found} incident{'' if found == 1 else 's'}; evaluated every {duration(trial.result.every)}",
        anchor="start", fontSize=15, fontWeight=600, subtitleColor=variable("muted"), offset=10,
    )  # fmt: skip


def _panel(title: str, height: int, *layers: Part) -> Part:
    titled = alt.TitleParams(title, anchor="start", fontSize=12, fontWeight=600, offset=6)
    shade = (
        alt.Chart(alt.NamedData("incidents"))
        .mark_rect(color=variable("fault"), opacity=0.22, clip=True)
        .encode(x=_x("from"), x2="to:T", tooltip=[alt.Tooltip("said:N", title="incident")])
    )
    edges = alt.Chart(alt.NamedData("edges")).mark_point(opacity=0).encode(x=_x("t"))
    return alt.layer(edges, shade, *layers).properties(width=WIDTH, height=height, title=titled)


def _x(field: str) -> alt.X:
    axis = alt.Axis(title=None, grid=False, tickCount=8, labelOverlap=True)
    return alt.X(f"{field}:T", title=None, axis=axis, scale=alt.Scale(type="utc", nice=False))


def _ratio(trial: Trial, series: Sequence[Row]) -> list[Part]:
    """On a scale that is linear up to what the objective allows, and logarithmic above."""
    budget = float(error_budget(trial.target))
    top = max([budget, *(float(row["worst"] or 0) for row in series)])
    ticks = [
        0.0,
        budget,
        *(m * 10.0**e for e in range(-6, 1) for m in (1, 3) if 2 * budget < m * 10.0**e <= 1.05 * top),
    ]
    scale = alt.Scale(type="symlog", constant=budget, domain=[0, 1.3 * top], nice=False)
    axis = alt.Axis(values=ticks, labelExpr="format(100 * datum.value, '~r') + ' %'", labelOverlap=True)
    base = alt.Chart(alt.NamedData("series"))
    tooltip = [
        alt.Tooltip("said:N", title="time"),
        alt.Tooltip("ratio:Q", title="error ratio", format=".3~%"),
        alt.Tooltip("worst:Q", title="worst step", format=".3~%"),
    ]
    y = alt.Y("worst:Q", title="error ratio", scale=scale, axis=axis)
    worst = base.mark_bar(color=variable("p50"), opacity=0.5, clip=True).encode(
        x=_x("t"), x2="until:T", y=y, y2=alt.datum(0), tooltip=tooltip
    )
    line = base.mark_line(color=variable("p99"), interpolate="step-after", strokeWidth=1.4, clip=True).encode(
        x=_x("t"), y=alt.Y("ratio:Q", title="error ratio", scale=scale, axis=axis)
    )
    limit = (
        alt.Chart(alt.NamedData("limits"))
        .mark_rule(color=variable("bad"), strokeDash=[4, 3])
        .encode(y=alt.Y("at:Q", title="error ratio", scale=scale, axis=axis))
    )
    return [worst, line, limit]


def _budget(series: Sequence[Row]) -> list[Part]:
    lowest = max(min([0.0, *(float(row["left"] or 0) for row in series)]), -2.0)
    scale = alt.Scale(domain=[lowest, 1.05], nice=False, clamp=True)
    axis = alt.Axis(format="%", tickCount=5)
    line = (
        alt.Chart(alt.NamedData("series"))
        .mark_line(color=variable("series-3"), interpolate="step-after", strokeWidth=2, clip=True)
        .encode(x=_x("t"), y=alt.Y("left:Q", title="budget left", scale=scale, axis=axis))
    )
    zero = (
        alt.Chart(alt.NamedData("zero"))
        .mark_rule(color=variable("bad"), strokeWidth=1)
        .encode(y=alt.Y("at:Q", title="budget left", scale=scale, axis=axis))
    )
    return [zero, line]


def _bars(lanes: Sequence[str], names: Sequence[str]) -> list[Part]:
    """A lane's name stands above its bars: axes have room for figures, not for names."""
    colours = [variable(_TONES[place % len(_TONES)]) for place in range(len(names))]
    scale = alt.Scale(domain=[len(lanes), 0], nice=False)
    axis = alt.Axis(labels=False, ticks=False, domain=False, grid=False)
    labels = (
        alt.Chart(alt.NamedData("lanes"))
        .mark_text(align="left", baseline="middle", color=variable("muted"), x=0)
        .encode(y=alt.Y("at:Q", title=None, scale=scale, axis=axis), text="lane:N")
    )
    bars = (
        alt.Chart(alt.NamedData("firings"))
        .mark_rect(cornerRadius=2, clip=True)
        .encode(
            x=_x("from"),
            x2="to:T",
            y=alt.Y("top:Q", title=None, scale=scale, axis=axis),
            y2="bottom:Q",
            color=alt.Color(
                "alert:N",
                scale=alt.Scale(domain=list(names), range=colours),
                legend=alt.Legend(title=None, orient="top", symbolType="square"),
            ),
            tooltip=[
                alt.Tooltip("lane:N", title="alert"),
                alt.Tooltip("said:N", title="fires, resets"),
                alt.Tooltip("windows:N"),
                alt.Tooltip("gone:N", title="budget gone"),
            ],
        )
    )
    return [labels, bars]


def _series(trial: Trial) -> list[Row]:
    """At most MOST_POINTS stretches of the judged time, each with its error ratio and that of its worst step."""
    result = trial.result
    history = result.history.between(result.start, result.end)
    each = max(-(-len(history) // MOST_POINTS), 1)
    spent = np.cumsum(history.bad) / result.allowed
    ratios = np.divide(history.bad, history.total, out=np.zeros(len(history)), where=history.total > 0)
    rows: list[Row] = []
    for begin in range(0, len(history), each):
        end = min(begin + each, len(history))
        total = float(history.total[begin:end].sum())
        start, until = history.start + begin * history.step, history.start + end * history.step
        rows.append(
            {
                "t": 1000 * start,
                "until": 1000 * until,
                "ratio": float(history.bad[begin:end].sum()) / total if total else None,
                "worst": float(ratios[begin:end].max()) if total else None,
                "left": 1 - float(spent[end - 1]),
                "said": f"{moment(start)}, for {duration(until - start)}",
            }
        )
    return rows


def _pixels(trial: Trial, number: int) -> float:
    """So many seconds that it is seen, however long the history."""
    return (trial.result.end - trial.result.start) / WIDTH * number


def _incident_rows(trial: Trial) -> list[Row]:
    return [
        {
            "from": 1000 * max(one.start, trial.result.start),
            "to": 1000 * max(one.end, one.start + _pixels(trial, 3)),
            "said": f"{place + 1} {one.name}".strip() + f": {moment(one.start)}, {share(one.spent)} of the budget",
        }
        for place, one in enumerate(trial.result.incidents)
    ]


def _firing_rows(trial: Trial, lanes: Sequence[str]) -> list[Row]:
    result = trial.result
    rows: list[Row] = []
    for plan in result.results:
        for one in plan.fired:
            firing = one.firing
            end = result.end if firing.reset_at is None else firing.reset_at
            lane = f"{plan.plan.name}: {firing.alert}"
            rows.append(
                {
                    "lane": lane,
                    "top": lanes.index(lane) + 0.55,
                    "bottom": lanes.index(lane) + 0.95,
                    "alert": firing.alert,
                    "from": 1000 * max(firing.fired_at, result.start),
                    "to": 1000 * max(end, firing.fired_at + _pixels(trial, 2)),
                    "windows": firing.row,
                    "gone": share(one.spent),
                    "said": f"{moment(firing.fired_at)}, {moment(firing.reset_at)}",
                }
            )
    return rows
