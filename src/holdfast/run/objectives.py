"""Each objective in each phase and over all judged phases: verdict, budget, burn rate."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal

from holdfast.record.recorder import Interval
from holdfast.run.asked import AskedObjective
from holdfast.run.recorded import Recorded, Stretch
from holdfast.run.summary import WHOLE_RUN, ObjectiveResult
from holdfast.slo.budget import budget_of
from holdfast.slo.indicator import Counts, count, joined
from holdfast.slo.verdict import Judgement, judge_all


def objective_results(recorded: Recorded) -> tuple[ObjectiveResult, ...]:
    """Phases in order, then `phase` "run": the judged phases together, which decide the run with those that are judged
    apart, by gates of their own.
    """
    results: list[ObjectiveResult] = []
    phases = recorded.phases
    floor = recorded.asked.design_effect_floor
    gates = {phase.name: phase.gates for phase in recorded.asked.phases if phase.apart}
    for phase in phases:
        if phase.name in gates:
            results += _judge_apart(recorded, phase, gates[phase.name])
            continue
        results += judge_stretches(
            recorded.asked.objectives, recorded.intervals, [phase], phase.name, phase.judged, effect_floor=floor
        )
    judged = [phase for phase in phases if phase.judged and phase.name not in gates]
    if not judged:
        return tuple(results)
    results += judge_stretches(
        recorded.asked.objectives, recorded.intervals, judged, WHOLE_RUN, judged=True, effect_floor=floor
    )
    return tuple(results)


def _judge_apart(recorded: Recorded, phase: Stretch, gates: Mapping[str, float]) -> list[ObjectiveResult]:
    """By the gates of the phase; what it names no gate for is shown. In the order of the objectives."""
    named = [replace(a, gate=gates[a.objective.name]) for a in recorded.asked.objectives if a.objective.name in gates]
    others = [asked for asked in recorded.asked.objectives if asked.objective.name not in gates]
    floor = recorded.asked.design_effect_floor
    found = judge_stretches(named, recorded.intervals, [phase], phase.name, judged=True, effect_floor=floor)
    found = [replace(result, apart=True) for result in found]
    found += judge_stretches(others, recorded.intervals, [phase], phase.name, judged=False, effect_floor=floor)
    order = [asked.objective.name for asked in recorded.asked.objectives]
    return sorted(found, key=lambda result: order.index(result.name))


def judge_stretches(
    objectives: Sequence[AskedObjective],
    intervals: Sequence[Interval],
    stretches: Sequence[Stretch],
    name: str,
    judged: bool,
    *,
    effect_floor: float = 1.0,
) -> list[ObjectiveResult]:
    """All objectives over some stretches of time taken together; misses corrected for their number (Holm)."""
    counted = [_counted(asked, intervals, stretches) for asked in objectives]
    judgements = judge_all(
        [(counts, Decimal(str(asked.gate))) for counts, asked in zip(counted, objectives, strict=True)],
        effect_floor=effect_floor,
        called=["gate" if asked.gate < float(asked.objective.target) else "target" for asked in objectives],
    )
    seconds = sum(stretch.seconds for stretch in stretches)
    return [
        _result(asked, judgement, name, judged, seconds)
        for asked, judgement in zip(objectives, judgements, strict=True)
    ]


def _counted(asked: AskedObjective, intervals: Sequence[Interval], stretches: Sequence[Stretch]) -> Counts:
    return joined(count(intervals, asked.objective.events, s.start, s.counted_to) for s in stretches)


def _result(asked: AskedObjective, judgement: Judgement, phase: str, judged: bool, seconds: float) -> ObjectiveResult:
    objective = asked.objective
    bad = judgement.total - judgement.good
    budget = budget_of(bad, judgement.total, objective.target, seconds=seconds, window=objective.window.seconds)
    return ObjectiveResult(
        name=objective.name,
        display_name=objective.display_name,
        service=objective.service,
        phase=phase,
        judged=judged,
        verdict=judgement.verdict.value,
        good=judgement.good,
        total=judgement.total,
        ratio=judgement.ratio,
        target=float(objective.target),
        gate=asked.gate,
        interval=(judgement.low, judgement.high),
        design_effect=judgement.design_effect,
        design_effect_high=judgement.design_effect_high,
        design_effect_measured=judgement.design_effect_measured,
        effect_block=judgement.block_seconds,
        effective_total=judgement.effective_total,
        burn_rate=budget.burn_rate,
        budget_spent=budget.spent,
        window_budget_spent=budget.window_share,
        window=float(objective.window.seconds),
        needed=judgement.needed,
        reason=judgement.reason,
        runbook=objective.runbook,
        owner=objective.owner,
    )
