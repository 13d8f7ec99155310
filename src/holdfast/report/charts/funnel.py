"""A funnel as a picture of its own, for files; the page draws its funnels as table rows."""

import altair as alt

from holdfast.report.charts.drawing import WIDTH, Spec, spec_of
from holdfast.report.figures import words
from holdfast.report.palette import variable
from holdfast.report.rows import Row
from holdfast.run.load_summary import Funnel


def funnel_chart(funnel: Funnel) -> Spec:
    """How many came to each step, and how many got through. For files; the page draws its funnels as table rows."""
    rows: list[Row] = [
        {
            "step": step.name,
            "reached": step.reached,
            "completed": step.completed,
            "said": f"{step.completed} of {step.reached}",
        }
        for step in funnel.steps
    ]
    y = alt.Y("step:N", sort=None, title=None, axis=alt.Axis(labelLimit=180, ticks=False, domain=False))
    base = alt.Chart(alt.NamedData("steps")).encode(y=y)
    x_axis = alt.Axis(grid=False, tickCount=4, format=",d")
    reached = base.mark_bar(color=variable("mark-bad"), height={"band": 0.62}).encode(
        x=alt.X("reached:Q", title="visits that reached the step", axis=x_axis)
    )
    completed = base.mark_bar(color=variable("outcome-ok"), height={"band": 0.62}).encode(x="completed:Q")
    text = base.mark_text(align="left", dx=6, color=variable("ink")).encode(x="reached:Q", text="said:N")
    chart = alt.layer(reached, completed, text).properties(
        width=WIDTH // 2, height=alt.Step(30), title=words(funnel.name)
    )
    return spec_of(chart, {"steps": rows}, f"Steps of {funnel.name}: reached and completed.")
