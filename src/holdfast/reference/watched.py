"""One process of the stack: started, watched, restarted when it dies, stopped with the stack.

In: a `Command`. Out: a running process, its pid and its state. POSIX; on Linux the kernel ends the process with its
starter, elsewhere those of them do that read the end of their stdin.
"""

import asyncio
import contextlib
import ctypes
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Final

from holdfast.reference.deaths import Death, Deaths, how_it_ended

_PR_SET_PDEATHSIG: Final = 1  # linux/prctl.h
_LAST_WORDS: Final = 4000


class ProcessState(StrEnum):
    RUNNING = "running"
    PAUSED = "paused"
    RESTARTING = "restarting"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class Command:
    """How a process is started and ended."""

    arguments: tuple[str, ...]
    environment: Mapping[str, str] = field(repr=False)
    """All of it: what it is told of ours, and what is meant for it alone."""
    stdin: str = field(default="", repr=False)
    """What it reads first; it may hold secrets."""
    keeps_stdin: bool = False
    """Its stdin stays open as long as we live; otherwise it ends after the text."""
    user: str | None = None
    folder: Path | None = None
    """Where it works; ours when None."""
    stop_signal: signal.Signals = signal.SIGTERM
    death_signal: signal.Signals = signal.SIGKILL
    """What the kernel sends it when we die."""


class WatchedProcess:
    """Opened by `start`, closed by `close`. In the main thread's event loop: the death signal is bound to a thread."""

    def __init__(self, name: str, kind: str, url: str, command: Command, log: Path, restart_delay: float) -> None:
        self.name = name
        self.kind = kind
        self.url = url
        self.restarts = 0
        self.deaths = Deaths()
        self._command = command
        self._log = log
        self._restart_delay = restart_delay
        self._process: asyncio.subprocess.Process | None = None
        self._watching: asyncio.Task[None] | None = None
        self._start_now = asyncio.Event()
        self._started = asyncio.Event()
        self._killed_by_us: asyncio.subprocess.Process | None = None
        self._state = ProcessState.STOPPED

    @property
    def state(self) -> ProcessState:
        return self._state

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process is not None and self._process.returncode is None else None

    def last_words(self) -> str:
        """The end of its log."""
        try:
            return self._log.read_text(encoding="utf-8", errors="replace")[-_LAST_WORDS:]
        except OSError:
            return ""

    def last_line(self) -> str:
        """Of its log; "(nothing)" when it wrote none."""
        return next(reversed(self.last_words().strip().splitlines()), "(nothing)")

    async def start(self) -> None:
        """Start it and watch it from now on. Raises OSError when it cannot be started at all."""
        self._process = await self._spawn()
        self._watching = asyncio.create_task(self._watch(), name=f"watch {self.name}")

    async def start_now(self) -> int | None:
        """Start it if it is not running, without waiting for the restart delay; its pid."""
        if self.pid is None and self._state is not ProcessState.STOPPED:
            self._started.clear()
            self._start_now.set()
            await self._started.wait()
        return self.pid

    async def kill(self) -> int | None:
        """End it with SIGKILL and wait until it is gone; its pid, None when it was not running."""
        pid = self.pid
        if pid is not None and self._process is not None:
            self._killed_by_us = self._process
            self._process.kill()
            await self._process.wait()
            await asyncio.sleep(0)  # let the watch take note
        return pid

    def pause(self) -> int | None:
        """SIGSTOP to it and its own children; its pid, None when it is not running."""
        return self._signal_family(signal.SIGSTOP, ProcessState.PAUSED)

    def resume(self) -> int | None:
        """SIGCONT to it and its own children; its pid, None when it is not running."""
        return self._signal_family(signal.SIGCONT, ProcessState.RUNNING)

    async def close(self, patience: float) -> None:
        """End it for good: its stop signal, and SIGKILL after `patience` seconds."""
        self._state = ProcessState.STOPPED
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.gather(self._watching, return_exceptions=True)
        process = self._process
        if process is None or process.returncode is not None:
            return
        try:
            process.send_signal(signal.SIGCONT)  # a paused one hears nothing else
            process.send_signal(self._command.stop_signal)
            await asyncio.wait_for(process.wait(), patience)
        except TimeoutError:
            process.kill()
            await process.wait()
        except ProcessLookupError:
            await process.wait()
        finally:
            if process.stdin is not None:
                process.stdin.close()

    async def _watch(self) -> None:
        noted: asyncio.subprocess.Process | None = None
        while self._process is not None:
            code = await self._process.wait()
            if self._process not in (noted, self._killed_by_us):
                self.deaths.add(Death(time.time(), self.name, how_it_ended(code)))
            noted = self._process
            self._state = ProcessState.RESTARTING
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._start_now.wait(), self._restart_delay)
            self.restarts += 1
            try:
                self._process = await self._spawn()
            except OSError as error:
                with self._log.open("a", encoding="utf-8") as log:
                    log.write(f"cannot be restarted: {error}\n")
            self._start_now.clear()
            self._started.set()

    async def _spawn(self) -> asyncio.subprocess.Process:
        command = self._command
        identity = {} if command.user is None else {"user": command.user, "group": _group_of(command.user)}
        with self._log.open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                *command.arguments,
                stdin=asyncio.subprocess.PIPE,
                stdout=log,
                stderr=log,
                env=command.environment,
                cwd=command.folder,
                preexec_fn=_die_with_parent(command.death_signal),
                extra_groups=None if command.user is None else [],
                **identity,  # type: ignore[arg-type]
            )
        self._state = ProcessState.RUNNING
        if process.stdin is not None:
            process.stdin.write(command.stdin.encode())
            if not command.keeps_stdin:
                process.stdin.close()
        return process

    def _signal_family(self, number: signal.Signals, state: ProcessState) -> int | None:
        pid = self.pid
        if pid is None:
            return None
        for member in (pid, *_children(pid)):
            try:
                os.kill(member, number)
            except ProcessLookupError:
                continue  # a child that ended meanwhile
        self._state = state
        return pid


def _group_of(user: str) -> int:
    import pwd  # POSIX only

    return pwd.getpwnam(user).pw_gid


def _children(pid: int) -> tuple[int, ...]:
    try:
        listed = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    except OSError:
        return ()
    return tuple(int(child) for child in listed.split())


def _die_with_parent(number: signal.Signals) -> Callable[[], None] | None:
    """For the child, between fork and exec: have the kernel signal it when the thread that forked it ends.

    After the change of user, which would clear the request (prctl(2)). Nothing here takes a lock or allocates
    through Python's import system: the fork may have happened beside other threads.
    """
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    parent = os.getpid()

    def request_signal() -> None:
        prctl(_PR_SET_PDEATHSIG, int(number), 0, 0, 0)
        if os.getppid() != parent:  # it ended before we asked
            os._exit(1)

    return request_signal
