"""The authoring API: a coroutine function with `@journey(...)` on it is a journey.

    @journey(every="5m", budget="8s", owner="identity", runbook="docs/runbooks/sign-in.md")
    async def sign_in_and_read_invoice(visit):
        async with visit.step("open sign-in"):
            await visit.page.goto("/sign-in")

The file is named like its function. Steps are found in the source, in order, so nothing has to be declared twice.
Light on purpose: importing it imports no browser.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from holdfast.synthetics.definition import JourneySettings, expected
from holdfast.workspace.quantity import seconds

if TYPE_CHECKING:
    from holdfast.synthetics.visit import Visit

Walk = Callable[["Visit"], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Journey:
    """A journey, ready to be walked."""

    name: str
    settings: JourneySettings
    walk: Walk


def journey(*, every: str, budget: str, owner: str, runbook: str, expect: str = "") -> Callable[[Walk], Journey]:
    """Make a journey of `async def name(visit)`.

    `every` and `budget` are durations such as "5m" and "8s"; a plan may set another `every`. The budget leaves out
    what only a test has to wait for: an unused one-time code. A walk that ends well although the target answered a
    page or a call in it with a server error, with 429 or not at all proves nothing, unless `expect` says that this is
    meant: "failed", "rate_limited", "transport_error", or several with commas; "no_request" where the browser asks for
    no page. Raises ValueError when a duration is none.
    """
    settings = JourneySettings(seconds(every), seconds(budget), owner, runbook, expected(expect))

    def made(walk: Walk) -> Journey:
        return Journey(walk.__name__, settings, walk)

    return made
