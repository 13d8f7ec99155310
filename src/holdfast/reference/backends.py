"""What one replica works with: its database, cache, partners, limits and measures. Opened and closed together."""

import asyncio
import contextlib
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Final, TypeVar

from psycopg import Error as DatabaseError

from holdfast.reference.breaker import CircuitBreaker
from holdfast.reference.cache import Cache
from holdfast.reference.database import Database
from holdfast.reference.key_set import KeySet
from holdfast.reference.limits import Limit, LocalCounter
from holdfast.reference.metrics import Metrics, make_metrics
from holdfast.reference.partner import Partner
from holdfast.reference.refusal import Refusal
from holdfast.reference.schema import migrate
from holdfast.reference.seed import seed_accounts
from holdfast.reference.settings import ReplicaSettings

_RESETS_PER_MINUTE: Final = 10
_SCHEMA_RETRY_SECONDS: Final = 0.1
_KEYS_SECONDS: Final = 3.0

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Backends:
    """`prepared` is set when the schema is there, and the keys are or did not come."""

    settings: ReplicaSettings
    database: Database
    cache: Cache
    identity: Partner
    billing: Partner
    messages: Partner
    keys: KeySet
    sign_in_failures: Limit
    reset_requests: Limit
    client_requests: Limit | None
    metrics: Metrics
    hashing: ThreadPoolExecutor
    prepared: asyncio.Event = field(default_factory=asyncio.Event)
    job_left: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def partners(self) -> Sequence[Partner]:
        return (self.identity, self.billing, self.messages)

    async def off_loop(self, work: Callable[..., Result], *arguments: object) -> Result:
        """Run slow arithmetic in a thread, a few at a time."""
        return await asyncio.get_running_loop().run_in_executor(self.hashing, work, *arguments)

    async def ready(self) -> bool:
        """True when the schema is there, and PostgreSQL and Valkey answer."""
        if not self.prepared.is_set():
            return False
        try:
            await self.database.run("SELECT 1", {})
        except Refusal:
            return False
        return await self.cache.answers()

    async def prepare(self) -> None:
        """As soon as PostgreSQL can be reached: bring the schema up to date, seed the accounts, open the pool."""
        while True:
            try:
                async with await self.database.connect() as connection, connection.transaction():
                    if await migrate(connection):
                        await seed_accounts(connection, self.settings.stack.accounts)
            except DatabaseError:
                await asyncio.sleep(_SCHEMA_RETRY_SECONDS)
            else:
                break
        await self.database.open()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_KEYS_SECONDS):
                await self.keys.fetched.wait()
        self.prepared.set()

    async def close(self) -> None:
        self.hashing.shutdown(wait=False, cancel_futures=True)
        await self.cache.close()
        await self.database.close()


def make_backends(settings: ReplicaSettings) -> Backends:
    cache = Cache(settings.valkey_port, settings.password)
    local = LocalCounter(time.monotonic)
    stack = settings.stack
    backends = Backends(
        settings=settings,
        database=Database(settings.postgres_port, settings.password, settings.name),
        cache=cache,
        identity=Partner("identity", settings.identity_url, CircuitBreaker(time.monotonic)),
        billing=Partner("billing", settings.billing_url, CircuitBreaker(time.monotonic)),
        messages=Partner("messages", settings.messages_url, CircuitBreaker(time.monotonic)),
        # A breaker that never refuses: asking for keys too early must not keep visitors from signing in.
        keys=KeySet(Partner("identity", settings.identity_url, CircuitBreaker(time.monotonic, open_seconds=0.0))),
        sign_in_failures=Limit("sign-in", "failed sign-ins", stack.sign_in_failures, cache, local),
        reset_requests=Limit("reset", "reset requests", _RESETS_PER_MINUTE, cache, local),
        client_requests=None
        if stack.client_requests is None
        else Limit("client", "requests", stack.client_requests, cache, local),
        metrics=make_metrics(),
        hashing=ThreadPoolExecutor(max_workers=2, thread_name_prefix="hashing"),
    )
    breakers = {"valkey": cache.breaker} | {partner.name: partner.breaker for partner in backends.partners}
    backends.metrics.watch(
        "account_pool_in_use", "Database connections that a request holds.", lambda: float(backends.database.in_use())
    )
    backends.metrics.watch_links(
        "account_breaker_state",
        "0 closed, 1 half open, 2 open.",
        {name: partial(_state_of, breaker) for name, breaker in breakers.items()},
    )
    return backends


def _state_of(breaker: CircuitBreaker) -> float:
    return float(breaker.state)


def now() -> datetime:
    return datetime.now(UTC)
