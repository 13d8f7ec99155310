"""Error budgets: counts and a target in; what may fail, what has failed, and how fast it goes, out.

With E = 1 - target, the budget's share of all events:

    allowed bad events = E · total            burn rate = (bad / total) / E
    allowed downtime   = E · window           exhausted after window / burn rate

Targets are decimals and counts integers, so that 0.999 leaves exactly 0.001 and a burn of exactly 1 spends exactly all.
Source: Google SRE workbook, chapters 2 and 5.
"""

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Budget:
    """What a stretch of time cost. None where nothing was counted.

    `spent` is the share of the stretch's own budget (1: all that may fail has failed), which over the stretch is also
    its burn rate. `window_share` is the share of the whole window's budget, were its traffic at this stretch's rate.
    `exhaustion`: seconds from a full window's budget to none at this burn rate; None when it never ends.
    """

    allowed: float  # bad events that the stretch may have
    bad: int
    spent: float | None
    burn_rate: float | None
    window_share: float | None
    exhaustion: float | None


def exact(number: Decimal | float | str) -> Decimal:
    """The decimal a person wrote: 0.999, not 0.99899999999999999911."""
    return number if isinstance(number, Decimal) else Decimal(str(number))


def percent(ratio: Decimal | float, places: int | None = None, rounding: str | None = None) -> str:
    """ "99.9 %"; to `places` decimals where given. Rounded the way the caller says, so that 0.99999 is not "100 %"."""
    value = exact(ratio) * 100
    if places is not None:
        value = value.quantize(Decimal(1).scaleb(-places), rounding=rounding)
    text = f"{value:f}"
    return f"{text.rstrip('0').rstrip('.') if '.' in text else text} %"


def error_budget(target: Decimal | float) -> Decimal:
    """The share of events that may be bad. Raises ValueError unless 0 <= target < 1: 1 leaves none."""
    budget = 1 - exact(target)
    if not 0 < budget <= 1:
        raise ValueError(f"a target is a share of at least 0 and below 1, not {target}")
    return budget


def allowed_bad(total: int, target: Decimal | float) -> Decimal:
    """Bad events that `total` events may hold."""
    return error_budget(target) * total


def burn_rate(bad: int, total: int, target: Decimal | float) -> float | None:
    """How many times faster than allowed the budget goes; None when nothing was counted."""
    return float(Decimal(bad) / allowed_bad(total, target)) if total else None


def burns_faster(bad: int, total: int, target: Decimal | float, threshold: Decimal | float) -> bool:
    """Whether the burn rate exceeds `threshold`, compared exactly, never after rounding."""
    return bad > exact(threshold) * allowed_bad(total, target)


def can_burn_faster(target: Decimal | float, threshold: Decimal | float) -> bool:
    """Whether any outage could: with everything failing the burn rate is 1 / (1 - target), and no more."""
    return exact(threshold) * error_budget(target) < 1


def budget_of(bad: int, total: int, target: Decimal | float, *, seconds: float, window: float) -> Budget:
    """The budget of a stretch of `seconds` with so many events, for an objective over `window` seconds.

    Raises ValueError when `bad` is not within 0 and `total`: a broken count is no budget.
    """
    if not 0 <= bad <= total:
        raise ValueError(f"{bad} bad events of {total} cannot be")
    allowed = allowed_bad(total, target)
    if total == 0:
        return Budget(0.0, 0, None, None, None, None)
    spent = Decimal(bad) / allowed
    return Budget(
        allowed=float(allowed),
        bad=bad,
        spent=float(spent),
        burn_rate=float(spent),
        window_share=float(spent * exact(seconds) / exact(window)),
        exhaustion=float(exact(window) / spent) if bad else None,
    )
