"""Each objective in each phase and over all judged phases: verdict, budget, burn rate."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal

from holdfast.record.recorder import Interval
from holdfast.run.asked import AskedObjective
from holdfast.run.causes import cause_of
from holdfast.run.recorded import Recorded
from holdfast.run.summary import WHOLE_RUN, ObjectiveResult, ObjectiveVerdict
from holdfast.run.unproven import Unproven
from holdfast.slo.budget import budget_of
from holdfast.slo.counted import Stretch, counted
from holdfast.slo.indicator import selects
from holdfast.slo.verdict import Judgement, judge_all


def objective_results(recorded: Recorded) -> tuple[ObjectiveResult, ...]:
    """Phases in order, then `phase` "run": the judged phases together, which decide the run with those that are judged
    apart, by gates of their own.
    """
    results: list[ObjectiveResult] = []
    asked = recorded.asked
    gates = {phase.name: phase.gates for phase in asked.phases if phase.apart}
    stretches = [(phase.name, phase.judged, [phase]) for phase in recorded.phases]
    together = [phase for phase in recorded.judged if phase.name not in gates]
    if together:
        stretches.append((WHOLE_RUN, True, together))
    for name, judged, phases in stretches:
        if name in gates:
            results += _judge_apart(recorded, phases[0], gates[name])
        else:
            results += _judge(recorded, asked.objectives, phases, name, judged=judged)
    return tuple(results)


def doubted(
    objectives: Sequence[ObjectiveResult], unproven: Sequence[Unproven], recorded: Recorded
) -> tuple[ObjectiveResult, ...]:
    """The results, in their order: what rests on oks that prove nothing is not met but inconclusive."""
    why = doubts(unproven, recorded)
    return tuple(
        replace(result, verdict="inconclusive", reason=f"{why[result.name]}.")
        if result.judged and result.verdict == "met" and result.name in why
        else result
        for result in objectives
    )


def doubts(unproven: Sequence[Unproven], recorded: Recorded) -> dict[str, str]:
    """Why an objective cannot be met by what the run recorded, by its name: it rests on oks that prove nothing."""
    named: dict[tuple[str, str], str] = {
        (one.source, one.name.partition("/")[0]): one.text for one in reversed(unproven)
    }
    seen = {(interval.source, interval.name) for interval in recorded.intervals} if named else set()
    why: dict[str, str] = {}
    for asked in recorded.asked.objectives:
        total = asked.objective.events.total
        for source, name in sorted(seen):
            text = named.get((source, name.partition("/")[0]))
            if text and selects(total, source, name):
                why.setdefault(asked.objective.name, f"It rests on oks that prove nothing: {text}")
    return why


def _with_cause(recorded: Recorded, result: ObjectiveResult, stretches: Sequence[Stretch]) -> ObjectiveResult:
    if result.good == result.total:
        return result
    events = next(a.objective.events for a in recorded.asked.objectives if a.objective.name == result.name)
    cause = cause_of(recorded.intervals, events, stretches, recorded.faults, recorded.asked.attacks)
    return replace(result, cause=cause)


def verdict_of(results: Iterable[ObjectiveResult]) -> ObjectiveVerdict:
    """What objectives say of a run: missed in any judged phase is missed, and each that decides must be proven."""
    judged = [result for result in results if result.judged]
    if any(result.verdict == "missed" for result in judged):
        return "missed"
    return "inconclusive" if any(r.decides and r.verdict == "inconclusive" for r in judged) else "met"


def _judge_apart(recorded: Recorded, phase: Stretch, gates: Mapping[str, float]) -> list[ObjectiveResult]:
    """By the gates of the phase; what it names no gate for is shown. In the order of the objectives."""
    asked = recorded.asked.objectives
    named = [replace(one, gate=gates[one.objective.name]) for one in asked if one.objective.name in gates]
    others = [one for one in asked if one.objective.name not in gates]
    found = [replace(one, apart=True) for one in _judge(recorded, named, [phase], phase.name, judged=True)]
    found += _judge(recorded, others, [phase], phase.name, judged=False)
    order = [one.objective.name for one in asked]
    return sorted(found, key=lambda result: order.index(result.name))


def _judge(
    recorded: Recorded, objectives: Sequence[AskedObjective], phases: Sequence[Stretch], name: str, *, judged: bool
) -> list[ObjectiveResult]:
    found = judge_stretches(
        objectives,
        recorded.intervals,
        phases,
        name,
        judged,
        effect_floor=recorded.asked.design_effect_floor,
        attacks=recorded.asked.attacks,
    )
    return [_with_cause(recorded, result, phases) for result in found]


def judge_stretches(
    objectives: Sequence[AskedObjective],
    intervals: Sequence[Interval],
    stretches: Sequence[Stretch],
    name: str,
    judged: bool,
    *,
    effect_floor: float = 1.0,
    attacks: Sequence[str] = (),
) -> list[ObjectiveResult]:
    """All objectives over some stretches of time taken together; misses corrected for their number (Holm)."""
    counts = [counted(intervals, asked.objective.events, stretches, attacks) for asked in objectives]
    judgements = judge_all(
        [(one, Decimal(str(asked.gate))) for one, asked in zip(counts, objectives, strict=True)],
        effect_floor=effect_floor,
        called=["gate" if asked.gate < float(asked.objective.target) else "target" for asked in objectives],
    )
    seconds = sum(stretch.seconds for stretch in stretches)
    return [
        _result(asked, judgement, name, judged, seconds)
        for asked, judgement in zip(objectives, judgements, strict=True)
    ]


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
