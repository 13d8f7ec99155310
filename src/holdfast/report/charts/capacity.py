"""Capacity and sizing as pictures: what each held rate cost, and how many replicas each peak needs."""

import altair as alt

from holdfast.report.charts.drawing import WIDTH, Part, Spec, log_seconds, spec_of
from holdfast.report.figures import duration, rate
from holdfast.report.palette import variable
from holdfast.report.rows import Row
from holdfast.run.summary import CapacityResult, SizingResult


def capacity_chart(capacity: CapacityResult) -> Spec | None:
    """Held arrival rates against the p95 they cost, the bracket between met and missed, the stated capacity."""
    probes = [p for p in capacity.probes if p.p95 is not None]
    if not probes:
        return None
    verdicts = [v for v in ("met", "inconclusive", "missed") if any(p.verdict == v for p in probes)]
    colours = {"met": "mark-good", "inconclusive": "mark-unclear", "missed": "mark-bad"}
    shapes = {"met": "circle", "inconclusive": "triangle-up", "missed": "cross"}
    rows: list[Row] = [
        {
            "rate": p.rate, "p95": p.p95, "verdict": p.verdict, "held": rate(p.rate), "said": duration(p.p95),
            "achieved": rate(p.achieved), "reason": p.reason,
        }
        for p in probes
    ]  # fmt: skip
    x = alt.X("rate:Q", title="arrival rate held, visits/s", scale=alt.Scale(zero=True), axis=alt.Axis(tickCount=6))
    y = log_seconds([p.p95 for p in probes if p.p95], "p95", "p95 response time")
    points = (
        alt.Chart(alt.NamedData("probes"))
        .mark_point(filled=True, size=110, opacity=1)
        .encode(
            x=x,
            y=y,
            color=alt.Color(
                "verdict:N",
                scale=alt.Scale(domain=verdicts, range=[variable(colours[v]) for v in verdicts]),
                legend=alt.Legend(title=None, orient="top"),
            ),
            shape=alt.Shape("verdict:N", scale=alt.Scale(domain=verdicts, range=[shapes[v] for v in verdicts])),
            tooltip=[
                alt.Tooltip("held:N", title="held"),
                alt.Tooltip("verdict:N"),
                alt.Tooltip("said:N", title="p95"),
                alt.Tooltip("achieved:N", title="finished"),
                alt.Tooltip("reason:N"),
            ],
        )
    )
    layers: list[Part] = []
    data: dict[str, list[Row]] = {"probes": rows}
    if capacity.low is not None and capacity.high is not None:
        data["bracket"] = [{"low": capacity.low, "high": capacity.high}]
        band = alt.Chart(alt.NamedData("bracket")).mark_rect(color=variable("mark-unclear"), opacity=0.16)
        layers.append(band.encode(x="low:Q", x2="high:Q"))
    if capacity.stated is not None:
        data["stated"] = [{"stated": capacity.stated, "text": f"stated {rate(capacity.stated)}"}]
        stated = alt.Chart(alt.NamedData("stated"))
        layers.append(stated.mark_rule(color=variable("muted"), strokeDash=[4, 3]).encode(x="stated:Q"))
        text = stated.mark_text(align="right", baseline="top", dx=-5, y=2, color=variable("muted"))
        layers.append(text.encode(x="stated:Q", text="text:N"))
    chart = alt.layer(*layers, points).properties(width=WIDTH // 2, height=220)
    return spec_of(chart, data, "p95 response time against the arrival rate held, with the capacity bracket.")


def sizing_chart(sizing: SizingResult) -> Spec:
    """Replicas needed for each peak, and the peak that was asked for."""
    curve: list[Row] = [{"peak": peak, "replicas": replicas} for peak, replicas in sizing.curve]
    asked: Row = {
        "peak": sizing.peak,
        "replicas": sizing.replicas,
        "text": f"{sizing.replicas} for {rate(sizing.peak)}",
    }
    x = alt.X("peak:Q", title="peak arrival rate, visits/s", axis=alt.Axis(tickCount=6))
    y = alt.Y("replicas:Q", title="replicas", scale=alt.Scale(zero=True), axis=alt.Axis(tickMinStep=1, format="d"))
    tooltip = [alt.Tooltip("peak:Q", title="peak, visits/s", format=".3~g"), alt.Tooltip("replicas:Q", format="d")]
    dots = {"size": 30, "filled": True, "color": variable("p95")}
    line = alt.Chart(alt.NamedData("curve")).mark_line(
        interpolate="step-before", color=variable("p95"), strokeWidth=2, point=dots
    )
    point = alt.Chart(alt.NamedData("asked"))
    late = sizing.curve and sizing.peak > 0.6 * max(peak for peak, _ in sizing.curve)
    label = point.mark_text(
        align="right" if late else "left",
        dx=-9 if late else 9,
        dy=-9 if late else 12,
        fontWeight="bold",
        color=variable("ink"),
    )
    chart = alt.layer(
        line.encode(x=x, y=y, tooltip=tooltip),
        point.mark_rule(color=variable("muted"), strokeDash=[4, 3]).encode(x="peak:Q"),
        point.mark_point(filled=True, size=130, color=variable("mark-bad"), opacity=1, shape="diamond").encode(
            x="peak:Q", y="replicas:Q", tooltip=tooltip
        ),
        label.encode(x="peak:Q", y="replicas:Q", text="text:N"),
    ).properties(width=WIDTH // 2, height=220)
    return spec_of(chart, {"curve": curve, "asked": [asked]}, "Replicas needed against the peak arrival rate.")
