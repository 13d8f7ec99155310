"""Attacks run only where they are allowed, and within bounds that no file can raise."""

from pathlib import Path

import pytest

from holdfast.errors import InputError
from holdfast.run.attacks import MOST_ATTACK_RATE, MOST_ATTACK_VISITS, allows_attacks
from holdfast.run.preparation import prepare
from holdfast.workspace.target import TargetDefinition
from holdfast.workspace.workspace import find_workspace

PROFILE = "scenarios/profiles/credential_stuffing.yaml"
PLAN = """kind: Plan
description: For a test.
phases: [{name: attack, for: 30s}]
load: [{profile: credential_stuffing}]
"""


@pytest.fixture(autouse=True)
def nothing_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """No target is asked, no scenario imported: this is about what is refused before."""
    monkeypatch.setattr("holdfast.run.preparation.import_problems", lambda _files: ())
    monkeypatch.setattr("holdfast.run.requirements.unreachable", lambda *_: [])


def _problems(workspace: Path, plan: str = PLAN) -> list[str]:
    (workspace / "plans/attack.yaml").write_text(plan, encoding="utf-8")
    try:
        prepare(find_workspace(workspace), "attack")
    except InputError as error:
        return [str(problem) for problem in error.problems]
    return []


def _aim(workspace: Path, target: str) -> None:
    (workspace / "holdfast.yaml").write_text(f"targets: {{it: {target}}}\ndefault_target: it\n", encoding="utf-8")


def test_the_reference_stack_may_be_attacked(workspace: Path) -> None:
    assert _problems(workspace) == []


@pytest.mark.parametrize(
    ("target", "allowed"),
    [
        ("{url: 'http://127.0.0.1:9'}", True),
        ("{url: 'https://account.example', allowed: true, attacks: true}", True),
        ("{url: 'https://account.example', allowed: true}", False),
        ("{url: 'https://account.example', attacks: true}", False),
    ],
)
def test_another_target_is_attacked_only_when_it_says_so_twice(workspace: Path, target: str, allowed: bool) -> None:
    _aim(workspace, target)
    problems = _problems(workspace)
    told = [p for p in problems if "does not allow attacks" in p]
    assert (told == []) is allowed, problems
    if not allowed:
        assert f"{PROFILE}:7" in told[0]
        assert "attacks: true" in told[0]


def test_a_loopback_name_in_front_of_a_far_host_is_far() -> None:
    assert not allows_attacks(TargetDefinition(url="https://127.0.0.1.example", attacks=True))


def test_load_tells_the_command_lines_user_and_exits_with_two(workspace: Path, holdfast) -> None:
    _aim(workspace, "{url: 'https://account.example', allowed: true}")
    ran = holdfast("load", "credential_stuffing", "--for", "5s")
    assert ran.code == 2
    assert "is an attack, and target it does not allow attacks" in ran.err
    assert not (workspace / "runs").exists()


def _change(workspace: Path, old: str, new: str) -> None:
    path = workspace / PROFILE
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def test_too_high_a_rate_of_attackers_is_told_at_the_profiles_line(workspace: Path) -> None:
    _change(workspace, "6/s", "60/s")
    (problem,) = _problems(workspace)
    assert f"{PROFILE}:4" in problem
    assert f"12 attackers a second at the peak; at most {MOST_ATTACK_RATE:g} may come" in problem


def test_the_scale_and_several_loads_count_together(workspace: Path) -> None:
    twice = "[{profile: credential_stuffing, scale: 5}, {profile: account_enumeration, scale: 3}]"
    (problem,) = _problems(workspace, PLAN.replace("[{profile: credential_stuffing}]", twice))
    assert "scenarios/profiles/account_enumeration.yaml" in problem
    assert "at most" in problem


def test_too_many_attackers_are_too_many_at_any_rate(workspace: Path) -> None:
    (problem,) = _problems(workspace, PLAN.replace("for: 30s", "for: 2h"))
    assert f"at most {MOST_ATTACK_VISITS} may be made" in problem


def test_a_closed_model_of_attackers_has_no_bound_and_is_refused(workspace: Path) -> None:
    text = (workspace / PROFILE).read_text(encoding="utf-8")
    head, rest = text.split("arrivals:")
    mix = rest[rest.index("mix:") :]
    (workspace / PROFILE).write_text(f"{head}virtual_users: 3\nthink_time: 1s\n{mix}", encoding="utf-8")
    (problem,) = _problems(workspace)
    assert "a closed model has no limit of its rate" in problem


def test_no_sizing_is_for_attackers(workspace: Path) -> None:
    path = workspace / "capacity/self_service.yaml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("profile: business_hours", "profile: credential_stuffing"), encoding="utf-8")
    assert "profile: credential_stuffing" in path.read_text(encoding="utf-8")
    plan = PLAN.replace("load: [{profile: credential_stuffing}]", "capacity: self_service")
    assert any("no sizing is for attackers" in problem for problem in _problems(workspace, plan))
