"""Why a step failed, in the words of the record: an outcome, and a detail of few kinds.

In: what the journey raised, and what the browser saw of the target at that moment. Out: a `Cause`.

    the browser died                            ProbeError: ours, never the target's, so never a sample
    net::ERR_… on the way to a page             transport_error   ERR_CONNECTION_REFUSED, …
    the page led away from the target's origin  failed            other_origin
    the page or a call of it answered 429       rate_limited      429
    … answered 5xx, or the page another 4xx     failed, rejected  503, 404, …
    a request still had no answer               timed_out         no_answer
    the walk's budget ran out                   timed_out         over_budget (no_message: waiting for one)
    the page is there, the element is not       failed            missing_element, not_as_expected, ambiguous_locator

The order is the precedence: an element is missing *because* the page said 503, so the 503 is what is recorded.
"""

import asyncio
import re
from dataclasses import dataclass
from typing import Final

from playwright.async_api import Error as PlaywrightError
from playwright.async_api import TimeoutError as PlaywrightTimeout

from holdfast.kit.outcome import OutcomeError
from holdfast.record.sample import FAILED, RATE_LIMITED, REJECTED, TIMED_OUT, TRANSPORT_ERROR
from holdfast.synthetics.probe_error import ProbeError
from holdfast.wording import detail_said, message_of, type_name

OVER_BUDGET: Final = "over_budget"
_NET_ERROR: Final = re.compile(r"net::(ERR_[A-Z0-9_]+)")
# Chromium gives up by itself on these: nobody answered.
_NO_ANSWER: Final = frozenset({"ERR_CONNECTION_TIMED_OUT", "ERR_TIMED_OUT"})
_QUIET_SECONDS: Final = 1.0
BLOCKED: Final = "ERR_BLOCKED_BY_CLIENT"  # by us: see marking
# Of the browser, a page or the driver's own process. After the call, where a script's error has its own text.
_BROWSER_GONE: Final = re.compile(
    r"(?:[A-Z]\w{2,30}\.\w{2,40}: )?(?:Target|Page|Browser|Connection)\b[\w ,]{0,60}\b(?:closed|crashed)\b"
)


@dataclass(frozen=True, slots=True)
class Seen:
    """What the browser saw of the target, when asked."""

    waiting: bool = False  # a page or a call of it has been asked for and not answered
    page_status: int | None = None  # of the page that is shown
    call_status: int | None = None  # the last 429 or 5xx of a script's call in this step
    quiet: float = 0.0  # seconds since anything of it was asked or answered
    net_error: str = ""  # why the last page could not be had: "ERR_CONNECTION_REFUSED"


@dataclass(frozen=True, slots=True)
class Cause:
    """An outcome of the record, and its low-cardinality detail."""

    outcome: str
    detail: str


def is_probe_error(error: BaseException) -> bool:
    """Whether it tells of a dead browser, page or driver. Holdfast itself closes them only after the walk."""
    if isinstance(error, ProbeError):
        return True
    # Any other's text may quote the page, which may say anything. The driver's end is a plain Exception.
    if not isinstance(error, PlaywrightError) and type(error) is not Exception:
        return False
    return _BROWSER_GONE.match(message_of(error)) is not None


def net_error_of(text: str) -> str:
    """ "…net::ERR_CONNECTION_REFUSED at http://…" → "ERR_CONNECTION_REFUSED"; "" when there is none.

    ERR_ABORTED is none: a page left before it came.
    """
    found = _NET_ERROR.search(text)
    return found[1] if found and found[1] != "ERR_ABORTED" else ""


def cause_of(error: BaseException, seen: Seen, awaiting: str = "") -> Cause:
    """Why a step that raised `error` failed. `awaiting`: what the visit itself waited for ("message"), if anything."""
    if isinstance(error, OutcomeError):
        return Cause(error.outcome, detail_said(error.detail, error))
    return _cause_on_the_way(error, seen) or _cause_of_waiting(error, seen, awaiting) or _cause_on_the_page(error)


def _cause_on_the_way(error: BaseException, seen: Seen) -> Cause | None:
    # An assertion's text quotes the page, which may say anything.
    net_error = (net_error_of(message_of(error)) if isinstance(error, PlaywrightError) else "") or seen.net_error
    if BLOCKED in {net_error, seen.net_error}:  # a redirect elsewhere is a name that is not found, to the browser
        return Cause(FAILED, "other_origin")
    if net_error:
        return Cause(TIMED_OUT, "no_answer") if net_error in _NO_ANSWER else Cause(TRANSPORT_ERROR, net_error)
    status = _bad_status(seen)
    return None if status is None else Cause(_outcome_of_status(status), str(status))


def _cause_of_waiting(error: BaseException, seen: Seen, awaiting: str) -> Cause | None:
    cut_off = isinstance(error, asyncio.CancelledError | TimeoutError)  # by the budget
    if cut_off and awaiting:
        return Cause(TIMED_OUT, f"no_{awaiting}")
    if seen.waiting:
        return Cause(TIMED_OUT, "no_answer")
    if not cut_off:
        return None
    # Nothing was under way any more: what the journey waited for would not have come in a longer budget either.
    return Cause(FAILED, "missing_element") if seen.quiet >= _QUIET_SECONDS else Cause(TIMED_OUT, OVER_BUDGET)


def _cause_on_the_page(error: BaseException) -> Cause:
    text = message_of(error)
    if isinstance(error, PlaywrightTimeout):
        # Page.goto, wait_for_url, … wait for the target; an action waits for its element.
        navigating = text.startswith("Page.") and "waiting for get_by" not in text and "waiting for locator" not in text
        return Cause(TIMED_OUT, "no_answer") if navigating else Cause(FAILED, "missing_element")
    if isinstance(error, AssertionError):
        return Cause(FAILED, "not_as_expected")
    if isinstance(error, PlaywrightError):
        return Cause(FAILED, "ambiguous_locator" if "strict mode violation" in text else "browser_refused")
    return Cause(FAILED, type_name(error))


def _bad_status(seen: Seen) -> int | None:
    if seen.page_status is not None and seen.page_status >= 400:
        return seen.page_status
    return seen.call_status


def _outcome_of_status(status: int) -> str:
    if status == 429:
        return RATE_LIMITED
    return FAILED if status >= 500 else REJECTED
