"""History played back: when each alert would have fired and reset. Pure arrays.

What is played is what Prometheus does with the rules: at each evaluation the error ratio of every window that ends
then, compared without rounding. The model, and where it is one:

- Events are known when their step ends, so an alert is seen at most one step and one evaluation later than its formula
  (`BurnRow.seconds_to_fire`) says, and never sooner.
- A window that begins before the history does sums what there is, as Prometheus does. So does one over time that nobody
  measured: what was not seen counts nothing.
- Without an event in a window its ratio has no value, and nothing fires.
- An alert whose condition no longer holds at an evaluation has reset then (`keep_firing_for` is not played).

Counts that are whole numbers are compared exactly. Ones that are fractions (increases that Prometheus extrapolated)
carry the noise of their sums: there a ratio within a billionth of its threshold counts as equal to it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Final

import numpy as np
import numpy.typing as npt

from holdfast.slo.alert import Alert, Limit
from holdfast.slo.history import History, broken_steps

_EXACT: Final = float(2**53)
_NOISE: Final = 1e-9

Counts = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Sums:
    """Running sums of a history, so that any stretch is one subtraction. float64 (n + 1,), the first is 0."""

    history: History
    bad: Counts
    total: Counts
    whole: bool  # counts, not fractions

    def at(self, moment: float) -> int:
        """How many steps had ended by then."""
        steps = int((moment - self.history.start) // self.history.step)
        return min(max(steps, 0), len(self.history))

    def bad_between(self, start: float, end: float) -> float:
        """Bad events of the steps that ended after `start` and by `end`."""
        return float(self.bad[self.at(end)] - self.bad[self.at(start)])


@dataclass(frozen=True, slots=True)
class Firing:
    """One alert, from the evaluation that fired it to the one that found it over. Times: seconds since the epoch.

    `row`: those of its windows that held when it fired, "1h/5m". `reset_at` None: it had not reset when history ended.
    `pending_at`: since when the condition had held; before `fired_at` where the alert waits (`for`).
    `long`: the longest window of those rows, seconds.
    """

    alert: str
    fired_at: int
    reset_at: int | None
    row: str
    long: int
    pending_at: int


@dataclass(frozen=True, slots=True)
class Held:
    """What an alert carries from one stretch of time into the next.

    `since`: when its condition began to hold, by which `row`; `fired_at`: None while it still waits (`for`).
    """

    since: int
    row: str
    long: int
    fired_at: int | None = None


@dataclass(frozen=True, slots=True)
class Played:
    """`firings` in order, one that goes on last; `held`: what the next stretch goes on from; None: nothing."""

    firings: tuple[Firing, ...]
    held: Held | None = None


def sums_of(history: History) -> Sums:
    """Raises ValueError for counts that cannot be (see `history.broken_steps`): they would fire or hide anything."""
    bad = np.concatenate(([0.0], np.cumsum(history.bad)))
    total = np.concatenate(([0.0], np.cumsum(history.total)))
    if broken_steps(history):
        raise ValueError("a step has more good events than events, less than none, or no number")
    whole = bool((history.total == np.floor(history.total)).all() and (history.good == np.floor(history.good)).all())
    return Sums(history, bad, total, whole)


def misfits(windows: Mapping[str, int], step: int) -> tuple[str, ...]:
    """Of named lengths of time in seconds, those that steps of this length cannot tell apart from others."""
    return tuple(name for name, seconds in windows.items() if seconds <= 0 or seconds % step)


def evaluations(history: History, every: int) -> npt.NDArray[np.int64]:
    """How many steps have ended at each evaluation: every `every` seconds, counted from the epoch.

    Raises ValueError unless `every` is a whole number of steps.
    """
    if misfits({"every": every}, history.step):
        raise ValueError(f"steps of {history.step} s cannot be evaluated every {every} s")
    stride = every // history.step
    first = -(history.start // history.step) % stride or stride
    return np.arange(first, len(history) + 1, stride, dtype=np.int64)


def play(
    sums: Sums,
    alert: Alert,
    *,
    every: int,
    since: float | None = None,
    held: Held | None = None,
    known: "Known | None" = None,
) -> Played:
    """What one alert does at the evaluations after `since` (None: all). What is before is only looked back on.

    `held`: what the stretch that ended at `since` handed on; so stretches played one after the other say what the whole
    says. `known`: rows that were played on these sums already. Raises ValueError for windows that are no whole number
    of steps.
    """
    steps = evaluations(sums.history, every)
    holding = [_holds(sums, row.limits, steps, known) for row in alert.rows]
    if since is not None:
        first = int(np.searchsorted(sums.history.start + steps * sums.history.step, since, side="right"))
        steps, holding = steps[first:], [flags[first:] for flags in holding]
    if not len(steps):
        return Played((_firing(alert, held, None),) if held is not None and held.fired_at is not None else (), held)
    times = sums.history.start + steps * sums.history.step
    any_row = np.logical_or.reduce(holding) if holding else np.zeros(len(steps), dtype=np.bool_)
    firings: list[Firing] = []
    if held is not None and held.fired_at is not None and not any_row[0]:
        firings.append(_firing(alert, held, int(times[0])))
    edges = np.flatnonzero(np.diff(any_row, prepend=False, append=False))
    for begin, end in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        condition = held if begin == 0 else None
        if condition is None:
            rows = [row for row, flags in zip(alert.rows, holding, strict=True) if flags[begin]]
            condition = Held(int(times[begin]), ", ".join(row.name for row in rows), max(row.long for row in rows))
        if condition.fired_at is None:
            due = begin + int(np.searchsorted(times[begin:end], condition.since + alert.after))
            condition = replace(condition, fired_at=int(times[due]) if due < end else None)
        going_on = end == len(steps)
        if condition.fired_at is not None:
            firings.append(_firing(alert, condition, None if going_on else int(times[end])))
        if going_on:
            return Played(tuple(firings), condition)
    return Played(tuple(firings))


Known = dict[tuple[Limit, ...], Flags]
"""When a row's limits hold, by evaluation of one playback: plans that share rows need not work them out twice."""


def joined(first: Played, second: Played) -> Played:
    """Two stretches, the second played from what the first held, as one: an alert that went on is one alert."""
    went_on = first.held is not None and first.held.fired_at is not None
    return Played((first.firings[:-1] if went_on else first.firings) + second.firings, second.held)


def _firing(alert: Alert, held: Held, reset_at: int | None) -> Firing:
    """Of a condition under which the alert has fired."""
    fired_at = held.since if held.fired_at is None else held.fired_at
    return Firing(alert.name, fired_at, reset_at, held.row, held.long, held.since)


def _holds(sums: Sums, limits: tuple[Limit, ...], steps: npt.NDArray[np.int64], known: Known | None) -> Flags:
    if known is not None and limits in known:
        return known[limits]
    flags: Flags = np.logical_and.reduce([_limit_holds(sums, limit, steps) for limit in limits])
    if known is not None:
        known[limits] = flags
    return flags


def _limit_holds(sums: Sums, limit: Limit, steps: npt.NDArray[np.int64]) -> Flags:
    step = sums.history.step
    if misfits({"window": limit.window}, step):
        raise ValueError(f"a window of {limit.window} s is no whole number of steps of {step} s")
    before = np.maximum(steps - limit.window // step, 0)
    bad = sums.bad[steps] - sums.bad[before]
    total = sums.total[steps] - sums.total[before]
    flags: Flags = _compared(bad, total, limit, whole=sums.whole) & (total > 0)
    return flags & np.greater_equal(bad, limit.least_bad) if limit.least_bad else flags


def _compared(bad: Counts, total: Counts, limit: Limit, *, whole: bool) -> Flags:
    """bad / total `op` threshold, by cross-multiplication: integers, which floats hold exactly up to 2^53."""
    numerator, denominator = limit.threshold.numerator, limit.threshold.denominator
    left, right = bad * float(denominator), total * float(numerator)
    difference = left - right
    if not whole:
        difference[np.abs(difference) <= _NOISE * right] = 0.0
    elif len(left) and (max(left.max(), right.max()) >= _EXACT or max(numerator, denominator) >= _EXACT):
        for place in np.flatnonzero(np.abs(difference) <= _NOISE * np.maximum(left, right)).tolist():
            exact = Fraction(bad[place]) * denominator - Fraction(total[place]) * numerator
            difference[place] = (exact > 0) - (exact < 0)
    match limit.op:
        case "gt":
            return difference > 0
        case "gte":
            return difference >= 0
        case "lt":
            return difference < 0
        case "lte":
            return difference <= 0
