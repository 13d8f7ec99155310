"""Who may ask the control API, and for what.

On the loopback everybody on this machine reaches it, so whoever changes something needs the token there too; looking is
free. Beyond the loopback looking needs it as well. A client gives it in whichever way it can:

    Authorization: Bearer TOKEN             a header
    http://holdfast:TOKEN@127.0.0.1:8474    userinfo of the address, which HTTP clients send as basic authentication
    http://127.0.0.1:8474/TOKEN             the first segment of every path, for those that know an address and no more
"""

import base64
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from holdfast.proxy.address import is_loopback
from holdfast.proxy.http import Request, Response, error_response

TOKEN_VARIABLE: Final = "HOLDFAST_PROXY_TOKEN"  # noqa: S105  # the variable's name
_LOOKING: Final = ("GET", "HEAD", "OPTIONS")


@dataclass(frozen=True, slots=True)
class Access:
    """`token` None: whoever reaches the API may change everything. `far`: it listens beyond the loopback."""

    token: str | None = field(default=None, repr=False)
    far: bool = False

    def admit(self, request: Request) -> Request | Response:
        """The request without a token in its path; or what it is refused with."""
        headers = request.headers
        if headers.get("user-agent", "").startswith("Mozilla/"):
            return Response(403, b"User agent not allowed\n", "text/plain; charset=utf-8")
        if not self.far and not _names_loopback(headers.get("host", "")):
            # A page whose name was made to resolve to the loopback (DNS rebinding) still sends its own name.
            return error_response(403, "host not allowed")
        if self.token is None:
            return request
        if self._is_token(request.path[0]):
            return replace(request, path=request.path[1:] or ("",))
        if (request.method in _LOOKING and not self.far) or any(map(self._is_token, _given(headers))):
            return request
        what = "a token is needed: Authorization: Bearer …, http://holdfast:TOKEN@… or http://…/TOKEN"
        asking = ("WWW-Authenticate", 'Basic realm="fault proxy"')  # some clients send userinfo only when asked
        return replace(error_response(401, what), headers=(asking,))

    def _is_token(self, given: str) -> bool:
        return self.token is not None and hmac.compare_digest(given.encode(), self.token.encode())


def _given(headers: Mapping[str, str]) -> tuple[str, ...]:
    """What may be the token in the Authorization header; of basic authentication the user or the password."""
    scheme, _, value = headers.get("authorization", "").partition(" ")
    match scheme.lower():
        case "bearer":
            return (value.strip(),)
        case "basic":
            try:
                user, _, password = base64.b64decode(value, validate=True).decode().partition(":")
            except ValueError:
                return ()
            return user, password
        case _:
            return ()


def _names_loopback(host: str) -> bool:
    """A Host header without a name of somebody else; an absent one comes from no browser."""
    if not host:
        return True
    name = host if host.endswith("]") else host.rpartition(":")[0] or host
    return is_loopback(name)
