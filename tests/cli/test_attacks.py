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
    monkeypatch.setattr("holdfast.run.preparation.import_problems", lambda _files, _root: ())
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


def test_a_scenario_that_guesses_must_say_that_it_is_an_attack(workspace: Path, holdfast) -> None:
    path = workspace / "scenarios/credential_stuffing.py"
    text = path.read_text(encoding="utf-8")
    assert "    attack = True\n" in text
    path.write_text(text.replace("    attack = True\n", ""), encoding="utf-8")
    lines = path.read_text(encoding="utf-8").splitlines()
    line = next(number for number, text in enumerate(lines, 1) if "guess_password" in text)
    told = f"scenarios/credential_stuffing.py:{line}: guess_password is what attackers do"
    for ran in (holdfast("load", "credential_stuffing", "--for", "5s"), holdfast("validate")):
        assert ran.code == 2
        assert told in ran.out + ran.err
        assert "write attack = True in the class" in ran.out + ran.err
    assert not (workspace / "runs").exists()


def test_virtual_users_beside_stages_are_refused_at_their_line(workspace: Path) -> None:
    _change(workspace, "visitors:", "virtual_users: 5000\nvisitors:")
    (problem,) = _problems(workspace)
    assert f"{PROFILE}:8" in problem
    assert "a closed model has no limit of its rate" in problem


CURVES = {"burst.csv": "offset,rate\n0,1\n5,80\n10,1\n", "hill.csv": "offset,rate\n0,0\n5,40\n10,0\n"}


def _arrive(workspace: Path, *stages: str) -> None:
    """One of five is an attacker."""
    for name, text in CURVES.items():
        (workspace / "scenarios/profiles" / name).write_text(text, encoding="utf-8")
    lines = "\n".join(f"  - {stage}" for stage in stages)
    text = f"""kind: LoadProfile
description: For a test.
stages:
{lines}
mix: {{sign_in: 4, credential_stuffing: 1}}
"""
    (workspace / PROFILE).write_text(text, encoding="utf-8")


def _plan(scale: float = 1.0, during: str = "[]", **phases: int) -> str:
    lines = ", ".join(f"{{name: {name}, for: {seconds}s}}" for name, seconds in phases.items())
    load = f"[{{profile: credential_stuffing, scale: {scale}, during: {during}}}]"
    return f"kind: Plan\ndescription: For a test.\nphases: [{lines}]\nload: {load}\n"


@pytest.mark.parametrize("scale", [0.5, 1, 2])
@pytest.mark.parametrize(
    ("stage", "peak"),
    [
        ("{hold: 60/s, for: 30s}", 12),
        ("{ramp_to: 60/s, over: 30s}", 12),
        ("{stairs: {from: 70/s, to: 10/s, steps: 3}, over: 30s}", 14),
        ("{spike_to: 80/s, over: 1s, for: 2s}", 16),
        ("{sine: {mean: 40/s, amplitude: 35/s, period: 10s}, for: 30s}", 15),
        ("{curve: burst.csv, over: 3s}", 16),
        ("{curve: hill.csv, scale: 2}", 16),
    ],
)
def test_the_peak_of_every_kind_of_stage_counts(workspace: Path, stage: str, peak: float, scale: float) -> None:
    _arrive(workspace, stage)
    problems = _problems(workspace, _plan(scale, attack=30))
    told = [f"{peak * scale:.3g} attackers a second" in problem for problem in problems]
    assert told == ([True] if peak * scale > MOST_ATTACK_RATE else []), problems


@pytest.mark.parametrize("scale", [0.3, 1, 1.2])
@pytest.mark.parametrize(
    ("stage", "visits"),
    [
        ("{hold: 20/s, for: 10s}", 4000),  # the last rate holds on
        ("{ramp_to: 40/s, over: 1000s}", 4000),
        ("{stairs: {from: 10/s, to: 40/s, steps: 4}, over: 1000s}", 5000),
        ("{spike_to: 40/s, over: 250s, for: 500s}", 6000),
        ("{sine: {mean: 20/s, amplitude: 20/s, period: 100s}, for: 1000s}", 4000),
        ("{curve: hill.csv, over: 1000s}", 4000),
    ],
)
def test_the_visits_of_every_kind_of_stage_are_counted_exactly(
    workspace: Path, stage: str, visits: float, scale: float
) -> None:
    _arrive(workspace, stage)
    problems = _problems(workspace, _plan(scale, attack=1000))
    told = [f"{visits * scale:.0f} visits of attackers" in problem for problem in problems]
    assert told == ([True] if scale >= 1 else []), problems


def test_what_the_plan_is_too_short_to_play_does_not_count(workspace: Path) -> None:
    _arrive(workspace, "{hold: 6/s, for: 60s}", "{spike_to: 400/s, over: 1s, for: 2s}")
    assert _problems(workspace, _plan(attack=60)) == []
    assert len(_problems(workspace, _plan(attack=61))) == 1


@pytest.mark.parametrize(
    ("during", "seconds", "visits"),
    [
        ("[one]", 400, None),  # 1200: a ramp to 6 attackers a second
        ("[one, two]", 300, None),  # 675 each: begun anew
        ("[one, two]", 400, 2400),
        ("[two, one]", 400, 2400),
        ("[one, gap]", 400, 3600),  # one stretch: the second phase goes on at the peak
        ("[]", 400, 6000),
    ],
)
def test_the_visits_of_all_phases_that_play_a_profile_are_summed(
    workspace: Path, during: str, seconds: int, visits: float | None
) -> None:
    _arrive(workspace, "{ramp_to: 30/s, over: 400s}")
    problems = _problems(workspace, _plan(1, during, one=seconds, gap=seconds, two=seconds))
    assert [f"{visits} visits of attackers" in problem for problem in problems] == [True] * (visits is not None)


def test_the_visits_of_several_loads_are_summed(workspace: Path) -> None:
    _arrive(workspace, "{hold: 20/s, for: 1s}")
    load = "{profile: credential_stuffing, during: [one]}"
    plan = _plan(1, "[two]", one=300, two=300).replace("load: [", f"load: [{load}, ")
    (problem,) = _problems(workspace, plan)
    assert "2400 visits of attackers" in problem


def test_phases_apart_do_not_add_up_their_peaks_but_the_longer_one_tells_the_peak(workspace: Path) -> None:
    _arrive(workspace, "{ramp_to: 80/s, over: 20s}")
    assert _problems(workspace, _plan(1, "[one, two]", one=10, gap=5, two=12)) == []
    (problem,) = _problems(workspace, _plan(1, "[one, two]", one=10, gap=5, two=15))
    assert "12 attackers a second" in problem


def test_a_scale_without_end_is_beyond_the_bounds(workspace: Path) -> None:
    _arrive(workspace, "{hold: 0/s, for: 30s}")
    rate, visits = _problems(workspace, PLAN.replace("stuffing}", "stuffing, scale: inf}"))
    assert "nan attackers a second" in rate
    assert "nan visits of attackers" in visits


def test_a_sizing_beside_a_load_of_attackers_is_refused_too(workspace: Path) -> None:
    path = workspace / "capacity/self_service.yaml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("profile: business_hours", "profile: credential_stuffing"), encoding="utf-8")
    assert any(
        "no sizing is for attackers" in problem for problem in _problems(workspace, f"{PLAN}capacity: self_service\n")
    )


def test_no_sizing_is_for_attackers(workspace: Path) -> None:
    path = workspace / "capacity/self_service.yaml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("profile: business_hours", "profile: credential_stuffing"), encoding="utf-8")
    assert "profile: credential_stuffing" in path.read_text(encoding="utf-8")
    plan = PLAN.replace("load: [{profile: credential_stuffing}]", "capacity: self_service")
    assert any("no sizing is for attackers" in problem for problem in _problems(workspace, plan))
