"""The one door for holdfast's own requests: is the target there, what is in the outbox, how do our own processes do.

    rules   who asks, and whether as a synthetic visitor · for how long · how much of an answer · how many redirects
    ask     one request and its answer, or UnansweredError

It keeps what the load generator's client keeps: no proxy of the environment is asked, a redirect is followed only where
that is wished for and never to another origin, every request to a target is marked and traced, one deadline covers all
of it, and no byte of an answer reaches a terminal as it came. The TLS context is the caller's.
"""

import re
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urljoin, urlsplit

from holdfast.kit.answered import Answer, UnansweredError, printable
from holdfast.kit.mistrust import mistrust
from holdfast.kit.stream import dialled

__all__ = ["SYNTHETIC", "Answer", "Rules", "UnansweredError", "ask", "printable"]

SYNTHETIC: Final = "X-Holdfast-Synthetic"
_PORTS: Final = {"http": 80, "https": 443}
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_TARGET: Final = re.compile(r"[!$%&'()*+,\-./0-9:;=?@A-Z\[\]_a-z~]*", re.ASCII)
_FIX: Final = "start it, or correct its url"
_HEADER_VALUE: Final = re.compile(r"[\t\x20-\x7e\x80-\xff]*")


@dataclass(frozen=True, slots=True)
class Rules:
    """`marker`: the User-Agent. `synthetic`: also marked and traced, as every request to a target is.

    `deadline`: seconds for all of it. `most_bytes`: of a body; 0: it is not read. `redirects`: so many are followed,
    on the same origin. `own_authority`: certificates are verified by a ca_file, for advice.
    """

    marker: str
    synthetic: bool = True
    deadline: float = 5.0
    most_bytes: int = 1_000_000
    redirects: int = 0
    own_authority: bool = False


def ask(
    url: str,
    rules: Rules,
    *,
    method: str = "GET",
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
    tls: Any = None,
) -> Answer:
    """Ask once. `tls`: an SSLContext, for https. Raises UnansweredError; ValueError for what is no request."""
    deadline = time.monotonic() + rules.deadline
    trace = secrets.token_hex(16)
    for hop in range(rules.redirects + 1):
        answer = _once(url, rules, method, body, headers, tls, deadline, trace)
        if answer.status not in _REDIRECTS or not rules.redirects:
            break
        if hop == rules.redirects:
            raise UnansweredError("redirected", f"{_shown(url)} redirects more than {rules.redirects} times")
        url = _next(url, answer)
        if answer.status == 303 or (answer.status in {301, 302} and method == "POST"):  # RFC 9110, 15.4
            method, body = "GET", None
    return answer


def _once(
    url: str,
    rules: Rules,
    method: str,
    body: bytes | None,
    headers: Mapping[str, str] | None,
    tls: Any,
    deadline: float,
    trace: str,
) -> Answer:
    from holdfast.kit.answer_bytes import exchanged  # see there

    scheme, host, port, authority, target = _place(url)
    if scheme == "https" and tls is None:
        raise ValueError("https needs a TLS context")
    sent = _request(method, target, authority, rules, body, headers, trace)
    shown = _shown(url)
    try:
        with dialled(host, port, tls if scheme == "https" else None, deadline) as stream:
            return exchanged(stream, sent, method, rules.most_bytes, shown)
    except TimeoutError as error:
        raise UnansweredError("silent", f"{shown} does not answer within {rules.deadline:g} s", _FIX) from error
    except UnansweredError:
        raise
    except OSError as error:
        fault = mistrust(error, shown, host, own_authority=rules.own_authority)
        if fault is not None:
            raise UnansweredError("mistrusted", *fault) from error
        reason = printable(error.strerror or str(error) or type(error).__name__)
        raise UnansweredError("refused", f"{shown} does not answer: {reason}", _FIX) from error


def _request(
    method: str,
    target: str,
    authority: str,
    rules: Rules,
    body: bytes | None,
    headers: Mapping[str, str] | None,
    trace: str,
) -> bytes:
    lines = {"Host": authority, "User-Agent": rules.marker, "Accept": "application/json, */*"}
    lines |= {"Accept-Encoding": "identity", "Connection": "close"}
    if rules.synthetic:
        lines |= {SYNTHETIC: "1", "traceparent": f"00-{trace}-{secrets.token_hex(8)}-01"}
    lines |= headers or {}
    if body is not None or method not in {"GET", "HEAD"}:
        lines["Content-Length"] = str(len(body or b""))
    for name, value in lines.items():
        if not _HEADER_VALUE.fullmatch(value):
            raise ValueError(f"header {name!r} would break the request")
    head = "".join([f"{method} {target} HTTP/1.1\r\n", *(f"{name}: {value}\r\n" for name, value in lines.items())])
    return head.encode("latin-1") + b"\r\n" + (body or b"")


def _place(url: str) -> tuple[str, str, int, str, str]:
    """Scheme, host, port, what Host says, and the path with its query. Raises ValueError."""
    parts = urlsplit(url)
    scheme, host = parts.scheme, parts.hostname
    if scheme not in _PORTS or not host:
        raise ValueError(f"{printable(url)!r} is not an http or https address")
    if not host.isascii():
        host = host.encode("idna").decode("ascii")  # UnicodeError, which is a ValueError, where it is no name
    port = parts.port or _PORTS[scheme]
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if not _TARGET.fullmatch(target):
        raise ValueError("a path begins with / and is percent-encoded")
    named = f"[{host}]" if ":" in host else host
    return scheme, host, port, named if port == _PORTS[scheme] else f"{named}:{port}", target


def _shown(url: str) -> str:
    """For messages: without the query, which may hold somebody's address, and what a redirect put behind it."""
    scheme, _, _, authority, target = _place(url)
    return printable(f"{scheme}://{authority}{target.partition('?')[0]}")


def _next(url: str, answer: Answer) -> str:
    """Where a redirect leads, on the same origin. Raises UnansweredError."""
    shown = _shown(url)
    try:
        found = urljoin(url, answer.headers.get("location", ""))
        same = _place(found)[:3] == _place(url)[:3]
        where = urlsplit(found)
    except ValueError as error:
        raise UnansweredError("redirected", f"{shown} redirects to what is no address") from error
    if not same:
        place = printable(f"{where.scheme}://{where.hostname or ''}")
        fix = "write the address that it leads to, if that is yours to ask"
        raise UnansweredError("redirected", f"{shown} redirects to another place, {place}, which is not asked", fix)
    return found
