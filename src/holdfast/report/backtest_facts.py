"""A backtest as plain data for scripts: `holdfast/slo-backtest/v1`. Times: seconds since the epoch; ratios: 0 to 1."""

from collections.abc import Sequence
from typing import Any

from holdfast.slo.attainment import Attainment
from holdfast.slo.backtest import Fired, PlanResult, Score, Share
from holdfast.slo.burn import BurnWindows
from holdfast.slo.suggestion import Candidate, Suggestion, merit
from holdfast.slo.trial import Trial

Facts = dict[str, Any]


def facts_of(trials: Sequence[Trial], suggestion: Suggestion | str | None) -> Facts:
    """`suggestion`: a text is why there is none; None: nobody asked."""
    found: Facts = {"schema": "holdfast/slo-backtest/v1", "objectives": [_trial(trial) for trial in trials]}
    if isinstance(suggestion, str):
        found["windows"] = {"proposed": None, "reason": suggestion}
    elif suggestion is not None:
        found["windows"] = _suggestion(suggestion)
    return found


def _trial(trial: Trial) -> Facts:
    result = trial.result
    return {
        "name": trial.name,
        "target": float(trial.target),
        "window": trial.window,
        "source": trial.source,
        "start": result.start,
        "end": result.end,
        "step_seconds": result.history.step,
        "evaluated_every_seconds": result.every,
        "measured": result.measured,
        "lookback_missing_seconds": result.short_of,
        "notes": list(trial.notes),
        "incidents_found": trial.rule is not None,
        "incidents": [
            {"name": one.name, "start": one.start, "end": one.end, "bad": one.bad, "budget_spent": one.spent}
            for one in result.incidents
        ],
        "policies": [_plan(plan) for plan in result.results],
        "targets": None if trial.attainment is None else _attainment(trial.attainment),
    }


def _plan(result: PlanResult) -> Facts:
    return {
        "name": result.plan.name,
        "firings": [_fired(one) for one in result.fired],
        "scores": [_score(score) for score in result.scores],
    }


def _fired(one: Fired) -> Facts:
    firing = one.firing
    return {
        "alert": firing.alert,
        "fired_at": firing.fired_at,
        "reset_at": firing.reset_at,
        "windows": firing.row,
        "budget_spent": one.spent,
        "incidents": list(one.incidents),
    }


def _score(score: Score) -> Facts:
    return {
        "alert": score.alert,
        "alerts": score.precision.of,
        "alerts_a_week": score.alerts_a_week,
        "precision": _share(score.precision),
        "recall": _share(score.recall),
        "detection_seconds": score.detection,
        "reset_seconds": score.reset,
        "budget_spent_at_detection": score.spent,
        "incidents": [
            {
                "incident": one.incident,
                "detection_seconds": one.detection,
                "reset_seconds": one.reset,
                "budget_spent": one.spent,
                "alerts": one.alerts,
            }
            for one in score.detections
        ],
    }


def _share(share: Share) -> Facts:
    interval = share.interval
    return {
        "hits": share.hits,
        "of": share.of,
        "ratio": share.value,
        "interval_95": None if interval is None else list(interval),
        "weighed": share.weighed,
    }


def _attainment(found: Attainment) -> Facts:
    return {
        "proposed": None if found.proposed is None else float(found.proposed),
        "reason": found.refused,
        "blocks": found.blocks,
        "targets": [
            {
                "target": float(rung.target),
                "held": rung.held,
                "windows_met": rung.met,
                "windows": rung.windows,
                "drawn_periods_met": rung.likely,
                "budget_left": rung.left,
                "budget_left_worst": rung.worst,
            }
            for rung in found.rungs
        ],
    }


def _suggestion(found: Suggestion) -> Facts:
    return {
        "proposed": _windows(found.proposed.windows),
        "chosen_on_first_half": found.chosen.name,
        "holds_on_second_half": found.holds,
        "tried": found.tried,
        "incidents": list(found.incidents),
        "candidates": [_candidate(one) for one in found.candidates],
        "reason": "",
    }


def _candidate(one: Candidate) -> Facts:
    return {
        "name": one.name,
        "windows": _windows(one.windows),
        "alike": one.alike,
        "first": _summary(one.first),
        "second": _summary(one.second),
    }


def _summary(score: Score) -> Facts:
    return {
        "precision": score.precision.value,
        "recall": score.recall.value,
        "merit": merit(score),
        "detection_seconds": score.detection,
        "budget_spent_at_detection": score.spent,
        "alerts_a_week": score.alerts_a_week,
    }


def _windows(windows: BurnWindows) -> list[Facts]:
    return [
        {
            "severity": row.severity,
            "long_seconds": row.long,
            "short_seconds": row.short,
            "budget": float(row.budget),
        }
        for row in windows.rows
    ]
