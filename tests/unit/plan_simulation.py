"""A shipped plan played on a reference stack of arithmetic: no clock, no network, and the truth is known.

In: a prepared plan, what the stack is like, a seed. Out: the verdict that the run would have ended with. The plan's own
arrivals and mix come in its own phases; each visit makes its requests one after the other at the replica that its
connection was given to; a replica works on so many at once, each for the service time and some work of its own; the
plan's fault takes one away with all that it had in flight. What came of it is recorded, cut, judged by the real
functions, and watched by the real guard.
"""

import heapq
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from typing import Final

import numpy as np

from holdfast.errors import ExitCode
from holdfast.load.arrivals import arrivals, fitted, stages_of
from holdfast.record.recorder import Recorder, fold
from holdfast.record.store import Event
from holdfast.record.timeline import PHASE, Span
from holdfast.run.asked import Asked, AskedObjective
from holdfast.run.folder import RunFolder
from holdfast.run.objectives import objective_results, verdict_of
from holdfast.run.prepared import Prepared, asked_of
from holdfast.run.recorded import Recorded
from holdfast.run.summary import ObjectiveResult
from holdfast.slo.guard import Guard
from holdfast.slo.indicator import Counts, matches

EPOCH: Final = 1_000_000.0
TIMEOUT: Final = 10.0  # seconds until a request is given up
PATIENT: Final = 8.0  # seconds in which a journey must be through
MFA_SHARE: Final = 0.5  # of the generated accounts; signing in takes them two requests
REQUESTS: Final = {"sign_in": 1, "read_message": 0, "change_plan": 3}  # of a step; any other makes one


@dataclass(frozen=True, slots=True)
class Stack:
    """The truth. `work`: mean seconds of a request beside the service time; `away`: until a lost replica is back."""

    replicas: int = 2
    workers: int = 3
    service_time: float = 0.06
    work: float = 0.012
    failover: bool = True
    failing_share: float = 0.0
    away: float = 60.0


HEALTHY: Final = Stack()
SICK: Final = {
    "no failover": replace(HEALTHY, failover=False),
    "half the capacity": replace(HEALTHY, service_time=0.12),
    "3 % of the requests fail": replace(HEALTHY, failing_share=0.03),
}


@dataclass(frozen=True, slots=True)
class Ended:
    """How a simulated run ended."""

    verdict: str
    objectives: tuple[ObjectiveResult, ...]
    guarded: bool = False  # the guard stopped it

    @property
    def exit_code(self) -> int:
        codes = {"met": ExitCode.MET, "missed": ExitCode.MISSED, "inconclusive": ExitCode.INCONCLUSIVE}
        return int(codes[self.verdict])


@dataclass(slots=True)
class _Replica:
    free: list[float]
    open: int = 0
    served: int = 0


@dataclass(slots=True)
class _Visit:
    source: str
    name: str
    due: float
    steps: list[tuple[str, int]]
    budget: float = float("inf")
    step: int = 0
    left: int = 0
    began: float = 0.0
    replica: int = 0


@dataclass(slots=True)
class _Played:
    """What came of the steps and visits: name, second due, known at, outcome."""

    objectives: tuple[AskedObjective, ...]
    recorders: dict[str, Recorder] = field(default_factory=lambda: {s: Recorder(s) for s in ("load", "synthetics")})
    known: dict[tuple[str, str], list[tuple[float, float, str]]] = field(default_factory=dict)
    unseen: set[tuple[str, str]] = field(default_factory=set)

    def add(self, source: str, name: str, due: float, end: float, outcome: str) -> None:
        """Only what an objective selects: the rest would be recorded for nobody."""
        key = (source, name)
        if key not in self.known and key not in self.unseen:
            if any(_selects(one, source, name) for one in self.objectives):
                self.known[key] = []
            else:
                self.unseen.add(key)
        if key in self.known:
            self.recorders[source].add(name, EPOCH + due, outcome, end - due)
            self.known[key].append((due, end, outcome))


def simulate(prepared: Prepared, asked: Asked, stack: Stack, seed: int) -> Ended:
    """`asked`: of the plan, by `asked_of`; made once for many seeds."""
    played = _play(prepared, stack, seed)
    intervals = tuple(
        interval
        for source, recorder in played.recorders.items()
        for interval in fold(source, recorder.take()).intervals
    )
    end = EPOCH + asked.duration
    recorded = Recorded(
        folder=RunFolder(Path("/nowhere/simulated")),
        asked=asked,
        time_zero=EPOCH,
        ended=end + TIMEOUT,
        intervals=intervals,
        spans=tuple(_phase(p.name, EPOCH + p.start, EPOCH + p.end) for p in asked.phases),
        gauges=(),
        events=(Event(EPOCH, "run", "released"), Event(end, "run", "sealed")),
    )
    objectives = objective_results(recorded)
    if any(_guard_stops(asked, objective, played) for objective in asked.objectives):
        return Ended("missed", objectives, guarded=True)
    return Ended(verdict_of(objectives), objectives)


def asked_once(prepared: Prepared) -> Asked:
    return asked_of(prepared, "simulated", 0.0)


def _phase(name: str, start: float, end: float) -> Span:
    return Span(PHASE, name, start, end, start, end)


def _play(prepared: Prepared, stack: Stack, seed: int) -> _Played:
    random = Random(f"{seed}/stack")
    played = _Played(prepared.objectives)
    out, back = _outage(prepared, stack)
    replicas = [_Replica([0.0] * stack.workers) for _ in range(stack.replicas)]
    queue: list[tuple[float, int, _Visit]] = []
    order = 0
    for visit in _visits(prepared, random, seed):
        heapq.heappush(queue, (visit.due, order, visit))
        order += 1
    lost = False
    while queue:
        now, _, visit = heapq.heappop(queue)
        if not lost and now >= out:
            lost = True
            replicas[0].free = [back] * stack.workers
        gone = out <= now < back
        if visit.step == 0 and visit.left == 0 and not _connect(visit, replicas, gone=gone, failover=stack.failover):
            played.add(visit.source, f"{visit.name}/{visit.steps[0][0]}", visit.due, now, "transport_error")
            played.add(visit.source, visit.name, visit.due, now, "transport_error")
            continue
        if visit.left == 0:
            visit.left, visit.began = visit.steps[visit.step][1], now
        outcome, end = _request(visit, replicas, stack, random, now, out, back) if visit.left else ("ok", now)
        visit.left = max(visit.left - 1, 0)
        if outcome == "ok" and visit.left:
            heapq.heappush(queue, (end, order, visit))
            order += 1
            continue
        began = visit.due if visit.step == 0 else visit.began
        played.add(visit.source, f"{visit.name}/{visit.steps[visit.step][0]}", began, end, outcome)
        visit.step += 1
        if outcome == "ok" and visit.step < len(visit.steps):
            heapq.heappush(queue, (end, order, visit))
            order += 1
            continue
        if outcome == "ok" and end - visit.due > visit.budget:
            outcome = "timed_out"
        played.add(visit.source, visit.name, visit.due, end, outcome)
        replicas[visit.replica].open -= 1
    return played


def _outage(prepared: Prepared, stack: Stack) -> tuple[float, float]:
    """When the plan's fault takes a replica, and when it is back: by itself, or as the fault ends."""
    fault = next(iter(prepared.experiments), None)
    if fault is None:
        return float("inf"), float("inf")
    return fault.start, min(fault.start + stack.away, fault.end + 2.0)


def _connect(visit: _Visit, replicas: list[_Replica], *, gone: bool, failover: bool) -> bool:
    """Give the visit's connection to a replica, as the edge does; False where it is refused."""
    if failover:
        there = [i for i in range(len(replicas)) if not (gone and i == 0)]
        visit.replica = min(there, key=lambda i: (replicas[i].open, replicas[i].served))
    else:
        visit.replica = min(range(len(replicas)), key=lambda i: replicas[i].served)
    replicas[visit.replica].served += 1
    if gone and visit.replica == 0:
        return False
    replicas[visit.replica].open += 1
    return True


def _request(
    visit: _Visit, replicas: list[_Replica], stack: Stack, random: Random, now: float, out: float, back: float
) -> tuple[str, float]:
    """Outcome of one request and when it ends."""
    if visit.replica == 0 and out <= now < back:
        return "transport_error", now  # its connection went with the replica
    free = replicas[visit.replica].free
    start = max(now, heapq.heappop(free))
    end = start + stack.service_time + random.expovariate(1 / stack.work)
    heapq.heappush(free, end)
    if visit.replica == 0 and now < out < end:
        return "transport_error", out
    if end - now > TIMEOUT:
        return "timed_out", now + TIMEOUT
    return ("failed" if random.random() < stack.failing_share else "ok"), end


def _visits(prepared: Prepared, random: Random, seed: int) -> Iterator[_Visit]:
    for entry in prepared.load:
        stages = fitted(stages_of(entry.profile, entry.scale), entry.end - entry.start)  # the last rate holds on
        for arrival in arrivals(stages, entry.profile["mix"], f"{seed}/{entry.name}", entry.profile["arrivals"]):
            if entry.start + arrival.offset >= entry.end:
                break
            steps = prepared.scenario_steps[arrival.scenario]
            yield _Visit("load", arrival.scenario, entry.start + arrival.offset, _requests(steps, random))
    for journey in prepared.journeys:
        due = 0.0
        while due < max(phase.end for phase in prepared.phases):
            yield _Visit("synthetics", journey.name, due, _requests(journey.steps, random), PATIENT)
            due += journey.every


def _requests(steps: tuple[str, ...], random: Random) -> list[tuple[str, int]]:
    found = [(step, REQUESTS.get(step, 1)) for step in steps]
    return [(s, n + (s == "sign_in" and random.random() < MFA_SHARE)) for s, n in found]


def _guard_stops(asked: Asked, one: AskedObjective, played: _Played) -> bool:
    """The guard over the whole run, once a second, as the engine asks it: by what has ended until then."""
    if asked.guard_burn_rate is None or one.objective.events.total.source == "synthetics":
        return False
    due, known, bad = _events(one, played)
    guard = Guard(one.objective.target, asked.guard_burn_rate, asked.guard_for, 15.0, EPOCH)
    for second in range(1, int(asked.duration) + 1):
        recent = (due >= second - 15) & (due < second + 1) & (known <= second)
        if not recent.any():
            continue
        first = max(second - 15, 0)
        totals = np.bincount(due[recent].astype(int) - first, minlength=17)
        bads = np.bincount(due[recent].astype(int) - first, weights=bad[recent], minlength=17).astype(int)
        seconds = np.arange(first, first + len(totals))
        here = totals > 0
        counts = Counts(seconds[here], (totals - bads)[here], totals[here])
        if guard.step(counts, EPOCH + second) is not None:
            return True
    return False


def _events(one: AskedObjective, played: _Played) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """When each event of an objective was due, when it was known, and whether it was bad."""
    good = one.objective.events.good
    rows = [row for (source, name), found in played.known.items() if _selects(one, source, name) for row in found]
    under = good.under if good is not None else None
    bad = [outcome != "ok" or (under is not None and end - due > under) for due, end, outcome in rows]
    return np.array([row[0] for row in rows]), np.array([row[1] for row in rows]), np.array(bad, dtype=float)


def _selects(one: AskedObjective, source: str, name: str) -> bool:
    total = one.objective.events.total
    return total.source in {None, source} and any(matches(pattern, name) for pattern in total.names)
