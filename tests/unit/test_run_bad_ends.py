"""Visits that ended badly, as every report tells them: whether or not an objective counts them."""

import io
import re
from dataclasses import replace
from decimal import Decimal

import pytest
from rich.console import Console
from tests.unit.test_run_validity import RECORDED, SECONDS, ZERO, Run

from holdfast.record.recorder import Recorder, fold
from holdfast.record.store import Event, RunStore
from holdfast.report import html, junit, markdown
from holdfast.report.terminal import render
from holdfast.run.asked import AskedObjective, read_asked
from holdfast.slo.indicator import Indicator, Selector

SAID = (
    "61 of 139 visits of sign_in ended badly (transport error: ConnectionRefusedError), and no objective counts them."
)


def _objective(*names, outcomes=("ok",)):
    indicator = Indicator("seen", Selector(names, "load"), good=Selector(names, "load", outcomes))
    objective = replace(read_asked(RECORDED).objectives[0].objective, indicator=indicator, target=Decimal("0.9"))
    return AskedObjective(objective, 0.9)


def _dead(path, *objectives, steps=(), **more):
    """139 visits, of which 61 found nobody at home; each of `steps` was reached and failed by all of those."""
    more = {"objectives": objectives, "scenarios": {"sign_in": ("zeta", "alpha")}} | more
    run = Run(path, visits=78, more=more)
    recorder = Recorder("load")
    for number in range(78):
        for step in ("zeta", "alpha"):
            recorder.add(f"sign_in/{step}", ZERO + number / 4, "ok", 0.1)
    for number in range(61):
        at = ZERO + 20 + number / 10
        for name in ("sign_in", *(f"sign_in/{step}" for step in steps)):
            recorder.add(name, at, "transport_error", 0.001, 0.0, "ConnectionRefusedError")
    with RunStore.open(run.folder.database) as store:
        store.write(fold("load", recorder.take()))
        told = {"planned": 139, "started": 139, "dropped": 0, "finished": 139, "unfinished": 0}
        store.write_event(Event(ZERO + SECONDS, "load", "child_done", told))
    return run.judged()


def _screen(summary):
    console = Console(width=100, file=io.StringIO(), color_system=None, _environ={})
    render(summary, console)
    return console.file.getvalue()


def _badly_ended(summary):
    return [(a.answer, a.verdict) for a in summary.answers if a.question == "Did every visit end well?"]


def test_a_target_that_died_where_no_objective_looks_is_told_beside_the_verdict(tmp_path):
    found = _dead(tmp_path / "run", _objective("sign_in/alpha"), steps=("zeta",))
    assert (found.verdict, found.exit_code) == ("met", 0)
    assert found.headline == "Every objective was met, but 61 visits ended badly that no objective counts"
    assert _badly_ended(found) == [(SAID, "bad")]
    for report in (markdown.render(found), junit.render(found), html.render(found)):
        assert "61 of 139 visits of sign" in report
        assert "ConnectionRefusedError" in report


@pytest.mark.parametrize(
    ("names", "outcomes", "told"),
    [
        (("sign_in",), ("ok",), False),
        (("*/zeta",), ("ok",), False),
        (("*/*",), ("ok",), False),
        (("*/alpha",), ("ok",), True),
        (("sign_in",), ("ok", "transport_error"), True),  # selects them, and takes them for good
        (("*/*/GET *",), ("ok",), True),
    ],
)
def test_a_bad_visit_is_counted_by_its_own_name_or_by_the_step_it_failed_in(tmp_path, names, outcomes, told):
    found = _dead(tmp_path / "run", _objective(*names, outcomes=outcomes), steps=("zeta",))
    assert bool(_badly_ended(found)) == told


def test_the_cause_named_is_that_of_the_visits_that_are_not_counted(tmp_path):
    run = Run(tmp_path / "run", visits=0, more={"objectives": (_objective("sign_in/alpha"),)})
    recorder = Recorder("load")
    for outcome, detail, step, times in (("timed_out", "alpha", "alpha", 9), ("failed", "500", "zeta", 3)):
        for number in range(times):
            recorder.add("sign_in", ZERO + number, outcome, 0.1, 0.0, detail)
            recorder.add(f"sign_in/{step}", ZERO + number, outcome, 0.1, 0.0, detail)
    with RunStore.open(run.folder.database) as store:
        store.write(fold("load", recorder.take()))
    ((text, _),) = _badly_ended(run.judged())
    assert text == "3 of 12 visits of sign_in ended badly (failed: 500), and no objective counts them."


def test_without_objectives_nothing_counts_them_by_the_same_rule(tmp_path):
    found = _dead(tmp_path / "run", steps=("zeta",))
    assert found.headline == "61 visits did not end well, and no objective says how many may"
    ((text, verdict),) = _badly_ended(found)
    assert (text.endswith("and no objective says how many may."), verdict) == (True, "unclear")


def test_an_attack_that_met_its_limit_did_not_end_badly(tmp_path):
    refused = [("rate_limited", 0.001)] * 20
    objectives = {"objectives": (_objective("other/step"),)}
    attack = Run(tmp_path / "attack", more=objectives | {"attacks": ("sign_in",)}, more_visits=refused)
    assert not _badly_ended(attack.judged())
    assert _badly_ended(Run(tmp_path / "customers", more=objectives, more_visits=refused).judged())


def test_visits_that_no_step_lost_and_arrivals_that_were_dropped_are_where_customers_drop_off(tmp_path):
    found = _dead(tmp_path / "crashed")
    drop_off = next(a for a in found.answers if a.question == "Where do customers drop off?")
    assert drop_off.answer == "sign_in: 61 of 139 visits ended outside of any step (61 transport error)."
    assert drop_off.verdict == "neutral"
    scenarios = {"scenarios": {"sign_in": ("zeta",)}}
    dropped = Run(tmp_path / "dropped", more=scenarios, more_visits=[("dropped", 0.0)] * 11).judged()
    assert dropped.load.funnels[0].dropped == 11
    for told in (found, dropped):
        assert "Nowhere" not in markdown.render(told)
        assert "No loss" not in _screen(told)
    assert "sign_in: 11 of 101 arrivals were dropped before they began" in _screen(dropped)
    assert "11 of 101 arrivals were dropped before they began</p>" in html.render(dropped)


def test_steps_stand_in_the_order_of_the_visit_not_of_the_alphabet(tmp_path):
    series = [s.name for s in _dead(tmp_path / "run").load.series if s.phase == "run"]
    assert series == ["sign_in", "sign_in/zeta", "sign_in/alpha"]


def test_the_load_is_told_in_a_line_a_scenario_with_what_the_bad_ones_were(tmp_path):
    found = _dead(tmp_path / "run")
    (one,) = found.load.scenarios
    assert (one.name, one.phase, one.count, one.rate) == ("sign_in", "judged", 139, pytest.approx(139 / SECONDS))
    for report in (_screen(found), markdown.render(found).replace("\\_", "_")):
        assert "transport error 61 (ConnectionRefusedError)" in report
        assert re.search(r"sign_in[ |]+139[ |]+4.63/s[ |]+56.1.%[ |]+100.ms[ |]+100.ms[ |]+100.ms", report)
        assert re.search(r"· the ok ones[ |]+78[ |]+100.ms", report)
    assert "visits not ok in sign_in: transport error 61 (ConnectionRefusedError)" in junit.render(found)


def test_a_missed_objective_names_the_cause_in_its_failure(tmp_path):
    found = junit.render(_dead(tmp_path / "run", _objective("sign_in")))
    failure = found.split('.run" time', 1)[1].split("</failure>", 1)[0]
    assert "visits not ok in sign_in: transport error 61 (ConnectionRefusedError)" in failure
