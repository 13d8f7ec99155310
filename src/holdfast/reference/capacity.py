"""The stated capacity of a replica: `workers` requests at a time, each for `service_time` seconds at least.

So a replica has a known limit, `workers / service_time` requests a second, against which a sizing can be checked.
"""

import asyncio
import json
import math
from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from holdfast.reference.refusal import Refusal

UNLIMITED_PATHS: Final = frozenset({"/healthz", "/readyz", "/metrics", "/style.css"})
_LONGEST_QUEUE: Final = 500  # beyond it nobody would be served before giving up


class LimitCapacity:
    """Middleware: requests queue for a worker; health, metrics and the style sheet do not."""

    def __init__(self, app: ASGIApp, workers: int, service_time: float) -> None:
        self._app = app
        self._service_time = service_time
        self._free_workers = asyncio.Semaphore(workers)
        self._waiting = 0

    @property
    def waiting(self) -> int:
        """Requests that wait for a worker now."""
        return self._waiting

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in UNLIMITED_PATHS:
            await self._app(scope, receive, send)
            return
        if self._waiting >= _LONGEST_QUEUE:
            await refuse_early(send, Refusal(503, "overloaded", "Too many requests are waiting.", retry_after=1.0))
            return
        self._waiting += 1
        try:
            await self._free_workers.acquire()
        finally:
            self._waiting -= 1
        try:
            if self._service_time:
                await asyncio.sleep(self._service_time)
            await self._app(scope, receive, send)
        finally:
            self._free_workers.release()


async def refuse_early(send: Send, refusal: Refusal) -> None:
    """Answer with a Refusal from a middleware, before any route is looked for."""
    body = json.dumps({"error": {"code": refusal.code, "message": refusal.message}}).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"retry-after", str(math.ceil(refusal.retry_after or 1)).encode()),
    ]
    await send({"type": "http.response.start", "status": refusal.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
