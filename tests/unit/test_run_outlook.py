"""What is planned in the judged phases is the area under the rate just there, not a share of the whole."""

from dataclasses import dataclass, field
from types import SimpleNamespace

import pytest

from holdfast.run.asked import AskedLoad, AskedObjective, AskedPhase
from holdfast.run.outlook import prospects_of, told, unprovable
from holdfast.run.preparation import profile_for_child
from holdfast.run.prospect import Prospect
from holdfast.slo.openslo import Objective, load_objectives
from holdfast.workspace.document import load_documents
from holdfast.workspace.profile import LoadProfile

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
