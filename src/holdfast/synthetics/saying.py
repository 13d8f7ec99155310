"""What a record may say of a step that failed: facts of a fixed grammar, never text of the page.

Playwright's messages quote the page: the value that was found, elements with their hidden fields, and since 1.5x a
snapshot of all that a person or a screen reader sees. So they are parsed for what is of a known kind, and the rest is
dropped. The locator is said by the author's own line (see `holdfast.quoting`), not by the message, which holds values.

    expected to_be_visible within 1 s: no such element       Locator.click: matched 3 elements
    Locator.fill: not done within 5 s: no such element       Page.goto: ERR_CONNECTION_REFUSED
"""

import asyncio
import re
from typing import Final

from playwright.async_api import Error as PlaywrightError
from playwright.async_api import TimeoutError as PlaywrightTimeout

from holdfast.kit.outcome import OutcomeError
from holdfast.wording import HOLE, detail_said, message_of, said, said_of, type_name

_COLOURS: Final = re.compile(r"\x1b\[[0-9;]*m")  # Playwright colours its call logs
_CALL: Final = re.compile(r"(?P<call>[A-Z][A-Za-z]{2,30}\.[a-z_]{2,40}): ")
_EXPECTED: Final = re.compile(r'^  - Expect "(?P<kind>(?:not_)?to_[a-z_]{2,40})"', re.MULTILINE)
_EXPECTED_WITHIN: Final = re.compile(r"^  - Expect \"[a-z_]+\".{0,2000}? with timeout (?P<ms>\d{1,7})ms$", re.MULTILINE)
_TIMEOUT: Final = re.compile(r"Timeout (?P<ms>\d{1,7})ms exceeded")
_MATCHED: Final = re.compile(r"strict mode violation: .{0,4000}? resolved to (?P<count>\d{1,6}) elements")
_NET: Final = re.compile(r"net::(?P<code>ERR_[A-Z0-9_]{2,60})")
_EVENT: Final = re.compile(r'while waiting for event "(?P<event>[a-z]{2,20})"')
_COUNTED: Final = re.compile(r"^Actual value: (?P<count>\d{1,6}) ?$", re.MULTILINE)
_UNNAMED: Final = ("Locator expected", "Page title expected", "Page URL expected", "Page expected")
_ELEMENT_MISSING: Final = "no such element"
# Playwright's own phrases, and what they come to. The first that applies, in this order.
_PHRASES: Final = (
    ("Page crashed", "the page crashed"),
    ("Target crashed", "the page crashed"),
    ("has been closed", "the page or its browser was closed"),
    ("Connection closed", "the browser's driver is gone"),
    ("element(s) not found", _ELEMENT_MISSING),
    ("intercepts pointer events", "something else lies over it"),
    ("element was detached from the DOM", "it left the page meanwhile"),
    ("element is not attached to the DOM", "it left the page meanwhile"),
    ("element is outside of the viewport", "it is outside of the window"),
    ("element is not visible", "it is not visible"),
    ("element is not stable", "it does not stand still"),
    ("element is not enabled", "it is disabled"),
    ("element is not editable", "it cannot be edited"),
    ("Element is not an <input>", "it cannot be typed into"),
    ("Element is not a <select>", "it is no select element"),
    ("Not a checkbox or radio button", "it is neither checkbox nor radio button"),
    ("while parsing css selector", "the selector cannot be read"),
    ("Execution context was destroyed", "the page was left meanwhile"),
)


def error_said(error: BaseException) -> str:
    """What may be said of it, on one line."""
    text = _COLOURS.sub("", message_of(error))
    if isinstance(error, asyncio.CancelledError):
        return "cut off, as its budget was spent"
    if isinstance(error, OutcomeError):
        return f"{error.outcome}: {detail_said(error.detail, error)}" if error.detail else error.outcome
    if isinstance(error, PlaywrightError):
        return _action_said(error, text)
    if isinstance(error, AssertionError) and (expected := _EXPECTED.search(text)):
        named = "" if text.startswith(_UNNAMED) else said_of(text.split("\n", 1)[0], error)
        return (f"{named}: " if named.strip(f"{HOLE} ") else "") + _expectation_said(expected["kind"], text)
    return said(error)


def _action_said(error: PlaywrightError, text: str) -> str:
    call = _CALL.match(text)
    kind = call["call"] if call else type_name(error)
    why = _why(text)
    timeout = _TIMEOUT.search(text.split("\n", 1)[0])
    if isinstance(error, PlaywrightTimeout) and timeout:
        event = _EVENT.search(text.split("\n", 1)[0])
        awaited = f"no {event['event']}" if event else why or ("" if "resolved to" in text else _missing(text))
        return f"{kind}: not done within {_seconds(timeout['ms'])}" + (f": {awaited}" if awaited else "")
    return f"{kind}: {why}" if why else f"{kind}: failed"


def _expectation_said(kind: str, text: str) -> str:
    within = _EXPECTED_WITHIN.search(text)
    # The log ends where the snapshot of the page begins.
    why = _why(text.partition("\nAria snapshot:")[0]) or "it was otherwise"
    if kind.endswith("to_have_count") and (counted := _COUNTED.search(text)):
        why = f"there were {counted['count']}"
    return f"expected {kind}" + (f" within {_seconds(within['ms'])}" if within else "") + f": {why}"


def _why(text: str) -> str:
    """A reason of a known kind; "" when there is none."""
    if matched := _MATCHED.search(text):
        return f"matched {matched['count']} elements"
    if net := _NET.search(text.split("\n", 1)[0]):
        return net["code"]
    return next((meant for phrase, meant in _PHRASES if phrase in text), "")


def _missing(text: str) -> str:
    return _ELEMENT_MISSING if "waiting for get_by_" in text or "waiting for locator(" in text else ""


def _seconds(milliseconds: str) -> str:
    return f"{int(milliseconds) / 1000:g} s"
