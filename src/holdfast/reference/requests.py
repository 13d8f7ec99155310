"""Reading a request: its body, its session, who sent it. What is wrong with it becomes a Refusal."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qsl

from starlette.requests import Request

from holdfast.reference.backends import Backends
from holdfast.reference.refusal import Refusal, invalid_field, not_signed_in
from holdfast.reference.sessions import Session, find_session

COOKIE: Final = "session"
_LARGEST_BODY: Final = 16_384


@dataclass(frozen=True, slots=True)
class Body:
    """A decoded JSON object."""

    fields: Mapping[str, Any]

    def text(self, name: str) -> str:
        """Raises Refusal (422) when it is missing or not a text."""
        value = self.optional_text(name)
        if value is None:
            raise invalid_field(name, "is missing")
        return value

    def optional_text(self, name: str) -> str | None:
        value = self.fields.get(name)
        if value is not None and not isinstance(value, str):
            raise invalid_field(name, "must be a text")
        return value

    def flag(self, name: str) -> bool:
        value = self.fields.get(name)
        if not isinstance(value, bool):
            raise invalid_field(name, "must be true or false")
        return value


def backends_of(request: Request) -> Backends:
    backends: Backends = request.app.state.backends
    return backends


async def read_json(request: Request) -> Body:
    """Raises Refusal: 400 when it is not a JSON object, 413 when it is too large."""
    try:
        fields = json.loads(await _read(request))
    except ValueError:
        fields = None
    if not isinstance(fields, dict):
        raise Refusal(400, "invalid_json", "Send a JSON object.")
    return Body(fields)


async def read_form(request: Request) -> dict[str, str]:
    """The fields of an urlencoded form. Raises Refusal: 403 when another site sent it, 413, 400.

    The cookie is SameSite=Lax already; where the browser says who asks, it is heard too.
    """
    if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        raise Refusal(403, "cross_site", "This form was sent from another site.")
    try:
        return dict(parse_qsl((await _read(request)).decode(), keep_blank_values=True, max_num_fields=50))
    except ValueError:
        raise Refusal(400, "invalid_form", "The form could not be read.") from None


async def find_visitor(request: Request) -> Session | None:
    """The session of the request, by cookie or bearer token; None when there is no live one."""
    token = request.cookies.get(COOKIE) or _bearer(request)
    return await find_session(backends_of(request), token) if token else None


async def require_visitor(request: Request) -> Session:
    """Raises Refusal (401) when nobody is signed in."""
    session = await find_visitor(request)
    if session is None:
        raise not_signed_in()
    return session


def user_agent(request: Request) -> str:
    return request.headers.get("user-agent", "")


def _bearer(request: Request) -> str:
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if kind.lower() == "bearer" else ""


async def _read(request: Request) -> bytes:
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > _LARGEST_BODY:
            raise Refusal(413, "too_large", f"Send at most {_LARGEST_BODY} bytes.")
        parts.append(part)
    return b"".join(parts)
