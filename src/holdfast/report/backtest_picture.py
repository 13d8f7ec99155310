"""A backtest as a file: an HTML page that opens with no network, or one picture of all objectives."""

import json
from collections.abc import Sequence

from markupsafe import Markup

from holdfast.errors import InputError, Problem
from holdfast.report.html import environment, json_for_script, policy
from holdfast.report.palette import COLOURS
from holdfast.slo.trial import Trial

_MOST_PICTURES = 12


def written(trials: Sequence[Trial], kind: str) -> bytes:
    """`kind`: html, png or svg. Raises InputError when nothing can be drawn, or too much for one picture."""
    from holdfast.report.charts import Spec, backtest_chart, to_png, to_svg

    drawn = [(trial, spec) for trial in trials if (spec := backtest_chart(trial)) is not None]
    if not drawn:
        raise InputError(Problem("--plot", "there is nothing to draw: nothing was counted", "leave it out"))
    specs: list[Spec] = [spec for _, spec in drawn]
    if kind == "html":
        return _page(drawn).encode()
    if len(specs) > _MOST_PICTURES:
        what = f"{len(specs)} objectives do not fit into one picture"
        raise InputError(Problem("--plot", what, f"choose up to {_MOST_PICTURES} by --only, or write .html"))
    whole = specs[0] if len(specs) == 1 else _stacked(specs)
    return to_png(whole) if kind == "png" else to_svg(whole).encode()


def _stacked(specs: "Sequence[dict[str, object]]") -> "dict[str, object]":
    """One under the other. Each names its data by its place: their sets have the same names."""
    data: dict[str, object] = {}
    parts = []
    for place, spec in enumerate(specs):
        text = json.dumps(
            {key: value for key, value in spec.items() if key in {"vconcat", "title", "spacing", "resolve"}}
        )
        sets = spec["datasets"]
        if isinstance(sets, dict):
            for name, rows in sets.items():
                data[f"{name}-{place}"] = rows
                text = text.replace(f'"data": {{"name": "{name}"}}', f'"data": {{"name": "{name}-{place}"}}')
        parts.append(json.loads(text))
    shared = {key: value for key, value in specs[0].items() if key in {"$schema", "config", "background"}}
    return {**shared, "vconcat": parts, "spacing": 36, "datasets": data}


def _page(drawn: "Sequence[tuple[Trial, dict[str, object]]]") -> str:
    from holdfast.report.charts import runtime

    page = environment()
    style = page.get_template("style.css").render(colours=COLOURS)
    script = page.get_template("page.js").render()
    vega = runtime().replace("</script", r"<\/script")
    specs = {f"backtest-{place}": spec for place, (_, spec) in enumerate(drawn)}
    return page.get_template("backtest.html").render(
        trials=[trial for trial, _ in drawn],
        policy=policy([vega, script], style),
        style=Markup(style),  # noqa: S704 - our own
        script=Markup(script),  # noqa: S704 - our own
        runtime=Markup(vega),  # noqa: S704 - our own
        charts=Markup(json_for_script(specs)),  # noqa: S704 - `<` is escaped
    )
