"""The shipped `ci` plan on stacks of which the truth is known: a healthy one passes, a sick one is missed.

A few seeds here; `make bench ONLY=gate` plays a thousand of each, and runs the plan on the real stack.
"""

from collections import Counter
from pathlib import Path

import pytest
from tests.unit.plan_simulation import HEALTHY, SICK, asked_once, simulate

from holdfast.errors import ExitCode
from holdfast.run.preparation import prepare
from holdfast.workspace.starter import copy_starter
from holdfast.workspace.workspace import find_workspace

ROOT = Path(__file__).resolve().parents[2]
SEEDS = 8
TOGETHER = """kind: Plan
description: The fault is judged together with all else, at the targets.
phases:
  - {name: warm_up, for: 15s, judged: false}
  - {name: baseline, for: 40s}
  - {name: fault, for: 40s}
  - {name: recovery, for: 40s}
load: [{profile: business_hours, scale: 0.2}]
chaos: [{experiment: replica_kill, during: fault}]
objectives: [{file: slo/self_service.yaml, only: [sign-in-availability, billing-availability]}]
"""


@pytest.fixture(scope="module")
def played():
    """Exit codes of the shipped plan on a stack."""
    prepared = prepare(find_workspace(ROOT), "ci", may_ask=False)
    asked = asked_once(prepared)
    return lambda stack: [simulate(prepared, asked, stack, seed) for seed in range(SEEDS)]


def _codes(ended):
    return Counter(one.exit_code for one in ended)


def test_a_healthy_stack_that_loses_a_replica_passes(played):
    assert _codes(played(HEALTHY)) == {ExitCode.MET: SEEDS}


@pytest.mark.parametrize("name", SICK)
def test_a_sick_stack_is_missed(played, name):
    assert _codes(played(SICK[name])) == {ExitCode.MISSED: SEEDS}


@pytest.mark.parametrize("name", SICK)
def test_a_sick_stack_is_missed_by_an_objective_and_not_by_the_guard_alone(played, name):
    for ended in played(SICK[name]):
        assert any(one.judged and one.verdict == "missed" for one in ended.objectives)


def test_what_the_fault_costs_at_once_drowns_what_is_judged_together_with_it(tmp_path):
    """Why the shipped plan judges the fault's phase by itself: a simulation in which a healthy stack cannot pass."""
    copy_starter(tmp_path / "workspace")
    (tmp_path / "workspace/plans/together.yaml").write_text(TOGETHER)
    prepared = prepare(find_workspace(tmp_path / "workspace"), "together", may_ask=False)
    asked = asked_once(prepared)

    codes = _codes(simulate(prepared, asked, HEALTHY, seed) for seed in range(SEEDS))

    assert codes[ExitCode.INCONCLUSIVE] > SEEDS / 2
    assert any("replica_kill" in notice for notice in prepared.notices)  # and it is foreseen
