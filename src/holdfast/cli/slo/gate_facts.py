"""A decision for scripts: what `holdfast slo gate --json` prints."""

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from holdfast.slo.decision import Decision, Finding
from holdfast.slo.policy_terms import Waiver

SCHEMA = "holdfast/slo-gate/v1"


def facts_of(
    decisions: Sequence[Decision], exit_code: int, inconclusive_as: str | None, reviewed_by: str | None
) -> dict[str, Any]:
    """Ratios 0 to 1, moments in seconds since the epoch, absent values null with a reason beside them."""
    return {
        "schema": SCHEMA,
        "released": exit_code == 0,
        "exit_code": exit_code,
        "inconclusive_as": inconclusive_as,
        "reviewed_by": reviewed_by,
        "decisions": [_decision(decision) for decision in decisions],
    }


def _decision(decision: Decision) -> dict[str, Any]:
    terms = decision.policy.terms
    return {
        "policy": terms.name,
        "where": decision.policy.where(),
        "at": decision.at,
        "change": decision.change,
        "decision": str(decision.answer),
        "conclusive": decision.conclusive,
        "insufficient_data_as": decision.default,
        "objective": decision.objective,
        "tier": decision.tier,
        "reasons": list(decision.reasons),
        "lifts": list(decision.lifts),
        "consequence": next((tier.consequence for tier in terms.tiers if tier.name == decision.tier), None),
        "waivers": [_waiver(waiver) for waiver in decision.waivers],
        "decider": terms.decider,
        "escalation": [{"to": step.to, "after": step.after, "by": step.by} for step in terms.escalation],
        "runbook": terms.runbook,
        "objectives": [_finding(finding) for finding in decision.findings],
    }


def _finding(finding: Finding) -> dict[str, Any]:
    evidence = finding.evidence
    return {
        "objective": finding.objective,
        "decision": str(finding.answer),
        "tier": finding.tier.name if finding.tier else None,
        "reason": finding.reason,
        "unclear": finding.unclear,
        "set_aside": list(finding.set_aside),
        "tiers": [
            {
                "tier": state.tier.name,
                "active": state.active,
                "since": state.since,
                "calm_for": state.calm_for,
                "missing_actions": list(state.missing),
                "held": list(state.held),
            }
            for state in finding.tiers
        ],
        "evidence": None
        if evidence is None
        else {
            "remaining": _ratio(evidence.remaining),
            "remaining_with_excluded_time": _ratio(finding.with_excluded),
            "bad": evidence.bad,
            "total": evidence.total,
            "coverage": float(evidence.coverage),
            "age": evidence.age,
            "burns": [
                {"over": burn.over, "rate": _ratio(burn.rate), "coverage": float(burn.coverage)}
                for burn in evidence.burns
            ],
            "incident": None
            if evidence.incident is None
            else {
                "start": evidence.incident.start,
                "end": evidence.incident.end,
                "bad": evidence.incident.bad,
                "share": float(evidence.incident.share),
            },
        },
    }


def _waiver(waiver: Waiver) -> dict[str, Any]:
    return {"owner": waiver.owner, "reason": waiver.reason, "expires": waiver.expires}


def _ratio(share: Fraction | None) -> float | None:
    return None if share is None else float(share)
