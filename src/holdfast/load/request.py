"""What a client asks, and what it makes of the answer: all that is decided, and nothing that is done. Pure.

The load generator's client and the runner's plain one share it, so that an adapter is tried by the rules by which it is
measured: they differ in their sockets alone.
"""

import json as json_codec
from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple, TypeVar
from urllib.parse import urlencode

from holdfast.digits import whole
from holdfast.kit.client import Response
from holdfast.kit.outcome import OutcomeError, failed
from holdfast.load.heads import RequestHeads, with_headers
from holdfast.load.health import LOCAL_LIMITS
from holdfast.load.measured import LIMITED
from holdfast.load.naming import default_name
from holdfast.load.redirects import TOO_MANY, is_redirect, next_method, next_path
from holdfast.load.wire_error import WireError
from holdfast.record.sample import FAILED, RATE_LIMITED, REJECTED, TIMED_OUT, TRANSPORT_ERROR

LIMITED_STATUS: Final = 429
DEADLINE_SECONDS: Final = 10.0
"""For all of a request, its redirects included, where it has no deadline of its own."""
_MOST_DIGITS_OF_A_WAIT: Final = 9
_NEVER_WITHOUT_LENGTH: Final = frozenset({"POST", "PUT", "PATCH"})
_encode = json_codec.JSONEncoder(separators=(",", ":")).encode  # json.dumps would build an encoder each time

Answer = TypeVar("Answer", bound=Response)


class Request(NamedTuple):
    """One attempt's, but for what the connection and the moment add."""

    method: str
    target: str  # path and query, as they are sent: the target's prefix included
    headers: Mapping[str, str] | None
    content: bytes
    content_type: str
    name: str
    expect: Sequence[int] | None
    follow: int | None  # redirects that may still be followed; None: nobody asked, a redirect is an answer


def request_of(
    prefix: str,
    method: str,
    path: str,
    params: Mapping[str, str | int | Sequence[str]] | None,
    json: object,
    form: Mapping[str, str] | None,
    body: bytes | None,
    headers: Mapping[str, str] | None,
    expect: Sequence[int] | None,
    follow: int,
    name: str | None,
) -> Request:
    """As `holdfast.kit.client.Client` takes it. `prefix`: the target's. Raises ValueError: two bodies, half a path."""
    content, content_type = b"", ""
    if json is not None or form is not None or body is not None:
        content, content_type = _content(json, form, body)
    if prefix and not path.startswith("/"):  # together they would look like a path
        raise ValueError("a path begins with / and is percent-encoded")
    if name is None:
        name = default_name(method, path)
    if params:
        path += ("&" if "?" in path else "?") + urlencode(params, doseq=True)
    return Request(method, prefix + path, headers, content, content_type, name, expect, follow or None)


def bytes_of(asked: Request, heads: RequestHeads, cookie: str, trace: bytes) -> bytes:
    """What is sent. `trace`: a whole header line. Raises ValueError when path or headers hold what no request may."""
    method, headers = asked.method, asked.headers
    head = heads.of(method, asked.target)
    if not cookie and headers is None and not asked.content and method == "GET":
        return b"%b%b\r\n" % (head, trace)
    content_type = asked.content_type
    if headers:
        head = with_headers(head, headers)
        if any(name.lower() == "content-type" for name in headers):
            content_type = ""
    parts = [head, trace]
    if cookie:
        parts.append(f"Cookie: {cookie}\r\n".encode("latin-1"))
    if content_type:
        parts.append(f"Content-Type: {content_type}\r\n".encode("latin-1"))
    if asked.content or method in _NEVER_WITHOUT_LENGTH:
        parts.append(b"Content-Length: %d\r\n" % len(asked.content))
    parts += (b"\r\n", asked.content)
    return b"".join(parts)


def unexpected(asked: Request, response: Response, base: str) -> OutcomeError | None:
    """What is wrong with an answer; None where it is one that was wished for. `base`: the URL without its path."""
    status, expect = response.status, asked.expect
    if asked.follow is not None and is_redirect(status):
        if asked.follow == 0:
            return failed(TOO_MANY)
        try:  # a place that may not be gone to is this attempt's outcome
            next_path(base + asked.target, response.headers.get("location"))
        except OutcomeError as error:
            return error
        return None
    if (200 <= status < 400) if expect is None else (status in expect):
        return None
    retry_after = _seconds(response.headers.get("retry-after"))
    if status == LIMITED_STATUS:
        return OutcomeError(RATE_LIMITED, LIMITED, retry_after=retry_after)
    return OutcomeError(REJECTED if 400 <= status < 500 else FAILED, str(status), retry_after=retry_after)


def followed(first: Request, response: Answer, base: str, ask: Callable[[Request], Answer]) -> Answer:
    """Go after the redirect that `response` is, as far as `first` may: `ask` is called for each hop.

    Each hop is an attempt of its own, named after the request and its number: places would be too many names.
    """
    asked, most = first, first.follow or 0
    for hop in range(1, most + 1):
        if not is_redirect(response.status):
            break
        asked = _next(asked, response, base)._replace(name=f"{first.name} (hop {hop})", follow=most - hop)
        response = ask(asked)
    return response


def late(*, connected: bool, sent: bool) -> OutcomeError:
    """The deadline passed; what was being waited for."""
    return OutcomeError(TIMED_OUT, "ConnectTimeout" if not connected else "ResponseTimeout" if sent else "SendTimeout")


def broken(cause: WireError | OSError) -> OutcomeError:
    """There was no answer, or none that can be read."""
    return OutcomeError(TRANSPORT_ERROR, _reason(cause))


def _next(asked: Request, response: Response, base: str) -> Request:
    method = next_method(response.status, asked.method)
    target = next_path(base + asked.target, response.headers.get("location"))
    if method == asked.method:
        return asked._replace(target=target)
    # What described the body goes with it.
    kept = {k: v for k, v in (asked.headers or {}).items() if not k.lower().startswith("content-")}
    return asked._replace(method=method, target=target, content=b"", content_type="", headers=kept)


def _content(json: object, form: Mapping[str, str] | None, body: bytes | None) -> tuple[bytes, str]:
    """The body's bytes and their type."""
    if (json is not None) + (form is not None) + (body is not None) > 1:
        raise ValueError("one of json, form and body")
    if json is not None:
        return _encode(json).encode(), "application/json"
    if form is not None:
        return urlencode(form).encode(), "application/x-www-form-urlencoded"
    return body or b"", "application/octet-stream"


def _seconds(text: str | None) -> float | None:
    """Retry-After as seconds; its other form, a date, is not worth a parser here."""
    found = None if text is None or len(text) > _MOST_DIGITS_OF_A_WAIT else whole(text)
    return None if found is None else float(found)


def _reason(cause: WireError | OSError) -> str:
    if isinstance(cause, WireError):
        return str(cause)
    if isinstance(cause, ConnectionResetError) and cause.errno is None:
        return "ClosedEarly"
    return LOCAL_LIMITS.get(cause.errno or 0) or type(cause).__name__
