"""Sessions: opened after sign-in, found by their token, listed, revoked. The table is the truth, Valkey a copy of it.

A request asks Valkey; only when the copy is missing or Valkey is away does it ask PostgreSQL. A revocation replaces
the copy by a mark, so that a reader who saw the row just before cannot put it back.
"""

import contextlib
import json
import secrets
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from holdfast.reference.backends import Backends, now
from holdfast.reference.cache import CacheUnavailableError
from holdfast.reference.partner import PartnerError
from holdfast.reference.refusal import not_found, not_signed_in, unavailable
from holdfast.reference.tokens import Claims

# A copy lives this long at most: what a revocation that could not reach Valkey leaves behind ends with it.
_COPY_SECONDS: Final = 60.0
_REVOKED: Final = b"revoked"
_LONGEST_AGENT: Final = 200


@dataclass(frozen=True, slots=True)
class Session:
    """Somebody signed in. `factor_at`: when the second factor was proven, None if never."""

    id: str
    account_id: int
    mfa: bool
    user_agent: str
    created_at: datetime
    expires_at: datetime
    factor_at: datetime | None

    def factor_is_fresh(self, at: datetime, seconds: float) -> bool:
        """True when the account has no second factor, or proved it within `seconds` before `at`."""
        return not self.mfa or (self.factor_at is not None and at - self.factor_at <= timedelta(seconds=seconds))


@dataclass(frozen=True, slots=True)
class OpenedSession:
    """A new session, and the token that stands for it."""

    session: Session
    token: str


@dataclass(frozen=True, slots=True)
class _Id:
    id: str


def new_session(account_id: int, mfa: bool, user_agent: str, lifetime: float) -> Session:
    """A session that begins now, of an account whose second factor, if `mfa`, was proven now."""
    at = now()
    return Session(
        id=secrets.token_urlsafe(16),
        account_id=account_id,
        mfa=mfa,
        user_agent=user_agent[:_LONGEST_AGENT],
        created_at=at,
        expires_at=at + timedelta(seconds=lifetime),
        factor_at=at if mfa else None,
    )


async def issue_token(backends: Backends, session: Session) -> str:
    """Have the identity partner sign for the session. Raises Refusal (503)."""
    asked = {"session": session.id, "account": session.account_id, "expires_at": session.expires_at.timestamp()}
    try:
        answer = await backends.identity.call("POST", "/tokens", asked)
        return str(answer["token"])
    except (PartnerError, KeyError, TypeError) as error:
        raise unavailable("identity") from error


async def find_session(backends: Backends, token: str) -> Session | None:
    """The live session that a token stands for; None when the token is not good, or the session ended."""
    claims = await backends.keys.claims_of(token)
    if claims is None:
        return None
    session = await _find(backends, claims)
    return session if session is not None and session.expires_at > now() else None


async def _find(backends: Backends, claims: Claims) -> Session | None:
    try:
        copy = await backends.cache.get(_name(claims.session))
    except CacheUnavailableError:
        return await _read(backends, claims)
    if copy == _REVOKED:
        return None
    if copy is not None:
        return _decode(copy)
    session = await _read(backends, claims)
    if session is not None:
        await keep_copy(backends, session)
    return session


async def _read(backends: Backends, claims: Claims) -> Session | None:
    return await backends.database.one(
        Session,
        "SELECT id, account_id, mfa, user_agent, created_at, expires_at, factor_at FROM sessions"
        " WHERE id = %(id)s AND account_id = %(account)s AND revoked_at IS NULL",
        {"id": claims.session, "account": claims.account},
    )


async def keep_copy(backends: Backends, session: Session) -> None:
    """Put the copy into Valkey, unless there is one or the mark of a revocation."""
    with contextlib.suppress(CacheUnavailableError):  # slower, not wrong
        await backends.cache.put(_name(session.id), _encode(session), _COPY_SECONDS, only_if_absent=True)


async def list_sessions(backends: Backends, account_id: int) -> list[Session]:
    """The account's live sessions, the newest first."""
    return await backends.database.all(
        Session,
        "SELECT id, account_id, mfa, user_agent, created_at, expires_at, factor_at FROM sessions"
        " WHERE account_id = %(account)s AND revoked_at IS NULL AND expires_at > now()"
        " ORDER BY created_at DESC LIMIT 100",
        {"account": account_id},
    )


async def revoke_session(backends: Backends, account_id: int, session_id: str) -> None:
    """End one session of the account. Raises Refusal (404) when it has no such live one."""
    revoked = await backends.database.all(
        _Id,
        "WITH revoked AS (UPDATE sessions SET revoked_at = now()"
        " WHERE id = %(id)s AND account_id = %(account)s AND revoked_at IS NULL RETURNING id),"
        " noted AS (INSERT INTO audit_events (account_id, kind, facts)"
        " SELECT %(account)s, 'session_revoked', jsonb_build_object('session', id) FROM revoked)"
        " SELECT id FROM revoked",
        {"id": session_id, "account": account_id},
    )
    if not revoked:
        raise not_found("session")
    await mark_revoked(backends, [session_id])


async def refresh_session(backends: Backends, old: Session) -> OpenedSession:
    """Put a new session in the place of one, with a new token; the old one ends. Raises Refusal: 401, 503.

    The second factor stays as old as it is: a refresh proves nothing. Of two refreshes at once one is refused.
    """
    fresh = new_session(old.account_id, old.mfa, old.user_agent, backends.settings.stack.session_seconds)
    session = replace(fresh, factor_at=old.factor_at)
    token = await issue_token(backends, session)
    rotated = await backends.database.all(
        _Id,
        "WITH revoked AS (UPDATE sessions SET revoked_at = now()"
        " WHERE id = %(old)s AND account_id = %(account)s AND revoked_at IS NULL RETURNING id),"
        " opened AS (INSERT INTO sessions (id, account_id, mfa, user_agent, created_at, expires_at, factor_at)"
        " SELECT %(id)s, %(account)s, %(mfa)s, %(agent)s, %(created)s, %(expires)s, %(factor)s FROM revoked),"
        " noted AS (INSERT INTO audit_events (account_id, kind, facts)"
        " SELECT %(account)s, 'session_refreshed', jsonb_build_object('session', %(id)s::text) FROM revoked)"
        " SELECT id FROM revoked",
        {
            "old": old.id, "account": session.account_id, "id": session.id, "mfa": session.mfa,
            "agent": session.user_agent, "created": session.created_at, "expires": session.expires_at,
            "factor": session.factor_at,
        },
    )  # fmt: skip
    if not rotated:
        raise not_signed_in()
    await mark_revoked(backends, [old.id])
    await keep_copy(backends, session)
    return OpenedSession(session, token)


async def mark_revoked(backends: Backends, session_ids: list[str]) -> None:
    """Replace the copies of sessions whose rows were revoked."""
    if not session_ids:
        return
    marks = {_name(session_id): _REVOKED.decode() for session_id in session_ids}
    with contextlib.suppress(CacheUnavailableError):  # a copy ends by itself, see _COPY_SECONDS
        await backends.cache.put_all(marks, 2 * _COPY_SECONDS)


def _name(session_id: str) -> str:
    return f"session:{session_id}"


def _encode(session: Session) -> str:
    return json.dumps(
        [
            session.id, session.account_id, session.mfa, session.user_agent, session.created_at.isoformat(),
            session.expires_at.isoformat(), session.factor_at.isoformat() if session.factor_at else None,
        ]
    )  # fmt: skip


def _decode(copy: bytes) -> Session:
    session_id, account_id, mfa, user_agent, created_at, expires_at, factor_at = json.loads(copy)
    return Session(
        session_id, account_id, mfa, user_agent, datetime.fromisoformat(created_at),
        datetime.fromisoformat(expires_at), datetime.fromisoformat(factor_at) if factor_at else None,
    )  # fmt: skip
