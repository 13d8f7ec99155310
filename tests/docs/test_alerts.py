"""The guide and the reference on alerts say what is so."""

import re
from pathlib import Path

import pytest
import yaml

from holdfast.cli.program import invoke
from holdfast.slo.burn import WORKBOOK
from holdfast.slo.burn_windows import SHARED, load_burn_windows
from holdfast.slo.promql import range_text
from holdfast.workspace.document import load_documents

ROOT = Path(__file__).resolve().parents[2]
GUIDE = ROOT / "docs/guides/alerts.md"
REFERENCE = ROOT / "docs/reference/burn-windows.md"


def _blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", page.read_text(encoding="utf-8"), flags=re.DOTALL)


@pytest.fixture
def written(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "checkout.yaml").write_text(_blocks(GUIDE, "yaml")[0], encoding="utf-8")
    command, _, expected = _blocks(GUIDE, "console")[0].partition("\n")
    assert invoke(command.removeprefix("$ holdfast ").split()) == 0
    assert capsys.readouterr().out == expected
    return tmp_path / "monitoring"


def test_the_command_of_the_guide_writes_the_files_that_it_lists(written) -> None:
    listed = re.findall(r"^\| `([a-z]+(?:/[a-z-]+)?\.yaml)` \|", GUIDE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert sorted(str(path.relative_to(written)) for path in written.rglob("*.yaml")) == sorted(listed)


def test_the_page_alert_is_the_one_that_the_guide_shows(written) -> None:
    rules = yaml.safe_load((written / "rules/shop-checkout-availability.yaml").read_text(encoding="utf-8"))
    page = next(rule for rule in rules["groups"][0]["rules"] if rule.get("labels", {}).get("severity") == "page")
    assert page["expr"] == _blocks(GUIDE, "promql")[0].rstrip()
    assert page["labels"]["journey"] == "checkout"


def test_the_example_of_the_reference_is_sound(tmp_path) -> None:
    file = tmp_path / "windows.yaml"
    file.write_text(_blocks(REFERENCE, "yaml")[0], encoding="utf-8")
    documents, problems = load_documents(file)
    found, wrong = load_burn_windows(documents)
    assert not problems
    assert not wrong
    assert [row.factor(28 * 86400) for row in found[0].rows][::2] == [20, 1]


def test_the_reference_lists_the_sets_that_are_there_with_their_pairs() -> None:
    rows = re.findall(
        r"^\| `([a-z-]+)`(?: \(default\))? \| (any|7d) \| (.*?) \|", REFERENCE.read_text("utf-8"), re.MULTILINE
    )
    assert {name for name, _, _ in rows} == set(SHARED)
    for name, period, pairs in rows:
        assert period == ("any" if SHARED[name].period is None else range_text(SHARED[name].period or 0))
        if name != "workbook-table":
            told = re.findall(r"(\w+)/(\w+) ([\d.]+) %", pairs)
            rows_of = SHARED[name].rows
            assert told == [
                (range_text(row.long), range_text(row.short), f"{float(row.budget) * 100:g}") for row in rows_of
            ]
    assert set(SHARED["workbook-table"].rows) < set(WORKBOOK.rows)
