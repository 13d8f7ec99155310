"""Where customers drop off: the intervals of one scenario or journey in, its funnel out."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from holdfast.record.histogram import Histogram
from holdfast.record.recorder import Interval
from holdfast.record.sample import ABANDONED, DROPPED, EXCUSED, OK
from holdfast.run.load_summary import Funnel, FunnelStep
from holdfast.run.recorded import outcomes_of
from holdfast.slo.bounds import lower_bound, upper_bound


def funnel_of(name: str, source: str, steps: Sequence[str], intervals: Sequence[Interval]) -> Funnel:
    """Who was dropped never started: it is told beside the funnel, and counted nowhere in it. Excused ones neither."""
    none = {DROPPED, *EXCUSED}
    visits = outcomes_of(i for i in intervals if i.name == name and i.outcome not in none)
    started, completed, abandoned = sum(visits.values()), visits.get(OK, 0), visits.get(ABANDONED, 0)
    found = tuple(
        _step(step, [i for i in intervals if i.name == f"{name}/{step}" and i.outcome not in none], started)
        for step in steps
    )
    lost = sum(step.reached - step.completed for step in found)
    return Funnel(
        name=name,
        source="load" if source == "load" else "synthetics",
        started=started,
        completed=completed,
        steps=found,
        ratio=_ratio(completed, started),
        interval=exact_interval(completed, started),
        abandoned=abandoned,
        abandonment=_ratio(abandoned, started),
        abandonment_interval=exact_interval(abandoned, started),
        outcomes=visits,
        outside=max(started - completed - lost, 0),
        dropped=sum(i.count for i in intervals if i.name == name and i.outcome == DROPPED and i.source == "load"),
    )


def lost_beside_steps(funnel: Funnel) -> list[str]:
    """Of those whom no step lost: who ended outside of the steps, and who never came in. Empty where nobody did."""
    said = []
    if funnel.outside:
        how = ", ".join(f"{n} {name.replace('_', ' ')}" for name, n in funnel.outcomes.items() if name != OK)
        what = "visits" if funnel.source == "load" else "walks"
        said.append(f"{funnel.name}: {funnel.outside} of {funnel.started} {what} ended outside of any step ({how})")
    if funnel.dropped:
        due = funnel.started + funnel.dropped
        said.append(f"{funnel.name}: {funnel.dropped} of {due} arrivals were dropped before they began")
    return said


@dataclass(frozen=True, slots=True)
class Loss:
    """A step that some reached and did not get through."""

    funnel: Funnel
    step: FunnelStep

    @property
    def count(self) -> int:
        return self.step.reached - self.step.completed

    @property
    def share(self) -> float:
        """Of those who reached the step."""
        return self.count / self.step.reached


def losses(funnels: Iterable[Funnel]) -> list[Loss]:
    """Every step that lost anybody: the greatest share first, of equal ones the greatest number."""
    found = [Loss(funnel, step) for funnel in funnels for step in funnel.steps if step.completed < step.reached]
    return sorted(found, key=lambda loss: (-loss.share, -loss.count, loss.funnel.name))


def worst_losses(funnels: Iterable[Funnel], most: int) -> list[Loss]:
    """At most so many by share and so many by number, in the order of `losses`: one of seven walks is as much a loss as
    thirty of a thousand visits.
    """
    found = losses(funnels)
    by_number = sorted(found, key=lambda loss: -loss.count)
    return [loss for place, loss in enumerate(found) if place < most or loss in by_number[:most]]


def exact_interval(part: int, whole: int) -> tuple[float, float]:
    """Clopper and Pearson's bounds of the true share, at 95 % per side; all that can be when nothing was seen."""
    missing = whole - part
    return 1.0 - upper_bound(missing, whole), 1.0 - lower_bound(missing, whole)


def _step(name: str, intervals: Sequence[Interval], started: int) -> FunnelStep:
    outcomes = outcomes_of(intervals)
    came, through = sum(outcomes.values()), outcomes.get(OK, 0)
    durations = Histogram.sum(i.response for i in intervals if i.outcome == OK)
    once = came <= started  # or visits entered it again, and it has no share of them
    return FunnelStep(
        name=name,
        reached=came,
        completed=through,
        ratio=_ratio(through, came),
        p50=durations.quantile(0.5),
        p95=durations.quantile(0.95),
        interval=exact_interval(through, came),
        share=_ratio(through, started) if once else None,
        share_interval=exact_interval(through, started) if once else (0.0, 1.0),
        outcomes=outcomes,
    )


def _ratio(part: int, whole: int) -> float | None:
    return part / whole if whole else None
