"""Deadlines of everything in flight, kept by one coarse timer: a timer for each wait costs more than the wait.

`watch` enters the running greenlet, `release` takes it out. Between the two it may wait for whatever it likes (a name,
a socket to write or to read): once its deadline has passed, TimeoutError is raised where it waits, as gevent.Timeout
would do it.
"""

import time
from typing import Any, Final

import gevent
from gevent.hub import get_hub

STEP_SECONDS: Final = 0.02
"""How late a deadline may be seen: 0.2 % of the usual ten seconds."""


class Deadlines:
    """Of one thread's greenlets. The timer runs only while somebody is in flight."""

    __slots__ = ("_running", "_timer", "_watched")

    def __init__(self) -> None:
        self._watched: dict[Any, float] = {}
        self._timer: Any = None
        self._running = False

    def watch(self, deadline: float) -> Any:
        """`deadline` on the monotonic clock. Returns what `release` takes."""
        current = gevent.getcurrent()
        self._watched[current] = deadline
        if not self._running:
            self._start()
        return current

    def release(self, watched: Any) -> None:
        self._watched.pop(watched, None)

    def _start(self) -> None:
        self._timer = get_hub().loop.timer(STEP_SECONDS, STEP_SECONDS, ref=False)
        self._timer.start(self._sweep, update=True)
        self._running = True

    def _sweep(self) -> None:
        """In the hub."""
        now, watched = time.monotonic(), self._watched
        late = [greenlet for greenlet, deadline in watched.items() if deadline <= now]
        for greenlet in late:
            if watched.pop(greenlet, None) is not None:  # an earlier one's end may have ended this one too
                greenlet.throw(TimeoutError())
        if not watched:
            self._timer.stop()
            self._timer.close()
            self._running = False
