"""Wrong input: one message per problem, all at once, exit 2, no traceback, nothing started."""

from pathlib import Path

import pytest

CASES = [
    ("plans/demo.yaml", "for: 25s", "for: 25", "is not a duration"),
    ("plans/demo.yaml", "kind: Plan", "kind: Plan\nkind: Plan", "written twice"),
    ("plans/demo.yaml", "phases:", "phases: [", "not YAML"),
    ("plans/demo.yaml", "capacity:", "capcity:", 'did you mean "capacity"?'),
    ("plans/demo.yaml", "business_hours", "busines_hours", 'did you mean "business_hours"?'),
    ("plans/demo.yaml", "name: reset_password", "name: reset_pasword", 'did you mean "reset_password"?'),
    (
        "plans/demo.yaml",
        "experiment: replica_kill",
        "experiment: kill_replica",
        'there is no experiment "kill_replica"',
    ),
    ("plans/demo.yaml", "during: fault", "during: fautl", 'did you mean "fault"?'),
    ("plans/demo.yaml", "slo/self_service.yaml", "slo/other.yaml", "there is no file of objectives"),
    ("plans/demo.yaml", "journey-success: 0.8", "journey-sucess: 0.8", 'did you mean "journey-success"?'),
    ("plans/demo.yaml", "journey-success: 0.8", "journey-success: 0.999", "above the target"),
    ("plans/demo.yaml", "capacity: self_service", "capacity: nobody", 'there is no sizing question "nobody"'),
    ("scenarios/profiles/business_hours.yaml", "sign_in:", "sing_in:", 'there is no scenario "sing_in"'),
    ("scenarios/profiles/business_hours.yaml", "/s", "/x", "is not an arrival rate"),
    ("scenarios/sign_in.py", "class ", "clas ", "scenarios/sign_in.py:"),
    ("synthetics/reset_password.py", "async def", "async deff", "synthetics/reset_password.py:"),
    ("slo/self_service.yaml", "target: 0.99", "target: 99", "slo/self_service.yaml:"),
    ("chaos/replica_kill.yaml", "rollbacks:", "rolbacks:", "rollbacks"),
]


def _change(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text, (path, old)
    path.write_text(text.replace(old, new), encoding="utf-8")


@pytest.mark.parametrize(("file", "old", "new", "told"), CASES, ids=[f"{c[0]}:{c[2][:20]}" for c in CASES])
def test_one_mistake_is_one_message_that_names_the_place(workspace, holdfast, file, old, new, told) -> None:
    _change(workspace / file, old, new)
    ran = holdfast("run", "demo")
    assert ran.code == 2, ran.err
    assert told in ran.err
    assert file.split("/")[-1].split(".")[0] in ran.err
    assert "Traceback" not in ran.err
    assert not (workspace / "runs").exists()


def test_all_mistakes_of_all_files_are_told_at_once(workspace, holdfast) -> None:
    _change(workspace / "plans/demo.yaml", "business_hours", "rush_hours")
    _change(workspace / "plans/demo.yaml", "name: reset_password", "name: nothing")
    _change(workspace / "plans/demo.yaml", "experiment: replica_kill", "experiment: meteor")
    _change(workspace / "slo/self_service.yaml", "target: 0.99", "target: 99")
    ran = holdfast("run", "demo")
    assert ran.code == 2
    for told in ('"rush_hours"', '"nothing"', '"meteor"', "slo/self_service.yaml:"):
        assert told in ran.err


def test_a_plan_that_is_not_there_is_named_with_those_that_are(workspace, holdfast) -> None:
    ran = holdfast("run", "dmo")
    assert ran.code == 2
    assert 'did you mean "demo"?' in ran.err


def test_a_far_target_is_refused_before_anything_is_sent(workspace, holdfast) -> None:
    (workspace / "holdfast.yaml").write_text(
        "targets: {far: {url: https://account.example}}\ndefault_target: far\n", encoding="utf-8"
    )
    ran = holdfast("run", "smoke")
    assert ran.code == 2
    assert "allowed: true" in ran.err
    assert not (workspace / "runs").exists()


def test_a_target_that_does_not_answer_is_wrong_input(workspace, holdfast, unused_tcp_port) -> None:
    (workspace / "holdfast.yaml").write_text(
        f"targets: {{mine: {{url: 'http://127.0.0.1:{unused_tcp_port}'}}}}\ndefault_target: mine\n", encoding="utf-8"
    )
    ran = holdfast("run", "smoke")
    assert ran.code == 2
    assert "does not answer" in ran.err


def test_a_missing_extra_is_told_with_the_command_that_installs_it(workspace, holdfast, monkeypatch) -> None:
    import importlib.util

    real = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *a: None if name == "playwright" else real(name, *a))
    ran = holdfast("run", "demo")
    assert ran.code == 2
    assert 'pip install "holdfast[synthetics]"' in ran.err


def test_no_browser_is_told_with_what_to_install(workspace, holdfast) -> None:
    text = (workspace / "holdfast.yaml").read_text(encoding="utf-8")
    (workspace / "holdfast.yaml").write_text(text + "browser: /no/such/chromium\n", encoding="utf-8")
    ran = holdfast("run", "demo")
    assert ran.code == 2
    assert "apt-get install chromium" in ran.err


def test_outside_a_workspace_the_way_in_is_told(tmp_path, monkeypatch, holdfast) -> None:
    monkeypatch.chdir(tmp_path)
    for command in (("run", "demo"), ("validate",), ("stack", "status"), ("report",)):
        ran = holdfast(*command)
        assert ran.code == 2
        assert "holdfast init" in ran.err


def test_a_run_folder_that_is_not_there_is_wrong_input(workspace, holdfast) -> None:
    ran = holdfast("report", "nothing")
    assert ran.code == 2
    assert "is not a run folder" in ran.err
    assert holdfast("report").code == 2


def test_a_wrong_option_is_wrong_input(workspace, holdfast) -> None:
    assert holdfast("run", "demo", "--sed", "1").code == 2
    assert holdfast("load", "smoke", "--for", "30").code == 2
    assert holdfast("nonsense").code == 2
