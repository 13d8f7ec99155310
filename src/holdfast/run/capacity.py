"""The capacity search as recorded: the bracket, what the stack was told it can take, and the sizing."""

from collections.abc import Sequence

from holdfast.capacity.search import Probe, bracket
from holdfast.capacity.sizing import SizingQuestion, size
from holdfast.record.recorder import Interval
from holdfast.record.sample import DROPPED, depth_of
from holdfast.record.timeline import Span
from holdfast.run.quantiles import quantiles
from holdfast.run.recorded import Recorded
from holdfast.run.search import probe_of
from holdfast.run.summary import CapacityResult, ProbeResult, SizingResult


def capacity_result(recorded: Recorded) -> CapacityResult | None:
    """None when no search was asked for, or none of its rates was held."""
    question = recorded.asked.capacity
    steps = recorded.search_steps
    if question is None or not steps:
        return None
    probes = [probe_of(step) for step in steps]
    found = bracket(question.search, probes)
    known = (recorded.asked.stack or {}).get("replicas")
    replicas = int(known) if known is not None else None
    sizing = None
    if found.low is not None and replicas is not None:
        asked = SizingQuestion(question.peak, question.spare_replicas, question.utilisation_limit)
        sized = size(asked, found, replicas_measured=replicas)
        sizing = SizingResult(
            peak=question.peak,
            replicas=sized.replicas,
            replicas_without_spare=sized.replicas_without_spare,
            spare=question.spare_replicas,
            capacity_per_replica=sized.capacity_per_replica,
            utilisation_at_peak=sized.utilisation_at_peak,
            utilisation_limit=question.utilisation_limit,
            curve=sized.curve,
            assumptions=sized.assumptions,
            reason=sized.reason,
        )
    return CapacityResult(
        question=question.name,
        description=question.description,
        profile=question.profile,
        objectives=tuple(asked.objective.name for asked in recorded.asked.capacity_objectives),
        replicas=replicas,
        low=found.low,
        high=found.high,
        confirmed_low=found.confirmed_low,
        confirmed_high=found.confirmed_high,
        stated=_stated(recorded, steps),
        probes=tuple(_probe(recorded, step, probe) for step, probe in zip(steps, probes, strict=True)),
        sizing=sizing,
        non_monotone=found.non_monotone,
        reason=found.reason if replicas is not None else f"{found.reason}; how many replicas held it is not known",
    )


def _probe(recorded: Recorded, step: Span, probe: Probe) -> ProbeResult:
    visits = [i for i in _during(recorded, step) if depth_of(i.name) == 1 and i.outcome != DROPPED]
    return ProbeResult(
        rate=probe.rate,
        verdict=probe.verdict,
        count=probe.n,
        achieved=probe.achieved,
        p95=quantiles((i.response for i in visits), max((i.slowest for i in visits), default=None)).p95,
        reason=probe.reason,
    )


def _stated(recorded: Recorded, steps: Sequence[Span]) -> float | None:
    """workers / service time requests per second and replica, over the requests that one visit really made."""
    stack = recorded.asked.stack
    if stack is None or not stack.get("service_time"):
        return None
    intervals = [i for step in steps if step.attributes.get("verdict") == "met" for i in _during(recorded, step)]
    visits = sum(i.count for i in intervals if depth_of(i.name) == 1)
    # Requests by their path on the stack; the inbox's are the partner's, and not recorded as requests.
    requests = sum(i.count for i in intervals if depth_of(i.name) == 3)
    if not visits or not requests:
        return None
    return stack["replicas"] * stack["workers"] / stack["service_time"] / (requests / visits)


def _during(recorded: Recorded, step: Span) -> list[Interval]:
    return recorded.within(step.planned_start or 0.0, step.planned_end or 0.0, "load")
