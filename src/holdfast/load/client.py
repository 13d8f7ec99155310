"""The visitor's HTTP client: cookies, bodies, redirects where asked, outcomes, one measured sample an attempt.

In: a method and a path. Out: `HttpResponse`, or OutcomeError; and one `Exchange` to the observer for each attempt.
HTTP/1.1 only. One deadline covers a whole request: DNS, connecting, TLS, sending, reading, and all its attempts.
Nothing is retried but a kept-alive connection that turned out to be dead, once, where the method may be repeated, and
then the dead attempt is a sample of its own, as each hop of a redirect is.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Final

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
from holdfast.load.wire_error import WireError
from holdfast.record.sample import OK, TRANSPORT_ERROR, UNFINISHED

__all__ = ["Exchange", "HttpResponse", "LeanClient"]

_MAY_BE_REPEATED: Final = frozenset({"GET", "HEAD", "PUT", "DELETE", "OPTIONS"})  # RFC 9110, 9.2.2
_NOT_OPENED: Final = Opening()


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
        reused = self._connection is not None
        response, error, stale = self._attempt(asked, request, deadline)
        if stale and reused and asked.method in _MAY_BE_REPEATED:
            response, error, _ = self._attempt(asked, request, deadline)
        if error is not None:
            raise error
        if response is None:
            raise AssertionError("unreachable: an attempt ends in an answer or an error")
        return response

    def _attempt(
        self, asked: Request, request: bytes, deadline: float
    ) -> tuple[HttpResponse | None, OutcomeError | None, bool]:
        """The answer, what is wrong with it, whether a kept connection turned out to be dead."""
        dialer = self._pool.dialer
        connection = self._connection
        reused = connection is not None
        response: HttpResponse | None = None
        error: OutcomeError | None = None
        stale = False
        head = asked.method == "HEAD"
        watched = dialer.deadlines.watch(deadline)
        self._waiting_for, self._waiting_since = asked.name, (started := time.monotonic())
        try:
            if connection is None:
                connection = self._connection = dialer.open()
            again = connection.exchange(request, head=head)
            reader = connection.reader
            response = HttpResponse(reader.status, reader.headers, b"" if head else reader.body())
            if not again:
                self._hang_up()
        except TimeoutError:
            self._hang_up()
            error = late(connected=connection is not None, sent=connection is not None and connection.sent_at > 0)
        except (WireError, OSError) as cause:
            self._hang_up()
            stale = reused and isinstance(cause, OSError) and connection is not None and not connection.reader.began
            error = OutcomeError(TRANSPORT_ERROR, "StaleConnection") if stale else broken(cause)
        except BaseException as cause:
            self._hang_up()  # the visitor goes away in the middle of a request
            error = OutcomeError(UNFINISHED, type(cause).__name__)
            self._observe(self._exchange(asked, connection, reused, started, time.monotonic(), None, error))
            raise
        finally:
            dialer.deadlines.release(watched)
            self._waiting_for = ""
        ended = time.monotonic()
        if response is not None and connection is not None:
            set_cookie = connection.reader.values(b"set-cookie")
            if set_cookie:
                self._take_cookies(set_cookie, asked.target)
            error = unexpected(asked, response, self._base)
        self._observe(self._exchange(asked, connection, reused, started, ended, response, error))
        return response, error, stale

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
        if connection is not None:
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


def _unobserved(exchange: Exchange) -> None:
    """Nobody listens any more."""
