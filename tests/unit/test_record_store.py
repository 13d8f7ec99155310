"""`run.db`: written by several, read at any moment."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from holdfast.errors import RunFolderError
from holdfast.record.recorder import Recorder, fold
from holdfast.record.sample import FAILED, OK
from holdfast.record.store import Event, Gauge, RunStore
from holdfast.record.timeline import FAULT, PHASE, Span


def _folded(source: str = "load"):
    recorder = Recorder(source)
    recorder.add("sign_in", 100.4, OK, 0.25, lag=0.05, trace_id="aa")
    recorder.add("sign_in", 101.4, FAILED, 0.5, detail="503")
    return fold(source, recorder.take())


def test_what_was_written_is_read_back(tmp_path: Path) -> None:
    folded = _folded()
    with RunStore.create(tmp_path / "run.db") as store:
        store.write(folded)
        store.write_gauges([Gauge(1.0, "target", "replicas_ready", 2.0)])
        store.write_span(Span(PHASE, "baseline", 1.0, 2.0, None, None, {"judged": True}))
        store.write_event(Event(3.0, "run", "released", {"time_zero": 3.0}))
    with RunStore.open(tmp_path / "run.db") as store:
        assert store.intervals() == sorted(folded.intervals, key=lambda i: i.second)
        assert {s.trace_id for s in store.exemplars()} == {"aa", ""}
        assert store.gauges("target", "replicas_ready")[0].value == 2.0
        assert store.spans()[0].attributes == {"judged": True}
        assert store.events("released")[0].facts == {"time_zero": 3.0}


def test_deltas_of_one_second_from_two_writers_add_up(tmp_path: Path) -> None:
    RunStore.create(tmp_path / "run.db").close()
    with RunStore.open(tmp_path / "run.db") as first, RunStore.open(tmp_path / "run.db") as second:
        first.write(_folded())
        second.write(_folded())
        assert [i.count for i in first.intervals("load")] == [2, 2]
        assert first.intervals("synthetics") == []


def test_a_span_is_replaced_by_its_newer_row(tmp_path: Path) -> None:
    with RunStore.create(tmp_path / "run.db") as store:
        store.write_span(Span(FAULT, "replica_kill", None, None, 5.0, None))
        store.write_span(Span(FAULT, "replica_kill", None, None, 5.0, 9.0))
        assert [(s.started, s.ended) for s in store.spans(FAULT)] == [(5.0, 9.0)]


def test_the_record_is_readable_after_its_writer_was_killed(tmp_path: Path) -> None:
    path = tmp_path / "run.db"
    script = (
        "import sys, time\n"
        "from pathlib import Path\n"
        "from holdfast.record.recorder import Recorder, fold\n"
        "from holdfast.record.store import RunStore\n"
        "store = RunStore.create(Path(sys.argv[1]))\n"
        "recorder = Recorder('load')\n"
        "while True:\n"
        "    recorder.add('sign_in', 100.0, 'ok', 0.1)\n"
        "    store.write(fold('load', recorder.take()))\n"
        "    print('written', flush=True)\n"
    )
    with subprocess.Popen([sys.executable, "-c", script, str(path)], stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        for _ in range(5):
            assert writer.stdout.readline() == "written\n"
        os.kill(writer.pid, signal.SIGKILL)
        writer.wait()
    with RunStore.open(path) as store:
        assert store.intervals()[0].count >= 5


def test_another_schema_is_refused_with_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "run.db"
    with RunStore.create(path) as store:
        store._connection.execute("PRAGMA user_version = 99")
    with pytest.raises(RunFolderError, match="version 99"):
        RunStore.open(path)
    path.write_bytes(b"not a database at all, but long enough to look at")
    with pytest.raises(RunFolderError, match="not a run record"):
        RunStore.open(path)
    with pytest.raises(RunFolderError, match="no such file"):
        RunStore.open(tmp_path / "missing.db")


def test_a_run_is_never_recorded_over_another(tmp_path: Path) -> None:
    RunStore.create(tmp_path / "run.db").close()
    with pytest.raises(RunFolderError, match="already"):
        RunStore.create(tmp_path / "run.db")
