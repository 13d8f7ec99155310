"""`slo status` as data: what the terminal, the page and `--json` show, worked out once. Its JSON Schema is published.

Times are seconds (moments since the epoch), ratios and shares 0 to 1 (a remaining budget may be below 0), counts as
they were counted; credits and amounts of money are decimal text, exact. What is not known is null, with a
reason beside it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final, Literal

from holdfast.slo.agreement import AgreementStanding
from holdfast.slo.attribution import Cost
from holdfast.slo.balance import Balance
from holdfast.slo.exclusions import Exclusion
from holdfast.slo.objective import Composite, Method
from holdfast.slo.standing import Standing, worst_first
from holdfast.slo.verdict import worst

SCHEMA: Final = "holdfast/slo-status/v1"
_SAME: Final = 1e-9  # what sums of floats may lose
StatusVerdict = Literal["met", "missed", "inconclusive"]


@dataclass(frozen=True, slots=True)
class WindowStatus:
    text: str
    calendar: bool
    start: float
    end: float
    over: bool  # nothing more can happen in it; of a rolling window always true


@dataclass(frozen=True, slots=True)
class BudgetStatus:
    """`spent`, `remaining`: shares of the budget; `remaining_seconds`: of total outage, at the window's traffic."""

    bad: float
    total: float
    allowed: float
    spent: float | None
    remaining: float | None
    remaining_events: float | None
    remaining_seconds: float | None


@dataclass(frozen=True, slots=True)
class BurnStatus:
    lookback: int
    rate: float | None
    bad: float
    total: float
    reason: str


@dataclass(frozen=True, slots=True)
class ExhaustionStatus:
    """Seconds from `at`; `soonest` and `latest` bound it with 95 % confidence each. See `exhaustion`."""

    seconds: float | None
    soonest: float | None
    latest: float | None
    pace: float
    known: bool
    reason: str
    method: str


@dataclass(frozen=True, slots=True)
class AlternativeStatus:
    """What would be left, were something counted that is left out."""

    name: str
    budget: BudgetStatus


@dataclass(frozen=True, slots=True)
class CostStatus:
    """What one phase, fault or journey spent: shares of the budget of all that was counted, which add up to it."""

    by: Literal["phase", "fault", "journey"]
    name: str
    bad: float
    total: float
    spent: float | None
    burn_rate: float | None


@dataclass(frozen=True, slots=True)
class ObjectiveStatus:
    """`to_date`: the window so far; `budget`: the whole window, `estimated` while a calendar window is not over."""

    name: str
    display_name: str
    service: str
    owner: str
    runbook: str
    description: str
    method: str
    target: float | None
    target_reason: str
    source: str
    window: WindowStatus
    verdict: StatusVerdict
    reason: str
    ratio: float | None
    interval: tuple[float, float] | None
    design_effect: float | None
    budget: BudgetStatus
    to_date: BudgetStatus
    estimated: bool
    coverage: float | None
    excluded_seconds: float
    broken_steps: int
    burn_rates: tuple[BurnStatus, ...]
    exhaustion: ExhaustionStatus
    alternatives: tuple[AlternativeStatus, ...]
    burn_down: tuple[tuple[float, float], ...]
    notes: tuple[str, ...]
    costs: tuple[CostStatus, ...] = ()
    parts: tuple["ObjectiveStatus", ...] = ()


@dataclass(frozen=True, slots=True)
class DistanceStatus:
    """Bad events and seconds of outage until a ratio is broken; below 0: by how much it is. `credit` null: the SLO."""

    below: str
    credit: str | None
    remaining_events: float | None
    remaining_seconds: float | None
    broken: bool


@dataclass(frozen=True, slots=True)
class CreditStatus:
    """`share` of the fee and the `amount` it makes; null where nothing was counted, or no fee is told.

    `last_window`: of the calendar window before, which is over; told where anything was counted in it.
    """

    when: Literal["last_window", "now", "at_best", "projected"]
    share: str | None
    amount: str | None
    seen: float | None  # the share of that window, so far, that was measured


@dataclass(frozen=True, slots=True)
class AgreementStatus:
    name: str
    description: str
    owner: str
    objective: str
    window: WindowStatus
    ratio: float | None
    target: str
    distances: tuple[DistanceStatus, ...]
    credits: tuple[CreditStatus, ...]
    fee: str | None
    currency: str


@dataclass(frozen=True, slots=True)
class ExclusionStatus:
    name: str
    category: str
    reason: str
    owner: str
    objectives: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SloStatus:
    """Everything. `objectives`: the most endangered first."""

    at: float
    step: int
    verdict: StatusVerdict
    exit_code: int
    objectives: tuple[ObjectiveStatus, ...]
    agreements: tuple[AgreementStatus, ...] = ()
    exclusions: tuple[ExclusionStatus, ...] = ()
    schema: str = SCHEMA


@dataclass(frozen=True, slots=True)
class Told:
    """A standing, and what only the one who looked knows of it."""

    standing: Standing
    source: str
    costs: tuple[tuple[Literal["phase", "fault", "journey"], Cost], ...] = ()
    burn_down: tuple[tuple[float, float], ...] = ()  # a finer one than the standing's, of the little that was measured


def status_of(
    told: Iterable[Told],
    agreements: Iterable[AgreementStanding],
    exclusions: Sequence[Exclusion],
    *,
    at: float,
    step: int,
    exit_codes: dict[str, int],
) -> SloStatus:
    by_name = {one.standing.name: one for one in told}
    ordered = worst_first(one.standing for one in by_name.values())
    verdict = worst(one.verdict for one in ordered)
    return SloStatus(
        at=at,
        step=step,
        verdict=verdict.value,
        exit_code=exit_codes[verdict.value],
        objectives=tuple(_objective(by_name[one.name]) for one in ordered),
        agreements=tuple(_agreement(one) for one in agreements),
        exclusions=tuple(
            ExclusionStatus(one.name, one.category, one.reason, one.owner, one.objectives) for one in exclusions
        ),
    )


def status_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of `slo status --json`."""
    from pydantic import TypeAdapter

    schema = TypeAdapter(SloStatus).json_schema()
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["$id"] = SCHEMA
    schema["title"] = "holdfast slo status"
    return schema


def _objective(told: Told) -> ObjectiveStatus:
    one = told.standing
    objective = one.objective
    shares = isinstance(objective, Composite) and objective.method is Method.OCCURRENCES
    bounds = one.interval
    lead = objective.parts[0] if isinstance(objective, Composite) else objective
    return ObjectiveStatus(
        name=one.name,
        display_name=objective.display_name,
        service=objective.service,
        owner=objective.owner,
        runbook=objective.runbook,
        description=objective.description,
        method=objective.method.value,
        target=None if shares else float(one.whole.target),
        target_reason="its parts have targets, and it has the budget they burn" if shares else "",
        source=told.source,
        window=_window(one, lead.window.text),
        verdict=one.verdict.value,
        reason=one.reason,
        ratio=None if shares else _float(one.to_date.ratio),
        interval=None if bounds is None else (1.0 - bounds.high, 1.0 - bounds.low),
        design_effect=None if bounds is None else bounds.effect,
        budget=_budget(one.whole, one.window.seconds),
        to_date=_budget(one.to_date, one.window.seconds),
        estimated=one.estimated,
        coverage=one.coverage,
        excluded_seconds=one.excluded_seconds,
        broken_steps=one.broken,
        burn_rates=tuple(
            BurnStatus(b.lookback, _float(b.rate), float(b.balance.bad), float(b.balance.total), b.reason)
            for b in one.burns
        ),
        exhaustion=ExhaustionStatus(
            one.exhaustion.seconds,
            one.exhaustion.soonest,
            one.exhaustion.latest,
            one.exhaustion.pace,
            one.exhaustion.known,
            one.exhaustion.reason,
            one.exhaustion.method,
        ),
        alternatives=tuple(
            AlternativeStatus(other.name, _budget(other.balance, one.window.seconds)) for other in one.alternatives
        ),
        burn_down=_burn_down(told),
        notes=one.notes,
        costs=tuple(
            CostStatus(
                by,
                cost.name,
                float(cost.balance.bad),
                float(cost.balance.total),
                _float(cost.spent),
                _float(cost.balance.spent),
            )
            for by, cost in told.costs
        ),
        parts=tuple(_objective(Told(part, told.source)) for part in one.parts),
    )


def _burn_down(told: Told) -> tuple[tuple[float, float], ...]:
    """The finer one where it ends at the figure that stands beside it: a window may hold less than the run, an
    exclusion may take some of it, and a budget of slices is not spent by events.
    """
    left = told.standing.remaining
    finer = told.burn_down
    if not finer or left is None or abs(finer[-1][1] - float(left)) > _SAME:
        return told.standing.burn_down
    return finer


def _of_last(one: AgreementStanding) -> tuple[CreditStatus, ...]:
    if one.last is None:
        return ()
    return (CreditStatus("last_window", _text(one.owed), _text(one.agreement.amount(one.owed)), one.last.coverage),)


def _agreement(one: AgreementStanding) -> AgreementStatus:
    agreement = one.agreement
    now: tuple[tuple[Literal["now", "at_best", "projected"], Decimal | None], ...]
    now = (("now", one.now), ("at_best", one.at_best), ("projected", one.projected))
    return AgreementStatus(
        name=agreement.name,
        description=agreement.description,
        owner=agreement.owner,
        objective=agreement.objective,
        window=_window(one.standing, agreement.window.text),
        ratio=_float(one.standing.to_date.ratio),
        target=str(agreement.target),
        distances=tuple(
            DistanceStatus(
                str(far.below), _text(far.credit), _float(far.events), _float(far.seconds), broken=far.broken
            )
            for far in one.distances
        ),
        credits=(
            *_of_last(one),
            *(
                CreditStatus(when, _text(share), _text(agreement.amount(share)), one.standing.coverage)
                for when, share in now
            ),
        ),
        fee=_text(agreement.fee),
        currency=agreement.currency,
    )


def _window(one: Standing, text: str) -> WindowStatus:
    calendar = one.objective.window.calendar is not None
    return WindowStatus(text, calendar, one.window.start, one.window.end, over=not one.estimated)


def _budget(balance: Balance, window: float) -> BudgetStatus:
    return BudgetStatus(
        bad=float(balance.bad),
        total=float(balance.total),
        allowed=float(balance.allowed),
        spent=_float(balance.spent),
        remaining=_float(balance.remaining),
        remaining_events=_float(balance.remaining_events),
        remaining_seconds=_float(balance.remaining_seconds(window)),
    )


def _float(value: Fraction | None) -> float | None:
    return None if value is None else float(value)


def _text(value: Decimal | None) -> str | None:
    return None if value is None else f"{value:f}"
