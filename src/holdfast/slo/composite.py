"""Several objectives judged as one, by OpenSLO's rules for composites.

    Occurrences        each part burns the composite at its own rate times its weight: spent = Σ weight · spent
    Timeslices         a slice is bad for the composite when it is bad for any part
    RatioTimeslices    shortfalls add, weighted: 95 % and 95 % make 90 %; a slice cannot be worse than wholly bad

A composite of slices is held against the strictest of its parts' targets. A slice that a part leaves out (no data) is
judged by the others, and left out when none has it.
"""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import numpy as np

from holdfast.slo.balance import Balance
from holdfast.slo.exhaustion import Exhaustion
from holdfast.slo.history import History
from holdfast.slo.objective import Composite, Method, Objective, Slices
from holdfast.slo.slices import Grid, sliced
from holdfast.slo.sources.observed import Observed
from holdfast.slo.standing import LEAST_COVERAGE, LOOKBACKS, PACE, Burn, Standing, covered, needed_span, standing
from holdfast.slo.tally import less, sound
from holdfast.slo.verdict import Verdict
from holdfast.slo.window import Span


def composite_standing(
    composite: Composite,
    observed: Sequence[Observed],
    at: float,
    *,
    exclusions: Sequence[Sequence[Span]] = (),
    lookbacks: Sequence[int] = LOOKBACKS,
    pace: int = PACE,
    least_coverage: float = LEAST_COVERAGE,
) -> Standing:
    """`observed` and `exclusions` in the order of its parts."""
    gone = [list(spans) for spans in exclusions] or [[] for _ in composite.parts]
    parts = tuple(
        standing(part, seen, at, exclusions=spans, lookbacks=lookbacks, pace=pace, least_coverage=least_coverage)
        for part, seen, spans in zip(composite.parts, observed, gone, strict=True)
    )
    if composite.method is Method.OCCURRENCES:
        one = _summed(composite, parts, at, pace)
        return replace(one, notes=(*one.notes, *_told(composite, observed)))
    alike = _as_objective(composite)
    history = composite_history(composite, observed, needed_span(alike, at, lookbacks), at, gone)
    one = standing(alike, Observed(history), at, lookbacks=lookbacks, pace=pace)
    coverages = [part.coverage for part in parts if part.coverage is not None]
    broken = sum(part.broken for part in parts)
    doubtful = broken and one.verdict is Verdict.MET
    told = replace(
        one,
        objective=composite,
        parts=parts,
        broken=broken,
        coverage=min(coverages, default=None),
        excluded_seconds=max((part.excluded_seconds for part in parts), default=0.0),
        verdict=Verdict.INCONCLUSIVE if doubtful else one.verdict,
        reason=f"{broken} steps hold counts that cannot be, and were left out" if doubtful else one.reason,
        notes=(*one.notes, *_told(composite, observed)),
    )
    return covered(told, least_coverage)


def _told(composite: Composite, observed: Sequence[Observed]) -> list[str]:
    """What the sources said of each part."""
    pairs = zip(composite.parts, observed, strict=True)
    return [f"{part.name}: {note}" for part, seen in pairs for note in seen.notes]


def composite_history(
    composite: Composite,
    observed: Sequence[Observed],
    span: Span,
    at: float,
    exclusions: Sequence[Sequence[Span]],
) -> History:
    """The composite's slices over a stretch. Only of composites that are counted in slices."""
    window = composite.window.span(at)
    origin = int(window.start) if composite.window.calendar is not None else 0
    cut = []
    for part, seen, spans in zip(composite.parts, observed, exclusions, strict=True):
        if part.slices is None:
            raise ValueError(f"{part.name}: {part.method} without slices")
        whole, _ = sound(less(seen.history, seen.test_traffic))
        cut.append(sliced(whole, part.slices, part.method, Grid(span, origin), spans))
    counted = np.stack([one.total for one in cut])
    short = counted - np.stack([one.good for one in cut])
    if composite.method is Method.TIMESLICES:
        bad = short.max(axis=0)
    else:
        weights = np.array([[float(part.weight)] for part in composite.parts])
        bad = np.minimum((weights * short).sum(axis=0), 1.0)
    total = counted.max(axis=0)
    measured = np.logical_or.reduce([one.measured for one in cut])
    return History(cut[0].start, cut[0].step, total - np.minimum(bad, total), total, measured)


def _as_objective(composite: Composite) -> Objective:
    """The composite of slices, which are its events, as an objective of its own."""
    strictest = max(composite.parts, key=lambda part: part.target)
    grid = composite.slices or strictest.slices
    slices = None if grid is None else Slices(grid.seconds, None, partial=grid.partial)  # no data: told by its total
    return replace(
        strictest, name=composite.name, window=composite.window, method=Method.RATIO_TIMESLICES, slices=slices
    )


def _summed(composite: Composite, parts: tuple[Standing, ...], at: float, pace: int) -> Standing:
    """Shares of budgets, weighted and added. Counts of different events do not add; the budget is a share of 1."""
    weights = [Fraction(part.weight) for part in composite.parts]
    unit = max(composite.parts, key=lambda part: part.target).target
    known = [(weight, one) for weight, one in zip(weights, parts, strict=True) if one.remaining is not None]
    missing = [one.name for one in parts if one.remaining is None]
    whole = _share(sum((w * (one.whole.spent or 0) for w, one in known), Fraction(0)), unit, known=bool(known))
    to_date = _share(sum((w * (one.to_date.spent or 0) for w, one in known), Fraction(0)), unit, known=bool(known))
    burns = tuple(_summed_burn(weights, parts, index, unit) for index in range(len(parts[0].burns)))
    verdict, reason = _summed_verdict(whole, parts, missing)
    coverages = [one.coverage for one in parts if one.coverage is not None]
    rate = next((burn.rate for burn in burns if burn.lookback == pace), None)
    return Standing(
        objective=composite,
        at=at,
        window=parts[0].window,
        to_date=to_date,
        whole=whole,
        estimated=any(one.estimated for one in parts),
        coverage=min(coverages, default=None),
        excluded_seconds=max(one.excluded_seconds for one in parts),
        broken=sum(one.broken for one in parts),
        burns=burns,
        exhaustion=_summed_exhaustion(whole, parts, rate, pace),
        interval=None,
        alternatives=(),
        burn_down=_summed_burn_down(weights, parts),
        verdict=verdict,
        reason=reason,
        notes=tuple(f"{name}: nothing was counted" for name in missing),
        parts=parts,
    )


def _share(spent: Fraction, target: Decimal, *, known: bool) -> Balance:
    """A budget of which `spent` is gone: of one event in all, the target's share of it may be bad."""
    empty = Balance(Fraction(0), Fraction(known), target)
    return Balance(spent * empty.allowed, empty.total, target)


def _summed_burn(weights: Sequence[Fraction], parts: Sequence[Standing], index: int, unit: Decimal) -> Burn:
    known = [(w, one.burns[index].rate) for w, one in zip(weights, parts, strict=True)]
    rates = [w * rate for w, rate in known if rate is not None]
    balance = _share(sum(rates, Fraction(0)), unit, known=bool(rates))
    reason = "" if rates else parts[0].burns[index].reason
    return Burn(parts[0].burns[index].lookback, balance.spent, balance, reason)


def _summed_verdict(whole: Balance, parts: Sequence[Standing], missing: Sequence[str]) -> tuple[Verdict, str]:
    left = whole.remaining
    if left is None:
        return Verdict.INCONCLUSIVE, "nothing was counted, which says nothing"
    if left < 0:
        return Verdict.MISSED, "its parts together spent more than its budget"
    if missing:
        return Verdict.INCONCLUSIVE, f"nothing is known of {', '.join(missing)}"
    unclear = [part.name for part in parts if part.verdict is Verdict.INCONCLUSIVE]
    if unclear:
        return Verdict.INCONCLUSIVE, f"{', '.join(unclear)} is inconclusive"
    return Verdict.MET, "its parts together are within its budget"


def _summed_exhaustion(whole: Balance, parts: Sequence[Standing], rate: Fraction | None, pace: int) -> Exhaustion:
    """By the rate alone, as though nothing left the window: a sum of shares has no events to roll."""
    left = whole.remaining
    method = "remaining budget over the summed burn rate"
    if left is not None and left <= 0:
        return Exhaustion(0.0, 0.0, 0.0, pace, known=True, reason="the budget is gone", method=method)
    if left is None or rate is None:
        return Exhaustion(None, None, None, pace, known=False, reason="nothing was counted", method=method)
    window = parts[0].window.seconds
    seconds = float(left * Fraction(window) / rate) if rate else None
    if seconds is None or (rate <= 1 and not parts[0].estimated):
        return Exhaustion(None, None, None, pace, known=True, reason="never at this pace", method=method)
    return Exhaustion(seconds, None, None, pace, known=True, reason="no interval: a sum of shares", method=method)


def _summed_burn_down(weights: Sequence[Fraction], parts: Sequence[Standing]) -> tuple[tuple[float, float], ...]:
    drawn = [(float(w), one.burn_down) for w, one in zip(weights, parts, strict=True) if one.burn_down]
    if not drawn:
        return ()
    moments = [at for at, _ in max((points for _, points in drawn), key=len)]
    left = np.ones(len(moments))
    for weight, points in drawn:
        times, shares = zip(*points, strict=True)
        left -= weight * (1.0 - np.interp(moments, times, shares))
    return tuple(zip(moments, left.tolist(), strict=True))
