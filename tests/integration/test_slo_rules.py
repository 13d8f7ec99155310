"""Generated rules held against Prometheus' own judge, and against Sloth's for the same objective."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from holdfast.cli.program import invoke

DATA = Path(__file__).parents[1] / "data" / "rules"
OBJECTIVES = DATA / "objectives.yaml"

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed"),
]


def promtool(*arguments, cwd):
    done = subprocess.run(["promtool", *arguments], cwd=cwd, capture_output=True, text=True, timeout=400, check=False)
    return done.returncode, done.stdout + done.stderr


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("rules")
    assert invoke(["slo", "rules", str(OBJECTIVES), "--out", str(folder), "--label", "team=shop"]) == 0
    return folder


def test_rules_of_every_kind_of_objective_pass_promtools_check(written):
    files = sorted(str(path.relative_to(written)) for path in (written / "rules").iterdir())
    assert len(files) >= 12
    code, said = promtool("check", "rules", *files, cwd=written)
    assert code == 0, said
    assert "duplicate" not in said


def test_each_alert_of_each_objective_fires_and_rests_as_its_generated_tests_say(written):
    files = sorted(str(path.relative_to(written)) for path in (written / "tests").iterdir())
    assert len(files) == len(list((written / "rules").iterdir()))
    code, said = promtool("test", "rules", *files, cwd=written)
    assert code == 0, said


def test_every_course_is_played_for_every_objective_that_events_are_counted_of(written):
    tests = yaml.safe_load((written / "tests" / "shop-own-windows.yaml").read_text(encoding="utf-8"))
    courses = [case["name"].partition(": ")[2] for case in tests["tests"]]
    assert courses == ["healthy", "outage", "slow burn", "recovery", "no data", "low traffic"]


@pytest.mark.parametrize(
    ("was", "is_now"),
    [
        ("> 0.3", "> 0.003"),
        (">= 7", ">= 1"),
        ("severity: page", "severity: ticket"),
        ("absent(", "vector(1) or absent("),
    ],
)
def test_generated_tests_notice_rules_that_were_changed(written, tmp_path, was, is_now):
    changed = tmp_path / "changed"
    shutil.copytree(written, changed)
    rules = changed / "rules" / "shop-own-windows.yaml"
    text = rules.read_text(encoding="utf-8")
    assert was in text
    rules.write_text(text.replace(was, is_now), encoding="utf-8")
    code, said = promtool("test", "rules", "tests/shop-own-windows.yaml", cwd=changed)
    assert code != 0, said


def test_the_command_tells_what_promtool_said(capsys):
    code = invoke(["slo", "rules", str(OBJECTIVES), "--only", "plain-selector", "--test", "--json"])
    facts = json.loads(capsys.readouterr().out)
    assert code == 0
    assert facts["promtool"]["state"] == "passed"
    assert facts["promtool"]["tested"] == 1


def test_without_promtool_nothing_is_called_passed(capsys, monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    code = invoke(["slo", "rules", str(OBJECTIVES), "--only", "plain-selector", "--test", "--json"])
    facts = json.loads(capsys.readouterr().out)
    assert code == 0
    assert facts["promtool"]["state"] == "skipped"
    assert facts["promtool"]["tested"] == 0


COURSES = {
    "an hour of outage": "0+60x60 3600+0x460",
    "two hours at a burn of 7": "0+0.42x120 50.4+0x400",
    "a burn of 1.2": "0+0.072x520",
}
MOMENTS = (1, 3, 9, 15, 30, 59, 62, 66, 70, 90, 100, 130, 180, 240, 480, 500)


def states(folder, rules, expressions):
    """What expressions are at each moment of each course: promtool says it where it is not what was expected."""
    tests = [
        {
            "name": name,
            "interval": "1m",
            "input_series": [
                {"series": 'http_request_duration_seconds_count{job="myservice",code="500"}', "values": values},
                {"series": 'http_request_duration_seconds_count{job="myservice",code="200"}', "values": "0+60x520"},
            ],
            "promql_expr_test": [
                {"expr": text, "eval_time": f"{moment}m", "exp_samples": [{"labels": '{never=""}', "value": -1}]}
                for moment in MOMENTS
                for text in expressions
            ],
        }
        for name, values in COURSES.items()
    ]
    groups = yaml.safe_load((folder / rules).read_text(encoding="utf-8"))["groups"]
    asked = {
        "rule_files": [rules],
        "evaluation_interval": "1m",
        "group_eval_order": [group["name"] for group in groups],  # or any
        "tests": tests,
    }
    (folder / "asked.yaml").write_text(yaml.safe_dump(asked), encoding="utf-8")
    _, said = promtool("test", "rules", "asked.yaml", cwd=folder)
    found = [line.strip().rpartition(" ")[2] for line in said.splitlines() if line.strip().startswith("got:")]
    assert len(found) == len(COURSES) * len(MOMENTS) * len(expressions), said
    return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sloth")
    shutil.copy(DATA / "sloth.yaml", folder)
    objective = str(DATA / "getting_started.yaml")
    for name, options in (("ours", ()), ("compatible", ("--compatible", "sloth"))):
        assert invoke(["slo", "rules", objective, "--out", str(folder / name), *options]) == 0
    return folder


class TestTheSameAsSloth:
    """`sloth.yaml` is what Sloth's README shows for its getting-started example, written by hand."""

    @pytest.mark.parametrize("name", ["ours", "compatible"])
    def test_fires_at_the_same_moments_and_records_the_same_ratios(self, folder, name):
        ours = f"{name}/rules/myservice-requests-availability.yaml"
        alert = {"ours": 'objective="requests-availability",severity', "compatible": "sloth_severity"}[name]
        ratio = {"ours": "holdfast:slo_error_ratio:", "compatible": "slo:sli_error:ratio_rate"}[name]
        windows = ("5m", "30m", "1h", "2h", "6h", "1d", "3d")

        def asked(ratio, alert):
            return [
                *(f"scalar({ratio}{window})" for window in windows),
                *(
                    f'scalar(count(ALERTS{{{alert}="{level}",alertstate="firing"}}) or vector(0))'
                    for level in ("page", "ticket")
                ),
            ]

        theirs = states(folder, "sloth.yaml", asked("slo:sli_error:ratio_rate", "sloth_severity"))
        found = states(folder, ours, asked(ratio, alert))
        columns = len(windows) + 2
        assert {float(value) for value in theirs[columns - 2 :: columns]} == {0, 1}
        assert {float(value) for value in theirs[columns - 1 :: columns]} == {0, 1}
        assert [float(value) for value in found] == pytest.approx([float(value) for value in theirs], rel=1e-12)
        firing = [value for index, value in enumerate(theirs) if index % columns >= len(windows)]
        assert [value for index, value in enumerate(found) if index % columns >= len(windows)] == firing

    def test_compatible_rules_have_the_very_names_and_labels(self, folder):
        def named(path):
            groups = yaml.safe_load((folder / path).read_text(encoding="utf-8"))["groups"]
            return {
                (group["name"], rule.get("record", "alert"), tuple(sorted(rule["labels"])))
                for group in groups
                for rule in group["rules"]
                if "sloth_version" not in rule["labels"] and "alert" not in rule
            }

        ours = named("compatible/rules/myservice-requests-availability.yaml")
        extra = {name for _, name, _ in ours - named("sloth.yaml")}
        assert named("sloth.yaml") <= ours
        assert extra == {"holdfast:slo_total_events:5m", "holdfast:slo_bad_events:5m"}


POLICY = """kind: ErrorBudgetPolicy
name: shop
description: Who is told.
decider: head of engineering
runbook: docs/runbooks/error-budget.md
escalation:
  - {to: on call, after: 0s, by: page}
  - {to: head of engineering, after: 4h, by: phone}
tiers:
  - name: frozen
    entry: {exhausted: true}
    exit: {remaining_at_least: 0.1, held_for: 1d}
    decision: freeze
    consequence: Nothing goes out.
    exempt: [security]
insufficient_data: {decision: ask, stale_after: 1h, coverage_below: 0.9}
"""


@pytest.fixture(scope="module")
def routed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("routed")
    (folder / "policy.yaml").write_text(POLICY, encoding="utf-8")
    paths = [str(OBJECTIVES), str(folder / "policy.yaml")]
    assert invoke(["slo", "rules", *paths, "--out", str(folder / "out")]) == 0
    return folder / "out"


@pytest.mark.skipif(shutil.which("amtool") is None, reason="amtool is not installed")
class TestRouting:
    def test_alertmanager_takes_it_by_itself_and_inside_of_another_configuration(self, routed):
        ours = yaml.safe_load((routed / "alertmanager.yaml").read_text(encoding="utf-8"))
        whole = {
            "global": {"resolve_timeout": "5m"},
            "route": {"receiver": "default", "routes": ours["route"]["routes"]},
            "inhibit_rules": ours["inhibit_rules"],
            "receivers": [{"name": "default"}, *ours["receivers"]],
        }
        (routed / "whole.yaml").write_text(yaml.safe_dump(whole), encoding="utf-8")
        for name in ("alertmanager.yaml", "whole.yaml"):
            done = subprocess.run(
                ["amtool", "check-config", name], cwd=routed, capture_output=True, text=True, check=False
            )
            assert done.returncode == 0, done.stderr

    @pytest.mark.parametrize(
        ("labels", "receivers"),
        [
            ("severity=page objective=availability", "page: on call,phone: head of engineering"),
            ("severity=ticket objective=availability", "ticket: on call"),
            ("severity=page objective=conditions", "on-call"),
            ("severity=critical objective=conditions policy=wake alertname=AlertCondition", "on-call"),
            ("severity=page objective=elsewhere", "nobody-is-named"),
        ],
    )
    def test_the_labels_of_an_alert_reach_who_is_named(self, routed, labels, receivers):
        asked = ["amtool", "config", "routes", "test", "--config.file=alertmanager.yaml"]
        done = subprocess.run(
            [*asked, f"--verify.receivers={receivers}", "service=shop", *labels.split()],
            cwd=routed,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr

    def test_the_labels_that_are_routed_by_are_those_that_the_rules_put_on(self, routed):
        rules = yaml.safe_load((routed / "rules" / "shop-conditions.yaml").read_text(encoding="utf-8"))
        labels = [rule["labels"] for group in rules["groups"] for rule in group["rules"] if "alert" in rule]
        assert {"severity": "critical", "objective": "conditions", "service": "shop", "policy": "wake"}.items() <= (
            labels[-1].items()
        )
        assert all(one["escalation"] == "shop" for one in labels)


def test_the_ratio_of_the_period_is_weighted_by_events_where_sloths_is_a_mean_of_ratios(tmp_path):
    assert invoke(["slo", "rules", str(DATA / "getting_started.yaml"), "--out", str(tmp_path / "ours")]) == 0
    shutil.copy(DATA / "sloth.yaml", tmp_path)
    quiet, busy = 120, 120  # minutes of 1 event a minute, half of them bad; then of 99, none bad
    test = {
        "interval": "1m",
        "input_series": [
            {
                "series": 'http_request_duration_seconds_count{job="myservice",code="500"}',
                "values": f"0+0.5x{quiet} 60+0x{busy}",
            },
            {
                "series": 'http_request_duration_seconds_count{job="myservice",code="200"}',
                "values": f"0+0.5x{quiet} 159+99x{busy - 1}",
            },
        ],
        "promql_expr_test": [
            {
                "expr": f"count(abs({record} - {expected}) < {expected} * 0.06)",
                "eval_time": f"{quiet + busy}m",
                "exp_samples": [{"labels": "{}", "value": 1}],
            }
            for record, expected in (
                ("holdfast:slo_error_ratio:30d", 60 / (quiet + 99 * busy)),
                ("slo:sli_error:ratio_rate30d", 0.25),
            )
        ],
    }
    rules = ["sloth.yaml", "ours/rules/myservice-requests-availability.yaml"]
    (tmp_path / "weighted.yaml").write_text(
        yaml.safe_dump({"rule_files": rules, "evaluation_interval": "1m", "tests": [test]}), encoding="utf-8"
    )
    code, said = promtool("test", "rules", "weighted.yaml", cwd=tmp_path)
    assert code == 0, said
