"""The partners of the account service, in one process: identity, billing, messages.

identity signs tokens: GET /jwks.json, POST /tokens {session, account, expires_at}, POST /keys/rotate
billing has invoices: GET /accounts/{index}/invoices, GET /accounts/{index}/invoices/{id}
messages keeps what was sent: POST /messages, GET /messages?to=&since=, DELETE /messages?to=

Each is reached over a link of its own, so that each can be slowed or cut alone.
"""

import hashlib
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Final

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from holdfast.digits import number
from holdfast.reference.child import exit_with_supervisor, read_first_line
from holdfast.reference.loopback import HOST
from holdfast.reference.settings import PartnersSettings
from holdfast.reference.tokens import Claims, derive_key, sign

_KEPT_KEYS: Final = 2  # a token signed just before a rotation is still good
_KEPT_MESSAGES: Final = 20_000
_ITEMS: Final = (("Line rental", 1990), ("Calls", 640), ("Data", 1250), ("Roaming", 380), ("Text messages", 220))


@dataclass(frozen=True, slots=True)
class InvoiceLine:
    text: str
    amount_cents: int


@dataclass(frozen=True, slots=True)
class Invoice:
    """`period` is a month, "2026-03"; `status` "open" or "paid"."""

    id: str
    period: str
    amount_cents: int
    currency: str
    status: str
    lines: tuple[InvoiceLine, ...]


@dataclass(frozen=True, slots=True)
class Message:
    """Something sent to a customer. `at`: seconds since the epoch."""

    id: int
    to: str
    kind: str
    at: float
    token: str
    body: str


def invoices_of(index: int, today: datetime) -> tuple[Invoice, ...]:
    """The account's invoices, the newest first: of 4 to 12 months up to last month, always the same amounts."""
    count = 4 + _number(f"{index}-count") % 9
    month = today.year * 12 + today.month - 2  # months since year 0, last month
    return tuple(_invoice(index, month - age, "open" if age == 0 else "paid") for age in range(count))


def _invoice(index: int, month: int, status: str) -> Invoice:
    period = f"{month // 12:04d}-{month % 12 + 1:02d}"
    lines = tuple(
        InvoiceLine(text, base + _number(f"{index}-{period}-{text}") % base)
        for place, (text, base) in enumerate(_ITEMS)
        if place == 0 or _number(f"{index}-{period}-{text}-billed") % 3
    )
    amount = sum(line.amount_cents for line in lines)
    return Invoice(f"inv-{index:06d}-{period}", period, amount, "EUR", status, lines)


def _number(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=6).digest())


class Identity:
    """Signs tokens with the newest key; publishes the last two."""

    def __init__(self, secret: str) -> None:
        self._secret = secret
        self._generation = 1
        self._keys = deque([derive_key(secret, 1)], maxlen=_KEPT_KEYS)

    async def issue(self, request: Request) -> Response:
        asked = await request.json()
        claims = Claims(str(asked["session"]), int(asked["account"]), float(asked["expires_at"]))
        return JSONResponse({"token": sign(claims, self._keys[-1], time.time())}, status_code=201)

    async def key_set(self, _: Request) -> Response:
        return JSONResponse({"keys": [key.as_jwk() for key in self._keys]})

    async def rotate(self, _: Request) -> Response:
        self._generation += 1
        self._keys.append(derive_key(self._secret, self._generation))
        return JSONResponse({"kid": self._keys[-1].name}, status_code=201)


class Messages:
    """Keeps what was sent, so that a test can read it."""

    def __init__(self) -> None:
        self._kept: deque[Message] = deque(maxlen=_KEPT_MESSAGES)
        self._sent = 0

    async def send(self, request: Request) -> Response:
        asked: Mapping[str, object] = await request.json()
        self._sent += 1
        words = {name: str(asked.get(name, "")) for name in ("to", "kind", "token", "body")}
        message = Message(self._sent, at=time.time(), **words)
        self._kept.append(message)
        return JSONResponse({"id": message.id}, status_code=201)

    async def read(self, request: Request) -> Response:
        to = request.query_params.get("to")
        since = number(request.query_params.get("since", "0"))
        if since is None:
            return JSONResponse({"error": {"code": "invalid_since", "message": "since: a number"}}, status_code=422)
        found: deque[dict[str, object]] = deque()
        for message in reversed(self._kept):
            if message.at < since:
                break
            if to is None or message.to == to:
                found.appendleft(asdict(message))
        return JSONResponse({"messages": list(found)})

    async def forget(self, request: Request) -> Response:
        """Erasure reaches the partners too."""
        to = request.query_params.get("to", "")
        self._kept = deque((message for message in self._kept if message.to != to), maxlen=_KEPT_MESSAGES)
        return Response(status_code=204)


async def list_invoices(request: Request) -> Response:
    invoices = [asdict(invoice) for invoice in invoices_of(request.path_params["index"], datetime.now(UTC))]
    for invoice in invoices:
        del invoice["lines"]
    return JSONResponse({"invoices": invoices})


async def show_invoice(request: Request) -> Response:
    wanted = request.path_params["invoice"]
    for invoice in invoices_of(request.path_params["index"], datetime.now(UTC)):
        if invoice.id == wanted:
            return JSONResponse(asdict(invoice))
    return JSONResponse({"error": {"code": "not_found", "message": "There is no such invoice."}}, status_code=404)


async def healthy(_: Request) -> Response:
    return JSONResponse({"status": "ok"})


def make_partners(settings: PartnersSettings) -> Starlette:
    identity, messages = Identity(settings.secret), Messages()
    return Starlette(
        routes=[
            Route("/healthz", healthy),
            Route("/jwks.json", identity.key_set),
            Route("/tokens", identity.issue, methods=["POST"]),
            Route("/keys/rotate", identity.rotate, methods=["POST"]),
            Route("/accounts/{index:int}/invoices", list_invoices),
            Route("/accounts/{index:int}/invoices/{invoice}", show_invoice),
            Route("/messages", messages.read),
            Route("/messages", messages.send, methods=["POST"]),
            Route("/messages", messages.forget, methods=["DELETE"]),
        ]
    )


def main() -> None:
    settings = PartnersSettings(**read_first_line())
    exit_with_supervisor()
    uvicorn.run(
        make_partners(settings), host=HOST, port=settings.port, loop="asyncio",
        access_log=False, log_level="warning", timeout_graceful_shutdown=1,
    )  # fmt: skip


if __name__ == "__main__":
    main()
