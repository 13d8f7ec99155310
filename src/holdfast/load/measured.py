"""What the record of a run tells of the generator that made it: plain counts and quantiles, judged by `health`."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Final

from holdfast.record.histogram import Histogram
from holdfast.record.recorder import Interval
from holdfast.record.sample import ABANDONED, DROPPED, IDLE_CLOSED, RATE_LIMITED, UNFINISHED, depth_of
from holdfast.record.store import Event, Gauge

GENERATOR: Final = "generator"
"""Source of a generator's gauges; with several workers "generator/1", "generator/2" and so on."""
CLOCK_OFFSET: Final = "clock_offset"
CLOCK_ROUND_TRIP: Final = "clock_round_trip"
"""Gauges of a worker, once: by how much the run's clock is ahead of its own, and how long asking took. Seconds."""
WORKER_LOST: Final = "worker_lost"
DELTAS_LOST: Final = "deltas_lost"
"""Kinds of events: a worker that was gone before its time, and one whose last figures never came. Fact `worker`."""
LIMITED: Final = "429"
"""Detail of a request that was answered so, also where its scenario expects that and the outcome is ok."""


@dataclass(frozen=True, slots=True)
class Shared:
    """Workers that share the same cores. `cpu`: cores they took together, second by second."""

    workers: tuple[str, ...]
    cores: int | None  # None: they did not tell
    cpu: tuple[float, ...]

    @property
    def at_once(self) -> int:
        """How many of them can run at the same time; of those that did not tell, one: it raises no ceiling."""
        return min(len(self.workers), self.cores or 1)


@dataclass(frozen=True, slots=True)
class Measured:
    """Of one generator, however many workers it had. Times in seconds, shares 0 to 1, rates per second."""

    lag_p99: float | None  # over the visits of all workers; None: no visit was made
    gauges: Mapping[str, Mapping[str, Sequence[float]]]  # by worker, then by name, in order of time
    visits: Mapping[str, Mapping[str, int]]  # by scenario, then by outcome
    dropped_for: Mapping[str, int]  # by why
    requests: Mapping[str, int]  # by scenario
    limited_requests: Mapping[str, int]  # by scenario: answered 429, whether that was expected or not
    limited_visits: Mapping[str, int]  # by scenario: ended by a 429, or given up for one
    details: Mapping[str, int]  # of requests
    peak_arrivals: float  # of the busiest second
    peak_requests: float
    done: Mapping[str, float]
    lost: Mapping[str, str] = field(default_factory=dict)  # why, by worker
    untold: tuple[str, ...] = ()  # workers whose last deltas are missing
    closed: bool = False  # whether any of its visits were virtual users'
    idle_closed: int = 0  # requests that went out as the target closed their idle connection

    @property
    def due(self) -> int:
        return sum(sum(outcomes.values()) for outcomes in self.visits.values())

    @property
    def dropped(self) -> int:
        return sum(self.dropped_for.values())

    @property
    def sent(self) -> int:
        return self.due - self.dropped

    @property
    def unfinished(self) -> int:
        return sum(outcomes.get(UNFINISHED, 0) for outcomes in self.visits.values())

    @property
    def machines(self) -> list[Shared]:
        """Of all workers; those that do not tell theirs are one."""
        by_machine: dict[float | None, list[str]] = {}
        for worker, gauges in self.gauges.items():
            by_machine.setdefault(next(iter(gauges.get("machine", ())), None), []).append(worker)
        return [
            Shared(
                workers=tuple(workers),
                cores=None if machine is None else int(self.gauges[workers[0]]["cores"][0]),
                cpu=tuple(map(sum, zip_longest(*(self.gauges[w].get("cpu", ()) for w in workers), fillvalue=0.0))),
            )
            for machine, workers in by_machine.items()
        ]


def is_generator(source: str) -> bool:
    """Whether gauges of this source are a generator's own."""
    return source == GENERATOR or source.startswith(f"{GENERATOR}/")


def measured_in(
    load: Sequence[Interval],
    gauges: Iterable[Gauge],
    done: Mapping[str, float],
    events: Iterable[Event] = (),
    *,
    closed: bool = False,
) -> Measured:
    """Gauges that are not a generator's, and events of other kinds, are passed over."""
    by_worker: dict[str, dict[str, list[float]]] = {}
    for gauge in gauges:
        if is_generator(gauge.source):
            by_worker.setdefault(gauge.source, {}).setdefault(gauge.name, []).append(gauge.value)
    visits: dict[str, dict[str, int]] = {}
    dropped_for: dict[str, int] = {}
    details: dict[str, int] = {}
    requests_of: dict[str, int] = {}
    limited_requests: dict[str, int] = {}
    limited_visits: dict[str, int] = {}
    arrivals: dict[int, int] = {}
    requests: dict[int, int] = {}
    idle_closed = 0
    lags: list[Histogram] = []
    for interval in load:
        depth = depth_of(interval.name)
        if depth == 1:
            outcomes = visits.setdefault(interval.name, {})
            outcomes[interval.outcome] = outcomes.get(interval.outcome, 0) + interval.count
            if _is_limited_visit(interval):
                limited_visits[interval.name] = limited_visits.get(interval.name, 0) + interval.count
            if interval.outcome == DROPPED:
                dropped_for[interval.detail] = dropped_for.get(interval.detail, 0) + interval.count
            else:
                lags.append(interval.lag if interval.lag is not None else Histogram({0: interval.count}))
                arrivals[interval.second] = arrivals.get(interval.second, 0) + interval.count
        elif depth == 3:
            idle_closed += interval.count if interval.outcome == IDLE_CLOSED else 0
            details[interval.detail] = details.get(interval.detail, 0) + interval.count
            requests[interval.second] = requests.get(interval.second, 0) + interval.count
            scenario = interval.name.partition("/")[0]
            requests_of[scenario] = requests_of.get(scenario, 0) + interval.count
            if interval.outcome == RATE_LIMITED or interval.detail == LIMITED:
                limited_requests[scenario] = limited_requests.get(scenario, 0) + interval.count
    told = list(events)
    return Measured(
        lag_p99=Histogram.sum(lags).quantile(0.99),
        gauges=by_worker,
        visits=visits,
        dropped_for=dropped_for,
        requests=requests_of,
        limited_requests=limited_requests,
        limited_visits=limited_visits,
        details=details,
        peak_arrivals=float(max(arrivals.values(), default=0)),
        peak_requests=float(max(requests.values(), default=0)),
        done=done,
        lost={_worker(e): str(e.facts.get("reason", "")) for e in told if e.kind == WORKER_LOST},
        untold=tuple(dict.fromkeys(_worker(e) for e in told if e.kind == DELTAS_LOST)),
        closed=closed,
        idle_closed=idle_closed,
    )


def wait_at_any_moment(delays: Sequence[float], q: float) -> float:
    """Quantile of what an arrival would have waited, had it come at any moment. `delays`: how long, at worst, the loop
    stood still in each second.

    Who comes while it stands still for d waits for the rest of d, so the share of moments with a wait above x is the
    sum of max(d - x, 0) over the whole time: that is 1 - q at the quantile. A lower bound, as a second tells its worst.
    """
    above = (1 - q) * sum(max(1.0, delay) for delay in delays)
    longer = sorted(delays, reverse=True)
    total = 0.0
    for count, delay in enumerate(longer, 1):
        total += delay
        wait = (total - above) / count
        if count == len(longer) or wait >= longer[count]:
            return max(wait, 0.0)
    return 0.0


def quantile(values: Sequence[float], q: float) -> float | None:
    """Nearest rank; None of nothing."""
    if not values:
        return None
    ordered = sorted(values)
    return ordered[max(0, min(len(ordered) - 1, int(q * len(ordered) + 0.999999) - 1))]


def _is_limited_visit(visit: Interval) -> bool:
    """A visitor with patience gives a step up for what it came to: "sign_in: rate_limited"."""
    given_up = visit.outcome == ABANDONED and visit.detail.endswith(f": {RATE_LIMITED}")
    return visit.outcome == RATE_LIMITED or given_up


def _worker(event: Event) -> str:
    return str(event.facts.get("worker", "a worker"))
