"""`holdfast slo status`: what is left of each budget, in the terminal, as JSON and as a page; and its exit codes."""

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import jsonschema
import pytest
from tests.unit.test_report_html import Page

from holdfast.slo.status import status_schema

RUN = Path(__file__).parents[1] / "data" / "runs" / "fault_hurt"
END = 1_767_268_800  # 2026-01-01 12:00 UTC
AT = "2026-01-01T12:00:00Z"
SLO = """
apiVersion: openslo/v1
kind: SLO
metadata: {{name: {name}, displayName: {title}, annotations: {{holdfast.dev/owner: identity}}}}
spec:
  service: account
  description: Customers get in.
  indicatorRef: sign-in-ok
  timeWindow: [{window}]
  budgetingMethod: {method}
  objectives: [{{{objective}}}]
"""
SLI = """
apiVersion: openslo/v1
kind: SLI
metadata: {name: sign-in-ok}
spec:
  ratioMetric:
    counter: false
    good: {metricSource: {type: csv, spec: {file: history.csv, column: good}}}
    total: {metricSource: {type: csv, spec: {file: history.csv, column: total}}}
"""
DAY = "{duration: 1d, isRolling: true}"
MONTH = '{duration: 1M, isRolling: false, calendar: {startTime: "2025-01-01 00:00:00", timeZone: UTC}}'

POLICY = """
kind: ErrorBudgetPolicy
name: p
description: Said.
decider: us
runbook: none
escalation: [{to: us, after: 0s, by: phone}]
tiers:
  - {name: frozen, entry: {exhausted: true}, exit: {remaining_at_least: 0.1}, decision: freeze, consequence: rest}
insufficient_data: {decision: ask, stale_after: 2h}
"""


def slo(name="sign-in", *, target="0.99", window=DAY, method="Occurrences", title="Sign-in works", more="") -> str:
    objective = f"target: {target}{more}"
    return SLO.format(name=name, title=title, window=window, method=method, objective=objective)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with `slo/` in it; `write` puts objectives and a history there."""
    (tmp_path / "slo").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "160")
    return tmp_path


def write(folder: Path, *slos: str, bad=0, total=100, minutes=1440, test=None, own="") -> None:
    """`bad` of `total` in each of the last 60 of so many minutes."""
    (folder / "slo/self_service.yaml").write_text("---".join([*slos, SLI]), encoding="utf-8")
    if own:
        (folder / "slo" / "own.yaml").write_text(own, encoding="utf-8")
    rows = ["time,good,total" + (",test_good,test_total" if test else "")]
    for minute in range(minutes):
        at = END - 60 * (minutes - minute)
        failed = bad if minute >= minutes - 60 else 0
        rows.append(f"{at},{total - failed},{total}" + (f",{test - min(failed, test)},{test}" if test else ""))
    (folder / "history.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")


def status(holdfast, *arguments):
    return holdfast("slo", "status", "slo", "--csv", "history.csv", "--at", AT, *arguments)


def told(ran):
    found = json.loads(ran.out)
    jsonschema.validate(found, status_schema())
    assert found["exit_code"] == ran.code
    return found


@pytest.mark.parametrize(
    ("bad", "minutes", "code", "verdict"), [(0, 1440, 0, "met"), (50, 1440, 1, "missed"), (0, 0, 3, "inconclusive")]
)
def test_the_exit_code_says_whether_every_budget_holds(folder, holdfast, bad, minutes, code, verdict):
    write(folder, slo(), bad=bad, minutes=minutes)

    ran = status(holdfast, "--json")

    assert ran.code == code
    assert told(ran)["verdict"] == verdict


def test_a_miss_outranks_what_nobody_knows_and_that_outranks_what_is_met(folder, holdfast):
    lone = slo("lone").replace("indicatorRef: sign-in-ok", "indicatorRef: nobody")
    nobody = SLI.replace("sign-in-ok", "nobody")
    write(folder, slo(), lone, nobody)
    text = (folder / "history.csv").read_text().replace("time,", "time,indicator,").splitlines()
    rows = [text[0], *(row.replace(",", ",sign-in-ok,", 1) for row in text[1:])]
    (folder / "history.csv").write_text("\n".join(rows))

    found = told(status(holdfast, "--json"))

    assert (found["verdict"], found["exit_code"]) == ("inconclusive", 3)
    assert [one["name"] for one in found["objectives"]] == ["lone", "sign-in"]
    assert found["objectives"][0]["budget"]["remaining"] is None
    assert found["objectives"][0]["reason"]


def test_figures_are_exact_and_complete(folder, holdfast):
    write(folder, slo(target="0.999"), bad=1)

    (one,) = told(status(holdfast, "--json", "--lookback", "90m", "--lookback", "12d"))["objectives"]

    assert (one["budget"]["bad"], one["budget"]["total"], one["budget"]["allowed"]) == (60, 144_000, 144)
    assert one["budget"]["remaining"] == pytest.approx(7 / 12)
    assert one["budget"]["remaining_events"] == 84
    assert one["budget"]["remaining_seconds"] == pytest.approx(86.4 * 7 / 12)
    rates = {burn["lookback"]: burn["rate"] for burn in one["burn_rates"]}
    assert 12 * 86_400 in rates
    assert (rates[300], rates[3600], rates[5400]) == (10, 10, pytest.approx(20 / 3))
    assert one["exhaustion"]["soonest"] < one["exhaustion"]["seconds"]
    assert one["burn_down"][-1] == [END, pytest.approx(7 / 12)]
    assert one["interval"][0] < one["ratio"] < one["interval"][1]
    assert one["coverage"] == 1
    assert one["window"] == {"text": "1d", "calendar": False, "start": END - 86_400, "end": END, "over": True}


def test_the_terminal_shows_the_most_endangered_first_with_its_curve(folder, holdfast):
    write(folder, slo("steady", target="0.9"), slo("hurt", target="0.999"), bad=2)

    ran = status(holdfast)

    lines = [line for line in ran.out.splitlines() if "%" in line]
    assert "hurt" in lines[0]
    assert "█" in lines[0]
    assert lines[0].count("16.7\u202f%") == 1
    assert "steady" in lines[1]
    assert "\x1b" not in ran.out


def test_a_narrow_terminal_gets_a_paragraph_each_and_no_line_is_too_long(folder, holdfast, monkeypatch):
    monkeypatch.setenv("COLUMNS", "72")
    write(folder, slo(), bad=1)

    ran = status(holdfast)

    assert max(len(line) for line in ran.out.splitlines()) <= 72
    assert "left" in ran.out
    assert "gone:" in ran.out


def test_a_calendar_window_that_is_not_over_is_marked_as_estimated(folder, holdfast):
    write(folder, slo(window=MONTH), bad=1, minutes=12 * 60)

    ran = status(holdfast)
    (one,) = told(status(holdfast, "--json"))["objectives"]

    assert "≈" in ran.out
    assert one["estimated"]
    assert one["budget"]["total"] == pytest.approx(one["to_date"]["total"] * 62)
    assert not one["window"]["over"]


def test_test_traffic_and_exclusions_are_told_with_and_without(folder, holdfast):
    own = """
kind: Exclusions
description: Agreed.
exclusions:
  - {name: move, category: maintenance, reason: The database moves., owner: identity,
     start: "2026-01-01 11:30:00", zone: UTC, duration: 15m}
"""
    write(folder, slo(), bad=10, test=10, own=own)

    found = told(status(holdfast, "--json"))
    (one,) = found["objectives"]

    assert one["excluded_seconds"] == 900
    assert one["budget"]["bad"] == 0  # the failures were all of the test traffic's
    assert [other["name"] for other in one["alternatives"]] == ["with excluded time", "with test traffic"]
    assert one["alternatives"][1]["budget"]["bad"] == 450
    assert found["exclusions"][0]["owner"] == "identity"


def test_an_agreement_tells_its_distances_and_credits_exactly(folder, holdfast):
    own = """
kind: ServiceLevelAgreement
name: business
description: Promised.
owner: identity
objective: sign-in
credits: [{below: 0.99, credit: 0.10}]
fee: "1000.03"
"""
    write(folder, slo(target="0.995"), bad=50, minutes=12 * 60, own=own)

    ran = status(holdfast)
    (agreement,) = told(status(holdfast, "--json"))["agreements"]

    assert agreement["credits"][0] == {"when": "now", "share": "0.1", "amount": "100.003", "seen": 1.0}
    assert agreement["credits"][1] == {"when": "at_best", "share": "0", "amount": "0.00", "seen": 1.0}
    assert [far["below"] for far in agreement["distances"]] == ["0.995", "0.99"]
    assert "Agreement: business" in ran.out


def test_the_month_that_is_over_is_what_is_paid_for(folder, holdfast):
    own = """
kind: ServiceLevelAgreement
name: business
description: Promised.
owner: identity
objective: sign-in
credits: [{below: 0.99, credit: 0.10}]
fee: "1000"
"""
    write(folder, slo(target="0.995"), own=own)
    midnight = END - 12 * 3600
    rows = [f"{midnight + 60 * minute},{50 if minute < 0 else 100},100" for minute in range(-720, 720)]
    (folder / "history.csv").write_text("\n".join(["time,good,total", *rows]) + "\n", encoding="utf-8")

    (agreement,) = told(status(holdfast, "--json"))["agreements"]

    last, now, *_ = agreement["credits"]
    assert (last["when"], last["share"], float(last["amount"])) == ("last_window", "0.1", 100.0)
    assert last["seen"] == pytest.approx(0.5 / 31)
    assert (now["when"], now["share"], now["seen"]) == ("now", "0", 1.0)
    assert "credit: last window 10" in status(holdfast).out


def test_a_composite_is_shown_with_its_parts(folder, holdfast):
    part = "{{displayName: {0}, target: 0.99, compositeWeight: {1}, indicatorRef: sign-in-ok}}"
    both = slo("both").replace("  indicatorRef: sign-in-ok\n", "")
    both = both.replace("{target: 0.99}", f"{part.format('One', 1)}, {part.format('Two', 2)}")
    write(folder, both, bad=5)

    ran = status(holdfast)
    (one,) = told(status(holdfast, "--json"))["objectives"]

    assert one["budget"]["spent"] == pytest.approx(3 * one["parts"][0]["budget"]["spent"])
    assert ran.out.count("└") == 2


def test_time_slices_are_counted_in_slices(folder, holdfast):
    sliced = slo(method="Timeslices", target="0.9", more=", timeSliceTarget: 0.95, timeSliceWindow: 5m")
    write(folder, sliced, bad=6)

    (one,) = told(status(holdfast, "--json"))["objectives"]

    assert (one["budget"]["bad"], one["budget"]["total"]) == (12, 288)


@pytest.mark.parametrize("named", ["both", "both-*"])
def test_an_exclusion_may_name_a_composite_or_its_parts_and_the_gate_takes_it_as_the_status_does(
    folder, holdfast, named
):
    both = slo("both").replace("  indicatorRef: sign-in-ok\n", "")
    both = both.replace(
        "{target: 0.99}", "{target: 0.99, indicatorRef: sign-in-ok}, {target: 0.9, indicatorRef: sign-in-ok}"
    )
    own = f"""
kind: Exclusions
description: Agreed.
exclusions:
  - {{name: m, category: other, reason: moved, owner: we, start: "2026-01-01 11:00:00", zone: UTC, duration: 1h,
      objectives: ["{named}"]}}
---{POLICY}"""
    write(folder, both, bad=50, own=own)

    (one,) = told(status(holdfast, "--json"))["objectives"]

    assert one["budget"]["remaining"] == 1
    assert holdfast("slo", "gate", "slo", "--csv", "history.csv", "--at", AT).code == 0
    write(folder, both, bad=50, own=own.replace("2026-01-01", "2026-01-02"))
    assert holdfast("slo", "gate", "slo", "--csv", "history.csv", "--at", AT).code == 1


def test_slices_that_the_step_does_not_divide_are_looked_at_more_finely_by_status_and_gate(folder, holdfast):
    window = '{duration: 1d, isRolling: false, calendar: {startTime: "2025-01-01 00:00:30", timeZone: UTC}}'
    sliced = slo(method="Timeslices", target="0.9", window=window, more=", timeSliceTarget: 0.95, timeSliceWindow: 5m")
    write(folder, sliced, own=POLICY)

    assert told(status(holdfast, "--json"))["objectives"][0]["verdict"] == "met"
    gate = holdfast("slo", "gate", "slo", "--csv", "history.csv", "--at", AT)
    assert (gate.code, gate.err) == (0, "")


def test_a_run_tells_what_each_phase_fault_and_journey_spent(workspace, holdfast):
    shutil.copytree(RUN, workspace / "runs" / "recorded", ignore=shutil.ignore_patterns("expected"))

    ran = holdfast("slo", "status", "--run", "recorded", "--json")
    latency = next(one for one in told(ran)["objectives"] if one["name"] == "sign-in-latency")

    assert ran.code == 1
    for cut in ("phase", "fault", "journey"):
        parts = [cost for cost in latency["costs"] if cost["by"] == cut]
        assert sum(cost["bad"] for cost in parts) == latency["budget"]["bad"]
        assert sum(cost["spent"] for cost in parts) == pytest.approx(latency["budget"]["spent"])
    assert {cost["name"] for cost in latency["costs"]} >= {"baseline", "database_latency", "sign_in", "outside"}


def test_a_sizing_in_the_history_overspends_no_budget(workspace, holdfast):
    sized = RUN.parent / "sized"
    shutil.copytree(sized, workspace / "runs" / "recorded", ignore=shutil.ignore_patterns("expected"))

    ran = holdfast("slo", "status", "--history", "runs", "--at", "2026-11-22T12:00:00Z", "--json")
    latency = next(one for one in told(ran)["objectives"] if one["name"] == "sign-in-latency")

    assert ran.code == 3
    assert latency["budget"]["total"] == 0
    assert any("capacity search" in note for note in latency["notes"])


@pytest.mark.parametrize("run", ["fault_hurt", "killed", "starved_generator"])
def test_the_status_of_a_run_says_what_its_own_report_says(workspace, holdfast, run):
    shutil.copytree(RUN.parent / run, workspace / "runs" / "recorded", ignore=shutil.ignore_patterns("expected"))
    before = {path.name: one for path, one in _whole_run(workspace / "runs" / "recorded")}

    ran = holdfast("slo", "status", "--run", "recorded", "--json")
    found = {one["name"]: one for one in told(ran)["objectives"]}

    assert before
    for name, one in before.items():
        assert (found[name]["budget"]["bad"], found[name]["budget"]["total"]) == (one.total - one.good, one.total)
        if one.total:
            assert found[name]["burn_down"][-1][1] == pytest.approx(1 - one.budget_spent)


def _whole_run(folder):
    from holdfast.run.folder import RunFolder
    from holdfast.run.judgement import judge_run

    return [(one, one) for one in judge_run(RunFolder(folder)).objectives if one.phase == "run"]


def test_a_run_that_has_just_ended_is_told_to_its_last_second(workspace, holdfast, monkeypatch):
    shutil.copytree(RUN, workspace / "runs" / "recorded", ignore=shutil.ignore_patterns("expected"))
    later = told(holdfast("slo", "status", "--run", "recorded", "--json"))
    monkeypatch.setattr("holdfast.cli.slo.observing._now", lambda: later["at"] - 25)  # within its last step

    at_once = told(holdfast("slo", "status", "--run", "recorded", "--json"))

    assert at_once["objectives"] == later["objectives"]
    assert later["objectives"][0]["budget"]["total"] > 0


def test_a_run_whose_measurement_cannot_be_trusted_spent_no_budget_for_certain(workspace, holdfast):
    starved = RUN.parent / "starved_generator"
    shutil.copytree(starved, workspace / "runs" / "recorded", ignore=shutil.ignore_patterns("expected"))

    ran = holdfast("slo", "status", "--run", "recorded", "--json")
    one = next(one for one in told(ran)["objectives"] if one["name"] == "sign-in-availability")

    assert one["budget"]["spent"] > 1
    assert (ran.code, one["verdict"]) == (3, "inconclusive")
    assert one["reason"].startswith("the measurement of the run cannot be trusted: ")


def test_visits_that_asked_for_nothing_meet_nothing_in_the_status_of_their_run(workspace, holdfast):
    folder = workspace / "runs" / "recorded"
    shutil.copytree(RUN, folder, ignore=shutil.ignore_patterns("expected"))
    objectives = workspace / "slo/self_service.yaml"
    objectives.write_text(objectives.read_text().replace("target: 0.99", "target: 0.5"))  # few events prove it
    (workspace / "slo/agreement.yaml").unlink()
    whole = ("slo", "status", "--run", "recorded", "--coverage-below", "0", "--json")
    before = {one["name"]: one for one in told(holdfast(*whole))["objectives"]}
    with closing(sqlite3.connect(folder / "run.db")) as record, record:
        record.execute("UPDATE series SET detail = 'no_request' WHERE outcome = 'ok' AND name LIKE 'billing%'")

    ran = holdfast(*whole)
    after = {one["name"]: one for one in told(ran)["objectives"]}

    assert before["billing-availability"]["verdict"] == "met"
    assert after["billing-availability"]["verdict"] == "inconclusive"
    assert any("sent no request" in note for note in after["billing-availability"]["notes"])
    assert before["journey-success"] == after["journey-success"]


def test_the_page_is_whole_and_loads_nothing(folder, holdfast):
    write(folder, slo(title="<b>Sign-in</b>"), slo("steady", target="0.9"), bad=5)

    ran = status(holdfast, "--html", "budget.html")
    text = (folder / "budget.html").read_text(encoding="utf-8")
    page = Page(text)

    assert ran.err == "budget.html\n"
    assert page.open == []
    assert "<b>Sign-in</b>" in page.text
    assert len([a for a in page.all("div") if "data-chart" in a]) == 2
    assert len(page.all("caption")) == len(page.all("table"))
    assert all("scope" in attributes for attributes in page.all("th"))
    assert not page.all("link")
    assert len(text.encode()) < 2_500_000


def test_everything_that_is_wrong_is_told_at_once_and_nothing_is_counted(folder, holdfast):
    own = """
kind: Exclusions
description: Agreed.
exclusions:
  - {name: move, category: maintenance, reason: "", owner: identity, start: soon, zone: UTC, duration: 15m}
"""
    write(folder, slo(), own=own)

    ran = status(holdfast)

    assert (ran.code, ran.out) == (2, "")
    assert "exclusions[0].reason" in ran.err
    assert "exclusions[0].start" in ran.err


def test_a_folder_without_an_objective_is_wrong_input(folder, holdfast):
    (folder / "slo" / "sli.yaml").write_text(SLI, encoding="utf-8")

    ran = status(holdfast)

    assert ran.code == 2
    assert "no objective" in ran.err


def test_the_schema_is_printed(holdfast):
    ran = holdfast("schema", "slo-status")

    assert json.loads(ran.out) == status_schema()


def test_a_page_that_cannot_be_written_is_told(folder, holdfast):
    write(folder, slo())

    ran = status(holdfast, "--html", "nowhere/budget.html")

    assert ran.code == 2
    assert "cannot be written" in ran.err


def test_parts_with_slices_of_different_length_make_no_composite(folder, holdfast):
    part = "{{target: 0.9, timeSliceTarget: 0.9, timeSliceWindow: {0}, indicatorRef: sign-in-ok}}"
    both = slo("both", method="Timeslices").replace("  indicatorRef: sign-in-ok\n", "")
    write(folder, both.replace("{target: 0.99}", f"{part.format('5m')}, {part.format('10m')}"))

    ran = status(holdfast)

    assert ran.code == 2
    assert "have one length" in ran.err


def test_a_source_that_does_not_answer_leaves_the_others_told(folder, holdfast):
    asked = SLI.replace("type: csv", "type: prometheus").replace("file: history.csv, column: good", "query: a")
    asked = asked.replace("file: history.csv, column: total", "query: b").replace("sign-in-ok", "asked")
    remote = slo("remote").replace("indicatorRef: sign-in-ok", "indicatorRef: asked")
    write(folder, slo(), remote)
    (folder / "slo" / "asked.yaml").write_text(asked, encoding="utf-8")

    ran = holdfast("slo", "status", "slo", "--prometheus", "http://127.0.0.1:9", "--at", AT, "--json")
    found = {one["name"]: one for one in told(ran)["objectives"]}

    assert ran.code == 3
    assert found["remote"]["verdict"] == "inconclusive"
    assert found["remote"]["notes"]
    assert found["sign-in"]["verdict"] == "met"


@pytest.mark.parametrize("window", [DAY, MONTH])
def test_the_last_moment_that_is_taken_has_a_date(holdfast, folder, window):
    write(folder, slo(window=window), minutes=1)

    for form in ((), ("--json",), ("--html", "page.html")):
        ran = holdfast("slo", "status", "slo", "--csv", "history.csv", "--at", "244999999999", *form)
        assert ran.code == 3, ran.err


def test_what_was_hardly_measured_is_not_within_budget(folder, holdfast):
    """Unmeasured time is not uptime."""
    write(folder, slo(), minutes=600)

    ran = status(holdfast)
    assert ran.code == 3
    assert "of its window was measured" in " ".join(ran.out.split())
    assert "the least that counts" in " ".join(ran.out.split())

    assert status(holdfast, "--coverage-below", "0.4").code == 0


def test_what_is_missed_stays_missed_however_little_was_measured(folder, holdfast):
    write(folder, slo(), minutes=600, bad=50)

    assert status(holdfast).code == 1


def test_a_folder_of_history_that_is_not_there_is_told(folder, holdfast):
    write(folder, slo())

    ran = holdfast("slo", "status", "slo", "--history", "nowhere", "--at", AT)

    assert ran.code == 2
    assert "there is no folder nowhere" in ran.err
