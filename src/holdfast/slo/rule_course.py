"""Courses of events that unit tests of rules play, and which alerts they must fire: a model apart from PromQL.

An alert of a course is sure only where each comparison is clear by a margin: Prometheus extrapolates increases to the
edges of a window, which this model does not. What is not sure is not tested.
"""

from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Final

from holdfast.slo.alert import Alert, Limit

_MARGIN: Final = 0.15  # and floats do: what is closer than that is not sure anyway


@dataclass(frozen=True, slots=True)
class Course:
    """Events of each step after the first evaluation: bad and all. `step`: seconds."""

    name: str
    step: int
    bad: tuple[int, ...]
    total: tuple[int, ...]

    @property
    def seconds(self) -> int:
        return len(self.bad) * self.step

    def ratio(self, window: int, at: int) -> tuple[int, int]:
        """Bad events and all in the last `window` seconds, after `at` steps."""
        first = max(0, at - window // self.step)
        return sum(self.bad[first:at]), sum(self.total[first:at])


def fires(alert: Alert, course: Course, at: int, weight: Fraction = Fraction(1)) -> bool | None:
    """Whether an alert fires after `at` steps; None: not sure. `weight`: an error ratio of 1 is compared as this."""
    waited = -(-alert.after // course.step)
    if at - waited < 1:
        return False
    held = [_holds(alert, course, step, weight) for step in range(at - waited, at + 1)]
    if any(each is False for each in held):
        return False
    return None if None in held else True


def _holds(alert: Alert, course: Course, at: int, weight: Fraction) -> bool | None:
    rows = []
    for row in alert.rows:
        limits = [_exceeds(limit, course, at, weight) for limit in row.limits]
        rows.append(False if False in limits else None if None in limits else True)
    return True if True in rows else None if None in rows else False


def _exceeds(limit: Limit, course: Course, at: int, weight: Fraction) -> bool | None:
    bad, total = course.ratio(limit.window, at)
    if not total:
        return False
    answers = [_compared(bad / total * float(weight), float(limit.threshold), limit.op)]
    if limit.least_bad:
        answers.append(_compared(bad, limit.least_bad, "gte"))
    return False if False in answers else None if None in answers else True


def _compared(value: float, limit: float, op: str) -> bool | None:
    if abs(value - limit) <= _MARGIN * limit:
        return None
    return value > limit if op in ("gt", "gte") else value < limit


@lru_cache(maxsize=4096)
def values_text(values: tuple[int | Fraction, ...]) -> str:
    """A series' values as promtool reads them, runs of equal steps together: "0+10x5 50x3"."""
    parts: list[str] = []
    index = 0
    while index < len(values):
        start = values[index]
        if index + 1 == len(values):
            parts.append(decimal(start))
            break
        rise: int | Fraction = values[index + 1] - start
        run = 1
        while index + run + 1 < len(values) and values[index + run + 1] - values[index + run] == rise:
            run += 1
        parts.append(f"{decimal(start)}{'-' if rise < 0 else '+'}{decimal(rise if rise > 0 else -rise)}x{run}")
        index += run + 1
    return " ".join(parts)


def decimal(value: int | Fraction) -> str:
    return str(value.numerator) if value.denominator == 1 else f"{float(value):.12f}".rstrip("0")
