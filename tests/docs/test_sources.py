"""The pages on sources and metrics: every example is one that works, and the table of metrics is the code's."""

import os
import re
from pathlib import Path

import pytest

from holdfast.monitor.metrics import LADDER, METRICS, MOST_NAMES
from holdfast.record.sample import OUTCOMES
from holdfast.slo.objective import Objective
from holdfast.slo.openslo import load_definitions
from holdfast.slo.sources.prometheus.connection import CA_FILE, PASSWORD, TOKEN, USER, connection_of
from holdfast.slo.sources.table import TableSource
from holdfast.slo.window import Span
from holdfast.workspace.document import load_documents

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ROOT / "docs/reference/sources.md"
GUIDE = ROOT / "docs/guides/production-metrics.md"
WRITE = os.environ.get("HOLDFAST_GOLDEN") == "write"


def _blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", page.read_text(encoding="utf-8"), flags=re.DOTALL)


PAGE = """\
# Metrics

What `holdfast exporter` and `holdfast run --metrics` tell Prometheus.
Written from the code's own table by `make golden`.

| name | kind | labels | meaning |
| --- | --- | --- | --- |
{rows}

- `source`: `load` or `synthetics`. `name`: the sample's whole name (`billing_inquiry/list_invoices`); `scenario`: its
  first part. `outcome`: {outcomes}.
- Of every name each outcome is there from the start, most of them as 0; a histogram only of outcomes that were.
- At most {most:,} names are exported; `holdfast_names_left_out` says how many are not.
- Edges of the histogram: every `under` of the objectives, and {edges} seconds.

How to bring them to Prometheus: [bring production metrics](../guides/production-metrics.md).
"""


def _metrics_page() -> str:
    labels = {metric.name: ", ".join(f"`{label}`" for label in metric.labels) or "none" for metric in METRICS}
    return PAGE.format(
        rows="\n".join(f"| `{m.name}` | {m.kind} | {labels[m.name]} | {m.text} |" for m in METRICS),
        outcomes=", ".join(f"`{outcome}`" for outcome in OUTCOMES),
        most=MOST_NAMES,
        edges=", ".join(f"{edge:g}" for edge in LADDER),
    )


def test_golden_the_reference_of_metrics_is_the_table_of_the_code() -> None:
    page = ROOT / "docs/reference/metrics.md"
    if WRITE:
        page.write_text(_metrics_page(), encoding="utf-8")
    assert page.read_text(encoding="utf-8") == _metrics_page(), "out of date: run `make golden`"


@pytest.mark.parametrize("page", [SOURCES, GUIDE], ids=lambda page: page.name)
def test_every_objective_and_source_of_a_page_is_valid(tmp_path: Path, page: Path) -> None:
    blocks = [block for block in _blocks(page, "yaml") if "apiVersion" in block]
    assert len(blocks) == 2
    documents = []
    for number, block in enumerate(blocks):
        path = tmp_path / f"{number}.yaml"
        path.write_text(block, encoding="utf-8")
        found, problems = load_documents(path)
        assert problems == []
        documents += found
    definitions = load_definitions(documents)
    assert definitions.problems == ()
    for objective in definitions.objectives:
        assert isinstance(objective, Objective)
        if objective.name == "web-availability":
            assert connection_of(objective, None, {"PROM_TOKEN": "t"}).url == "https://prometheus.example"
        if objective.name == "mail-delivery":
            (tmp_path / "mail.csv").write_text("time,sent,due\n0,9,10\n", encoding="utf-8")
            assert TableSource(None).observe(objective, Span(0, 60), 60).history.total.tolist() == [10]


def test_the_csv_of_the_reference_can_be_read(tmp_path: Path) -> None:
    (text,) = _blocks(SOURCES, "csv")
    (tmp_path / "h.csv").write_text(text, encoding="utf-8")
    documents, _ = load_documents(ROOT / "slo/self_service.yaml")
    objective = next(o for o in load_definitions(documents).objectives if o.name == "sign-in-availability")
    assert isinstance(objective, Objective)
    source = TableSource(tmp_path / "h.csv")
    extent = source.extent(objective)
    assert extent is not None
    assert source.observe(objective, extent, 60).history.total.tolist() == [1200, 1201]


def test_the_reference_names_every_variable_of_the_environment() -> None:
    text = SOURCES.read_text(encoding="utf-8")
    assert all(f"`{name}`" in text for name in (TOKEN, USER, PASSWORD, CA_FILE))
