"""A capacity search on the target: held arrival rates, each judged by the objectives, until the bracket stands.

The arithmetic that chooses the next rate is `capacity.search`, pure; here is the loop that asks the load child to hold
it, waits, judges what was recorded, and writes each step's span.
"""

import math
from collections.abc import Iterator
from typing import Final

from holdfast.capacity.search import INVALID, MISSED, Probe, next_rate
from holdfast.clock import Clock
from holdfast.load.dropping import GENERATOR_LATE
from holdfast.load.health import LAG_INVALID
from holdfast.record.idle_closes import settled_intervals
from holdfast.record.recorder import Interval
from holdfast.record.sample import DROPPED, NO_ACCOUNT, OK, depth_of
from holdfast.record.store import Event, RunStore
from holdfast.record.timeline import SEARCH, SEARCH_STEP, Span
from holdfast.run.asked import AskedObjective
from holdfast.run.children import Child, Children
from holdfast.run.events import Notice, RunEvent, SearchStep
from holdfast.run.objectives import judge_stretches
from holdfast.run.prepared import Prepared
from holdfast.run.stopping import StopSignal
from holdfast.run.unproven import unproven_in
from holdfast.slo.counted import Stretch
from holdfast.slo.verdict import Verdict, worst

SEARCHER: Final = "search"
"""The load child of a search; it waits, ready, until the phases are over."""
_LATE_SECONDS: Final = 20.0  # how long after its end a held rate may take to be told
_LEAST_OFFERED: Final = 0.95  # of the rate: below it, another rate was held


def search_capacity(
    prepared: Prepared, children: Children, store: RunStore, clock: Clock, stop: StopSignal, time_zero: float
) -> Iterator[RunEvent]:
    """Run the prepared sizing question. Yields a `SearchStep` for each rate held."""
    question = prepared.capacity
    profile = prepared.capacity_profile
    child = children.all.get(SEARCHER)
    if question is None or profile is None or child is None:
        return
    children.release(SEARCHER, clock.now())
    # Before its first request: its overload is ours, and a record that is cut off anywhere must say so.
    began = float(math.ceil(clock.now()))  # what drains is of the seconds before
    store.write_span(Span(SEARCH, question.name, started=began))
    probes: list[Probe] = []
    while not stop.requested.is_set():
        rate = next_rate(question.search, probes)
        if rate is None:
            break
        name = f"{len(probes) + 1}: {rate:.3g}/s"
        start = float(math.ceil(clock.now() + 0.25))  # on a whole second, as intervals are
        child.send(
            {
                "hold": {
                    "name": name,
                    "rate": rate,
                    "start": start,
                    "seconds": question.settle + question.hold,
                    "mix": dict(profile.mix),
                    "new_connections": profile.visitors.new_connections,
                    "accounts": profile.accounts,
                }
            }
        )
        held = _wait_until_held(children, child, store, clock, stop, name, start + question.settle + question.hold)
        if held is None and stop.at_once.is_set():
            return
        if held is None:
            store.write_event(Event(clock.now(), "run", "search_lost", {"step": name}))
            yield Notice(clock.now() - time_zero, "error", f"the capacity search ended early: {child.name} is gone")
            return
        stretch = Stretch(name, start + question.settle, start + question.settle + question.hold, judged=True)
        probe = _judged(prepared.capacity_objectives, store, stretch, rate, held)
        probes.append(probe)
        store.write_span(_span(stretch, start, clock.now(), probe))
        yield SearchStep(clock.now() - time_zero, rate, probe.verdict, probe.reason)
    store.write_span(Span(SEARCH, question.name, started=began, ended=max(clock.now(), began)))
    child.send({"stop": "drain"})
    deadline = clock.now() + _LATE_SECONDS
    while not child.ended and clock.now() < deadline:
        children.next_message(0.25)


def probe_of(span: Span) -> Probe:
    """What `search_capacity` wrote, read back."""
    facts = span.attributes
    return Probe(
        rate=float(str(facts["rate"])),
        verdict=str(facts["verdict"]),
        achieved=float(str(facts["achieved"])) if facts.get("achieved") is not None else None,
        reason=str(facts["reason"]),
        n=int(str(facts["n"])),
    )


def _wait_until_held(
    children: Children, child: Child, store: RunStore, clock: Clock, stop: StopSignal, name: str, end: float
) -> dict[str, float] | None:
    while clock.now() < end + _LATE_SECONDS and not child.ended and not stop.at_once.is_set():
        message = children.next_message(0.25)
        if message is None or message.body is None or "event" not in message.body:
            continue
        body = message.body
        store.write_event(
            Event(
                float(body["at"]),
                message.child,
                str(body["event"]),
                {k: v for k, v in body.items() if k not in {"event", "at"}},
            )
        )
        if message.child == child.name and body["event"] == "held" and body.get("name") == name:
            return {k: float(v) for k, v in body.items() if isinstance(v, (int, float))}
    return None


def _judged(
    objectives: tuple[AskedObjective, ...],
    store: RunStore,
    stretch: Stretch,
    rate: float,
    held: dict[str, float],
) -> Probe:
    """One held rate: invalid when our own generator was late, else the worst of the objectives."""
    intervals = [
        i
        for i in settled_intervals(store, "load", since=int(stretch.start) - 1)
        if stretch.start <= i.second + 0.5 < stretch.end
    ]
    visits = [i for i in intervals if depth_of(i.name) == 1]
    total = sum(i.count for i in visits)
    achieved = sum(i.count for i in visits if i.outcome == OK) / stretch.seconds
    ours = _our_own_fault(visits, held, rate, total / stretch.seconds)
    if ours is not None:
        return Probe(rate=rate, verdict=INVALID, achieved=achieved, reason=ours, n=total)
    results = judge_stretches(objectives, intervals, [stretch], stretch.name, judged=True)
    verdict = worst([Verdict(result.verdict) for result in results])
    deciding = next((r for r in results if r.verdict == verdict.value), None)
    reason = f"{deciding.name}: {deciding.reason}" if deciding is not None else "no objective to judge by"
    unfinished = int(held.get("unfinished", 0))
    unproven = unproven_in(intervals, [asked.objective.events for asked in objectives])
    if verdict is Verdict.MET and unproven:
        return Probe(rate=rate, verdict=Verdict.INCONCLUSIVE.value, achieved=achieved, reason=unproven[0].text, n=total)
    if verdict is Verdict.MET and unfinished:
        # Their outcome is not in the record; what does not end within seconds of the hold was not carried.
        return Probe(
            rate=rate, verdict=MISSED, achieved=achieved, reason=f"{unfinished} visits did not end in time", n=total
        )
    return Probe(rate=rate, verdict=verdict.value, achieved=achieved, reason=reason, n=total)


def _our_own_fault(visits: list[Interval], held: dict[str, float], rate: float, offered: float) -> str | None:
    """Why this rate was not held by us, so that it says nothing of the target."""
    lag = held.get("lag_p99", 0.0)
    if lag > LAG_INVALID:
        return f"our generator was {lag * 1000:.0f} ms late (p99)"
    unsent = sum(i.count for i in visits if i.outcome == DROPPED and i.detail in {NO_ACCOUNT, GENERATOR_LATE})
    if unsent:
        return f"{unsent} arrivals were not sent for want of accounts or time of our own"
    if offered < _LEAST_OFFERED * rate:
        return f"only {offered:.3g}/s were offered"
    return None


def _span(stretch: Stretch, started: float, ended: float, probe: Probe) -> Span:
    return Span(
        SEARCH_STEP,
        stretch.name,
        stretch.start,
        stretch.end,
        started,
        ended,
        {
            "rate": probe.rate,
            "verdict": probe.verdict,
            "achieved": probe.achieved,
            "reason": probe.reason,
            "n": probe.n,
        },
    )
