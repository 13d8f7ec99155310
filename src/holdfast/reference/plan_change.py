"""Changing the plan: a risky action, done once for each idempotency key however often it is sent."""

import hashlib
import json
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from psycopg.rows import class_row

from holdfast.reference.backends import Backends, now
from holdfast.reference.plans import find_plan
from holdfast.reference.refusal import Refusal, fresh_factor_required, invalid_field
from holdfast.reference.sessions import Session

_LONGEST_KEY: Final = 200
_APPLIED: Final = "applied"


@dataclass(frozen=True, slots=True)
class PlanChange:
    """A change that took effect."""

    id: str
    plan: str
    previous_plan: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Outcome:
    """The answer to give; `replayed` when the same request was answered before. `body` is JSON."""

    status: int
    body: str
    replayed: bool


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """What is kept for an idempotency key: of which request, and what was said."""

    fingerprint: bytes
    status: int | None
    body: str | None


def check_key(key: str | None) -> str:
    """The idempotency key of a request. Raises Refusal (400) when it is missing or unusable."""
    if not key or len(key) > _LONGEST_KEY or not key.isprintable():
        message = f"Send a header Idempotency-Key of 1 to {_LONGEST_KEY} printable characters."
        raise Refusal(400, "idempotency_key_required", message)
    return key


def fingerprint_of(body: object) -> bytes:
    """The same for bodies that mean the same."""
    return hashlib.sha256(json.dumps(body, sort_keys=True, separators=(",", ":")).encode()).digest()


def replay(stored: StoredAnswer, fingerprint: bytes) -> Outcome:
    """The answer for a key that was used before. Raises Refusal (422) when it was used for another request."""
    if stored.fingerprint != fingerprint:
        raise Refusal(422, "idempotency_key_reused", "This idempotency key was used for another request.")
    if stored.status is None or stored.body is None:
        raise Refusal(409, "in_progress", "The first request with this key is not answered yet.", retry_after=1.0)
    return Outcome(stored.status, stored.body, replayed=True)


async def change_plan(backends: Backends, session: Session, plan_id: str, key: str) -> Outcome:
    """Change the plan once. Raises Refusal: 403 without a fresh factor, 422 for an unknown plan or a reused key, 503.

    Key, change, audit event and outbox are one transaction: a second request with the key waits for the first one's
    end on the key's index entry, and then finds its answer.
    """
    fingerprint = fingerprint_of({"plan": plan_id})
    async with backends.database.connection() as connection, connection.transaction():
        claimed = await connection.execute(
            "INSERT INTO idempotency_keys (account_id, key, fingerprint) VALUES (%(account)s, %(key)s, %(print)s)"
            " ON CONFLICT DO NOTHING",
            {"account": session.account_id, "key": key, "print": fingerprint},
        )
        if claimed.rowcount == 0:
            async with connection.cursor(row_factory=class_row(StoredAnswer)) as cursor:
                await cursor.execute(
                    "SELECT fingerprint, status, body FROM idempotency_keys"
                    " WHERE account_id = %(account)s AND key = %(key)s",
                    {"account": session.account_id, "key": key},
                )
                stored = await cursor.fetchone()
            return replay(stored or StoredAnswer(fingerprint, None, None), fingerprint)
        # A refusal below rolls the key back: the visitor may prove the factor and send the same request again.
        if not session.factor_is_fresh(now(), backends.settings.stack.fresh_factor_seconds):
            raise fresh_factor_required()
        if find_plan(plan_id) is None:
            raise invalid_field("plan", "choose one of the plans on offer")
        change_id = f"chg-{secrets.token_hex(8)}"
        body = json.dumps({"plan_change": {"id": change_id, "plan": plan_id, "status": _APPLIED}})
        await connection.execute(
            "WITH before AS (SELECT id, plan FROM accounts WHERE id = %(account)s FOR UPDATE),"
            " changed AS (UPDATE accounts SET plan = %(plan)s FROM before WHERE accounts.id = before.id),"
            " noted AS (INSERT INTO plan_changes (id, account_id, plan, previous_plan, idempotency_key)"
            " SELECT %(id)s, id, %(plan)s, plan, %(key)s FROM before),"
            " answered AS (UPDATE idempotency_keys SET status = 201, body = %(body)s"
            " WHERE account_id = %(account)s AND key = %(key)s)"
            " SELECT record_change(id, 'plan_changed',"
            " jsonb_build_object('change', %(id)s::text, 'from', plan, 'to', %(plan)s::text)) FROM before",
            {"account": session.account_id, "plan": plan_id, "id": change_id, "key": key, "body": body},
        )
    return Outcome(201, body, replayed=False)


async def list_plan_changes(backends: Backends, account_id: int) -> list[PlanChange]:
    """The account's changes, the newest first."""
    return await backends.database.all(
        PlanChange,
        "SELECT id, plan, previous_plan, created_at FROM plan_changes WHERE account_id = %(account)s"
        " ORDER BY created_at DESC LIMIT 100",
        {"account": account_id},
    )
