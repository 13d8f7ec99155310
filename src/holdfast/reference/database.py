"""The account service's PostgreSQL: a pool whose every wait has an end, rows as dataclasses.

What PostgreSQL cannot do becomes a Refusal (503); a fault on the link costs the requests that met it, and no more.
"""

import asyncio
import select
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final, LiteralString, TypeVar

from psycopg import AsyncConnection, InterfaceError, OperationalError
from psycopg.conninfo import make_conninfo
from psycopg.rows import class_row
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from holdfast.reference.loopback import HOST
from holdfast.reference.refusal import unavailable
from holdfast.reference.stores import DATABASE_NAME, DATABASE_USER

_STATEMENT_SECONDS: Final = 5.0
_CONNECT_SECONDS: Final = 3
_FIRST_CONNECT_SECONDS: Final = 10  # on a machine that is busy starting everything at once
_WAIT_SECONDS: Final = 2.0
_SMALLEST: Final = 2
_LARGEST: Final = 10

Row = TypeVar("Row")
Parameters = Mapping[str, object]


class Database:
    """Opened by `open`, closed by `close`. `name` shows in pg_stat_activity."""

    def __init__(self, port: int, password: str, name: str) -> None:
        self._address = make_conninfo(
            host=HOST, port=port, user=DATABASE_USER, password=password, dbname=DATABASE_NAME,
            application_name=name, sslmode="disable", gssencmode="disable",
        )  # fmt: skip
        self._pool: AsyncConnectionPool[AsyncConnection[tuple[Any, ...]]] = AsyncConnectionPool(
            make_conninfo(
                self._address,
                connect_timeout=_CONNECT_SECONDS,
                options=f"-c statement_timeout={int(_STATEMENT_SECONDS * 1000)}",
            ),
            min_size=_SMALLEST,
            max_size=_LARGEST,
            timeout=_WAIT_SECONDS,
            # The pool waits longer after each failed attempt to connect. Giving up at once makes the next request try
            # afresh, so that the service is back as soon as PostgreSQL is.
            reconnect_timeout=0.0,
            kwargs={"autocommit": True, "prepare_threshold": 1},
            open=False,
        )
        self._opened = asyncio.Event()

    async def connect(self) -> AsyncConnection[tuple[Any, ...]]:
        """A connection beside the pool, whose statements may take long. Raises psycopg's errors."""
        return await AsyncConnection.connect(self._address, autocommit=True, connect_timeout=_FIRST_CONNECT_SECONDS)

    async def open(self) -> None:
        """Begin to fill the pool; does not wait for it. Until then every use waits a little, then is a Refusal."""
        await self._pool.open(wait=False)
        self._opened.set()

    async def close(self) -> None:
        await self._pool.close(timeout=1.0)

    def in_use(self) -> int:
        """Connections that a request holds now."""
        facts = self._pool.get_stats()
        return facts.get("pool_size", 0) - facts.get("pool_available", 0)

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[AsyncConnection[tuple[Any, ...]]]:
        """Borrow a connection, in autocommit mode. Raises Refusal (503) for what the link or the server does."""
        try:
            connection = await self._borrow()
            # statement_timeout is kept by the server, whose word may not reach us: so we cut the line ourselves.
            # Cancelling the task instead would make psycopg wait for the server once more.
            watchdog = asyncio.get_running_loop().call_later(_STATEMENT_SECONDS, _sever, connection)
            try:
                yield connection
            finally:
                watchdog.cancel()
                await self._pool.putconn(connection)
        except (OperationalError, InterfaceError, PoolTimeout, TimeoutError) as error:
            raise unavailable("database") from error

    async def _borrow(self) -> AsyncConnection[tuple[Any, ...]]:
        """A connection that looks alive.

        Not the pool's own check: it asks the server each time, and after two dead connections it waits a second.
        """
        if not self._opened.is_set():  # a replica that just started: the schema is ready any moment now
            async with asyncio.timeout(_WAIT_SECONDS):
                await self._opened.wait()
        while True:
            connection = await self._pool.getconn()
            if _is_quiet(connection):
                return connection
            await connection.close()
            await self._pool.putconn(connection)  # which replaces it

    async def one(self, kind: type[Row], query: LiteralString, parameters: Parameters) -> Row | None:
        """The first row as a `kind`, whose fields are the columns; None when there is none."""
        async with self.connection() as connection, connection.cursor(row_factory=class_row(kind)) as cursor:
            await cursor.execute(query, parameters)
            return await cursor.fetchone()

    async def all(self, kind: type[Row], query: LiteralString, parameters: Parameters) -> list[Row]:
        """All rows, each as a `kind`."""
        async with self.connection() as connection, connection.cursor(row_factory=class_row(kind)) as cursor:
            await cursor.execute(query, parameters)
            return await cursor.fetchall()

    async def run(self, query: LiteralString, parameters: Parameters) -> int:
        """Execute one statement; how many rows it touched."""
        async with self.connection() as connection:
            return (await connection.execute(query, parameters)).rowcount


def _is_quiet(connection: AsyncConnection[tuple[Any, ...]]) -> bool:
    """False when something arrived while the connection rested: the end of the line, or the server's farewell."""
    poller = select.poll()
    poller.register(connection.fileno(), select.POLLIN)
    return not poller.poll(0)


def _sever(connection: AsyncConnection[tuple[Any, ...]]) -> None:
    try:
        with socket.socket(fileno=socket.dup(connection.fileno())) as line:
            line.shutdown(socket.SHUT_RDWR)
    except (OSError, OperationalError, InterfaceError):
        pass  # closed meanwhile
