"""A worker: joins a run's master, plays its stripe of the load, and sends what it measured until it was acknowledged.

`python -m holdfast.load.worker`, its first line on stdin: {"host", "port", "key", "workspace", "patience"}. End of
file on stdin ends it. Exit code 0 when it was done, 2 when it could not join or begin.
"""

import hashlib
import json
import os
import signal
import sys
import time
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import gevent
import locust  # first: it patches sockets and TLS
from gevent.event import Event
from gevent.hub import get_hub
from gevent.queue import Queue
from locust.env import Environment
from locust.exception import RPCError
from locust.runners import WorkerRunner

from holdfast.clock import SystemClock
from holdfast.errors import HoldfastError, Problem, raise_input_error
from holdfast.load.deltas import packed
from holdfast.load.distribution import (
    ACK,
    DELTA,
    DONE,
    EVENT,
    HELLO,
    JOB,
    PARKED,
    PREPARED,
    PROBLEMS,
    TIME,
    TOLD,
    own_facts,
)  # fmt: skip
from holdfast.load.job import Job
from holdfast.load.measured import DELTAS_LOST
from holdfast.load.process import leave_after, settle
from holdfast.load.secured import secure
from holdfast.load.session import Session
from holdfast.record.recorder import Folded
from holdfast.record.store import Gauge

_PATIENCE: Final = 60.0
_LOOKS_AT_THE_CLOCK: Final = 8
_AGAIN_SECONDS: Final = 2.0  # after which an unacknowledged delta is sent again
_CLOSE_SECONDS: Final = 10.0
_MASTER_SILENT_SECONDS: Final = 10.0  # its heart beats once a second


class Worker:
    """This process's end of the channel to the master: `RunnerEnd` and `RecordSink` of a session."""

    def __init__(self, runner: WorkerRunner) -> None:
        self._runner = runner
        self._jobs: Queue[Mapping[str, Any] | None] = Queue()
        self._told: Queue[Mapping[str, Any] | None] = Queue()
        self._times: Queue[Mapping[str, Any]] = Queue()
        self._number = 0
        self._made: deque[bytes] = deque()  # by the recording's native thread
        self._unacknowledged: dict[int, tuple[bytes, float]] = {}
        self._something = Event()
        self._wake = get_hub().loop.async_()
        self._wake.start(self._something.set)
        self._ending = False
        for kind, listener in {JOB: self._job, TIME: self._time, TOLD: self._tell, ACK: self._acknowledge}.items():
            runner.register_message(kind, listener)
        self._sending = gevent.spawn(self._send_all)

    def join(self) -> Mapping[str, Any] | None:
        """Say hello; the job, or None when it was not to be. Raises InputError when we are refused."""
        self._send(HELLO, own_facts())
        job: Mapping[str, Any] | None = self._jobs.get()
        return job

    def clock(self) -> SystemClock:
        """The master's clock, as well as it can be known here: the answer that came soonest bounds the error."""
        best: tuple[float, float] | None = None
        for _ in range(_LOOKS_AT_THE_CLOCK):
            asked = time.monotonic()
            self._send(TIME, {"asked": asked})
            answer = self._times.get(timeout=_PATIENCE)
            now = time.monotonic()
            if best is None or now - asked < best[0]:
                best = now - asked, float(answer["now"]) - (asked + now) / 2
        if best is None:
            raise RuntimeError("the master's clock was never asked")
        return SystemClock(best[1])

    def orphan(self) -> None:
        """The master is gone."""
        self._jobs.put(None)
        self._told.put(None)

    def prepared(self) -> None:
        self._send(PREPARED, {})

    def parked(self) -> None:
        self._send(PARKED, {})

    def refuse(self, problems: tuple[Problem, ...]) -> None:
        self._send(PROBLEMS, {"problems": [{"where": p.where, "what": p.what, "fix": p.fix} for p in problems]})

    # ── RunnerEnd ──

    def receive(self) -> Mapping[str, Any] | None:
        message: Mapping[str, Any] | None = self._told.get()
        return message

    def tell_event(self, kind: str, at: float, **facts: object) -> None:
        self._send(EVENT, {"event": kind, "at": at, **facts})

    def tell_done(self, **facts: object) -> None:
        self._send(DONE, dict(facts))

    # ── RecordSink ──

    def write(self, folded: Folded) -> None:
        self._made.append(packed(folded, []))
        self._wake.send()

    def write_gauges(self, gauges: list[Gauge]) -> None:
        self._made.append(packed(None, gauges))
        self._wake.send()

    def close(self) -> None:
        """Raises nothing: what was not acknowledged by then is told, and the run is not to be trusted."""
        deadline = time.monotonic() + _CLOSE_SECONDS
        while (self._made or self._unacknowledged) and time.monotonic() < deadline:
            gevent.sleep(0.01)
        if self._unacknowledged:
            text = f"{len(self._unacknowledged)} deltas were not acknowledged in {_CLOSE_SECONDS:.0f} s"
            self.tell_event(DELTAS_LOST, time.time(), reason=text)

    # ── the channel ──

    def _send(self, kind: str, data: dict[str, Any]) -> None:
        self._runner.send_message(kind, data)

    def _send_all(self) -> None:
        while True:
            self._something.wait(_AGAIN_SECONDS)
            self._something.clear()
            now = time.monotonic()
            while self._made:
                self._number += 1
                self._unacknowledged[self._number] = self._made.popleft(), 0.0
            for number, (blob, sent) in list(self._unacknowledged.items()):
                if now - sent >= _AGAIN_SECONDS:
                    self._unacknowledged[number] = blob, now
                    try:
                        self._send(DELTA, {"number": number, "blob": blob})
                    except RPCError:
                        break  # again in a while

    def _job(self, environment: Environment, msg: Any) -> None:  # noqa: ARG002  Locust's signature
        self._jobs.put(msg.data)

    def _time(self, environment: Environment, msg: Any) -> None:  # noqa: ARG002
        self._times.put(msg.data)

    def _tell(self, environment: Environment, msg: Any) -> None:  # noqa: ARG002
        if "refused" in msg.data:
            _say(f"refused: {msg.data['refused']}")
            self._jobs.put(None)
        self._told.put(msg.data)

    def _acknowledge(self, environment: Environment, msg: Any) -> None:  # noqa: ARG002
        self._unacknowledged.pop(msg.data["number"], None)


def main() -> int:
    """Join, play, leave."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the runner's to hear, or `holdfast worker`'s
    line = sys.stdin.readline()
    if not line:
        return 0
    join = json.loads(line)
    settle()
    secure(join["key"])
    environment = Environment(events=locust.events)
    waiting = gevent.spawn(_give_up_after, float(join.get("patience") or _PATIENCE), join)
    runner = environment.create_worker_runner(join["host"], int(join["port"]))
    waiting.kill()
    worker = Worker(runner)
    gevent.spawn(_watch_stdin, worker)
    gevent.spawn(_watch_master, worker, runner)
    message = worker.join()
    if message is None:
        return 2
    root = Path(join["workspace"])
    try:
        job = Job.of(_own(message, root, worker.clock().anchor))
        session = Session(job, worker, worker, environment, runner)
    except HoldfastError as error:
        worker.refuse(error.problems)
        gevent.sleep(1.0)  # for the word to get there
        return 2
    worker.prepared()
    session.open()
    worker.parked()
    session.run()
    gevent.sleep(1.0)  # for the last word to get there; the master then dismisses us
    return 0


def run() -> None:
    """`main`, then out."""
    leave_after(main)


def _own(message: Mapping[str, Any], root: Path, anchor: float) -> dict[str, Any]:
    """The job with this machine's paths and clock. Raises InputError where a file is not the run's."""
    problems: list[Problem] = []

    def path_of(file: Mapping[str, str]) -> str:
        path = root / file["path"]
        try:
            same = hashlib.sha256(path.read_bytes()).hexdigest() == file["sha256"]
        except OSError as error:
            problems.append(Problem(str(path), f"a worker cannot read it: {error}", "give it the run's workspace"))
        else:
            if not same:
                what = "a worker's differs from the run's"
                problems.append(Problem(str(path), what, "give every worker the workspace of the run"))
        return str(path)

    scenarios = {name: path_of(file) for name, file in message["scenarios"].items()}
    adapter = path_of(message["adapter"]) if message["adapter"] else None
    tls = {**(message["target"]["tls"] or {}), "ca_file": path_of(message["ca_file"]) if message["ca_file"] else None}
    accounts = dict(message["target"]["accounts"] or {})
    if "file" in accounts:
        accounts["file"] = str(root / accounts["file"])
    raise_input_error(problems)
    return {
        **message,
        "anchor": anchor,
        "run_db": "",
        "workspace": str(root),
        "scenarios": scenarios,
        "target": {**message["target"], "adapter": adapter, "accounts": accounts, "tls": tls},
    }


def _give_up_after(seconds: float, join: Mapping[str, Any]) -> None:
    gevent.sleep(seconds)
    address = f"{join['host']}:{join['port']}"
    _say(f"nobody answered at {address} in {seconds:.0f} s: no run waits there, or its key is another")
    sys.stderr.flush()
    os._exit(2)


def _watch_stdin(worker: Worker) -> None:
    get_hub().threadpool.apply(sys.stdin.read)
    worker.orphan()


def _watch_master(worker: Worker, runner: WorkerRunner) -> None:
    while True:
        gevent.sleep(1.0)
        heard = runner.last_heartbeat_timestamp
        if heard is not None and time.time() - heard > _MASTER_SILENT_SECONDS:
            _say("the master is gone")
            worker.orphan()
            return


def _say(text: str) -> None:
    sys.stderr.write(f"worker: {text}\n")


if __name__ == "__main__":
    run()
