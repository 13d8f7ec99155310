"""Locust's master: workers admitted, a stripe of the load handed to each, what they measure written and acknowledged.

    before   hello ─▶ · ◀─ job, with its stripe · prepared ─▶ · ◀─ Locust's spawn · parked ─▶ · all of them: ready
    during   ◀─ go, stop · delta 1, 2, … ─▶ · ◀─ ack of each · events ─▶
    after    done ─▶, once the last delta is acknowledged: the sum is told

No traffic says who is next: worker k of n plays the arrivals i ≡ k (mod n) of the one schedule. A delta is kept by its
worker until the master has written it to `run.db` and said so. A worker that is lost is told, and its run is invalid.
"""

import hashlib
import json
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import gevent
import locust
from gevent.hub import get_hub
from gevent.queue import Queue
from locust import User
from locust.env import Environment
from locust.exception import RPCError
from locust.runners import STATE_MISSING, MasterRunner

from holdfast import __version__
from holdfast.channel import ChildEnd
from holdfast.clock import SystemClock
from holdfast.errors import InputError, Problem
from holdfast.load.deltas import of_worker, unpacked
from holdfast.load.measured import WORKER_LOST
from holdfast.load.runner_end import PipeEnd
from holdfast.load.secured import refusals_of, secure
from holdfast.record.recorder import Folded
from holdfast.record.store import Gauge, RunStore

HELLO: Final = "holdfast_hello"
TIME: Final = "holdfast_time"
JOB: Final = "holdfast_job"
PREPARED: Final = "holdfast_prepared"
PROBLEMS: Final = "holdfast_problems"
PARKED: Final = "holdfast_parked"
TOLD: Final = "holdfast_told"  # what a runner says to a session: go, stop
EVENT: Final = "holdfast_event"
DELTA: Final = "holdfast_delta"
ACK: Final = "holdfast_ack"
DONE: Final = "holdfast_done"
"""Custom messages of Locust's channel between master and worker."""

LOOPBACK: Final = "127.0.0.1"
JOIN_SECONDS: Final = 60.0
_PREPARE_SECONDS: Final = 45.0
_LOOK_SECONDS: Final = 0.05
_LAST_WORD_SECONDS: Final = 10.0  # after the drain: for the last deltas and totals
_OF_LOAD: Final = (
    "url",
    "outbox_url",
    "adapter",
    "accounts",
    "marker",
    "tls",
)  # what a worker needs of the target, no more


@dataclass(slots=True)
class _Member:
    """A worker that was admitted. `number` counts from 1."""

    client: str
    number: int
    where: str
    process_id: int
    prepared: bool = False
    parked: bool = False
    done: Mapping[str, Any] | None = None
    last_delta: int = 0
    lost: str = ""

    @property
    def name(self) -> str:
        return f"worker {self.number} ({self.where})"


@dataclass(frozen=True, slots=True)
class Remote:
    """Workers of other machines: how many, where they join, and the key they must know."""

    count: int = 0
    host: str = LOOPBACK
    port: int = 0
    key: str = field(default="", repr=False)


class Master:
    """One job, played by workers. Raises InputError when they cannot begin."""

    def __init__(self, job: Mapping[str, Any], channel: ChildEnd) -> None:
        self._job = job
        self._channel = channel
        self._end = PipeEnd(channel)
        self._clock = SystemClock(float(job["anchor"]))
        self._local = int(job.get("workers") or 0)
        self._remote = Remote(**(job.get("remote") or {}))
        self._wanted = self._local + self._remote.count
        self._members: dict[str, _Member] = {}
        self._processes: list[subprocess.Popen[str]] = []
        self._problems: list[Problem] = []
        self._writing: Queue[tuple[_Member, int, bytes] | None] = Queue()
        self._store = RunStore.open(Path(job["run_db"]))
        self._key = self._remote.key or secrets.token_urlsafe(32)
        self._runner = self._listening()
        self._writer = gevent.spawn(self._write)
        self._over = False

    def prepare(self) -> None:
        """Returns when every worker's visitors are parked. Raises InputError."""
        for number in range(self._local):
            self._start(number)
        self._wait(lambda: len(self._members) == self._wanted, JOIN_SECONDS, self._absent)
        for member in self._members.values():
            self._send(JOB, self._part(member.number - 1), member)
        self._wait(lambda: all(m.prepared for m in self._members.values()), _PREPARE_SECONDS, "did not prepare")
        seats = self._wanted * -(-self._visitors() // self._wanted)
        gevent.spawn(self._runner.start, seats, seats)
        self._wait(lambda: all(m.parked for m in self._members.values()), _PREPARE_SECONDS, "did not spawn its users")

    def run(self) -> None:
        """Pass the runner's words on until all workers are done or lost; then tell the sum."""
        listening = gevent.spawn(self._listen)
        deadline: float | None = None
        while not all(m.done is not None or m.lost for m in self._members.values()):
            self._look_for_lost()
            if self._over and deadline is None:
                deadline = time.monotonic() + float(self._job.get("drain", 10.0)) + _LAST_WORD_SECONDS
            if deadline is not None and time.monotonic() > deadline:
                for member in self._members.values():
                    if member.done is None and not member.lost:
                        self._lose(member, "did not tell its totals, so what it measured last may be missing")
            gevent.sleep(_LOOK_SECONDS)
        self._writing.put(None)
        self._writer.join()
        self._store.close()
        self._end.tell_done(**self._totals())
        listening.kill(block=False)
        self.close()

    def close(self) -> None:
        """Dismiss the workers; local ones that do not go are ended."""
        with suppress(RPCError):
            self._runner.quit()
        for process in self._processes:
            if process.stdin is not None:
                with suppress(OSError):
                    process.stdin.close()
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()

    # ── workers come ──

    def _listening(self) -> MasterRunner:
        secure(self._key)
        environment = Environment(events=locust.events, user_classes=[Seat])
        host = self._remote.host if self._remote.count else LOOPBACK
        port = self._remote.port if self._remote.count else 0
        try:
            runner = environment.create_master_runner(host, port)
        except (RPCError, SystemExit) as error:
            what = f"{host}:{port} cannot be listened on: {error}"
            raise InputError(
                Problem("workers", what, "choose another port (--listen), or end what holds it")
            ) from error
        for kind, listener in {
            HELLO: self._hello,
            TIME: self._tell_time,
            PREPARED: self._prepared,
            PROBLEMS: self._refused,
            PARKED: self._parked,
            EVENT: self._event,
            DELTA: self._delta,
            DONE: self._done,
        }.items():
            runner.register_message(kind, listener)
        gevent.spawn(self._watch_refusals, refusals_of(runner))
        return runner

    def _start(self, number: int) -> None:
        process = subprocess.Popen(
            [sys.executable, "-m", "holdfast.load.worker"],
            stdin=subprocess.PIPE,
            stdout=2,  # our stdout is the runner's pipe
            text=True,
        )
        self._processes.append(process)
        if process.stdin is None:
            raise RuntimeError(f"worker {number + 1} was started without a pipe")
        join = {
            "host": LOOPBACK,
            "port": self._runner.server.port,
            "key": self._key,
            "workspace": self._job["workspace"],
        }
        process.stdin.write(json.dumps(join) + "\n")
        process.stdin.flush()

    def _hello(self, environment: Environment, msg: Any) -> None:  # noqa: ARG002  Locust's signature
        facts = msg.data
        if msg.node_id in self._members:
            return
        if facts["version"] != __version__:
            self._send_to(msg.node_id, TOLD, {"refused": f"this run is of holdfast {__version__}"})
            self._note(f"a worker on {facts['host']} was refused: it is holdfast {facts['version']}, not {__version__}")
        elif len(self._members) >= self._wanted:
            self._send_to(msg.node_id, TOLD, {"refused": "this run has all its workers"})
            self._note(f"a worker on {facts['host']} was refused: the run has all its workers")
        else:
            where = f"{facts['host']}, pid {facts['pid']}"
            self._members[msg.node_id] = _Member(msg.node_id, len(self._members) + 1, where, facts["pid"])

    def _tell_time(self, environment: Environment, msg: Any) -> None:  # noqa: ARG002
        self._send_to(msg.node_id, TIME, {"asked": msg.data["asked"], "now": self._clock.now()})

    def _part(self, index: int) -> dict[str, Any]:
        """A worker's job: its stripe of the arrivals, its share of the accounts, no secrets it has no use for."""
        job, of = self._job, self._wanted
        first, count = int(job["accounts"]["first"]), int(job["accounts"]["count"])
        begin, end = count * index // of, count * (index + 1) // of
        root = Path(job["workspace"])
        target = {key: job["target"].get(key) for key in _OF_LOAD}
        ca_file = (target["tls"] or {}).get("ca_file")
        if "file" in (target["accounts"] or {}):  # each worker reads its own copy: passwords do not travel
            target["accounts"] = {**target["accounts"], "file": _inside(Path(target["accounts"]["file"]), root)}
        return {
            "seed": job["seed"],
            "duration": job["duration"],
            "drain": job.get("drain", 10.0),
            "load": job["load"],
            "target": target,
            "scenarios": {name: _file(Path(path), root) for name, path in job["scenarios"].items()},
            "adapter": _file(root / job["target"]["adapter"], root) if job["target"].get("adapter") else None,
            "ca_file": _file(Path(ca_file), root) if ca_file else None,
            "accounts": {"first": first + begin, "count": end - begin},
            "stripe": {"index": index, "of": of},
        }

    def _visitors(self) -> int:
        profiles = [entry["profile"] for entry in self._job["load"]]
        scales = [float(entry.get("scale", 1.0)) for entry in self._job["load"]]
        return sum(
            int(p.get("at_most") or 0) + max(round((p.get("virtual_users") or 0) * scale), 0)
            for p, scale in zip(profiles, scales, strict=True)
        )

    def _wait(self, reached: Any, seconds: float, late: Any) -> None:
        deadline = time.monotonic() + seconds
        while not reached():
            if self._problems:
                break
            died = [p for p in self._processes if p.poll() is not None]
            if died and len(self._members) < self._wanted:
                what = f"a worker of this machine ended at once, with exit code {died[0].returncode}"
                raise InputError(Problem("workers", what, "see logs/load.log"))
            if time.monotonic() > deadline:
                what = late() if callable(late) else f"a worker {late} in {seconds:.0f} s"
                raise InputError(Problem("workers", what, "see logs/load.log, and start as many as were asked for"))
            gevent.sleep(_LOOK_SECONDS)
        if self._problems:
            raise InputError(*dict.fromkeys(self._problems))

    def _absent(self) -> str:
        return f"{len(self._members)} of {self._wanted} workers joined in {JOIN_SECONDS:.0f} s"

    # ── the run ──

    def _listen(self) -> None:
        while True:
            message = self._end.receive()
            for member in self._members.values():
                self._send(TOLD, dict(message) if message is not None else {"stop": "orphaned"}, member)
            if message is None or "stop" in message:
                self._over = True
            if message is None:
                return
            if "go" in message:
                gevent.spawn_later(
                    max(float(message["go"]) + float(self._job["duration"]) - self._clock.now(), 0.0), self._end_of_time
                )

    def _end_of_time(self) -> None:
        self._over = True

    def _look_for_lost(self) -> None:
        ended = {process.pid: process.returncode for process in self._processes if process.poll() is not None}
        for member in self._members.values():
            if member.done is not None or member.lost:
                continue
            node = self._runner.clients.get(member.client)
            if member.process_id in ended:
                self._lose(member, f"its process ended with exit code {ended[member.process_id]}")
            elif node is None or node.state == STATE_MISSING:
                self._lose(member, "nothing was heard of it for 4 s")

    def _lose(self, member: _Member, reason: str) -> None:
        member.lost = reason
        self._end.tell_event(WORKER_LOST, self._clock.now(), worker=member.name, reason=reason)

    def _totals(self) -> dict[str, float]:
        told = [member.done for member in self._members.values() if member.done is not None]
        added = ("planned", "started", "dropped", "finished", "unfinished")
        return {
            **{key: sum(facts[key] for facts in told) for key in added},
            "lag_p99": max((facts["lag_p99"] for facts in told), default=0.0),
            "workers": len(self._members),
        }

    # ── what workers tell ──

    def _prepared(self, environment: Environment, msg: Any) -> None:  # noqa: ARG002
        self._members[msg.node_id].prepared = True

    def _parked(self, environment: Environment, msg: Any) -> None:  # noqa: ARG002
        self._members[msg.node_id].parked = True

    def _refused(self, environment: Environment, msg: Any) -> None:  # noqa: ARG002
        self._problems += [Problem(p["where"], p["what"], p["fix"]) for p in msg.data["problems"]]

    def _event(self, environment: Environment, msg: Any) -> None:  # noqa: ARG002
        facts = {**msg.data, "worker": self._members[msg.node_id].name}
        self._end.tell_event(facts.pop("event"), facts.pop("at"), **facts)

    def _delta(self, environment: Environment, msg: Any) -> None:  # noqa: ARG002
        member = self._members.get(msg.node_id)
        if member is not None:
            self._writing.put((member, int(msg.data["number"]), msg.data["blob"]))

    def _done(self, environment: Environment, msg: Any) -> None:  # noqa: ARG002
        self._members[msg.node_id].done = msg.data

    def _write(self) -> None:
        """One at a time and in order; each acknowledged once it is in the file, also when it comes again."""
        while (delta := self._writing.get()) is not None:
            member, number, blob = delta
            if number > member.last_delta:
                try:
                    folded, gauges = unpacked(blob)
                except ValueError as error:
                    self._lose(member, f"sent what cannot be read: {error}")
                    continue
                get_hub().threadpool.apply(self._keep, (folded, of_worker(gauges, member.number)))
                member.last_delta = number
            self._send(ACK, {"number": number}, member)

    def _keep(self, folded: Folded, gauges: list[Gauge]) -> None:
        """In a native thread."""
        if folded.intervals or folded.exemplars:
            self._store.write(folded)
        if gauges:
            self._store.write_gauges(gauges)

    # ── words ──

    def _send(self, kind: str, data: dict[str, Any], member: _Member) -> None:
        self._send_to(member.client, kind, data)

    def _send_to(self, client: str, kind: str, data: dict[str, Any]) -> None:
        with suppress(RPCError):
            self._runner.send_message(kind, data, client)

    def _note(self, text: str) -> None:
        self._end.tell_event("notice", self._clock.now(), text=text)

    def _watch_refusals(self, monitor: Any) -> None:
        told = False
        while True:
            monitor.recv_multipart()
            if not told:
                told = True
                self._note("a worker that does not know the key was refused")


class Seat(User):
    """What Locust's dispatcher counts; the workers' own of this name are who sits."""

    tasks: list[Any] = [lambda _: None]  # noqa: RUF012  Locust's own shape


def _file(path: Path, root: Path) -> dict[str, str]:
    """A file that a worker must have too: its place in the workspace, and the hash of what is in it."""
    return {"path": _inside(path, root), "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}


def _inside(path: Path, root: Path) -> str:
    """Relative to the workspace; as it is when it lies elsewhere."""
    whole = path.resolve()
    return str(whole.relative_to(root.resolve())) if whole.is_relative_to(root.resolve()) else str(whole)


def own_facts() -> dict[str, Any]:
    """What a worker says of itself when it joins."""
    return {"version": __version__, "host": os.uname().nodename, "pid": os.getpid()}
