"""Generators one after another against one server, in rounds (A B C A B C), each counted by the server.

A window in the middle of a run is measured: what a generator needs to start and to end is not its rate.
"""

import os
import statistics
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Final

import machine
from peers import Command
from server import Server

WARM_UP_SECONDS: Final = 1.0
_START_PATIENCE: Final = 15.0
_LOOK_SECONDS: Final = 0.05
_BEGUN: Final = 20  # requests after which a generator is at it


@dataclass(frozen=True)
class Window:
    """What the server counted in one window, and what share of a core each side used meanwhile."""

    rate: float
    connections: int
    requests: int
    generator: float
    server: float
    processes: int


@dataclass(frozen=True)
class Contender:
    """A generator: `start` runs it, gives its process id, and ends it."""

    name: str
    shown: str
    start: Callable[[], AbstractContextManager[int]]


@dataclass(frozen=True)
class Rate:
    """A contender's windows of all rounds."""

    contender: Contender
    windows: tuple[Window, ...]

    @property
    def median(self) -> float:
        return statistics.median(window.rate for window in self.windows)

    @property
    def spread(self) -> str:
        rates = [window.rate for window in self.windows]
        return f"{min(rates):,.0f} to {max(rates):,.0f}"


def in_rounds(server: Server, contenders: Sequence[Contender], rounds: int, seconds: float) -> list[Rate]:
    """`seconds`: the length of a window."""
    found: dict[str, list[Window]] = {contender.name: [] for contender in contenders}
    for _ in range(rounds):
        for contender in contenders:
            with contender.start() as process:
                found[contender.name].append(measure(server, process, seconds))
    return [Rate(contender, tuple(found[contender.name])) for contender in contenders]


def measure(server: Server, process: int, seconds: float) -> Window:
    """Raises TimeoutError when the generator does not begin."""
    before = server.counted()
    deadline = time.monotonic() + _START_PATIENCE
    looks = 0
    while server.counted().requests - before.requests - looks < _BEGUN:
        looks += 1
        if time.monotonic() > deadline:
            raise TimeoutError("the generator sent nothing")
        time.sleep(_LOOK_SECONDS)
    time.sleep(WARM_UP_SECONDS)
    began, used, served = (
        server.counted(),
        machine.processor_seconds(process),
        machine.processor_seconds(server.process),
    )
    time.sleep(seconds)
    processes = len(machine.family(process))
    ended, used_then = server.counted(), machine.processor_seconds(process)
    served_then = machine.processor_seconds(server.process)
    passed = ended.at - began.at
    requests = ended.requests - began.requests - 1
    return Window(
        rate=requests / passed,
        connections=ended.connections - before.connections - looks - 3,  # those of the counting itself
        requests=requests,
        generator=(used_then - used) / passed,
        server=(served_then - served) / passed,
        processes=processes,
    )


def peer(command: Command, core: int | None) -> Contender:
    """A generator with a command of its own."""

    @contextmanager
    def start() -> Iterator[int]:
        process = subprocess.Popen(
            machine.pinned(core, list(command.words)),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, **command.environment},
        )
        try:
            yield process.pid
        finally:
            if process.poll() is None:
                process.terminate()
            process.wait()

    return Contender(command.name, command.shown, start)
