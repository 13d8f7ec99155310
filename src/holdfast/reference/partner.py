"""How the account service calls a partner: one HTTP request with a deadline, behind a circuit breaker.

A connection for each call: calls are few, and a pooled one would hide what a fault does to the link.
"""

import asyncio
import json
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from holdfast.digits import whole
from holdfast.reference.breaker import CircuitBreaker
from holdfast.reference.refusal import unavailable

_TIMEOUT: Final = 2.0
_LARGEST_ANSWER: Final = 1_000_000


class PartnerError(Exception):
    """The partner answered, but with an error of the caller's: `status` is 4xx."""

    def __init__(self, status: int) -> None:
        super().__init__(f"status {status}")
        self.status = status


class Partner:
    """One partner at `url`. `name` is what refusals, metrics and logs call it."""

    def __init__(self, name: str, url: str, breaker: CircuitBreaker, timeout: float = _TIMEOUT) -> None:
        parts = urlsplit(url)
        self.name = name
        self.breaker = breaker
        self._host = parts.hostname or ""
        self._port = parts.port or 80
        self._timeout = timeout

    async def call(self, method: str, path: str, body: Mapping[str, object] | None = None) -> Any:
        """The decoded JSON answer, None when it is empty.

        Raises Refusal (503, with the time until the breaker lets somebody try) when the partner cannot be reached,
        is too slow or fails, and PartnerError when it says that the request is wrong.
        """
        if not self.breaker.permits():
            raise unavailable(self.name, max(1.0, self.breaker.retry_after))
        try:
            async with asyncio.timeout(self._timeout):
                status, content = await self._exchange(method, path, body)
            answer = json.loads(content) if content and status < 500 else None
        except (OSError, EOFError, ValueError, asyncio.LimitOverrunError) as error:  # TimeoutError is an OSError
            self.breaker.failed()
            raise unavailable(self.name, max(1.0, self.breaker.retry_after)) from error
        if status >= 500:
            self.breaker.failed()
            raise unavailable(self.name, max(1.0, self.breaker.retry_after))
        self.breaker.succeeded()
        if status >= 400:
            raise PartnerError(status)
        return answer

    async def _exchange(self, method: str, path: str, body: Mapping[str, object] | None) -> tuple[int, bytes]:
        content = b"" if body is None else json.dumps(body).encode()
        reader, writer = await asyncio.open_connection(self._host, self._port)
        try:
            writer.write(
                f"{method} {path} HTTP/1.1\r\nHost: {self._host}:{self._port}\r\nConnection: close\r\n"
                f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n".encode()
                + content
            )
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            status = int(head.split(" ", 2)[1])
            length = _content_length(head)
            return status, await reader.readexactly(length) if length else b""
        finally:
            writer.close()


def _content_length(head: str) -> int:
    """Raises ValueError when it is absent or absurd: our partners always send it."""
    for line in head.split("\r\n")[1:]:
        name, _, value = line.partition(":")
        if name.lower() == "content-length":
            length = whole(value.strip())
            if length is None or length > _LARGEST_ANSWER:
                raise ValueError(f"an answer of {length} bytes")
            return length
    if head.split(" ", 2)[1] == "204":
        return 0
    raise ValueError("no content-length")
