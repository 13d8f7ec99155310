"""Where a budget went: by named stretches of time (phases, faults, deployments) or by parts of the traffic (journeys).

What is in none of them is the remainder, "outside", so that the parts add up to the whole, exactly.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Final

import numpy as np
import numpy.typing as npt

from holdfast.slo.balance import Balance
from holdfast.slo.history import History
from holdfast.slo.tally import sound
from holdfast.slo.window import Span

OUTSIDE: Final = "outside"


@dataclass(frozen=True, slots=True)
class Cost:
    """What one part spent. `spent`: share of the whole's budget, so that the parts' shares add up to the whole's."""

    name: str
    balance: Balance
    spent: Fraction | None


def by_span(history: History, spans: Sequence[tuple[str, Span]], target: Decimal) -> tuple[Cost, ...]:
    """Each step belongs to the first span that holds its middle; spans of one name are one part. The rest is last."""
    whole, _ = sound(history)
    names = list(dict.fromkeys(name for name, _ in spans))
    owner = np.full(len(whole), len(names), dtype=np.int64)
    middles = whole.times + whole.step / 2
    for name, span in reversed(spans):
        first, last = np.searchsorted(middles, [span.start, span.end])
        owner[first:last] = names.index(name)
    parts = {}
    for index, name in enumerate([*names, OUTSIDE]):
        mine = owner == index
        parts[name] = (_sum(whole.bad[mine]), _sum(whole.total[mine]))
    return _costs(parts, target)


def by_part(histories: Mapping[str, History], target: Decimal) -> tuple[Cost, ...]:
    """Of histories that share no event, such as those of each journey."""
    kept = {name: sound(history)[0] for name, history in histories.items()}
    return _costs({name: (_sum(one.bad), _sum(one.total)) for name, one in kept.items()}, target)


def together(costs: Iterable[Cost], target: Decimal) -> Balance:
    """Of all parts."""
    listed = list(costs)
    return Balance(
        sum((one.balance.bad for one in listed), Fraction(0)),
        sum((one.balance.total for one in listed), Fraction(0)),
        target,
    )


def _costs(parts: Mapping[str, tuple[Fraction, Fraction]], target: Decimal) -> tuple[Cost, ...]:
    whole = Balance(
        sum((bad for bad, _ in parts.values()), Fraction(0)),
        sum((total for _, total in parts.values()), Fraction(0)),
        target,
    )
    return tuple(
        Cost(name, Balance(bad, total, target), bad / whole.allowed if whole.total else None)
        for name, (bad, total) in parts.items()
    )


def _sum(values: npt.NDArray[np.float64]) -> Fraction:
    """Exactly: whole numbers by a float's sum, others one by one."""
    if (values == np.rint(values)).all():
        return Fraction(float(values.sum()))
    return sum((Fraction(float(value)) for value in values), Fraction(0))
