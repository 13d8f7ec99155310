"""Plans, load profiles, targets: accepted, refused, and in what words."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from holdfast.errors import InputError
from holdfast.workspace.binding import bind
from holdfast.workspace.document import load_document
from holdfast.workspace.plan import Plan
from holdfast.workspace.profile import LoadProfile
from holdfast.workspace.quantity import duration_text, per_second, seconds
from holdfast.workspace.target import TargetDefinition, is_loopback, refusal
from holdfast.workspace.workspace import find_workspace

PLAN = """kind: Plan
description: x
phases:
  - {name: baseline, for: 40s}
  - {name: fault, for: 20s, judged: false}
load: [{profile: smoke, scale: 0.5}]
objectives: [slo/a.yaml, {file: slo/b.yaml, gates: {x: 0.9}}]
"""


def _bind(tmp_path: Path, model, text: str):
    path = tmp_path / "a.yaml"
    path.write_text(text, encoding="utf-8")
    document, problems = load_document(path)
    assert document is not None, problems
    return bind(model, document)


def test_a_plan_is_read_with_its_phases_on_one_timeline(tmp_path: Path) -> None:
    plan, problems = _bind(tmp_path, Plan, PLAN)
    assert not problems
    assert plan.duration == 60
    assert plan.phase_bounds("fault") == (40, 60)
    assert [entry.file for entry in plan.objectives] == ["slo/a.yaml", "slo/b.yaml"]


def test_every_problem_of_a_plan_is_said_at_once_with_its_line(tmp_path: Path) -> None:
    text = "kind: Plan\ndescription: x\nphases:\n  - {name: Base, for: 40}\nlaod: []\nseed: yes\n"
    _, problems = _bind(tmp_path, Plan, text)
    told = "\n".join(map(str, problems))
    assert 'a.yaml:5  laod: unknown key "laod"' in told
    assert 'did you mean "load"?' in told
    assert "a.yaml:4  phases[0].for" in told
    assert "is not a duration" in told
    assert "phases[0].name" in told
    assert "seed" in told


def test_an_unknown_key_deep_down_is_compared_with_its_own_place(tmp_path: Path) -> None:
    _, problems = _bind(tmp_path, Plan, PLAN.replace("scale", "scaled"))
    assert any('did you mean "scale"?' in p.fix and "load[0].scaled" in p.where for p in problems), problems


def test_a_missing_key_is_said_where_it_should_stand(tmp_path: Path) -> None:
    _, problems = _bind(tmp_path, Plan, PLAN.replace("name: baseline, ", ""))
    assert any('"name" is missing' in p.what and "a.yaml:4" in p.where for p in problems), problems


def test_a_plan_that_measures_nothing_is_refused(tmp_path: Path) -> None:
    _, problems = _bind(tmp_path, Plan, "kind: Plan\ndescription: x\nphases: [{name: a, for: 1s}]\n")
    assert "nothing would be measured" in problems[0].what


def test_two_phases_of_one_name_are_refused(tmp_path: Path) -> None:
    _, problems = _bind(tmp_path, Plan, PLAN.replace("name: fault", "name: baseline"))
    assert "two phases are called baseline" in problems[0].what


PROFILE = """kind: LoadProfile
description: x
stages:
  - {ramp_to: 40/s, over: 30s}
  - {hold: 40/s, for: 2m}
mix: {sign_in: 5}
"""


def test_a_profile_expects_the_area_under_its_rate(tmp_path: Path) -> None:
    profile, problems = _bind(tmp_path, LoadProfile, PROFILE)
    assert not problems
    assert profile.seconds == 150
    assert profile.expected_arrivals(30) == pytest.approx(600)
    assert profile.expected_arrivals(15) == pytest.approx(150)
    assert profile.expected_arrivals(200) == pytest.approx(600 + 170 * 40)
    assert profile.expected_arrivals(30, scale=0.5) == pytest.approx(300)


def test_a_profile_is_open_or_closed_or_both_and_never_neither(tmp_path: Path) -> None:
    _, problems = _bind(tmp_path, LoadProfile, PROFILE + "virtual_users: 5\nthink_time: 2s\n")
    assert not problems
    _, problems = _bind(tmp_path, LoadProfile, "kind: LoadProfile\ndescription: x\nmix: {a: 1}\n")
    assert "either stages" in problems[0].fix


@pytest.mark.parametrize("weight", ["inf", "1.0e+308", "nan", "0"])
def test_a_weight_of_the_mix_is_one_whose_part_can_be_told(tmp_path: Path, weight: str) -> None:
    _, problems = _bind(tmp_path, LoadProfile, PROFILE.replace("{sign_in: 5}", f"{{sign_in: {weight}, a: 1}}"))
    assert ["a.yaml:6" in p.where for p in problems] == [True], problems


def test_a_stage_is_a_ramp_or_a_hold(tmp_path: Path) -> None:
    _, problems = _bind(
        tmp_path, LoadProfile, PROFILE.replace("{ramp_to: 40/s, over: 30s}", "{ramp_to: 40/s, for: 30s}")
    )
    assert "a stage is" in problems[0].what


@pytest.mark.parametrize(("text", "value"), [("30s", 30.0), ("400ms", 0.4), ("2m", 120.0), ("28d", 28 * 86400.0)])
def test_durations_have_units(text: str, value: float) -> None:
    assert seconds(text) == value


@pytest.mark.parametrize("text", ["30", "", "s", "-5s", "1 year", "∞s", 30, None])
def test_what_is_not_a_duration_is_refused_with_an_example(text: object) -> None:
    with pytest.raises(ValueError, match="such as 30s"):
        seconds(text)


def test_rates_are_per_second_or_minute() -> None:
    assert per_second("40/s") == 40
    assert per_second("90/m") == 1.5
    with pytest.raises(ValueError, match="such as 40/s"):
        per_second("40")


def test_durations_read_well() -> None:
    assert [duration_text(v) for v in (0.0123, 5, 93, 7200, 2419200)] == ["12 ms", "5 s", "1 min 33 s", "2 h", "28 d"]


@pytest.mark.parametrize(
    ("url", "near"),
    [
        ("http://127.0.0.1:80", True),
        ("http://localhost", True),
        ("http://[::1]:8", True),
        ("http://127.9.9.9", True),
        ("https://account.example", False),
        ("http://10.0.0.1", False),
        ("http://localhost.evil.example", False),
    ],
)
def test_only_loopback_is_this_machine(url: str, near: bool) -> None:
    assert is_loopback(url) is near


def test_a_far_target_is_refused_unless_allowed() -> None:
    far = TargetDefinition(url="https://account.example")
    refused = refusal("staging", far, "holdfast.yaml:3")
    assert refused is not None
    assert "allowed: true" in refused.fix
    assert refusal("staging", far.model_copy(update={"allowed": True}), "") is None


def test_an_address_with_a_password_is_refused() -> None:
    with pytest.raises(ValidationError, match="user name or password"):
        TargetDefinition(url="https://me:secret@account.example")


def test_without_a_workspace_the_way_to_one_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holdfast init"):
        find_workspace(tmp_path)


def test_a_default_target_must_be_known(tmp_path: Path) -> None:
    (tmp_path / "holdfast.yaml").write_text("targets: {a: {stack: reference}}\ndefault_target: b\n")
    with pytest.raises(InputError, match="default_target"):
        find_workspace(tmp_path)
