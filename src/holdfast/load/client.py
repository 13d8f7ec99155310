"""The visitor's HTTP client: cookies, bodies, outcomes, one measured sample a request.

In: a method and a path. Out: `HttpResponse`, or OutcomeError; and one `Exchange` to the observer for each attempt.
HTTP/1.1 only. One deadline covers a whole request, connecting included. No redirect is followed. Nothing is retried but
a kept-alive connection that turned out to be dead, once, where the method may be repeated, and then the dead attempt is
a sample of its own.
"""

import json as json_codec
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, Final
from urllib.parse import urlencode

from holdfast.kit.outcome import OutcomeError, failed
from holdfast.load.cookies import CookieJar
from holdfast.load.health import LOCAL_LIMITS
from holdfast.load.wire import Connection, Dialer, Received, WireError
from holdfast.record.sample import FAILED, OK, RATE_LIMITED, REJECTED, TIMED_OUT, TRANSPORT_ERROR

DEADLINE_SECONDS: Final = 10.0
_MAY_BE_REPEATED: Final = frozenset({"GET", "HEAD", "PUT", "DELETE", "OPTIONS"})  # RFC 9110, 9.2.2
_encode = json_codec.JSONEncoder(separators=(",", ":")).encode  # json.dumps would build an encoder each time
_NEVER_WITHOUT_LENGTH: Final = frozenset({"POST", "PUT", "PATCH"})


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """An answer. Header names are lower case; `body` is decoded."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """Raises OutcomeError `failed` when the body is not JSON."""
        try:
            return json_codec.loads(self.body)
        except ValueError as error:
            raise failed("not_json") from error


@dataclass(frozen=True, slots=True)
class Exchange:
    """One attempt as it went. `started` on the monotonic clock, all times in seconds; `status` 0: no answer."""

    name: str
    method: str
    outcome: str
    detail: str
    status: int
    started: float
    duration: float
    length: int
    reused: bool
    connecting: float
    error: OutcomeError | None


class LeanClient:
    """One visitor's connection and cookies. Close it when the visit is over."""

    def __init__(
        self,
        dialer: Dialer,
        observe: Callable[[Exchange], None],
        *,
        marker: str,
        trace_id: str,
        random: Random,
        deadline: float = DEADLINE_SECONDS,
    ) -> None:
        self._dialer = dialer
        self._observe = observe
        self._deadline = deadline
        self.trace_id = trace_id
        self._random = random
        self._cookies = CookieJar()
        self._connection: Connection | None = None
        self._fixed = (
            f"Host: {dialer.origin.authority}\r\nUser-Agent: {marker}\r\nX-Holdfast-Synthetic: 1\r\n"
            "Accept: application/json, */*\r\nAccept-Encoding: gzip\r\n"
        )

    def request(
        self,
        method: str,
        path: str,
        *,
        json: object = None,
        form: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        expect: Sequence[int] | None = None,
        name: str | None = None,
    ) -> HttpResponse:
        """See `holdfast.kit.client.Client`. Raises ValueError when path or headers hold what no request may."""
        called = name or f"{method} {path.partition('?')[0]}"
        reused = self._connection is not None
        deadline = time.monotonic() + self._deadline
        try:
            return self._attempt(method, path, json, form, headers, expect, called, deadline)
        except _StaleConnectionError as stale:
            if not (reused and method in _MAY_BE_REPEATED):
                raise stale.outcome from stale
        try:
            return self._attempt(method, path, json, form, headers, expect, called, deadline)
        except _StaleConnectionError as stale:
            raise stale.outcome from stale

    def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _attempt(
        self,
        method: str,
        path: str,
        json: object,
        form: Mapping[str, str] | None,
        headers: Mapping[str, str] | None,
        expect: Sequence[int] | None,
        called: str,
        deadline: float,
    ) -> HttpResponse:
        request = self._bytes(method, path, json, form, headers)
        received = Received()
        reused = self._connection is not None
        connecting = 0.0
        response: HttpResponse | None = None
        error: OutcomeError | None = None
        stale = False
        connected = reused
        started = time.monotonic()
        try:
            connection = self._connection or self._dialer.open(deadline)
            self._connection = connection
            connected = True
            connecting = 0.0 if reused else connection.connecting
            again = connection.exchange(request, deadline, head=method == "HEAD", received=received)
            if not again:
                self.close()
            response = HttpResponse(received.status, received.headers, received.body())
        except TimeoutError:
            self.close()
            error = OutcomeError(TIMED_OUT, "ResponseTimeout" if connected else "ConnectTimeout")
        except (WireError, OSError) as cause:
            self.close()
            stale = reused and not received.began and isinstance(cause, OSError)
            error = OutcomeError(TRANSPORT_ERROR, "StaleConnection" if stale else _reason(cause))
        except BaseException:
            self.close()  # the visit is being ended in the middle of a request
            raise
        duration = time.monotonic() - started
        if response is not None:
            if received.set_cookie:
                self._cookies.update(received.set_cookie, path, time.time())
            error = _unexpected(response, expect)
        self._observe(
            Exchange(
                name=called,
                method=method,
                outcome=OK if error is None else error.outcome,
                detail="" if error is None else error.detail,
                status=received.status,
                started=started,
                duration=duration,
                length=received.length,
                reused=reused,
                connecting=connecting,
                error=error,
            )
        )
        if error is not None:
            raise _StaleConnectionError(error) if stale else error
        if response is None:
            raise AssertionError("unreachable: an attempt ends in an answer or an error")
        return response

    def _bytes(
        self,
        method: str,
        path: str,
        json: object,
        form: Mapping[str, str] | None,
        headers: Mapping[str, str] | None,
    ) -> bytes:
        origin = self._dialer.origin
        target = origin.prefix + path
        if not target.startswith("/") or not target.isascii() or not target.isprintable() or " " in target:
            raise ValueError("a path begins with / and is percent-encoded")
        head = f"{method} {target} HTTP/1.1\r\n{self._fixed}traceparent: {self._traceparent()}\r\n"
        cookies = self._cookies.header_for(path, origin.secure)
        if cookies:
            head += f"Cookie: {cookies}\r\n"
        for key, value in (headers or {}).items():
            if "\r" in value or "\n" in value or "\r" in key or "\n" in key or ":" in key:
                raise ValueError(f"header {key!r} would break the request")
            head += f"{key}: {value}\r\n"
        body = b""
        if json is not None:
            body = _encode(json).encode()
            head += "Content-Type: application/json\r\n"
        elif form is not None:
            body = urlencode(form).encode()
            head += "Content-Type: application/x-www-form-urlencoded\r\n"
        if body or method in _NEVER_WITHOUT_LENGTH:
            head += f"Content-Length: {len(body)}\r\n"
        return f"{head}\r\n".encode("latin-1") + body

    def _traceparent(self) -> str:
        """W3C Trace Context, sampled: the visit is the trace, each request a span."""
        return f"00-{self.trace_id}-{self._random.getrandbits(64) or 1:016x}-01"


class _StaleConnectionError(Exception):
    def __init__(self, outcome: OutcomeError) -> None:
        super().__init__(str(outcome))
        self.outcome = outcome


def _unexpected(response: HttpResponse, expect: Sequence[int] | None) -> OutcomeError | None:
    status = response.status
    if (200 <= status < 400) if expect is None else (status in expect):
        return None
    detail = str(status)
    if status == 429:
        return OutcomeError(RATE_LIMITED, detail, retry_after=_seconds(response.headers.get("retry-after")))
    if 400 <= status < 500:
        return OutcomeError(REJECTED, detail)
    return OutcomeError(FAILED, detail, retry_after=_seconds(response.headers.get("retry-after")))


def _seconds(text: str | None) -> float | None:
    """Retry-After as seconds; its other form, a date, is not worth a parser here."""
    return float(text) if text is not None and text.isdecimal() else None


def _reason(cause: WireError | OSError) -> str:
    if isinstance(cause, WireError):
        return str(cause)
    if isinstance(cause, ConnectionResetError) and cause.errno is None:
        return "ClosedEarly"
    return LOCAL_LIMITS.get(cause.errno or 0) or type(cause).__name__
