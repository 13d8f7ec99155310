"""What is planned in the judged phases is the area under the rate just there, not a share of the whole."""

from dataclasses import dataclass, field
from types import SimpleNamespace

import pytest

from holdfast.run.asked import AskedLoad, AskedObjective, AskedPhase
from holdfast.run.outlook import unprovable
from holdfast.run.preparation import profile_for_child
from holdfast.slo.objective import Objective
from holdfast.slo.openslo import load_objectives
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

    @property
    def plan(self) -> SimpleNamespace:
        return SimpleNamespace(duration=max(phase.end for phase in self.phases))


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
    for judged_first, told in ((True, True), (False, False)):
        phases = (AskedPhase("a", 0.0, 60.0, judged_first), AskedPhase("b", 60.0, 120.0, not judged_first))
        plan = Plan(phases, (load,), (AskedObjective(objective, 0.999),))
        notices = unprovable(plan, {"p": profile})  # type: ignore[arg-type]
        assert bool(notices) is told
        if told:
            assert "about 60 events" in notices[0]


def test_what_goes_to_the_child_says_all_that_the_profile_says() -> None:
    asked = {"kind": "LoadProfile", "description": "x", "mix": {"a": 1}, "stages": [{"hold": "1/s", "for": "1s"}]}
    message = profile_for_child(LoadProfile.model_validate(asked))
    assert (message["new_connections"], message["accounts"]) == (1.0, "leased")
    asked |= {"visitors": {"new_connections": 0.2}, "accounts": "shared"}
    message = profile_for_child(LoadProfile.model_validate(asked))
    assert (message["new_connections"], message["accounts"]) == (0.2, "shared")
