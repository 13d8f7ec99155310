"""What a policy judges an objective by: observations in; a history in the units of its budget, events or slices, out.

Marked test traffic is taken out, for it is no customer's, and so is time that was excluded by agreement: it counts
nothing, but is no gap in the evidence either.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

import numpy as np

from holdfast.slo.composite import composite_history
from holdfast.slo.history import History, broken_steps
from holdfast.slo.objective import Composite, Method, Objective
from holdfast.slo.slices import Grid, sliced
from holdfast.slo.sources.observed import Observed
from holdfast.slo.tally import less
from holdfast.slo.window import Span, Window


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """`history`: None where there is none to judge by, and `why` not. `newest`: when the newest look at it ended.

    Without `newest` it is the end of the newest measured step. `composite`: the name of the one it is a part of.
    """

    objective: str
    target: Decimal
    window: Window
    history: History | None
    why: str = ""
    newest: float | None = None
    composite: str = ""
    slices: bool = False  # of time, rather than events

    def is_named_in(self, objectives: Sequence[str]) -> bool:
        """Whether a list of objectives is about it: by its own name, or as a part of what is named; empty: of all."""
        return not objectives or self.objective in objectives or self.composite in objectives


def needed_history(objective: Objective | Composite, at: float) -> Span:
    """The window, and the one before it: whether a tier was entered is judged by whole windows, too."""
    window = objective.window
    now = window.span(at)
    before = window.span(now.start - 1.0).start if window.calendar is not None else now.start - window.seconds
    return Span(before, at)


def measured_of(
    objective: Objective, observed: Observed, span: Span, at: float, exclusions: Sequence[Span] = ()
) -> Measured:
    """Raises ValueError where steps do not fit into the objective's slices."""
    history = less(observed.history, observed.test_traffic)
    why = _why_not(history, observed.notes)
    if why:
        return Measured(objective.name, objective.target, objective.window, None, why)
    newest = _newest(history)
    if objective.method is Method.OCCURRENCES:
        counted = history.without(exclusions)
    elif objective.slices is None:
        raise ValueError(f"{objective.name}: {objective.method} without slices")
    else:
        counted = sliced(history, objective.slices, objective.method, _grid(objective, span, at), exclusions)
    counted = _looked_at(counted, exclusions)
    of_time = objective.method is not Method.OCCURRENCES
    return Measured(objective.name, objective.target, objective.window, counted, newest=newest, slices=of_time)


def measured_composite(
    composite: Composite,
    observed: Sequence[Observed],
    span: Span,
    at: float,
    exclusions: Sequence[Sequence[Span]],
) -> tuple[Measured, ...]:
    """Of slices as one; of events each part by itself, for counts of different events do not add.

    `observed` and `exclusions` in the order of its parts. Raises ValueError as `measured_of` does.
    """
    each = tuple(
        replace(measured_of(part, seen, span, at, gone), composite=composite.name)
        for part, seen, gone in zip(composite.parts, observed, exclusions, strict=True)
    )
    if composite.method is Method.OCCURRENCES:
        return each
    target = max(part.target for part in composite.parts)
    whys = [f"{one.objective}: {one.why}" for one in each if one.history is None]
    if whys:
        return (Measured(composite.name, target, composite.window, None, "; ".join(whys)),)
    counted = composite_history(composite, observed, span, at, exclusions)
    oldest = min((one.newest for one in each if one.newest is not None), default=None)
    return (Measured(composite.name, target, composite.window, counted, newest=oldest, slices=True),)


def _why_not(history: History, notes: Sequence[str]) -> str:
    broken = broken_steps(history)
    if broken:
        return f"{broken} steps hold counts that cannot be (more good events than events, or no number)"
    return "" if history.measured.any() else "; ".join(("nothing was measured", *notes))


def _newest(history: History) -> float:
    return float(history.times[np.flatnonzero(history.measured)[-1]] + history.step)


def _grid(objective: Objective, span: Span, at: float) -> Grid:
    window = objective.window
    return Grid(span, int(window.span(at).start) if window.calendar is not None else 0)


def _looked_at(history: History, spans: Sequence[Span]) -> History:
    middles = history.times + history.step / 2
    excluded = np.zeros(len(history), dtype=np.bool_)
    for span in spans:
        excluded |= (middles >= span.start) & (middles < span.end)
    return replace(history, measured=history.measured | excluded)
