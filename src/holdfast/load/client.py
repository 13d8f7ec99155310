"""The visitor's HTTP client: cookies, bodies, redirects where asked, outcomes, one measured sample an attempt.

In: a method and a path. Out: `HttpResponse`, or OutcomeError; and one `Exchange` to the observer for each attempt.
HTTP/1.1 only. One deadline covers a whole request: DNS, connecting, TLS, sending, reading, and all its attempts.

A kept connection is looked at before each use, and a request of which no byte was sent goes out on a new one: that is
no attempt. Servers may close an idle connection at any time (RFC 9112, 9.5), also while a request is on its way. Such
an attempt is `idle_closed`, a sample of its own, and made once more where the method may be repeated. Nothing else is.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Final

from gevent.ssl import SSLError

from holdfast.kit.outcome import OutcomeError
from holdfast.load.cookies import CookieJar
from holdfast.load.heads import RequestHeads
from holdfast.load.measured import LIMITED
from holdfast.load.pool import ConnectionPool
from holdfast.load.redirects import is_redirect
from holdfast.load.request import (
    DEADLINE_SECONDS,
    LIMITED_STATUS,
    Request,
    broken,
    bytes_of,
    followed,
    late,
    request_of,
    unexpected,
)
from holdfast.load.response import Exchange, HttpResponse
from holdfast.load.wire import Connection, Opening
from holdfast.load.wire_error import NeverSentError, WireError
from holdfast.record.sample import IDLE_CLOSED, OK, UNFINISHED

__all__ = ["Exchange", "HttpResponse", "LeanClient"]

_MAY_BE_REPEATED: Final = frozenset({"GET", "HEAD", "PUT", "DELETE", "OPTIONS"})  # RFC 9110, 9.2.2
_NOT_OPENED: Final = Opening()
IDLE_SECONDS: Final = 0.5
"""How long a connection must have been idle for its end to be taken for an idle connection's: servers keep one for a
second at least, and one that ends sooner ended for another reason.
"""
AT_ONCE_SECONDS: Final = 0.25
"""How soon after the request its end must come, at least three round trips: later, the request was being answered."""
_GOODBYE: Final = 408  # what some balancers send on an idle connection before they close it (RFC 9110, 15.5.9)


class LeanClient:
    """One visitor's connection and cookies. Close it when the visit is over: the connection goes back to the pool."""

    __slots__ = (
        "_base",
        "_connection",
        "_cookies",
        "_deadline",
        "_heads",
        "_observe",
        "_pool",
        "_prefix",
        "_random",
        "_trace",
        "_waiting_for",
        "_waiting_since",
        "trace_id",
    )

    def __init__(
        self,
        pool: ConnectionPool,
        heads: RequestHeads,
        observe: Callable[[Exchange], None],
        *,
        trace_id: str,
        random: Random,
        deadline: float = DEADLINE_SECONDS,
    ) -> None:
        self._pool = pool
        self._base, self._prefix = pool.dialer.origin.base, pool.dialer.origin.prefix
        self._heads = heads
        self._observe = observe
        self._deadline = deadline
        self._random = random
        self._cookies: CookieJar | None = None
        self._connection = pool.kept()
        self._waiting_for = ""
        self._waiting_since = 0.0
        self.trace_id = trace_id
        # W3C Trace Context, sampled: the visit is the trace, each request a span.
        self._trace = f"traceparent: 00-{trace_id}-%016x-01\r\n".encode()

    def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str | int | Sequence[str]] | None = None,
        json: object = None,
        form: Mapping[str, str] | None = None,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        expect: Sequence[int] | None = None,
        follow: int = 0,
        timeout: float | None = None,
        name: str | None = None,
    ) -> HttpResponse:
        """See `holdfast.kit.client.Client`. Raises ValueError when path or headers hold what no request may."""
        asked = request_of(self._prefix, method, path, params, json, form, body, headers, expect, follow, name)
        deadline = time.monotonic() + (self._deadline if timeout is None else timeout)
        response = self._asked(asked, deadline)
        if follow and is_redirect(response.status):
            return self._followed(asked, response, deadline)
        return response

    @property
    def waiting(self) -> tuple[str, float] | None:
        """The name of the request that has been sent and has no answer yet, and its age in seconds."""
        return (self._waiting_for, time.monotonic() - self._waiting_since) if self._waiting_for else None

    def close(self) -> None:
        """The observer hears nothing more. It usually holds the client: a cycle would keep both until a collection."""
        self._observe = _unobserved
        connection, self._connection = self._connection, None
        if connection is not None:
            self._pool.give_back(connection)

    def _followed(self, first: Request, response: HttpResponse, deadline: float) -> HttpResponse:
        return followed(first, response, self._base, lambda hop: self._asked(hop, deadline))

    def _asked(self, asked: Request, deadline: float) -> HttpResponse:
        jar = self._cookies
        cookie = "" if jar is None else jar.header_for(asked.target, self._pool.dialer.origin.secure, time.time())
        request = bytes_of(asked, self._heads, cookie, self._trace % (self._random.getrandbits(64) or 1))
        response, error = self._attempt(asked, request, deadline)
        if error is not None and error.outcome is IDLE_CLOSED and asked.method in _MAY_BE_REPEATED:
            response, error = self._attempt(asked, request, deadline)
        if error is not None:
            raise error
        if response is None:
            raise AssertionError("unreachable: an attempt ends in an answer or an error")
        return response

    def _attempt(
        self, asked: Request, request: bytes, deadline: float
    ) -> tuple[HttpResponse | None, OutcomeError | None]:
        """The answer, and what is wrong with it."""
        dialer = self._pool.dialer
        connection: Connection | None = None
        response: HttpResponse | None = None
        error: OutcomeError | None = None
        idle = 0.0  # seconds that a kept connection had not been used; 0: it is a new one
        head = asked.method == "HEAD"
        watched = dialer.deadlines.watch(deadline)
        self._waiting_for, self._waiting_since = asked.name, (started := time.monotonic())
        try:
            connection = self._kept(started)
            if connection is not None:
                idle = started - connection.idle_since
            else:
                connection = self._connection = dialer.open()
            again = connection.exchange(request, head=head)
            reader = connection.reader
            response = HttpResponse(reader.status, reader.headers, b"" if head else reader.body())
            if not again:
                self._hang_up()
                if idle and reader.status == _GOODBYE and _is_idle_close(connection, idle, started):
                    response, error = None, OutcomeError(IDLE_CLOSED)
        except NeverSentError:
            self._hang_up()
            return self._attempt(asked, request, deadline)  # on a new connection, which raises no such thing
        except TimeoutError:
            self._hang_up()
            error = late(connected=connection is not None, sent=connection is not None and connection.sent_at > 0)
        except (WireError, OSError) as cause:
            self._hang_up()
            error = _broken(cause, connection, idle, started)
        except BaseException as cause:
            self._hang_up()  # the visitor goes away in the middle of a request
            error = OutcomeError(UNFINISHED, type(cause).__name__)
            self._observe(self._exchange(asked, connection, bool(idle), started, time.monotonic(), None, error))
            raise
        finally:
            dialer.deadlines.release(watched)
            self._waiting_for = ""
        ended = time.monotonic()
        if response is not None and connection is not None:
            error = self._read(asked, connection, response, ended)
        self._observe(self._exchange(asked, connection, bool(idle), started, ended, response, error))
        return response, error

    def _kept(self, now: float) -> Connection | None:
        """The connection that is there, if it can be used again."""
        connection = self._connection
        if connection is not None and not connection.alive(now):
            self._hang_up()
            return None
        return connection

    def _read(
        self, asked: Request, connection: Connection, response: HttpResponse, ended: float
    ) -> OutcomeError | None:
        """Take from an answer what the next request needs; returns what is wrong with it."""
        connection.idle_since = ended
        set_cookie = connection.reader.values(b"set-cookie")
        if set_cookie:
            self._take_cookies(set_cookie, asked.target)
        return unexpected(asked, response, self._base)

    def _exchange(
        self,
        asked: Request,
        connection: Connection | None,
        reused: bool,
        started: float,
        ended: float,
        response: HttpResponse | None,
        error: OutcomeError | None,
    ) -> Exchange:
        opening, status, length, first_byte, body = _NOT_OPENED, 0, 0, 0.0, 0.0
        if connection is not None and (error is None or error.outcome is not IDLE_CLOSED):
            reader = connection.reader
            status, length = reader.status, reader.length
            if not reused:
                opening = connection.opening
            if connection.first_at:
                first_byte, body = connection.first_at - connection.sent_at, ended - connection.first_at
        return Exchange(
            asked.name,
            asked.method,
            self._base + asked.target,
            OK if error is None else error.outcome,
            # An expected 429 is ok, and was a limit all the same: whether one was measured is judged by this.
            error.detail if error is not None else LIMITED if status == LIMITED_STATUS else "",
            status,
            started,
            ended - started,
            length,
            opening.dns,
            opening.connect,
            opening.tls,
            first_byte,
            body,
            response,
            error,
        )

    def _hang_up(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _take_cookies(self, set_cookie: list[str], target: str) -> None:
        if self._cookies is None:
            self._cookies = CookieJar(self._pool.dialer.origin.host)
        self._cookies.update(set_cookie, target, time.time())


def _broken(cause: WireError | OSError, connection: Connection | None, idle: float, started: float) -> OutcomeError:
    """No answer, or none that can be read. Where not a byte of one came, it may be an idle connection's end."""
    if idle and connection is not None and isinstance(cause, OSError) and not connection.reader.began:
        ended = isinstance(cause, ConnectionError | SSLError)
        if ended and _is_idle_close(connection, idle, started):
            return OutcomeError(IDLE_CLOSED)
    return broken(cause)


def _is_idle_close(connection: Connection, idle: float, started: float) -> bool:
    """Whether an end, or a goodbye, that has just come is an idle connection's: see the two limits above."""
    soon = max(AT_ONCE_SECONDS, 3 * connection.opening.connect)
    return idle >= IDLE_SECONDS and time.monotonic() - started <= soon


def _unobserved(exchange: Exchange) -> None:
    """Nobody listens any more."""
