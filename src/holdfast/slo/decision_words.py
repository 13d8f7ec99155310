"""The sentences of a decision: states of tiers and evidence in, words for people out. Rounded here alone."""

from decimal import Decimal
from fractions import Fraction

from holdfast.slo.evidence import Course, Evidence
from holdfast.slo.moment import moment_text
from holdfast.slo.policy_terms import Tier, Waiver
from holdfast.slo.tier import TierState
from holdfast.slo.window import Window
from holdfast.workspace.quantity import duration_text


def percent(share: Fraction | Decimal | float) -> str:
    """0.25 → "25 %"; four digits, so that what is not zero does not look like it."""
    return f"{float(share) * 100:.4g} %"


def standing_words(objective: str, target: Decimal, window: Window, evidence: Evidence | None) -> str:
    if evidence is None or evidence.remaining is None:
        return f"{objective}: nothing is known of its error budget"
    bad, total = f"{evidence.bad:,.6g}", f"{evidence.total:,.10g}"
    return (
        f"{objective}: {percent(evidence.remaining)} of its error budget is left over {window.text} "
        f"({bad} of {total} were bad, target {percent(target)})"
    )


def held_words(stands: str, state: TierState) -> str:
    since = moment_text(state.since) if state.since is not None else "now"
    why = "; ".join(_condition_words(state.tier, key) for key in state.held) or "not yet left"
    return f"{stands}; in tier {state.tier.name} since {since}: {why}"


def exempt_words(tier: Tier, change: str) -> str:
    return f"tier {tier.name} exempts {change}"


def waived_words(waiver: Waiver) -> str:
    return f"waived by {waiver.owner} until {moment_text(waiver.expires)}: {waiver.reason}"


def lift_words(objective: str, state: TierState, course: Course) -> tuple[str, ...]:
    """What it takes to leave a tier: what is not yet so, a sentence each."""
    found: list[str] = []
    leave = state.tier.exit
    hold = f" for {duration_text(leave.held_for)}" if leave.held_for else ""
    calm = f" (so far {duration_text(state.calm_for)})" if leave.held_for and state.calm_for > 0 else ""
    if leave.remaining_at_least is not None:
        share = Fraction(leave.remaining_at_least)
        earliest = course.recovers_at(share) + (leave.held_for or 0.0) - state.calm_for
        what = f"at least {percent(share)} of its budget is left{hold}{calm}"
        found.append(f"{objective}: {what}; not before {moment_text(earliest)}, if nothing more fails")
    elif leave.held_for is not None:
        found.append(f"{objective}: no condition of tier {state.tier.name} holds{hold}{calm}")
    found += [f"{objective}: acknowledged, since the tier was entered: {action}" for action in state.missing]
    if "incident_above" in state.held and not state.missing and not leave.actions:
        found.append(f"{objective}: its costliest incident leaves the window")
    return tuple(found)


def _condition_words(tier: Tier, key: str) -> str:
    entry = tier.entry
    if key == "remaining_at_most":
        limit = entry.limit
        return "nothing of the budget is left" if limit == 0 else f"at most {percent(limit or 0)} is left"
    if key == "incident_above":
        return f"one incident spent more than {percent(entry.incident_above or 0)} of the budget"
    burning = entry.burning[int(key.removeprefix("burning[").removesuffix("]"))]
    return f"it burns at least {burning.at_least} times as fast as allowed over {duration_text(burning.over)}"
