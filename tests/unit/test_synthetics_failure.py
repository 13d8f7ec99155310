"""Why a step failed: what the browser saw of the target goes before what the journey raised."""

import asyncio

import pytest
from playwright.async_api import Error
from playwright.async_api import TimeoutError as PlaywrightTimeout

from holdfast.kit.answered import UnansweredError
from holdfast.kit.inbox import Inbox
from holdfast.kit.outcome import OutcomeError, failed
from holdfast.synthetics.failure import Cause, ProbeError, Seen, cause_of, is_probe_error, net_error_of

MISSING = PlaywrightTimeout('Locator.fill: Timeout 5000ms exceeded.\nCall log:\n  - waiting for get_by_label("X")')
SLOW = PlaywrightTimeout('Page.goto: Timeout 8000ms exceeded.\nCall log:\n  - navigating to "http://x/"')


@pytest.mark.parametrize(
    ("error", "seen", "cause"),
    [
        (MISSING, Seen(), Cause("failed", "missing_element")),
        (MISSING, Seen(waiting=True), Cause("timed_out", "no_answer")),
        (MISSING, Seen(page_status=503), Cause("failed", "503")),
        (MISSING, Seen(page_status=404), Cause("rejected", "404")),
        (MISSING, Seen(page_status=429, waiting=True), Cause("rate_limited", "429")),
        (MISSING, Seen(page_status=200, call_status=500), Cause("failed", "500")),
        (MISSING, Seen(net_error="ERR_CONNECTION_RESET"), Cause("transport_error", "ERR_CONNECTION_RESET")),
        (MISSING, Seen(net_error="ERR_BLOCKED_BY_CLIENT"), Cause("failed", "other_origin")),
        (SLOW, Seen(), Cause("timed_out", "no_answer")),
        (
            Error("Page.goto: net::ERR_CONNECTION_REFUSED at http://x/"),
            Seen(),
            Cause("transport_error", "ERR_CONNECTION_REFUSED"),
        ),
        (Error("Page.goto: net::ERR_CONNECTION_TIMED_OUT at http://x/"), Seen(), Cause("timed_out", "no_answer")),
        (Error("Locator.click: Error: strict mode violation: …"), Seen(), Cause("failed", "ambiguous_locator")),
        (AssertionError("Locator expected to be visible"), Seen(), Cause("failed", "not_as_expected")),
        (AssertionError("Locator expected to be visible"), Seen(waiting=True), Cause("timed_out", "no_answer")),
        (asyncio.CancelledError(), Seen(), Cause("timed_out", "over_budget")),
        (asyncio.CancelledError(), Seen(waiting=True), Cause("timed_out", "no_answer")),
        (asyncio.CancelledError(), Seen(quiet=3.0), Cause("failed", "missing_element")),
        (KeyError("x"), Seen(page_status=200), Cause("failed", "KeyError")),
    ],
)
def test_the_cause(error, seen, cause):
    assert cause_of(error, seen) == cause


def outcome_of(detail):
    with pytest.raises(OutcomeError) as raised:
        raise failed(detail)
    return cause_of(raised.value, Seen())


def test_an_outcome_that_the_journey_states_is_it_and_its_detail_is_said_where_it_is_written_out():
    with pytest.raises(OutcomeError) as raised:
        raise OutcomeError("transport_error", "outbox_unreachable")
    assert cause_of(raised.value, Seen()) == Cause("transport_error", "outbox_unreachable")
    assert outcome_of("Ann Lee, ann@example.test") == Cause("failed", "unnamed")
    assert outcome_of("503") == Cause("failed", "503")


@pytest.mark.parametrize(
    ("wrong", "detail"),
    [
        (UnansweredError("redirected", "it redirects elsewhere"), "outbox_redirects_elsewhere"),
        (UnansweredError("mistrusted", "its certificate has expired"), "outbox_not_trusted"),
        (UnansweredError("refused", "nothing listens"), "outbox_unreachable"),
        (ConnectionResetError("gone"), "outbox_unreachable"),
    ],
)
def test_what_an_outbox_did_wrong_is_named_when_it_raises_it_itself(wrong, detail):
    def fetch(_):
        raise wrong

    with pytest.raises(OutcomeError) as raised:
        Inbox("http://127.0.0.1:9", fetch).newest("somebody@example.test", 0.0)
    assert cause_of(raised.value, Seen()) == Cause("transport_error", detail)


def test_what_a_page_says_of_the_net_is_no_error_of_it():
    quoted = AssertionError("Locator expected to be visible\nAria snapshot:\n- text: net::ERR_SAID_THE_PAGE")
    assert cause_of(quoted, Seen()) == Cause("failed", "not_as_expected")


def test_a_walk_cut_off_while_it_waited_for_a_message_says_so():
    assert cause_of(asyncio.CancelledError(), Seen(quiet=3.0), "message") == Cause("timed_out", "no_message")


@pytest.mark.parametrize(
    ("error", "ours"),
    [
        (Error("Page.goto: Target page, context or browser has been closed"), True),
        (Error("Page.goto: Page crashed"), True),
        (Exception("Connection closed while reading from the driver"), True),
        (ProbeError("no browser"), True),
        (Error("Browser.new_context: Browser has been closed"), True),
        (RuntimeError("the page said: your account has been closed"), False),
        (Error("Page.evaluate: Error: this session has been closed"), False),
        (ValueError("Target crashed"), False),
        (MISSING, False),
        (AssertionError("Expected 'Page crashed' to be visible"), False),
        (Error("Page.goto: net::ERR_CONNECTION_CLOSED at http://x/"), False),
        (asyncio.CancelledError(), False),
    ],
)
def test_a_dead_browser_is_never_the_targets_fault(error, ours):
    assert is_probe_error(error) is ours


def test_a_page_left_before_it_came_is_no_error_of_the_net():
    assert net_error_of("net::ERR_ABORTED at http://x/") == ""
