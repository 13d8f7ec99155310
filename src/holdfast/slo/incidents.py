"""What an alert is there to tell: the times when a service really hurt. Found in the history, or given by people.

Found ones are stretches in which the error budget went faster than it may, and that cost enough of it to matter. Going
through time, a stretch

    begins   with the first step that burns faster than `burn`
    ends     with the step after which it was at its worst: where the bad events in excess of `burn` times what is
             allowed, summed from its begin, are the most. It is over once that sum is back at 0, or `calm` seconds
             have passed without a new most: two outages of one day are two, and noise between them joins nothing
    counts   when it cost at least `budget` of the period's error budget, with at least `fewest` bad events

The default of 2 % is the smallest share of a budget for which the SRE workbook wakes anybody (table 5-8); what costs
less it leaves to the budget itself. It is a definition, not the truth: whoever knows what hurt, names it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Final

import numpy as np

from holdfast.slo.budget import error_budget
from holdfast.slo.playback import Counts, Sums


@dataclass(frozen=True, slots=True)
class IncidentRule:
    """See above. `burn`: a burn rate; `calm`: seconds; `budget`: a share of the period's; `fewest`: bad events."""

    burn: Decimal = Decimal(1)
    calm: int = 3600
    budget: Decimal = Decimal("0.02")
    fewest: int = 2


DEFAULT_RULE: Final = IncidentRule()


@dataclass(frozen=True, slots=True)
class Incident:
    """[start, end), seconds since the epoch. `bad`: events; `spent`: share of a period's budget; None: no traffic."""

    start: float
    end: float
    name: str = ""
    bad: float = 0.0
    spent: float | None = None


def allowance(sums: Sums, target: Decimal, period: int) -> float:
    """Bad events that a period may have at the history's mean traffic, counted over the time that was measured.

    0 where nothing was counted. A share of the budget is a share of this, so that it means the same all through.
    """
    measured = int(np.count_nonzero(sums.history.measured)) * sums.history.step
    return float(sums.total[-1]) / measured * period * float(error_budget(target)) if measured else 0.0


def find_incidents(sums: Sums, target: Decimal, period: int, rule: IncidentRule = DEFAULT_RULE) -> tuple[Incident, ...]:
    """In order of time. `period`: the objective's window, seconds."""
    allowed = allowance(sums, target, period)
    least = max(float(rule.budget) * allowed, float(rule.fewest))
    if not allowed or sums.bad[-1] < least:
        return ()
    limit = Fraction(rule.burn) * Fraction(error_budget(target))
    excess = sums.history.bad * float(limit.denominator) - sums.history.total * float(limit.numerator)
    found = []
    for begin, end in _stretches(excess, max(rule.calm // sums.history.step, 1)):
        bad = float(sums.bad[end] - sums.bad[begin])
        if bad >= least:
            start, step = sums.history.start, sums.history.step
            found.append(Incident(start + begin * step, start + end * step, "", bad, bad / allowed))
    return tuple(found)


def priced(incidents: Sequence[Incident], sums: Sums, target: Decimal, period: int) -> tuple[Incident, ...]:
    """Incidents that people named, with what they cost by the history; those that lie outside of it are left out."""
    allowed = allowance(sums, target, period)
    inside = [i for i in incidents if i.start < sums.history.end and i.end > sums.history.start]
    return tuple(
        Incident(i.start, i.end, i.name, bad, bad / allowed if allowed else None)
        for i in sorted(inside, key=lambda incident: incident.start)
        for bad in (sums.bad_between(i.start, i.end),)
    )


def _stretches(excess: Counts, calm: int) -> list[tuple[int, int]]:
    """Steps [begin, end). Runs of one sign are taken as one: nothing begins, ends or is at its worst inside of one."""
    signs = excess > 0
    edges = np.flatnonzero(np.diff(signs, prepend=~signs[:1], append=~signs[-1:]))
    runs = np.add.reduceat(excess, edges[:-1]) if len(excess) else np.zeros(0)
    found: list[tuple[int, int]] = []
    begin = worst_at = -1
    total = worst = 0.0
    for start, end, run in zip(edges[:-1].tolist(), edges[1:].tolist(), runs.tolist(), strict=True):
        if run > 0:
            if begin < 0:
                begin, total, worst = start, 0.0, 0.0
            total += run
            if total > worst:
                worst, worst_at = total, end
        elif begin >= 0:
            total += run
        if begin >= 0 and (total <= 0 or end - worst_at >= calm):
            found.append((begin, worst_at))
            begin = -1
    if begin >= 0:
        found.append((begin, worst_at))
    return found
