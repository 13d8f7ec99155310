"""Who can judge an objective: what holdfast can count its events from, and what it cannot ask."""

from collections.abc import Iterable
from typing import Final

from holdfast.slo.objective import AnyObjective, Composite
from holdfast.slo.openslo import QUERIED, source_of, unjudged_by_run

RUN: Final = "run"
STATUS: Final = "status"


def source_types(objective: AnyObjective) -> tuple[str, ...]:
    """Of its metrics, or of its parts' metrics; each once, in order."""
    parts = objective.parts if isinstance(objective, Composite) else (objective,)
    return tuple(dict.fromkeys(source_of(part.indicator) for part in parts))


def judged_by(objective: AnyObjective) -> tuple[str, ...]:
    """ "run": `holdfast run` gates on it; "status": `holdfast slo status` tells its budget. Empty: nobody."""
    judges = [] if unjudged_by_run(objective) else [RUN]
    if all(kind in QUERIED for kind in source_types(objective)):
        judges.append(STATUS)
    return tuple(judges)


def notes_on(objectives: Iterable[AnyObjective]) -> list[str]:
    """For people: which objectives no source that holdfast can ask will ever judge, by the type that it cannot."""
    unasked: dict[str, list[str]] = {}
    for objective in objectives:
        for kind in source_types(objective):
            if kind not in QUERIED:
                unasked.setdefault(kind, []).append(objective.name)
    return [
        f"holdfast cannot ask {kind}, so it reads {', '.join(names)} and does not judge {_them(names)}: its numbers as "
        "a CSV of good and total, or a metricSource of type prometheus or holdfast, would be judged"
        for kind, names in sorted(unasked.items())
    ]


def _them(names: list[str]) -> str:
    return "it" if len(names) == 1 else "them"
