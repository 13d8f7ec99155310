"""The run per second, for pictures: everything on the run's one clock."""

import math
from collections.abc import Mapping

import numpy as np

from holdfast.load.measured import is_generator
from holdfast.record.histogram import Histogram, bucket_middle
from holdfast.record.recorder import Interval
from holdfast.record.sample import DROPPED, OK, depth_of
from holdfast.run.poller import REPLICAS_READY
from holdfast.run.recorded import Recorded
from holdfast.run.summary import Timeline, TimelineFault, TimelineJourney, TimelineLatency, TimelinePhase
from holdfast.slo.budget import allowed_bad
from holdfast.slo.counted import of_customers
from holdfast.slo.indicator import counts_events_of

_OF_GENERATOR = ("cpu", "in_flight")


def timeline(recorded: Recorded) -> Timeline:
    """From time 0 to the last phase's end. Without load, rates are 0 and quantiles null."""
    zero = recorded.time_zero
    length = max(math.ceil(recorded.plan_end - zero), 0)
    first = math.floor(zero)
    by_second: dict[int, list[Interval]] = {second: [] for second in range(length)}
    for interval in recorded.intervals:
        if interval.source == "load" and depth_of(interval.name) == 1 and interval.second - first in by_second:
            by_second[interval.second - first].append(interval)
    outcomes = sorted({i.outcome for intervals in by_second.values() for i in intervals})
    sent = {s: Histogram.sum(i.response for i in found if i.outcome != DROPPED) for s, found in by_second.items()}
    return Timeline(
        seconds=tuple(by_second),
        rate=tuple(float(sum(i.count for i in found)) for found in by_second.values()),
        outcomes={
            outcome: tuple(sum(i.count for i in found if i.outcome == outcome) for found in by_second.values())
            for outcome in outcomes
        },
        p50=tuple(sent[s].quantile(0.5) for s in by_second),
        p95=tuple(sent[s].quantile(0.95) for s in by_second),
        p99=tuple(sent[s].quantile(0.99) for s in by_second),
        budget_left=_budget_left(recorded, length),
        gauges=_gauges(recorded),
        phases=tuple(TimelinePhase(p.name, p.start - zero, p.end - zero, p.judged) for p in recorded.phases),
        faults=tuple(
            TimelineFault(s.name, s.started - zero, None if s.ended is None else s.ended - zero)
            for s in recorded.faults
            if s.started is not None
        ),
        journeys=_journeys(recorded),
        ended=_ended(recorded, length),
        latencies=_latencies(recorded, length),
    )


def _ended(recorded: Recorded, length: int) -> Mapping[str, tuple[int, ...]]:
    """Visits by the second in which they ended, to half a second: a failure belongs where it happened, and one that was
    due before a fault happened during it. One that may have ended in a fault's first second or in the one before is
    drawn in the fault's. What ended after the last phase is in no second.
    """
    first = math.floor(recorded.time_zero)
    begun = [fault.started - first for fault in recorded.faults if fault.started is not None]
    found: dict[str, list[int]] = {}
    for interval in recorded.intervals:
        if interval.source != "load" or depth_of(interval.name) != 1:
            continue
        lane = found.setdefault(interval.outcome, [0] * length)
        for bucket, number in interval.response.counts.items():
            earliest = interval.second - first + bucket_middle(bucket)
            second = math.floor(earliest + 0.5)
            if interval.outcome != OK:
                second = max([second, *(math.floor(begin) for begin in begun if earliest < begin < earliest + 1)])
            if 0 <= second < length:
                lane[second] += number
    return {outcome: tuple(found[outcome]) for outcome in sorted(found) if any(found[outcome])}


def _latencies(recorded: Recorded, length: int) -> tuple[TimelineLatency, ...]:
    """Of each objective that has a limit for response times: those of all that was sent, whatever came of it."""
    first = math.floor(recorded.time_zero)
    found = []
    for asked in recorded.asked.objectives:
        objective = asked.objective
        good = objective.events.good
        if good is None or good.under is None or objective.events.total.source == "synthetics":
            continue
        lanes: dict[int, list[Histogram]] = {}
        for interval in of_customers(recorded.intervals, objective.events, recorded.asked.attacks):
            if (
                interval.source == "load"
                and interval.outcome != DROPPED
                and counts_events_of(objective.events, interval)
            ):
                lanes.setdefault(interval.second - first, []).append(interval.response)
        summed = {second: Histogram.sum(lanes[second]) for second in lanes}
        p50, p95, p99 = (
            tuple(summed[second].quantile(q) if second in summed else None for second in range(length))
            for q in (0.5, 0.95, 0.99)
        )
        title = objective.display_name or objective.name
        found.append(TimelineLatency(objective.name, title, good.under, float(objective.target), p50, p95, p99))
    return tuple(found)


def _budget_left(recorded: Recorded, length: int) -> Mapping[str, tuple[float, ...]]:
    """Of the run's own budget: the bad events that its judged phases may have. Below 0 is overspent.

    What a phase that is not judged lost is not in it, and the last second has what came in while the run drained, so
    that it ends at what the judgement says was left.
    """
    zero = math.floor(recorded.time_zero)
    left: dict[str, tuple[float, ...]] = {}
    for asked in recorded.asked.objectives:
        objective = asked.objective
        counts = recorded.counted(objective)
        if not counts.total_events or not length:
            continue
        bad = np.bincount(
            np.clip(counts.seconds - zero, 0, length - 1), weights=counts.total - counts.good, minlength=length
        )
        allowed = float(allowed_bad(counts.total_events, objective.target))
        left[objective.name] = tuple((1.0 - bad.cumsum() / allowed).tolist())
    return left


def _gauges(recorded: Recorded) -> Mapping[str, tuple[tuple[float, float], ...]]:
    """Of several workers: what is in flight together, and the processor time of the busiest, once a second."""
    ready: list[tuple[float, float]] = []
    by_second: dict[str, dict[int, dict[str, tuple[float, float]]]] = {}
    for gauge in recorded.gauges:
        at = round(gauge.at - recorded.time_zero, 3)
        if not recorded.time_zero <= gauge.at <= recorded.plan_end:
            continue
        if gauge.source == "target" and gauge.name == REPLICAS_READY:
            ready.append((at, gauge.value))
        elif is_generator(gauge.source) and gauge.name in _OF_GENERATOR:
            by_second.setdefault(gauge.name, {}).setdefault(int(at), {})[gauge.source] = (at, gauge.value)
    found = {
        name: tuple(
            (
                min(at for at, _ in told.values()),
                (sum if name == "in_flight" else max)(value for _, value in told.values()),
            )
            for told in seconds.values()
        )
        for name, seconds in by_second.items()
    }
    return dict(sorted({**found, **({REPLICAS_READY: tuple(ready)} if ready else {})}.items()))


def _journeys(recorded: Recorded) -> tuple[TimelineJourney, ...]:
    """One point a walk: the journey's own event where it is told, with its exact time."""
    return tuple(
        TimelineJourney(
            name=str(event.facts.get("name")),
            at=float(str(event.facts.get("due", event.at))) - recorded.time_zero,
            outcome=str(event.facts.get("outcome")),
            duration=float(str(event.facts.get("duration", 0.0))),
        )
        for event in recorded.events_of("journey")
    )
