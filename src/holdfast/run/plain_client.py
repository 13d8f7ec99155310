"""A client for a handful of requests in the runner's own process, where gevent must not be: the standard library's.

In: what `holdfast.kit.client.Client` takes. Out: answers, or OutcomeError, as the load generator's client would give
them; and `last`, what was asked and answered, without the visitor's values.
"""

import http.client
import json as json_codec
import re
import ssl
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

from holdfast.kit.outcome import OutcomeError, failed
from holdfast.load.cookies import CookieJar
from holdfast.load.redirects import is_redirect, next_method, next_path
from holdfast.record.sample import FAILED, RATE_LIMITED, REJECTED, TIMED_OUT, TRANSPORT_ERROR

DEADLINE_SECONDS: Final = 10.0
_MOST_BYTES: Final = 10_000_000
_MOST_KEYS: Final = 12
_NAME: Final = re.compile(r"[A-Za-z_]\w{0,39}", re.ASCII)
_VALUE: Final = re.compile(r"(?=[^/]*[0-9@%])[^/]{12,}")  # of a path: an address, an identifier, a token


@dataclass(frozen=True, slots=True)
class PlainResponse:
    """An answer. Header names are lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """Raises OutcomeError `failed` when the body is not JSON."""
        try:
            return json_codec.loads(self.body)
        except (ValueError, RecursionError) as error:
            raise failed("not_json") from error


@dataclass(frozen=True, slots=True)
class Asked:
    """One request as it may be told: `request` without values, `status` 0: no answer. `keys`: of a JSON object."""

    request: str
    status: int
    expected: str
    fits: bool = False
    keys: tuple[str, ...] = ()

    def __str__(self) -> str:
        if not self.status:
            return f"{self.request}: no answer"
        expected = "" if self.fits else f", {self.expected} expected"
        holds = f"; it holds {', '.join(self.keys)}" if self.keys else ""
        return f"{self.request} was answered {self.status}{expected}{holds}"


class PlainClient:
    """One visitor's cookies; a connection for each request. TLS certificates are verified."""

    def __init__(self, url: str, marker: str) -> None:
        parts = urlsplit(url)
        self._tls = parts.scheme == "https"
        self._host, self._port = parts.hostname or "", parts.port
        self._prefix = parts.path.rstrip("/")
        self._base = f"{parts.scheme}://{parts.netloc}"
        self._marker = marker
        self._cookies = CookieJar(self._host)
        self.last: Asked | None = None

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
        name: str | None = None,  # noqa: ARG002  a sample's, and nothing is recorded here
    ) -> PlainResponse:
        """See `holdfast.kit.client.Client`. Raises ValueError when path or headers hold what no request may."""
        if params:
            path += ("&" if "?" in path else "?") + urlencode(params, doseq=True)
        content, kind = _body(json, form, body)
        given = {"Content-Type": kind} if kind else {}
        given |= headers or {}
        response = self._asked(method, path, content, given, expect, timeout, follows=follow > 0)
        while follow and is_redirect(response.status):
            follow -= 1
            asked, method = method, next_method(response.status, method)
            path = next_path(self._base + self._prefix + path, response.headers.get("location"))
            if method != asked:  # what described the body goes with it
                content, given = None, {k: v for k, v in given.items() if not k.lower().startswith("content-")}
            response = self._asked(
                method, path.removeprefix(self._prefix), content, given, expect, timeout, follows=follow > 0
            )
        return response

    def _asked(
        self,
        method: str,
        path: str,
        body: bytes | None,
        headers: Mapping[str, str],
        expect: Sequence[int] | None,
        timeout: float | None,
        *,
        follows: bool,
    ) -> PlainResponse:
        if not path.startswith("/") or not path.isascii() or not path.isprintable() or " " in path:
            raise ValueError("a path begins with / and is percent-encoded")
        shown = f"{method} {_VALUE.sub('…', path.partition('?')[0])}"
        expected = " or ".join(map(str, expect)) if expect is not None else "a 2xx or 3xx"
        self.last = Asked(shown, 0, expected)
        sent = {"User-Agent": self._marker, "X-Holdfast-Synthetic": "1", "Accept": "application/json, */*"}
        cookies = self._cookies.header_for(path, self._tls, time.time())
        sent |= {"Cookie": cookies} if cookies else {}
        response = self._exchange(method, path, body, {**sent, **headers}, timeout or DEADLINE_SECONDS)
        status = response.status
        fits = (200 <= status < 400) if expect is None else (status in expect)
        self.last = Asked(shown, status, expected, fits, _keys(response.body))
        if fits or (follows and is_redirect(status)):
            return response
        if status == http.client.TOO_MANY_REQUESTS:
            raise OutcomeError(RATE_LIMITED, str(status), retry_after=_seconds(response.headers.get("retry-after")))
        raise OutcomeError(REJECTED if 400 <= status < 500 else FAILED, str(status))

    def _exchange(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str], timeout: float
    ) -> PlainResponse:
        connection = (
            http.client.HTTPSConnection(self._host, self._port, timeout=timeout, context=ssl.create_default_context())
            if self._tls
            else http.client.HTTPConnection(self._host, self._port, timeout=timeout)
        )
        try:
            connection.request(method, self._prefix + path, body, dict(headers))
            answer = connection.getresponse()
            received = answer.read(_MOST_BYTES)
        except TimeoutError as error:
            raise OutcomeError(TIMED_OUT, "ResponseTimeout") from error
        except (OSError, http.client.HTTPException) as error:
            raise OutcomeError(TRANSPORT_ERROR, type(error).__name__) from error
        finally:
            connection.close()
        self._cookies.update(answer.headers.get_all("Set-Cookie") or (), path, time.time())
        return PlainResponse(answer.status, {key.lower(): value for key, value in answer.headers.items()}, received)


def _body(json: object, form: Mapping[str, str] | None, body: bytes | None) -> tuple[bytes | None, str]:
    if json is not None:
        return json_codec.dumps(json, separators=(",", ":")).encode(), "application/json"
    if form is not None:
        return urlencode(form).encode(), "application/x-www-form-urlencoded"
    return body, "" if body is None else "application/octet-stream"


def _keys(body: bytes) -> tuple[str, ...]:
    """What a JSON object holds, by name: enough to see which word an adapter should have used, and no value."""
    try:
        found = json_codec.loads(body)
    except (ValueError, RecursionError):
        return ()
    return tuple(_names(found))[:_MOST_KEYS]


def _names(found: object, within: str = "") -> Iterator[str]:
    """ "page", "items[].id", "error.code": two deep, of a list its first."""
    for key, value in found.items() if isinstance(found, dict) else ():
        if not _NAME.fullmatch(key):
            continue
        listed = isinstance(value, list)
        first = (value or [None])[0] if listed else value
        inner = list(_names(first, f"{within}{key}{'[]' if listed else ''}.")) if not within else []
        yield from inner or [f"{within}{key}"]


def _seconds(text: str | None) -> float | None:
    return float(text) if text is not None and text.isdecimal() else None
