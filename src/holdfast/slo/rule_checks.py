"""What is wrong with an objective's alerts before they are written: rows that can never fire, that fire within the
budget, or that hang on one or two failures; and what rules cannot say."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Final

from holdfast.errors import Problem
from holdfast.slo.burn import BurnRow, BurnWindows, fewest_failures, within_budget
from holdfast.slo.objective import AnyObjective, Composite, Method, Objective
from holdfast.slo.promql import range_text
from holdfast.slo.rule_labels import label_warnings
from holdfast.slo.rule_records import burn_factor, counts_events

_SURE: Final = 3
"""Fewer failures than that in a long window and one bad minute of one visitor is an alert."""


@dataclass(frozen=True, slots=True)
class Traffic:
    """What an objective says of its events. `min_failures`: bad events below which its long windows do not fire.

    `rate`: events a second; None: not said.
    """

    min_failures: int = 0
    rate: Fraction | None = None


def budget_target(objective: AnyObjective) -> Decimal:
    """The target whose error budget thresholds are multiples of; a composite's are burn rates: its budget is 1."""
    return objective.target if isinstance(objective, Objective) else Decimal(0)


def problems_of(objective: AnyObjective, windows: BurnWindows) -> Iterator[Problem]:
    """What rules cannot say, and why."""
    period = objective.window.seconds
    if windows.period is not None and windows.period != period:
        what = (
            f"{objective.name} is over {objective.window.text}, and the burn windows {windows.name} "
            f"are for {range_text(windows.period)}"
        )
        yield Problem(objective.where, what, "choose windows of its period")
    elif (longest := windows.seconds[-1]) > period:
        what = f"{objective.name} is over {objective.window.text}, and an alert looks back {range_text(longest)}"
        yield Problem(objective.where, what, "choose burn windows that are shorter than the objective's")
    if isinstance(objective, Composite):
        if objective.method is not Method.OCCURRENCES:
            what = f"{objective.name} is a composite of slices of time, which rules cannot say yet"
            yield Problem(objective.where, what, "leave it out: its parts can have rules of their own")
        return
    slices = objective.slices
    if slices is not None and objective.method is not Method.OCCURRENCES and slices.seconds > windows.seconds[0]:
        what = (
            f"{objective.name} is judged by slices of {range_text(slices.seconds)}, longer than the shortest "
            f"window of its alerts, {range_text(windows.seconds[0])}"
        )
        yield Problem(objective.where, what, "choose burn windows no shorter than a slice")


def none_fires(objective: AnyObjective, windows: BurnWindows) -> Problem:
    """Of an objective all of whose rows are impossible."""
    rows = "; ".join(f"over {_pair(row)} {_needed(objective, row)}" for row in windows.rows)
    what = f"no alert of {objective.name} can ever fire: {rows}"
    return Problem(objective.where, what, "raise the target, or choose burn windows with a smaller share of the budget")


def _needed(objective: AnyObjective, row: BurnRow) -> str:
    """Why a row cannot fire."""
    period = objective.window.seconds
    if isinstance(objective, Objective):
        above = percent(row.threshold(objective.target, period))
        return f"it needs more than {above} of errors, and a total outage is 100 %"
    most = rough(outage_of(objective))
    return f"it needs a burn rate above {rough(row.factor(period))}, and a total outage burns {most}"


def outage_of(objective: AnyObjective) -> Fraction:
    """What a total outage is compared as: an error ratio, of a composite a burn rate."""
    if isinstance(objective, Objective):
        return Fraction(1)
    return sum((burn_factor(part) for part in objective.parts), Fraction(0))


def warnings_of(
    objective: AnyObjective, windows: BurnWindows, kept: BurnWindows, traffic: Traffic
) -> Iterator[Problem]:
    period = objective.window.seconds
    for row in windows.rows:
        if row not in kept.rows:
            what = f"the {row.severity} over {_pair(row)} of {objective.name} can never fire: {_needed(objective, row)}"
            yield Problem(objective.where, what, "it is left out")
    for row in within_budget(kept, period):
        what = (  # told once, however many objectives have these windows
            f"burn windows {windows.name} over {range_text(period)}: the {row.severity} over {_pair(row)} fires within "
            f"the budget, at a burn rate of {rough(row.factor(period))}"
        )
        yield Problem("", what, "a burn rate of 1 lasts the whole period: choose larger shares, or live with it")
    if objective.window.calendar is not None:
        what = f"{objective.name} is over calendar windows, and its rules take the last {range_text(period)}"
        yield Problem(objective.where, what, "`holdfast slo status` counts the calendar's own")
    if isinstance(objective, Objective):
        yield from label_warnings(objective)
        yield from _traffic_warnings(objective, kept, traffic)


def _traffic_warnings(objective: Objective, kept: BurnWindows, traffic: Traffic) -> Iterator[Problem]:
    if traffic.min_failures and not counts_events(objective):
        what = f"{objective.name} counts no events, so that its alerts cannot ask for {traffic.min_failures} failures"
        yield Problem(objective.where, what, "take holdfast.dev/min-failures away, or count good and total")
    if traffic.rate is None:
        return
    period = objective.window.seconds
    for row in kept.rows:
        least = fewest_failures(row, objective.target, period, traffic.rate)
        if max(least, traffic.min_failures) < _SURE:
            what = (
                f"at its expected traffic, {least} failed in {range_text(row.long)} "
                f"make the {row.severity} over {_pair(row)} of {objective.name} fire"
            )
            fix = f"write holdfast.dev/min-failures: {_SURE} or more, lower the target, or count more traffic together"
            yield Problem(objective.where, what, fix)


def _pair(row: BurnRow) -> str:
    return f"{range_text(row.long)}/{range_text(row.short)}"


def percent(share: Decimal | Fraction) -> str:
    return f"{rough(Fraction(share) * 100)} %"


def rough(value: Fraction) -> str:
    """For people; comparisons are exact."""
    return f"{float(value):.4g}"
