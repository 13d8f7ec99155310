"""A replica with a fault of its own: a stated share of its requests fail, a truth to hold verdicts against."""

import random

from starlette.types import ASGIApp, Receive, Scope, Send

from holdfast.reference.capacity import UNLIMITED_PATHS, refuse_early
from holdfast.reference.refusal import Refusal


class FailSome:
    """Middleware: each request fails by itself with this chance. Health, metrics and the style sheet do not."""

    def __init__(self, app: ASGIApp, share: float, seed: str) -> None:
        self._app = app
        self._share = share
        self._random = random.Random(seed)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        fails = scope["type"] == "http" and scope["path"] not in UNLIMITED_PATHS and self._random.random() < self._share
        if fails:
            await refuse_early(send, Refusal(500, "internal", "Something went wrong."))
            return
        await self._app(scope, receive, send)
