"""One walk of one journey: a fresh context, the steps, the evidence, the clean-up.

In: a journey, an account, the shared browser. Out: `Walked`, what the target did; or `ProbeFailed`, when it was the
browser that broke, which says nothing about the target and must not be recorded as if it did.

A walk over its budget is `timed_out`, detail `over_budget`: the budget is how long a visitor would wait, so past it
the visitor has left and what the page would have said later helped nobody. It is cut off there, which also bounds how
long a walk can hold the browser.
"""

import asyncio
import inspect
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from holdfast.clock import Clock
from holdfast.kit.accounts import Account
from holdfast.kit.inbox import Inbox
from holdfast.kit.totp import StepLedger
from holdfast.record.sample import FAILED_INSIDE, NO_REQUEST, OK, TIMED_OUT, UNFINISHED
from holdfast.redaction import HIDDEN, Redactor
from holdfast.synthetics.browser import SharedBrowser
from holdfast.synthetics.evidence import Failure, journey_line, keep_evidence, safe_text
from holdfast.synthetics.failure import OVER_BUDGET, Cause, cause_of, is_probe_error
from holdfast.synthetics.fence import PRESENT, Fence
from holdfast.synthetics.journey import Journey
from holdfast.synthetics.marking import marked_user_agent, marking_headers, new_trace_id, other_origins
from holdfast.synthetics.probe_error import ProbeError
from holdfast.synthetics.traffic import Traffic
from holdfast.synthetics.visit import Deadline, StepTaken, Visit
from holdfast.synthetics.vitals import OBSERVER
from holdfast.wording import type_name

if TYPE_CHECKING:
    from playwright.async_api import BrowserContext, Page, Route

CLEAN_UP_SECONDS: Final = 15.0  # for each thing to take back
_CLOSE_SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True)
class Place:
    """Where walks happen: the same for all of a run. `verify`: whether TLS certificates are. `secrets`: what must stand
    in no artifact, whoever walks."""

    url: str
    marker: str
    verify: bool
    inbox: Inbox | None
    ledger: StepLedger
    clock: Clock
    evidence: Path
    secrets: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class Walked:
    """What a walk found. Times in seconds; a step that was not reached is not among the steps."""

    journey: str
    at: float
    duration: float
    cause: Cause
    steps: tuple[tuple[StepTaken, Cause], ...]
    trace_id: str
    delivery: tuple[float, ...] = ()
    failure: Failure | None = None
    evidence: tuple[Path, ...] = ()
    clean_up_error: str = ""
    refused: tuple[str, ...] = ()  # other origins that the browser was not let go to
    waited: float = 0.0  # beside the duration, for what is ours: the next one-time code


@dataclass(frozen=True, slots=True)
class ProbeFailed:
    """The browser broke; nothing is known about the target."""

    reason: str
    clean_up_error: str = ""


async def walk(
    journey: Journey, account: Account, browser: SharedBrowser, place: Place, leave: asyncio.Event
) -> Walked | ProbeFailed:
    """Walk once. `leave`: when set, the walk is cut off and counts as unfinished; its clean-up runs all the same."""
    trace_id, generation, fence = new_trace_id(), browser.generation, Fence(place.url)
    redactor = Redactor(account.email, account.password, account.totp_secret or "", *place.secrets)
    try:
        context, page = await _open_page(browser, place, trace_id, fence)
    except ProbeError as error:
        return ProbeFailed(str(error))
    PRESENT.set(fence)  # of this task and those that it starts
    try:
        deadline, traffic = Deadline(journey.settings.budget), Traffic(page, redactor.add, fence.lets)
        visit = Visit(
            page,
            account,
            inbox=place.inbox,
            ledger=place.ledger,
            clock=place.clock,
            redactor=redactor,
            traffic=traffic,
            deadline=deadline,
        )
        at = place.clock.now()
        raised = await _steps_taken(journey, visit, deadline, leave)
        waited = visit.waited
        duration = place.clock.now() - at - waited
        if raised is not None and (traffic.crashed or not browser.alive or is_probe_error(raised)):
            reason = safe_text(raised, redactor)
            return ProbeFailed(reason, await _clean_up(visit, browser, place, trace_id, generation))
        steps = tuple((step, _cause_of_step(step, leave)) for step in visit.steps)
        cause = _cause_of_walk(steps, raised, duration, journey.settings.budget, leave)
        if cause.outcome == OK:
            cause = Cause(OK, _doubt(traffic, journey.settings.expect))
        walked = Walked(journey.name, at, duration, cause, steps, trace_id, tuple(visit.delivery), waited=waited)
        if cause.outcome not in {OK, UNFINISHED}:
            await visit.register_cookies()
            await visit.register_page()
            failure = _failure(journey, walked, raised, account, redactor, browser.name)
            if failure.status is not None:
                code = redactor.redact(await traffic.error_code(failure.status))
                failure = replace(failure, error_code="" if HIDDEN in code else code)
            evidence = await _evidence(page, failure, place, redactor)
            walked = replace(walked, failure=failure, evidence=evidence)
        wrong = await _clean_up(visit, browser, place, trace_id, generation)
        return replace(walked, clean_up_error=wrong, refused=fence.refused)
    finally:
        await _close(context)


def _doubt(traffic: Traffic, meant: Collection[str]) -> str:
    """Why a walk that came to its end proves nothing of the target; "" where it does, or where that is meant."""
    if not traffic.has_answered and NO_REQUEST not in meant:
        return NO_REQUEST
    return FAILED_INSIDE if traffic.went_wrong - set(meant) else ""


def _failure(
    journey: Journey, walked: Walked, raised: BaseException | None, account: Account, redactor: Redactor, browser: str
) -> Failure:
    step = next((step for step, cause in walked.steps if cause.outcome != OK), None)
    # A walk cut off by its budget was raised a bare time-out; the step knows what it was doing.
    error = raised if step is None else step.error
    return Failure(
        journey=walked.journey,
        step=step.name if step else "",
        at=round(walked.at + walked.duration, 3),
        outcome=walked.cause.outcome,
        detail=walked.cause.detail,
        error=safe_text(error, redactor) if error else "",
        line=journey_line(error, inspect.getfile(journey.walk), redactor) if error else "",
        account=account.index,
        trace_id=walked.trace_id,
        browser=browser,
        status=int(walked.cause.detail) if walked.cause.detail.isascii() and walked.cause.detail.isdigit() else None,
    )


async def _open_page(
    browser: SharedBrowser, place: Place, trace_id: str, fence: Fence
) -> "tuple[BrowserContext, Page]":
    context = await browser.open_context(
        base_url=place.url,
        user_agent=marked_user_agent(browser.user_agent, place.marker),
        extra_http_headers=marking_headers(trace_id),
        service_workers="block",  # their requests pass by the route below
        accept_downloads=False,
        ignore_https_errors=not place.verify,
    )
    try:
        async with asyncio.timeout(CLEAN_UP_SECONDS):
            fence.watch(context)
            await context.route(other_origins(place.url), _block)
            await context.add_init_script(OBSERVER)
            return context, await context.new_page()
    except Exception as error:
        await _close(context)
        raise ProbeError(f"the browser opens no page: {type(error).__name__}") from error


async def _block(route: "Route") -> None:
    await route.abort("blockedbyclient")


async def _steps_taken(
    journey: Journey, visit: Visit, deadline: Deadline, leave: asyncio.Event
) -> BaseException | None:
    """Walk, within the budget; what was raised, if anything."""

    async def within_budget() -> BaseException | None:
        try:
            async with deadline:
                await journey.walk(visit)
        except (SystemExit, KeyboardInterrupt) as error:  # raised, they would end this process and say their text
            return error
        return None

    walking = asyncio.create_task(within_budget())
    leaving = asyncio.create_task(leave.wait())
    try:
        await asyncio.wait({walking, leaving}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        leaving.cancel()
        walking.cancel()  # nothing when it is done
    (raised,) = await asyncio.gather(walking, return_exceptions=True)
    return raised


def _cause_of_step(step: StepTaken, leave: asyncio.Event) -> Cause:
    if step.error is None:
        return Cause(OK, "")
    if isinstance(step.error, asyncio.CancelledError) and leave.is_set():
        return Cause(UNFINISHED, "")
    return cause_of(step.error, step.seen, step.awaiting)


def _cause_of_walk(
    steps: tuple[tuple[StepTaken, Cause], ...],
    error: BaseException | None,
    duration: float,
    budget: float,
    leave: asyncio.Event,
) -> Cause:
    """The first step that failed decides: what comes after it is a consequence."""
    for _, cause in steps:
        if cause.outcome != OK:
            return cause
    if isinstance(error, asyncio.CancelledError) and leave.is_set():
        return Cause(UNFINISHED, "")
    if duration > budget or isinstance(error, TimeoutError):
        return Cause(TIMED_OUT, OVER_BUDGET)
    if error is not None:
        return cause_of(error, steps[-1][0].seen) if steps else cause_of(error, StepTaken("", 0.0, 0.0).seen)
    return Cause(OK, "")


async def _evidence(page: "Page", failure: Failure, place: Place, redactor: Redactor) -> tuple[Path, ...]:
    try:
        return await keep_evidence(page, failure, place.evidence, redactor)
    except OSError:  # a full disk must not turn a measured failure into none
        return ()


async def _clean_up(visit: Visit, browser: SharedBrowser, place: Place, trace_id: str, generation: int) -> str:
    """Run the clean-ups, the last registered first, all of them; "" or what went wrong first, without secrets."""
    if not visit.clean_ups:
        return ""
    context: BrowserContext | None = None
    if not browser.alive or browser.generation != generation or visit.page.is_closed():
        try:
            await browser.replace(generation)
            context, page = await _open_page(browser, place, trace_id, Fence(place.url))
        except ProbeError as error:
            return f"no browser to clean up with: {error}"
        visit.move_to(page)
    wrong = ""
    visit.page.set_default_timeout(CLEAN_UP_SECONDS * 1000)
    visit.page.set_default_navigation_timeout(CLEAN_UP_SECONDS * 1000)
    for work in reversed(visit.clean_ups):
        try:
            async with asyncio.timeout(CLEAN_UP_SECONDS):
                await work()
        except Exception as error:  # noqa: BLE001  the other clean-ups must run
            wrong = wrong or type_name(error)
    if context is not None:
        await _close(context)
    return wrong


async def _close(context: Any) -> None:
    with suppress(Exception):
        async with asyncio.timeout(_CLOSE_SECONDS):
            await context.close()
