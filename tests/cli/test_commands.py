"""Commands that start nothing."""

import json
import os
from pathlib import Path

import jsonschema
import pytest

from holdfast.cli.program import _COMMANDS
from holdfast.run.living import held
from holdfast.workspace.bare import FILES


def test_the_help_lists_every_command_with_a_sentence(holdfast) -> None:
    ran = holdfast("--help")
    assert ran.code == 0
    for name, (_, text) in _COMMANDS.items():
        assert name in ran.out
        assert text.split()[0] in ran.out


@pytest.mark.parametrize("command", list(_COMMANDS))
def test_every_command_explains_itself(holdfast, command: str) -> None:
    ran = holdfast(command, "--help")
    assert ran.code == 0
    assert "Usage: holdfast " + command in ran.out


def test_the_exit_codes_are_in_the_help(holdfast) -> None:
    assert "4 clean-up failed" in " ".join(holdfast("--help").out.split())


def test_init_makes_a_valid_workspace_and_never_overwrites(holdfast, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert holdfast("init", "shop").code == 0
    monkeypatch.chdir(tmp_path / "shop")
    ran = holdfast("validate")
    assert ran.code == 0
    assert "files are valid" in ran.out
    again = holdfast("init")
    assert again.code == 2
    assert "nothing is overwritten" in again.err


def test_init_tells_the_command_as_it_was_called(holdfast, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr("sys.argv", [".venv/bin/holdfast", "init", "shop"])
    assert f"next: cd shop && {tmp_path}/.venv/bin/holdfast demo" in holdfast("init", "shop").out
    (tmp_path / "holdfast").touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "next: cd inn && holdfast demo" in holdfast("init", "inn").out


def test_a_bare_workspace_is_valid_and_holds_nothing_of_the_example(holdfast, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert "validate --target" in holdfast("init", "--bare", "shop").out
    monkeypatch.chdir(tmp_path / "shop")
    assert (tmp_path / "shop/accounts.csv").stat().st_mode & 0o777 == 0o600
    ran = holdfast("validate")
    assert (ran.code, ran.err) == (0, "")
    assert holdfast("init", "--bare").code == 2
    assert not (tmp_path / "shop/synthetics").exists()


FOREIGN = """targets:
  reference: {stack: reference}
  mine: {url: "http://127.0.0.1:8000", adapter: adapters/mine.py, accounts: {file: accounts.csv}}
default_target: mine
"""


@pytest.fixture
def foreign(workspace: Path, monkeypatch) -> Path:
    """The shipped content beside an API of the user's own, with an operation of its own: list_orders."""
    monkeypatch.setattr("holdfast.run.validation.import_problems", lambda _files, _root: ())
    for name, text in FILES.items():
        (workspace / name).write_text(text, encoding="utf-8")
    (workspace / "accounts.csv").chmod(0o600)
    (workspace / "holdfast.yaml").write_text(FOREIGN, encoding="utf-8")
    adapter = workspace / "adapters/mine.py"
    text = adapter.read_text(encoding="utf-8")
    adapter.write_text(text.replace("    def read_profile", "    def list_orders(self): ...\n\n    def read_profile"))
    return workspace


def test_scenarios_that_nobody_plays_on_a_target_are_one_line_and_no_error(foreign: Path, holdfast) -> None:
    ran = holdfast("validate")
    assert ran.code == 0, ran.err
    (note,) = ran.err.splitlines()
    assert "scenarios use operations that the adapter adapters/mine.py does not offer: " in note
    assert "billing_inquiry" in note
    assert "look_at_me" not in note
    assert json.loads(holdfast("validate", "--json").out)["notes"] == [note.removeprefix("note: ")]
    profile = foreign / "scenarios/profiles/look_at_me.yaml"
    profile.write_text(
        profile.read_text("utf-8").replace("look_at_me: 1", "look_at_me: 1, billing_inquiry: 1"), "utf-8"
    )
    ran = holdfast("validate")
    assert ran.code == 2
    errors = [line for line in ran.err.splitlines() if line.startswith("error")]
    assert errors
    assert all(line.startswith("error scenarios/billing_inquiry.py:") for line in errors)


def test_an_operation_of_an_own_adapter_is_accepted_and_is_what_a_typo_may_mean(foreign: Path, holdfast) -> None:
    scenario = foreign / "scenarios/look_at_me.py"
    text = scenario.read_text(encoding="utf-8")
    scenario.write_text(text.replace("self.service.sign_in(self.account)", "self.service.list_orders()"))
    assert holdfast("validate").code == 0
    scenario.write_text(text.replace("self.service.sign_in(self.account)", "self.service.list_oders()"))
    ran = holdfast("validate")
    assert ran.code == 2
    assert 'did you mean "list_orders"?' in ran.err


def test_validate_says_what_is_wrong_as_json_too(workspace: Path, holdfast) -> None:
    (workspace / "plans/demo.yaml").write_text("kind: Plan\n", encoding="utf-8")
    ran = holdfast("validate", "--json")
    assert ran.code == 2
    assert json.loads(ran.out)["problems"]


def test_doctor_says_what_is_there(workspace: Path, holdfast) -> None:
    ran = holdfast("doctor", "--json")
    found = {finding["what"]: finding for finding in json.loads(ran.out)}
    assert {"Python", "browser", "load", "workspace", "reference stack"} <= set(found)
    assert ran.code == (2 if any(f["state"] == "missing" for f in found.values()) else 0)


def test_the_schema_is_a_json_schema(holdfast) -> None:
    jsonschema.Draft202012Validator.check_schema(json.loads(holdfast("schema").out))


def test_recover_with_nothing_left_in_says_so(workspace: Path, holdfast) -> None:
    ran = holdfast("recover")
    assert (ran.code, ran.out) == (0, "nothing was left in\n")


def test_recover_leaves_a_living_run_alone_of_whose_undo_log_a_line_cannot_be_read(workspace: Path, holdfast) -> None:
    run = workspace / "runs/20260101T000000Z-ci"
    run.mkdir(parents=True)
    (run / "undo.jsonl").write_text('{"id": "a", "at": 1.0, "exp\x00\x00\n{"done": "b", "at": 2.0}\n')
    with held(run):
        ran = holdfast("recover")
    assert (ran.code, ran.out) == (2, "")
    assert f"goes on (process {os.getpid()})" in ran.err

    ended = holdfast("recover")
    assert (ended.code, ended.out.startswith("STILL IN: line 1 of ")) == (4, True)


def test_the_stack_that_does_not_run_is_told(workspace: Path, holdfast) -> None:
    assert holdfast("stack", "status").code == 3
    assert json.loads(holdfast("stack", "status", "--json").out) == {"running": False}
    assert holdfast("stack", "down").code == 0


def test_calibrating_runs_no_profile_and_a_profile_is_needed_without(workspace: Path, holdfast) -> None:
    both = holdfast("load", "smoke", "--calibrate")
    assert both.code == 2
    assert "leave PROFILE out" in both.err
    neither = holdfast("load")
    assert neither.code == 2
    assert "PROFILE" in neither.err


def test_a_dry_run_says_what_the_plan_can_prove_and_starts_nothing(workspace: Path, holdfast) -> None:
    ran = holdfast("run", "ci", "--dry-run")

    assert ran.code == 0
    assert "sign-in-availability: about 1,212 events are planned in the 1 min 50 s that are judged." in ran.out
    assert "journey-success: about 18 events" in ran.out
    assert "sign-in-availability in fault: about 360 events" in ran.out
    assert "With replica_kill in it" in ran.out
    assert "inconclusive" not in ran.out  # a shipped plan can be met
    assert not (workspace / "runs").exists()
    facts = json.loads(holdfast("run", "ci", "--dry-run", "--json").out)
    assert facts[0]["name"] == "sign-in-availability"


def test_a_dry_run_counts_the_design_effect_that_the_plan_states(workspace: Path, holdfast) -> None:
    plan = workspace / "plans/ci.yaml"
    plan.write_text(plan.read_text(encoding="utf-8") + "verdict: {design_effect_floor: 5}\n", encoding="utf-8")

    assert "proving 99 % takes 1,495 without a bad one" in holdfast("run", "ci", "--dry-run").out


def test_a_design_effect_below_one_is_refused(workspace: Path, holdfast) -> None:
    plan = workspace / "plans/ci.yaml"
    plan.write_text(plan.read_text(encoding="utf-8") + "verdict: {design_effect_floor: 0.5}\n", encoding="utf-8")
    ran = holdfast("run", "ci", "--dry-run")

    assert ran.code == 2
    assert "design_effect_floor" in ran.err
