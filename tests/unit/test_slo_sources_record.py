"""Records as a source: counted as a run's judgement counts, and measured only while somebody looked."""

import sqlite3
from contextlib import closing
from decimal import Decimal
from pathlib import Path

import pytest

from holdfast.errors import InputError, RunFolderError
from holdfast.record.recorder import Recorder, fold
from holdfast.record.store import Event, RunStore
from holdfast.record.timeline import PHASE
from holdfast.record.timeline import Span as Stretch
from holdfast.slo.indicator import Indicator, Selector, count
from holdfast.slo.objective import AnyIndicator, Objective, Query, QueryRaw
from holdfast.slo.sources.record import open_record
from holdfast.slo.window import Span, parse_window

SIGN_IN = Indicator("ok", Selector(("sign_in",), "load"), good=Selector(("sign_in",), "load", ("ok",)))
RUNS = Path(__file__).resolve().parents[1] / "data/runs"


def _objective(indicator: AnyIndicator = SIGN_IN) -> Objective:
    return Objective(
        "sign-in",
        "",
        "s",
        "",
        Decimal("0.99"),
        parse_window("28d"),
        indicator,
        runbook="",
        owner="",
        where="slo/a.yaml:9",
    )


def _record(folder: Path, phases: list[tuple[float, float | None]], samples: list[tuple[float, str]]) -> Path:
    folder.mkdir(parents=True)
    with RunStore.create(folder / "run.db") as store:
        recorder = Recorder("load")
        for at, outcome in samples:
            recorder.add("sign_in", at, outcome, 0.1)
        store.write(fold("load", recorder.take()))
        for number, (start, end) in enumerate(phases):
            store.write_span(Stretch(PHASE, f"p{number}", start, end, start, end))
            if end is not None:
                store.write_event(Event(end, "run", "sealed"))
    return folder


def test_steps_hold_what_was_due_in_them_and_are_measured_while_it_was_on(tmp_path: Path) -> None:
    folder = _record(tmp_path / "r", [(120, 300)], [(125, "ok"), (125.5, "failed"), (181, "ok"), (299.9, "ok")])
    found = open_record(folder).observe(_objective(), Span(0, 600), 60)
    assert found.history.total.tolist() == [0, 0, 2, 1, 1, 0, 0, 0, 0, 0]
    assert found.history.good.tolist() == [0, 0, 1, 1, 1, 0, 0, 0, 0, 0]
    assert found.history.measured.tolist() == [False] * 2 + [True] * 3 + [False] * 5
    assert found.notes == ()


def test_a_window_is_cut_to_whole_steps_and_what_is_cut_off_is_told(tmp_path: Path) -> None:
    folder = _record(tmp_path / "r", [(120, 210)], [(119, "ok"), (125, "ok"), (200, "ok")])
    found = open_record(folder).observe(_objective(), Span(61, 215), 60)
    assert (found.history.start, found.history.end) == (120, 180)
    assert found.history.total.tolist() == [1]
    assert found.notes == ("its last 30 s lie in a step that is not over: a smaller --step, or a later --at, has them",)


def test_runs_of_a_folder_are_one_history_with_nothing_measured_between_them(tmp_path: Path) -> None:
    _record(tmp_path / "runs/a", [(0, 60)], [(1, "ok")])
    _record(tmp_path / "runs/b", [(180, 240)], [(200, "failed")])
    (tmp_path / "runs/not_a_run").mkdir()
    source = open_record(tmp_path / "runs")
    found = source.observe(_objective(), Span(0, 240), 60).history
    assert found.measured.tolist() == [True, False, False, True]
    assert found.good.tolist() == [1, 0, 0, 0]
    assert source.name.endswith("(2 records)")
    assert source.extent(_objective()) == Span(0, 240)


def test_one_that_was_killed_is_measured_to_the_last_thing_it_wrote(tmp_path: Path) -> None:
    folder = _record(tmp_path / "r", [(0, None)], [(1, "ok"), (130, "ok")])
    found = open_record(folder).observe(_objective(), Span(0, 600), 60).history
    assert found.measured.tolist() == [True, True, True] + [False] * 7


def test_one_without_phases_is_measured_from_its_release(tmp_path: Path) -> None:
    folder = _record(tmp_path / "r", [], [(130, "ok")])
    with RunStore.open(folder / "run.db") as store:
        store.write_event(Event(60, "run", "released"))
        store.write_event(Event(240, "run", "sealed"))
    found = open_record(folder).observe(_objective(), Span(0, 300), 60).history
    assert found.measured.tolist() == [False, True, True, True, False]


def test_a_record_of_nothing_is_measured_nowhere(tmp_path: Path) -> None:
    source = open_record(_record(tmp_path / "r", [], []))
    found = source.observe(_objective(), Span(0, 120), 60)
    assert not found.history.measured.any()
    assert source.extent(_objective()) is None
    assert "lies in the window" in found.notes[0]


def test_a_real_run_counts_what_its_judgement_counts() -> None:
    from holdfast.slo.openslo import load_objectives
    from holdfast.workspace.document import load_documents

    documents, _ = load_documents(RUNS.parents[2] / "slo/self_service.yaml")
    objectives, problems = load_objectives(documents)
    assert problems == []
    source = open_record(RUNS / "fault_hurt")
    with RunStore.open(RUNS / "fault_hurt/run.db") as store:
        intervals, phases = store.intervals(), store.spans(PHASE)
    judged = [phase for phase in phases if phase.attributes["judged"]]
    for objective in objectives:
        extent = source.extent(objective)
        assert extent is not None
        found = source.observe(objective, Span(extent.start - 5, extent.end + 5), 1).history
        ends = [*(one.ended for one in judged[:-1]), 2**40]  # what drained is the last phase's
        counts = [count(intervals, objective.events, one.started, end) for one, end in zip(judged, ends, strict=True)]
        assert found.good.sum() == sum(one.good_events for one in counts)
        assert found.total.sum() == sum(one.total_events for one in counts) > 0


def test_what_is_no_record_is_told(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for folder in (tmp_path / "empty", tmp_path / "none"):
        with pytest.raises(RunFolderError, match="holds no record"):
            open_record(folder)
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad/run.db").write_bytes(b"not a database, but long enough to be looked at" * 100)
    with pytest.raises(RunFolderError, match="not a run record"):
        open_record(tmp_path / "bad").observe(_objective(), Span(0, 60), 60)


def test_a_record_that_is_damaged_inside_is_told(tmp_path: Path) -> None:
    folder = _record(tmp_path / "r", [(0, 60)], [(1, "ok")])
    with closing(sqlite3.connect(folder / "run.db")) as connection, connection:
        connection.execute("UPDATE intervals SET response = x'81'")
    with pytest.raises(RunFolderError, match="is damaged"):
        open_record(folder).observe(_objective(), Span(0, 60), 60)


def test_metrics_of_another_source_are_none_of_its(tmp_path: Path) -> None:
    folder = _record(tmp_path / "r", [(0, 60)], [(1, "ok")])
    raw = QueryRaw("r", Query("prometheus", {"query": "x"}), success=True)
    with pytest.raises(InputError, match="holds holdfast's own samples"):
        open_record(folder).observe(_objective(raw), Span(0, 60), 60)
