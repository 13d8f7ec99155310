"""Why an objective had bad events in a stretch of time: what became of them, where, and which fault was in then."""

from collections.abc import Sequence
from typing import Final

from holdfast.record.recorder import Interval
from holdfast.record.sample import OK
from holdfast.record.timeline import Span
from holdfast.run.failures import ended_at
from holdfast.slo.counted import Stretch, of_customers
from holdfast.slo.indicator import Indicator, bad_in
from holdfast.workspace.quantity import duration_text

_NAMED: Final = 3  # reasons, the most frequent first


def cause_of(
    intervals: Sequence[Interval],
    indicator: Indicator,
    stretches: Sequence[Stretch],
    faults: Sequence[Span],
    attacks: Sequence[str] = (),
) -> str:
    """ "41 took longer than 400 ms, 8 timed out (ResponseTimeout); most in sign_in/sign_in (30); 49 of the 49 while
    database_latency was in". Empty where nothing was bad.
    """
    bad = [
        (n, interval)
        for interval in of_customers(intervals, indicator, attacks)
        if any(stretch.holds(interval.second) for stretch in stretches) and (n := bad_in(indicator, interval))
    ]
    if not bad:
        return ""
    total = sum(n for n, _ in bad)
    reasons, places = _sums(bad, indicator)
    said = [f"{n} {what}" for what, n in reasons[:_NAMED]]
    if len(reasons) > _NAMED:
        said.append(f"{sum(n for _, n in reasons[_NAMED:])} for other reasons")
    parts = [", ".join(said)]
    if len(places) > 1:
        name, most = places[0]
        parts.append(f"most in {name} ({most})")
    for fault in faults:
        met = sum(n for n, interval in bad if _met(interval, fault))
        if met:
            parts.append(f"{met} of the {total} while {fault.name} was in")
    return "; ".join(parts)


def _sums(
    bad: Sequence[tuple[int, Interval]], indicator: Indicator
) -> tuple[list[tuple[str, int]], list[tuple[str, int]]]:
    """Reasons and places with their counts, the most frequent first."""
    reasons: dict[str, int] = {}
    places: dict[str, int] = {}
    for n, interval in bad:
        why = _why(interval, indicator)
        reasons[why] = reasons.get(why, 0) + n
        places[interval.name] = places.get(interval.name, 0) + n
    return (
        sorted(reasons.items(), key=lambda item: (-item[1], item[0])),
        sorted(places.items(), key=lambda item: (-item[1], item[0])),
    )


def _why(interval: Interval, indicator: Indicator) -> str:
    good = indicator.good
    if interval.outcome == OK and good is not None and good.under is not None:
        return f"took longer than {duration_text(good.under)}"
    said = interval.outcome.replace("_", " ")
    return f"{said} ({interval.detail})" if interval.detail else said


def _met(interval: Interval, fault: Span) -> bool:
    """Whether the events were on their way while the fault was in."""
    if fault.started is None:
        return False
    begun, over = float(interval.second), ended_at(interval, fastest=False) + 0.5
    return over >= fault.started and (fault.ended is None or begun < fault.ended)
