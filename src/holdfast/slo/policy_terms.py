"""What an error-budget policy says, one property at a time, and the rules between them.

    kind: ErrorBudgetPolicy
    tiers:   entry (any condition) ──▶ in the tier, its decision binds ──▶ exit (every condition): the band between
             them changes nothing, so that a budget that wavers at a limit does not open and close the gate

What a policy makes of evidence is in `decision`. Source: Google SRE workbook, appendix B and chapter 2.
"""

from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, WithJsonSchema

from holdfast.slo.moment import moment, stretch
from holdfast.slo.property import Description, Name, Number
from holdfast.slo.window import Span
from holdfast.workspace.binding import Broken, Definition
from holdfast.workspace.document import PropertyPath, nearest
from holdfast.workspace.quantity import seconds

CHANGES: Final = ("feature", "configuration", "infrastructure", "data", "reliability", "security", "p0")
"""Kinds of change, unless a policy lists its own."""


class Answer(StrEnum):
    """What a tier makes of a release."""

    ALLOW = "allow"
    REVIEW = "review"
    """A person looks at it first."""
    FREEZE = "freeze"

    @property
    def severity(self) -> int:
        return list(Answer).index(self)


_DURATION_SCHEMA: Final = {
    "type": "string",
    "pattern": r"^\d+(\.\d+)?\s*(ms|s|m|h|d|w)$",
    "examples": ["30m", "6h", "28d"],
}
_MOMENT_SCHEMA: Final = {
    "type": "string",
    "description": "A date (2026-11-30: its first moment, UTC) or a moment with its offset (2026-11-30T18:00:00Z).",
    "examples": ["2026-11-30", "2026-11-30T18:00:00Z"],
}


def _some_text(text: str) -> str:
    if not text.strip():
        raise ValueError("is empty: write who or what is meant")
    return text


Text = Annotated[str, AfterValidator(_some_text)]
Names = Annotated[tuple[Text, ...], Field(strict=False)]
Share = Annotated[Number, Field(), WithJsonSchema({"type": "number"})]
Length = Annotated[float, BeforeValidator(seconds), WithJsonSchema(_DURATION_SCHEMA)]
Moment = Annotated[float, BeforeValidator(moment), WithJsonSchema(_MOMENT_SCHEMA)]
Day = Annotated[Span, BeforeValidator(stretch), WithJsonSchema(_MOMENT_SCHEMA)]


class _Terms(Definition):
    """A part of a policy. What stands below a property describes it, also in the JSON Schema and the reference."""

    model_config = ConfigDict(use_attribute_docstrings=True)


class Burning(_Terms):
    """The budget goes too fast."""

    at_least: Annotated[Share, Field(gt=0)]
    """Burn rate: 1 spends the window's budget in exactly the window."""
    over: Annotated[Length, Field(ge=60)]
    """How much of the past it is taken over."""


class Entry(_Terms):
    """When a tier is entered: any of these is enough."""

    remaining_at_most: Annotated[Share, Field(lt=1)] | None = None
    """Share of the window's error budget that is left, or less: 0.25 is a quarter. Negative when overspent."""
    exhausted: bool = False
    """Nothing of the budget is left: short for `remaining_at_most: 0`."""
    burning: Annotated[tuple[Burning, ...], Field(strict=False)] = ()
    """Burn rates, each over a stretch of its own."""
    incident_above: Annotated[Share, Field(gt=0)] | None = None
    """One incident of the window spent more than this share of the window's budget: 0.2 is a fifth."""

    @property
    def limit(self) -> Decimal | None:
        """Remaining budget at or below which the tier is entered."""
        return Decimal(0) if self.exhausted else self.remaining_at_most

    def broken(self) -> Iterator[Broken]:
        if self.exhausted and self.remaining_at_most is not None:
            yield Broken(("exhausted",), "says `remaining_at_most: 0`, and another limit stands beside it", "keep one")
        if self.limit is None and not self.burning and self.incident_above is None:
            yield Broken((), "no condition", f"write one of {', '.join(type(self).model_fields)}")


class Exit(_Terms):
    """When a tier is left: all of these at once, and no condition of entry holds any more."""

    remaining_at_least: Annotated[Share, Field(le=1)] | None = None
    """Share of the window's error budget that is left again. More than at entry: the band between changes nothing."""
    held_for: Annotated[Length, Field(gt=0)] | None = None
    """For so long without a break."""
    actions: Names = ()
    """What must have been done since the tier was entered, each acknowledged under `acknowledged`."""


class Tier(_Terms):
    """One degree of trouble and what follows from it."""

    name: Name
    """Decisions and waivers call it so."""
    entry: Entry
    exit: Exit
    decision: Annotated[Literal["allow", "review", "freeze"], Field()]
    """What becomes of releases: `allow` (only told), `review` (a person says yes first) or `freeze`."""
    consequence: Text
    """What else is done, for people: who works on what until the tier is left."""
    exempt: Names = ()
    """Kinds of change that this tier does not hold up."""

    @property
    def answer(self) -> Answer:
        return Answer(self.decision)

    def broken(self) -> Iterator[Broken]:
        entry, leave = self.entry, self.exit
        if entry.limit is None:
            pass
        elif leave.remaining_at_least is None:
            what = '"remaining_at_least" is missing, and the tier is entered by what remains'
            yield Broken(("exit",), what, f"write more than {entry.limit}", ("entry", "exit"))
        elif leave.remaining_at_least <= entry.limit:
            what = f"the tier would be left at {leave.remaining_at_least} and is entered at {entry.limit}"
            at = ("exit", "remaining_at_least")
            yield Broken(at, what, f"write more than {entry.limit}, or the gate flaps", ("entry", "exit"))
        if leave.remaining_at_least is None and leave.held_for is None and not leave.actions:
            what = "no condition"
            yield Broken(("exit",), what, f"write one of {', '.join(type(leave).model_fields)}", ("exit",))
        elif entry.burning and leave.held_for is None:
            what = '"held_for" is missing, and the tier is entered by a burn rate'
            yield Broken(("exit",), what, "write for how long it must not burn, or the gate flaps", ("entry", "exit"))


class Covers(_Terms):
    """Which objectives the policy is about. With neither list: all that are defined."""

    services: Names = ()
    """Every objective of these services."""
    objectives: Names = ()
    """And these."""


class Step(_Terms):
    """A step of the way up."""

    to: Text
    """Who is told."""
    after: Annotated[Length, Field(ge=0)]
    """How long after the tier was entered, unless it was settled before."""
    by: Text
    """How: page, phone, a channel."""


class InsufficientData(_Terms):
    """What holds while the data decide nothing. It is told as inconclusive, with this as the reason."""

    decision: Literal["allow", "block", "ask"]
    """`allow` or `block` releases, or `ask` a person (exit code 3)."""
    stale_after: Annotated[Length, Field(gt=0)]
    """The newest measured step may be so old."""
    coverage_below: Annotated[Share, Field(ge=0, le=1, json_schema_extra={"default": 0.9})] = Decimal("0.9")
    """Less than this share of the window (and of each burn rate's stretch) measured is not enough."""
    exempt: Names = ()
    """Kinds of change that go out all the same."""


class Exclusion(_Terms):
    """Time that does not count against the budget, with its proof. The budget is told with and without it."""

    reason: Text
    """Why it is not ours."""
    evidence: Text
    """Where anybody can see that it was so: a ticket, a provider's report."""
    start: Annotated[Moment, Field(alias="from")]
    """Its first moment."""
    end: Annotated[Moment, Field(alias="until")]
    """The first moment that counts again."""
    objectives: Names = ()
    """Of which objectives; of all without."""

    def broken(self) -> Iterator[Broken]:
        if self.end <= self.start:
            yield Broken(("until",), "ends before it begins", "write a later moment", ("from", "until"))


class Waiver(_Terms):
    """An exception that somebody answers for, until a day."""

    owner: Text
    """Who answers for it."""
    reason: Text
    """Why it is worth the risk."""
    expires: Moment
    """It holds before this moment, and not at it or after it."""
    start: Annotated[Moment | None, Field(alias="from")] = None
    """It holds from this moment on; always before `expires` without."""
    tiers: Names = ()
    """Which tiers do not bind; all without."""
    objectives: Names = ()
    """For which objectives; all without."""
    changes: Names = ()
    """For which kinds of change; all without."""

    def holds_at(self, at: float) -> bool:
        return at < self.expires and (self.start is None or self.start <= at)

    def broken(self) -> Iterator[Broken]:
        if self.start is not None and self.expires <= self.start:
            yield Broken(("expires",), "it expires before it begins", "write a later moment", ("from", "expires"))


class Acknowledged(_Terms):
    """An action that a tier asks for was done."""

    action: Text
    """One of the actions of a tier's exit, word for word."""
    by: Text
    """Who says so."""
    on: Day
    """When. A date stands for its whole day."""
    evidence: str = ""
    """Where it can be seen."""


class ErrorBudgetPolicy(_Terms):
    """What is agreed to happen when an error budget goes."""

    kind: Literal["ErrorBudgetPolicy"]
    """Says what this document is."""
    name: Name
    """`slo gate --policy` and every decision call it so."""
    description: Description
    """What it is for, in a sentence."""
    covers: Covers = Field(default_factory=Covers)
    decider: Text
    """Who decides where the policy asks a person, and about disagreement."""
    escalation: Annotated[tuple[Step, ...], Field(strict=False, min_length=1)]
    """The way up, in order."""
    runbook: Text
    """What to do, for the one who reads the decision."""
    tiers: Annotated[tuple[Tier, ...], Field(strict=False, min_length=1)]
    """From the mildest to the most severe."""
    insufficient_data: InsufficientData
    incident_pause: Annotated[Length, Field(ge=60, json_schema_extra={"default": "1h"})] = 3600.0
    """Bad stretches with less than this between them are one incident."""
    changes: Annotated[Names, Field(min_length=1)] = CHANGES
    """The kinds of change there are."""
    exclusions: Annotated[tuple[Exclusion, ...], Field(strict=False)] = ()
    waivers: Annotated[tuple[Waiver, ...], Field(strict=False)] = ()
    acknowledged: Annotated[tuple[Acknowledged, ...], Field(strict=False)] = ()

    def covers_objective(self, name: str, service: str) -> bool:
        covers = self.covers
        return not (covers.services or covers.objectives) or service in covers.services or name in covers.objectives

    def broken(self) -> Iterator[Broken]:
        yield from _unordered(self.tiers)
        for index in range(1, len(self.escalation)):
            if self.escalation[index].after < self.escalation[index - 1].after:
                at: PropertyPath = ("escalation", index, "after")
                yield Broken(at, "comes before the step above it", "write the steps in order", ("escalation",))
        yield from self._unknown_words()

    def _unknown_words(self) -> Iterator[Broken]:
        tiers = [tier.name for tier in self.tiers]
        actions = {action for tier in self.tiers for action in tier.exit.actions}
        yield from _unknown("kind of change", self.changes, ("changes",), self._named_changes())
        for index, waiver in enumerate(self.waivers):
            named = [(("waivers", index, "tiers", place), name) for place, name in enumerate(waiver.tiers)]
            yield from _unknown("tier", tiers, ("tiers",), named)
        done = [(("acknowledged", index, "action"), each.action) for index, each in enumerate(self.acknowledged)]
        yield from _unknown("action of a tier's exit", actions, ("tiers",), done)

    def _named_changes(self) -> list[tuple[PropertyPath, str]]:
        lists: list[tuple[PropertyPath, Sequence[str]]] = [
            (("tiers", index, "exempt"), tier.exempt) for index, tier in enumerate(self.tiers)
        ]
        lists.append((("insufficient_data", "exempt"), self.insufficient_data.exempt))
        lists += [(("waivers", index, "changes"), waiver.changes) for index, waiver in enumerate(self.waivers)]
        return [((*at, place), word) for at, words in lists for place, word in enumerate(words)]


def _unordered(tiers: Sequence[Tier]) -> Iterator[Broken]:
    """Tiers go from mild to severe, both in what they do and in when they do it."""
    seen: dict[str, int] = {}
    for index, tier in enumerate(tiers):
        first = seen.setdefault(tier.name, index)
        if first != index:
            at: PropertyPath = ("tiers", index, "name")
            yield Broken(at, f'a second tier "{tier.name}"', "give it a name of its own", ("tiers",))
        milder = tiers[:index]
        if any(other.answer.severity > tier.answer.severity for other in milder):
            what = f"{tier.decision} comes after a tier that does more"
            yield Broken(("tiers", index, "decision"), what, "write tiers from mild to severe", ("tiers",))
        limit = tier.entry.limit
        above = [other.entry.limit for other in milder if other.entry.limit is not None]
        if limit is not None and above and limit >= min(above):
            key = "exhausted" if tier.entry.exhausted else "remaining_at_most"
            what = f"{limit} is reached no later than the milder tier's {min(above)}"
            yield Broken(("tiers", index, "entry", key), what, "write tiers from mild to severe", ("tiers",))


def _unknown(
    what: str, known: Iterable[str], source: tuple[str, ...], named: Iterable[tuple[PropertyPath, str]]
) -> Iterator[Broken]:
    listed = set(known)
    for at, word in named:
        if word not in listed:
            yield Broken(at, f'there is no {what} "{word}"', nearest(word, listed), (*source, str(at[0])))
