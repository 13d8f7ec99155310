"""The reader's five questions, answered in sentences from the results. Figures are rounded here only, for reading."""

from collections.abc import Sequence

from holdfast.run.summary import (
    WHOLE_RUN,
    Answer,
    CapacityResult,
    FaultResult,
    Funnel,
    JourneyResult,
    LoadResult,
    ObjectiveResult,
)
from holdfast.workspace.quantity import duration_text


def answers(
    objectives: Sequence[ObjectiveResult],
    faults: Sequence[FaultResult],
    load: LoadResult | None,
    journeys: Sequence[JourneyResult],
    capacity: CapacityResult | None,
) -> tuple[Answer, ...]:
    """A question whose part did not run is left out; the summary says why beside that part."""
    found = []
    if objectives:
        found += [_every_objective(objectives), _which_phase(objectives)]
    if faults:
        found.append(_cost(faults))
    funnels = [*(load.funnels if load else ()), *(j.funnel for j in journeys)]
    if any(funnel.started for funnel in funnels):
        found.append(_drop_off(funnels))
    if capacity is not None:
        found.append(_replicas(capacity))
    return tuple(found)


def _every_objective(objectives: Sequence[ObjectiveResult]) -> Answer:
    whole = [o for o in objectives if o.phase == WHOLE_RUN]
    met = [o for o in whole if o.verdict == "met"]
    others = [f"{o.name} is {o.verdict} ({_percent(o.ratio)} of {o.total})" for o in whole if o.verdict != "met"]
    lowered = [f"{o.name} was only asked to prove {_percent(o.gate)}" for o in met if o.gate < o.target]
    text = f"{len(met)} of {len(whole)} objectives were met over the judged phases."
    if others:
        text += f" {_sentence('; '.join(others))}"
    if lowered:
        text += f" {_sentence('; '.join(lowered))}"
    if not others:
        return Answer("Was every objective met?", text, "good")
    missed = any(o.verdict == "missed" for o in whole)
    return Answer("Was every objective met?", text, "bad" if missed else "unclear")


def _which_phase(objectives: Sequence[ObjectiveResult]) -> Answer:
    missed = [o for o in objectives if o.phase != WHOLE_RUN and o.verdict == "missed"]
    question = "In which phase not, and why?"
    if not missed:
        return _no_phase_missed(question, [o for o in objectives if o.phase != WHOLE_RUN])
    parts = [
        f"{o.phase}{'' if o.judged else ' (not judged)'}: {o.name} was {_percent(o.ratio)} of {o.total} "
        f"against {_percent(o.target)}"
        for o in missed
    ]
    return Answer(question, _sentence("; ".join(parts)), "bad" if any(o.judged for o in missed) else "neutral")


def _no_phase_missed(question: str, results: Sequence[ObjectiveResult]) -> Answer:
    unclear = [o for o in results if o.verdict == "inconclusive"]
    if not unclear:
        return Answer(question, "In none: every objective was met in every phase.", "good")
    below = [o for o in unclear if o.ratio is not None and o.ratio < o.target]
    if not below:
        phases = ", ".join(dict.fromkeys(o.phase for o in unclear))
        text = f"In none. Not every phase is long enough to prove every objective by itself ({phases})."
        return Answer(question, text, "good")
    seen = "; ".join(
        f"{o.name} in {o.phase}, {_percent(o.ratio)} of {o.total} against {_percent(o.target)}" for o in below
    )
    return Answer(
        question, f"None was proven missed. Below its target, in too few events to prove it: {seen}.", "neutral"
    )


def _cost(faults: Sequence[FaultResult]) -> Answer:
    parts = []
    for fault in faults:
        if fault.injected_at is None:
            parts.append(f"{fault.title}: it was never put in, so it shows nothing")
            continue
        if fault.time_to_impact is None:
            parts.append(f"{fault.title}: no objective felt it")
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
            text += f", the burn-rate alert would have fired after {duration_text(fault.time_to_detect)}"
        parts.append(text)
    hurt = any(f.time_to_impact is not None for f in faults)
    unclear = any(f.injected_at is None for f in faults)
    return Answer(
        "What did the fault cost?", _sentence("; ".join(parts)), "unclear" if unclear else "neutral" if hurt else "good"
    )


def _drop_off(funnels: Sequence[Funnel]) -> Answer:
    question = "Where do customers drop off?"
    losses = sorted(
        ((step.reached - step.completed, funnel, step) for funnel in funnels for step in funnel.steps if step.reached),
        key=lambda loss: -loss[0],
    )
    lost = [loss for loss in losses if loss[0] > 0]
    if not lost:
        return Answer(question, "Nowhere: every step that was reached was completed.", "good")
    parts = [
        f"{funnel.name}, step {step.name}: {gone} of {step.reached} did not get through "
        f"({_percent(gone / step.reached)})"
        for gone, funnel, step in lost[:3]
    ]
    return Answer(question, _sentence("; ".join(parts)), "neutral")


def _replicas(capacity: CapacityResult) -> Answer:
    question = "How many replicas do I need?"
    sizing = capacity.sizing
    if sizing is None:
        return Answer(question, f"Not known: {capacity.reason}", "unclear")
    upper = f"{capacity.high:.3g}" if capacity.high is not None else "a rate not reached"
    text = (
        f"{sizing.replicas} for a peak of {sizing.peak:.3g} visits/s: {sizing.replicas_without_spare} to carry it, "
        f"{sizing.spare} spare. {capacity.replicas} replicas held {capacity.low:.3g}/s and did not hold {upper}"
        f"{'/s' if capacity.high is not None else ''}"
    )
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
