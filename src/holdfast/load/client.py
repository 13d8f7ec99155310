"""The visitor's HTTP client: cookies, bodies, redirects where asked, outcomes, one measured sample an attempt.

In: a method and a path. Out: `HttpResponse`, or OutcomeError; and one `Exchange` to the observer for each attempt.
HTTP/1.1 only. One deadline covers a whole request: DNS, connecting, TLS, sending, reading, and all its attempts.
Nothing is retried but a kept-alive connection that turned out to be dead, once, where the method may be repeated, and
then the dead attempt is a sample of its own, as each hop of a redirect is.
"""

import json as json_codec
import time
from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Final, NamedTuple
from urllib.parse import urlencode

from holdfast.kit.outcome import OutcomeError
from holdfast.load.cookies import CookieJar
from holdfast.load.heads import RequestHeads, with_headers
from holdfast.load.health import LOCAL_LIMITS
from holdfast.load.measured import LIMITED
from holdfast.load.pool import ConnectionPool
from holdfast.load.redirects import is_redirect, next_method, next_path, refusal
from holdfast.load.response import Exchange, HttpResponse
from holdfast.load.wire import Connection, Opening
from holdfast.load.wire_error import WireError
from holdfast.record.sample import FAILED, OK, RATE_LIMITED, REJECTED, TIMED_OUT, TRANSPORT_ERROR, UNFINISHED

__all__ = ["DEADLINE_SECONDS", "Exchange", "HttpResponse", "LeanClient"]

DEADLINE_SECONDS: Final = 10.0
_MAY_BE_REPEATED: Final = frozenset({"GET", "HEAD", "PUT", "DELETE", "OPTIONS"})  # RFC 9110, 9.2.2
_NEVER_WITHOUT_LENGTH: Final = frozenset({"POST", "PUT", "PATCH"})
_NOT_OPENED: Final = Opening()
_TOO_MANY: Final = 429
_encode = json_codec.JSONEncoder(separators=(",", ":")).encode  # json.dumps would build an encoder each time


class _Asked(NamedTuple):
    """One attempt's request, but for what the connection and the moment add."""

    method: str
    target: str  # path and query
    headers: Mapping[str, str] | None
    content: bytes
    content_type: str
    name: str
    expect: Sequence[int] | None
    follow: int | None  # redirects that may still be followed; None: nobody asked, a redirect is an answer


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
        self._trace = f"traceparent: 00-{trace_id}-".encode()

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
        content, content_type = _content(json, form, body)
        if name is None:
            name = f"{method} {path.partition('?')[0]}"
        if params:
            path += ("&" if "?" in path else "?") + urlencode(params, doseq=True)
        deadline = time.monotonic() + (self._deadline if timeout is None else timeout)
        asked = _Asked(method, self._prefix + path, headers, content, content_type, name, expect, follow or None)
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

    def _followed(self, first: _Asked, response: HttpResponse, deadline: float) -> HttpResponse:
        """Each hop is an attempt of its own, named after the request and its number: places would be too many names."""
        asked, left = first, first.follow or 0
        base = self._base
        while left and is_redirect(response.status):
            left -= 1
            method = next_method(response.status, asked.method)
            asked = asked._replace(
                method=method,
                target=next_path(base + asked.target, response.headers.get("location")),
                name=f"{first.name} (hop {(first.follow or 0) - left})",
                follow=left,
            )
            if method != first.method:  # what described the body goes with it
                kept = {k: v for k, v in (asked.headers or {}).items() if not k.lower().startswith("content-")}
                asked = asked._replace(content=b"", content_type="", headers=kept)
            response = self._asked(asked, deadline)
        return response

    def _asked(self, asked: _Asked, deadline: float) -> HttpResponse:
        request = self._bytes(asked)
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
        self, asked: _Asked, request: bytes, deadline: float
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
            error = OutcomeError(TIMED_OUT, _late(connection))
        except (WireError, OSError) as cause:
            self._hang_up()
            stale = reused and isinstance(cause, OSError) and connection is not None and not connection.reader.began
            error = OutcomeError(TRANSPORT_ERROR, "StaleConnection" if stale else _reason(cause))
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
            error = self._unexpected(response, asked)
        self._observe(self._exchange(asked, connection, reused, started, ended, response, error))
        return response, error, stale

    def _exchange(
        self,
        asked: _Asked,
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
            error.detail if error is not None else LIMITED if status == _TOO_MANY else "",
            status,
            started,
            ended - started,
            length,
            reused,
            opening.dns,
            opening.connect,
            opening.tls,
            opening.resumed,
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

    def _unexpected(self, response: HttpResponse, asked: _Asked) -> OutcomeError | None:
        """None where the answer is one that was wished for."""
        status, expect = response.status, asked.expect
        if asked.follow is not None and is_redirect(status):
            if asked.follow == 0:
                return refusal(status, 0)
            try:  # a place that may not be gone to is this attempt's outcome
                next_path(self._base + asked.target, response.headers.get("location"))
            except OutcomeError as error:
                return error
            return None
        if (200 <= status < 400) if expect is None else (status in expect):
            return None
        retry_after = _seconds(response.headers.get("retry-after"))
        if status == _TOO_MANY:
            return OutcomeError(RATE_LIMITED, LIMITED, retry_after=retry_after)
        return OutcomeError(REJECTED if 400 <= status < 500 else FAILED, str(status), retry_after=retry_after)

    def _bytes(self, asked: _Asked) -> bytes:
        method = asked.method
        head = self._heads.of(method, asked.target)
        # W3C Trace Context, sampled: the visit is the trace, each request a span.
        span = b"%016x-01\r\n" % (self._random.getrandbits(64) or 1)
        if self._cookies is None and asked.headers is None and not asked.content and method == "GET":
            return b"%b%b%b\r\n" % (head, self._trace, span)
        content_type = asked.content_type
        if asked.headers:
            head = with_headers(head, asked.headers)
            if any(name.lower() == "content-type" for name in asked.headers):
                content_type = ""
        parts = [head, self._trace, span]
        if self._cookies is not None:
            origin = self._pool.dialer.origin
            cookies = self._cookies.header_for(asked.target, origin.secure, time.time())
            if cookies:
                parts.append(f"Cookie: {cookies}\r\n".encode("latin-1"))
        if content_type:
            parts.append(f"Content-Type: {content_type}\r\n".encode("latin-1"))
        if asked.content or method in _NEVER_WITHOUT_LENGTH:
            parts.append(b"Content-Length: %d\r\n" % len(asked.content))
        parts += (b"\r\n", asked.content)
        return b"".join(parts)


def _content(json: object, form: Mapping[str, str] | None, body: bytes | None) -> tuple[bytes, str]:
    """The body's bytes and their type."""
    if (json is not None) + (form is not None) + (body is not None) > 1:
        raise ValueError("one of json, form and body")
    if json is not None:
        return _encode(json).encode(), "application/json"
    if form is not None:
        return urlencode(form).encode(), "application/x-www-form-urlencoded"
    return (b"", "") if body is None else (body, "application/octet-stream")


def _late(connection: Connection | None) -> str:
    """What was being waited for when the deadline passed."""
    if connection is None:
        return "ConnectTimeout"
    return "ResponseTimeout" if connection.sent_at else "SendTimeout"


def _seconds(text: str | None) -> float | None:
    """Retry-After as seconds; its other form, a date, is not worth a parser here."""
    return float(text) if text is not None and text.isdecimal() and len(text) < 10 else None


def _reason(cause: WireError | OSError) -> str:
    if isinstance(cause, WireError):
        return str(cause)
    if isinstance(cause, ConnectionResetError) and cause.errno is None:
        return "ClosedEarly"
    return LOCAL_LIMITS.get(cause.errno or 0) or type(cause).__name__


def _unobserved(exchange: Exchange) -> None:
    """Nobody listens any more."""
