"""`holdfast slo gate` from end to end: every exit code, with a history in a CSV file."""

import json
import shutil
from pathlib import Path

import pytest
import yaml

from holdfast.cli.program import invoke

ROOT = Path(__file__).resolve().parents[2]
AT = "2026-11-25T00:00:00Z"
NOW = 1795564800
HOURS = 2 * 28 * 24
EACH = 1000  # an hour: 672,000 over 28 days, of which 6,720 may be bad
OBJECTIVES = ("sign-in-availability", "sign-in-latency", "billing-availability", "journey-success")
FROZEN = {50: 1000, 51: 1000, 52: 1000, 53: 1000, 54: 1000, 55: 1000, 56: 720}
"""All that may be bad, in one go two days ago."""


@pytest.fixture
def ask(tmp_path, monkeypatch, capsys):
    """Asks the shipped policy, with some properties written otherwise. Returns exit code, stdout and stderr."""
    (tmp_path / "slo").mkdir()
    (tmp_path / "holdfast.yaml").write_text("targets:\n  reference: {stack: reference}\ndefault_target: reference\n")
    (tmp_path / "slo/self_service.yaml").write_text((ROOT / "slo/self_service.yaml").read_text())
    monkeypatch.chdir(tmp_path)

    def asking(*arguments, bad=None, at=AT, rows=None, changes=None, source=("--csv", "history.csv")):
        policy = yaml.safe_load((ROOT / "slo/error_budget_policy.yaml").read_text()) | (changes or {})
        (tmp_path / "slo/policy.yaml").write_text(yaml.safe_dump(policy))
        (tmp_path / "history.csv").write_text(table(bad or {}) if rows is None else rows)
        code = invoke(["slo", "gate", *source, "--at", at, "--step", "1h", *arguments])
        out, err = capsys.readouterr()
        return code, out, err

    return asking


def table(bad, names=OBJECTIVES, until=0):
    """An hourly history until so many hours before now; `bad` is of the first objective, by hours before now."""
    rows = ["time,objective,good,total"]
    for name in names:
        for hour in range(HOURS, until, -1):
            failed = bad.get(hour, 0) if name == OBJECTIVES[0] else 0
            rows.append(f"{NOW - hour * 3600},{name},{EACH - failed},{EACH}")
    return "\n".join(rows) + "\n"


def test_a_budget_that_is_left_releases(ask):
    code, out, err = ask()

    assert (code, err) == (0, "")
    assert out.startswith("Allowed (policy self-service, 2026-11-25 00:00 UTC)")
    assert "100 % of its error budget is left over 28d (0 of 672,000 were bad, target 99 %)" in out


def test_a_budget_that_is_gone_freezes_and_says_why_who_how_and_until_when(ask):
    code, out, _ = ask("--change", "feature", bad=FROZEN)

    assert code == 1
    assert out.startswith("Frozen (policy self-service")
    for words in (
        "sign-in-availability: 0 % of its error budget is left",
        "in tier frozen since 2026-11-22 23:00 UTC: nothing of the budget is left",
        "lifted when  sign-in-availability: at least 10 % of its budget is left for 24 h; not before",
        "decides      head of engineering",
        "head of engineering, by phone, 24 h after",
        "runbook      docs/runbooks/error-budget.md",
        "change       feature",
    ):
        assert words in out


def test_one_bad_event_less_does_not_freeze(ask):
    code, out, _ = ask(bad=FROZEN | {56: 719})

    assert code == 3
    assert out.startswith("A person decides")
    assert "in tier careful" in out or "in tier postmortem" in out


def test_an_exempt_change_goes_out_of_a_freeze_and_the_exemption_is_the_reason(ask):
    code, out, _ = ask("--change", "security", bad=FROZEN)

    assert code == 0
    assert "sign-in-availability: tier frozen exempts security" in out


def test_a_waiver_opens_the_gate_and_one_that_is_over_only_warns(ask):
    waiver = {"owner": "head of product", "reason": "law of 1 December", "expires": "2026-11-26"}

    code, out, err = ask(bad=FROZEN, changes={"waivers": [waiver]})
    assert (code, err) == (0, "")
    assert out.count("waived by head of product until 2026-11-26 00:00 UTC: law of 1 December") == 1

    code, out, err = ask(bad=FROZEN, changes={"waivers": [waiver | {"expires": "2026-11-25"}]})
    assert code == 1
    assert "waived" not in out
    assert "warning: slo/policy.yaml:" in err
    assert "the waiver of head of product expired" in err


def test_a_review_is_a_persons_and_their_yes_is_recorded(ask):
    half = {50: 1000, 51: 1000, 52: 1000, 53: 400}
    assert ask(bad=half)[0] == 3

    code, out, _ = ask("--reviewed-by", "Ada", "--json", bad=half)
    assert code == 0
    assert json.loads(out)["reviewed_by"] == "Ada"

    assert ask("--reviewed-by", "Ada", bad=FROZEN)[0] == 1  # a freeze is nobody's to review away


STALE = table({}, until=3)


@pytest.mark.parametrize(
    ("stated", "option", "code"),
    [
        ("ask", (), 3),
        ("allow", (), 0),
        ("block", (), 1),
        ("ask", ("--inconclusive-as", "allow"), 0),
        ("allow", ("--inconclusive-as", "block"), 1),
        ("block", ("--inconclusive-as", "allow"), 0),
    ],
)
def test_stale_data_are_inconclusive_and_end_as_the_policy_or_the_option_says(ask, stated, option, code):
    data = {"decision": stated, "stale_after": "1h"}

    found, out, _ = ask(*option, rows=STALE, changes={"insufficient_data": data})
    assert found == code
    assert "(inconclusive, policy self-service" in out
    assert "nothing newer than 3 h was measured, and 1 h is the oldest that counts" in out
    whose = "--inconclusive-as" if option else "policy self-service"
    assert f"without data  {option[1] if option else stated} ({whose})" in out

    found, out, _ = ask(*option, "--json", rows=STALE, changes={"insufficient_data": data})
    facts = json.loads(out)
    assert (found, facts["exit_code"], facts["released"]) == (code, code, code == 0)
    assert facts["inconclusive_as"] == (option[1] if option else None)
    assert facts["decisions"][0]["conclusive"] is False
    assert facts["decisions"][0]["insufficient_data_as"] == (option[1] if option else stated)


def test_an_objective_without_a_row_is_missing_data(ask):
    code, out, _ = ask(rows=table({}, names=OBJECTIVES[:3]))

    assert code == 3
    assert "journey-success: inconclusive, nothing was measured" in out


def test_a_source_that_does_not_answer_is_missing_data_too(ask):
    code, out, err = ask(source=("--prometheus", "http://127.0.0.1:9"))

    assert code == 3, err
    assert "(inconclusive, policy self-service" in out


def test_the_json_holds_the_evidence_in_numbers(ask):
    code, out, _ = ask("--json", bad=FROZEN)

    facts = json.loads(out)
    (decision,) = facts["decisions"]
    (first, *_) = decision["objectives"]
    assert (code, facts["schema"], facts["released"]) == (1, "holdfast/slo-gate/v1", False)
    assert (decision["decision"], decision["tier"], decision["objective"]) == ("freeze", "frozen", first["objective"])
    assert first["evidence"]["remaining"] == 0
    assert (first["evidence"]["bad"], first["evidence"]["total"]) == (6720, 672000)
    assert first["evidence"]["incident"]["share"] == 1
    assert first["evidence"]["incident"]["end"] - first["evidence"]["incident"]["start"] == 7 * 3600
    assert [state["tier"] for state in first["tiers"] if state["active"]] == ["careful", "postmortem", "frozen"]
    assert decision["runbook"] == "docs/runbooks/error-budget.md"
    assert decision["escalation"][0] == {"to": "whoever is on call", "after": 0, "by": "page"}


def test_only_asks_about_some_objectives(ask):
    code, out, _ = ask("--only", "billing-availability", bad=FROZEN)

    assert code == 0
    assert "sign-in" not in out


@pytest.mark.parametrize(
    ("arguments", "changes", "told"),
    [
        (("--change", "securty"), {}, 'knows no change "securty"\n    did you mean "security"?'),
        (("--policy", "self-servce"), {}, 'there is no policy "self-servce"\n    did you mean "self-service"?'),
        ((), {"covers": {"objectives": ["sign-in"]}}, 'there is no objective "sign-in" in these files'),
        ((), {"tears": 1}, 'unknown key "tears"\n    did you mean "tiers"?'),
        (("slo/self_service.yaml",), {}, "there is no error-budget policy in these files"),
        (("--only", "nothing"), {}, 'there is no objective "nothing"'),
        (("--step", "7m", "--csv", "nowhere.csv"), {}, "nowhere.csv: cannot be read"),
    ],
)
def test_wrong_input_is_told_with_what_to_do_and_ends_with_2(ask, arguments, changes, told):
    code, out, err = ask(*arguments, changes=changes)

    assert (code, out) == (2, "")
    assert told in err


def test_a_policy_that_covers_nothing_it_is_asked_about_is_wrong_input(ask):
    code, _, err = ask("--only", "journey-success", changes={"covers": {"objectives": ["sign-in-latency"]}})

    assert code == 2
    assert "covers none of the objectives" in err


def test_a_run_of_minutes_is_never_taken_for_a_window_of_weeks(ask, tmp_path):
    shutil.copytree(ROOT / "tests/data/runs/fault_hurt", tmp_path / "recorded")

    ended = json.loads((ROOT / "tests/data/runs/fault_hurt/expected/summary.json").read_text())["run"]["ended"]

    code, out, err = ask("--step", "1m", source=("--run", str(tmp_path / "recorded")), at=str(ended + 60))

    assert code == 3, err
    assert "(inconclusive, policy self-service" in out
    assert "of its window was measured, and 90 % is the least that counts" in out


def test_a_policy_is_checked_with_the_objectives_beside_it(ask, capsys):
    ask(changes={"covers": {"objectives": ["sign-in"]}, "tears": 1})

    assert invoke(["slo", "check", "slo"]) == 2
    err = capsys.readouterr().err
    assert 'there is no objective "sign-in" in these files' in err
    assert 'unknown key "tears"' in err
    assert err.count("unknown key") == 1


def test_the_schema_of_policies_can_be_printed(capsys):
    assert invoke(["schema", "error-budget-policy"]) == 0
    assert json.loads(capsys.readouterr().out)["properties"]["tiers"]["minItems"] == 1
