"""The account service's Valkey: what is quick to ask and may be lost. Without it the service is slower, not wrong.

After a few failures it is left alone for a second, so that a dead cache does not cost every request its timeout.
"""

import time
from collections.abc import Awaitable, Mapping
from typing import Final, TypeVar

from valkey.asyncio import BlockingConnectionPool, Valkey
from valkey.asyncio.retry import Retry
from valkey.backoff import NoBackoff
from valkey.exceptions import ConnectionError, ValkeyError  # noqa: A004  the client's own

from holdfast.reference.breaker import CircuitBreaker
from holdfast.reference.loopback import HOST

_SECONDS: Final = 0.5
_CONNECTIONS: Final = 32
_FAILURES: Final = 3
_REST_SECONDS: Final = 1.0

Answer = TypeVar("Answer")


class CacheUnavailableError(Exception):
    """Valkey does not answer, or is being left alone."""


class Cache:
    """Opened by its first use, closed by `close`. All methods raise CacheUnavailableError."""

    def __init__(self, port: int, password: str) -> None:
        pool = BlockingConnectionPool(
            host=HOST, port=port, password=password, max_connections=_CONNECTIONS,
            timeout=_SECONDS,  # type: ignore[arg-type]  # stubs want whole seconds; asyncio does not
            socket_timeout=_SECONDS, socket_connect_timeout=_SECONDS,
            lib_name=None, lib_version=None,  # or each new connection would tell them, in a round trip of its own
            retry=Retry(NoBackoff(), 1, (ConnectionError,)),  # once more on a new connection, but not after a timeout
        )  # fmt: skip
        self._client: Valkey = Valkey.from_pool(pool)
        self.breaker = CircuitBreaker(time.monotonic, _FAILURES, _REST_SECONDS)

    async def close(self) -> None:
        await self._client.aclose()

    async def answers(self) -> bool:
        """True when it answers now. Asks even when it is being left alone: that is how readiness comes back."""
        try:
            await self._client.ping()
        except (ValkeyError, OSError):
            return False
        self.breaker.succeeded()
        return True

    async def get(self, key: str) -> bytes | None:
        found: bytes | None = await self._guarded(self._client.get(key))
        return found

    async def put(self, key: str, value: bytes | str, seconds: float, only_if_absent: bool = False) -> None:
        await self._guarded(self._client.set(key, value, px=max(1, int(seconds * 1000)), nx=only_if_absent))

    async def put_all(self, values: Mapping[str, str], seconds: float) -> None:
        """Several at once, in one round trip."""
        pipeline = self._client.pipeline(transaction=False)
        for key, value in values.items():
            pipeline.set(key, value, px=max(1, int(seconds * 1000)))
        await self._guarded(pipeline.execute())

    async def forget(self, key: str) -> None:
        await self._guarded(self._client.delete(key))

    async def count(self, key: str, seconds: float) -> tuple[int, float]:
        """Count one in a window that opens with its first count: how many, and the seconds until the window ends."""
        pipeline = self._client.pipeline(transaction=True)
        pipeline.set(key, 0, px=int(seconds * 1000), nx=True)
        pipeline.incr(key)
        pipeline.pttl(key)
        _, number, left = await self._guarded(pipeline.execute())
        return int(number), max(0.0, left / 1000)

    async def counted(self, key: str) -> tuple[int, float]:
        """What `count` counted so far, and the seconds until its window ends."""
        pipeline = self._client.pipeline(transaction=False)
        pipeline.get(key)
        pipeline.pttl(key)
        number, left = await self._guarded(pipeline.execute())
        return int(number or 0), max(0.0, left / 1000)

    async def publish(self, stream: str, entries: list[dict[str, str]], keep: int) -> None:
        """Append to a stream, in order; about the last `keep` entries stay."""
        pipeline = self._client.pipeline(transaction=True)
        for entry in entries:
            pipeline.xadd(stream, entry, maxlen=keep, approximate=True)
        await self._guarded(pipeline.execute())

    async def _guarded(self, asking: Awaitable[Answer]) -> Answer:
        if not self.breaker.permits():
            if hasattr(asking, "close"):
                asking.close()  # a coroutine that is never awaited would complain
            raise CacheUnavailableError
        try:
            answer = await asking
        except (ValkeyError, OSError) as error:
            self.breaker.failed()
            raise CacheUnavailableError from error
        self.breaker.succeeded()
        return answer
