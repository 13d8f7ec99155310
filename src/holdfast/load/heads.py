"""The constant part of a request, made once for each method and path, and what no request may hold.

In: method, path, headers of the caller. Out: bytes up to the trace, or ValueError: a scenario's bug, not an outcome.
"""

import re
from collections.abc import Mapping
from typing import Final, Protocol

from holdfast.load.encoding import ACCEPTED

_MOST_KEPT: Final = 1_024  # paths with an id in them are as many as there are ids
_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110, 5.6.2
_FORBIDDEN: Final = re.compile(r"[\x00\r\n]")
_OURS: Final = frozenset(
    {"host", "connection", "content-length", "transfer-encoding", "user-agent", "x-holdfast-synthetic", "traceparent"}
)
_REPLACEABLE: Final = {
    "accept": b"Accept: application/json, */*\r\n",
    "accept-encoding": f"Accept-Encoding: {ACCEPTED}\r\n".encode(),
}


class _Place(Protocol):
    @property
    def authority(self) -> str: ...


class RequestHeads:
    """Of one origin; `marker` is the User-Agent, so that whoever is tested can tell who we are."""

    __slots__ = ("_kept", "_rest")

    def __init__(self, origin: _Place, marker: str) -> None:
        self._kept: dict[tuple[str, str], bytes] = {}
        constant = (
            f"Host: {origin.authority}\r\nUser-Agent: {_value('User-Agent', marker)}\r\nX-Holdfast-Synthetic: 1\r\n"
        )
        self._rest = constant.encode("latin-1") + b"".join(_REPLACEABLE.values())

    def of(self, method: str, target: str) -> bytes:
        """Request line and constant headers, the last one's end included. `target`: path and query. ValueError."""
        known = self._kept.get((method, target))
        if known is not None:
            return known
        if not target.startswith("/") or not target.isascii() or not target.isprintable() or set(' #"<>') & set(target):
            raise ValueError("a path begins with / and is percent-encoded")
        if not _TOKEN.fullmatch(method):
            raise ValueError(f"{method!r} is no method")
        made = f"{method} {target} HTTP/1.1\r\n".encode() + self._rest
        if len(self._kept) < _MOST_KEPT and "?" not in target:
            self._kept[method, target] = made
        return made


def with_headers(head: bytes, headers: Mapping[str, str]) -> bytes:
    """`head` with the caller's headers added. Raises ValueError when one would break the request or hide who we are."""
    lines: list[str] = []
    for name, value in headers.items():
        if not _TOKEN.fullmatch(name):
            raise ValueError(f"header {name!r} would break the request")
        if name.lower() in _OURS:
            raise ValueError(f"header {name!r} is the client's own")
        default = _REPLACEABLE.get(name.lower())
        if default is not None:
            head = head.replace(default, b"")
        lines.append(f"{name}: {_value(name, value)}\r\n")
    return head + "".join(lines).encode("latin-1")


def _value(name: str, value: str) -> str:
    if _FORBIDDEN.search(value):
        raise ValueError(f"header {name!r} would break the request")
    return value
