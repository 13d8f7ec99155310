"""Spans on the run's one clock: phases, faults, and what they cut.

No phase is stamped on a sample. A phase or fault is a span, as planned and as it really happened, and a sample
belongs to the span that holds its due time. Joined when read.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

PHASE: Final = "phase"
FAULT: Final = "fault"
SEARCH: Final = "search"  # a capacity search, from its first request to its last
SEARCH_STEP: Final = "search_step"  # one arrival rate that it held


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of a run. Times are seconds since the epoch; None while it has not happened."""

    kind: str
    name: str
    planned_start: float | None = None
    planned_end: float | None = None
    started: float | None = None
    ended: float | None = None
    attributes: Mapping[str, object] = field(default_factory=dict)

    @property
    def start(self) -> float | None:
        """As it really began, or as planned."""
        return self.started if self.started is not None else self.planned_start

    @property
    def end(self) -> float | None:
        return self.ended if self.ended is not None else self.planned_end
