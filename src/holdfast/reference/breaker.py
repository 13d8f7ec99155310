"""A circuit breaker: after a few failures in a row nothing is asked for a while, then one caller may try. Pure."""

from collections.abc import Callable
from enum import IntEnum


class BreakerState(IntEnum):
    """Its value is what /metrics shows."""

    CLOSED = 0
    HALF_OPEN = 1
    OPEN = 2


class CircuitBreaker:
    """Ask `permits` before each call, then tell how it went. One event loop. `now`: monotonic seconds."""

    def __init__(self, now: Callable[[], float], failures: int = 5, open_seconds: float = 5.0) -> None:
        self._now = now
        self._limit = failures
        self._open_seconds = open_seconds
        self._failures = 0
        self._opened_at: float | None = None
        self._trying_since: float | None = None

    @property
    def state(self) -> BreakerState:
        if self._opened_at is None:
            return BreakerState.CLOSED
        return BreakerState.OPEN if self.retry_after > 0 else BreakerState.HALF_OPEN

    @property
    def retry_after(self) -> float:
        """Seconds until a caller may try; 0 when one may now."""
        if self._opened_at is None:
            return 0.0
        return max(0.0, self._opened_at + self._open_seconds - self._now())

    def permits(self) -> bool:
        """True when the caller may call. Half open, only the first one; a trial that never told its end expires."""
        if self._opened_at is None:
            return True
        if self.retry_after > 0:
            return False
        now = self._now()
        if self._trying_since is not None and now < self._trying_since + self._open_seconds:
            return False
        self._trying_since = now
        return True

    def succeeded(self) -> None:
        self._failures = 0
        self._opened_at = None
        self._trying_since = None

    def failed(self) -> None:
        """One failure. A failed trial opens it for another full time."""
        self._failures += 1
        if self._trying_since is not None or (self._opened_at is None and self._failures >= self._limit):
            self._opened_at = self._now()
        self._trying_since = None
