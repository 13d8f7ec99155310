"""Of what Playwright raises, facts of a known kind are said, and nothing of the page."""

import asyncio

import pytest
from playwright.async_api import Error
from playwright.async_api import TimeoutError as PlaywrightTimeout

from holdfast.synthetics.saying import error_said

SNAPSHOT = '\n\nAria snapshot:\n- textbox "Name": Ann Canary\n- text: element is not visible +49 171 555'
HEADING = (
    "Locator expected to be visible\nActual value: None\nError: element(s) not found \nCall log:\n"
    '  - Expect "to_be_visible" get_by_role("heading", name="Ann Canary") with timeout 1500ms\n'
    '  - waiting for get_by_role("heading", name="Ann Canary")' + SNAPSHOT
)
LOG = HEADING.partition("\n")[2]
VALUE = (
    "Locator expected to have Value 'nothing'\nActual value: Ann Canary \nCall log:\n"
    '  - Expect "to_have_value" get_by_label("Name") with timeout 5000ms\n'
    '    6 × locator resolved to <input name="name" value="Ann Canary"/>\n      - unexpected value "Ann Canary"'
    + SNAPSHOT
)
COUNT = (
    "Locator expected to have count '7'\nActual value: 3 \nCall log:\n"
    '  - Expect "to_have_count" locator("input") with timeout 300ms\n    6 × locator resolved to 3 elements'
)
STRICT = (
    'Locator.click: Error: strict mode violation: locator("button") resolved to 2 elements:\n'
    '    1) <input name="csrf" value="Canary-Csrf"/> aka locator("x")\n\nCall log:\n  - waiting for locator("button")\n'
)
HIDDEN_FIELD = (
    'Locator.click: Timeout 5000ms exceeded.\nCall log:\n  - waiting for locator("input")\n'
    '    - locator resolved to <input type="hidden" value="Canary-Csrf"/>\n      - element is not visible\n'
)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (asyncio.CancelledError(), "cut off, as its budget was spent"),
        (AssertionError(HEADING), "expected to_be_visible within 1.5 s: no such element"),
        (AssertionError(VALUE), "expected to_have_value within 5 s: it was otherwise"),
        (AssertionError(COUNT), "expected to_have_count within 0.3 s: there were 3"),
        (Error(STRICT), "Locator.click: matched 2 elements"),
        (PlaywrightTimeout(HIDDEN_FIELD), "Locator.click: not done within 5 s: it is not visible"),
        (
            PlaywrightTimeout('Locator.fill: Timeout 300ms exceeded.\nCall log:\n  - waiting for get_by_label("A")'),
            "Locator.fill: not done within 0.3 s: no such element",
        ),
        (Error("Page.evaluate: Error: form <form>Canary</form>\n    at eval"), "Page.evaluate: failed"),
        (
            Error("Page.goto: net::ERR_CONNECTION_REFUSED at http://x/reset/canary?x=1\nCall log:\n"),
            "Page.goto: ERR_CONNECTION_REFUSED",
        ),
        (
            PlaywrightTimeout('Page.expect_popup: Timeout 300ms exceeded while waiting for event "popup"\n===='),
            "Page.expect_popup: not done within 0.3 s: no popup",
        ),
        (
            Error("Page.goto: Target page, context or browser has been closed"),
            "Page.goto: the page or its browser was closed",
        ),
        (Error("Ann Canary"), "Error: failed"),
        (AssertionError("the page said Ann Canary"), "AssertionError"),
        (AssertionError(f"Ann Canary\n{LOG}"), "expected to_be_visible within 1.5 s: no such element"),
    ],
)  # fmt: skip
def test_only_facts_are_said(error, said):
    assert error_said(error) == said


def test_the_message_that_an_author_gave_to_an_expectation_is_said():
    def expect(message):
        raise AssertionError(f"{message}\n{LOG}")

    with pytest.raises(AssertionError) as raised:
        expect("the balance must be shown")
    assert error_said(raised.value) == "the balance must be shown: expected to_be_visible within 1.5 s: no such element"
