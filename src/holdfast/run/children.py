"""The runner's end of the channel: child processes started, prepared, released, drained and, at worst, ended.

    start ─▶ check ─▶ give ─▶ wait_until_ready ─▶ release(t0) ─▶ messages … ─▶ stop("drain") ─▶ wait ─▶ end()

Each child has a session of its own, so that Ctrl-C in the terminal reaches the runner alone; a child whose runner
dies sees end of file on its stdin.
"""

import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Final

from holdfast.clock import Clock
from holdfast.errors import InputError, MeasurementError, Problem, shown
from holdfast.private import FILE, UMASK

_LOG_TAIL_LINES: Final = 12


@dataclass(frozen=True, slots=True)
class Message:
    """A line from a child; `body` None when its stdout ended."""

    child: str
    body: Mapping[str, Any] | None


@dataclass(slots=True)
class Child:
    """One running child. `done` holds the facts it told at its end."""

    name: str
    process: subprocess.Popen[str]
    log: Path
    checked: bool = False
    ready: bool = False
    released: bool = False
    problems: list[Problem] = field(default_factory=list)
    done: Mapping[str, Any] | None = None
    ended: bool = False

    def send(self, message: Mapping[str, Any]) -> None:
        """One line; nothing when the child is gone (its end shows as a message)."""
        stdin = self.process.stdin
        try:
            if stdin is not None:
                stdin.write(json.dumps(message) + "\n")
                stdin.flush()
        except (BrokenPipeError, ValueError, OSError):
            pass


class Children:
    """All children of a run, and the one queue their lines come in by."""

    def __init__(self, clock: Clock, logs: Path, *, logs_kept: bool = True) -> None:
        """`logs_kept`: whether the folder of the logs outlives an error, so that the error may name them."""
        self._logs_kept = logs_kept
        self._clock = clock
        self._logs = logs
        self._queue: queue.Queue[Message] = queue.Queue()
        self.all: dict[str, Child] = {}

    def start(self, name: str, module: str, environment: Mapping[str, str]) -> Child:
        """Start `python -m module`. The log is `logs/<name>.log`; `environment`: all that it sees of ours."""
        log = self._logs / f"{name}.log"
        log.touch(mode=FILE)
        with log.open("ab") as log_file:
            process = subprocess.Popen(
                [sys.executable, "-m", module],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log_file,
                text=True,
                encoding="utf-8",
                env=environment,
                start_new_session=True,
                umask=UMASK,
            )
        child = self.all[name] = Child(name, process, log)
        threading.Thread(target=self._listen, args=(child, process.stdout), name=f"from-{name}", daemon=True).start()
        return child

    def check(self, files: Mapping[str, Mapping[str, str]], seconds: float) -> None:
        """Have children import the files they will run. Raises InputError with all that is wrong."""
        for name, paths in files.items():
            self.all[name].send({"check": dict(paths)})
        self._wait(lambda child: child.name not in files or child.checked, seconds, "did not import its files")

    def next_message(self, seconds: float) -> Message | None:
        """The next line, or None after `seconds`. Keeps each child's state up to date on the way."""
        try:
            message = self._queue.get(timeout=max(seconds, 0.0))
        except queue.Empty:
            return None
        child = self.all[message.child]
        if message.body is None:
            child.ended = True
        elif "checked" in message.body:
            child.checked = True
        elif "ready" in message.body:
            child.ready = True
        elif "problems" in message.body:
            child.problems += [Problem(p["where"], p["what"], p.get("fix", "")) for p in message.body["problems"]]
        elif "done" in message.body:
            child.done = message.body["done"]
        return message

    def give(self, name: str, job: Mapping[str, Any]) -> None:
        self.all[name].send(job)

    def wait_until_ready(self, seconds: float) -> list[Message]:
        """Block until every child is ready; what else was told meanwhile. Raises InputError or MeasurementError."""
        return self._wait(lambda child: child.ready, seconds, "was not ready")

    def _wait(self, reached: Callable[[Child], bool], seconds: float, late: str) -> list[Message]:
        """Raises InputError with what children found wrong, MeasurementError when one died or took too long."""
        deadline = self._clock.now() + seconds
        others: list[Message] = []
        while waiting := [c for c in self.all.values() if not reached(c) and not c.ended and not c.problems]:
            left = deadline - self._clock.now()
            if left <= 0:
                raise MeasurementError(*(self._broken(child, f"{late} in {seconds:.0f} s") for child in waiting))
            message = self.next_message(min(left, 0.5))
            if message is not None and message.body is not None and "event" in message.body:
                others.append(message)
        told = dict.fromkeys(p for c in self.all.values() for p in c.problems)  # two children may run one file
        if told:
            raise InputError(*told)
        died = [child for child in self.all.values() if child.ended and not reached(child)]
        if died:
            raise MeasurementError(*(self._broken(child, "ended before it was ready") for child in died))
        return others

    def _broken(self, child: Child, how: str) -> Problem:
        return Problem(child.name, f"{how}{_tail(child.log)}", f"see {shown(child.log)}" if self._logs_kept else "")

    def release(self, name: str, time_zero: float) -> None:
        self.all[name].released = True
        self.all[name].send({"go": time_zero})

    def stop(self, how: str) -> None:
        """ "drain" or "now", to all that still run."""
        for child in self.all.values():
            if not child.ended:
                child.send({"stop": how})

    def end(self, seconds: float) -> list[str]:
        """Wait for all; after `seconds` interrupt, then kill what is left. Names of those that had to be killed."""
        deadline = self._clock.now() + seconds
        killed = []
        for child in self.all.values():
            try:
                child.process.wait(timeout=max(deadline - self._clock.now(), 0.1))
            except subprocess.TimeoutExpired:
                killed.append(child.name)
                _end_session(child.process)
            if child.process.stdin is not None:
                with suppress(OSError):
                    child.process.stdin.close()
        return killed

    def _listen(self, child: Child, lines: IO[str] | None) -> None:
        for line in lines or ():
            try:
                body = json.loads(line)
            except ValueError:
                continue  # half a line of a child that was killed while writing
            if isinstance(body, dict):
                self._queue.put(Message(child.name, body))
        self._queue.put(Message(child.name, None))


def _end_session(process: subprocess.Popen[str]) -> None:
    """The child leads a session of its own, so its group is it and what it started (a browser, say)."""
    for sign, patience in ((signal.SIGINT, 3.0), (signal.SIGKILL, 5.0)):
        try:
            os.killpg(process.pid, sign)
            process.wait(timeout=patience)
        except ProcessLookupError:
            return
        except subprocess.TimeoutExpired:
            continue
        else:
            return


def _tail(log: Path) -> str:
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()[-_LOG_TAIL_LINES:]
    except OSError:
        return ""
    return "; its log ends:\n      " + "\n      ".join(lines) if lines else ""
