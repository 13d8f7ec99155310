"""What the browser sees of the target while a walk goes on: is an answer outstanding, and what was the last one?

A missing element alone cannot tell a slow target from a changed page; this can.
"""

import asyncio
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from holdfast.record.sample import FAILED, RATE_LIMITED, TRANSPORT_ERROR
from holdfast.synthetics.error_code import error_code_in
from holdfast.synthetics.failure import BLOCKED, Seen, net_error_of

if TYPE_CHECKING:
    from playwright.async_api import Page, Request, Response

_AUTHENTICATING: Final = frozenset({"authorization", "x-api-key", "x-csrf-token", "x-xsrf-token", "x-auth-token"})
_FIRST_ERROR: Final = 400
_FIRST_OF_SERVER: Final = 500
_TOO_MANY: Final = 429
_BODY_SECONDS: Final = 1.0
_CALLS: Final = frozenset({"xhr", "fetch"})


class Traffic:
    """Listens to one page, from before its first request until its context is closed."""

    def __init__(
        self,
        page: "Page",
        learn: Callable[[str], None] = lambda _: None,
        is_ours: Callable[[str], bool] = lambda _: True,
    ) -> None:
        """`learn` is given what scripts authenticate themselves with: a secret. `is_ours`: whether an address is the
        target's."""
        self._page = page
        self._learn = learn
        self._is_ours = is_ours
        self._outstanding: set[Request] = set()
        self._page_status: int | None = None
        self._call_status: int | None = None
        self._net_error = ""
        self._bad: Response | None = None  # the last page or call that was answered with an error
        self._last = time.monotonic()
        self.crashed = False
        self.has_answered = False  # whether the target ever did
        self.went_wrong: set[str] = set()  # outcomes of the target's pages and calls that no customer would be glad of
        page.on("request", self._asked)
        page.on("response", self._answered)
        page.on("requestfinished", self._ended)
        page.on("requestfailed", self._failed)
        page.on("crash", self._crash)

    def seen(self) -> Seen:
        quiet = time.monotonic() - self._last
        return Seen(bool(self._outstanding), self._page_status, self._call_status, quiet, self._net_error)

    async def error_code(self, status: int) -> str:
        """What the last answer of this status calls its error; "" when it names none, or is not there any more."""
        answer = self._bad
        if answer is None or answer.status != status:
            return ""
        try:
            async with asyncio.timeout(_BODY_SECONDS):
                return error_code_in(await answer.text())
        except Exception:  # noqa: BLE001  a redirect's body, a page that is gone: no code is known then
            return ""

    def next_step(self) -> None:
        """Calls that failed in an earlier step, which ended well all the same, explain nothing from now on."""
        self._call_status = None

    def _asked(self, request: "Request") -> None:
        self._last = time.monotonic()
        if self._is_page(request):
            # A new page is asked for: whatever the old one still wanted is dropped with it.
            self._outstanding = {request}
            self._net_error = ""
        elif request.resource_type in _CALLS:
            self._outstanding.add(request)
            headers = request.headers
            for name in _AUTHENTICATING & headers.keys():
                self._learn(headers[name].split(" ", 1)[-1])

    def _answered(self, response: "Response") -> None:
        request, status = response.request, response.status
        is_page, is_call = self._is_page(request), request.resource_type in _CALLS
        outcome = RATE_LIMITED if status == _TOO_MANY else FAILED if status >= _FIRST_OF_SERVER else ""
        if status >= _FIRST_ERROR and (is_page or is_call):
            self._bad = response
        self.has_answered = self.has_answered or request.url.startswith("http")
        if is_page:
            self._outstanding.discard(request)
            if not 300 <= status < 400:
                self._page_status = status
        elif is_call and outcome:
            self._call_status = status
        if outcome and (is_page or is_call) and self._is_ours(request.url):
            self.went_wrong.add(outcome)

    def _ended(self, request: "Request") -> None:
        self._last = time.monotonic()
        self._outstanding.discard(request)

    def _failed(self, request: "Request") -> None:
        self._last = time.monotonic()
        self._outstanding.discard(request)
        is_page, ours, error = self._is_page(request), self._is_ours(request.url), net_error_of(request.failure or "")
        if is_page:
            self._net_error = error if ours else BLOCKED
        if ours and error not in {"", BLOCKED} and (is_page or request.resource_type in _CALLS):
            self.went_wrong.add(TRANSPORT_ERROR)

    def _crash(self, _page: "Page") -> None:
        self.crashed = True

    def _is_page(self, request: "Request") -> bool:
        return request.is_navigation_request() and request.frame == self._page.main_frame
