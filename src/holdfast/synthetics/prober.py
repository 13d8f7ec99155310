"""Walks journeys when they are due: accounts, browser slots, and one rerun when the browser broke.

In: journeys, their ticks, the shared browser. Out: everything goes into the recording.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from holdfast.kit.account_locks import AccountLocks
from holdfast.kit.accounts import Account, AccountPool
from holdfast.synthetics.browser import SharedBrowser
from holdfast.synthetics.journey import Journey
from holdfast.synthetics.probe_error import ProbeError
from holdfast.synthetics.recording import BROWSER_BROKE, NO_FREE_ACCOUNT, WAITED_FOR_CODE, Recording
from holdfast.synthetics.schedule import MOST_AT_ONCE, Ticks, keep_walking
from holdfast.synthetics.walk import Place, ProbeFailed, Walked, walk

_LOOK_SECONDS: Final = 0.2


@dataclass(frozen=True, slots=True)
class Round:
    """A journey and when it is walked."""

    journey: Journey
    needs_code: bool
    ticks: Ticks


@dataclass(frozen=True, slots=True)
class HeldUp:
    """Seconds for which we, and not the target, kept a walk going on; and by what."""

    seconds: float = 0.0
    reason: str = ""


class Prober:
    """Runs the rounds until their end, or until told to stop."""

    def __init__(
        self,
        browser: SharedBrowser,
        place: Place,
        accounts: AccountPool,
        recording: Recording,
        locks: AccountLocks | None = None,
    ) -> None:
        self._browser = browser
        self._place = place
        self._accounts = accounts
        self._recording = recording
        self._locks = locks
        self._elsewhere = 0  # accounts that another process had at the last look
        self._out = 0  # accounts that are lent
        self._all_coded = accounts.free_at(mfa=False) is None
        self._slots = asyncio.Semaphore(MOST_AT_ONCE)
        self._stopping = asyncio.Event()
        self._leaving = asyncio.Event()

    def stop(self, how: str) -> None:
        """ "drain": finish the walks that go on. "now", "orphaned": cut them off; their clean-up runs all the same."""
        self._stopping.set()
        if how != "drain":
            self._leaving.set()

    async def run(self, rounds: Sequence[Round], patience: float) -> None:
        """Return when the last walk is over. What is still going on `patience` seconds after the last tick could be
        due is cut off, and recorded as unfinished."""
        walking = asyncio.gather(*(self._run_round(each) for each in rounds))
        end = max((each.ticks.end for each in rounds), default=self._place.clock.now())
        cut = asyncio.create_task(self._cut_off(end + patience))
        try:
            await walking
        finally:
            cut.cancel()

    async def _run_round(self, each: Round) -> None:
        name, now = each.journey.name, self._place.clock.now
        last = HeldUp()

        async def walk_once(due: float) -> None:
            nonlocal last
            last = await self._walk_due(each, due)

        def miss(due: float) -> None:
            if each.ticks.times is not None:
                return  # of a number that was asked for none is missed: it is walked later
            if due < now() - last.seconds:
                self._recording.add_missed(name, due, "still_walking")
            else:  # but for us, the walk before it would have been over
                self._recording.add_not_walked(name, due, last.reason, needs_code=each.needs_code)

        await keep_walking(each.ticks, now, self._wait_until, walk_once, miss)

    async def _walk_due(self, each: Round, due: float) -> HeldUp:
        name, now = each.journey.name, self._place.clock.now
        began = now()
        account = await self._account_for(each)
        rested = now() - began
        since = due if each.ticks.times is None else now()
        async with self._slots:
            if self._stopping.is_set():
                self._put_back(account)
                return HeldUp()
            began = now()
            self._recording.add_gauge(f"wait/{name}", due, began - since)
            held = {NO_FREE_ACCOUNT: rested, BROWSER_BROKE: 0.0, WAITED_FOR_CODE: 0.0}
            for attempt in ("rerun", "given_up"):
                if account is None:
                    self._recording.add_not_walked(name, due, NO_FREE_ACCOUNT, needs_code=each.needs_code)
                    break
                generation = self._browser.generation
                found = await walk(each.journey, account, self._browser, self._place, self._leaving)
                self._give_back(name, account, found)
                if isinstance(found, Walked):
                    self._recording.add_walk(found)
                    held[WAITED_FOR_CODE] = found.waited
                    break
                self._recording.add_event("probe_error", now(), name, reason=found.reason, then=attempt)
                goes_on = not self._leaving.is_set() and await self._replaced(name, generation)
                held[BROWSER_BROKE] = now() - began
                if not goes_on or attempt == "given_up":
                    break
                account = self._lease(each)
            return HeldUp(sum(held.values()), max(held, key=held.__getitem__))

    async def _account_for(self, each: Round) -> Account | None:
        """A walk that is one of a number that was asked for waits until an account is free; another one does not: it
        would be late, and the ones after it would be missed."""
        clock = self._place.clock
        while (account := self._lease(each)) is None and each.ticks.times is not None:
            free_at = self._accounts.free_at(self._kind(each))
            if free_at is None and not self._out:
                break  # those that there were could not be set back
            soon = clock.now() + _LOOK_SECONDS
            until = soon if free_at is None else max(free_at, soon) if self._elsewhere else free_at
            if until > each.ticks.end or not await self._wait_until(until):
                break
        return account

    def _lease(self, each: Round) -> Account | None:
        elsewhere = []
        while (account := self._accounts.lease(mfa=self._kind(each))) is not None and not self._is_ours(account):
            elsewhere.append(account)
        for one in reversed(elsewhere):
            self._accounts.put_aside(one, self._place.clock.now() + _LOOK_SECONDS)
        self._elsewhere = len(elsewhere)
        self._out += account is not None
        return account

    def _is_ours(self, account: Account) -> bool:
        """Whether no other process walks with it; then none will, until it is put back."""
        return self._locks is None or self._locks.take(account)

    def _kind(self, each: Round) -> bool | None:
        """No second factor where no code is asked for; unless all accounts have one."""
        return None if self._all_coded and not each.needs_code else each.needs_code

    def _put_back(self, account: Account | None) -> None:
        if account is not None:
            self._out -= 1
            self._accounts.give_back(account)
            if self._locks is not None:
                self._locks.free(account)

    def _give_back(self, journey: str, account: Account, found: Walked | ProbeFailed) -> None:
        """An account that could not be set back is not lent again: its next walk would fail for our fault."""
        if not found.clean_up_error:
            self._put_back(account)
            return
        self._out -= 1
        self._recording.add_event(
            "clean_up_failed", self._place.clock.now(), journey, account=account.index, reason=found.clean_up_error
        )

    async def _replaced(self, journey: str, generation: int) -> bool:
        try:
            await self._browser.replace(generation)
        except ProbeError as error:
            self._recording.add_event(
                "probe_error", self._place.clock.now(), journey, reason=str(error), then="given_up"
            )
            return False
        return True

    async def _wait_until(self, due: float) -> bool:
        """False: stop."""
        try:
            async with asyncio.timeout(max(0.0, due - self._place.clock.now())):
                await self._stopping.wait()
        except TimeoutError:
            return True
        return False

    async def _cut_off(self, at: float) -> None:
        await asyncio.sleep(max(0.0, at - self._place.clock.now()))
        self._leaving.set()
