"""The runner's pure parts: stretches of load, what a held rate says, what answers a reader gets, run folders."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from holdfast.errors import RunFolderError
from holdfast.record.histogram import Histogram
from holdfast.record.recorder import Interval
from holdfast.run.answers import answers
from holdfast.run.children import Children
from holdfast.run.folder import create_run_folder, open_run_folder, read_facts, write_facts
from holdfast.run.search import _our_own_fault
from holdfast.run.summary import WHOLE_RUN, ObjectiveResult
from holdfast.workspace.plan import LoadEntry, PhaseDefinition, Plan
from holdfast.workspace.starter import copy_starter
from holdfast.workspace.target import TargetDefinition, refusal

MET = ObjectiveResult(
    name="sign-in",
    display_name="Sign-in works",
    service="account",
    phase=WHOLE_RUN,
    judged=True,
    verdict="met",
    good=500,
    total=500,
    ratio=1.0,
    target=0.99,
    gate=0.99,
    interval=(0.994, 1.0),
    burn_rate=0.0,
    budget_spent=0.0,
    window_budget_spent=0.0,
    window=2_419_200.0,
    design_effect=1.0,
    design_effect_high=1.0,
    effect_block=1,
    effective_total=500.0,
    needed=0,
    reason="",
)


def _visits(count: int, outcome: str = "ok", detail: str = "") -> Interval:
    histogram = Histogram({1000: count})
    return Interval(5, "load", "sign_in", outcome, detail, count, histogram, histogram, None, 0.1)


def _answer(question: str, *objectives: ObjectiveResult, verdict: str = "met") -> tuple[str, str]:
    found = {a.question.split()[0] + a.question.split()[1]: a for a in answers(verdict, objectives, (), None, (), None)}
    return found[question].answer, found[question].verdict


def test_phases_that_follow_each_other_are_one_stretch_of_load_and_a_gap_stays_without() -> None:
    def stretches(*during: str) -> list[tuple[float, float]]:
        return list(plan.stretches(LoadEntry(profile="smoke", during=during)))

    phases = tuple(PhaseDefinition.model_validate({"name": name, "for": "10s"}) for name in ("a", "b", "c"))
    plan = Plan(kind="Plan", description="x", phases=phases, load=(LoadEntry(profile="smoke"),))
    assert stretches("b", "a") == [(0, 20)]
    assert stretches("a", "c") == [(0, 10), (20, 30)]
    assert stretches("a", "a") == [(0, 10)]
    assert stretches() == [(0, 30)]


def test_a_rate_that_was_not_offered_says_nothing_of_the_target() -> None:
    assert _our_own_fault([_visits(100)], {}, rate=20.0, offered=20.0) is None
    assert "only 17/s" in str(_our_own_fault([_visits(85)], {}, rate=20.0, offered=17.0))
    assert "late" in str(_our_own_fault([_visits(100)], {"lag_p99": 0.2}, rate=20.0, offered=20.0))
    starved = [_visits(99), _visits(1, "dropped", "no free account")]
    assert "want of accounts" in str(_our_own_fault(starved, {}, rate=20.0, offered=20.0))
    slow_target = [_visits(50), _visits(50, "dropped", "no free visitor")]
    assert _our_own_fault(slow_target, {}, rate=20.0, offered=20.0) is None


def test_a_judged_phase_that_was_missed_is_never_told_as_good_news() -> None:
    missed = replace(MET, phase="recovery", verdict="missed", good=90, total=100, ratio=0.9)
    assert _answer("Wasevery", MET, missed, verdict="missed")[1] == "bad"
    text, verdict = _answer("Inwhich", MET, missed, verdict="missed")
    assert (verdict, "90.0 % of 100 against a target of 99.0" in text) == ("bad", True)


def test_an_invalid_measurement_is_never_told_as_good_news() -> None:
    phase = replace(MET, phase="baseline")
    for question in ("Wasevery", "Inwhich"):
        assert _answer(question, MET, phase, verdict="invalid")[1] == "unclear"


def test_a_run_that_was_cut_short_does_not_say_that_every_objective_was_met() -> None:
    text, verdict = _answer("Wasevery", MET, verdict="interrupted")
    assert (verdict, text.startswith("It cannot be told: the run was cut short.")) == ("unclear", True)


def test_a_phase_in_which_nothing_was_seen_is_not_in_none() -> None:
    blind = replace(MET, phase="baseline", verdict="inconclusive", good=0, total=0, ratio=None)
    text, verdict = _answer("Inwhich", MET, blind, verdict="met")
    assert (verdict, "Not seen in every phase: sign-in" in text) == ("unclear", True)


def test_a_gate_is_told_beside_its_target() -> None:
    low = replace(MET, gate=0.8)
    assert "only asked to prove 80.0 %" in _answer("Wasevery", low)[0]
    below = replace(low, phase="fault", verdict="inconclusive", good=85, total=100, ratio=0.85)
    assert "a target of 99.00 % (gate 80.0 %)" in _answer("Inwhich", low, below)[0]


def test_messages_of_a_far_host_are_not_read_either_unless_it_is_allowed() -> None:
    definition = TargetDefinition(url="http://127.0.0.1:80", outbox_url="https://mail.example")
    refused = refusal("mine", definition, "holdfast.yaml:3")
    assert refused is not None
    assert "mail.example" in refused.what


@pytest.mark.parametrize("url", ["http://localhost:abc", "http://local host", "http://localhost:0", "ftp://localhost"])
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="address"):
        TargetDefinition(url=url)


def test_run_folders_of_one_second_are_numbered_and_found_again(tmp_path: Path) -> None:
    first = create_run_folder(tmp_path, "demo", 1_795_000_000.0)
    second = create_run_folder(tmp_path, "demo", 1_795_000_000.0)
    assert second.path.name == f"{first.path.name}-2"
    write_facts(second, {"id": "x"})
    assert read_facts(open_run_folder(Path("last"), tmp_path)) == {"id": "x"}
    with pytest.raises(RunFolderError, match="is not a run folder"):
        open_run_folder(first.path, tmp_path)


def test_what_a_child_finds_wrong_is_wrong_input_and_a_child_that_dies_is_not(tmp_path: Path) -> None:
    from holdfast.clock import SystemClock
    from holdfast.errors import InputError, MeasurementError

    (tmp_path / "telling.py").write_text('print(\'{"problems": [{"where": "a.py:1", "what": "is wrong"}]}\')\n')
    (tmp_path / "dying.py").write_text("raise SystemExit('no such thing')\n")
    for module, raised, text in (
        ("telling", InputError, "a.py:1: is wrong"),
        ("dying", MeasurementError, "no such thing"),
    ):
        children = Children(SystemClock(), tmp_path)
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("PYTHONPATH", str(tmp_path))
            children.start(module, module, dict(os.environ))
        with pytest.raises(raised, match=text):
            children.wait_until_ready(30)
        children.end(5)


def test_an_error_names_a_childs_log_only_where_that_is_kept(tmp_path: Path) -> None:
    from holdfast.clock import SystemClock
    from holdfast.errors import MeasurementError

    (tmp_path / "dying.py").write_text("raise SystemExit('no such thing')\n")
    for kept in (True, False):
        children = Children(SystemClock(), tmp_path, logs_kept=kept)
        children.start("dying", "dying", {**os.environ, "PYTHONPATH": str(tmp_path)})
        with pytest.raises(MeasurementError, match="no such thing") as caught:
            children.wait_until_ready(30)
        children.end(5)
        assert ("dying.log" in str(caught.value)) is kept


def test_the_starter_never_overwrites(tmp_path: Path) -> None:
    from holdfast.errors import InputError

    (tmp_path / "plans").mkdir()
    with pytest.raises(InputError, match="nothing is overwritten"):
        copy_starter(tmp_path)
    assert not (tmp_path / "slo").exists()
