"""The account service's tables, as ordered migrations. Each is applied once, by whichever replica comes first."""

from typing import Any, Final, LiteralString

from psycopg import AsyncConnection

_LOCK: Final = 0x686F6C64  # "hold": the advisory lock under which the schema is changed

MIGRATIONS: Final[tuple[LiteralString, ...]] = (
    """
    CREATE TABLE accounts (
        id bigint PRIMARY KEY,
        email text NOT NULL UNIQUE,
        name text NOT NULL,
        phone text NOT NULL,
        plan text NOT NULL,
        password_hash text,
        totp_secret text,
        last_totp_step bigint NOT NULL DEFAULT 0,
        marketing boolean NOT NULL DEFAULT false,
        analytics boolean NOT NULL DEFAULT false,
        created_at timestamptz NOT NULL DEFAULT now(),
        erased_at timestamptz
    );
    CREATE TABLE sessions (
        id text PRIMARY KEY,
        account_id bigint NOT NULL REFERENCES accounts,
        mfa boolean NOT NULL,
        user_agent text NOT NULL,
        created_at timestamptz NOT NULL,
        expires_at timestamptz NOT NULL,
        factor_at timestamptz,
        revoked_at timestamptz
    );
    CREATE INDEX sessions_of_account ON sessions (account_id) WHERE revoked_at IS NULL;
    CREATE TABLE challenges (
        id text PRIMARY KEY,
        account_id bigint NOT NULL REFERENCES accounts,
        attempts integer NOT NULL DEFAULT 0,
        expires_at timestamptz NOT NULL
    );
    CREATE TABLE password_resets (
        token_hash bytea PRIMARY KEY,
        account_id bigint NOT NULL REFERENCES accounts,
        expires_at timestamptz NOT NULL,
        used_at timestamptz
    );
    CREATE INDEX password_resets_of_account ON password_resets (account_id);
    CREATE TABLE plan_changes (
        id text PRIMARY KEY,
        account_id bigint NOT NULL REFERENCES accounts,
        plan text NOT NULL,
        previous_plan text NOT NULL,
        idempotency_key text NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now(),
        UNIQUE (account_id, idempotency_key)
    );
    CREATE TABLE idempotency_keys (
        account_id bigint NOT NULL REFERENCES accounts,
        key text NOT NULL,
        fingerprint bytea NOT NULL,
        status integer,
        body text,
        created_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (account_id, key)
    );
    """,
    """
    -- What happened to an account, for the account's owner and for audits. Facts hold no personal data.
    CREATE TABLE audit_events (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        account_id bigint NOT NULL REFERENCES accounts,
        at timestamptz NOT NULL DEFAULT clock_timestamp(),
        kind text NOT NULL,
        facts jsonb NOT NULL DEFAULT '{}'
    );
    CREATE INDEX audit_events_of_account ON audit_events (account_id, id);
    -- What other systems must hear of: written in the transaction of the change, published afterwards, in order.
    CREATE TABLE outbox (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        account_id bigint NOT NULL,
        at timestamptz NOT NULL DEFAULT clock_timestamp(),
        kind text NOT NULL,
        facts jsonb NOT NULL,
        published_at timestamptz
    );
    CREATE INDEX outbox_unpublished ON outbox (id) WHERE published_at IS NULL;
    -- Work that no request waits for.
    CREATE TABLE jobs (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        kind text NOT NULL,
        subject text NOT NULL,
        due_at timestamptz NOT NULL DEFAULT now(),
        attempts integer NOT NULL DEFAULT 0
    );
    """,
    """
    -- A change: its audit event, and the event that other systems hear.
    CREATE FUNCTION record_change(account bigint, change text, details jsonb) RETURNS void LANGUAGE sql AS $$
        INSERT INTO audit_events (account_id, kind, facts) VALUES (account, change, details);
        INSERT INTO outbox (account_id, kind, facts) VALUES (account, change, details);
    $$;
    """,
    """
    -- Accounts that were signed up, beyond any that is seeded.
    CREATE SEQUENCE signed_up_accounts START 10000001;
    """,
)


async def migrate(connection: AsyncConnection[tuple[Any, ...]]) -> bool:
    """Apply what is missing, in the transaction that `connection` is in; True when the accounts are still to be seeded.

    The lock is held until that transaction ends: other replicas wait, then find everything done.
    """
    await connection.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
    await connection.execute("CREATE TABLE IF NOT EXISTS migrations (number integer PRIMARY KEY, at timestamptz)")
    cursor = await connection.execute("SELECT coalesce(max(number), 0) FROM migrations")
    row = await cursor.fetchone()
    applied = 0 if row is None else int(row[0])
    for number, statements in enumerate(MIGRATIONS[applied:], start=applied + 1):
        await connection.execute(statements)
        await connection.execute("INSERT INTO migrations VALUES (%s, now())", (number,))
    found = await (await connection.execute("SELECT 1 FROM accounts LIMIT 1")).fetchone()
    return found is None
