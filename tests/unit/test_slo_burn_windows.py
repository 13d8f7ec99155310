"""Burn windows as documents, ours and Sloth's."""

from decimal import Decimal
from fractions import Fraction

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.test_slo_rules import objective

from holdfast.errors import Problem
from holdfast.slo.burn import DAY, HOUR, MINUTE, WORKBOOK
from holdfast.slo.burn_windows import SHARED, burn_windows_schema, choose, load_burn_windows
from holdfast.workspace.document import load_documents

OURS = {
    "kind": "BurnWindows",
    "name": "mine",
    "source": "a meeting",
    "period": "28d",
    "rows": [
        {"severity": "page", "long": "1h", "short": "5m", "budget": 0.02},
        {"severity": "ticket", "long": "3d", "short": "6h", "factor": 1},
    ],
}
SLOTH = {
    "apiVersion": "sloth.slok.dev/v1",
    "kind": "AlertWindows",
    "spec": {
        "sloPeriod": "7d",
        "page": {
            "quick": {"errorBudgetPercent": 8, "shortWindow": "5m", "longWindow": "1h"},
            "slow": {"errorBudgetPercent": 12.5, "shortWindow": "30m", "longWindow": "6h"},
        },
        "ticket": {
            "quick": {"errorBudgetPercent": 20, "shortWindow": "2h", "longWindow": "1d"},
            "slow": {"errorBudgetPercent": 42, "shortWindow": "6h", "longWindow": "3d"},
        },
    },
}


def loaded(tmp_path, *objects):
    file = tmp_path / "windows.yaml"
    file.write_text(yaml.safe_dump_all(objects, sort_keys=False), encoding="utf-8")
    documents, problems = load_documents(file)
    assert not problems
    return load_burn_windows(documents)


def with_row(**changes):
    return {**OURS, "rows": [{**OURS["rows"][0], **changes}]}


def test_a_document_becomes_rows(tmp_path):
    found, problems = loaded(tmp_path, OURS)
    assert not problems
    assert (found[0].name, found[0].source, found[0].period) == ("mine", "a meeting", 28 * DAY)
    assert [(row.severity, row.long, row.short) for row in found[0].rows] == [
        ("page", HOUR, 5 * MINUTE),
        ("ticket", 3 * DAY, 6 * HOUR),
    ]


def test_a_factor_is_kept_exactly(tmp_path):
    found, _ = loaded(tmp_path, OURS)
    assert found[0].rows[1].factor(28 * DAY) == 1


@given(st.integers(1, 40), st.sampled_from(["7d", "28d", "30d"]), st.integers(1, 72))
def test_any_factor_is_kept_exactly(tmp_path_factory, factor, period, hours):
    data = {
        **OURS,
        "period": period,
        "rows": [{"severity": "page", "long": f"{hours}h", "short": "1m", "factor": factor}],
    }
    found, _ = loaded(tmp_path_factory.mktemp("w"), data)
    assert found[0].rows[0].factor(int(period[:-1]) * DAY) == factor


def test_sloths_file_is_read_as_it_is_and_equals_the_shared_week(tmp_path):
    found, problems = loaded(tmp_path, SLOTH)
    assert not problems
    assert found[0].rows == SHARED["week"].rows
    assert found[0].name == "windows"
    factors = [row.factor(7 * DAY) for row in found[0].rows]
    assert factors == [Fraction("13.44"), Fraction("3.5"), Fraction("1.4"), Fraction("0.98")]


@pytest.mark.parametrize(
    ("data", "place", "what"),
    [
        (with_row(short="1h"), "rows[0].short", "not shorter"),
        (with_row(long="29d"), "rows[0].long", "longer than the period"),
        (with_row(long="1.5h"), "rows[0].long", "not a range of PromQL"),
        (with_row(long="0s"), "rows[0].long", "not between a second and a year"),
        (with_row(budget=2), "rows[0].budget", "too large"),
        (with_row(budget=0), "rows[0].budget", "too small"),
        (with_row(budget="2%"), "rows[0].budget", "not a number"),
        (with_row(budget=float("nan")), "rows[0].budget", "not a number"),
        (with_row(factor=14.4), "rows[0].budget", "either a budget or a factor"),
        (with_row(budget=None), "rows[0].budget", "either a budget or a factor"),
        (with_row(severity="urgent"), "rows[0].severity", "not known here"),
        ({**with_row(budget=None, factor=1), "period": None}, "rows[0].factor", "without a period"),
        ({**OURS, "rows": []}, "rows", "too few"),
        ({**OURS, "name": "a b"}, "name", "form"),
        ({**OURS, "speed": 1}, "speed", "unknown key"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(tmp_path, data, place, what):
    found, problems = loaded(tmp_path, data)
    assert not found
    assert any(p.where.endswith(f"  {place}") and what in p.what for p in problems), problems


def test_a_name_is_taken_once_and_shared_ones_are_taken(tmp_path):
    _, problems = loaded(tmp_path, OURS, OURS)
    assert 'a second set of burn windows "mine"' in problems[0].what
    _, problems = loaded(tmp_path, {**OURS, "name": "workbook"})
    assert "shipped with holdfast" in problems[0].what


def test_an_objective_chooses_by_its_annotation(tmp_path):
    found, _ = loaded(tmp_path, OURS)
    mine = objective(annotations={"holdfast.dev/burn-windows": "mine"})
    assert choose(mine, found) == found[0]
    assert choose(objective(), found) == WORKBOOK
    assert choose(objective(), found, default=found[0]) == found[0]
    wrong = choose(objective(annotations={"holdfast.dev/burn-windows": "mien"}), found)
    assert isinstance(wrong, Problem)
    assert "mine" in wrong.fix


def test_every_shared_set_says_where_it_comes_from():
    for name, windows in SHARED.items():
        assert windows.name == name
        assert len(windows.source) > 20
        assert all(0 < Decimal(row.budget) <= 1 and row.short < row.long for row in windows.rows)


def test_there_is_a_schema():
    assert burn_windows_schema()["properties"]["kind"]["const"] == "BurnWindows"
