"""One visitor's cookies, for one origin: what RFC 6265 asks of a client that talks to a single host.

`SameSite` and `HttpOnly` mean nothing without a browser. No clock in here: the caller says what time it is.
"""

import calendar
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from holdfast.digits import whole

_MOST_COOKIES: Final = 50  # RFC 6265, 6.1: at least 50 a domain; a server must not be able to fill our memory
_MOST_BYTES: Final = 4_096  # ditto: at least 4,096 a cookie
_NEVER: Final = float("inf")
_LONG_AGO: Final = float("-inf")
_CONTROL: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")  # RFC 6265bis, 5.6, step 1: ignore the whole header
_SPACE: Final = " \t"


@dataclass(frozen=True, slots=True)
class _Cookie:
    value: str
    path: str
    secure: bool
    expires: float  # epoch seconds


class CookieJar:
    """Kept by name and path; the newest wins, in the place of the older one. `host`: for `Domain` attributes."""

    __slots__ = ("_cookies", "_host")

    def __init__(self, host: str = "") -> None:
        self._host = host.lower()
        self._cookies: dict[tuple[str, str], _Cookie] = {}

    def __len__(self) -> int:
        return len(self._cookies)

    def update(self, set_cookie: Iterable[str], path: str, now: float) -> None:
        """Take in the `Set-Cookie` headers of an answer to a request for `path`, received at `now` (epoch seconds)."""
        for line in set_cookie:
            if _CONTROL.search(line):
                continue
            pair, *attributes = line.split(";")
            name, found, value = pair.partition("=")
            name, value = name.strip(_SPACE), value.strip(_SPACE)
            if not found or not name or len(name) + len(value) > _MOST_BYTES:
                continue
            settings = {key.strip(_SPACE).lower(): text.strip(_SPACE) for key, _, text in _split(attributes)}
            if not self._is_ours(settings.get("domain", "")):
                continue
            scope = settings.get("path", "")
            if not scope.startswith("/"):
                scope = default_path(path)
            expires = _expires(settings, now)
            if expires <= now:
                self._cookies.pop((name, scope), None)
                continue
            self._cookies[name, scope] = _Cookie(value, scope, "secure" in settings, expires)
            if len(self._cookies) > _MOST_COOKIES:
                del self._cookies[next(iter(self._cookies))]

    def header_for(self, path: str, secure: bool, now: float = _LONG_AGO) -> str:
        """The value of the `Cookie` header at `now`; empty when there is none to send. The longest path comes first."""
        chosen = [
            (name, cookie)
            for (name, _), cookie in self._cookies.items()
            if cookie.expires > now and (secure or not cookie.secure) and matches(path, cookie.path)
        ]
        chosen.sort(key=lambda pair: -len(pair[1].path))  # stable: then the older one, RFC 6265, 5.4
        return "; ".join(f"{name}={cookie.value}" for name, cookie in chosen)

    def _is_ours(self, domain: str) -> bool:
        """RFC 6265, 5.1.3 and 5.3: a cookie for somebody else is ignored."""
        domain = domain.lower().removeprefix(".")
        if not domain or not self._host or domain == self._host:
            return True
        return self._host.endswith("." + domain) and not _is_address(self._host)


def default_path(path: str) -> str:
    """RFC 6265, 5.1.4."""
    return path.partition("?")[0].rpartition("/")[0] or "/"


def matches(path: str, scope: str) -> bool:
    """RFC 6265, 5.1.4."""
    path = path.partition("?")[0]
    return path == scope or (path.startswith(scope) and (scope.endswith("/") or path[len(scope)] == "/"))


def _split(attributes: list[str]) -> Iterable[tuple[str, str, str]]:
    return (attribute.partition("=") for attribute in attributes)


def _is_address(host: str) -> bool:
    return ":" in host or whole(host.replace(".", "")) is not None


def _expires(settings: Mapping[str, str], now: float) -> float:
    """`Max-Age` goes before `Expires`; what is no number or date is as if it were not there (5.2.1, 5.2.2)."""
    age = settings.get("max-age", "")
    if re.fullmatch(r"-?[0-9]+", age):
        seconds = float(age)
        return now + seconds if seconds > 0 else _LONG_AGO
    date = cookie_date(settings.get("expires", ""))
    return _NEVER if date is None else date


_TIME: Final = re.compile(r"(\d{1,2}):(\d{1,2}):(\d{1,2})(?:\D.*)?", re.ASCII | re.DOTALL)
_DAY: Final = re.compile(r"(\d{1,2})(?:\D.*)?", re.ASCII | re.DOTALL)
_YEAR: Final = re.compile(r"(\d{2,4})(?:\D.*)?", re.ASCII | re.DOTALL)
_BETWEEN: Final = re.compile(r"[\x09\x20-\x2f\x3b-\x40\x5b-\x60\x7b-\x7e]+")
_MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")


def cookie_date(text: str) -> float | None:
    """Epoch seconds by the algorithm of RFC 6265, 5.1.1, which takes what servers really send; None: no date."""
    time: tuple[int, ...] | None = None
    day = month = year = None
    for token in _BETWEEN.split(text):
        if time is None and (found := _TIME.fullmatch(token)):
            time = tuple(map(int, found.groups()))
        elif day is None and (found := _DAY.fullmatch(token)):
            day = int(found[1])
        elif month is None and token[:3].lower() in _MONTHS:
            month = _MONTHS.index(token[:3].lower()) + 1
        elif year is None and (found := _YEAR.fullmatch(token)):
            year = int(found[1])
    if time is None or day is None or month is None or year is None:
        return None
    if year < 100:
        year += 1900 if year >= 70 else 2000
    hour, minute, second = time
    if year < 1601 or hour > 23 or minute > 59 or second > 59:
        return None
    if not 1 <= day <= calendar.monthrange(year, month)[1]:
        return None
    return float(calendar.timegm((year, month, day, hour, minute, second)))
