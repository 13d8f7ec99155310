"""Commands that start nothing."""

import json
from pathlib import Path

import jsonschema
import pytest

from holdfast.cli.program import _COMMANDS


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


def test_the_stack_that_does_not_run_is_told(workspace: Path, holdfast) -> None:
    assert holdfast("stack", "status").code == 1
    assert json.loads(holdfast("stack", "status", "--json").out) == {"running": False}
    assert holdfast("stack", "down").code == 0


def test_calibrating_runs_no_profile_and_a_profile_is_needed_without(workspace: Path, holdfast) -> None:
    both = holdfast("load", "smoke", "--calibrate")
    assert both.code == 2
    assert "leave PROFILE out" in both.err
    neither = holdfast("load")
    assert neither.code == 2
    assert "PROFILE" in neither.err
