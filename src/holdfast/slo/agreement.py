"""Service level agreements: what is owed when an objective's ratio falls too low, and how far that is. Money is exact.

An agreement's tiers lie below the objective's own target, so that the objective is missed, and acted upon, long before
anything is owed. An agreement is kept over windows of its own, most often calendar months.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from holdfast.errors import Problem
from holdfast.slo.balance import Balance
from holdfast.slo.burn import DAY
from holdfast.slo.definition import Calendar as CalendarShape
from holdfast.slo.exclusions import Said
from holdfast.slo.objective import Composite, Objective
from holdfast.slo.property import Number
from holdfast.slo.sources.observed import Observed
from holdfast.slo.standing import Standing, standing
from holdfast.slo.window import Calendar, Span, Window, parse_window
from holdfast.workspace.binding import Broken, Definition, bind
from holdfast.workspace.document import Document, nearest

KIND: Final = "ServiceLevelAgreement"
_MONTH: Final = Window(1, "M", Calendar("2020-01-01 00:00:00", "UTC"))


@dataclass(frozen=True, slots=True)
class Tier:
    """Below this ratio, this share of the fee is owed."""

    below: Decimal
    credit: Decimal


@dataclass(frozen=True, slots=True)
class Agreement:
    """`tiers` from the highest ratio down. `fee`: of one window, in `currency`; None where none is told."""

    name: str
    description: str
    owner: str
    objective: str
    window: Window
    tiers: tuple[Tier, ...]
    fee: Decimal | None
    currency: str
    where: str

    @property
    def target(self) -> Decimal:
        """The ratio that is promised."""
        return self.tiers[0].below

    def credit(self, ratio: Fraction | None) -> Decimal | None:
        """Share of the fee that is owed at a ratio; None where nothing was counted."""
        if ratio is None:
            return None
        return max((tier.credit for tier in self.tiers if ratio < Fraction(tier.below)), default=Decimal(0))

    def amount(self, credit: Decimal | None) -> Decimal | None:
        return None if credit is None or self.fee is None else credit * self.fee


@dataclass(frozen=True, slots=True)
class Distance:
    """To where a ratio is broken: bad events and seconds of outage that are left before; below 0: by how much it is."""

    below: Decimal
    credit: Decimal | None  # None: the objective's own target
    events: Fraction | None
    seconds: Fraction | None

    @property
    def broken(self) -> bool:
        return self.events is not None and self.events < 0


@dataclass(frozen=True, slots=True)
class AgreementStanding:
    """`distances`: to the objective's target, then to each tier, over the agreement's window.

    Credits are shares of the fee: `now`, were the window over; `at_best`, were nothing bad any more until its end;
    `projected`, went the rest like the last day. None: nothing was counted.

    `last`: the calendar window before, which is over and which is what is paid for; None where windows roll, or where
    nothing was counted in it.
    """

    agreement: Agreement
    standing: Standing
    distances: tuple[Distance, ...]
    now: Decimal | None
    at_best: Decimal | None
    projected: Decimal | None
    last: Standing | None = None

    @property
    def owed(self) -> Decimal | None:
        """The credit of the window before."""
        return None if self.last is None else self.agreement.credit(self.last.to_date.ratio)

    @property
    def amount_now(self) -> Decimal | None:
        return self.agreement.amount(self.now)


def agreement_standing(
    agreement: Agreement,
    objective: Objective,
    observed: Observed,
    at: float,
    *,
    exclusions: Sequence[Span] = (),
    before: Observed | None = None,
) -> AgreementStanding:
    """Of the objective that the agreement is about, over the agreement's window. `before`: of `last_window`."""
    own = replace(objective, window=agreement.window)
    one = standing(own, observed, at, exclusions=exclusions, lookbacks=(DAY,))
    seconds = one.window.seconds
    targets = [(objective.target, None), *((tier.below, tier.credit) for tier in agreement.tiers)]
    distances = tuple(_distance(one.whole.against(target), credit, seconds) for target, credit in targets)
    last_day = one.burn(DAY)
    rest = one.whole.total - one.to_date.total
    share = _bad_share(last_day.balance if last_day is not None else one.to_date) or Fraction(0)
    projected = Balance(one.whole.bad + share * rest, one.whole.total, objective.target)
    return AgreementStanding(
        agreement,
        one,
        distances,
        now=agreement.credit(one.to_date.ratio),
        at_best=agreement.credit(one.whole.ratio),
        projected=agreement.credit(projected.ratio),
        last=None if before is None else _last(own, before, at, exclusions),
    )


def last_window(agreement: Agreement, at: float) -> Span | None:
    """The calendar window before the one that holds `at`; None where windows roll."""
    if agreement.window.calendar is None:
        return None
    return agreement.window.span(agreement.window.span(at).start - 1)


def _last(own: Objective, before: Observed, at: float, exclusions: Sequence[Span]) -> Standing | None:
    window = own.window.span(own.window.span(at).start - 1)
    one = standing(own, before, window.end, exclusions=exclusions, lookbacks=(), window=window)
    return one if one.to_date.total else None


def load_agreements(
    documents: Iterable[Document], objectives: Iterable[Objective | Composite] | None = None
) -> tuple[tuple[Agreement, ...], list[Problem]]:
    """Of the documents of this kind, held against the objectives that they name; None: those are not known here."""
    known = None if objectives is None else {one.name: one for one in objectives}
    found: list[Agreement] = []
    problems: list[Problem] = []
    for document in documents:
        if not isinstance(document.data, dict) or document.data.get("kind") != KIND:
            continue
        bound, wrong = bind(AgreementDocument, document)
        problems += wrong
        if bound is None:
            continue
        agreement = _agreement(bound, document.where(("name",)))
        found.append(agreement)
        if known is not None:
            problems += _against(agreement, document, known)
    return tuple(found), problems


def _against(agreement: Agreement, document: Document, known: dict[str, Objective | Composite]) -> Iterator[Problem]:
    objective = known.get(agreement.objective)
    place = document.where(("objective",))
    if objective is None:
        yield Problem(place, f'there is no objective "{agreement.objective}"', nearest(agreement.objective, known))
    elif isinstance(objective, Composite):
        yield Problem(place, f'"{agreement.objective}" is a composite', "name one objective: money needs one count")
    elif agreement.target > objective.target:
        what = f"promises {agreement.target}, which is more than the objective's own target {objective.target}"
        fix = "set the tier below the target, so that the objective is missed before anything is owed"
        yield Problem(document.where(("credits", 0, "below")), what, fix)


def _distance(balance: Balance, credit: Decimal | None, window: float) -> Distance:
    return Distance(balance.target, credit, balance.remaining_events, balance.remaining_seconds(window))


def _bad_share(balance: Balance) -> Fraction | None:
    return balance.bad / balance.total if balance.total else None


def _duration(text: str) -> str:
    parse_window(text)
    return text


def _money(value: object) -> object:
    """ "12000.00" in quotes or without: never through a float's last digits."""
    return str(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else value


def _amount(text: str) -> str:
    try:
        amount = Decimal(text)
    except ArithmeticError:
        raise ValueError(f'"{text}" is not an amount: write one such as 12000.00') from None
    if not amount.is_finite() or amount < 0:
        raise ValueError(f"an amount is not below 0, and not {text}")
    return text


class TierEntry(Definition):
    below: Annotated[Number, Field(gt=0, lt=1)]
    credit: Annotated[Number, Field(gt=0, le=1)]


class AgreementWindow(Definition):
    duration: Annotated[str, AfterValidator(_duration)]
    calendar: CalendarShape | None = None


class AgreementDocument(Definition):
    """kind: ServiceLevelAgreement."""

    kind: Literal["ServiceLevelAgreement"]
    name: Said
    description: Said
    owner: Said
    objective: Said
    window: AgreementWindow | None = None
    credits: Annotated[list[TierEntry], Field(min_length=1)]
    fee: (
        Annotated[str, BeforeValidator(_money), AfterValidator(_amount), WithJsonSchema({"type": ["string", "number"]})]
        | None
    ) = None
    currency: Annotated[str, Field(pattern="^[A-Z]{3}$")] = "EUR"

    def broken(self) -> Iterator[Broken]:
        for index, (above, below) in enumerate(zip(self.credits, self.credits[1:], strict=False), start=1):
            if below.below >= above.below or below.credit <= above.credit:
                fix = "order them: each next tier lies lower and owes more"
                what = f"below {below.below} owes {below.credit}, after below {above.below} owes {above.credit}"
                yield Broken(("credits", index), what, fix)


def _agreement(bound: AgreementDocument, where: str) -> Agreement:
    window = _MONTH
    if bound.window is not None:
        shape = bound.window.calendar
        calendar = Calendar(shape.start_time, shape.time_zone) if shape is not None else None
        window = parse_window(bound.window.duration, calendar)
    return Agreement(
        name=bound.name,
        description=bound.description,
        owner=bound.owner,
        objective=bound.objective,
        window=window,
        tiers=tuple(Tier(entry.below, entry.credit) for entry in bound.credits),
        fee=Decimal(bound.fee) if bound.fee is not None else None,
        currency=bound.currency,
        where=where,
    )
