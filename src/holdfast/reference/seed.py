"""The accounts that a fresh stack has: the generated ones of the kit, all pseudonymous, all with one password."""

from typing import Any

from psycopg import AsyncConnection

from holdfast.kit.accounts import generated_account
from holdfast.reference.passwords import hash_password
from holdfast.reference.plans import PLANS


async def seed_accounts(connection: AsyncConnection[tuple[Any, ...]], count: int) -> None:
    """Insert the accounts with index 0 to `count` - 1: one password hash for all of them, because hashing is slow."""
    password_hash = hash_password(generated_account(0).password)
    async with (
        connection.cursor() as cursor,
        cursor.copy("COPY accounts (id, email, name, phone, plan, password_hash, totp_secret) FROM STDIN") as copy,
    ):
        for index in range(count):
            account = generated_account(index)
            plan = PLANS[index % len(PLANS)].id
            name, phone = f"Visitor {index:06d}", f"+999 {index:06d}"  # no country has the code 999
            await copy.write_row((index, account.email, name, phone, plan, password_hash, account.totp_secret))
    await connection.execute("ANALYZE accounts")
