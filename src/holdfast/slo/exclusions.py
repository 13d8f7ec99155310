"""Time that an objective does not count, by agreement and beforehand: maintenance, a partner's closing hours.

Taking time out shrinks what a budget is a share of, so that the same outage weighs more, and whoever may exclude at
will can make any month look good. Each exclusion therefore has a reason and an owner, and the budget is always told
with and without them.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field

from holdfast.errors import Problem
from holdfast.slo.definition import Words
from holdfast.slo.indicator import matches
from holdfast.slo.objective import AnyObjective, parts_of
from holdfast.slo.property import StartTime, TimeZone
from holdfast.slo.recurrence import Rule, parse_rule, spans_of
from holdfast.slo.window import START_TIME, Span
from holdfast.workspace.binding import Definition, Duration, bind
from holdfast.workspace.document import Document, nearest

KIND: Final = "Exclusions"
Category = Literal["maintenance", "outside_hours", "third_party", "load_test", "other"]


@dataclass(frozen=True, slots=True)
class Exclusion:
    """`first`: local time in `zone`; `seconds`: elapsed; `rule` None: once. `objectives`: globs; empty: all.

    `where`: its line in the file.
    """

    name: str
    category: Category
    reason: str
    owner: str
    first: datetime
    zone: str
    seconds: float
    rule: Rule | None
    objectives: tuple[str, ...]
    where: str

    def is_for(self, objective: str) -> bool:
        return not self.objectives or any(matches(pattern, objective) for pattern in self.objectives)


def _rule(text: str) -> str:
    parse_rule(text)
    return text


def _of_our_time(text: str) -> str:
    if not "1970" < text < "2200":
        raise ValueError(f'"{text}" is not a year from 1971 to 2199')
    return text


def _text(text: str) -> str:
    if not text.strip():
        raise ValueError("is empty: an exclusion that nobody answers for is none")
    return text


Said = Annotated[str, AfterValidator(_text)]


class ExclusionEntry(Definition):
    """One of a document's `exclusions`."""

    name: Said
    category: Category
    reason: Said
    owner: Said
    start: Annotated[StartTime, AfterValidator(_of_our_time)]
    zone: TimeZone
    duration: Annotated[Duration, Field(gt=0, le=366 * 86400)]
    repeat: Annotated[str, AfterValidator(_rule)] | None = None
    objectives: Words = ()


class ExclusionsDocument(Definition):
    """kind: Exclusions."""

    kind: Literal["Exclusions"]
    description: Said
    exclusions: Annotated[list[ExclusionEntry], Field(min_length=1)]


def load_exclusions(
    documents: Iterable[Document], objectives: Sequence[str] = ()
) -> tuple[tuple[Exclusion, ...], list[Problem]]:
    """Of the documents of this kind. `objectives`: those that there are; a glob for none of them is a problem."""
    found: list[Exclusion] = []
    problems: list[Problem] = []
    for document in documents:
        if not isinstance(document.data, dict) or document.data.get("kind") != KIND:
            continue
        bound, wrong = bind(ExclusionsDocument, document)
        problems += wrong
        for index, entry in enumerate(bound.exclusions if bound is not None else ()):
            at = ("exclusions", index)
            found.append(_exclusion(entry, document.where(at)))
            for pattern in entry.objectives:
                if objectives and not any(matches(pattern, name) for name in objectives):
                    place = document.where((*at, "objectives"))
                    problems.append(Problem(place, f'no objective is called "{pattern}"', nearest(pattern, objectives)))
    names: dict[str, str] = {}
    for one in found:
        first = names.setdefault(one.name, one.where)
        if first != one.where:
            problems.append(Problem(one.where, f'a second exclusion "{one.name}" (the first: {first})', "rename it"))
    return tuple(found), problems


def spans(exclusion: Exclusion, span: Span) -> list[Span]:
    """Its occurrences that reach into a stretch of time, in order."""
    return spans_of(exclusion.first, exclusion.zone, exclusion.seconds, exclusion.rule, span)


def excluded(exclusions: Sequence[Exclusion], objective: AnyObjective, span: Span) -> list[list[Span]]:
    """All time that is not counted in a stretch of time, of each part of an objective; of one without parts, one list.

    What names a composite is for all of its parts.
    """
    return [
        [part for one in exclusions if one.is_for(objective.name) or one.is_for(each.name) for part in spans(one, span)]
        for each in parts_of(objective)
    ]


def _exclusion(entry: ExclusionEntry, where: str) -> Exclusion:
    return Exclusion(
        name=entry.name,
        category=entry.category,
        reason=entry.reason,
        owner=entry.owner,
        first=datetime.strptime(entry.start, START_TIME),  # noqa: DTZ007 - local; its zone is beside it
        zone=entry.zone,
        seconds=entry.duration,
        rule=parse_rule(entry.repeat) if entry.repeat is not None else None,
        objectives=entry.objectives,
        where=where,
    )
