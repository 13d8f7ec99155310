"""Once a second: what was measured, and how the generator itself is doing, into `run.db`.

Folding, writing and the look at the machine happen in a native thread of their own, so that no visitor waits for the
disk; and that thread steps back when the loop wants the processor.
"""

import logging
import math
import os
import sqlite3
import sys
import threading
import time
from collections.abc import Callable, Sequence
from typing import Final

import gevent
from gevent.event import Event
from gevent.lock import Semaphore
from gevent.threadpool import ThreadPool

from holdfast.clock import Clock
from holdfast.load.measured import GENERATOR
from holdfast.load.pressure import Machine, pressure
from holdfast.load.runner_end import RecordSink
from holdfast.record.recorder import Batch, Folded, Recorder, fold
from holdfast.record.store import Gauge

_log = logging.getLogger(__name__)

_PERIOD: Final = 1.0
_SETTLE_SECONDS: Final = 0.15  # for most of what was due in a second to have ended
_NICENESS: Final = 15
"""Of the writing thread. At the loop's own priority, its 3 ms a second are taken from visitors in one piece where the
two share a core: at 8,000 arrivals/s, p99 of a constant 20 ms read 22.0 ms instead of 21.0."""
_LOOK_SECONDS: Final = 0.05  # 20 looks a second at how late the loop comes back


class Vitals:
    """How one generator process is doing, told as gauges of `source` ("generator", or "generator/2" of several).

    `look_at_loop` and `of_process` belong to the loop's thread, `of_machine` to any one thread, once a second each.
    """

    def __init__(self, clock: Clock, in_flight: Callable[[], int], source: str = GENERATOR) -> None:
        self._clock = clock
        self._in_flight = in_flight
        self._source = source
        self._latest_loop = 0.0
        self._machine = Machine()
        self.begin()

    def begin(self) -> None:
        """From here on: what was before is not looked at."""
        self._cpu_seconds, self._wall_seconds = time.process_time(), time.monotonic()
        self._counters = self._machine.look()

    def look_at_loop(self, over: Event) -> None:
        """20 times a second until it is over: does the loop come back when it was asked to? Runs in a greenlet."""
        while not over.is_set():
            began = time.monotonic()
            gevent.sleep(_LOOK_SECONDS)
            self._latest_loop = max(self._latest_loop, time.monotonic() - began - _LOOK_SECONDS)

    def of_process(self) -> list[Gauge]:
        """`cpu`: share of one core since the last look; `loop_delay`: the worst of it, seconds; `in_flight`."""
        now, cpu, wall = self._clock.now(), time.process_time(), time.monotonic()
        passed = wall - self._wall_seconds
        if passed < _PERIOD / 2:  # an extra flush: too short a time to judge by
            return []
        share = (cpu - self._cpu_seconds) / passed
        delay, self._latest_loop = self._latest_loop, 0.0
        self._cpu_seconds, self._wall_seconds = cpu, wall
        return [
            Gauge(now, self._source, "cpu", share),
            Gauge(now, self._source, "loop_delay", delay),
            Gauge(now, self._source, "in_flight", float(self._in_flight())),
        ]

    def of_machine(self) -> list[Gauge]:
        """`steal`, `throttled`, `throttled_seconds` since the last look, `descriptors`, `cores`, `machine`: see
        `pressure`.
        """
        now, counters = self._clock.now(), self._machine.look()
        found = self._machine.shared() | pressure(self._counters, counters)
        self._counters = counters
        descriptors = self._machine.descriptors()
        if descriptors is not None:
            found["descriptors"] = descriptors
        return [Gauge(now, self._source, name, value) for name, value in found.items()]


class Recording:
    """Empties recorders into a store. `in_flight` is asked once a second; `source` is that of its gauges."""

    def __init__(
        self,
        recorders: Sequence[Recorder],
        store: RecordSink,
        clock: Clock,
        in_flight: Callable[[], int],
        source: str = GENERATOR,
    ) -> None:
        self._recorders = tuple(recorders)
        self._store = store
        self._clock = clock
        self._one_at_a_time = Semaphore()
        self._over = Event()
        self._unwritten: list[Folded] = []
        self._vitals = Vitals(clock, in_flight, source)
        self._greenlets: list[gevent.Greenlet] = []
        self._thread = ThreadPool(1)

    def start(self) -> None:
        self._vitals.begin()
        self._thread.apply(_step_back)
        self._greenlets = [gevent.spawn(self._vitals.look_at_loop, self._over), gevent.spawn(self._every_second)]

    def flush(self) -> None:
        """Write what there is; returns when it is in the file. Raises sqlite3.Error; it is kept for the next try."""
        with self._one_at_a_time:
            batches = [(recorder.source, recorder.take()) for recorder in self._recorders]
            self._thread.apply(self._write, (batches, self._vitals.of_process()))

    def close(self) -> None:
        """Write the rest and stop."""
        self._over.set()
        gevent.joinall(self._greenlets)  # not killed: the native thread of a killed one would go on writing
        try:
            self.flush()
        finally:
            self._thread.kill()

    def _every_second(self) -> None:
        while True:
            # Soon after a second of the record is over: in the middle of one, each would be written in two halves.
            due = math.floor(self._clock.now() - _SETTLE_SECONDS) + _PERIOD + _SETTLE_SECONDS
            if self._over.wait(due - self._clock.now()):
                return
            try:
                self.flush()
            except sqlite3.OperationalError as error:  # the file is locked: next second, both
                _log.warning("could not write the record yet: %s", error)

    def _write(self, batches: list[tuple[str, Batch]], gauges: list[Gauge]) -> None:
        """In a native thread."""
        self._unwritten += [fold(source, batch) for source, batch in batches if batch]
        while self._unwritten:
            self._store.write(self._unwritten[0])
            self._unwritten.pop(0)
        if gauges:
            self._store.write_gauges([*gauges, *self._vitals.of_machine()])


def _step_back() -> None:
    """Let other threads of this process go first. Linux keeps a priority for each thread, others one for all."""
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), os.getpriority(os.PRIO_PROCESS, 0) + _NICENESS)
