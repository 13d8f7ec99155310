"""Load and journeys as a report shows them: series by phase, funnels, outcomes."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from statistics import median
from typing import Final

from holdfast.record.histogram import Histogram
from holdfast.record.recorder import Interval
from holdfast.record.sample import DROPPED, EXCUSED, OK, UNFINISHED, depth_of
from holdfast.run.asked import AskedJourney
from holdfast.run.funnels import funnel_of
from holdfast.run.journey_failures import since, walk_failures
from holdfast.run.likeness import likenesses
from holdfast.run.load_summary import JUDGED, Connections, LoadResult, Quantiles, SeriesResult
from holdfast.run.quantiles import quantiles
from holdfast.run.recorded import Recorded, outcomes_of
from holdfast.run.summary import WHOLE_RUN, JourneyResult
from holdfast.slo.counted import Stretch
from holdfast.slo.indicator import counts_events_of

_REQUEST: Final = 3  # the depth of a name


def load_result(recorded: Recorded) -> LoadResult | None:
    """None when the run had no load."""
    if not recorded.asked.load:
        return None
    # The first and the last second are cut by the run's edges; what was due in them counts all the same.
    edges = (recorded.time_zero - 0.5, max(recorded.plan_end + 0.5, recorded.drained))
    intervals = recorded.within(*edges, "load")
    visits = [i for i in intervals if depth_of(i.name) == 1]
    told = recorded.done("load")
    dropped = sum(i.count for i in visits if i.outcome == DROPPED)
    unfinished = sum(i.count for i in visits if i.outcome == UNFINISHED)
    counted = sum(i.count for i in visits)
    whole = Stretch(WHOLE_RUN, edges[0], recorded.plan_end + 0.5, judged=True, drained=edges[1])
    series = [
        _series(name, stretch, found)
        for stretch in [whole, *recorded.phases]
        for name, found in _in_order(_by_name(i for i in intervals if _in(i, stretch)), recorded.asked.scenarios)
    ]
    return LoadResult(
        planned=int(told.get("planned", counted)),
        started=int(told.get("started", counted - dropped)),
        dropped=int(told.get("dropped", dropped)),
        finished=int(told.get("finished", counted - dropped - unfinished)),
        unfinished=int(told.get("unfinished", unfinished)),
        series=tuple(series),
        funnels=tuple(
            funnel_of(name, "load", steps, [i for i in intervals if i.name.split("/", 1)[0] == name])
            for name, steps in recorded.asked.scenarios.items()
            if any(i.name == name for i in visits)
        ),
        likenesses=tuple(likenesses(recorded.asked.scenarios, intervals)),
        connections=_connections(recorded.within(*edges, "wire")),
        workers=int(told.get("workers", 0)),
        scenarios=_scenarios(recorded, visits, whole),
        requests=_requests(recorded, intervals, whole),
    )


def _decisive(recorded: Recorded, whole: Stretch) -> tuple[Sequence[Stretch], Stretch]:
    """The stretches that are judged, and one as long as all of them, for they need not touch."""
    chosen = recorded.judged or [whole]
    name = JUDGED if recorded.judged else WHOLE_RUN
    return chosen, Stretch(name, 0.0, sum(stretch.seconds for stretch in chosen), judged=True)


def _scenarios(recorded: Recorded, visits: Sequence[Interval], whole: Stretch) -> tuple[SeriesResult, ...]:
    """Each scenario once, over what is judged: the line that is read before any table."""
    chosen, together = _decisive(recorded, whole)
    found = _by_name(i for i in visits if any(stretch.holds(i.second) for stretch in chosen))
    return tuple(_series(scenario, together, intervals) for scenario, intervals in found.items())


def _requests(recorded: Recorded, intervals: Sequence[Interval], whole: Stretch) -> tuple[SeriesResult, ...]:
    """Each request by its own name, over what is judged: those that failed most first, then the most frequent."""
    chosen, together = _decisive(recorded, whole)
    found: dict[str, list[Interval]] = {}
    for interval in intervals:
        if depth_of(interval.name) == _REQUEST and any(stretch.holds(interval.second) for stretch in chosen):
            found.setdefault(interval.name.split("/", 2)[2], []).append(interval)
    rows = [replace(_series(name, together, here), depth=_REQUEST) for name, here in found.items()]
    fine = {row.name: sum(row.outcomes.get(outcome, 0) for outcome in (OK, *EXCUSED)) for row in rows}
    return tuple(sorted(rows, key=lambda row: (fine[row.name] - row.count, -row.count, row.name)))


def _connections(intervals: Sequence[Interval]) -> Connections | None:
    by_part = _by_name(intervals)
    if not by_part:
        return None
    found = {part: _of_part(by_part.get(part, [])) for part in ("dns", "connect", "tls", "first_byte")}
    requests, opened = (sum(i.count for i in by_part.get(part, [])) for part in ("first_byte", "connect"))
    return Connections(requests, opened, **found)


def _of_part(intervals: Sequence[Interval]) -> Quantiles:
    return quantiles((i.response for i in intervals), max((i.slowest for i in intervals), default=None))


def journey_results(recorded: Recorded) -> tuple[JourneyResult, ...]:
    intervals = [i for i in recorded.intervals if i.source == "synthetics"]
    return tuple(_journey(recorded, journey, intervals) for journey in recorded.asked.journeys)


def _journey(recorded: Recorded, journey: AskedJourney, intervals: Sequence[Interval]) -> JourneyResult:
    own = [i for i in intervals if i.name.split("/", 1)[0] == journey.name]
    runs = [i for i in own if i.name == journey.name and i.outcome != DROPPED]
    vitals: dict[str, list[float]] = {}
    for gauge in recorded.gauges:
        if gauge.source == "synthetics" and gauge.name.startswith(f"{journey.name}/"):
            vitals.setdefault(gauge.name.rsplit("/", 1)[1], []).append(gauge.value)
    told = since(recorded, journey.name)
    evidence = sorted(p.name for p in recorded.folder.evidence.glob(f"{journey.name}-*.png"))
    return JourneyResult(
        name=journey.name,
        runs=sum(i.count for i in runs),
        outcomes=outcomes_of(runs),
        missed=sum(1 for e in recorded.events_of("missed") if e.facts.get("journey") == journey.name),
        probe_errors=sum(1 for e in recorded.events_of("probe_error") if e.facts.get("journey") == journey.name),
        duration=quantiles((i.response for i in runs), max((i.slowest for i in runs), default=None)),
        funnel=funnel_of(journey.name, "synthetics", journey.steps, own),
        vitals={name: median(values) for name, values in sorted(vitals.items())},
        evidence=tuple(f"evidence/{name}" for name in evidence),
        owner=journey.owner,
        runbook=journey.runbook,
        failures=walk_failures(recorded, journey.name),
        failing_since=told.failing_since,
        last_passed=told.last_passed,
        last_passed_run=told.last_passed_run,
        earlier_runs=told.earlier_runs,
        counted_by=tuple(
            asked.objective.name
            for asked in recorded.asked.objectives
            if any(counts_events_of(asked.objective.events, interval) for interval in own)
        ),
    )


def _series(name: str, stretch: Stretch, intervals: Sequence[Interval]) -> SeriesResult:
    """Quantiles of all that was sent, and beside them of what was ok: a timeout belongs to what visitors lived through,
    and a fast refusal must not pass for a fast answer.
    """
    sent = [i for i in intervals if i.outcome != DROPPED and i.outcome not in EXCUSED]
    fine = [i for i in sent if i.outcome == OK]
    details: dict[str, int] = {}
    for interval in intervals:
        if interval.outcome != OK and interval.detail:
            key = f"{interval.outcome}: {interval.detail}"
            details[key] = details.get(key, 0) + interval.count
    total = sum(i.count for i in intervals)
    return SeriesResult(
        name=name,
        phase=stretch.name,
        depth=depth_of(name),
        count=total,
        rate=total / stretch.seconds if stretch.seconds else 0.0,
        outcomes=outcomes_of(intervals),
        details=dict(sorted(details.items(), key=lambda item: -item[1])),
        response=_of_part(sent),
        service=quantiles(i.service for i in sent),
        lag=quantiles(i.lag if i.lag is not None else Histogram({0: i.count}) for i in sent),
        response_ok=_of_part(fine),
    )


def _by_name(intervals: Iterable[Interval]) -> dict[str, list[Interval]]:
    found: dict[str, list[Interval]] = {}
    for interval in intervals:
        found.setdefault(interval.name, []).append(interval)
    return dict(sorted(found.items()))


def _in_order(
    found: Mapping[str, list[Interval]], scenarios: Mapping[str, Sequence[str]]
) -> list[tuple[str, list[Interval]]]:
    """A scenario, then its steps as the scenario has them, each with its requests beneath it."""

    def place(name: str) -> tuple[str, int, str]:
        scenario, _, rest = name.partition("/")
        steps, step = scenarios.get(scenario, ()), rest.partition("/")[0]
        return scenario, steps.index(step) if step in steps else len(steps) if step else -1, rest

    return sorted(found.items(), key=lambda item: place(item[0]))


def _in(interval: Interval, stretch: Stretch) -> bool:
    return stretch.start <= interval.second + 0.5 < stretch.counted_to
