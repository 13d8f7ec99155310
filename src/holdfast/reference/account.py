"""The account itself: profile, consents, what happened to it, and its erasure."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from holdfast.reference import passwords
from holdfast.reference.backends import Backends
from holdfast.reference.plans import PLANS
from holdfast.reference.refusal import invalid_field, not_found
from holdfast.reference.sessions import mark_revoked

ERASE_JOB: Final = "erase_messages"
_LONGEST_NAME: Final = 100
_LONGEST_PHONE: Final = 30
_LONGEST_EMAIL: Final = 100
_TEST_DOMAIN: Final = "@accounts.invalid"  # RFC 2606: nobody's mailbox; the stack holds no real person's account


@dataclass(frozen=True, slots=True)
class Account:
    """What its owner may see."""

    id: int
    email: str
    name: str
    phone: str
    plan: str
    mfa: bool
    marketing: bool
    analytics: bool
    created_at: datetime


@dataclass(frozen=True, slots=True)
class AuditEvent:
    """Something that happened; `facts` hold no personal data."""

    id: int
    at: datetime
    kind: str
    facts: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class _Erased:
    email: str
    revoked: list[str]


async def sign_up(backends: Backends, email: str, password: str) -> None:
    """A new account on the smallest plan. Raises Refusal (422, 503).

    Of an address that has an account nothing changes, and the answer and its work are the same: it gives nothing away.
    """
    email = email.strip().lower()
    name = email.removesuffix(_TEST_DOMAIN)
    if name == email or not 0 < len(name) <= _LONGEST_EMAIL or "@" in name:
        raise invalid_field("email", f"use an address under {_TEST_DOMAIN}")
    passwords.check_new_password(password)
    password_hash = await backends.off_loop(passwords.hash_password, password)
    await backends.database.run(
        "WITH made AS (INSERT INTO accounts (id, email, name, phone, plan, password_hash)"
        " VALUES (nextval('signed_up_accounts'), %(email)s, 'Visitor', '', %(plan)s, %(hash)s)"
        " ON CONFLICT (email) DO NOTHING RETURNING id)"
        " SELECT record_change(id, 'account_created', '{}') FROM made",
        {"email": email, "plan": PLANS[0].id, "hash": password_hash},
    )


async def read_account(backends: Backends, account_id: int) -> Account:
    account = await backends.database.one(
        Account,
        "SELECT id, email, name, phone, plan, totp_secret IS NOT NULL AS mfa, marketing, analytics, created_at"
        " FROM accounts WHERE id = %(id)s AND erased_at IS NULL",
        {"id": account_id},
    )
    if account is None:
        raise not_found("account")
    return account


async def update_profile(backends: Backends, account_id: int, name: str | None, phone: str | None) -> Account:
    """Change what is given. Raises Refusal (422) when it may not be. The event says which fields, not their content."""
    if name is not None and not 0 < len(name.strip()) <= _LONGEST_NAME:
        raise invalid_field("name", f"use 1 to {_LONGEST_NAME} characters")
    if phone is not None and (len(phone) > _LONGEST_PHONE or not set(phone) <= set("+0123456789 -()")):
        raise invalid_field("phone", f"use at most {_LONGEST_PHONE} digits, spaces and + - ( )")
    fields = [field for field, value in (("name", name), ("phone", phone)) if value is not None]
    if fields:
        await backends.database.run(
            "WITH changed AS (UPDATE accounts SET name = coalesce(%(name)s, name), phone = coalesce(%(phone)s, phone)"
            " WHERE id = %(id)s AND erased_at IS NULL RETURNING id)"
            " SELECT record_change(id, 'profile_updated', %(facts)s::jsonb) FROM changed",
            {
                "id": account_id, "name": name.strip() if name is not None else None, "phone": phone,
                "facts": json.dumps({"fields": fields}),
            },
        )  # fmt: skip
    return await read_account(backends, account_id)


async def update_consents(backends: Backends, account_id: int, marketing: bool, analytics: bool) -> None:
    await backends.database.run(
        "WITH changed AS (UPDATE accounts SET marketing = %(marketing)s, analytics = %(analytics)s"
        " WHERE id = %(id)s AND erased_at IS NULL RETURNING id)"
        " SELECT record_change(id, 'consents_updated', %(facts)s::jsonb) FROM changed",
        {
            "id": account_id, "marketing": marketing, "analytics": analytics,
            "facts": json.dumps({"marketing": marketing, "analytics": analytics}),
        },
    )  # fmt: skip


async def list_audit_events(backends: Backends, account_id: int) -> list[AuditEvent]:
    """The last 200 events, the newest first."""
    return await backends.database.all(
        AuditEvent,
        "SELECT id, at, kind, facts FROM audit_events WHERE account_id = %(id)s ORDER BY id DESC LIMIT 200",
        {"id": account_id},
    )


async def erase_account(backends: Backends, account_id: int) -> None:
    """Remove everything personal, end all sessions, and leave a job that has the partners forget too.

    The row stays, empty: audit events and plan changes, which hold nothing personal, still belong to somebody.
    """
    erased = await backends.database.one(
        _Erased,
        "WITH before AS (SELECT id, email FROM accounts WHERE id = %(id)s AND erased_at IS NULL FOR UPDATE),"
        " erased AS (UPDATE accounts SET email = 'erased-' || accounts.id || '@accounts.invalid', name = '',"
        " phone = '', password_hash = NULL, totp_secret = NULL, marketing = false, analytics = false, erased_at = now()"
        " FROM before WHERE accounts.id = before.id),"
        " revoked AS (UPDATE sessions SET revoked_at = now(), user_agent = '' FROM before"
        " WHERE account_id = before.id AND revoked_at IS NULL RETURNING sessions.id),"
        " cleaned AS (UPDATE sessions SET user_agent = '' FROM before"
        " WHERE account_id = before.id AND revoked_at IS NOT NULL),"
        " resets AS (DELETE FROM password_resets USING before WHERE account_id = before.id),"
        " challenged AS (DELETE FROM challenges USING before WHERE account_id = before.id),"
        " left_job AS (INSERT INTO jobs (kind, subject) SELECT %(job)s, email FROM before),"
        " noted AS (SELECT record_change(id, 'account_erased', '{}') FROM before)"
        " SELECT email, ARRAY(SELECT id FROM revoked) AS revoked FROM before, noted",
        {"id": account_id, "job": ERASE_JOB},
    )
    if erased is None:
        raise not_found("account")
    await mark_revoked(backends, erased.revoked)
    backends.job_left.set()
