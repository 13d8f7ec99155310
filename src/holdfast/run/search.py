"""A capacity search on the target: held arrival rates, each judged by the objectives, until the bracket stands.

The arithmetic that chooses the next rate is `capacity.search`, pure; here is the loop that asks the load child to hold
it, waits, judges what was recorded, and writes each step's span.
"""

from collections.abc import Iterator
from typing import Final

from holdfast.capacity.search import Probe, next_rate
from holdfast.clock import Clock
from holdfast.record.sample import DROPPED, OK
from holdfast.record.store import Event, RunStore
from holdfast.record.timeline import SEARCH_STEP, Span
from holdfast.run.asked import AskedObjective
from holdfast.run.children import Child, Children
from holdfast.run.events import Notice, RunEvent, SearchStep
from holdfast.run.objectives import judge_stretches
from holdfast.run.preparation import Prepared
from holdfast.run.recorded import Stretch
from holdfast.run.stopping import StopSignal
from holdfast.slo.verdict import Verdict, worst

SEARCHER: Final = "search"
"""The load child of a search; it waits, ready, until the phases are over."""
_LATE_SECONDS: Final = 20.0  # how long after its end a held rate may take to be told
_HIGHEST_LAG: Final = 0.1  # seconds, p99: a generator later than this did not hold the rate


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
    probes: list[Probe] = []
    while not stop.requested.is_set():
        rate = next_rate(question.search, probes)
        if rate is None:
            break
        name = f"{len(probes) + 1}: {rate:.3g}/s"
        start = clock.now() + 0.25
        child.send(
            {
                "hold": {
                    "name": name,
                    "rate": rate,
                    "start": start,
                    "seconds": question.settle + question.hold,
                    "mix": dict(profile.mix),
                    "arrivals": profile.arrivals,
                }
            }
        )
        held = _wait_until_held(children, child, store, clock, name, start + question.settle + question.hold)
        if held is None:
            store.write_event(Event(clock.now(), "run", "search_lost", {"step": name}))
            yield Notice(clock.now() - time_zero, "error", f"the capacity search ended early: {child.name} is gone")
            return
        stretch = Stretch(name, start + question.settle, start + question.settle + question.hold, judged=True)
        probe = _judged(prepared.capacity_objectives, store, stretch, rate, held)
        probes.append(probe)
        store.write_span(_span(stretch, start, clock.now(), probe))
        yield SearchStep(clock.now() - time_zero, rate, probe.verdict, probe.reason)
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
    children: Children, child: Child, store: RunStore, clock: Clock, name: str, end: float
) -> dict[str, float] | None:
    while clock.now() < end + _LATE_SECONDS and not child.ended:
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
        for i in store.intervals("load", since=int(stretch.start) - 1)
        if stretch.start <= i.second + 0.5 < stretch.end
    ]
    visits = [i for i in intervals if "/" not in i.name]
    finished = sum(i.count for i in visits if i.outcome == OK)
    achieved = finished / stretch.seconds
    total = sum(i.count for i in visits)
    lag = held.get("lag_p99", 0.0)
    no_account = sum(i.count for i in visits if i.outcome == DROPPED and i.detail == "no free account")
    if lag > _HIGHEST_LAG or no_account:
        reason = (
            f"our generator was {lag * 1000:.0f} ms late (p99)"
            if lag > _HIGHEST_LAG
            else f"{no_account} arrivals found no free account"
        )
        return Probe(rate=rate, verdict="invalid", achieved=achieved, reason=reason, n=total)
    results = judge_stretches(objectives, intervals, [stretch], stretch.name, judged=True)
    verdict = worst([Verdict(result.verdict) for result in results])
    deciding = next((r for r in results if r.verdict == verdict.value), None)
    reason = f"{deciding.name}: {deciding.reason}" if deciding is not None else "no objective to judge by"
    return Probe(rate=rate, verdict=verdict.value, achieved=achieved, reason=reason, n=total)


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
