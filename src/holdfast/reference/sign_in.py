"""Signing in: password, then a one-time code for accounts that have a second factor."""

import hashlib
import secrets
import time
from dataclasses import dataclass
from typing import Final

import pyotp

from holdfast.reference import passwords
from holdfast.reference.backends import Backends
from holdfast.reference.refusal import Refusal, invalid_code, invalid_credentials
from holdfast.reference.sessions import OpenedSession, Session, issue_token, keep_copy, new_session

STEP_SECONDS: Final = 30
_CODES_PER_CHALLENGE: Final = 5


@dataclass(frozen=True, slots=True)
class Challenge:
    """The password was right; a code is still to be proven."""

    id: str


@dataclass(frozen=True, slots=True)
class _Credentials:
    id: int
    password_hash: str | None
    totp_secret: str | None


@dataclass(frozen=True, slots=True)
class _Factor:
    account_id: int
    email: str
    totp_secret: str | None
    attempts: int


@dataclass(frozen=True, slots=True)
class _Done:
    done: bool


async def sign_in(backends: Backends, email: str, password: str, user_agent: str) -> OpenedSession | Challenge:
    """Check the password. Raises Refusal: 401, 429 after too many failures, 503."""
    email = email.strip().lower()
    account = await _check_password(backends, email, password)
    if account.totp_secret is None:
        session = new_session(account.id, False, user_agent, backends.settings.stack.session_seconds)
        return await _open(backends, session, step=0)
    challenge = Challenge(secrets.token_urlsafe(16))
    await backends.database.run(
        "INSERT INTO challenges (id, account_id, expires_at)"
        " VALUES (%(id)s, %(account)s, now() + interval '5 minutes')",
        {"id": challenge.id, "account": account.id},
    )
    return challenge


async def sign_in_at_once(
    backends: Backends, email: str, password: str, code: str | None, user_agent: str
) -> OpenedSession:
    """Password and code in one go, as the old API has it. Raises Refusal like `sign_in`."""
    outcome = await sign_in(backends, email, password, user_agent)
    if isinstance(outcome, OpenedSession):
        return outcome
    if not code:
        raise Refusal(401, "code_required", "This account needs a code.")
    return await submit_code(backends, outcome.id, code, user_agent)


async def submit_code(backends: Backends, challenge_id: str, code: str, user_agent: str) -> OpenedSession:
    """Answer a challenge. Raises Refusal: 401 for a wrong or used code or an unknown or used-up challenge, 429, 503."""
    factor = await backends.database.one(
        _Factor,
        "UPDATE challenges SET attempts = attempts + 1 FROM accounts"
        " WHERE challenges.id = %(id)s AND challenges.expires_at > now() AND accounts.id = challenges.account_id"
        " RETURNING account_id, email, totp_secret, attempts",
        {"id": challenge_id},
    )
    if factor is None or factor.totp_secret is None or factor.attempts > _CODES_PER_CHALLENGE:
        raise invalid_code()
    await _check_limit(backends, factor.email)
    step = matching_step(factor.totp_secret, code, time.time())
    if step is None:
        await _note_failure(backends, factor.email, "code")
        raise invalid_code()
    session = new_session(factor.account_id, True, user_agent, backends.settings.stack.session_seconds)
    return await _open(backends, session, step, challenge_id)


def matching_step(secret: str, code: str, at: float) -> int | None:
    """The 30 s step, of the one at `at` and its neighbours, whose code this is; None when it is of none.

    One step of tolerance for clocks that disagree (RFC 6238, section 5.2).
    """
    code = code.strip().replace(" ", "")
    totp = pyotp.TOTP(secret)
    present = int(at // STEP_SECONDS)
    for step in (present, present - 1, present + 1):
        if secrets.compare_digest(totp.generate_otp(step).encode(), code.encode()):
            return step
    return None


async def _check_password(backends: Backends, email: str, password: str) -> _Credentials:
    await _check_limit(backends, email)
    account = await backends.database.one(
        _Credentials,
        "SELECT id, password_hash, totp_secret FROM accounts WHERE email = %(email)s AND erased_at IS NULL",
        {"email": email},
    )
    stored = None if account is None else account.password_hash
    right = await backends.off_loop(passwords.matches, password, stored)
    if account is None or not right:
        await _note_failure(backends, email, "password")
        raise invalid_credentials()
    return account


async def _open(backends: Backends, session: Session, step: int, challenge_id: str = "") -> OpenedSession:
    """Have the token signed, then write the session. `step` of the code, 0 without: each is accepted once."""
    token = await issue_token(backends, session)
    outcome = await backends.database.one(
        _Done,
        "WITH accepted AS (UPDATE accounts SET last_totp_step = greatest(last_totp_step, %(step)s)"
        " WHERE id = %(account)s AND erased_at IS NULL AND (%(step)s = 0 OR last_totp_step < %(step)s) RETURNING id),"
        " answered AS (DELETE FROM challenges WHERE id = %(challenge)s),"
        " opened AS (INSERT INTO sessions (id, account_id, mfa, user_agent, created_at, expires_at, factor_at)"
        " SELECT %(id)s, id, %(mfa)s, %(agent)s, %(created)s, %(expires)s, %(factor)s FROM accepted),"
        " noted AS (INSERT INTO audit_events (account_id, kind, facts)"
        " SELECT id, 'signed_in', jsonb_build_object('session', %(id)s::text, 'mfa', %(mfa)s::boolean) FROM accepted)"
        " SELECT EXISTS (SELECT 1 FROM accepted) AS done",
        {
            "step": step, "account": session.account_id, "challenge": challenge_id, "id": session.id,
            "mfa": session.mfa, "agent": session.user_agent, "created": session.created_at,
            "expires": session.expires_at, "factor": session.factor_at,
        },
    )  # fmt: skip
    if outcome is None or not outcome.done:
        raise invalid_code()
    await keep_copy(backends, session)
    return OpenedSession(session, token)


async def _check_limit(backends: Backends, email: str) -> None:
    try:
        await backends.sign_in_failures.check(_limit_key(email))
    except Refusal:
        backends.metrics.refused_sign_ins.labels("rate_limit").inc()
        raise


async def _note_failure(backends: Backends, email: str, reason: str) -> None:
    backends.metrics.refused_sign_ins.labels(reason).inc()
    await backends.sign_in_failures.count(_limit_key(email))


def _limit_key(email: str) -> str:
    """Known and unknown addresses are limited alike, and none of them is kept in Valkey."""
    return hashlib.sha256(email.encode()).hexdigest()[:32]
