"""Where an answer sends its client, and with what method. Pure."""

from typing import Final
from urllib.parse import quote, urljoin, urlsplit

from holdfast.kit.outcome import failed

_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
ELSEWHERE: Final = "RedirectElsewhere"
TOO_MANY: Final = "TooManyRedirects"
_SAFE: Final = "/%:?&=+,;@!$'()*~[]"  # what RFC 3986 lets stand, and what is percent-encoded already


def is_redirect(status: int) -> bool:
    return status in _REDIRECTS


def next_path(base: str, location: str | None) -> str:
    """Path and query to ask next. `base`: the URL just asked. Raises OutcomeError: nowhere, or another origin.

    Another origin is refused whatever it is: load goes to the target and to nobody else.
    """
    if not location:
        raise failed("RedirectWithoutLocation")
    try:
        found, asked = urlsplit(urljoin(base, location)), urlsplit(base)
        same = (found.scheme, found.hostname, _port(found.port, found.scheme)) == (
            asked.scheme,
            asked.hostname,
            _port(asked.port, asked.scheme),
        )
    except ValueError as error:
        raise failed("RedirectWithoutLocation") from error
    if not same:
        raise failed(ELSEWHERE)
    path = quote(found.path or "/", safe=_SAFE, encoding="latin-1", errors="replace")
    query = quote(found.query, safe=_SAFE, encoding="latin-1", errors="replace")
    return f"{path}?{query}" if query else path


def next_method(status: int, method: str) -> str:
    """RFC 9110, 15.4: 303 asks for GET; 301 and 302 turn a POST into one; 307 and 308 leave all as it is."""
    if status == 303 and method != "HEAD":
        return "GET"
    if status in {301, 302} and method == "POST":
        return "GET"
    return method


def _port(port: int | None, scheme: str) -> int:
    return port or {"http": 80, "https": 443}.get(scheme, 0)
