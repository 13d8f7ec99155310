"""What a journey is given: a page, an account, its mailbox and codes, and steps to put its parts into.

In: what the walk prepared. Out: `StepTaken`s, in order, and whatever was registered as a secret or a clean-up.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Self

from holdfast.clock import Clock
from holdfast.kit.accounts import Account
from holdfast.kit.inbox import Inbox, Message
from holdfast.kit.totp import StepLedger
from holdfast.quoting import path_shown
from holdfast.redaction import Redactor
from holdfast.synthetics.failure import Seen
from holdfast.synthetics.traffic import Traffic
from holdfast.synthetics.vitals import VitalsReader

if TYPE_CHECKING:
    from playwright.async_api import Page

PATIENCE: Final = 5.0  # s for one element, or one expectation of it: Playwright's own default for the latter
_POLL_SECONDS: Final = 0.2
_LEARN_SECONDS: Final = 1.0
_SHORTEST_LEARNED: Final = 6
_PRIVATE_VALUES: Final = """() => {
    const kinds = ['submit', 'button', 'reset', 'image', 'checkbox', 'radio'];
    const fields = [...document.querySelectorAll('input, textarea')].filter(one => !kinds.includes(one.type));
    const shown = [...document.querySelectorAll('[data-private]')].map(one => one.innerText);
    const metas = [...document.querySelectorAll('meta[name*=csrf i], meta[name*=token i]')].map(one => one.content);
    const kept = store => { try { return Object.values(store()) } catch { return [] } };
    const stored = [...kept(() => localStorage), ...kept(() => sessionStorage)];
    return [...fields.map(one => one.value), ...shown, ...metas, ...stored].filter(Boolean).slice(0, 200);
}"""
_CUT_AFTER: Final = 0.25  # past the budget: Playwright's own time-outs come first, and say what they waited for


@dataclass(frozen=True, slots=True)
class StepTaken:
    """A step that was reached. `duration` leaves out what only a test has to wait for."""

    name: str
    at: float  # seconds since the epoch
    duration: float
    error: BaseException | None = None
    seen: Seen = field(default_factory=Seen)
    awaiting: str = ""  # what the visit itself was waiting for when the step ended: "message"
    vitals: Mapping[str, float] = field(default_factory=dict)

    @property
    def end(self) -> float:
        return self.at + self.duration


class Deadline:
    """The walk's budget: `asyncio.timeout`, put off by what does not count."""

    def __init__(self, budget: float) -> None:
        self._timeout = asyncio.timeout(budget + _CUT_AFTER)

    async def __aenter__(self) -> Self:
        await self._timeout.__aenter__()
        return self

    async def __aexit__(self, *raised: object) -> None:
        await self._timeout.__aexit__(*raised)  # type: ignore[arg-type]

    @property
    def passed(self) -> bool:
        return self._timeout.expired()

    @property
    def left(self) -> float:
        """Seconds of the budget."""
        when = self._timeout.when()
        return 0.0 if when is None else max(0.0, when - _CUT_AFTER - asyncio.get_running_loop().time())

    def put_off(self, seconds: float) -> None:
        when = self._timeout.when()
        if when is not None and not self._timeout.expired():
            self._timeout.reschedule(when + seconds)


class Visit:
    """One walk of one journey by one account. Made by the runner."""

    def __init__(
        self,
        page: "Page",
        account: Account,
        *,
        inbox: Inbox | None,
        ledger: StepLedger,
        clock: Clock,
        redactor: Redactor,
        traffic: Traffic,
        deadline: Deadline,
    ) -> None:
        self.account = account
        self.steps: list[StepTaken] = []
        self.delivery: list[float] = []
        self.clean_ups: list[Callable[[], Awaitable[object]]] = []
        self.waited = 0.0
        self._page = page
        self._inbox = inbox
        self._ledger = ledger
        self._clock = clock
        self._redactor = redactor
        self._traffic = traffic
        self._deadline = deadline
        self._vitals = VitalsReader()
        self._began = clock.now()
        self._read_until = self._began
        self._known_messages: set[str] = set()
        self._awaiting = ""

    # ── for journeys ──

    @property
    def page(self) -> "Page":
        """Playwright's page; paths are relative to the target: `visit.page.goto("/sign-in")`."""
        return self._page

    @property
    def inbox(self) -> Inbox:
        """The mailbox behind `message`. Raises RuntimeError when the target names no outbox."""
        if self._inbox is None:
            raise RuntimeError("this target has no outbox: name its outbox_url in holdfast.yaml")
        return self._inbox

    @asynccontextmanager
    async def step(self, name: str) -> AsyncIterator[None]:
        """A named, timed part of the journey. The first one that raises ends the walk, and says why it failed.

        In it an action or expectation waits 5 s at most, unless it says otherwise (`timeout=` in ms), and the opening
        of a page as long as the budget lasts.
        """
        self._traffic.next_step()
        left = max(self._deadline.left, 0.001)
        self._page.set_default_navigation_timeout(left * 1000)
        self._page.set_default_timeout(min(left, PATIENCE) * 1000)
        at, waited, self._awaiting = self._clock.now(), self.waited, ""
        try:
            yield
        except BaseException as error:
            duration = self._clock.now() - at - (self.waited - waited)
            self.steps.append(StepTaken(name, at, duration, error, self._traffic.seen(), self._awaiting))
            raise
        duration = self._clock.now() - at - (self.waited - waited)
        async with self._uncounted():
            vitals = await self._vitals.read(self._page)
            await self.register_cookies()
        self.steps.append(StepTaken(name, at, duration, vitals=vitals))

    async def code(self) -> str:
        """The account's one-time code. A code is accepted once, so an account that has used the present one waits for
        the next: up to 30 s, which neither the step's time nor the budget counts. Raises RuntimeError for an account
        without a second factor."""
        if self.account.totp_secret is None:
            raise RuntimeError(f"account {self.account.index} has no second factor")
        turn = self._ledger.next_code(self.account.totp_secret, self._clock.now())
        self._redactor.add(turn.code)
        if turn.wait > 0:
            async with self._uncounted(turn.wait):
                await asyncio.sleep(turn.wait)
        return turn.code

    async def message(self, kind: str) -> Message:
        """The next message of a kind ("password_reset") to this account, not returned before, sent since the visit
        began. Its delivery counts, to the step and to the budget; it is recorded apart as well."""
        asked, self._awaiting = self._clock.now(), "message"
        while True:
            message = await asyncio.to_thread(self.inbox.newest, self.account.email, self._read_until)
            if message is not None and message.kind == kind and message.id not in self._known_messages:
                break
            await asyncio.sleep(_POLL_SECONDS)
        self._awaiting = ""
        self._known_messages.add(message.id)
        self._read_until = message.at
        self._redactor.add(message.token)
        self.delivery.append(self._clock.now() - asked)
        return message

    def new_password(self) -> str:
        """A strong password nobody has; kept out of every artifact."""
        return self.secret(f"Aa1-{secrets.token_urlsafe(12)}")

    def secret(self, value: str) -> str:
        """Register a value that must stand in no artifact; returns it."""
        self._redactor.add(value)
        return value

    def clean_up(self, work: Callable[..., Awaitable[object]], *arguments: object) -> None:
        """Run `await work(*arguments)` when the walk is over, however it ended. The last registered runs first.

        Register it before the change it takes back: a step that failed may have changed things all the same.
        """
        self.clean_ups.append(lambda: work(*arguments))

    # ── for the runner ──

    async def register_cookies(self) -> None:
        """Cookies are the target's making; learn them before anything is written."""
        with suppress(Exception):
            self._redactor.add(*(cookie.get("value", "") for cookie in await self._page.context.cookies()))

    async def register_page(self) -> None:
        """What the page holds that nobody told us: its fields, hidden ones too, what it calls private, and what it
        stores. Learned before anything is written of a walk that failed, which is when its time is over."""
        with suppress(Exception):
            async with asyncio.timeout(_LEARN_SECONDS):
                found = await self._page.evaluate(_PRIVATE_VALUES)
            self._redactor.add(*(value for value in found if len(value) >= _SHORTEST_LEARNED and not _is_word(value)))

    def move_to(self, page: "Page") -> None:
        """Go on in another page: the clean-up of a walk whose browser died."""
        self._page = page

    @asynccontextmanager
    async def _uncounted(self, expected: float = 0.0) -> AsyncIterator[None]:
        """What happens inside is no part of the step's time nor of the budget; `expected` seconds of it are known."""
        began = self._clock.now()
        self._deadline.put_off(expected)
        try:
            yield
        finally:
            took = self._clock.now() - began
            self.waited += took
            self._deadline.put_off(took - expected)


def _is_word(value: str) -> bool:
    """A plain word or the path of a page: no secret, and to hide it would shred the record."""
    return path_shown(value) == value
