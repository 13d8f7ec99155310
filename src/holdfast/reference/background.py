"""What a replica does beside requests: jobs that were left for later, and publishing the outbox, each with retries."""

import asyncio
import json
import logging
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from urllib.parse import quote

from psycopg import AsyncConnection
from psycopg import Error as DatabaseError
from psycopg.rows import class_row

from holdfast.reference import account, password_reset
from holdfast.reference.backends import Backends, now
from holdfast.reference.cache import CacheUnavailableError
from holdfast.reference.partner import PartnerError
from holdfast.reference.refusal import Refusal

STREAM: Final = "events"
_IDLE_SECONDS: Final = 1.0  # how long a job of a replica that died waits for another one
_DELAY_SECONDS: Final = 0.2  # between request and job, so that the job's work does not show in the answer's time
_RETRY_SECONDS: Final = 1.0
_LONGEST_RETRY: Final = 30
_BATCH: Final = 200
_KEPT_EVENTS: Final = 10_000
_PUBLISHER_LOCK: Final = 0x6F757462  # "outb"
_TIDY_SECONDS: Final = 60.0

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Job:
    id: int
    kind: str
    subject: str
    attempts: int


@dataclass(frozen=True, slots=True)
class _Event:
    id: int
    account_id: int
    at: datetime
    kind: str
    facts: dict[str, object]


async def work_for_ever(backends: Backends) -> None:
    """Do jobs and publish events until cancelled. What fails is tried again later."""
    await backends.prepared.wait()
    tidied_at = float("-inf")
    while True:
        try:
            async with asyncio.timeout(_IDLE_SECONDS):
                await backends.job_left.wait()
            backends.job_left.clear()
            await asyncio.sleep(_DELAY_SECONDS)
        except TimeoutError:
            pass
        try:
            while await _do_next_job(backends):
                pass
            while await _publish(backends) == _BATCH:
                pass
            if asyncio.get_running_loop().time() > tidied_at + _TIDY_SECONDS:
                tidied_at = asyncio.get_running_loop().time()
                await _tidy(backends)
        except (Refusal, DatabaseError, CacheUnavailableError) as error:
            log.warning("background work waits: %s", type(error).__name__)
            await asyncio.sleep(_RETRY_SECONDS)
        except Exception:
            # A bug in one job must not end all later ones.
            log.exception("background work failed")
            await asyncio.sleep(_RETRY_SECONDS)


async def _do_next_job(backends: Backends) -> bool:
    """Do one job that is due; True when there was one. It is held meanwhile, so that no other replica takes it."""
    async with backends.database.connection() as connection, connection.transaction():
        async with connection.cursor(row_factory=class_row(_Job)) as cursor:
            await cursor.execute(
                "SELECT id, kind, subject, attempts FROM jobs WHERE due_at <= now() ORDER BY id"
                " LIMIT 1 FOR UPDATE SKIP LOCKED"
            )
            job = await cursor.fetchone()
        if job is None:
            return False
        try:
            await _do(backends, job)
        except (Refusal, PartnerError):
            delay = min(_LONGEST_RETRY, 2**job.attempts)
            await connection.execute(
                "UPDATE jobs SET attempts = attempts + 1, due_at = now() + make_interval(secs => %s) WHERE id = %s",
                (delay, job.id),
            )
        else:
            await connection.execute("DELETE FROM jobs WHERE id = %s", (job.id,))
        return True


async def _do(backends: Backends, job: _Job) -> None:
    match job.kind:
        case password_reset.JOB:
            await password_reset.send_reset(backends, job.subject)
        case account.ERASE_JOB:
            await backends.messages.call("DELETE", f"/messages?to={quote(job.subject)}")
        case unknown:
            log.error("a job of unknown kind: %s", unknown)


async def _publish(backends: Backends) -> int:
    """Append the oldest unpublished events to the stream; how many.

    One replica at a time, or they would not be in order. An event may be published twice, after a failure between
    Valkey and PostgreSQL, with the same id: its readers keep the last id they saw.
    """
    async with backends.database.connection() as connection, connection.transaction():
        if not await _is_publisher(connection):
            return 0
        async with connection.cursor(row_factory=class_row(_Event)) as cursor:
            await cursor.execute(
                "SELECT id, account_id, at, kind, facts FROM outbox WHERE published_at IS NULL ORDER BY id LIMIT %s",
                (_BATCH,),
            )
            events = await cursor.fetchall()
        if not events:
            return 0
        entries = [
            {
                "event": str(event.id), "account": str(event.account_id), "kind": event.kind,
                "at": event.at.isoformat(), "facts": json.dumps(event.facts),
            }
            for event in events
        ]  # fmt: skip
        await backends.cache.publish(STREAM, entries, _KEPT_EVENTS)
        await connection.execute(
            "UPDATE outbox SET published_at = now() WHERE id = ANY(%s)", ([event.id for event in events],)
        )
    backends.metrics.published_events.inc(len(events))
    backends.metrics.event_lag.set((now() - events[-1].at).total_seconds())
    return len(events)


async def _is_publisher(connection: AsyncConnection[tuple[Any, ...]]) -> bool:
    row = await (await connection.execute("SELECT pg_try_advisory_xact_lock(%s)", (_PUBLISHER_LOCK,))).fetchone()
    return row is not None and bool(row[0])


async def _tidy(backends: Backends) -> None:
    """Forget what has no use any more."""
    for statement in (
        "DELETE FROM challenges WHERE expires_at < now()",
        "DELETE FROM idempotency_keys WHERE created_at < now() - interval '24 hours'",
        "DELETE FROM password_resets WHERE expires_at < now() - interval '1 day'",
        "DELETE FROM sessions WHERE expires_at < now() - interval '1 day'",
    ):
        await backends.database.run(statement, {})
