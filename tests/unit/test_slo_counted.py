"""What counts in an error budget: one figure of a run, whoever asks for it."""

import json
import shutil
import tempfile
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from holdfast.monitor.exporter import Exporter
from holdfast.record.recorder import Recorder, fold
from holdfast.record.store import Event, RunStore
from holdfast.record.timeline import FAULT, PHASE, SEARCH, SEARCH_STEP, Span
from holdfast.run.asked import AskedObjective, AskedPhase, read_asked, write_asked
from holdfast.run.budget_cost import run_burn_down, run_costs
from holdfast.run.folder import RunFolder
from holdfast.run.judgement import judge_run
from holdfast.run.recorded import read_recorded
from holdfast.run.summary import WHOLE_RUN, write_summary
from holdfast.slo.indicator import Indicator, Selector
from holdfast.slo.sources.record import open_record
from holdfast.slo.standing import standing
from holdfast.slo.window import Span as Stretch
from holdfast.slo.window import parse_window

RUNS = Path(__file__).resolve().parents[1] / "data" / "runs"
RECORDED = RunFolder(RUNS / "fault_hurt")
ZERO = 1_772_355_000
OK = Indicator("ok", Selector(("sign_in",), "load"), good=Selector(("sign_in",), "load", ("ok",)))

Second = tuple[int, int]  # good and bad


def objective(indicator=OK, target="0.9"):
    one = read_asked(RECORDED).objectives[0].objective
    return replace(one, name="sign-in", indicator=indicator, target=Decimal(target), window=parse_window("28d"))


def recorded_run(path, phases, seconds, *, searched=None, steps=True, name="sign_in", attacks=(), wanted=None):
    """`phases`: (length, judged); `seconds`: good and bad in each, also after the phases; `searched`: from when."""
    path.mkdir(parents=True)
    wanted = wanted or objective()
    folder = RunFolder(path)
    asked, begin = [], 0
    for number, (length, judged) in enumerate(phases):
        asked.append(AskedPhase(f"p{number}", float(begin), float(begin + length), judged))
        begin += length
    more = {"objectives": (AskedObjective(wanted, 0.9),), "experiments": (), "journeys": (), "phases": tuple(asked)}
    write_asked(replace(read_asked(RECORDED), attacks=attacks, **more), folder)
    recorder = Recorder("load")
    for second, (good, bad) in enumerate(seconds):
        for outcome, number in (("ok", good), ("failed", bad)):
            for _ in range(number):
                recorder.add(name, ZERO + second + 0.25, outcome, 0.1)
    with RunStore.create(folder.database) as store:
        store.write(fold("load", recorder.take()))
        for one in asked:
            start, end = ZERO + one.start, ZERO + one.end
            store.write_span(Span(PHASE, one.name, start, end, start, end, {"judged": one.judged}))
        if searched is not None:
            at = float(ZERO + searched)
            store.write_span(
                Span(SEARCH_STEP, "1: 9/s", at + 1, at + 9, at, at + 9) if steps else Span(SEARCH, "q", None, None, at)
            )
        store.write_event(Event(float(ZERO), "run", "released", {"time_zero": float(ZERO)}))
        store.write_event(Event(float(ZERO + max(len(seconds), begin)), "run", "sealed", {"interrupted": False}))
    return folder


def counted_by_all(folder, wanted=None):
    """(bad, total) as the judgement, status and gate, costs and picture each have it."""
    wanted = wanted or objective()
    recorded = read_recorded(folder)
    source = open_record(folder.path)
    span = Stretch(ZERO - 600, ZERO + 4200)
    observed = source.observe(wanted, span, 60)
    found = {"status": (observed.history.bad.sum(), observed.history.total.sum())}
    summary = judge_run(folder)
    whole = [one for one in summary.objectives if one.phase == WHOLE_RUN]
    found["run"] = (whole[0].total - whole[0].good, whole[0].total) if whole else (0, 0)
    for cut in ("phase", "journey"):
        mine = [cost for by, cost in run_costs(recorded, wanted) if by == cut]
        found[f"by {cut}"] = (sum(c.balance.bad for c in mine), sum(c.balance.total for c in mine))
    exported = {"ok": 0.0, "failed": 0.0}
    for family in text_string_to_metric_families(Exporter(lambda: [folder.database]).text().decode()):
        for sample in family.samples:
            if sample.name == "holdfast_samples_total" and sample.labels["outcome"] in exported:
                exported[sample.labels["outcome"]] += sample.value
    found["exporter"] = (exported["failed"], sum(exported.values()))
    return found, summary, standing(wanted, observed, span.end), run_burn_down(recorded, wanted)


PHASES = st.lists(st.tuples(st.integers(1, 12), st.booleans()), min_size=1, max_size=4)
SECONDS = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 3)), min_size=1, max_size=60)


@given(PHASES, SECONDS, st.one_of(st.none(), st.integers(0, 10)), st.booleans())
@settings(max_examples=60, deadline=None)
def test_whoever_asks_what_a_run_spent_gets_one_figure(phases, seconds, later, steps):
    end = sum(length for length, _ in phases)
    searched = None if later is None else end + later
    with tempfile.TemporaryDirectory() as place:
        folder = recorded_run(Path(place) / "run", phases, seconds, searched=searched, steps=steps)
        found, summary, one, finer = counted_by_all(folder)
        # A phase's events are those due in it; what drains after the last, until a search begins, is of the last.
        wanted, begin = [0, 0], 0
        for number, (length, judged) in enumerate(phases):
            last = number == len(phases) - 1
            to = begin + length if not last else len(seconds) if searched is None else max(searched, begin + length)
            if judged:
                wanted[0] += sum(bad for _, bad in seconds[begin:to])
                wanted[1] += sum(good + bad for good, bad in seconds[begin:to])
            begin += length
        assert found == dict.fromkeys(found, tuple(wanted))
        for row in summary.objectives:
            if row.phase == WHOLE_RUN and row.total:
                assert summary.timeline.budget_left["sign-in"][-1] == pytest.approx(1 - row.budget_spent)
                assert one.burn_down[-1][1] == pytest.approx(1 - row.budget_spent)
                assert finer[-1][1] == pytest.approx(1 - row.budget_spent)
        if not wanted[1]:
            assert summary.timeline.budget_left == {}
            assert one.remaining is None


@pytest.mark.parametrize("name", sorted(path.name for path in RUNS.iterdir() if path.is_dir()))
def test_the_picture_of_a_recorded_runs_budget_ends_where_its_table_and_its_status_do(tmp_path, name):
    shutil.copytree(RUNS / name, tmp_path / "run")
    folder = RunFolder(tmp_path / "run")
    summary, source = judge_run(folder), open_record(folder.path)
    whole = {one.name: one for one in summary.objectives if one.phase == WHOLE_RUN}
    assert set(summary.timeline.budget_left) == {name for name, one in whole.items() if one.total}
    for asked in read_recorded(folder).asked.objectives:
        row = whole[asked.objective.name]
        history = source.observe(
            asked.objective, Stretch(summary.run.time_zero - 60, summary.run.ended + 60), 1
        ).history
        assert (history.good.sum(), history.total.sum()) == (row.good, row.total)
        if row.total:
            assert summary.timeline.budget_left[row.name][-1] == pytest.approx(1 - row.budget_spent)


@pytest.mark.parametrize("steps", [True, False])
def test_a_capacity_search_spends_nothing_and_status_says_what_it_left_out(tmp_path, steps):
    """`steps` False: killed in its first rate, before the span of that was written."""
    folder = recorded_run(tmp_path / "run", [(10, True)], [(9, 0)] * 12 + [(0, 50)] * 20, searched=12, steps=steps)
    found, *_ = counted_by_all(folder)
    assert set(found.values()) == {(0, 108)}
    (note,) = open_record(folder.path).observe(objective(), Stretch(ZERO, ZERO + 60), 60).notes
    assert note == "a capacity search, which overloads on purpose, counts in no budget: 20 s"


def test_a_search_alone_is_no_history(tmp_path):
    folder = recorded_run(tmp_path / "run", [(1, False)], [(0, 0)] + [(0, 50)] * 20, searched=1)
    observed = open_record(folder.path).observe(objective(), Stretch(ZERO, ZERO + 60), 60)
    assert observed.history.total.sum() == 0
    assert not observed.history.measured.any()


def test_a_warm_up_spends_nothing(tmp_path):
    folder = recorded_run(tmp_path / "run", [(5, False), (5, True)], [(0, 9)] * 5 + [(9, 0)] * 5)
    found, summary, *_ = counted_by_all(folder)
    assert set(found.values()) == {(0, 45)}
    assert summary.timeline.budget_left["sign-in"] == (1.0,) * 10


def test_what_failed_while_the_run_drained_is_in_the_picture_too(tmp_path):
    folder = recorded_run(tmp_path / "run", [(5, True)], [(9, 0)] * 5 + [(0, 1)] * 3)
    found, summary, *_ = counted_by_all(folder)
    assert set(found.values()) == {(3, 48)}
    assert summary.timeline.budget_left["sign-in"][-1] == pytest.approx(1 - 3 / 4.8)


def test_a_run_whose_measurement_is_invalid_is_no_history(tmp_path):
    folder = recorded_run(tmp_path / "run", [(5, True)], [(0, 9)] * 5)
    summary = judge_run(folder)
    write_summary(replace(summary, validity=replace(summary.validity, verdict="invalid")), folder.path)
    observed = open_record(folder.path).observe(objective(), Stretch(ZERO, ZERO + 60), 60)
    assert observed.history.total.sum() == 0
    assert observed.notes == ("a run whose measurement is invalid counts in no budget: 5 s",)


def test_a_summary_that_was_cut_short_changes_nothing(tmp_path):
    folder = recorded_run(tmp_path / "run", [(5, True)], [(8, 1)] * 5)
    (folder.path / "summary.json").write_text('{"validity": {"verd')
    assert counted_by_all(folder)[0]["status"] == (5, 45)


@pytest.mark.parametrize(("names", "bad"), [(("*/try",), 0), (("credential_stuffing/try",), 40)])
def test_attackers_are_no_customers_unless_an_objective_names_them(tmp_path, names, bad):
    indicator = Indicator("x", Selector(names, "load"), good=Selector(names, "load", ("ok",)))
    more = {"name": "credential_stuffing/try", "attacks": ("credential_stuffing",), "wanted": objective(indicator)}
    folder = recorded_run(tmp_path / "run", [(8, True)], [(0, 5)] * 8, **more)
    found, *_ = counted_by_all(folder, objective(indicator))
    assert found["run"] == found["status"] == found["by phase"] == (bad, bad)


@pytest.mark.parametrize("judged", [True, False])
def test_a_fault_is_priced_whether_or_not_its_phase_is_judged(tmp_path, judged):
    seconds = [(20, 0)] * 20 + [(2, 18)] * 10 + [(20, 0)] * 20
    folder = recorded_run(tmp_path / "run", [(20, True), (10, judged), (20, True)], seconds)
    with RunStore.open(folder.database) as store:
        at = ZERO + 20.0
        store.write_span(Span(FAULT, "kill", at, at + 10, at, at + 10, {"experiment": "kill", "verdict": "passed"}))
    (fault,) = judge_run(folder).faults
    assert fault.bad_events == 180
    # 20 events a second, 10 % of which may fail, for 28 days; what else failed was expected.
    assert fault.budget_spent["sign-in"] == pytest.approx(180 / (2 * 28 * 86_400), rel=0.05)
    assert ("its price is in no budget" in fault.reason) is not judged


def test_the_scrape_keeps_what_does_not_count_apart(tmp_path):
    folder = recorded_run(
        tmp_path / "run", [(5, False), (5, True)], [(0, 9)] * 5 + [(9, 0)] * 5 + [(0, 7)], searched=10
    )
    found = {
        (sample.name, sample.labels.get("outcome")): sample.value
        for family in text_string_to_metric_families(Exporter(lambda: [folder.database]).text().decode())
        for sample in family.samples
    }
    assert found["holdfast_samples_total", "ok"] == 45
    assert found["holdfast_samples_total", "failed"] == 0
    assert found["holdfast_uncounted_samples_total", "failed"] == 52


def test_a_budget_of_slices_is_drawn_by_its_slices(workspace_of_slices):
    one = workspace_of_slices
    assert one["burn_down"][-1][1] == pytest.approx(one["budget"]["remaining"])


@pytest.fixture
def workspace_of_slices(tmp_path):
    from holdfast.slo.objective import Method, NoData, Slices
    from holdfast.slo.status import Told, status_of

    seconds = [(9, 1)] * 30 + [(5, 5)] * 30
    folder = recorded_run(tmp_path / "run", [(60, True)], seconds)
    sliced = replace(objective(), method=Method.TIMESLICES, slices=Slices(10, Decimal("0.8"), NoData.EXCLUDE))
    at = float(ZERO + 60)
    observed = open_record(folder.path).observe(sliced, Stretch(at - 28 * 86_400, at), 10)
    recorded = read_recorded(folder)
    told = Told(standing(sliced, observed, at), "run", burn_down=run_burn_down(recorded, sliced))
    from dataclasses import asdict

    found = status_of([told], (), (), at=at, step=10, exit_codes={"met": 0, "missed": 1, "inconclusive": 3})
    return json.loads(json.dumps(asdict(found)))["objectives"][0]
