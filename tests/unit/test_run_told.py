"""What the engine tells of a run's edges: before time 0, and after the last phase."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

from holdfast.record.store import RunStore
from holdfast.run import engine
from holdfast.run.asked import AskedPhase, read_asked
from holdfast.run.children import Message
from holdfast.run.events import Notice
from holdfast.run.folder import RunFolder
from holdfast.run.guarding import Look

RECORDED = RunFolder(Path(__file__).resolve().parents[1] / "data" / "runs" / "fault_hurt")
NOW = 1_795_567_641.6


def _running(store, monkeypatch):
    monkeypatch.setattr(engine, "jobs_of", lambda *_: {})
    early = Message("load", {"event": "notice", "at": NOW - 2, "text": "a worker was refused"})
    phases = (AskedPhase("warm_up", 0.0, 5.0, judged=False), AskedPhase("load", 5.0, 12.0, judged=True))
    return engine._Running(
        prepared=SimpleNamespace(workers=SimpleNamespace(ready_seconds=0.0, remote=0)),
        asked=replace(read_asked(RECORDED), phases=phases, notices=()),
        folder=SimpleNamespace(path=Path("runs/x")),
        store=store,
        connection=SimpleNamespace(proxy_url=None),
        children=SimpleNamespace(all={}, wait_until_ready=lambda _: [early]),
        clock=SimpleNamespace(now=lambda: NOW),
        stop=None,
        surroundings=SimpleNamespace(news=list, deaths=list, stack_is_gone=False),
    )


def test_what_was_told_before_time_zero_stands_in_seconds_of_the_run(tmp_path, monkeypatch):
    with RunStore.create(tmp_path / "run.db") as store:
        (notice,) = [e for e in _running(store, monkeypatch).start() if isinstance(e, Notice)]
    assert (notice.text, -4.0 < notice.at < 0.0) == ("load: a worker was refused", True)


def test_the_last_look_is_of_the_last_phase(tmp_path, monkeypatch):
    watch = SimpleNamespace(look_back=16.0, look=lambda *_: Look({}, None))
    with RunStore.create(tmp_path / "run.db") as store:
        running = _running(store, monkeypatch)
        for second, phase in ((0.0, "warm_up"), (5.0, "load"), (12.0, "load")):
            running.time_zero = NOW - second
            assert [tick.phase for tick in running._look(watch)[0]] == [phase]
