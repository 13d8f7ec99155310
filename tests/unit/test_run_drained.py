"""Steps that visitors take after the last phase, while the run drains, are counted with it: they are the slow ones'."""

from dataclasses import replace

from tests.unit.test_run_validity import RECORDED, SECONDS, ZERO, Run

from holdfast.record.recorder import Recorder, fold
from holdfast.record.store import RunStore
from holdfast.record.timeline import SEARCH_STEP, Span
from holdfast.run.asked import AskedObjective, read_asked
from holdfast.run.recorded import read_recorded
from holdfast.run.uncounted import uncounted_visits
from holdfast.slo.indicator import Indicator, Selector


def run_with_late_steps(path, visits=90, **more):
    run = Run(path, visits=visits, **more)
    recorder = Recorder("load")
    for number in range(90):
        # The last thirty come to their step after the phase is over, and fail there.
        late = number >= 60
        at = ZERO + SECONDS + 0.6 if late else ZERO + number * SECONDS / 90
        recorder.add("sign_in/sign_in", at, "failed" if late else "ok", 1.0)
    with RunStore.open(run.folder.database) as store:
        store.write(fold("load", recorder.take()))
    return run


def test_every_step_of_every_visit_is_in_the_series_and_the_funnel(tmp_path):
    summary = run_with_late_steps(tmp_path / "run").judged()
    (whole,) = (s for s in summary.load.series if s.name == "sign_in/sign_in" and s.phase == "run")
    (phase,) = (s for s in summary.load.series if s.name == "sign_in/sign_in" and s.phase == "load")
    assert whole.count == phase.count == 90
    assert whole.outcomes == phase.outcomes == {"ok": 60, "failed": 30}


def test_an_objective_on_a_step_counts_them_too(tmp_path):
    wanted = Selector(("*/sign_in",), "load")
    indicator = Indicator("x", wanted, good=Selector(("*/sign_in",), "load", ("ok",)))
    objective = replace(read_asked(RECORDED).objectives[0].objective, indicator=indicator)
    summary = run_with_late_steps(tmp_path / "run", more={"objectives": (AskedObjective(objective, 0.99),)}).judged()
    assert {(r.phase, r.good, r.total, r.verdict) for r in summary.objectives} == {
        ("load", 60, 90, "missed"), ("run", 60, 90, "missed"),
    }  # fmt: skip


def test_a_capacity_search_after_the_phases_is_not_counted_with_them(tmp_path):
    run = run_with_late_steps(tmp_path / "run")
    with RunStore.open(run.folder.database) as store:
        began = ZERO + SECONDS + 0.4
        store.write_span(Span(SEARCH_STEP, "10/s", began, began + 5, began, began + 5, {}))
    (whole,) = (s for s in run.judged().load.series if s.name == "sign_in/sign_in" and s.phase == "run")
    assert whole.count == 60


def test_what_an_objective_counts_there_is_not_told_as_uncounted(tmp_path):
    indicator = Indicator("x", Selector(("*/sign_in",), "load"), good=Selector(("*/sign_in",), "load", ("ok",)))
    objective = replace(read_asked(RECORDED).objectives[0].objective, indicator=indicator)
    asked = {"objectives": (AskedObjective(objective, 0.99),)}
    run = run_with_late_steps(tmp_path / "run", visits=60, more_visits=[("failed", 1.0)] * 30, more=asked)
    assert uncounted_visits(read_recorded(run.folder)) == ()
