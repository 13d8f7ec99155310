"""Whether an objective is in a tier of a policy: its course replayed from the beginning, without any memory but that.

    outside ──(a condition of entry holds)──▶ inside ──(none holds, and every condition of exit does)──▶ outside

Each tier stands for itself. A step whose window is not measured enough moves nothing: it neither enters nor counts
towards leaving. Before the first step nothing is assumed to have happened. The same history and policy give the same
tiers, whoever asks, so that no state need be kept between two gates.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

import numpy as np

from holdfast.slo.evidence import Bools, Course, Floats
from holdfast.slo.policy_terms import Acknowledged, Tier

_NEVER: Final = float("inf")


@dataclass(frozen=True, slots=True)
class TierState:
    """At the end of the course. `since`: when it was entered. `calm_for`: seconds for which it could have been left.

    `missing`: actions that are still to be acknowledged. `held`: the conditions of entry that hold now, by their keys.
    """

    tier: Tier
    active: bool
    since: float | None
    calm_for: float
    missing: tuple[str, ...]
    held: tuple[str, ...]


def replay(
    course: Course, tier: Tier, acknowledged: Sequence[Acknowledged], coverage_below: Fraction, start: float
) -> TierState:
    """`start`: seconds since the epoch, from when on it is replayed. Needs a step that ends after it."""
    known = course.covered(course.window, coverage_below) & (course.window.total > 0)
    conditions, sure = _conditions(course, tier, acknowledged, coverage_below, known)
    entry = np.logical_or.reduce(list(conditions.values()))
    calm = sure & ~entry
    if tier.exit.remaining_at_least is not None:
        calm &= course.remaining_at_least(Fraction(tier.exit.remaining_at_least))
    begin = int(np.searchsorted(course.ends, start, side="right"))
    since, calm_since = _walk(course.ends[begin:], entry[begin:], calm[begin:], tier, acknowledged)
    end = float(course.ends[-1])
    return TierState(
        tier=tier,
        active=since is not None,
        since=since,
        calm_for=end - calm_since if calm_since is not None else 0.0,
        missing=() if since is None else _missing(tier, acknowledged, since, end),
        held=tuple(key for key, holds in conditions.items() if holds[-1]),
    )


def _conditions(
    course: Course, tier: Tier, acknowledged: Sequence[Acknowledged], coverage_below: Fraction, known: Bools
) -> tuple[dict[str, Bools], Bools]:
    """Where each condition of entry surely holds, by its key; and where it is known of all of them."""
    entry = tier.entry
    found: dict[str, Bools] = {}
    sure = known.copy()
    if entry.limit is not None:
        found["remaining_at_most"] = known & course.remaining_at_most(Fraction(entry.limit))
    for index, burning in enumerate(entry.burning):
        sums = course.last(burning.over)
        covered = course.covered(sums, coverage_below)
        found[f"burning[{index}]"] = covered & course.burning(Fraction(burning.at_least), sums)
        sure &= covered
    if entry.incident_above is not None:
        share = Fraction(entry.incident_above)
        found["incident_above"] = known & _costly_incident(course, tier, acknowledged, share, known)
    return found, sure


def _costly_incident(
    course: Course, tier: Tier, acknowledged: Sequence[Acknowledged], share: Fraction, known: Bools
) -> Bools:
    """Where one incident of the window spent more than a share, and the tier's actions have not yet answered it."""
    found = np.zeros(len(course), dtype=np.bool_)
    for incident in course.incidents:
        if course.may_be_above(incident, share, known):
            over = float(course.ends[incident[1] - 1])
            costly = course.above(course.spent_by(incident), share)
            found |= costly & (course.ends < _answered_at(tier, acknowledged, over))
    return found


def _answered_at(tier: Tier, acknowledged: Sequence[Acknowledged], over: float) -> float:
    """From when on every action of the tier has been taken about an incident that was over at a moment."""
    if not tier.exit.actions:
        return _NEVER
    taken = [
        min(
            (max(each.on.start, over) for each in acknowledged if each.action == action and each.on.end >= over),
            default=_NEVER,
        )
        for action in tier.exit.actions
    ]
    return max(taken)


def _walk(
    ends: Floats, entry: Bools, calm: Bools, tier: Tier, acknowledged: Sequence[Acknowledged]
) -> tuple[float | None, float | None]:
    """When it was entered, None outside; and since when it has been calm."""
    since: float | None = None
    calm_since: float | None = None
    hold = tier.exit.held_for or 0.0
    for end, enters, is_calm in zip(ends.tolist(), entry.tolist(), calm.tolist(), strict=True):
        if not is_calm:
            calm_since = None
            if enters and since is None:
                since = end
            continue
        calm_since = end if calm_since is None else calm_since
        if since is not None and end - calm_since >= hold and not _missing(tier, acknowledged, since, end):
            since = None
    return since, calm_since


def _missing(tier: Tier, acknowledged: Sequence[Acknowledged], since: float, now: float) -> tuple[str, ...]:
    """Actions that were not acknowledged between a tier's entry and now."""
    done = {each.action for each in acknowledged if each.on.end >= since and each.on.start <= now}
    return tuple(action for action in tier.exit.actions if action not in done)
