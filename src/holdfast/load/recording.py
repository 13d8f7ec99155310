"""Once a second: what was measured, and how the generator itself is doing, into `run.db`.

Folding and writing happen in a native thread of the loop's pool, so that no visitor waits for the disk.
"""

import logging
import sqlite3
import time
from collections.abc import Callable
from typing import Final

import gevent
from gevent.event import Event
from gevent.hub import get_hub
from gevent.lock import Semaphore

from holdfast.clock import Clock
from holdfast.load.runner_end import RecordSink
from holdfast.record.recorder import Batch, Folded, Recorder, fold
from holdfast.record.store import Gauge

_log = logging.getLogger(__name__)

GENERATOR: Final = "generator"
_PERIOD: Final = 1.0
_LOOK_SECONDS: Final = 0.05  # 20 looks a second at how late the loop comes back


class Recording:
    """Empties a recorder into a store. `in_flight` is asked once a second."""

    def __init__(self, recorder: Recorder, store: RecordSink, clock: Clock, in_flight: Callable[[], int]) -> None:
        self._recorder = recorder
        self._store = store
        self._clock = clock
        self._in_flight = in_flight
        self._one_at_a_time = Semaphore()
        self._over = Event()
        self._unwritten: list[Folded] = []
        self._latest_loop = 0.0
        self._cpu_seconds = time.process_time()
        self._wall_seconds = time.monotonic()
        self._greenlets: list[gevent.Greenlet] = []

    def start(self) -> None:
        self._cpu_seconds, self._wall_seconds = time.process_time(), time.monotonic()
        self._greenlets = [gevent.spawn(self._look), gevent.spawn(self._every_second)]

    def flush(self) -> None:
        """Write what there is; returns when it is in the file. Raises sqlite3.Error; it is kept for the next try."""
        with self._one_at_a_time:
            get_hub().threadpool.apply(self._write, (self._recorder.take(), self._gauges()))

    def close(self) -> None:
        """Write the rest and stop."""
        self._over.set()
        gevent.joinall(self._greenlets)  # not killed: the native thread of a killed one would go on writing
        self.flush()

    def _every_second(self) -> None:
        due = self._clock.now()
        while True:
            due = max(due + _PERIOD, self._clock.now())
            if self._over.wait(due - self._clock.now()):
                return
            try:
                self.flush()
            except sqlite3.OperationalError as error:  # the file is locked: next second, both
                _log.warning("could not write the record yet: %s", error)

    def _look(self) -> None:
        while not self._over.is_set():
            began = time.monotonic()
            gevent.sleep(_LOOK_SECONDS)
            self._latest_loop = max(self._latest_loop, time.monotonic() - began - _LOOK_SECONDS)

    def _gauges(self) -> list[Gauge]:
        """`cpu`: share of one core since the last look; `loop_delay`: the worst of it, seconds; `in_flight`."""
        now, cpu, wall = self._clock.now(), time.process_time(), time.monotonic()
        passed = wall - self._wall_seconds
        if passed < _PERIOD / 2:  # an extra flush: too short a time to judge by
            return []
        share = (cpu - self._cpu_seconds) / passed
        delay, self._latest_loop = self._latest_loop, 0.0
        self._cpu_seconds, self._wall_seconds = cpu, wall
        return [
            Gauge(now, GENERATOR, "cpu", share),
            Gauge(now, GENERATOR, "loop_delay", delay),
            Gauge(now, GENERATOR, "in_flight", float(self._in_flight())),
        ]

    def _write(self, batch: Batch, gauges: list[Gauge]) -> None:
        """In a native thread."""
        if batch:
            self._unwritten.append(fold(self._recorder.source, batch))
        while self._unwritten:
            self._store.write(self._unwritten[0])
            self._unwritten.pop(0)
        if gauges:
            self._store.write_gauges(gauges)
