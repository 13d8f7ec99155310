"""The highest arrival rate at which every objective is met: probes so far in, the next rate to hold (or the end) out.

Ask and tell: the caller holds the rate, judges it, and asks again with one probe more. Rates grow geometrically to the
first that is not met, then the bracket is halved (in ratio) to the tolerance, then its two ends are held once more: one
noisy probe must not decide. Where two probes of a rate disagree, a third does.

    met            the rate was held
    missed         it was not
    inconclusive   held once more; inconclusive again counts as not met, for what is not proven is not capacity
    invalid        our own generator failed; held once more; invalid again ends the search
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

MET: Final = "met"
MISSED: Final = "missed"
INCONCLUSIVE: Final = "inconclusive"
INVALID: Final = "invalid"
LOWEST_SHARE: Final = 0.1
"""The search goes down to this share of the start rate, and no further."""


@dataclass(frozen=True, slots=True)
class SearchQuestion:
    """Where to look. Rates are arrivals per second; `tolerance` is the bracket's width over its lower end."""

    start: float
    most: float
    growth: float = 1.5
    tolerance: float = 0.1
    confirm: bool = True
    most_probes: int = 16


@dataclass(frozen=True, slots=True)
class Probe:
    """One held rate. `achieved`: finished visits per second; `n`: arrivals that were due."""

    rate: float
    verdict: str
    achieved: float | None = None
    reason: str = ""
    n: int = 0


@dataclass(frozen=True, slots=True)
class Bracket:
    """`low`: the highest rate held; `high`: the lowest not held; None where there is none.

    `confirmed_*`: seen at least twice. `non_monotone`: a rate was met above one that was missed.
    """

    low: float | None
    high: float | None
    confirmed_low: bool
    confirmed_high: bool
    non_monotone: bool
    reason: str
    probes: tuple[Probe, ...]


@dataclass(frozen=True, slots=True)
class _Standing:
    """What the probes of one rate add up to."""

    votes: tuple[bool, ...]
    to_repeat: bool
    unproven: str | None  # why it decided nothing, twice; counted as not met
    unmeasurable: str | None  # why it could not be measured, twice

    @property
    def undecided(self) -> bool:
        return self.to_repeat or (len(self.votes) > 0 and 2 * sum(self.votes) == len(self.votes))

    @property
    def held(self) -> bool | None:
        if not self.votes or 2 * sum(self.votes) == len(self.votes):
            return None
        return 2 * sum(self.votes) > len(self.votes)

    @property
    def confirmed(self) -> bool:
        return self.held is not None and self.votes.count(self.held) >= 2


def next_rate(question: SearchQuestion, probes: Sequence[Probe]) -> float | None:
    """The rate to hold next, in arrivals per second; None when the search is over. `bracket` says how it ended."""
    if not probes:
        return question.start
    standings = _standings(probes)
    if len(probes) >= question.most_probes or any(s.unmeasurable is not None for s in standings.values()):
        return None
    undecided = next((rate for rate, standing in standings.items() if standing.undecided), None)
    if undecided is not None:
        return undecided
    low, high = _bounds(standings)
    if low is None or high is None or high > low * (1 + question.tolerance):
        wider = _wider(question, standings, low, high)
        if wider is not None:
            return wider
    if not question.confirm:
        return None
    return next((rate for rate in (low, high) if rate is not None and not standings[rate].confirmed), None)


def bracket(question: SearchQuestion, probes: Sequence[Probe]) -> Bracket:
    """What the probes prove so far."""
    standings = _standings(probes)
    low, high = _bounds(standings)
    missed = [probe.rate for probe in probes if probe.verdict == MISSED]
    non_monotone = any(probe.verdict == MET and probe.rate > min(missed, default=math.inf) for probe in probes)
    return Bracket(
        low=low,
        high=high,
        confirmed_low=low is not None and standings[low].confirmed,
        confirmed_high=high is not None and standings[high].confirmed,
        non_monotone=non_monotone,
        reason=_reason(question, standings, low, high, len(probes), non_monotone),
        probes=tuple(probes),
    )


def _standings(probes: Sequence[Probe]) -> dict[float, _Standing]:
    by_rate: dict[float, list[Probe]] = {}
    for probe in probes:
        by_rate.setdefault(probe.rate, []).append(probe)
    return {rate: _standing(found) for rate, found in by_rate.items()}


def _standing(probes: Sequence[Probe]) -> _Standing:
    votes: list[bool] = []
    first: Probe | None = None  # one that said nothing, waiting for its repeat
    unproven: str | None = None
    unmeasurable: str | None = None
    for probe in probes:
        if probe.verdict in {MET, MISSED}:
            votes.append(probe.verdict == MET)
            first = None
        elif first is None:
            first = probe
        else:
            first = None
            if probe.verdict == INVALID:
                unmeasurable = probe.reason or "the measurement was invalid"
            else:
                votes.append(False)
                unproven = probe.reason or "too few events to judge"
    return _Standing(tuple(votes), first is not None, unproven, unmeasurable)


def _bounds(standings: dict[float, _Standing]) -> tuple[float | None, float | None]:
    """The lowest rate not held, and the highest held below it."""
    high = min((rate for rate, standing in standings.items() if standing.held is False), default=None)
    below = math.inf if high is None else high
    low = max((rate for rate, standing in standings.items() if standing.held and rate < below), default=None)
    return low, high


def _wider(
    question: SearchQuestion, standings: dict[float, _Standing], low: float | None, high: float | None
) -> float | None:
    """Growth upwards, downwards, or the middle of a bracket; None where there is nowhere to go."""
    if high is None:
        base = question.start if low is None else low
        return None if base >= question.most else min(_readable(base * question.growth), question.most)
    if low is None:
        if standings[high].unproven is not None:
            return None  # a lower rate gives still fewer events
        down = _readable(high / question.growth)
        return down if down >= question.start * LOWEST_SHARE else None
    middle = math.sqrt(low * high)
    return _readable(middle) if low < _readable(middle) < high else middle


def _readable(rate: float) -> float:
    return float(f"{rate:.3g}")


def _reason(
    question: SearchQuestion,
    standings: dict[float, _Standing],
    low: float | None,
    high: float | None,
    probes: int,
    non_monotone: bool,
) -> str:
    stuck = next(((rate, s.unmeasurable) for rate, s in standings.items() if s.unmeasurable is not None), None)
    if not probes:
        text = "nothing was tried"
    elif low is None:
        text = "no rate could be judged" if high is None else f"nothing was held: {_told(standings, high)}"
    elif high is None:
        text = _told(standings, low) + (", the most that was asked for" if low >= question.most else "")
    else:
        text = f"{_told(standings, low)}, {_told(standings, high)}"
    if stuck is not None:
        text += f"; ended at {stuck[0]:g}/s, which could not be measured: {stuck[1]}"
    elif low is not None and high is not None and high > low * (1 + question.tolerance):
        text += f"; ended after {probes} probes, before the bracket was within {question.tolerance:.0%}"
    elif question.confirm and any(rate is not None and not standings[rate].confirmed for rate in (low, high)):
        text += f"; ended after {probes} probes, before both ends were confirmed"
    if non_monotone:
        text += "; a rate was met above one that was missed, so the boundary is noisy"
    return text


def _told(standings: dict[float, _Standing], rate: float) -> str:
    """ "50/s was held twice" """
    standing = standings[rate]
    if not standing.held and standing.unproven is not None:
        return f"{rate:g}/s could not be proven ({standing.unproven})"
    agreeing = standing.votes.count(bool(standing.held))
    times = {1: "once", 2: "twice"}.get(agreeing, f"{agreeing} times")
    return f"{rate:g}/s was {'held' if standing.held else 'missed'} {times}"
