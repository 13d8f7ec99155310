"""Experiments whose way back is not ours: what their rollbacks did not take out is in the record, and ends with 4."""

import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.unit.test_run_validity import Run

from holdfast.clock import SystemClock
from holdfast.record.store import Event, RunStore
from holdfast.run.summary import Summary

pytestmark = pytest.mark.integration

MODULE = """
import os, pathlib, time
FILE = pathlib.Path(__file__).with_name("valve.txt")

def position():
    return int(FILE.read_text()) if FILE.exists() else 0

def turn(to):
    FILE.write_text(str(to))

def turn_and_break(to):
    turn(to)
    raise RuntimeError("the tool that turned it has broken")

def rest(seconds):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        time.sleep(0.05)

def jam():
    raise RuntimeError("the valve is jammed")
"""


def _action(name: str, **arguments: object) -> dict[str, Any]:
    provider = {"type": "python", "module": "valve", "func": name, "arguments": arguments}
    return {"type": "action", "name": name, "provider": provider}


def _experiment(rollbacks: list[dict[str, Any]], *, allowed: int = 9, hypothesis: str = "recover", **changed: Any):
    probe = {**_action("position"), "type": "probe", "tolerance": [0, allowed]}
    return {
        "title": "A valve is turned",
        "description": "By somebody else's module, and back by somebody else's module.",
        "steady-state-hypothesis": {"title": "The valve is in order", "probes": [probe]},
        "method": [_action("turn", to=9), _action("rest", seconds=1.0)],
        "rollbacks": rollbacks,
        "extensions": [
            {
                "name": "holdfast",
                "hypothesis": hypothesis,
                "max_duration": "60s",
                "recover_within": "1s",
                "fault": {"kind": "valve", "target": "a file"},
            }
        ],
        **changed,
    }


class Child:
    """A chaos child at work in a run folder that can be judged afterwards."""

    def __init__(self, folder: Path, experiment: Mapping[str, Any], start: float) -> None:
        self.workspace = folder / "workspace"
        self.workspace.mkdir()
        (self.workspace / "valve.py").write_text(MODULE, encoding="utf-8")
        path = self.workspace / "valve.yaml"
        path.write_text(yaml.safe_dump(experiment), encoding="utf-8")
        self.run = Run(folder / "run")
        self.told: list[Mapping[str, Any]] = []
        with (folder / "log").open("w") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "holdfast.chaos"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,
            )
        self._listening = threading.Thread(target=self._listen, daemon=True)
        self._listening.start()
        clock = SystemClock()
        self._send(
            {
                "anchor": clock.anchor,
                "run_db": str(self.run.folder.database),
                "run_folder": str(folder),
                "seed": 1,
                "target": {"name": "mine", "url": "http://127.0.0.1:1"},
                "workspace": str(self.workspace),
                "duration": 60.0,
                "experiments": [{"name": "valve", "path": str(path), "start": start, "end": start + 2.0}],
                "undo_log": str(self.run.folder.undo_log),
            }
        )
        self.until(lambda: bool(self.told), "was not ready")
        self._send({"go": clock.now()})

    @property
    def position(self) -> int:
        file = self.workspace / "valve.txt"
        return int(file.read_text() or 0) if file.exists() else 0

    def until(self, holds: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + 60.0
        while not holds():
            assert time.monotonic() < deadline, what
            time.sleep(0.02)

    def end(self) -> int:
        code = self.process.wait(timeout=60)
        self._listening.join(10)
        return code

    def judged(self) -> Summary:
        """As the runner would: what the child told at its end is in the record."""
        with RunStore.open(self.run.folder.database) as store:
            for message in self.told:
                if "done" in message:
                    store.write_event(Event(time.time(), "chaos", "child_done", message["done"]))
        return self.run.judged()

    def _send(self, message: Mapping[str, Any]) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(message) + "\n")
        self.process.stdin.flush()

    def _listen(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.told.append(json.loads(line))


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[[Mapping[str, Any]], Child]]:
    children: list[Child] = []

    def begin(experiment: Mapping[str, Any], start: float = 0.1) -> Child:
        children.append(Child(tmp_path, experiment, start))
        return children[-1]

    yield begin
    for child in children:
        child.process.kill()
        child.process.wait()
        for pipe in (child.process.stdin, child.process.stdout):
            if pipe is not None:
                pipe.close()


def test_rollbacks_that_are_played_leave_nothing_in(start: Callable[..., Child]) -> None:
    child = start(_experiment([_action("turn", to=0)]))
    assert child.end() == 0
    found = child.judged()
    assert child.position == 0
    assert found.faults[0].clean_up == "done"
    assert found.verdict != "clean_up_failed"


@pytest.mark.parametrize(
    "rollbacks",
    [
        [_action("jam")],
        [_action("jam"), _action("rest", seconds=0.1)],
        [_action("rest", seconds=0.1), _action("jam")],
        [{"type": "action", "name": "a tool", "provider": {"type": "process", "path": "false"}}],
    ],
)
def test_a_rollback_that_fails_ends_with_4(start: Callable[..., Child], rollbacks: list[dict[str, Any]]) -> None:
    child = start(_experiment(rollbacks))
    assert child.end() == 4
    found = child.judged()
    assert child.position == 9
    assert (found.verdict, found.exit_code) == ("clean_up_failed", 4)
    assert found.faults[0].clean_up == "failed"
    assert "valve" in found.headline
    assert "holdfast recover" not in found.headline  # it knows no undo of what is not ours


def test_an_action_that_broke_half_way_is_rolled_back_too(start: Callable[..., Child]) -> None:
    child = start(_experiment([_action("jam")], method=[_action("turn_and_break", to=9)]))
    assert child.end() == 4
    assert child.judged().exit_code == 4


@pytest.mark.parametrize(("number", "code"), [(signal.SIGUSR2, 4), (signal.SIGKILL, -9)])
def test_rollbacks_that_were_never_played_end_with_4(
    start: Callable[..., Child], number: signal.Signals, code: int
) -> None:
    child = start(_experiment([_action("turn", to=0)], method=[_action("turn", to=9), _action("rest", seconds=30)]))
    child.until(lambda: child.position == 9, "the valve was never turned")
    child.process.send_signal(number)
    assert child.end() == code
    assert child.position == 9
    found = child.judged()
    assert (found.verdict, found.exit_code) == ("clean_up_failed", 4)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2])
def test_a_signal_before_the_experiment_began_ends_the_child_in_order(
    start: Callable[..., Child], number: signal.Signals
) -> None:
    child = start(_experiment([_action("turn", to=0)]), 30.0)
    child.process.send_signal(number)
    assert child.end() == 0
    assert child.judged().faults[0].verdict == "interrupted"


def test_the_childs_last_word_counts_where_its_span_could_not_be_written(start: Callable[..., Child]) -> None:
    child = start(_experiment([_action("jam")]))
    assert child.end() == 4
    with RunStore.open(child.run.folder.database) as store, store._connection as connection:
        connection.execute("DELETE FROM spans WHERE kind = 'fault'")
    assert child.judged().exit_code == 4


@pytest.mark.parametrize(("hypothesis", "verdict"), [("resist", "deviated"), ("recover", "not-recovered")])
def test_a_rollback_that_breaks_the_target_is_seen(start: Callable[..., Child], hypothesis: str, verdict: str) -> None:
    method = [_action("turn", to=0), _action("rest", seconds=1.0)]
    child = start(_experiment([_action("turn", to=9)], allowed=0, hypothesis=hypothesis, method=method))
    assert child.end() == 0
    (fault,) = child.judged().faults
    assert fault.verdict == verdict, fault.reason
    assert fault.steady_state_after is False


def test_a_rollback_that_mends_the_target_has_it_recovered(start: Callable[..., Child]) -> None:
    child = start(_experiment([_action("turn", to=0)], allowed=0))
    assert child.end() == 0
    (fault,) = child.judged().faults
    assert (fault.verdict, fault.steady_state_after) == ("passed", True), fault.reason
