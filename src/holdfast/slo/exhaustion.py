"""When an error budget will be gone at the pace of the last hour, and between when and when that may be.

The pace is the share of bad events over a recent stretch; its exact (Clopper–Pearson) bounds, each with 95 %
confidence, are taken at bad / effect and total / effect, where the design effect, at its upper limit, says how much
more the failures vary than independent ones would (Kish, 1965; see `clusters`). Traffic is taken to stay as it was.

A rolling window gives budget back as old failures leave it, so the time is found by letting it roll: after k steps

    overdraft(k) = what the steps still in the window have overdrawn + k · (pace - E) · events a step

and the budget is gone at the first k at which that is above 0. In a calendar window nothing leaves, and the budget is
that of the whole window at the traffic so far.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from holdfast.slo.balance import Balance
from holdfast.slo.bounds import ALPHA, lower_bound, upper_bound
from holdfast.slo.clusters import effect_of
from holdfast.slo.indicator import Counts
from holdfast.slo.tally import Tally
from holdfast.slo.window import Span

Floats = npt.NDArray[np.float64]

METHOD: Final = f"exact interval, {1 - ALPHA:.0%} on each side, at the design effect of the pace's own steps"


@dataclass(frozen=True, slots=True)
class Bounds:
    """Of a share of bad events: as seen, and what it may truly be. `effect`: the design effect."""

    share: float
    low: float
    high: float
    effect: float


@dataclass(frozen=True, slots=True)
class Exhaustion:
    """Seconds from now; 0 when it is gone already. None: never at this pace, or not known, as `reason` says.

    `soonest` at the pace's upper bound, `latest` at its lower one (None: maybe never). `known`: whether there was a
    pace to reckon with. `pace`: over how many seconds it was taken.
    """

    seconds: float | None
    soonest: float | None
    latest: float | None
    pace: float
    known: bool
    reason: str
    method: str = METHOD


def share_bounds(tally: Tally, span: Span) -> Bounds | None:
    """The share of bad events over a stretch; None without any."""
    first, last = tally.index(span.start), tally.index(span.end)
    bad, total = float(tally.bad[last] - tally.bad[first]), float(tally.total[last] - tally.total[first])
    if total <= 0:
        return None
    effect = 1.0
    if 0 < bad < total:
        totals, bads = np.diff(tally.total[first : last + 1]), np.diff(tally.bad[first : last + 1])
        counts = Counts(np.arange(len(totals)), np.rint(totals - bads), np.rint(totals))
        effect = effect_of(counts).high
    return Bounds(
        bad / total, lower_bound(bad / effect, total / effect), upper_bound(bad / effect, total / effect), effect
    )


def exhaustion(
    tally: Tally, window: Span, at: float, balance: Balance, *, rolling: bool, pace: float, whole: Balance
) -> Exhaustion:
    """`balance`: of the window until now; `whole`: of the whole calendar window at its traffic so far."""
    left = whole.remaining
    if left is None:
        return Exhaustion(None, None, None, pace, known=False, reason="nothing was counted in the window")
    if left <= 0:
        return Exhaustion(0.0, 0.0, 0.0, pace, known=True, reason="the budget is gone")
    recent = Span(at - pace, at)
    bounds = share_bounds(tally, recent)
    if bounds is None:
        return Exhaustion(None, None, None, pace, known=False, reason=f"no event in the last {pace / 60:.0f} minutes")
    traffic = float(tally.balance(recent, balance.target).total) / pace
    budget = float(balance.budget)
    if rolling:
        drawn = _drawn(tally, window, at, budget)
        found = [_rolling(drawn, (share - budget) * traffic, tally.step) for share in _each(bounds)]
    else:
        events = float(whole.allowed - whole.bad)
        found = [_calendar(events, share * traffic, window.end - at) for share in _each(bounds)]
    seconds, soonest, latest = found
    reason = "" if seconds is not None else _never(bounds.share, rolling=rolling)
    return Exhaustion(seconds, soonest, latest, pace, known=True, reason=reason)


def _each(bounds: Bounds) -> tuple[float, float, float]:
    return bounds.share, bounds.high, bounds.low


def _never(share: float, *, rolling: bool) -> str:
    if share == 0:
        return "nothing has failed lately"
    return "never at this pace" if rolling else "not before the window ends, at this pace"


def _drawn(tally: Tally, window: Span, at: float, budget: float) -> Floats:
    """What the steps from each one to now have overdrawn, in bad events: of the whole window first, of none last."""
    first, last = tally.index(window.start), tally.index(at)
    overdrawn = tally.bad[first : last + 1] - budget * tally.total[first : last + 1]
    unseen = max(round((tally.start - window.start) / tally.step), 0)  # steps that roll out with nothing in them
    drawn = np.empty(unseen + len(overdrawn))
    drawn[:unseen] = overdrawn[-1] - overdrawn[0]
    np.subtract(overdrawn[-1], overdrawn, out=drawn[unseen:])
    return drawn


def _rolling(drawn: Floats, each_second: float, step: int) -> float | None:
    """Seconds until the overdraft is above 0, as the window rolls over what it holds; then at its steady state."""
    steps = len(drawn) - 1
    if each_second <= 0 and float(drawn.max()) <= 0:
        return None  # nothing that is left can overdraw, and nothing is added
    ahead = drawn + each_second * step * np.arange(steps + 1)
    over = ahead > 0
    over[0] = False
    index = int(over.argmax())
    if not over[index]:
        return None
    before, after = float(ahead[index - 1]), float(ahead[index])
    part = -before / (after - before) if after > before else 1.0
    return (index - 1 + min(max(part, 0.0), 1.0)) * step


def _calendar(events: float, each_second: float, rest: float) -> float | None:
    if each_second <= 0:
        return None
    seconds = events / each_second
    return seconds if seconds <= rest else None
