"""Locust's master: workers admitted, a part of the load handed to each, and their sum told. See `messages`.

No traffic says who is next: worker k of n plays the arrivals i ≡ k (mod n) of the one schedule. A delta is kept by its
worker until the master has written it to `run.db` and said so. What is lost is told, and its run is invalid.
"""

import json
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import gevent
import locust
from locust import User
from locust.env import Environment
from locust.exception import RPCError
from locust.runners import STATE_MISSING, MasterRunner

from holdfast.channel import ChildEnd
from holdfast.clock import SystemClock
from holdfast.environment import for_authors
from holdfast.errors import InputError, MeasurementError, Problem
from holdfast.load.admission import Admission, Member
from holdfast.load.loss import Losses, why_gone
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
from holdfast.load.parts import least_due, part_of, seats_of
from holdfast.load.runner_end import PipeEnd
from holdfast.load.secured import refusals_of, secure
from holdfast.load.writing import Writing
from holdfast.record.store import RunStore

LOOPBACK: Final = "127.0.0.1"
JOIN_SECONDS: Final = 60.0  # unless the job has a patience of its own
_PREPARE_SECONDS: Final = 45.0
_LOOK_SECONDS: Final = 0.05
_LAST_WORD_SECONDS: Final = 10.0  # after the drain: for the last deltas and totals
_ADDED: Final = ("planned", "started", "dropped", "finished", "unfinished")


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
        self._end = PipeEnd(channel)
        self._clock = SystemClock(float(job["anchor"]))
        self._local = int(job.get("workers") or 0)
        self._remote = Remote(**(job.get("remote") or {}))
        self._patience = float(job.get("patience") or JOIN_SECONDS)
        self._admission = Admission(self._local + self._remote.count)
        self._processes: list[subprocess.Popen[str]] = []
        self._problems: list[Problem] = []
        self._losses = Losses(self._tell)
        self._writing = Writing(RunStore.open(Path(job["run_db"])), self._acknowledge, self._losses.unreadable)
        self._key = self._remote.key or secrets.token_urlsafe(32)
        self._runner = self._listening()
        self._over = False
        self._plan_end: float | None = None  # once it was released
        self._stopped_early = False

    def prepare(self) -> None:
        """Returns when every worker's visitors are parked.

        Raises InputError, and MeasurementError when a worker of this machine failed.
        """
        for number in range(self._local):
            self._start(number)
        admission = self._admission
        self._wait(lambda: admission.complete, self._patience, self._absent)
        for member in admission.members:
            self._send(JOB, part_of(self._job, member.number - 1, admission.wanted), member)
        self._wait(lambda: len(self._needs()) == admission.wanted, _PREPARE_SECONDS, lambda: "a worker did not prepare")
        seats = seats_of(self._needs())
        gevent.spawn(self._runner.start, seats, seats)
        self._wait(
            lambda: all(m.parked for m in admission.members),
            _PREPARE_SECONDS,
            lambda: "a worker did not spawn its users",
        )

    def run(self) -> None:
        """Pass the runner's words on until all workers are done or lost; then tell the sum."""
        listening = gevent.spawn(self._listen)
        deadline: float | None = None
        while playing := [m for m in self._admission.members if m.done is None and not m.lost]:
            self._look_for_lost(playing)
            if self._over and deadline is None:
                deadline = time.monotonic() + float(self._job.get("drain", 10.0)) + _LAST_WORD_SECONDS
            if deadline is not None and time.monotonic() > deadline:
                for member in playing:
                    if not member.lost:
                        self._losses.worker(member, "did not tell its totals, so what it measured last may be missing")
            gevent.sleep(_LOOK_SECONDS)
        self._writing.close()
        if self._plan_end is not None and not self._stopped_early:
            for member, due in zip(self._admission.members, least_due(self._job, self._admission.wanted), strict=True):
                self._losses.unplayed(member, due)
        for member in self._admission.members:
            self._losses.reckon(member)
        self._end.tell_done(**self._totals())
        listening.kill(block=False)
        self.close()

    def close(self, refusal: str = "") -> None:
        """Dismiss the workers, with `refusal` when they never began; local ones that do not go are ended."""
        if refusal:
            for member in self._admission.members:
                self._send(TOLD, {"refused": refusal}, member)
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
        for kind, listener in {HELLO: self._hello, TIME: self._tell_time}.items():
            runner.register_message(kind, listener)
        for kind, hear in {
            PREPARED: self._prepared,
            PROBLEMS: self._refused,
            PARKED: self._parked,
            EVENT: self._event,
            DELTA: self._delta,
            DONE: self._losses.done,
        }.items():
            runner.register_message(kind, self._of_members(hear))
        gevent.spawn(self._watch_refusals, refusals_of(runner))
        return runner

    def _start(self, number: int) -> None:
        process = subprocess.Popen(
            [sys.executable, "-m", "holdfast.load.worker"],
            stdin=subprocess.PIPE,
            stdout=2,  # our stdout is the runner's pipe
            env=for_authors(os.environ),  # it runs the authors' files, as we do
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
        with suppress(OSError):  # of one that is gone already: its exit code says so
            process.stdin.write(json.dumps(join) + "\n")
            process.stdin.flush()

    def _needs(self) -> list[int]:
        """The visitors of those that are prepared."""
        return [m.visitors for m in self._admission.members if m.visitors is not None]

    def _wait(self, reached: Callable[[], bool], seconds: float, late: Callable[[], str]) -> None:
        deadline = time.monotonic() + seconds
        while not reached():
            if self._problems:
                break
            if ended := self._ended():
                what = f"a worker of this machine ended before it began, with exit code {next(iter(ended.values()))}"
                raise MeasurementError(Problem("workers", what))
            if time.monotonic() > deadline:
                what = f"{late()} in {seconds:.0f} s"
                if not self._remote.count:
                    raise MeasurementError(Problem("workers", what))
                raise InputError(
                    Problem("workers", what, "start as many as were asked for, or wait longer with --patience")
                )
            gevent.sleep(_LOOK_SECONDS)
        if self._problems:
            raise InputError(*dict.fromkeys(self._problems))

    def _absent(self) -> str:
        return f"{len(self._admission.members)} of {self._admission.wanted} workers joined"

    def _ended(self) -> dict[int, int]:
        """Exit codes of the workers of this machine that are no more, by process id."""
        codes = {process.pid: process.poll() for process in self._processes}
        return {pid: code for pid, code in codes.items() if code is not None}

    # ── the run ──

    def _listen(self) -> None:
        while True:
            message = self._end.receive()
            for member in self._admission.members:
                self._send(TOLD, dict(message) if message is not None else {"stop": "orphaned"}, member)
            if message is None or "stop" in message:
                self._over = True
                self._stopped_early = self._plan_end is None or self._clock.now() < self._plan_end
            if message is None:
                return
            if "go" in message:
                self._plan_end = float(message["go"]) + float(self._job["duration"])
                gevent.spawn_later(max(self._plan_end - self._clock.now(), 0.0), self._end_of_time)

    def _end_of_time(self) -> None:
        self._over = True

    def _look_for_lost(self, members: list[Member]) -> None:
        ended = self._ended()
        for member in members:
            if why := why_gone(member, ended, self._is_heard):
                self._losses.worker(member, why)

    def _is_heard(self, client: str) -> bool:
        node = self._runner.clients.get(client)
        return node is not None and node.state != STATE_MISSING

    def _totals(self) -> dict[str, float]:
        told = [member.done for member in self._admission.members if member.done is not None]
        return {
            **{key: sum(facts[key] for facts in told) for key in _ADDED},
            "lag_p99": max((facts["lag_p99"] for facts in told), default=0.0),
            "workers": len(self._admission.members),
        }

    # ── what workers tell ──

    def _hello(self, environment: Environment, msg: Any) -> None:  # noqa: ARG002  Locust's signature
        refusal = self._admission.refusal_of(msg.node_id, msg.data)
        if refusal:
            self._send_to(msg.node_id, TOLD, {"refused": refusal})
            self._note(f"a worker on {msg.data['host']} was refused: {refusal}")

    def _tell_time(self, environment: Environment, msg: Any) -> None:  # noqa: ARG002
        self._send_to(msg.node_id, TIME, {"asked": msg.data["asked"], "now": self._clock.now()})

    def _of_members(self, hear: Callable[[Member, Any], None]) -> Callable[..., None]:
        """A listener of Locust's that passes on what members say, and nothing of anybody else."""

        def listener(environment: Environment, msg: Any) -> None:  # noqa: ARG001
            member = self._admission.member(msg.node_id)
            if member is not None:
                hear(member, msg.data)

        return listener

    def _prepared(self, member: Member, facts: Any) -> None:
        member.visitors = int(facts["visitors"])

    def _parked(self, member: Member, facts: Any) -> None:  # noqa: ARG002
        member.parked = True

    def _refused(self, member: Member, facts: Any) -> None:
        self._problems += [Problem(f"{member.name}: {p['where']}", p["what"], p["fix"]) for p in facts["problems"]]

    def _event(self, member: Member, facts: Any) -> None:
        told = {**facts, "worker": member.name}
        self._end.tell_event(told.pop("event"), told.pop("at"), **told)

    def _delta(self, member: Member, facts: Any) -> None:
        self._writing.put(member, int(facts["number"]), facts["blob"])

    # ── words ──

    def _acknowledge(self, member: Member, number: int, written: bool) -> None:
        self._send(ACK, {"number": number, "written": written}, member)

    def _send(self, kind: str, data: dict[str, Any], member: Member) -> None:
        self._send_to(member.client, kind, data)

    def _send_to(self, client: str, kind: str, data: dict[str, Any]) -> None:
        with suppress(RPCError):
            self._runner.send_message(kind, data, client)

    def _tell(self, kind: str, **facts: object) -> None:
        self._end.tell_event(kind, self._clock.now(), **facts)

    def _note(self, text: str) -> None:
        self._tell("notice", text=text)

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
