"""A sizing question: which load, judged by what, for what peak. Files under `capacity/`.

kind: CapacityQuestion
description: How many replicas for the Christmas peak?
profile: business_hours                # the mix of scenarios, and how they arrive
objectives:                            # a file, or part of one; `gates` lowers what one held rate must prove
  - {file: slo/self_service.yaml, only: [sign-in-latency], gates: {sign-in-latency: 0.9}}
search: {start: 20/s, most: 80/s, growth: 1.5, tolerance: 0.1, hold: 6s, settle: 2s}
peak: 120/s
spare_replicas: 1
utilisation_limit: 0.8
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from holdfast.capacity.search import SearchQuestion
from holdfast.errors import Problem
from holdfast.workspace.binding import Broken, Definition, Duration, Rate, bind_what_fits
from holdfast.workspace.document import Document, load_document


@dataclass(frozen=True, slots=True)
class CapacityQuestion:
    """Rates in arrivals per second, times in seconds. `only`: objectives that judge; empty: all of the files.

    `gates`: by objective, the ratio that one held rate must prove, where it is too short to prove the target.
    """

    name: str
    description: str
    profile: str
    objectives: tuple[str, ...]
    search: SearchQuestion
    hold: float
    settle: float
    peak: float
    spare_replicas: int
    utilisation_limit: float
    only: tuple[str, ...] = ()
    gates: Mapping[str, float] = field(default_factory=dict)

    def judges_by(self, objective: str) -> bool:
        """Whether an objective of the files is one to judge by."""
        return not self.only or objective in self.only


def load_question(path: Path) -> tuple[CapacityQuestion | None, Document | None, list[Problem]]:
    """One file's question as far as it can be read, its document, and all that is wrong with it."""
    document, problems = load_document(path)
    if document is None:
        return None, None, problems
    bound, document, wrong = bind_what_fits(_QuestionDefinition, document)
    problems += wrong
    if bound is None:
        return None, document, problems
    search = bound.search
    question = CapacityQuestion(
        name=path.stem,
        description=bound.description,
        profile=bound.profile,
        objectives=tuple(entry.file for entry in bound.objectives),
        search=SearchQuestion(
            search.start, search.most, search.growth, search.tolerance, search.confirm, search.most_probes
        ),
        hold=search.hold,
        settle=search.settle,
        peak=bound.peak,
        spare_replicas=bound.spare_replicas,
        utilisation_limit=bound.utilisation_limit,
        only=tuple(name for entry in bound.objectives for name in entry.only),
        gates={name: gate for entry in bound.objectives for name, gate in entry.gates.items()},
    )
    return question, document, problems


class _SearchDefinition(Definition):
    """See `search.SearchQuestion`. Each rate runs for `settle`, unjudged, then is judged over `hold`."""

    start: Annotated[Rate, Field(gt=0)]
    most: Annotated[Rate, Field(gt=0)]
    growth: Annotated[float, Field(ge=1.1, le=4, strict=False)] = 1.5
    tolerance: Annotated[float, Field(ge=0.01, le=1, strict=False)] = 0.1
    confirm: bool = True
    most_probes: Annotated[int, Field(ge=1, le=100)] = 16
    hold: Annotated[Duration, Field(gt=0)]
    settle: Annotated[Duration, Field(ge=0)] = 2.0

    def broken(self) -> Iterator[Broken]:
        if self.start >= self.most:
            what = "start is not below most"
            yield Broken(("start",), what, "lower it, or raise most: there is nothing to search", ("start", "most"))


class _JudgedBy(Definition):
    file: str
    only: Annotated[tuple[str, ...], Field(strict=False)] = ()
    gates: dict[str, Annotated[float, Field(gt=0, lt=1)]] = Field(default_factory=dict)

    def broken(self) -> Iterator[Broken]:
        for name in self.gates:
            if self.only and name not in self.only:
                what = f"a gate for {name}, which is not among only"
                yield Broken(("gates", name), what, "add it there, or remove the gate", ("only", "gates"))


def _entry(value: Any) -> Any:
    return {"file": value} if isinstance(value, str) else value


class _QuestionDefinition(Definition):
    kind: Literal["CapacityQuestion"]
    description: Annotated[str, Field(min_length=1)]
    profile: Annotated[str, Field(min_length=1)]
    objectives: Annotated[tuple[Annotated[_JudgedBy, BeforeValidator(_entry)], ...], Field(strict=False, min_length=1)]
    search: _SearchDefinition
    peak: Annotated[Rate, Field(gt=0)]
    spare_replicas: Annotated[int, Field(ge=0, le=1000)] = 1
    utilisation_limit: Annotated[float, Field(gt=0, le=1, strict=False)] = 0.8

    def broken(self) -> Iterator[Broken]:
        for index, entry in enumerate(self.objectives):
            if not entry.only and any(other.only for other in self.objectives):
                what = f"{entry.file} is taken whole beside a part of another"
                yield Broken(("objectives", index), what, "add only to each entry")
