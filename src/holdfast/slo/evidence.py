"""What an objective's budget did over time: a history, a target and a window in; sums at the end of each step out.

With E = 1 - target, over the window that ends with a step (a calendar window: that holds it, so far):

    remaining   = 1 - bad / (E · total)         None where nothing was counted; in a calendar window, total is what
                                                the whole window will have at the traffic so far
    burn rate   = bad / (E · total)             over a stretch of its own
    an incident = steps that burn faster than 1, with less than `pause` between them
    its share   = its bad events within the window / (E · the window's total)

Comparisons are exact wherever the counts are whole numbers: a float decides only what it cannot get wrong.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Final

import numpy as np
import numpy.typing as npt

from holdfast.slo.budget import error_budget
from holdfast.slo.history import History, broken_steps
from holdfast.slo.window import Window

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Indices = npt.NDArray[np.intp]

_CLOSE: Final = 1e-9  # relative; far above what a float loses, so that what is farther apart needs no second look


@dataclass(frozen=True, slots=True)
class Burn:
    """Over a stretch of `over` seconds. `rate`: None where nothing was counted. `coverage`: the measured share."""

    over: float
    rate: Fraction | None
    coverage: Fraction


@dataclass(frozen=True, slots=True)
class Incident:
    """Seconds since the epoch. `share` of the window's error budget."""

    start: float
    end: float
    bad: float
    share: Fraction


@dataclass(frozen=True, slots=True)
class Evidence:
    """How an objective stands. `remaining` may be negative. `age`: seconds since the newest measured step's end."""

    remaining: Fraction | None
    bad: float
    total: float
    coverage: Fraction
    age: float | None
    burns: tuple[Burn, ...]
    incident: Incident | None  # the costliest in the window


@dataclass(frozen=True, slots=True, eq=False)
class Sums:
    """Of stretches that end with each step: arrays (n,). `seconds`: how long each is, also where history is not."""

    bad: Floats
    total: Floats
    measured: Floats  # seconds
    seconds: Floats
    first: Indices  # each stretch's first step


class Course:
    """A history seen from the end of each of its steps. Raises ValueError unless its counts can be."""

    def __init__(self, history: History, target: Decimal, window: Window, *, pause: float = 3600.0) -> None:
        if broken_steps(history):
            raise ValueError("the counts cannot be: more good events than events, or less than none")
        self.history = history
        self._window = window
        self.budget = Fraction(error_budget(target))
        self.ends: Floats = (history.times + history.step).astype(np.float64)
        self._bad = _running(history.bad)
        self._total = _running(history.total)
        self._measured = _running(history.measured.astype(np.float64) * history.step)
        self.window = self._over(self._window_starts(window))
        self._elapsed, self._whole = self._parts_of_window(window)
        self.incidents = self._find_incidents(pause)

    def __len__(self) -> int:
        return len(self.ends)

    def last(self, seconds: float) -> Sums:
        """The stretch of so many seconds before the end of each step."""
        return self._over(self.ends - seconds)

    def remaining_at_most(self, share: Fraction) -> Bools:
        """Where so much of the budget is left, or less. Never where nothing was counted."""
        spent = self._reaches(self.window.bad, 1 - share)
        return np.logical_and(spent, self.window.total > 0)

    def remaining_at_least(self, share: Fraction) -> Bools:
        return np.logical_and(~self._reaches(self.window.bad, 1 - share, strictly=True), self.window.total > 0)

    def burning(self, rate: Fraction, sums: Sums) -> Bools:
        return np.logical_and(at_least(sums.bad, sums.total, rate * self.budget), sums.total > 0)

    def spent_by(self, incident: tuple[int, int]) -> Floats:
        """Bad events of an incident (its first step, the one after its last) within the window, at each step."""
        first, end = incident
        steps = np.arange(len(self)) + 1
        upto = np.clip(steps, first, end)
        return self._bad[upto] - self._bad[np.clip(self.window.first, first, upto)]

    def may_be_above(self, incident: tuple[int, int], share: Fraction, where: Bools) -> bool:
        """Whether an incident can ever be more than a share of a window's budget: most cannot, at a glance."""
        first, end = incident
        total = float(np.min(self.window.total[where], initial=np.inf))
        least = float(share * self.budget) * total * (1 - _CLOSE)
        return bool(self._bad[end] - self._bad[first] > least)

    def above(self, bad: Floats, share: Fraction) -> Bools:
        """Where `bad` events are more than a share of the window's budget."""
        return self._reaches(bad, share, strictly=True)

    def covered(self, sums: Sums, share: Fraction) -> Bools:
        """Where at least a share of the stretch was measured."""
        return at_least(sums.measured, sums.seconds, share)

    def evidence(self, at: float, overs: Sequence[float], newest: float | None = None) -> Evidence:
        """As of `at`, when the newest step may be long over. `newest`: see `Measured`. Needs a step."""
        measured = np.flatnonzero(self.history.measured)
        if newest is None and len(measured):
            newest = float(self.ends[measured[-1]])
        bad, total = float(self.window.bad[-1]), float(self.window.total[-1])
        burns = []
        for over in overs:
            sums = self.last(over)
            rate = _share(float(sums.bad[-1]), self.budget * Fraction(float(sums.total[-1])))
            burns.append(Burn(over, rate, _share(float(sums.measured[-1]), Fraction(over)) or Fraction(0)))
        spent = _share(bad, self._allowed())
        return Evidence(
            remaining=None if spent is None else 1 - spent,
            bad=bad,
            total=total,
            coverage=_share(float(self.window.measured[-1]), Fraction(float(self.window.seconds[-1]))) or Fraction(0),
            age=max(at - newest, 0.0) if newest is not None else None,
            burns=tuple(burns),
            incident=self._costliest(),
        )

    def recovers_at(self, share: Fraction) -> float:
        """When a share of the budget is left again at the earliest: the traffic goes on and nothing fails any more."""
        end = float(self.ends[-1])
        first = int(self.window.first[-1])
        allowed = (1 - share) * self._allowed()
        left = self._bad[-1] - self._bad[first:]  # bad events from each step of the window on
        gone = np.flatnonzero(left <= float(allowed))  # an estimate: the traffic to come is none of the evidence
        if len(gone) and gone[0] == 0:
            return end
        if self._window.calendar is not None:
            return self._window.span(end - self.history.step / 2).end
        return float(self.history.times[first]) + float(gone[0]) * self.history.step + self._window.seconds

    def _costliest(self) -> Incident | None:
        allowed = self._allowed()
        first_of_window = int(self.window.first[-1])
        found = None
        for first, end in self.incidents:
            bad = float(self._bad[end] - self._bad[min(max(first, first_of_window), end)])
            if allowed and bad > (found.bad if found else 0.0):
                start = float(self.history.times[first])
                found = Incident(start, float(self.ends[end - 1]), bad, Fraction(bad) / allowed)
        return found

    def _reaches(self, bad: Floats, share: Fraction, *, strictly: bool = False) -> Bools:
        """Where `bad` events are a share of the window's budget, or more."""
        return at_least(bad * self._elapsed, self.window.total * self._whole, share * self.budget, strictly=strictly)

    def _allowed(self) -> Fraction:
        """Bad events that the window of the last step may hold."""
        projected = Fraction(float(self._whole[-1])) / Fraction(float(self._elapsed[-1]))
        return self.budget * Fraction(float(self.window.total[-1])) * projected

    def _over(self, starts: Floats) -> Sums:
        middles = self.history.times + self.history.step / 2
        first = np.searchsorted(middles, starts)
        end = np.arange(len(self)) + 1
        return Sums(
            bad=self._bad[end] - self._bad[first],
            total=self._total[end] - self._total[first],
            measured=self._measured[end] - self._measured[first],
            seconds=self.ends - starts,
            first=first,
        )

    def _window_starts(self, window: Window) -> Floats:
        if window.calendar is None:
            return self.ends - window.seconds
        starts = np.empty(len(self), dtype=np.float64)
        left = len(self)
        while left:
            # Backwards, a window at a time: it holds the middle of the step, so that one that ends with it is not new.
            span = window.span(float(self.ends[left - 1]) - self.history.step / 2)
            first = int(np.searchsorted(self.history.times + self.history.step / 2, span.start))
            starts[first:left] = span.start
            left = first
        return starts

    def _parts_of_window(self, window: Window) -> tuple[Floats, Floats]:
        """Of the window of each step, how much is over and how much there is; seconds, or 1 and 1 where all is over."""
        if window.calendar is None:
            return np.ones(len(self)), np.ones(len(self))
        starts = self.ends - self.window.seconds
        whole = np.empty(len(self))
        for start in np.unique(starts).tolist():
            whole[starts == start] = window.span(start).seconds
        return self.window.seconds, whole

    def _find_incidents(self, pause: float) -> tuple[tuple[int, int], ...]:
        burning = np.flatnonzero(at_least(self.history.bad, self.history.total, self.budget, strictly=True))
        if not len(burning):
            return ()
        apart = (np.diff(burning) - 1) * self.history.step >= pause
        starts = burning[np.concatenate([[True], apart])]
        ends = burning[np.concatenate([apart, [True]])] + 1
        return tuple(zip(starts.tolist(), ends.tolist(), strict=True))


def at_least(left: Floats, right: Floats, factor: Fraction, *, strictly: bool = False) -> Bools:
    """left >= factor · right, or > where `strictly`, element by element and exactly."""
    scaled = right * float(factor)
    found: Bools = left > scaled if strictly else left >= scaled
    nothing = (left == 0) & (right == 0)
    close = np.abs(left - scaled) <= _CLOSE * np.maximum(np.abs(left), np.abs(scaled))
    for index in np.flatnonzero(close & ~nothing).tolist():
        one, other = Fraction(float(left[index])), factor * Fraction(float(right[index]))
        found[index] = one > other if strictly else one >= other
    return found


def _running(values: Floats) -> Floats:
    """Sums of the first 0, 1, …, n values."""
    return np.concatenate([[0.0], np.cumsum(values, dtype=np.float64)])


def _share(part: float, whole: Fraction) -> Fraction | None:
    return Fraction(part) / whole if whole else None
