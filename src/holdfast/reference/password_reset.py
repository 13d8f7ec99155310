"""Resetting a forgotten password by a message. Asking says nothing about who has an account.

A request only leaves a job; the look-up, and the message if there is an account, happen later and elsewhere, so
neither the answer nor its time depends on them.
"""

import hashlib
import secrets
from dataclasses import dataclass
from typing import Final

from holdfast.reference import passwords
from holdfast.reference.backends import Backends
from holdfast.reference.refusal import Refusal
from holdfast.reference.sessions import mark_revoked

JOB: Final = "password_reset"


@dataclass(frozen=True, slots=True)
class _AccountId:
    id: int


@dataclass(frozen=True, slots=True)
class _Reset:
    account_id: int
    revoked: list[str]


async def request_reset(backends: Backends, email: str) -> None:
    """Note that somebody asked. Raises Refusal: 429 for too many of one address, known or not; 503."""
    email = email.strip().lower()
    await backends.reset_requests.count_and_check(hashlib.sha256(email.encode()).hexdigest()[:32])
    await backends.database.run(
        "INSERT INTO jobs (kind, subject) VALUES (%(kind)s, %(email)s)", {"kind": JOB, "email": email}
    )
    backends.job_left.set()


async def send_reset(backends: Backends, email: str) -> None:
    """Do the job: send a message with a token when there is an account. Raises Refusal when it must be tried again."""
    account = await backends.database.one(
        _AccountId, "SELECT id FROM accounts WHERE email = %(email)s AND erased_at IS NULL", {"email": email}
    )
    if account is None:
        return
    token = secrets.token_urlsafe(24)
    await backends.database.run(
        "WITH made AS (INSERT INTO password_resets (token_hash, account_id, expires_at)"
        " VALUES (%(hash)s, %(account)s, now() + interval '15 minutes'))"
        " INSERT INTO audit_events (account_id, kind) VALUES (%(account)s, 'password_reset_requested')",
        {"hash": _hash(token), "account": account.id},
    )
    body = f"Somebody asked to reset your password. If it was you, follow /reset-password?token={token}"
    await backends.messages.call(
        "POST", "/messages", {"to": email, "kind": "password_reset", "token": token, "body": body}
    )


async def complete_reset(backends: Backends, token: str, password: str) -> None:
    """Set the new password and end all sessions. Raises Refusal: 410 for a used, expired or unknown token, 422, 503."""
    passwords.check_new_password(password)
    # The token is looked at before the password is hashed, so that nobody can make us hash for nothing.
    usable = await backends.database.one(
        _AccountId,
        "SELECT account_id AS id FROM password_resets"
        " WHERE token_hash = %(hash)s AND used_at IS NULL AND expires_at > now()",
        {"hash": _hash(token)},
    )
    if usable is None:
        raise _gone()
    password_hash = await backends.off_loop(passwords.hash_password, password)
    reset = await backends.database.one(
        _Reset,
        "WITH used AS (UPDATE password_resets SET used_at = now()"
        " WHERE token_hash = %(hash)s AND used_at IS NULL AND expires_at > now() RETURNING account_id),"
        " changed AS (UPDATE accounts SET password_hash = %(password)s FROM used WHERE id = used.account_id),"
        " voided AS (UPDATE password_resets SET used_at = now() FROM used"
        " WHERE password_resets.account_id = used.account_id AND used_at IS NULL AND token_hash <> %(hash)s),"
        " revoked AS (UPDATE sessions SET revoked_at = now() FROM used"
        " WHERE sessions.account_id = used.account_id AND revoked_at IS NULL RETURNING sessions.id),"
        " noted AS (SELECT record_change(account_id, 'password_changed', '{}') FROM used)"
        " SELECT account_id, ARRAY(SELECT id FROM revoked) AS revoked FROM used, noted",
        {"hash": _hash(token), "password": password_hash},
    )
    if reset is None:
        raise _gone()
    await mark_revoked(backends, reset.revoked)


def _gone() -> Refusal:
    return Refusal(410, "token_gone", "This link was used, or is too old. Ask for a new one.")


def _hash(token: str) -> bytes:
    """Whoever reads the table cannot use what is in it."""
    return hashlib.sha256(token.encode()).digest()
