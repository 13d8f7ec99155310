"""The visitor's HTTP client: cookies, bodies, redirects where asked, outcomes, one measured sample an attempt.

In: a method and a path. Out: `HttpResponse`, or OutcomeError; and one `Exchange` to the observer for each attempt.
HTTP/1.1 only. One deadline covers a whole request: DNS, connecting, TLS, sending, reading, and all its attempts.

Requests of one visit may be under way at once (gevent.spawn), each on a connection of its own, as a browser's are. None
is made once the visit is over: nobody would record it.

A kept connection is looked at before each use, and a request of which no byte was sent goes out on a new one: that is
no attempt. Servers may close an idle connection at any time (RFC 9112, 9.5), also while a request is on its way. Such
an attempt is `idle_closed`, a sample of its own, and made once more where the method may be repeated. Nothing else is.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Final, NoReturn

from gevent.ssl import SSLError

from holdfast.kit.outcome import OutcomeError
from holdfast.load.cookies import CookieJar
from holdfast.load.heads import RequestHeads
from holdfast.load.leaving import raised_here
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
    """One visitor's connections and cookies. Close it when the visit is over: they go back to the pool."""

    __slots__ = (
        "_base",
        "_cookies",
        "_deadline",
        "_free",
        "_heads",
        "_observe",
        "_over",
        "_pool",
        "_prefix",
        "_random",
        "_trace",
        "_waiting",
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
        kept = pool.kept()
        self._free = [] if kept is None else [kept]  # its connections that no request is using
        self._waiting: list[tuple[str, float]] = []  # requests under way: name, and since when
        self._over: Callable[[BaseException], None] | None = None  # the visit is over: hears of who asks all the same
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
    def waiting(self) -> list[tuple[str, float]]:
        """The names of the requests that are under way and have no answer yet, and their ages in seconds."""
        now = time.monotonic()
        return [(name, now - since) for name, since in self._waiting]

    def close(self, over: Callable[[BaseException], None] | None = None) -> None:
        """The observer hears nothing more. It usually holds the client: a cycle would keep both until a collection.

        `over` hears of a request that somebody still makes, which raises RuntimeError.
        """
        self._observe, self._over = _unheard, over or _unheard
        while self._free:
            self._pool.give_back(self._free.pop())

    def _followed(self, first: Request, response: HttpResponse, deadline: float) -> HttpResponse:
        return followed(first, response, self._base, lambda hop: self._asked(hop, deadline))

    def _asked(self, asked: Request, deadline: float) -> HttpResponse:
        jar = self._cookies
        cookie = "" if jar is None else jar.header_for(asked.target, self._pool.dialer.origin.secure, time.time())
        request = bytes_of(asked, self._heads, cookie, self._trace % (self._random.getrandbits(64) or 1))
        response, error = self._attempt(asked, request, deadline)
        if error is not None and error.outcome is IDLE_CLOSED and asked.method in _MAY_BE_REPEATED:
            self._hang_up()
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
        if self._over is not None:
            self._refuse(self._over)
        dialer = self._pool.dialer
        connection: Connection | None = None
        response: HttpResponse | None = None
        error: OutcomeError | None = None
        again = never_sent = False
        idle = 0.0  # seconds that a kept connection had not been used; 0: it is a new one
        head = asked.method == "HEAD"
        watched = dialer.deadlines.watch(deadline)
        under_way = asked.name, (started := time.monotonic())
        self._waiting.append(under_way)
        try:
            connection = self._kept(started)
            if connection is not None:
                idle = started - connection.idle_since
            else:
                connection = dialer.open()
            again = connection.exchange(request, head=head)
            reader = connection.reader
            response = HttpResponse(reader.status, reader.headers, b"" if head else reader.body())
            if not again and idle and reader.status == _GOODBYE and _is_idle_close(connection, idle, started):
                response, error = None, OutcomeError(IDLE_CLOSED)
        except NeverSentError:
            never_sent = True
        except TimeoutError:
            error = late(connected=connection is not None, sent=connection is not None and connection.sent_at > 0)
        except (WireError, OSError) as cause:
            error = _broken(cause, connection, idle, started)
        except BaseException as cause:  # the visitor goes away in the middle of a request
            error = OutcomeError(UNFINISHED, type(cause).__name__)
            self._observe(self._exchange(asked, connection, bool(idle), started, time.monotonic(), None, error))
            raise
        finally:
            dialer.deadlines.release(watched)
            self._waiting.remove(under_way)
            self._let_go(connection, again=again and error is None)
        if never_sent:
            self._hang_up()
            return self._attempt(asked, request, deadline)  # on a new connection, which raises no such thing
        ended = time.monotonic()
        if response is not None and connection is not None:
            error = self._read(asked, connection, response, ended)
        self._observe(self._exchange(asked, connection, bool(idle), started, ended, response, error))
        return response, error

    def _kept(self, now: float) -> Connection | None:
        """A connection that is free, and can be used again."""
        while self._free:
            connection = self._free.pop()
            if connection.alive(now):
                return connection
            connection.close()
        return None

    def _let_go(self, connection: Connection | None, *, again: bool) -> None:
        if connection is None:
            return
        if again and self._over is None:
            self._free.append(connection)
        else:
            connection.close()

    def _refuse(self, hear: Callable[[BaseException], None]) -> NoReturn:
        refused = raised_here(RuntimeError("a request after the end of its visit: wait for what the visit spawns"))
        hear(refused)
        raise refused

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
        """All that are free: they have been idle for as long."""
        while self._free:
            self._free.pop().close()

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


def _unheard(_: object) -> None:
    """Nobody listens any more."""
