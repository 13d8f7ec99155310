"""What a source saw of an objective, and what it could not see."""

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from holdfast.slo.history import History
from holdfast.slo.objective import Objective
from holdfast.slo.window import Span


@dataclass(frozen=True, slots=True, eq=False)
class Observed:
    """`test_traffic`: the part of `history` that is marked as test traffic, where the source can tell; same steps.

    `notes`: what is partial or doubtful, a sentence each ("2 of 40,320 steps were answered with a warning: …").
    """

    history: History
    test_traffic: History | None = None
    notes: tuple[str, ...] = ()


class Source(Protocol):
    """Opened for one command; everything it is asked is asked as of one moment."""

    @property
    def name(self) -> str:
        """For people: "run 20260101T120000Z-ci", "Prometheus at https://…"."""
        ...

    def observe(self, objective: Objective, span: Span, step: int) -> Observed:
        """The steps of `step` seconds that lie in `span`, aligned to whole multiples of `step` since the epoch.

        What the source has nothing of is not measured. Raises InputError for an objective it cannot answer, and
        MeasurementError where it does not answer.
        """
        ...

    def extent(self, objective: Objective) -> Span | None:
        """From the first to the last moment it has anything of; None: it has nothing, or cannot tell."""
        ...


def whole_steps(span: Span, step: int) -> tuple[int, int]:
    """First and end of the steps that lie in a span as a whole: none that a replay would have to see ahead for."""
    start = math.ceil(span.start / step) * step
    return start, max(math.floor(span.end / step) * step, start)


def unmeasured(start: int, end: int, step: int) -> History:
    """Nobody looked."""
    steps = (end - start) // step
    return History(start, step, np.zeros(steps), np.zeros(steps), np.zeros(steps, dtype=np.bool_))
