"""What keeps a walk at its target's origin beside the browser's own rules; and the names of what was refused.

The browser connects to the origin's host and port alone (`browser.launch_arguments`), which holds for redirects,
pop-ups, WebSockets, workers and contexts of a journey's own. `page.request` and its like are sent by Playwright's
driver, which knows no such rule: they are looked at here, redirect by redirect. What was refused is named.
"""

from collections.abc import Callable
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urljoin, urlsplit

from holdfast.synthetics.marking import marking_headers, new_trace_id, origin_of

if TYPE_CHECKING:
    from playwright.async_api import BrowserContext, Page, Request, WebSocket

_VERBS: Final = ("get", "post", "put", "patch", "delete", "head")
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_MOST_REDIRECTS: Final = 20  # Playwright's own
_MOST_NAMED: Final = 20
_BODY: Final = ("data", "form", "multipart", "post_data")
_SCHEMES: Final = {"ws": "http", "wss": "https"}


class Fence:
    """Of one walk: the other origins that it would have gone to."""

    def __init__(self, url: str) -> None:
        self._origin = origin_of(url)
        self._refused: dict[str, None] = {}

    @property
    def refused(self) -> tuple[str, ...]:
        """In the order in which they were first asked."""
        return tuple(self._refused)

    def watch(self, context: "BrowserContext") -> None:
        """Before its first page is opened."""
        context.on("requestfailed", self._failed)
        context.on("page", self._opened)

    def lets(self, url: str) -> bool:
        """Whether an address is of the target's origin; one that is not is remembered."""
        try:
            parts = urlsplit(url)
            origin = origin_of(parts._replace(scheme=_SCHEMES.get(parts.scheme, parts.scheme)).geturl())
        except ValueError:  # no address: whoever asks it says so
            return True
        if origin == self._origin or parts.scheme in {"data", "blob", "about", "chrome-error"}:
            return True
        if len(self._refused) < _MOST_NAMED:
            self._refused[origin] = None
        return False

    def _opened(self, page: "Page") -> None:
        page.on("websocket", self._called)

    def _called(self, socket: "WebSocket") -> None:
        self.lets(socket.url)

    def _failed(self, request: "Request") -> None:
        self.lets(request.url)


PRESENT: Final[ContextVar[Fence | None]] = ContextVar("fence", default=None)
"""The walk's that the present task belongs to."""


def fence_driver(url: str, user_agent: str) -> None:
    """Guard what Playwright's driver sends for this process, and mark the contexts that journeys open themselves.

    Once for the process: it has one target. `user_agent`: the marked one.
    """
    from playwright.async_api import APIRequest, APIRequestContext, Browser, Route

    if getattr(APIRequestContext.fetch, "is_fenced", False):
        return
    origin, fetch = url, APIRequestContext.fetch

    async def fetched(context: Any, url_or_request: Any, **options: Any) -> Any:
        address = urljoin(origin, url_or_request if isinstance(url_or_request, str) else url_or_request.url)
        most = options.pop("max_redirects", None)
        left = _MOST_REDIRECTS if most is None else most
        _must_stay(address, origin)
        if isinstance(url_or_request, str):
            url_or_request = address  # and not below another address of its context
        answer = await fetch(context, url_or_request, **options, max_redirects=0)
        while left > 0 and answer.status in _REDIRECTS and (place := answer.headers.get("location")):
            address, left = urljoin(answer.url, place), left - 1
            _must_stay(address, origin)
            options.pop("params", None)
            method = options.get("method") or ("GET" if isinstance(url_or_request, str) else url_or_request.method)
            if answer.status == 303 or (answer.status in {301, 302} and method.upper() == "POST"):
                options = {key: value for key, value in options.items() if key not in _BODY} | {"method": "GET"}
            url_or_request = address
            answer = await fetch(context, address, **options, max_redirects=0)
        return answer

    fetched.is_fenced = True  # type: ignore[attr-defined]
    for kind, name, fenced in (
        (APIRequestContext, "fetch", fetched),
        *((APIRequestContext, verb, _by(fetched, verb.upper())) for verb in _VERBS),
        (Route, "fetch", _route(Route.fetch, origin)),
    ):
        setattr(kind, name, fenced)
    ours = {"base_url": origin, "user_agent": user_agent}
    for kind, name in ((Browser, "new_context"), (Browser, "new_page"), (APIRequest, "new_context")):
        setattr(kind, name, _marked(getattr(kind, name), ours, of_browser=kind is Browser))


def _must_stay(address: str, origin: str) -> None:
    """Raises Playwright's error when `address` is another origin's."""
    from playwright.async_api import Error

    fence = PRESENT.get() or Fence(origin)
    if not fence.lets(address):
        raise Error(f"net::ERR_BLOCKED_BY_CLIENT at {origin_of(address)}: another origin than the target's")


def _by(fetched: Callable[..., Any], method: str) -> Callable[..., Any]:
    async def asked(context: Any, url: str, **options: Any) -> Any:
        return await fetched(context, url, **options, method=method)

    return asked


def _route(fetch: Callable[..., Any], origin: str) -> Callable[..., Any]:
    """A route may answer by what it fetched itself; a redirect is then the answer, unless none was to be followed."""

    async def fetched(route: Any, **options: Any) -> Any:
        _must_stay(urljoin(origin, options.get("url") or route.request.url), origin)
        return await fetch(route, **options | {"max_redirects": 0})

    return fetched


def _marked(make: Callable[..., Any], ours: dict[str, str], *, of_browser: bool) -> Callable[..., Any]:
    async def made(maker: Any, **options: Any) -> Any:
        options.pop("proxy", None)  # names would be its to look up, and our rules not be asked
        headers = marking_headers(new_trace_id()) | (options.pop("extra_http_headers", None) or {})
        defaults = ours | ({"service_workers": "block"} if of_browser else {})
        return await make(maker, **defaults | options, extra_http_headers=headers)

    return made
