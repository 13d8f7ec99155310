"""What each fault did: seen when, detected when, over when, and its price in error budget."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from holdfast.chaos.scorecard import FaultEffect, score_fault
from holdfast.chaos.undo import damaged_lines, entries_of, open_entries
from holdfast.record.timeline import Span
from holdfast.run.recorded import Recorded
from holdfast.run.summary import FaultResult
from holdfast.slo.budget import allowed_bad
from holdfast.slo.counted import Stretch

BASELINE_SECONDS: Final = 30.0
_NOT_BACK: Final = {"pending", "failed"}
DETECT_BURN_RATE: Final = 14.4  # the workbook's fast page: 2 % of a 30-day budget in an hour


def fault_results(recorded: Recorded) -> tuple[FaultResult, ...]:
    still_in = left_in(recorded)
    return tuple(_fault(recorded, span, still_in) for span in recorded.faults)


def _fault(recorded: Recorded, span: Span, still_in: Sequence[str]) -> FaultResult:
    facts = span.attributes
    effects = _effects(recorded, span) if span.started is not None else {}
    worst = max(effects, key=lambda name: effects[name].bad_events - effects[name].expected_bad, default=None)
    effect = effects[worst] if worst is not None else None
    spent = {name: _window_share(recorded, name, found, span) for name, found in effects.items()}
    return FaultResult(
        experiment=_name_of(span),
        title=str(facts.get("title", span.name)),
        fault=str(facts.get("fault", "")),
        target=str(facts.get("target", "")),
        hypothesis=str(facts.get("hypothesis", "")),
        injected_at=span.started,
        reverted_at=span.ended,
        touched=_count(facts.get("touched")),
        time_to_impact=effect.time_to_impact if effect else None,
        time_to_detect=effect.time_to_detect if effect else None,
        time_to_recover=effect.time_to_recover if effect else None,
        recovery_censored=effect.censored if effect else False,
        objective=worst,
        bad_events=effect.bad_events if effect else None,
        budget_spent={name: share for name, share in spent.items() if share is not None},
        steady_state_before=_truth(facts.get("steady_state_before")),
        steady_state_after=_truth(facts.get("steady_state_after")),
        verdict=str(facts.get("verdict", "inconclusive")),
        clean_up="failed" if _name_of(span) in still_in else "done",
        reason=_reason(span, effect, counted=_is_counted(recorded, span)),
    )


def _effects(recorded: Recorded, span: Span) -> dict[str, FaultEffect]:
    start, end = recorded.time_zero, recorded.plan_end
    # A warm-up is no baseline; but a first phase with none between it and the fault is all the baseline there is.
    before = [p for p in recorded.phases if span.started is None or p.end <= span.started]
    warm_up = before[0].end if len(before) > 1 and not before[0].judged else start
    effects = {}
    for asked in recorded.asked.objectives:
        objective = asked.objective
        if objective.events.total.source == "synthetics":
            continue  # a walk every few seconds says nothing per second
        counts = recorded.counted(objective, [Stretch("effect", warm_up, end, judged=True)])
        if not counts.total.sum():
            continue
        injected = span.started if span.started is not None else end
        effects[objective.name] = score_fault(
            counts.seconds,
            counts.good,
            counts.total,
            injected_at=injected,
            reverted_at=span.ended,
            end=end,
            target=float(objective.target),
            baseline_seconds=min(BASELINE_SECONDS, injected - warm_up),
            detect_burn_rate=DETECT_BURN_RATE,
        )
    return effects


def _window_share(recorded: Recorded, name: str, effect: FaultEffect, span: Span) -> float | None:
    """Bad events over what the whole window may have, were its traffic like that of the judged phases.

    Where none is judged, like the whole run's. A price is asked of every fault, also of one whose phase is not judged.
    """
    objective = next(a.objective for a in recorded.asked.objectives if a.objective.name == name)
    for stretches in (recorded.judged, recorded.phases):
        seconds = sum(stretch.seconds for stretch in stretches)
        total = recorded.counted(objective, stretches).total_events
        if total and seconds and span.started is not None:
            allowed = float(allowed_bad(total, objective.target)) / seconds * objective.window.seconds
            return max(effect.bad_events - effect.expected_bad, 0.0) / allowed
    return None


def _is_counted(recorded: Recorded, span: Span) -> bool:
    """Whether some of the time for which it was in is judged, so that its price is part of what the run spent."""
    if span.started is None:
        return False
    end = recorded.ended if span.ended is None else span.ended
    return any(phase.start < end and span.started < phase.end for phase in recorded.judged)


def _reason(span: Span, effect: FaultEffect | None, *, counted: bool) -> str:
    """Why the experiment's verdict is what it is, and what the objective it hurt most felt."""
    told = str(span.attributes.get("reason") or "")
    felt = effect.reason if effect is not None else "the fault was never put in" if span.started is None else ""
    aside = "its phase is not judged, so its price is in no budget" if effect is not None and not counted else ""
    return "; ".join(part for part in (told, felt, aside) if part)


def left_in(recorded: Recorded) -> list[str]:
    """The experiments that may still have something in the target, each once.

    Of our own faults the undo log knows, also what was taken out after the runner was killed; a line of it that cannot
    be read may be one. Of what other actions did, only the experiment's rollbacks can tell: by the span, and by the
    child's last word, should one not be written.
    """
    found = dict.fromkeys(in_undo_log(recorded.folder.undo_log))
    found |= {_name_of(span): None for span in recorded.faults if _is_out_of_hand(recorded, span.attributes, span)}
    for event in recorded.events_of("experiment_ended"):
        if event.facts.get("way_back") in _NOT_BACK:
            found[str(event.facts.get("experiment"))] = None
    for event in recorded.events_of("child_done"):
        told = event.facts.get("experiments")
        for name, facts in told.items() if isinstance(told, dict) else ():
            if isinstance(facts, dict) and facts.get("way_back") in _NOT_BACK:
                found[str(name)] = None
    return list(found)


def in_undo_log(log: Path) -> list[str]:
    """What the undo log alone says may still be in, each once: experiments, and lines that cannot be read."""
    found = dict.fromkeys(entry.experiment for entry in open_entries(log))
    return [*found, *(f"line {number} of {log.name}, which cannot be read" for number in damaged_lines(log))]


def _is_out_of_hand(recorded: Recorded, facts: Mapping[str, object], span: Span) -> bool:
    """Whether rollbacks that are not ours were not played to their end, or failed."""
    if "way_back" in facts:
        return facts["way_back"] in _NOT_BACK
    # A record of before `way_back` was told: a clean-up that failed, of which the undo log has never heard.
    return facts.get("clean_up") == "failed" and not entries_of(recorded.folder.undo_log, _name_of(span))


def _name_of(span: Span) -> str:
    return str(span.attributes.get("experiment", span.name))


def _count(value: object) -> int | None:
    return int(value) if isinstance(value, (int, float)) else None


def _truth(value: object) -> bool | None:
    return value if isinstance(value, bool) else None
