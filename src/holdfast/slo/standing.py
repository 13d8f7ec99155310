"""How an objective stands at a moment: its budget in shares, events and time, how fast it goes, and when it is gone.

Everything that is compared is exact; only estimates (exhaustion, intervals, curves) are floats. What was not measured
is neither good nor bad: it shrinks the coverage, which stands beside every figure. No data never stands well.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Final

import numpy as np

from holdfast.slo.balance import Balance
from holdfast.slo.bounds import clean_needed
from holdfast.slo.burn import DAY, HOUR, MINUTE
from holdfast.slo.exhaustion import Bounds, Exhaustion, exhaustion, share_bounds
from holdfast.slo.history import History
from holdfast.slo.objective import Composite, Method, NoData, Objective
from holdfast.slo.slices import Grid, merged, sliced
from holdfast.slo.sources.observed import Observed
from holdfast.slo.tally import Tally, less, sound, tally
from holdfast.slo.verdict import Verdict
from holdfast.slo.window import Span

LOOKBACKS: Final = (5 * MINUTE, HOUR, 6 * HOUR, DAY, 3 * DAY)
PACE: Final = HOUR
LEAST_COVERAGE: Final = 0.9
"""Of a window; the same as in error-budget policies, unless they say otherwise."""
POINTS: Final = 240  # of a burn-down: more than a picture has room for tells nothing more


@dataclass(frozen=True, slots=True)
class Burn:
    """The burn rate over the last `lookback` seconds. `rate` None: not known, as `reason` says."""

    lookback: int
    rate: Fraction | None
    balance: Balance
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Alternative:
    """The same window's budget, were something counted that is left out of it, or the other way round."""

    name: str
    balance: Balance


@dataclass(frozen=True, slots=True)
class Standing:
    """Of one objective at one moment. `to_date`: the window until then; `whole`: the whole window.

    They differ in a calendar window that is not over: `whole` then has the bad events so far and the events that the
    whole window will have at the traffic so far, and `estimated` says so. Verdict and remaining budget are of `whole`.

    `coverage`: share of the window so far, less exclusions, that was measured; None when nothing of it is left.
    `interval`: what the ratio may truly be, each side with 95 % confidence. `burn_down`: (moment, share of the budget
    still left then), the last one the remaining budget. `parts`: of a composite.
    """

    objective: Objective | Composite
    at: float
    window: Span
    to_date: Balance
    whole: Balance
    estimated: bool
    coverage: float | None
    excluded_seconds: float
    broken: int
    burns: tuple[Burn, ...]
    exhaustion: Exhaustion
    interval: Bounds | None
    alternatives: tuple[Alternative, ...]
    burn_down: tuple[tuple[float, float], ...]
    verdict: Verdict
    reason: str
    notes: tuple[str, ...] = ()
    parts: tuple["Standing", ...] = ()

    @property
    def name(self) -> str:
        return self.objective.name

    @property
    def remaining(self) -> Fraction | None:
        return self.whole.remaining

    @property
    def remaining_seconds(self) -> Fraction | None:
        """Of total outage at the window's traffic."""
        return self.whole.remaining_seconds(self.window.seconds)

    def burn(self, lookback: int) -> Burn | None:
        return next((burn for burn in self.burns if burn.lookback == lookback), None)


def needed_span(objective: Objective | Composite, at: float, lookbacks: Iterable[int] = LOOKBACKS) -> Span:
    """What must have been seen for `standing`: the window, and the lookbacks where they reach behind it."""
    return Span(min(objective.window.span(at).start, *(at - lookback for lookback in (*lookbacks, PACE))), at)


def standing(
    objective: Objective,
    observed: Observed,
    at: float,
    *,
    exclusions: Sequence[Span] = (),
    lookbacks: Sequence[int] = LOOKBACKS,
    pace: int = PACE,
    least_coverage: float = LEAST_COVERAGE,
    window: Span | None = None,
) -> Standing:
    """`observed`: by steps that begin and end at `at`; exclusions and marked test traffic are taken out of it here.

    `least_coverage`: the share of the window so far that must have been measured for it to be met. `window`: another
    than the one that holds `at`, such as the month that ended then.

    Raises ValueError where steps do not fit into the objective's slices.
    """
    window = objective.window.span(at) if window is None else window
    counted = less(observed.history, observed.test_traffic)
    judged = _View.of(objective, counted, window, at, exclusions, lookbacks)
    others: list[Alternative] = []
    if exclusions and _overlap(exclusions, Span(window.start, at)):
        kept = _View.of(objective, counted, window, at, (), ())
        others.append(Alternative("with excluded time", kept.to_date))
    if observed.test_traffic is not None and observed.test_traffic.total.any():
        kept = _View.of(objective, observed.history, window, at, exclusions, ())
        others.append(Alternative("with test traffic", kept.to_date))
    one = judged.standing(objective, at, pace, tuple(others), observed.notes)
    return covered(one, least_coverage)


def covered(one: Standing, least: float) -> Standing:
    """What was measured too little is not met: unmeasured time is not uptime. What was missed stays missed.

    Where an objective says itself what a slice without data counts as, that stands.
    """
    slices = one.objective.slices
    explicit = slices is not None and slices.no_data is not NoData.EXCLUDE
    if explicit or one.verdict is not Verdict.MET or one.coverage is None or one.coverage >= least:
        return one
    reason = f"only {_percent(one.coverage)} of its window was measured, and {_percent(least)} is the least that counts"
    return replace(one, verdict=Verdict.INCONCLUSIVE, reason=reason)


def worst_first(standings: Iterable[Standing]) -> list[Standing]:
    """By danger: gone, then what is gone soonest, then what nobody knows, then by burn rate and what is left."""
    return sorted(standings, key=_danger)


def _danger(one: Standing) -> tuple[float, float, float, str]:
    left = one.remaining
    hour = one.burn(PACE)
    rate = float(hour.rate) if hour is not None and hour.rate is not None else 0.0
    share = float(left) if left is not None else 0.0
    if left is not None and left <= 0:
        return 0, share, -rate, one.name
    if one.exhaustion.seconds is not None:
        return 1, one.exhaustion.seconds, -rate, one.name
    if left is None or one.broken:
        return 2, 0.0, 0.0, one.name
    return 3, -rate, share, one.name


@dataclass(frozen=True, slots=True)
class _View:
    """One way to count a window: the running sums it is judged by, and those that burn rates look back on.

    `silent`: seconds since anybody last looked.
    """

    window: Span
    so_far: Span
    tally: Tally
    back: Tally
    to_date: Balance
    burns: tuple[Burn, ...]
    coverage: float | None
    excluded: float
    silent: float
    broken: int

    @classmethod
    def of(
        cls,
        objective: Objective,
        history: History,
        window: Span,
        at: float,
        exclusions: Sequence[Span],
        lookbacks: Sequence[int],
    ) -> "_View":
        whole, broken = sound(history)
        kept = whole.without(exclusions)
        so_far = Span(window.start, min(at, window.end))
        steps = tally(kept)
        judged = back = steps
        if objective.method is not Method.OCCURRENCES:
            judged = back = tally(_slices(objective, whole, window, so_far, exclusions))
            if any(at - lookback < window.start for lookback in lookbacks):
                further = Span(min(at - lookback for lookback in lookbacks), at)
                back = tally(_slices(objective, whole, window, further, exclusions))
        excluded = _overlap(exclusions, so_far)
        promised = so_far.seconds - excluded
        return cls(
            window,
            so_far,
            judged,
            back,
            judged.balance(so_far, objective.target),
            tuple(_burn(back, at, lookback, objective) for lookback in lookbacks),
            min(steps.measured_seconds(so_far) / promised, 1.0) if promised > 0 else None,
            excluded,
            _silent(back, exclusions),
            broken,
        )

    def standing(
        self, objective: Objective, at: float, pace: int, others: tuple[Alternative, ...], notes: tuple[str, ...]
    ) -> Standing:
        unfinished = objective.window.calendar is not None and at < self.window.end
        whole = self.to_date
        if unfinished and self.so_far.seconds > 0:
            whole = whole.over(whole.total * Fraction(self.window.seconds) / Fraction(self.so_far.seconds))
        interval = share_bounds(self.tally, self.so_far)
        verdict, reason = _verdict(objective, whole, interval, self.broken)
        return Standing(
            objective=objective,
            at=at,
            window=self.window,
            to_date=self.to_date,
            whole=whole,
            estimated=unfinished,
            coverage=self.coverage,
            excluded_seconds=self.excluded,
            broken=self.broken,
            burns=self.burns,
            exhaustion=exhaustion(
                self.back,
                self.window,
                at,
                self.to_date,
                rolling=objective.window.calendar is None,
                pace=float(max(pace, self.back.step)),
                whole=whole,
            ),
            interval=interval,
            alternatives=others,
            burn_down=burn_down(self.tally, self.so_far, whole),
            verdict=verdict,
            reason=reason,
            notes=(*notes, *_doubts(objective, self, interval)),
        )


def _silent(counted: Tally, exclusions: Sequence[Span]) -> float:
    """Seconds since anybody last looked, less those that nobody had to; 0 where nobody ever did."""
    seen = int(np.searchsorted(counted.measured, counted.measured[-1]))
    since = Span(counted.start + counted.step * seen, counted.end)
    return since.seconds - _overlap(exclusions, since) if seen else 0.0


def _slices(objective: Objective, history: History, window: Span, span: Span, exclusions: Sequence[Span]) -> History:
    if objective.slices is None:
        raise ValueError(f"{objective.name}: {objective.method} without slices")
    origin = int(window.start) if objective.window.calendar is not None else 0
    return sliced(history, objective.slices, objective.method, Grid(span, origin), exclusions)


def _burn(counted: Tally, at: float, lookback: int, objective: Objective) -> Burn:
    balance = counted.balance(Span(at - lookback, at), objective.target)
    if lookback < counted.step:
        what = "slice" if objective.method is not Method.OCCURRENCES else "step"
        return Burn(lookback, None, balance, f"shorter than a {what} of {counted.step} s")
    rate = balance.spent
    return Burn(lookback, rate, balance, "" if rate is not None else "nothing was counted")


def _verdict(objective: Objective, whole: Balance, interval: Bounds | None, broken: int) -> tuple[Verdict, str]:
    """Met and missed are what was counted; where the budget is less than one event, only what is proven."""
    left = whole.remaining
    if left is None:
        return Verdict.INCONCLUSIVE, "nothing was counted, which says nothing"
    budget = float(whole.budget)
    if objective.method is Method.OCCURRENCES and whole.allowed < 1 and interval is not None:
        if interval.low > budget:
            return Verdict.MISSED, "more failed than may"
        if interval.high > budget:
            return Verdict.INCONCLUSIVE, "so few events have a budget of less than one: they decide nothing"
    if left < 0:
        return Verdict.MISSED, "more failed than may"
    if broken:
        return Verdict.INCONCLUSIVE, f"{broken} steps hold counts that cannot be, and were left out"
    return Verdict.MET, "within budget" if left > 0 else "the budget is spent to the last event"


def _doubts(objective: Objective, view: _View, interval: Bounds | None) -> Iterable[str]:
    if view.broken:
        yield f"{view.broken} steps hold counts that cannot be (more good events than events, or no number)"
    if view.coverage is not None and view.coverage < 1:
        yield f"{_percent(view.coverage)} of the window so far was measured; the rest is neither good nor bad"
    if view.silent > max(HOUR, 2 * view.back.step):
        yield f"nothing was measured in its last {view.silent / HOUR:.1f} hours"
    needed = clean_needed(objective.target)
    if interval is not None and objective.method is Method.OCCURRENCES and view.to_date.total < needed:
        yield f"it rests on {int(view.to_date.total)} events: proof of the target takes {needed} without a bad one"


def burn_down(counted: Tally, so_far: Span, whole: Balance) -> tuple[tuple[float, float], ...]:
    """From the first step that was measured on: bad events so far, over what the window may have.

    Thinned by leaving points out, so that none is an average.
    """
    if not whole.total:
        return ()
    first, last = counted.index(so_far.start), counted.index(so_far.end)
    before = counted.bad[first]
    unseen = int(np.searchsorted(counted.measured, counted.measured[first], side="right")) - 1
    first = min(max(first, unseen), max(last - 1, first))  # nothing is drawn where nobody looked yet
    chosen = np.unique(np.linspace(first, last, min(POINTS, last - first) + 1).round().astype(np.int64))
    left = 1.0 - (counted.bad[chosen] - before) / float(whole.allowed)
    moments = np.clip(counted.start + counted.step * chosen, so_far.start, so_far.end)
    return tuple(zip(moments.tolist(), left.tolist(), strict=True))


def _overlap(spans: Sequence[Span], inside: Span) -> float:
    return sum(span.overlap(inside) for span in merged(spans))


def _percent(share: float) -> str:
    """As many digits as it takes not to say 0 or 100 for what is neither."""
    digits = 1
    while digits < 7 and 0 < share < 1 and float(f"{100 * share:.{digits}f}") in (0.0, 100.0):
        digits += 1
    return f"{100 * share:.{digits}f} %"
