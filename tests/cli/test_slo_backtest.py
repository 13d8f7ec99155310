"""`holdfast slo backtest`: whole commands on small histories."""

import json

import pytest

SLO = """\
apiVersion: openslo/v1
kind: SLO
metadata: {{name: {name}}}
spec:
  service: account-self-service
  indicator:
    metadata: {{name: sign-in-ok}}
    spec:
      ratioMetric:
        counter: true
        good: {{metricSource: {{type: holdfast, spec: {{name: sign_in, outcome: ok}}}}}}
        total: {{metricSource: {{type: holdfast, spec: {{name: sign_in}}}}}}
  timeWindow: [{{duration: 28d, isRolling: true}}]
  budgetingMethod: {method}
  objectives: [{{target: 0.999{slices}}}]
"""
START = 1_767_225_600  # 2026-01-01T00:00:00Z
DAY = 86_400


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "160")
    (tmp_path / "slo.yaml").write_text(SLO.format(name="sign-in", method="Occurrences", slices=""))
    csv(tmp_path / "history.csv", {10 * 24 * 12 + n: 3000 for n in range(6)})
    return tmp_path


def csv(path, bad, *, steps=28 * 288, step=300, total=3000):
    rows = [f"{START + step * n},{total - bad.get(n, 0)},{total}" for n in range(steps)]
    path.write_text("\n".join(["time,good,total", *rows]) + "\n")


def told(ran):
    assert ran.code == 0, ran.err
    return json.loads(ran.out)


def test_an_outage_of_half_an_hour_is_told_by_page_and_ticket(here, holdfast):
    facts = told(holdfast("slo", "backtest", "slo.yaml", "--csv", "history.csv", "--step", "5m", "--json"))
    assert facts["schema"] == "holdfast/slo-backtest/v1"
    (objective,) = facts["objectives"]
    outage = START + 10 * DAY
    assert objective["incidents"][0] == {
        "name": "",
        "start": outage,
        "end": outage + 1800,
        "bad": 18_000,
        "budget_spent": pytest.approx(18_000 / 24_192),
    }
    (policy,) = objective["policies"]
    assert policy["name"] == "workbook"
    assert [(f["alert"], f["fired_at"] - outage, f["incidents"]) for f in policy["firings"]] == [
        ("page", 300, [0]), ("ticket", 300, [0]),
    ]  # fmt: skip
    page = policy["scores"][0]
    assert page["precision"]["ratio"] == page["recall"]["ratio"] == 1
    assert page["precision"]["interval_95"] == [pytest.approx(0.025), 1.0]
    assert page["detection_seconds"] == 300


def test_people_read_when_each_alert_fires_and_notes_go_to_stderr(here, holdfast):
    ran = holdfast("slo", "backtest", "slo.yaml", "--csv", "history.csv", "--step", "5m")
    assert ran.code == 0
    assert "2026-01-11 00:05:00 UTC" in ran.out
    assert "1 of 1 (2–100 %)" in ran.out
    assert "too late for the longest window" not in ran.out
    assert "too late for the longest window" in ran.err


def test_the_time_that_is_judged_can_be_chosen_and_is_looked_back_from(here, holdfast):
    arguments = ("slo", "backtest", "slo.yaml", "--csv", "history.csv", "--step", "5m", "--json")
    late = told(holdfast(*arguments, "--from", "2026-01-12T00:00:00Z", "--to", "2026-01-20T00:00:00Z"))["objectives"][0]
    assert (late["start"], late["end"]) == (START + 11 * DAY, START + 19 * DAY)
    assert late["incidents"] == []
    assert late["lookback_missing_seconds"] == 0
    early = told(holdfast(*arguments, "--to", "2026-01-11T00:05:00Z"))["objectives"][0]
    assert [(f["alert"], f["reset_at"]) for f in early["policies"][0]["firings"]] == [("page", None), ("ticket", None)]


def test_named_incidents_are_what_alerts_are_held_against(here, holdfast):
    (here / "incidents.csv").write_text(
        "start,end,name,objective\n2026-01-11T00:00:00Z,2026-01-11T00:30:00Z,failover,\n"
        "2026-01-15T00:00:00Z,2026-01-15T01:00:00Z,nobody saw,sign-in\n"
        "2026-01-16T00:00:00Z,2026-01-16T01:00:00Z,,other\n"
    )
    facts = told(
        holdfast(
            "slo",
            "backtest",
            "slo.yaml",
            "--csv",
            "history.csv",
            "--step",
            "5m",
            "--incidents",
            "incidents.csv",
            "--json",
        )
    )
    (objective,) = facts["objectives"]
    assert [one["name"] for one in objective["incidents"]] == ["failover", "nobody saw"]
    assert objective["incidents_found"] is False
    page = objective["policies"][0]["scores"][0]
    assert (page["recall"]["hits"], page["recall"]["of"]) == (1, 2)


def test_incidents_may_be_yaml_too(here, holdfast):
    (here / "i.yaml").write_text('- {start: "2026-01-11T00:00:00Z", end: 1768090000, name: failover}\n')
    ran = holdfast("slo", "backtest", "slo.yaml", "--csv", "history.csv", "--step", "5m", "--incidents", "i.yaml")
    assert ran.code == 0, ran.err
    assert "failover" in ran.out


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("start,end\n2026-01-11T00:00:00,2026-01-11T00:30:00Z\n", 'incidents.csv:2: start is "2026-01-11T00:00:00"'),
        ("start,end\n2026-01-11T01:00:00Z,2026-01-11T00:30:00Z\n", "incidents.csv:2: ends before it starts"),
        ("start,name\n1,a\n", "there is no column start or no column end"),
        ("start,end,nam\n1,2,a\n", 'unknown column "nam"'),
        ("start,end\n1\n", "1 cells, and 2 columns"),
        ("start,end\n10,30\n20,40\n", "begins before the one at incidents.csv:2 has ended"),
    ],
)
def test_a_wrong_file_of_incidents_is_told_by_its_line(here, holdfast, text, what):
    (here / "incidents.csv").write_text(text)
    ran = holdfast(
        "slo", "backtest", "slo.yaml", "--csv", "history.csv", "--step", "5m", "--incidents", "incidents.csv"
    )
    assert ran.code == 2
    assert what in ran.err


def test_windows_that_the_step_cannot_tell_apart_are_refused_by_name(here, holdfast):
    ran = holdfast("slo", "backtest", "slo.yaml", "--csv", "history.csv", "--step", "7m")
    assert ran.code == 2
    assert "of workbook, no whole number of steps of 420 s: 5m, 30m, 1h, 2h, 6h, 1d, 3d" in ran.err
    uneven = holdfast("slo", "backtest", "slo.yaml", "--csv", "history.csv", "--step", "5m", "--evaluate-every", "7m")
    assert uneven.code == 2
    assert "steps of 300 s cannot be evaluated every 420 s" in uneven.err


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (("--from", "2026-01-20T00:00:00Z", "--to", "2026-01-10T00:00:00Z"), "is not before --to"),
        (("--from", "2026-03-20T00:00:00Z"), "nothing lies between --from and the end of its history"),
        (("--plot", "picture.gif"), "is no kind of picture"),
        (("--incidents", "nowhere.csv"), "cannot be read"),
    ],
)
def test_wrong_options_say_what_to_do(here, holdfast, arguments, what):
    ran = holdfast("slo", "backtest", "slo.yaml", "--csv", "history.csv", "--step", "5m", *arguments)
    assert ran.code == 2
    assert what in ran.err


def test_a_history_of_nothing_is_inconclusive(here, holdfast):
    csv(here / "empty.csv", {}, total=0)
    ran = holdfast("slo", "backtest", "slo.yaml", "--csv", "empty.csv", "--step", "5m")
    assert ran.code == 3
    assert "nothing was counted" in ran.err


def test_all_six_methods_are_played_where_asked(here, holdfast):
    facts = told(holdfast("slo", "backtest", "slo.yaml", "--csv", "history.csv", "--step", "1m", "--methods", "--json"))
    names = [policy["name"] for policy in facts["objectives"][0]["policies"]]
    assert names == [
        "workbook",
        "1 ratio",
        "2 long window",
        "3 duration",
        "4 burn rate",
        "5 burn rates",
        "6 two windows",
    ]


def test_too_few_incidents_propose_no_windows_and_a_target_is_proposed_still(here, holdfast):
    facts = told(holdfast("slo", "backtest", "slo.yaml", "--csv", "history.csv", "--step", "5m", "--suggest", "--json"))
    assert facts["windows"]["proposed"] is None
    assert facts["windows"]["reason"].startswith("incidents: 1 in the first half of the history, 0 in the second")
    assert facts["objectives"][0]["targets"]["proposed"] == 0.995


def test_low_traffic_pages_on_one_failure_unless_more_are_asked_for(here, holdfast):
    """Ten requests in five minutes: one failure is 0.8 % of an hour's; a second one makes it 1.7 %."""
    csv(here / "quiet.csv", {300: 1, 301: 1}, total=10)
    arguments = ("slo", "backtest", "slo.yaml", "--csv", "quiet.csv", "--step", "5m", "--json")
    pages = [f for f in told(holdfast(*arguments))["objectives"][0]["policies"][0]["firings"] if f["alert"] == "page"]
    assert len(pages) == 1
    guarded = told(holdfast(*arguments, "--min-failures", "3"))["objectives"][0]["policies"][0]["firings"]
    assert guarded == []


def test_time_slices_are_what_alerts_count_where_the_objective_does(here, holdfast):
    """30 minutes of outage are 6 bad slices of 12 in an hour; half a percent of failures makes no slice bad."""
    slices = ", timeSliceTarget: 0.95, timeSliceWindow: 5m"
    (here / "slices.yaml").write_text(SLO.format(name="sliced", method="Timeslices", slices=slices))
    csv(here / "mild.csv", dict.fromkeys(range(1000, 2000), 15) | {5000 + n: 3000 for n in range(6)})
    facts = told(holdfast("slo", "backtest", "slices.yaml", "--csv", "mild.csv", "--step", "1m", "--json"))
    (objective,) = facts["objectives"]
    assert objective["step_seconds"] == 300
    assert [(one["start"], one["bad"]) for one in objective["incidents"]] == [(START + 5000 * 300, 6)]
    assert {tuple(f["incidents"]) for f in objective["policies"][0]["firings"]} == {(0,)}


def test_conditions_of_the_objectives_own_alert_policies_are_played(here, holdfast, monkeypatch):
    from dataclasses import replace
    from decimal import Decimal

    from holdfast.cli.slo import backtest
    from holdfast.slo.objective import AlertPolicy, Condition

    own = AlertPolicy("fast", Condition("burn", "page", "gte", Decimal(2), 3600), ())
    silent = replace(own, name="silent", when_breaching=False)
    found = backtest._objectives
    monkeypatch.setattr(
        backtest, "_objectives", lambda given: [replace(one, alert_policies=(own, silent)) for one in found(given)]
    )
    facts = told(holdfast("slo", "backtest", "slo.yaml", "--csv", "history.csv", "--step", "5m", "--json"))
    policy = facts["objectives"][0]["policies"][1]
    assert policy["name"] == "openslo"
    assert [f["alert"] for f in policy["firings"]] == ["fast"]


@pytest.mark.parametrize(("kind", "begins"), [("png", b"\x89PNG\r\n"), ("svg", b"<svg"), ("html", b"<!DOCTYPE html>")])
def test_it_is_drawn_for_one_objective_and_for_several(here, holdfast, kind, begins):
    (here / "other.yaml").write_text(SLO.format(name="other", method="Occurrences", slices=""))
    for files in (("slo.yaml",), ("slo.yaml", "other.yaml")):
        ran = holdfast("slo", "backtest", *files, "--csv", "history.csv", "--step", "5m", "--plot", f"p.{kind}")
        assert ran.code == 0, ran.err
        assert (here / f"p.{kind}").read_bytes().startswith(begins)


def test_a_picture_holds_what_was_played(here, holdfast):
    holdfast("slo", "backtest", "slo.yaml", "--csv", "history.csv", "--step", "5m", "--plot", "p.html")
    page = (here / "p.html").read_text()
    (charts,) = [part.partition("</script>")[0] for part in page.split('id="charts">')[1:]]
    spec = json.loads(charts)["backtest-0"]
    assert [row["alert"] for row in spec["datasets"]["firings"]] == ["page", "ticket"]
    assert spec["datasets"]["incidents"][0]["from"] == 1000 * (START + 10 * DAY)
    assert spec["datasets"]["series"][-1]["left"] == pytest.approx(1 - 18_000 / 24_192)
    assert spec["datasets"]["lanes"][0]["lane"] == "workbook: page"
    assert "http://" not in page.replace("http://www.w3.org", "").partition('id="charts"')[0]


def test_a_run_is_held_against_the_faults_that_were_put_into_it(workspace, holdfast):
    from pathlib import Path

    from holdfast.record.recorder import Recorder, fold
    from holdfast.record.store import RunStore
    from holdfast.record.timeline import FAULT, Span

    run = Path("one")
    run.mkdir()
    recorder = Recorder("load")
    for second in range(600):
        for n in range(10):
            outcome = "failed" if 300 <= second < 360 and n < 5 else "ok"
            recorder.add("sign_in", START + second + n / 10, outcome, 0.01)
    with RunStore.create(run / "run.db") as store:
        store.write(fold("load", recorder.take()))
        store.write_span(Span(FAULT, "replica_kill", started=START + 290.0, ended=START + 361.0))
    (workspace / "slo.yaml").write_text(SLO.format(name="sign-in", method="Occurrences", slices=""))
    facts = told(holdfast("slo", "backtest", "slo.yaml", "--run", "one", "--step", "1s", "--json"))
    (objective,) = facts["objectives"]
    assert [one["name"] for one in objective["incidents"]] == ["replica_kill"]
    page = next(f for f in objective["policies"][0]["firings"] if f["alert"] == "page")
    assert page["incidents"] == [0]
    assert START + 300 < page["fired_at"] < START + 320


def test_a_policy_whose_windows_the_step_cannot_tell_apart_is_left_out_and_told(here, holdfast):
    ran = holdfast("slo", "backtest", "slo.yaml", "--csv", "history.csv", "--step", "5m", "--methods", "--json")
    names = [policy["name"] for policy in told(ran)["objectives"][0]["policies"]]
    assert "3 duration" not in names
    assert "not played: of 3 duration, no whole number of steps of 300 s: 1m" in ran.err


def test_rows_that_never_fire_and_rows_that_always_do_are_told(here, holdfast):
    (here / "slo.yaml").write_text((here / "slo.yaml").read_text().replace("0.999", "0.9"))
    ran = holdfast("slo", "backtest", "slo.yaml", "--csv", "history.csv", "--step", "5m")
    assert "workbook: no outage can fire 1h/5m at a target of 0.9" in ran.err
    assert "workbook: 3d/6h fires on what the objective allows, its factor being below 1" in ran.err


def test_windows_of_a_file_are_played_beside_the_workbooks(here, holdfast):
    (here / "windows.yaml").write_text(
        "kind: BurnWindows\nname: quick\nsource: a test\nrows: [{severity: page, long: 30m, short: 5m, budget: 0.02}]\n"
    )
    facts = told(
        holdfast(
            "slo", "backtest", "slo.yaml", "--csv", "history.csv", "--step", "5m", "--windows", "windows.yaml", "--json"
        )
    )
    assert [policy["name"] for policy in facts["objectives"][0]["policies"]] == ["workbook", "quick"]


def test_evaluations_between_steps_are_told_to_know_nothing_new(here, holdfast):
    asked = ("slo", "backtest", "slo.yaml", "--csv", "history.csv", "--step", "5m")
    assert "rules are evaluated every 5m" in holdfast(*asked, "--evaluate-every", "1m").err
    assert "rules are evaluated every" not in holdfast(*asked).err
