"""A summary's pictures as Vega-Lite specifications, their PNG files, and the runtime that draws them with no network.

The only place that knows altair and vl_convert; importing it costs a second, so reports do it when they draw.
"""

from holdfast.report.charts.backtest import backtest_chart
from holdfast.report.charts.burn_down import burn_down_chart
from holdfast.report.charts.capacity import capacity_chart, sizing_chart
from holdfast.report.charts.drawing import Spec, runtime, to_png, to_svg
from holdfast.report.charts.funnel import funnel_chart
from holdfast.report.charts.shape import shape_chart
from holdfast.report.charts.timeline import budget_chart, timeline_chart

__all__ = [
    "Spec",
    "backtest_chart",
    "budget_chart",
    "burn_down_chart",
    "capacity_chart",
    "funnel_chart",
    "runtime",
    "shape_chart",
    "sizing_chart",
    "timeline_chart",
    "to_png",
    "to_svg",
]
