"""`holdfast slo rules`: what it prints, where it writes, and what it refuses."""

import json
from pathlib import Path

import pytest
import yaml

from holdfast.cli.program import invoke

DATA = Path(__file__).parents[1] / "data" / "rules"
OBJECTIVES = str(DATA / "objectives.yaml")
EXAMPLE = str(DATA / "getting_started.yaml")


def test_rules_go_to_stdout_and_warnings_to_stderr(capsys):
    assert invoke(["slo", "rules", OBJECTIVES, "--only", "deltas"]) == 0
    said = capsys.readouterr()
    assert [group["name"] for group in yaml.safe_load(said.out)["groups"]] == [
        "holdfast-slo-alerts-shop-deltas",
        "holdfast-slo-budget-shop-deltas",
    ]
    assert "can never fire" in said.err


def test_the_operators_resources_come_one_after_another(capsys):
    options = ["--format", "operator", "--namespace", "monitoring", "--resource-label", "release=main"]
    assert invoke(["slo", "rules", OBJECTIVES, "--only", "deltas", "--only", "week", *options]) == 0
    found = list(yaml.safe_load_all(capsys.readouterr().out))
    assert [one["metadata"]["name"] for one in found] == ["holdfast-slo-shop-deltas", "holdfast-slo-shop-week"]
    assert found[0]["metadata"]["labels"] == {"release": "main"}


def test_a_folder_gets_rules_tests_and_routing(tmp_path, capsys):
    assert invoke(["slo", "rules", EXAMPLE, "--out", str(tmp_path)]) == 0
    found = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.yaml"))
    name = "myservice-requests-availability.yaml"
    assert found == ["alertmanager.yaml", f"rules/{name}", f"tests/{name}"]
    assert "1 objective: 3 files" in capsys.readouterr().out


def test_facts_are_printed_as_json(capsys):
    assert invoke(["slo", "rules", EXAMPLE, "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["objectives"][0]["windows"] == "workbook"
    assert {alert["severity"] for alert in facts["objectives"][0]["alerts"]} == {"page", "ticket"}
    assert facts["promtool"] is None


def test_sloths_windows_are_the_default_of_those_that_name_none(tmp_path, capsys):
    windows = tmp_path / "windows.yaml"
    pair = {
        "quick": {"errorBudgetPercent": 1, "shortWindow": "5m", "longWindow": "1h"},
        "slow": {"errorBudgetPercent": 5, "shortWindow": "30m", "longWindow": "6h"},
    }
    data = {"apiVersion": "sloth.slok.dev/v1", "kind": "AlertWindows"}
    windows.write_text(yaml.safe_dump({**data, "spec": {"sloPeriod": "30d", "page": pair, "ticket": pair}}))
    assert invoke(["slo", "rules", EXAMPLE, "--windows", str(windows), "--json"]) == 0
    assert "> 0.0072" in json.loads(capsys.readouterr().out)["objectives"][0]["alerts"][0]["expr"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--label", "a-b=c"], "no name of a label"),
        (["--label", "severity=c"], "holdfast's own"),
        (["--label", "team"], "is not a label"),
        (["--only", "requests"], "there is no objective"),
        (["--windows", EXAMPLE], "holds no burn windows"),
        (["--windows", "/nowhere/x.yaml"], "x.yaml"),
    ],
)
def test_what_is_wrong_is_told_and_nothing_is_printed(arguments, told, capsys):
    assert invoke(["slo", "rules", EXAMPLE, *arguments]) == 2
    said = capsys.readouterr()
    assert told in said.err
    assert not said.out


def test_an_objective_whose_alerts_cannot_fire_stops_everything_before_it_is_written(tmp_path, capsys):
    file = tmp_path / "slo.yaml"
    file.write_text(
        Path(EXAMPLE).read_text(encoding="utf-8").replace("target: 0.999", "target: 0.05"), encoding="utf-8"
    )
    windows = tmp_path / "windows.yaml"
    row = "{severity: page, long: 1h, short: 5m, budget: 0.02}"
    windows.write_text(f"kind: BurnWindows\nname: one\nsource: a test\nrows: [{row}]\n", encoding="utf-8")
    assert invoke(["slo", "rules", str(file), "--windows", str(windows), "--out", str(tmp_path / "out")]) == 2
    assert "no alert of requests-availability can ever fire" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
