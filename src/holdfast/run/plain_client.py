"""A visitor for a handful of requests in the runner's own process, where gevent must not be: on `kit.stream`.

In: what `holdfast.kit.client.Client` takes. Out: what the load generator's client would give, by the same rules
(`holdfast.load.request`) and the same parser; and `last`, what was asked and answered, without the visitor's values.
"""

import contextlib
import json as json_codec
import re
import secrets
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from holdfast.kit.stream import Stream, dialled
from holdfast.load.cookies import CookieJar
from holdfast.load.heads import RequestHeads
from holdfast.load.naming import without_identifiers
from holdfast.load.origin import Origin
from holdfast.load.received import AnswerReader
from holdfast.load.request import DEADLINE_SECONDS, Request, broken, bytes_of, followed, late, request_of, unexpected
from holdfast.load.response import HttpResponse
from holdfast.load.wire_error import WireError
from holdfast.workspace.tls import SYSTEM, Tls, context_of

_READ_BYTES: Final = 64 * 1024
_MOST_KEYS: Final = 12
_CODE_NAMES: Final = ("error_code", "errorCode", "code", "error", "reason", "type")
_LONGEST_CODE: Final = 60
_WORD: Final = r"(?:[a-z]{1,24}(?:[A-Z][a-z]{2,23}){0,5}|[A-Z]{1,24}|(?:[A-Z][a-z]{2,23}){1,6})"
_CODE: Final = re.compile(rf"{_WORD}(?:[_.-]{_WORD}|[_.-]?\d{{1,6}}(?![A-Za-z])){{0,6}}", re.ASCII)
"""Words and a short number: no token, no address, no sentence."""
_NAME: Final = re.compile(r"[A-Za-z_]\w{0,39}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Asked:
    """One request as it may be told: `request` without values, `status` 0: no answer. `keys`: of a JSON object.

    `code`: the target's own word for what went wrong, of an answer that does not fit; see `error_code`.
    """

    request: str
    status: int
    expected: str
    fits: bool = False
    keys: tuple[str, ...] = ()
    code: str = ""

    def __str__(self) -> str:
        if not self.status:
            return f"{self.request}: no answer"
        expected = "" if self.fits else f", {self.expected} expected"
        holds = f"; it holds {', '.join(self.keys)}" if self.keys else ""
        code = f" {self.code}" if self.code else ""
        return f"{self.request} was answered {self.status}{code}{expected}{holds}"


class PlainClient:
    """One visitor's cookies; a connection for each request."""

    def __init__(self, url: str, marker: str, tls: Tls = SYSTEM) -> None:
        self._origin = Origin.of(url)
        self._heads = RequestHeads(self._origin, marker)
        self._tls = context_of(tls) if self._origin.secure else None
        self._cookies = CookieJar(self._origin.host)
        self._trace_id = secrets.token_hex(16)
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
        name: str | None = None,
    ) -> HttpResponse:
        """See `holdfast.kit.client.Client`. Raises ValueError when path or headers hold what no request may."""
        origin = self._origin
        asked = request_of(origin.prefix, method, path, params, json, form, body, headers, expect, follow, name)
        deadline = time.monotonic() + (DEADLINE_SECONDS if timeout is None else timeout)
        return followed(asked, self._asked(asked, deadline), origin.base, lambda hop: self._asked(hop, deadline))

    def _asked(self, asked: Request, deadline: float) -> HttpResponse:
        cookie = self._cookies.header_for(asked.target, self._origin.secure, time.time())
        trace = f"traceparent: 00-{self._trace_id}-{secrets.token_hex(8)}-01\r\n"
        sent = bytes_of(asked, self._heads, cookie, trace.encode())
        shown = f"{asked.method} {without_identifiers(asked.target)}"
        expected = " or ".join(map(str, asked.expect)) if asked.expect is not None else "a 2xx or 3xx"
        self.last = Asked(shown, 0, expected)
        reader = self._exchanged(sent, deadline, head=asked.method == "HEAD")
        try:
            response = HttpResponse(reader.status, reader.headers, b"" if asked.method == "HEAD" else reader.body())
        except WireError as cause:
            raise broken(cause) from cause
        self._cookies.update(reader.values(b"set-cookie"), asked.target, time.time())
        error = unexpected(asked, response, self._origin.base)
        code = "" if error is None else error_code(response.body, sent)
        self.last = Asked(shown, response.status, expected, error is None, _keys(response.body), code)
        if error is not None:
            raise error
        return response

    def _exchanged(self, request: bytes, deadline: float, *, head: bool) -> AnswerReader:
        """One connection's only answer. Raises OutcomeError: none, or none in time."""
        reader = AnswerReader()
        opened: Stream | None = None
        sent = False
        try:
            opened = dialled(self._origin.host, self._origin.port, self._tls, deadline)
            with contextlib.suppress(BrokenPipeError):  # it may have answered before it hung up: look
                opened.send(request)
            sent = True
            while not reader.complete:
                data = opened.read(_READ_BYTES)
                if not data:
                    if reader.ends_at_close:
                        break
                    raise ConnectionResetError("closed before the answer was complete")
                reader.feed(data)
                if head and reader.headers_done:
                    reader.headers_only()
        except TimeoutError as cause:
            raise late(connected=opened is not None, sent=sent) from cause
        except (WireError, OSError) as cause:
            raise broken(cause) from cause
        finally:
            reader.forget()
            if opened is not None:
                opened.close()
        return reader


def error_code(body: bytes, sent: bytes = b"") -> str:
    """The word by which a JSON answer names its error: "database_unavailable", "E-1042"; empty where there is none.

    Where APIs put it: `error` (OAuth 2.0), `code`, `error.code`, `errors[0].code`, the end of `type` (RFC 9457). Only
    what has the shape of a code and was not in what was `sent`: an answer may quote what a visitor typed.
    """
    try:
        found = json_codec.loads(body)
    except (ValueError, RecursionError):
        return ""
    for value in _codes(found):
        if type(value) is not str:
            continue
        word = value.rsplit("/", 1)[-1].rsplit(":", 1)[-1] if "/" in value or value.startswith("urn:") else value
        if word != "blank" and len(word) <= _LONGEST_CODE and _CODE.fullmatch(word) and word.encode() not in sent:
            return word
    return ""


def _codes(found: object) -> Iterator[object]:
    """What may be the code, the likeliest first."""
    if not isinstance(found, dict):
        return
    errors = found.get("errors")
    inner = [found.get("error"), errors[0] if isinstance(errors, list) and errors else None]
    for one in (found, *inner):
        if isinstance(one, dict):
            yield from (one.get(name) for name in _CODE_NAMES)


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
