"""The page on OpenSLO: its tables are written from the code, and its examples are read."""

import os
import re
from pathlib import Path

import pytest

from holdfast.slo.annotations import ANNOTATIONS
from holdfast.slo.foreign import FORMATS
from holdfast.slo.leniency import LENIENCIES
from holdfast.slo.openslo import KINDS, OWN_KINDS, load_definitions
from holdfast.slo.schema import slo_schema
from holdfast.workspace.document import load_documents

PAGE = Path(__file__).resolve().parents[2] / "docs/reference/openslo.md"
WRITE = os.environ.get("HOLDFAST_GOLDEN") == "write"
SHAPES = (
    ("Every object", "Metadata"),
    ("`Service`", "ServiceSpec"),
    ("`DataSource`", "DataSourceSpec"),
    ("`SLI`, and `indicator`", "IndicatorSpec"),
    ("`ratioMetric`", "RatioMetric"),
    ("`metricSource`", "MetricSource"),
    ("`spec` of a metric source of type `holdfast`", "HoldfastMetric"),
    ("`SLO`", "ObjectiveSpec"),
    ("`timeWindow[0]`", "TimeWindow"),
    ("`calendar`", "Calendar"),
    ("`objectives[]`", "ObjectiveEntry"),
    ("`AlertPolicy`", "PolicySpec"),
    ("`AlertCondition`", "ConditionSpec"),
    ("`condition`", "ConditionRule"),
    ("`AlertNotificationTarget`", "TargetSpec"),
)


def _properties() -> str:
    definitions = slo_schema()["$defs"]
    lines = ["| of | property | is | |", "| --- | --- | --- | --- |"]
    for title, name in SHAPES:
        shape = definitions[name]
        for index, (key, value) in enumerate(shape["properties"].items()):
            needed = " (needed)" if key in shape.get("required", ()) else ""
            of = title if index == 0 else ""
            lines.append(f"| {of} | `{key}`{needed} | {_type(value)} | {value.get('description', '')} |")
    return "\n".join(lines)


def _type(value: dict) -> str:
    if "$ref" in value:
        return "an object"
    if "const" in value:
        return f"`{value['const']}`"
    if "enum" in value:
        return " ".join(f"`{word}`" for word in value["enum"])
    if "anyOf" in value:
        return " or ".join(dict.fromkeys(_type(choice) for choice in value["anyOf"]))
    if value["type"] == "array":
        item = value["items"]
        return "a list of such" if "enum" in item else "a list of texts" if item.get("type") == "string" else "a list"
    kind = {"string": "text", "object": "a mapping", "boolean": "`true` or `false`", "number": "a number"}[
        value["type"]
    ]
    limits = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}
    bounds = [f"{sign} {value[key]:g}" for key, sign in limits.items() if key in value]
    if "maxLength" in value:
        bounds.append(f"at most {value['maxLength']:,} characters")
    if "[mhdwMQY]" in value.get("pattern", ""):
        kind = "a duration"
    elif value.get("pattern", "").startswith("^[a-z0-9]"):
        kind = "a name"
    return f"{kind}, {', '.join(bounds)}" if bounds else kind


BLOCKS = {
    "kinds": lambda: (
        f"OpenSLO v1: {', '.join(f'`{kind}`' for kind in KINDS)}. "
        f"Holdfast's own, without an `apiVersion`: {', '.join(f'`{kind}`' for kind in OWN_KINDS)}."
    ),
    "properties": _properties,
    "annotations": lambda: "\n".join(
        ["| annotation | says |", "| --- | --- |", *(f"| `{key}` | {text} |" for key, text in ANNOTATIONS.items())]
    ),
    "leniencies": lambda: "\n".join(
        ["| name | lets pass | is read |", "| --- | --- | --- |"]
        + [f"| {one.name} | {one.lets_pass} | {one.reads} |" for one in LENIENCIES]
    ),
    "formats": lambda: "\n".join(
        ["| it is | to rewrite it |", "| --- | --- |"]
        + [f"| {name} | {text} |" for name, text in {one.name: one.rewriting for one in FORMATS}.items()]
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BLOCKS)
def test_golden_the_tables_of_the_page_are_what_the_code_does(name: str) -> None:
    text = PAGE.read_text(encoding="utf-8")
    before, start, rest = text.partition(f"<!-- from the code: {name} -->\n")
    assert start, f"the page has no block {name}"
    _, end, after = rest.partition("<!-- end -->")
    made = before + start + BLOCKS[name]() + "\n" + end + after
    if WRITE:
        PAGE.write_text(made, encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == made, f"{name} is out of date: run `make golden`"


def test_every_shape_of_the_schema_has_a_row() -> None:
    shown = {name for _, name in SHAPES}
    entries = {"ConditionEntry", "TargetEntry", "PolicyEntry", "Metric", "InlineIndicator"}  # explained in words
    assert set(slo_schema(own={})["$defs"]) - shown - entries == {*KINDS, *OWN_KINDS}


def test_the_yaml_of_the_page_is_valid(tmp_path: Path) -> None:
    blocks = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL)
    path = tmp_path / "page.yaml"
    path.write_text("---\n".join(blocks), encoding="utf-8")
    documents, problems = load_documents(path)
    definitions = load_definitions(documents)
    assert (problems, definitions.problems, definitions.warnings) == ([], (), ())
    assert len(definitions.objectives) == 2
    assert all(objective.alert_policies for objective in definitions.objectives[:1])
