"""The reader's five questions, answered in sentences from the results. Figures are rounded here only, for reading."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

from holdfast.run.funnels import losses, lost_beside_steps, worst_losses
from holdfast.run.load_summary import Funnel, LoadResult
from holdfast.run.summary import (
    WHOLE_RUN,
    Answer,
    CapacityResult,
    FaultResult,
    JourneyResult,
    ObjectiveResult,
    RunVerdict,
    StandingFault,
    WalkFailure,
)
from holdfast.run.uncounted import Uncounted
from holdfast.run.unproven import Unproven
from holdfast.workspace.quantity import duration_text

_MOST_FAILURES: Final = 3
_NAMED: Final = 3  # steps by the share that they lost, and as many by number


def answers(
    verdict: RunVerdict,
    objectives: Sequence[ObjectiveResult],
    faults: Sequence[FaultResult],
    load: LoadResult | None,
    journeys: Sequence[JourneyResult],
    capacity: CapacityResult | None,
    uncounted: Sequence[Uncounted] = (),
    unproven: Sequence[Unproven] = (),
    standing: Sequence[StandingFault] = (),
) -> tuple[Answer, ...]:
    """A question whose part did not run is left out; the summary says why beside that part."""
    found = []
    if objectives:
        found += [_every_objective(verdict, objectives), _which_phase(objectives, doubted=bool(unproven))]
    found += [why_it_fails(journey, standing, decides=not objectives) for journey in journeys if journey.failures]
    if uncounted:
        found.append(_ended_badly(uncounted, judged=bool(objectives)))
    if unproven:
        found.append(_rests_on_nothing(unproven))
    if faults:
        found.append(_cost(faults))
    funnels = [*(load.funnels if load else ()), *(j.funnel for j in journeys)]
    if any(funnel.started or funnel.dropped for funnel in funnels):
        found.append(_drop_off(funnels, doubted=bool(unproven)))
    if capacity is not None:
        found.append(_replicas(capacity))
    if verdict != "invalid":
        return tuple(found)
    # What was measured by a generator that cannot be trusted may be told, but neither as good news nor as a miss.
    return tuple(replace(a, verdict="unclear") for a in found)


def why_question(journey: str) -> str:
    """The question of `why_it_fails`, by which its answer is found."""
    return f"Why does {journey} fail?"


def why_it_fails(journey: JourneyResult, standing: Sequence[StandingFault], *, decides: bool) -> Answer:
    """What an engineer who was woken asks, a line each. `decides`: whether nothing else says how it went."""
    lines = [line for failure in journey.failures[:_MOST_FAILURES] for line in _failure_lines(failure, journey.runs)]
    left = len(journey.failures) - _MOST_FAILURES
    lines += [f"And in {left} other ways: see summary.json."] if left > 0 else []
    if journey.failing_since is not None:
        lines.append(f"It fails since {_moment(journey.failing_since)}; {_last_passed(journey)}.")
    elif journey.last_passed is not None:
        lines.append(f"It passed again at {_moment(journey.last_passed)}.")
    whose = f" (owner: {journey.owner})" if journey.owner else ""
    lines += [f"Runbook: {journey.runbook}{whose}."] if journey.runbook else []
    if standing:
        lines.append(
            "In the target, not put in by this run: " + "; ".join(f"{f.place} {f.what}" for f in standing) + "."
        )
    return Answer(why_question(journey.name), "\n".join(lines), "bad" if decides else "neutral")


def _failure_lines(failure: WalkFailure, runs: int) -> list[str]:
    named = " ".join(filter(None, [failure.detail, failure.error_code]))
    where = f"step {failure.step}" if failure.step else "outside of its steps"
    outcome = failure.outcome.replace("_", " ")
    head = f"{where}: {outcome}{f' ({named})' if named else ''} in {failure.walks} of {runs} walks."
    place, _, statement = failure.line.partition("  ")
    lines = [f"{head[0].upper()}{head[1:]}"]
    lines += [_sentence(failure.error[0].upper() + failure.error[1:])] if failure.error else []
    lines += [f"At {place}: {statement}" if statement else f"At {place}."] if place else []
    return lines + ([f"Evidence: {', '.join(failure.evidence)}."] if failure.evidence else [])


def _last_passed(journey: JourneyResult) -> str:
    if journey.last_passed is not None:
        where = f" in {journey.last_passed_run}" if journey.last_passed_run else ""
        return f"it last passed at {_moment(journey.last_passed)}{where}"
    if not journey.earlier_runs:
        return "no earlier run walked it here"
    return f"it passed in none of the {journey.earlier_runs} earlier runs that are here"


def _moment(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M:%S} UTC"


def _every_objective(verdict: RunVerdict, objectives: Sequence[ObjectiveResult]) -> Answer:
    question = "Was every objective met?"
    whole = [o for o in objectives if o.decides]
    if not whole:
        return Answer(question, "None was judged: the plan judges no phase.", "neutral")
    met = [o for o in whole if o.verdict == "met"]
    others = [f"{o.label} is {o.verdict} ({_seen(o)})" for o in whole if o.verdict != "met"]
    lowered = [f"{o.label} was only asked to prove {_percent(o.gate)}" for o in met if o.gate < o.target]
    where = " or in a phase judged by itself" if any(o.apart for o in whole) else ""
    text = f"{len(met)} of {len(whole)} objectives were met over the judged phases{where}."
    if verdict == "invalid":
        text = f"It cannot be told: the measurement is not to be trusted. As measured, {text}"
    if verdict == "interrupted":
        text = f"It cannot be told: the run was cut short. Until then, {text}"
    if others:
        text += f" {_sentence('; '.join(others))}"
    if lowered:
        text += f" {_sentence('; '.join(lowered))}"
    if any(o.judged and o.verdict == "missed" for o in objectives):
        return Answer(question, text, "bad")
    return Answer(question, text, "unclear" if others or verdict == "interrupted" else "good")


def _ended_badly(uncounted: Sequence[Uncounted], *, judged: bool) -> Answer:
    """What no objective sees is told beside the objectives, and decides nothing by itself."""
    seen = "; ".join(one.text for one in uncounted)
    rule = "no objective counts them" if judged else "no objective says how many may"
    return Answer("Did every visit end well?", _sentence(f"{seen}, and {rule}"), "bad" if judged else "unclear")


def _rests_on_nothing(unproven: Sequence[Unproven]) -> Answer:
    """No data never passes: this decides, where what has been judged looks good."""
    said = "; ".join(one.text for one in unproven)
    cure = "such an ok proves nothing. If it is meant, the scenario says so: `expect`"
    if all(one.source == "synthetics" for one in unproven):
        cure = "such an ok proves nothing"
    return Answer("Does every ok rest on an answer?", _sentence(f"{said}: {cure}"), "unclear")


def _which_phase(objectives: Sequence[ObjectiveResult], *, doubted: bool) -> Answer:
    question = "In which phase not, and why?"
    results = [o for o in objectives if o.phase != WHOLE_RUN]
    missed = [o for o in results if o.verdict == "missed"]
    if not missed:
        return _no_phase_missed(question, results, doubted=doubted)
    parts = [
        f"{o.phase}{'' if o.judged else ' (not judged)'}: {o.name} was {_seen(o)} against {_asked_of(o)}{_because(o)}"
        for o in missed
    ]
    return Answer(question, _sentence("; ".join(parts)), "bad" if any(o.judged for o in missed) else "neutral")


def _no_phase_missed(question: str, results: Sequence[ObjectiveResult], *, doubted: bool) -> Answer:
    """`doubted`: some ok rests on nothing; then "in none" is no good news, and no phase is too short because of it."""
    below = [o for o in results if o.ratio is not None and o.ratio < o.target]
    blind = list(dict.fromkeys(o.name for o in results if o.ratio is None))
    text = "None was proven missed." if below or blind or doubted else "In none."
    if below:
        seen = "; ".join(f"{o.name} in {o.phase}, {_seen(o)} against {_asked_of(o)}{_because(o)}" for o in below)
        text += f" Below its target, though failures so few or so clustered may be chance: {seen}."
    if blind:
        text += f" Not seen in every phase: {', '.join(blind)}."
    short = list(dict.fromkeys(o.phase for o in results if o.verdict == "inconclusive" and o not in below))
    if short and not below and not blind and not doubted:
        text += f" Not every phase is long enough to prove every objective by itself ({', '.join(short)})."
    return Answer(question, text, "unclear" if blind or doubted else "neutral" if below else "good")


def _seen(result: ObjectiveResult) -> str:
    return "no event was seen" if result.ratio is None else f"{_percent(result.ratio)} of {result.total}"


def _because(result: ObjectiveResult) -> str:
    return f", because {result.cause.replace('; ', ', ')}" if result.cause else ""


def _asked_of(result: ObjectiveResult) -> str:
    lowered = f" (gate {_percent(result.gate)})" if result.gate < result.target else ""
    return f"a target of {_percent(result.target)}{lowered}"


def _cost(faults: Sequence[FaultResult]) -> Answer:
    parts = []
    for fault in faults:
        if fault.injected_at is None:
            parts.append(f"{fault.title}: it was never put in, so it shows nothing")
            continue
        if fault.time_to_impact is None:
            bad = f"{fault.bad_events} bad events on {fault.objective}, never three seconds in a row"
            parts.append(f"{fault.title}: {bad if fault.bad_events else 'no objective felt it'}")
            continue
        text = f"{fault.title}: {fault.bad_events or 0} bad events on {fault.objective}"
        worst = max(fault.budget_spent.items(), key=lambda item: item[1], default=None)
        if worst is not None:
            text += f", {_share(worst[1])} of its whole window's error budget at this traffic"
        text += f"; felt {_after(fault.time_to_impact)}"
        if fault.time_to_recover is not None:
            more = "more than " if fault.recovery_censored else ""
            text += f", back to normal after {more}{duration_text(fault.time_to_recover)}"
        if fault.time_to_detect is not None:
            text += f", a burn-rate alert on seconds would have fired after {duration_text(fault.time_to_detect)}"
        parts.append(text)
    hurt = any(f.time_to_impact is not None or f.bad_events for f in faults)
    unclear = any(f.injected_at is None for f in faults)
    return Answer(
        "What did the fault cost?", _sentence("; ".join(parts)), "unclear" if unclear else "neutral" if hurt else "good"
    )


def _drop_off(funnels: Sequence[Funnel], *, doubted: bool) -> Answer:
    question = "Where do customers drop off?"
    lost = losses(funnels)
    named = worst_losses(funnels, _NAMED)
    beside = [text for funnel in funnels for text in lost_beside_steps(funnel)]
    if not lost and not beside and doubted:
        return Answer(question, "Nowhere, if an ok that proves nothing is believed.", "unclear")
    if not lost and not beside:
        return Answer(question, "Nowhere: every step that was reached was completed.", "good")
    parts = [
        f"{loss.funnel.name}, step {loss.step.name}: {loss.count} of {loss.step.reached} did not get through "
        f"({_percent(loss.share)})"
        for loss in named
    ]
    others = [loss for loss in lost if loss not in named]
    if others:
        steps = "one more step" if len(others) == 1 else f"{len(others)} more steps"
        parts.append(f"{steps} lost {sum(loss.count for loss in others)}")
    return Answer(question, _sentence("; ".join(parts + beside)), "neutral")


def _replicas(capacity: CapacityResult) -> Answer:
    question = "How many replicas do I need?"
    sizing = capacity.sizing
    if sizing is None:
        return Answer(question, f"Not known: {capacity.reason}", "unclear")
    upper = f"{capacity.high:.3g}/s" if capacity.high is not None else "a rate that was not reached"
    text = (
        f"{sizing.replicas} for a peak of {sizing.peak:.3g} visits/s: {sizing.replicas_without_spare} to carry it, "
        f"{sizing.spare} spare. {capacity.replicas} replicas held {capacity.low:.3g}/s and did not hold {upper}"
    )
    if capacity.non_monotone:
        text += "; a rate above one that was missed was met, so the machine is noisy"
    sure = capacity.confirmed_low and capacity.confirmed_high
    return Answer(
        question,
        _sentence(text + ("" if sure else "; the bracket is not confirmed by a second look")),
        "good" if sure else "unclear",
    )


def _share(ratio: float) -> str:
    """Two digits that mean something: a fault of seconds is a tiny part of a month."""
    return f"{100 * ratio:.2g} %"


def _after(seconds: float) -> str:
    return f"after {duration_text(seconds)}" if seconds >= 1 else "at once"


def _percent(ratio: float | None) -> str:
    """As many digits as it takes not to round a miss up to 100 %."""
    if ratio is None:
        return "no data"
    digits = 0 if ratio in {0.0, 1.0} else 1 if ratio < 0.99 else 2 if ratio < 0.999 else 3
    return f"{100 * ratio:.{digits}f} %"


def _sentence(text: str) -> str:
    """Ends in one full stop. Begins as it is: a name keeps its case."""
    return text if text.endswith(".") else f"{text}."
