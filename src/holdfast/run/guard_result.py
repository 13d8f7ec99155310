"""What the guard did in a run: the record in; its limits, and what it had seen if it stopped the run, out."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from holdfast.run.recorded import Recorded
from holdfast.run.summary import GuardResult


def guard_result(recorded: Recorded) -> GuardResult | None:
    """None where the plan asks for no guard."""
    asked = recorded.asked
    if asked.guard_burn_rate is None:
        return None
    idle = GuardResult(asked.guard_burn_rate, asked.guard_for)
    event = next(iter(recorded.events_of("stopped")), None)
    if event is None:
        return idle
    facts: Mapping[str, Any] = event.facts  # of older records the reason alone
    return replace(
        idle,
        stopped_at=event.at,
        reason=str(facts.get("reason", "")),
        objective=facts.get("objective"),
        blind=facts.get("blind"),
        bad=facts.get("bad"),
        total=facts.get("total"),
        burn_rate=facts.get("burn_rate"),
        silent=facts.get("silent"),
    )


def went_blind(recorded: Recorded) -> bool:
    """Whether a guard stopped the run because it saw too little, which proves nothing bad."""
    return any(event.facts.get("blind") is True for event in recorded.events_of("stopped"))


def burned(recorded: Recorded) -> bool:
    """Whether a guard stopped the run because a budget went too fast."""
    return any(event.facts.get("blind") is not True for event in recorded.events_of("stopped"))
