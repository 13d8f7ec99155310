"""What is planned in the judged phases is the area under the rate just there, not a share of the whole."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from holdfast.run.asked import AskedExperiment, AskedLoad, AskedObjective, AskedPhase
from holdfast.run.outlook import prospects_of, told, unprovable
from holdfast.run.preparation import prepare, profile_for_child
from holdfast.run.prospect import Prospect
from holdfast.run.validation import validate
from holdfast.slo.attainability import with_burst
from holdfast.slo.indicator import Counts
from holdfast.slo.openslo import Objective, load_objectives
from holdfast.slo.verdict import Verdict, judge
from holdfast.workspace.document import load_documents
from holdfast.workspace.profile import LoadProfile
from holdfast.workspace.starter import copy_starter
from holdfast.workspace.workspace import find_workspace

ROOT = Path(__file__).resolve().parents[2]
GUIDE = "docs/guides/size-a-stack.md"

SLO = """apiVersion: openslo/v1
kind: SLO
metadata: {name: sign-in}
spec:
  service: account
  indicator:
    metadata: {name: sign-in}
    spec:
      ratioMetric:
        counter: true
        good: {metricSource: {type: holdfast, spec: {name: sign_in, outcome: ok}}}
        total: {metricSource: {type: holdfast, spec: {name: sign_in}}}
  timeWindow: [{duration: 28d, isRolling: true}]
  budgetingMethod: Occurrences
  objectives: [{target: 0.999}]
"""


@dataclass
class Plan:
    phases: tuple[AskedPhase, ...]
    load: tuple[AskedLoad, ...]
    objectives: tuple[AskedObjective, ...]
    journeys: tuple[()] = ()
    experiments: tuple[AskedExperiment, ...] = ()
    scenario_steps: dict[str, tuple[str, ...]] = field(default_factory=dict)
    floor: float = 1.0

    @property
    def plan(self) -> SimpleNamespace:
        verdict = SimpleNamespace(design_effect_floor=self.floor)
        return SimpleNamespace(duration=max(phase.end for phase in self.phases), verdict=verdict)


@pytest.fixture
def objective(tmp_path) -> Objective:
    (tmp_path / "slo.yaml").write_text(SLO, encoding="utf-8")
    documents, problems = load_documents(tmp_path / "slo.yaml")
    assert not problems
    (found,), problems = load_objectives(documents)
    assert not problems
    return found


def test_a_spike_outside_the_judged_phase_proves_nothing(objective) -> None:
    stages = [{"hold": "1/s", "for": "60s"}, {"spike_to": "500/s", "over": "5s", "for": "50s"}]
    profile = LoadProfile.model_validate(
        {"kind": "LoadProfile", "description": "x", "stages": stages, "mix": {"sign_in": 1}}
    )
    load = AskedLoad("p", 1.0, 0.0, 120.0, profile_for_child(profile))
    for judged_first, is_told in ((True, True), (False, False)):
        phases = (AskedPhase("a", 0.0, 60.0, judged_first), AskedPhase("b", 60.0, 120.0, not judged_first))
        plan = Plan(phases, (load,), (AskedObjective(objective, 0.999),))
        notices = unprovable(plan, {"p": profile})  # type: ignore[arg-type]
        assert bool(notices) is is_told
        if is_told:
            assert "about 60 events" in notices[0]


def test_what_goes_to_the_child_says_all_that_the_profile_says() -> None:
    asked = {"kind": "LoadProfile", "description": "x", "mix": {"a": 1}, "stages": [{"hold": "1/s", "for": "1s"}]}
    message = profile_for_child(LoadProfile.model_validate(asked))
    assert (message["new_connections"], message["accounts"]) == (1.0, "leased")
    asked |= {"visitors": {"new_connections": 0.2}, "accounts": "shared"}
    message = profile_for_child(LoadProfile.model_validate(asked))
    assert (message["new_connections"], message["accounts"]) == (0.2, "shared")


def planned(objective, rate: str, target: float = 0.999, **changes) -> tuple[Prospect, ...]:
    profile = LoadProfile.model_validate(
        {"kind": "LoadProfile", "description": "x", "stages": [{"hold": rate, "for": "60s"}], "mix": {"sign_in": 1}}
    )
    load = AskedLoad("p", 1.0, 0.0, 60.0, profile_for_child(profile))
    plan = Plan((AskedPhase("a", 0.0, 60.0, judged=True),), (load,), (AskedObjective(objective, target),), **changes)
    return prospects_of(plan, {"p": profile})  # type: ignore[arg-type]


def test_a_plan_that_can_never_be_met_says_what_would_do(objective) -> None:
    (prospect,) = planned(objective, "20/s")

    assert prospect.warning == (
        "sign-in: about 1,200 events are planned in the 1 min that are judged; proving 99.9 % takes 2,995 without a "
        "bad one, so at best it ends inconclusive. It would take 2 min 30 s at this rate, or 2.5 times the rate, or a "
        "gate of at most 99.75 %"
    )
    assert told([prospect]) == (prospect.warning,)


def test_a_plan_that_can_never_be_missed_says_so(objective) -> None:
    (prospect,) = planned(objective, "0.2/s", target=0.05)

    assert prospect.planned == 12
    assert prospect.warning is not None
    assert prospect.warning.endswith("even if all of them were bad it could not be missed")


def test_a_plan_that_can_end_either_way_says_with_what_and_how_likely(objective) -> None:
    (prospect,) = planned(objective, "200/s")

    assert told([prospect]) == ()
    assert prospect.at_most == 12_000 + 439
    assert prospect.sentence == (
        "sign-in: about 12,000 events are planned in the 1 min that are judged. 99.9 % is met with at most 6 bad and "
        "missed with 19; a clean record proves it after 2,995, in 15 s. Chance of met at half the budget: 60 %; of "
        "missed at twice the budget: 87 %"
    )


def test_a_known_design_effect_makes_it_dearer(objective) -> None:
    (prospect,) = planned(objective, "200/s", floor=5.0)

    assert prospect.outlook is not None
    assert prospect.outlook.needed_to_meet == 5 * 2995
    assert "proving 99.9 % takes 14,975" in (prospect.warning or "")


KILL = AskedExperiment("kill", "chaos/kill.yaml", "A kill", 20.0, 40.0)


def test_what_the_plans_own_fault_costs_at_once_is_foreseen(objective) -> None:
    """1,200 clean events prove 99 %; with ten of them lost in one second they do not, and with few they do."""
    (calm,) = planned(objective, "20/s", target=0.99)
    (hit,) = planned(objective, "20/s", target=0.99, experiments=(KILL,))
    (lenient,) = planned(objective, "20/s", target=0.8, experiments=(KILL,))

    assert calm.burst is None
    assert hit.burst is not None
    assert (hit.burst.at_once, hit.burst.borne) == (10, False)
    assert hit.burst.design_effect > 10
    assert hit.warning is not None
    assert "10 at once" in hit.warning
    assert "gates: {sign-in: …}" in hit.warning
    assert lenient.burst is not None
    assert lenient.burst.borne
    assert lenient.warning is None
    assert "kill" in lenient.sentence


def test_a_phase_judged_by_itself_has_a_prospect_of_its_own_and_counts_in_no_other(objective) -> None:
    profile = LoadProfile.model_validate(
        {"kind": "LoadProfile", "description": "x", "stages": [{"hold": "20/s", "for": "60s"}], "mix": {"sign_in": 1}}
    )
    load = AskedLoad("p", 1.0, 0.0, 60.0, profile_for_child(profile))
    phases = (AskedPhase("a", 0.0, 15.0, judged=True), AskedPhase("b", 15.0, 60.0, judged=True, gates={"sign-in": 0.8}))
    plan = Plan(phases, (load,), (AskedObjective(objective, 0.99),), experiments=(KILL,))

    whole, apart = prospects_of(plan, {"p": profile})  # type: ignore[arg-type]

    assert (whole.planned, whole.phase, whole.burst) == (300, None, None)
    assert (apart.planned, apart.phase, apart.gate) == (900, "b", 0.8)
    assert apart.faults == ("kill",)
    assert apart.sentence.startswith("sign-in in b: about 900 events")


def test_a_burst_is_borne_as_the_verdict_bears_it() -> None:
    """The outlook of a record and the verdict on it are one arithmetic."""
    for at_once in (1, 3, 8, 20, 60):
        total = np.full(45, 8)
        bad = np.zeros(45, dtype=int)
        left = at_once
        for second in range(22, 45):
            bad[second] = min(left, 8)
            left -= int(bad[second])
        counts = Counts(np.arange(45), total - bad, total)
        assert with_burst(0.8, 360, 45.0, at_once).borne is (judge(counts, 0.8).verdict is Verdict.MET)


@pytest.mark.parametrize(
    ("start", "hold", "is_told"), [("8/s", "6s", True), ("8/s", "8s", False), ("10/s", "6s", False)]
)
def test_a_held_rate_that_brings_too_little_is_foreseen(tmp_path, start: str, hold: str, is_told: bool) -> None:
    copy_starter(tmp_path / "w")
    question = tmp_path / "w/capacity/next.yaml"
    question.write_text(
        "kind: CapacityQuestion\ndescription: How many?\nprofile: business_hours\n"
        "objectives:\n  - {file: slo/self_service.yaml, only: [sign-in-latency]}\n"
        f"search: {{start: {start}, most: 80/s, hold: {hold}}}\npeak: 100/s\n"
    )
    (tmp_path / "w/plans/next.yaml").write_text(
        "kind: Plan\ndescription: Sizing.\nphases: [{name: warm_up, for: 5s, judged: false}]\ncapacity: next\n"
    )
    workspace = find_workspace(tmp_path / "w")

    prepared = prepare(workspace, "next", may_ask=False)

    (trial,) = prepared.trials
    assert bool(trial.warning) is is_told
    assert prepared.notices == ((trial.warning,) if trial.warning else ())
    assert any("sizing next" in note for note in validate(workspace).notes) is is_told
    if trial.warning:
        assert "about 48 events; proving 95 % takes 59" in trial.warning
        assert "Hold each rate for 7.38s, or start at 9.84/s" in trial.warning


def test_the_sizing_questions_that_are_shipped_and_shown_can_decide() -> None:
    workspace = find_workspace(ROOT)
    assert [note for note in validate(workspace).notes if "sizing" in note] == []


def test_the_guides_sizing_question_can_decide(tmp_path) -> None:
    (example,) = re.findall(r"```yaml\n(kind: CapacityQuestion.*?)```", (ROOT / GUIDE).read_text("utf-8"), re.DOTALL)
    copy_starter(tmp_path / "w")
    (tmp_path / "w/capacity/guide.yaml").write_text(example)

    assert [note for note in validate(find_workspace(tmp_path / "w")).notes if "sizing" in note] == []
