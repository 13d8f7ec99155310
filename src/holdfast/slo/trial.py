"""One objective's alerts tried on its history: what is shown, printed and drawn of a backtest. Data."""

from dataclasses import dataclass
from decimal import Decimal

from holdfast.slo.attainment import Attainment
from holdfast.slo.backtest import Backtest
from holdfast.slo.incidents import IncidentRule


@dataclass(frozen=True, slots=True, eq=False)
class Trial:
    """`rule`: by what incidents were found; None: people named them. `source`: for people. `notes`: sentences.

    `attainment`: which targets the history held, where that was asked.
    """

    name: str
    window: str
    target: Decimal
    source: str
    result: Backtest
    rule: IncidentRule | None
    notes: tuple[str, ...] = ()
    attainment: Attainment | None = None
