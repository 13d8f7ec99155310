"""Since when a journey fails, and when it last came through: from the run folders there are.

In: the folder of runs, the newest first; runs of the same target alone count. Out: a `JourneyHistory` a journey, noted
as an event when a run begins, because a run is judged by its own folder.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from holdfast.record.sample import OK, UNFINISHED

JOURNEY_HISTORY: Final = "journey_history"
"""Kind of event: facts `name`, `failing_since`, `last_passed`, `last_passed_run`, `runs`."""
_MOST_RUNS: Final = 200  # looked at: a summary is read in about a millisecond


@dataclass(frozen=True, slots=True)
class JourneyHistory:
    """Before this run. Seconds since the epoch; `failing_since` is the first failed walk after the last that passed."""

    name: str
    failing_since: float | None
    last_passed: float | None
    last_passed_run: str
    runs: int  # earlier ones that walked it


def histories(runs: Path, names: Sequence[str], target: str, before: str) -> list[JourneyHistory]:
    """Of the journeys, in the runs that began before the one of the id `before`."""
    found: dict[str, list[tuple[str, list[tuple[float, str]]]]] = {name: [] for name in names}
    for run, summary in _earlier(runs, target, before):
        for name in names:
            walks = _walks(summary, name)
            if walks:
                found[name].append((run, walks))
    return [_history(name, earlier) for name, earlier in found.items()]


def _earlier(runs: Path, target: str, before: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Newest first."""
    folders = sorted((path for path in runs.glob("*/summary.json") if path.parent.name < before), reverse=True)
    for path in folders[:_MOST_RUNS]:
        try:
            summary = json.loads(path.read_bytes())
            same = summary["journeys"] and summary["run"]["target"] == target
        except (OSError, ValueError, KeyError, TypeError):
            continue  # not ours to mend
        if same:
            yield path.parent.name, summary


def _walks(summary: dict[str, Any], name: str) -> list[tuple[float, str]]:
    """When each ended, and how; the newest first."""
    try:
        zero = float(summary["run"]["time_zero"])
        told = [walk for walk in summary["timeline"]["journeys"] if walk["name"] == name]
        walks = [(zero + float(walk["at"]), str(walk["outcome"])) for walk in told]
    except (KeyError, TypeError, ValueError):
        return []
    return sorted(walks, reverse=True)


def _history(name: str, earlier: Iterable[tuple[str, list[tuple[float, str]]]]) -> JourneyHistory:
    """`earlier`: by run, newest first."""
    failing_since: float | None = None
    runs, earlier = 0, iter(earlier)
    for run, walks in earlier:
        runs += 1
        for at, outcome in walks:
            if outcome == OK:
                return JourneyHistory(name, failing_since, at, run, sum(1 for _ in earlier) + runs)
            failing_since = at if outcome != UNFINISHED else failing_since
    return JourneyHistory(name, failing_since, None, "", runs)
