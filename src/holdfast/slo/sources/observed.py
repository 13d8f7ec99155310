"""What a source saw of an objective, and what it could not see."""

from dataclasses import dataclass
from typing import Protocol

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

    def observe(self, objective: Objective, span: Span, step: int) -> Observed:
        """The steps of `step` seconds that lie in `span`, aligned to whole multiples of `step` since the epoch.

        What the source has nothing of is not measured. Raises InputError for an objective it cannot answer, and
        MeasurementError where it does not answer.
        """
        ...
