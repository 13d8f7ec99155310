"""Waking up when it is time: to some tens of microseconds where the system has timerfd (Linux), else a millisecond.

The loop's own timers end in epoll_wait's time-out, whole milliseconds, rounded up: an arrival would be released
half a millisecond late on average. A timerfd becomes readable when its time has come, and the loop watches it like a
socket. (man 2 timerfd_create; Python has it from 3.13 on.)
"""

import ctypes
import os
from typing import Any, Final

import gevent
from gevent.hub import get_hub

_READABLE: Final = 1
_MONOTONIC: Final = 1
_NONBLOCK: Final = os.O_NONBLOCK
_CLOSE_ON_EXEC: Final = getattr(os, "O_CLOEXEC", 0)
_LEAST_SECONDS: Final = 0.0002  # sooner than that it does not pay to sleep: who is due then is released together


class _Setting(ctypes.Structure):
    """struct itimerspec: an interval, which we never use, and the time until it goes off."""

    _fields_ = (
        ("interval_seconds", ctypes.c_long),
        ("interval_nanoseconds", ctypes.c_long),
        ("seconds", ctypes.c_long),
        ("nanoseconds", ctypes.c_long),
    )


class Alarm:
    """One greenlet's. Close it when it is not needed any more."""

    def __init__(self) -> None:
        self._hub = get_hub()
        self._set: Any = None
        self._descriptor = -1
        self._watcher: Any = None
        self._setting = _Setting()
        library = ctypes.CDLL(None, use_errno=True)
        create = getattr(library, "timerfd_create", None)
        if create is None:
            return
        descriptor = create(_MONOTONIC, _NONBLOCK | _CLOSE_ON_EXEC)
        if descriptor >= 0:
            self._set, self._descriptor = library.timerfd_settime, descriptor
            self._watcher = self._hub.loop.io(descriptor, _READABLE)

    def sleep(self, seconds: float) -> None:
        """Let others run for so long, and never for less than 0.2 ms."""
        seconds = max(seconds, _LEAST_SECONDS)
        if self._watcher is None:
            gevent.sleep(seconds)
            return
        whole = int(seconds)
        self._setting.seconds = whole
        self._setting.nanoseconds = int((seconds - whole) * 1e9)
        self._set(self._descriptor, 0, ctypes.byref(self._setting), None)  # also clears what went off before
        self._hub.wait(self._watcher)

    def close(self) -> None:
        if self._watcher is not None:
            self._watcher.close()
            self._watcher = None
            os.close(self._descriptor)
