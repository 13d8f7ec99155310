"""What is recorded of an objective, so that alerts and dashboards need not ask again.

    holdfast:slo_total_events:5m     events in the last 5 minutes
    holdfast:slo_bad_events:5m       those of them that were bad; 0 where there were events and none was bad
    holdfast:slo_error_ratio:5m      bad over total; absent where there was no event
    holdfast:slo_objective, holdfast:slo_error_budget, holdfast:slo_period_seconds      what was promised
    holdfast:slo_burn_rate           of the shortest window, in error budgets
    holdfast:slo_period_burn_rate    of the whole period; 1 minus it is holdfast:slo_error_budget_remaining

Bad and total events are recorded apart and divided afterwards, so that an hour of traffic weighs what it weighs: the
mean of ratios, which other generators record for the period, takes a quiet night for a busy day. Windows longer than
`chain_over` are summed from the counts of the shortest, which are two series, however many the metrics themselves have.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from holdfast.slo.budget import error_budget
from holdfast.slo.indicator import Indicator
from holdfast.slo.objective import Composite, Method, NoData, Objective
from holdfast.slo.promql import Expressions, expressions, range_text
from holdfast.slo.rule import Record, number
from holdfast.slo.rule_labels import OBJECTIVE, SERVICE, record_labels

TOTAL: Final = "holdfast:slo_total_events"
BAD: Final = "holdfast:slo_bad_events"
RATIO: Final = "holdfast:slo_error_ratio"
SLICE: Final = "holdfast:slo_slice_error_ratio"
SLICE_EVENTS: Final = "holdfast:slo_slice_events"
SLICE_BAD: Final = "holdfast:slo_slice_bad"
BURN: Final = "holdfast:slo_window_burn_rate"
PERIOD_BURN: Final = "holdfast:slo_period_burn_rate"


@dataclass(frozen=True, slots=True)
class Recording:
    """`windows`: those that alerts look at, shortest first; `chain_over`: see above. Seconds."""

    windows: tuple[int, ...]
    chain_over: int
    extra: Mapping[str, str]

    @property
    def shortest(self) -> int:
        return self.windows[0]


def named(record: str, window: int) -> str:
    return f"{record}:{range_text(window)}"


def series(record: str, objective: Objective | Composite, window: int | None = None) -> str:
    """The recorded series of one objective."""
    name = record if window is None else named(record, window)
    return f'{name}{{{OBJECTIVE}="{_quoted(objective.name)}",{SERVICE}="{_quoted(objective.service)}"}}'


def asked_of(objective: Objective, over: str) -> Expressions:
    """What is asked of the metrics themselves: one series, whatever a query of somebody else's hand leaves apart."""
    asked = expressions(objective.indicator, over)
    if asked.bad is None or asked.total is None:
        return Expressions(f"avg({asked.ratio})")
    if isinstance(objective.indicator, Indicator) or asked.total.startswith("sum("):
        return asked
    return Expressions(asked.ratio, f"sum({asked.bad})", f"sum({asked.total})")


def counts_events(objective: Objective) -> bool:
    """Whether bad and total are recorded: of a metric that is a ratio itself there are no events."""
    return objective.method is not Method.OCCURRENCES or _is_counted(objective)


def event_records(objective: Objective, recording: Recording) -> Iterator[Record]:
    """Of every window that alerts look at."""
    labels = record_labels(objective, recording.extra)
    if objective.slices is not None and objective.method is not Method.OCCURRENCES:
        yield from _slice_records(objective, labels)
    for window in recording.windows:
        yield from window_records(objective, window, recording)


def window_records(objective: Objective, window: int, recording: Recording) -> Iterator[Record]:
    """Bad, total and their ratio over one window."""
    labels = record_labels(objective, recording.extra)
    short, over = recording.shortest, range_text(window)
    if objective.slices is not None and objective.method is not Method.OCCURRENCES:
        judged = f"{_judged(objective)}[{over}:{range_text(objective.slices.seconds)}]"
        yield Record(named(TOTAL, window), f"count_over_time({judged})", labels)
        yield Record(named(BAD, window), f"sum_over_time({judged})", labels)
    elif window > max(recording.chain_over, short):
        steps = f"[{over}:{range_text(short)}]"
        if not _is_counted(objective):
            mean = f"avg_over_time(({series(RATIO, objective, short)} >= -Inf){steps})"
            yield Record(named(RATIO, window), mean, labels)
            return
        for record in (TOTAL, BAD):
            yield Record(named(record, window), f"sum_over_time({series(record, objective, short)}{steps})", labels)
    else:
        asked = asked_of(objective, over)
        if asked.bad is None or asked.total is None:
            yield Record(named(RATIO, window), asked.ratio, labels)
            return
        yield Record(named(TOTAL, window), asked.total, labels)
        yield Record(named(BAD, window), asked.bad, labels)
    bad, total = series(BAD, objective, window), series(TOTAL, objective, window)
    yield Record(named(RATIO, window), f"{bad}\n/\n({total} > 0)", labels)


def promise_records(objective: Objective, recording: Recording) -> Iterator[Record]:
    """What was promised, and how its budget goes."""
    labels = record_labels(objective, recording.extra)
    budget, period = number(Fraction(error_budget(objective.target))), objective.window.seconds
    yield Record("holdfast:slo_objective", f"vector({number(Fraction(objective.target))})", labels)
    yield Record("holdfast:slo_error_budget", f"vector({budget})", labels)
    yield Record("holdfast:slo_period_seconds", f"vector({period})", labels)
    yield Record("holdfast:slo_burn_rate", f"{series(RATIO, objective, recording.shortest)} / {budget}", labels)
    if period not in recording.windows:
        yield from window_records(objective, period, recording)
    yield Record(PERIOD_BURN, f"{series(RATIO, objective, period)} / {budget}", labels)
    yield Record("holdfast:slo_error_budget_remaining", f"1 - {series(PERIOD_BURN, objective)}", labels)


def composite_records(composite: Composite, recording: Recording) -> Iterator[Record]:
    """Each part burns the composite at its own rate times its weight; a part without an event burns nothing."""
    labels = {OBJECTIVE: composite.name, SERVICE: composite.service, **recording.extra}
    period = composite.window.seconds
    for window in dict.fromkeys((*recording.windows, period)):
        yield Record(named(BURN, window), _summed(composite, window), labels)
    yield Record("holdfast:slo_period_seconds", f"vector({period})", labels)
    yield Record("holdfast:slo_burn_rate", series(BURN, composite, recording.shortest), labels)
    yield Record(PERIOD_BURN, series(BURN, composite, period), labels)
    yield Record("holdfast:slo_error_budget_remaining", f"1 - {series(PERIOD_BURN, composite)}", labels)


def burn_factor(part: Objective) -> Fraction:
    """What an error ratio of 1 of a composite's part burns of the composite."""
    return Fraction(part.weight) / Fraction(error_budget(part.target))


def absent_text(objective: Objective, recording: Recording) -> str:
    """Holds where nothing is known of an objective, which is not the same as no traffic: then there are zeros."""
    short = recording.shortest
    if objective.slices is not None and objective.method is not Method.OCCURRENCES:
        return f"absent({series(SLICE_EVENTS if _is_counted(objective) else SLICE, objective)})"
    return f"absent({series(TOTAL if _is_counted(objective) else RATIO, objective, short)})"


def _slice_records(objective: Objective, labels: Mapping[str, str]) -> Iterator[Record]:
    """The newest slice, as it stands at each evaluation: its error ratio, and what it counts as."""
    slices = objective.slices
    if slices is None:
        raise TypeError(f"{objective.name} has no slices")
    over = range_text(slices.seconds)
    asked = asked_of(objective, over)
    ratio = f"({asked.ratio}) >= -Inf"
    if asked.total is not None and asked.bad is not None:
        yield Record(SLICE_EVENTS, asked.total, labels)
        ratio = f"({asked.bad})\n/\n(({asked.total}) > 0)"
    yield Record(SLICE, ratio, labels)
    known = series(SLICE, objective)
    if objective.method is Method.TIMESLICES and slices.target is not None:
        known = f"({known} > bool {number(1 - Fraction(slices.target))})"
    if slices.no_data is not NoData.EXCLUDE:
        fill = f"vector({int(slices.no_data is NoData.BAD)})"
        known = f"max by () ({known}) or {fill}"
    yield Record(SLICE_BAD, known, labels)


def _judged(objective: Objective) -> str:
    return series(SLICE_BAD, objective)


def _is_counted(objective: Objective) -> bool:
    return expressions(objective.indicator, "1h").total is not None


def _summed(composite: Composite, window: int) -> str:
    parts = [f"({number(burn_factor(part))} * {series(RATIO, part, window)})" for part in composite.parts]
    return "sum(\n  " + "\n  or\n  ".join(parts) + "\n)"


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
