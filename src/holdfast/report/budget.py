"""Error budgets as one HTML page that opens with no network, made as the report of a run is (see `html`)."""

from typing import TYPE_CHECKING, Final

from markupsafe import Markup

from holdfast.report.html import environment, json_for_script, policy
from holdfast.report.palette import COLOURS
from holdfast.report.standing_words import describe, gone_between, gone_in, left_text

if TYPE_CHECKING:
    from holdfast.report.charts import Spec
    from holdfast.slo.status import SloStatus

MOST_DRAWN: Final = 60
"""Pictures on a page, the most endangered ones; the table holds every objective."""


def render_budget(status: "SloStatus") -> str:
    """The whole page. About two seconds: Altair and the charts' runtime are loaded for it."""
    from holdfast.report.charts import burn_down_chart, runtime

    page = environment()
    style = page.get_template("style.css").render(colours=COLOURS)
    script = page.get_template("page.js").render()
    vega = runtime().replace("</script", r"<\/script")
    specs: dict[str, Spec] = {}
    for index, one in enumerate(status.objectives[:MOST_DRAWN]):
        spec = burn_down_chart(one)
        if spec is not None:
            specs[f"burn-down-{index}"] = spec
    counted = [one.verdict for one in status.objectives]
    return page.get_template("slo.html").render(
        status=status,
        missed=counted.count("missed"),
        unclear=counted.count("inconclusive"),
        most_drawn=MOST_DRAWN,
        describe=describe,
        gone_between=gone_between,
        gone_in=gone_in,
        left_text=left_text,
        drawn=specs,
        charts=Markup(json_for_script(specs)),  # noqa: S704 - `<` is escaped
        runtime=Markup(vega),  # noqa: S704 - our own
        script=Markup(script),  # noqa: S704 - our own
        style=Markup(style),  # noqa: S704 - our own
        policy=policy([vega, script], style),
    )
