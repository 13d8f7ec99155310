"""A worker: joins a run's master, plays its part of the load, and sends what it measured until it was acknowledged.

`python -m holdfast.load.worker`, its first line on stdin: {"host", "port", "key", "workspace", "patience"}. End of
file on stdin ends it, and a word before that says why. Exit code 0 when its part was played and written; 2 when it
could not join or begin; 3 when it ended before its time, or the run was lost to it or never began.
"""

import json
import os
import signal
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import gevent
import locust  # first: it patches sockets and TLS
from gevent.event import Event
from gevent.hub import get_hub
from gevent.queue import Empty, Queue
from locust.env import Environment
from locust.exception import RPCError
from locust.runners import WorkerRunner

from holdfast.clock import SystemClock
from holdfast.errors import ExitCode, HoldfastError, MeasurementError, Problem
from holdfast.kit.accounts import secrets_in
from holdfast.load.admission import own_facts
from holdfast.load.delivery import Outgoing
from holdfast.load.deltas import packed
from holdfast.load.job import Job
from holdfast.load.measured import CLOCK_OFFSET, CLOCK_ROUND_TRIP, GENERATOR
from holdfast.load.messages import (
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
)  # fmt: skip
from holdfast.load.parts import own_job
from holdfast.load.process import leave_after, settle
from holdfast.load.secured import secure, try_for
from holdfast.load.session import Session
from holdfast.process import print_safely, undo_inherited
from holdfast.record.recorder import Folded
from holdfast.record.store import Gauge
from holdfast.redaction import RedactedStream, Redactor, secrets_of

_PATIENCE: Final = 60.0
_NO_ANSWER_SECONDS: Final = 5.0  # after which one is told that nobody answers
_ORPHANED: Final = "what started it is gone"
_LOOKS_AT_THE_CLOCK: Final = 8
_AGAIN_SECONDS: Final = 2.0  # after which an unacknowledged delta is sent again
_CLOSE_SECONDS: Final = 10.0
_MASTER_SILENT_SECONDS: Final = 10.0  # its heart beats once a second
_LAST_WORD_SECONDS: Final = 1.0  # for what was said last to get there


@dataclass(frozen=True, slots=True)
class ClockReading:
    """The master's clock as it is known here, and how well: it is off by half the round trip at most. Seconds."""

    clock: SystemClock
    offset: float  # by how much it is ahead of this machine's own
    round_trip: float

    def gauges(self) -> list[Gauge]:
        now = self.clock.now()
        found = {CLOCK_OFFSET: self.offset, CLOCK_ROUND_TRIP: self.round_trip}
        return [Gauge(now, GENERATOR, name, value) for name, value in found.items()]


class Worker:
    """This process's end of the channel to the master: `RunnerEnd` and `RecordSink` of a session."""

    def __init__(self, runner: WorkerRunner) -> None:
        self._runner = runner
        self._jobs: Queue[Mapping[str, Any] | None] = Queue()
        self._told: Queue[Mapping[str, Any] | None] = Queue()
        self._times: Queue[Mapping[str, Any]] = Queue()
        self._outgoing = Outgoing(_AGAIN_SECONDS)
        self._unreadable: set[int] = set()
        self._something = Event()
        self._wake = get_hub().loop.async_()
        self._wake.start(self._something.set)
        self._released = False
        self._finished = False
        self._abandoned = ""
        self.refusal = ""
        for kind, listener in {JOB: self._job, TIME: self._time, TOLD: self._tell, ACK: self._acknowledge}.items():
            runner.register_message(kind, listener)
        self._sending = gevent.spawn(self._send_all)

    def join(self, address: str) -> Mapping[str, Any] | None:
        """Say hello to who is at `address`; our part of the job, or None when it was not to be."""
        self._send(HELLO, own_facts())
        self._send(TIME, {"asked": 0.0})  # answered after the hello, so a refusal is known by then
        with suppress(Empty):
            self._times.get(timeout=_PATIENCE)
        if not self.refusal:
            _say(f"joined {address}, waiting for the run to begin")
        job: Mapping[str, Any] | None = self._jobs.get()
        return job

    def clock(self) -> ClockReading:
        """The answer that came soonest bounds the error best. Raises MeasurementError when none comes."""
        own, readings = SystemClock(), []
        for _ in range(_LOOKS_AT_THE_CLOCK):
            asked = time.monotonic()
            self._send(TIME, {"asked": asked})
            try:
                answer = self._times.get(timeout=_PATIENCE)
            except Empty:
                what = f"the run did not tell its time in {_PATIENCE:.0f} s"
                raise MeasurementError(Problem("worker", what, "start it again, with the run")) from None
            now = time.monotonic()
            readings.append((now - asked, float(answer["now"]) - (asked + now) / 2))
        round_trip, anchor = min(readings)
        return ClockReading(SystemClock(anchor), anchor - own.anchor, round_trip)

    def leave(self, why: str) -> None:
        """The master is gone, or we are told to go. Once all is done, that is as it should be."""
        if not self._finished:
            self._abandoned = self._abandoned or why
        self._jobs.put(None)
        self._told.put(None)

    def shortfall(self) -> str:
        """Why its part was not played, or is not all in the run's record; empty when it was and is."""
        if self._abandoned:
            return self._abandoned
        if not self._released:
            return "the run ended before it began, so nothing was played"
        lost = self._outgoing.outstanding + len(self._unreadable)
        return f"the run did not take {lost} of our {self._outgoing.made} deltas" if lost else ""

    def prepared(self, visitors: int) -> None:
        self._send(PREPARED, {"visitors": visitors})

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
        if why := facts.get("cut_short"):
            self._abandoned = self._abandoned or _before_its_time(str(why))
            facts["cut_short"] = self._abandoned
        self._send(DONE, {**facts, "deltas": self._outgoing.made})
        self._finished = True

    # ── RecordSink ──

    def write(self, folded: Folded) -> None:
        self._outgoing.add(packed(folded, []))
        self._wake.send()

    def write_gauges(self, gauges: list[Gauge]) -> None:
        self._outgoing.add(packed(None, gauges))
        self._wake.send()

    def close(self) -> None:
        """Raises nothing: what was not acknowledged by then, the master finds missing when it counts."""
        deadline = time.monotonic() + _CLOSE_SECONDS
        while self._outgoing.outstanding and time.monotonic() < deadline:
            gevent.sleep(0.01)

    # ── the channel ──

    def _send(self, kind: str, data: dict[str, Any]) -> None:
        self._runner.send_message(kind, data)

    def _send_all(self) -> None:
        while True:
            self._something.wait(_AGAIN_SECONDS)
            self._something.clear()
            for number, blob in self._outgoing.due(time.monotonic()):
                try:
                    self._send(DELTA, {"number": number, "blob": blob})
                except RPCError:
                    break  # again in a while
                self._outgoing.sent(number, time.monotonic())

    def _job(self, environment: Environment, msg: Any) -> None:  # noqa: ARG002  Locust's signature
        self._jobs.put(msg.data)

    def _time(self, environment: Environment, msg: Any) -> None:  # noqa: ARG002
        self._times.put(msg.data)

    def _tell(self, environment: Environment, msg: Any) -> None:  # noqa: ARG002
        if "refused" in msg.data:
            self.refusal = str(msg.data["refused"])
            self.leave(self.refusal)
            return
        if "go" in msg.data:
            self._released = True
            _say("plays its part of the run")
        if msg.data.get("stop") == "orphaned":
            self._abandoned = "what started the run is gone"
        self._told.put(msg.data)

    def _acknowledge(self, environment: Environment, msg: Any) -> None:  # noqa: ARG002
        self._outgoing.acknowledged(msg.data["number"])
        if not msg.data["written"]:
            self._unreadable.add(msg.data["number"])


def main() -> int:
    """Join, play, leave."""
    undo_inherited()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the runner's to hear, or `holdfast worker`'s
    line = sys.stdin.readline()
    if not line:
        return int(ExitCode.MET)
    join = json.loads(line)
    patience = float(join.get("patience") or _PATIENCE)
    settle()
    secure(join["key"])
    try_for(patience)
    environment = Environment(events=locust.events)
    parent = gevent.spawn(get_hub().threadpool.apply, sys.stdin.read)
    address = f"{join['host']}:{join['port']}"
    waiting = [gevent.spawn(_give_up_after, patience, address), gevent.spawn(_give_up_with, parent, address)]
    runner = environment.create_worker_runner(join["host"], int(join["port"]))
    gevent.killall(waiting)
    worker = Worker(runner)
    gevent.spawn(_watch_parent, worker, parent)
    gevent.spawn(_watch_master, worker, runner)
    try:
        _play(worker, address, Path(join["workspace"]), environment, runner)
        gevent.sleep(_LAST_WORD_SECONDS)
    except HoldfastError as error:
        _say(str(error))
        with suppress(RPCError):
            worker.refuse(error.problems)
        gevent.sleep(_LAST_WORD_SECONDS)
        return int(ExitCode.WRONG_INPUT)
    except RPCError as error:
        _say(f"the run cannot be reached any more: {error}")
        return int(ExitCode.INCONCLUSIVE)
    if worker.refusal:
        _say(f"refused: {worker.refusal}")
        return int(ExitCode.WRONG_INPUT)
    if why := worker.shortfall():
        _say(why)
        return int(ExitCode.INCONCLUSIVE)
    _say("done: its part was played, and is in the run's record")
    return int(ExitCode.MET)


def run() -> None:
    """`main`, then out."""
    leave_after(main)


def _play(worker: Worker, address: str, root: Path, environment: Environment, runner: WorkerRunner) -> None:
    """Our part, from joining to the totals. Raises HoldfastError when it cannot begin, RPCError."""
    part = worker.join(address)
    if part is None:
        return
    reading = worker.clock()
    own = own_job(part, root, reading.clock.anchor)
    redactor = Redactor(*secrets_of(os.environ), *secrets_in(own["target"].get("accounts")))
    sys.stdout = sys.stderr = RedactedStream(sys.stderr, redactor)
    job = Job.of(own)
    session = Session(job, worker, worker, environment, runner)
    worker.write_gauges(reading.gauges())
    worker.prepared(job.visitors)
    session.open()
    worker.parked()
    session.run()


def _give_up_after(seconds: float, address: str) -> None:
    if seconds > _NO_ANSWER_SECONDS:
        gevent.sleep(_NO_ANSWER_SECONDS)
        seconds_left = seconds - _NO_ANSWER_SECONDS
        why = "no run waits there, or its key is another"
        _say(f"no answer from {address} yet: {why}; trying for {seconds_left:.0f} s more")
        gevent.sleep(seconds_left)
    else:
        gevent.sleep(seconds)
    _say(f"nobody answered at {address} in {seconds:.0f} s: no run waits there, or its key is another")
    os._exit(int(ExitCode.WRONG_INPUT))


def _give_up_with(parent: "gevent.Greenlet[..., str]", address: str) -> None:
    """Nobody is left to wait for."""
    _say(f"{parent.get().strip() or _ORPHANED}, before it had joined {address}")
    os._exit(int(ExitCode.INCONCLUSIVE))


def _watch_parent(worker: Worker, parent: "gevent.Greenlet[..., str]") -> None:
    worker.leave(_before_its_time(parent.get().strip() or _ORPHANED))


def _before_its_time(why: str) -> str:
    return f"{why} before the run's end, so its part was not played to the end"


def _watch_master(worker: Worker, runner: WorkerRunner) -> None:
    heard = time.time()
    while time.time() - heard <= _MASTER_SILENT_SECONDS:
        gevent.sleep(1.0)
        heard = runner.last_heartbeat_timestamp or heard
    worker.leave(f"the run was not heard of for {_MASTER_SILENT_SECONDS:.0f} s: what we measured last is in no record")


def _say(text: str) -> None:
    print_safely(f"worker: {text}")


if __name__ == "__main__":
    run()
