"""One visitor's cookies, for one origin: what RFC 6265 asks of a client that talks to a single host.

`Domain` is not looked at (there is one host), `SameSite` and `HttpOnly` mean nothing without a browser.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from email.utils import parsedate_to_datetime


@dataclass(frozen=True, slots=True)
class _Cookie:
    value: str
    path: str
    secure: bool


class CookieJar:
    """Kept by name and path; the newest wins."""

    __slots__ = ("_cookies",)

    def __init__(self) -> None:
        self._cookies: dict[tuple[str, str], _Cookie] = {}

    def update(self, set_cookie: Iterable[str], path: str, now: float) -> None:
        """Take in the `Set-Cookie` headers of an answer to a request for `path`, received at `now` (epoch seconds)."""
        for line in set_cookie:
            pair, *attributes = line.split(";")
            name, found, value = pair.strip().partition("=")
            if not found or not name:
                continue
            settings = {key.strip().lower(): text.strip() for key, _, text in (a.partition("=") for a in attributes)}
            scope = settings.get("path", "")
            if not scope.startswith("/"):
                scope = path.rpartition("/")[0] or "/"  # RFC 6265, 5.1.4
            if _expired(settings, now):
                self._cookies.pop((name, scope), None)
            else:
                self._cookies[name, scope] = _Cookie(value.strip(), scope, "secure" in settings)

    def header_for(self, path: str, secure: bool) -> str:
        """The value of the `Cookie` header; empty when there is none to send."""
        if not self._cookies:
            return ""
        return "; ".join(
            f"{name}={cookie.value}"
            for (name, _), cookie in self._cookies.items()
            if (secure or not cookie.secure) and _matches(path, cookie.path)
        )


def _matches(path: str, scope: str) -> bool:
    """RFC 6265, 5.1.4."""
    path = path.partition("?")[0]
    return path == scope or (path.startswith(scope) and (scope.endswith("/") or path[len(scope)] == "/"))


def _expired(settings: dict[str, str], now: float) -> bool:
    age = settings.get("max-age")
    if age is not None:
        try:
            return int(age) <= 0
        except ValueError:
            return False
    try:
        return parsedate_to_datetime(settings["expires"]).timestamp() <= now
    except (KeyError, ValueError, TypeError):
        return False
