"""How often somebody may fail before being told to wait: counted in Valkey for all replicas, here when it is away.

A limit that is lifted while the cache is down would invite an attacker to take the cache down.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from holdfast.reference.cache import Cache, CacheUnavailableError
from holdfast.reference.capacity import UNLIMITED_PATHS, refuse_early
from holdfast.reference.refusal import Refusal, too_many

WINDOW_SECONDS: Final = 60.0
_MOST_KEYS: Final = 50_000


@dataclass(slots=True)
class _Window:
    ends_at: float
    count: int = 0


class LocalCounter:
    """Counts per key in windows that open with the first count. One process. `now`: monotonic seconds."""

    def __init__(self, now: Callable[[], float], seconds: float = WINDOW_SECONDS) -> None:
        self._now = now
        self._seconds = seconds
        self._windows: dict[str, _Window] = {}

    def count(self, key: str) -> tuple[int, float]:
        """Count one: how many in this window, and the seconds until it ends."""
        now = self._now()
        window = self._windows.get(key)
        if window is None or window.ends_at <= now:
            if len(self._windows) >= _MOST_KEYS:
                self._drop_ended(now)
            window = self._windows[key] = _Window(now + self._seconds)
        window.count += 1
        return window.count, window.ends_at - now

    def counted(self, key: str) -> tuple[int, float]:
        """What was counted so far, and the seconds until the window ends."""
        window = self._windows.get(key)
        left = 0.0 if window is None else window.ends_at - self._now()
        return (window.count, left) if window is not None and left > 0 else (0, 0.0)

    def _drop_ended(self, now: float) -> None:
        self._windows = {key: window for key, window in self._windows.items() if window.ends_at > now}


class Limit:
    """At most `most` of `what` in a minute for each key. `name` keeps the keys of several limits apart."""

    def __init__(self, name: str, what: str, most: int, cache: Cache, local: LocalCounter) -> None:
        self._name = name
        self._what = what
        self._most = most
        self._cache = cache
        self._local = local

    async def check(self, key: str) -> None:
        """Raises Refusal (429) with the time to wait when the limit is reached; counts nothing."""
        name = f"limit:{self._name}:{key}"
        try:
            count, left = await self._cache.counted(name)
        except CacheUnavailableError:
            count, left = self._local.counted(name)
        if count >= self._most:
            raise too_many(self._what, max(1.0, left))

    async def count(self, key: str) -> None:
        """Count one; never raises."""
        name = f"limit:{self._name}:{key}"
        try:
            await self._cache.count(name, WINDOW_SECONDS)
        except CacheUnavailableError:
            self._local.count(name)

    async def count_and_check(self, key: str) -> None:
        """Count one. Raises Refusal (429) when it is one too many."""
        name = f"limit:{self._name}:{key}"
        try:
            count, left = await self._cache.count(name, WINDOW_SECONDS)
        except CacheUnavailableError:
            count, left = self._local.count(name)
        if count > self._most:
            raise too_many(self._what, max(1.0, left))


class LimitClients:
    """Middleware: at most so many requests of one client address in a minute."""

    def __init__(self, app: ASGIApp, limit: Limit) -> None:
        self._app = app
        self._limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["client"] and scope["path"] not in UNLIMITED_PATHS:
            try:
                await self._limit.count_and_check(scope["client"][0])
            except Refusal as refused:
                await refuse_early(send, refused)
                return
        await self._app(scope, receive, send)
