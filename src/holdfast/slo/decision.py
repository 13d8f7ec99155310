"""May this change go out? A policy and what was measured of the objectives it covers in; the decision and why, out.

    each objective ─▶ its tiers, replayed ─▶ those that bind this change ─┐
                   └▶ is the data enough? ─▶ else the policy's default ───┴▶ the severest of all is the answer

A tier does not bind a kind of change that it exempts, nor what a waiver lifts. A freeze that is proven stands, however
little is known of other objectives; anything else is inconclusive while one of them could not be judged.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Final, Literal

from holdfast.slo.bounds import lower_bound
from holdfast.slo.budget import error_budget
from holdfast.slo.decision_words import (
    exempt_words,
    held_words,
    lift_words,
    percent,
    standing_words,
    waived_words,
)
from holdfast.slo.evidence import Course, Evidence
from holdfast.slo.history import History
from holdfast.slo.measured import Measured
from holdfast.slo.moment import moment_text
from holdfast.slo.policy import Policy
from holdfast.slo.policy_terms import Answer, Tier, Waiver
from holdfast.slo.tier import TierState, replay
from holdfast.slo.window import Span
from holdfast.workspace.quantity import duration_text

Default = Literal["allow", "block", "ask"]
_MEANT: Final[dict[str, Answer]] = {"allow": Answer.ALLOW, "block": Answer.FREEZE, "ask": Answer.REVIEW}


@dataclass(frozen=True, slots=True)
class Finding:
    """One objective under a policy. `answer`: what it alone asks for. `unclear`: why its data decide nothing.

    `tier`: the one that binds. `set_aside`: tiers that would, and why they do not. `with_excluded`: what would remain
    if excluded time counted, where some is excluded.
    """

    objective: str
    answer: Answer
    evidence: Evidence | None
    tiers: tuple[TierState, ...]
    tier: Tier | None
    unclear: str | None
    reason: str
    set_aside: tuple[str, ...]
    lifts: tuple[str, ...]
    with_excluded: Fraction | None


@dataclass(frozen=True, slots=True)
class Decision:
    """`conclusive`: whether the evidence, not a default for the lack of it, makes the answer.

    `reasons`, `lifts`: sentences; `objective`, `tier`: what decides, None where all is allowed.
    """

    policy: Policy
    at: float
    change: str | None
    answer: Answer
    conclusive: bool
    default: Default
    objective: str | None
    tier: str | None
    reasons: tuple[str, ...]
    findings: tuple[Finding, ...]
    waivers: tuple[Waiver, ...]
    lifts: tuple[str, ...]


def decide(
    policy: Policy,
    measured: Sequence[Measured],
    at: float,
    *,
    change: str | None = None,
    default: Default | None = None,
) -> Decision:
    """As of `at`. `default`: instead of the policy's own for insufficient data.

    `measured`: of every objective that the policy covers, at least one; histories reach back two windows where they
    can, and what lies before is taken as uneventful.
    """
    default = default or policy.terms.insufficient_data.decision
    findings = tuple(_find(policy, each, at, change, default) for each in measured)
    worst = max(findings, key=lambda finding: finding.answer.severity)
    proven = any(finding.tier is not None and finding.tier.answer is worst.answer for finding in findings)
    unclear = [finding for finding in findings if finding.unclear is not None]
    deciding = [f for f in findings if f.answer is worst.answer] if worst.answer is not Answer.ALLOW else unclear
    leading = next((f for f in deciding if f.tier is not None and f.tier.answer is worst.answer), None)
    leading = leading or (deciding[0] if deciding else None)
    return Decision(
        policy=policy,
        at=at,
        change=change,
        answer=worst.answer,
        conclusive=not unclear or (worst.answer is Answer.FREEZE and proven),
        default=default,
        objective=leading.objective if leading else None,
        tier=leading.tier.name if leading and leading.tier and leading.tier.answer is worst.answer else None,
        reasons=tuple(f.reason for f in deciding) or _allowed(findings),
        findings=findings,
        waivers=tuple(w for w in policy.terms.waivers if any(waived_words(w) in f.set_aside for f in findings)),
        lifts=tuple(dict.fromkeys(sentence for f in deciding for sentence in f.lifts)),
    )


def _allowed(findings: Sequence[Finding]) -> tuple[str, ...]:
    """Why all is allowed: nothing binds, or what would has been set aside."""
    aside = tuple(f"{finding.objective}: {text}" for finding in findings for text in finding.set_aside)
    many = f"any of the {len(findings)} objectives" if len(findings) > 1 else "the one objective"
    return aside or (f"no tier binds {many} of the policy",)


def _find(policy: Policy, measured: Measured, at: float, change: str | None, default: Default) -> Finding:
    terms = policy.terms
    overs = sorted({burning.over for tier in terms.tiers for burning in tier.entry.burning})
    course, why = _course(policy, measured, at)
    if course is None:
        return _resolve(policy, measured, at, change, default, None, None, (), why)
    start = float(course.ends[-1]) - measured.window.seconds
    share = Fraction(terms.insufficient_data.coverage_below)
    states = tuple(replay(course, tier, terms.acknowledged, share, start) for tier in terms.tiers)
    evidence = course.evidence(at, overs, measured.newest)
    if few := _too_few(measured, evidence):
        return _resolve(policy, measured, at, change, default, course, evidence, (), few)
    return _resolve(policy, measured, at, change, default, course, evidence, states, _unclear(policy, evidence))


def _too_few(measured: Measured, evidence: Evidence) -> str | None:
    """Where a window's budget is less than one event, one request would decide alone: only what is proven counts.

    The same holds in `standing`, so that status and gate never contradict each other.
    """
    budget = Fraction(error_budget(measured.target))
    if measured.slices or not evidence.total or Fraction(evidence.total) * budget >= 1:
        return None
    if lower_bound(evidence.bad, evidence.total) > float(budget):
        return None
    return f"{evidence.total:g} events have a budget of less than one, and decide nothing"


def _course(policy: Policy, measured: Measured, at: float) -> tuple[Course | None, str]:
    history = measured.history
    if history is None:
        return None, measured.why or "nothing was measured"
    history = _before(history, at)
    if not len(history) or not history.measured.any():
        return None, measured.why or "nothing was measured"
    try:
        counted = _without(history, _excluded(policy, measured))
        return Course(counted, measured.target, measured.window, pause=policy.terms.incident_pause), ""
    except ValueError as error:
        return None, str(error)


def _before(history: History, at: float) -> History:
    """Of a history that reaches beyond the moment that is judged, the steps that had begun."""
    return history.between(history.start, at + history.step / 2)


def _excluded(policy: Policy, measured: Measured) -> list[Span]:
    return [Span(each.start, each.end) for each in policy.terms.exclusions if measured.is_named_in(each.objectives)]


def _without(history: History, spans: Sequence[Span]) -> History:
    """Excluded time counts nothing, but somebody looked: it is no gap in the evidence."""
    return replace(history.without(spans), measured=history.measured)


def _unclear(policy: Policy, evidence: Evidence) -> str | None:
    """Why the data decide nothing; None where they do."""
    data = policy.terms.insufficient_data
    least = Fraction(data.coverage_below)
    if evidence.age is None or evidence.age > data.stale_after:
        age = "nothing" if evidence.age is None else f"nothing newer than {duration_text(evidence.age)}"
        return f"{age} was measured, and {duration_text(data.stale_after)} is the oldest that counts"
    if evidence.coverage < least:
        known = percent(evidence.coverage)
        return f"only {known} of its window was measured, and {percent(least)} is the least that counts"
    if evidence.remaining is None:
        return "no event was counted over its window"
    for burn in evidence.burns:
        if burn.coverage < least:
            return f"only {percent(burn.coverage)} of the last {duration_text(burn.over)} was measured"
    return None


def _resolve(
    policy: Policy,
    measured: Measured,
    at: float,
    change: str | None,
    default: Default,
    course: Course | None,
    evidence: Evidence | None,
    states: tuple[TierState, ...],
    unclear: str | None,
) -> Finding:
    """What binds, less what is exempt or waived, against the default where the data are not enough."""
    bound, set_aside = _bound(policy, measured, at, change, states)
    binding = max(reversed(bound), key=lambda state: state.tier.answer.severity, default=None)
    answer = binding.tier.answer if binding else Answer.ALLOW
    stands = standing_words(measured.objective, measured.target, measured.window, evidence)
    reason = held_words(stands, binding) if binding else stands
    data = policy.terms.insufficient_data
    if unclear is not None and change is not None and change in data.exempt:
        set_aside.append(f"{unclear}: {change} goes out all the same")
        unclear = None
    elif unclear is not None:
        if _MEANT[default].severity > answer.severity or binding is None:
            answer = max(answer, _MEANT[default], key=lambda each: each.severity)
            reason = f"{measured.objective}: inconclusive, {unclear}; by default it says {default}"
        else:
            reason = f"{reason}; {unclear}"
    lifts: list[str] = []
    for state in bound if course is not None and binding is not None and binding.tier.answer is answer else ():
        if state.tier.answer is answer and course is not None:
            lifts += lift_words(measured.objective, state, course)
    if unclear is not None:
        lifts.append(f"{measured.objective}: measure it again ({unclear})")
    return Finding(
        objective=measured.objective,
        answer=answer,
        evidence=evidence,
        tiers=states,
        tier=binding.tier if binding else None,
        unclear=unclear,
        reason=reason,
        set_aside=tuple(dict.fromkeys(set_aside)),
        lifts=tuple(lifts) if answer is not Answer.ALLOW or unclear is not None else (),
        with_excluded=_with_excluded(policy, measured, at),
    )


def _bound(
    policy: Policy, measured: Measured, at: float, change: str | None, states: Sequence[TierState]
) -> tuple[list[TierState], list[str]]:
    """The tiers that hold this change up; and for those that would, why they do not."""
    bound: list[TierState] = []
    set_aside: list[str] = []
    for state in (state for state in states if state.active):
        if change is not None and change in state.tier.exempt:
            set_aside.append(exempt_words(state.tier, change))
        elif waiver := _waiver(policy, measured, state.tier, at, change):
            set_aside.append(waived_words(waiver))
        else:
            bound.append(state)
    return bound, set_aside


def _with_excluded(policy: Policy, measured: Measured, at: float) -> Fraction | None:
    if measured.history is None or not _excluded(policy, measured):
        return None
    try:
        whole = Course(_before(measured.history, at), measured.target, measured.window)
    except ValueError:
        return None
    return whole.evidence(at, ()).remaining if len(whole) else None


def _waiver(policy: Policy, measured: Measured, tier: Tier, at: float, change: str | None) -> Waiver | None:
    for waiver in policy.terms.waivers:
        if (
            waiver.holds_at(at)
            and (not waiver.tiers or tier.name in waiver.tiers)
            and measured.is_named_in(waiver.objectives)
            and (not waiver.changes or change in waiver.changes)
        ):
            return waiver
    return None


def decision_words(decision: Decision) -> str:
    """The headline: "Frozen by policy self-service at 2026-11-25 10:00 UTC"."""
    said = {Answer.ALLOW: "Allowed", Answer.REVIEW: "A person decides", Answer.FREEZE: "Frozen"}[decision.answer]
    how = "" if decision.conclusive else "inconclusive, "
    return f"{said} ({how}policy {decision.policy.name}, {moment_text(decision.at)})"
