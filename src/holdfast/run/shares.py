"""Which accounts the parts of a run get: journeys what they need, load and the capacity search the others. Pure.

An account with a second factor rests after its walk until the 30 s step of its code is over, so a journey that asks for
codes needs as many of them as it takes walks in that time. Whoever goes without is our fault and never the target's.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from holdfast.kit.accounts import Apart
from holdfast.kit.totp import STEP_SECONDS

_MOST_APART: Final = 50  # of each kind, where there are plenty: what one walk left behind meets no other soon
_PLENTY: Final = 4  # of so many accounts one is set apart


@dataclass(frozen=True, slots=True)
class Holdings:
    """A target's accounts by kind."""

    coded: int  # with a second factor
    plain: int

    @property
    def all(self) -> int:
        return self.coded + self.plain


@dataclass(frozen=True, slots=True)
class Walks:
    """A journey as its accounts see it. `every` and `budget` in seconds; `walks`: at most so many are due."""

    journey: str
    needs_code: bool
    every: float
    budget: float
    walks: int
    patient: bool = False  # a number of walks was asked for: each waits until there is an account

    @property
    def accounts(self) -> int:
        """So many, and no walk that is due ever waits for one. A walk that our browser spoiled takes a second one."""
        at_once = math.ceil((self.budget + STEP_SECONDS) / self.every) if self.needs_code else 1
        return min(at_once, self.walks) + 1


@dataclass(frozen=True, slots=True)
class Shares:
    """How many each part gets, in this order: load the first, then the search, then the journeys.

    `apart`: which accounts are put last, for the journeys.
    """

    load: int
    search: int
    journeys: int
    apart: Apart = field(default_factory=Apart)


def shares_of(held: Holdings, walks: Sequence[Walks], *, load: bool, search: bool) -> Shares:
    """Journeys alone get all; beside load what they need, or a quarter where there are plenty. One is left for load."""
    others = load + search
    if not others:
        return Shares(0, 0, held.all)
    coded = _apart(sum(one.accounts for one in walks if one.needs_code), held.coded)
    plain = _apart(sum(one.accounts for one in walks if not one.needs_code), held.plain)
    if not held.plain:  # a journey that asks for no code may only look
        coded = _apart(sum(one.accounts for one in walks), held.coded)
    plain = max(min(plain, held.all - others - coded), 0)
    coded = max(min(coded, held.all - others - plain), 0)
    rest = held.all - coded - plain
    searched = (rest * 2 // 5 or 1) if search and load else rest if search else 0
    return Shares(rest - searched, searched, coded + plain, Apart(coded, plain))


def shortfall(held: Holdings, walks: Sequence[Walks]) -> tuple[str, ...]:
    """What journeys will go without, each in a sentence with what to do. Those that can never walk are not among it."""
    coded = [one for one in walks if one.needs_code and not one.patient]
    needed = sum(one.accounts - 1 for one in coded)
    if not coded or not held.coded or needed <= held.coded:
        return ()
    names = ", ".join(one.journey for one in coded)
    pace = math.ceil(sum(one.budget + STEP_SECONDS for one in coded) / held.coded)
    what = f"{names}: {_counted(held.coded)}, and {needed} are needed at this pace"
    why = "one rests until the 30 s of its code are over, and some walks will not be walked"
    return (f"{what} ({why}): give the target more of these, or walk every {pace}s",)


def _apart(needed: int, held: int) -> int:
    return min(held, max(needed, min(_MOST_APART, held // _PLENTY))) if needed else 0


def _counted(coded: int) -> str:
    return f"the target has {coded} account{'s' if coded != 1 else ''} with a second factor"
