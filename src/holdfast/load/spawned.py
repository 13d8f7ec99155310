"""Greenlets that a scenario spawned and that ended by a bug of it. No visit need notice: gevent only prints it.

In: what gevent's hub is told. Out: a count by scenario and place, and what each said, without values.
"""

import traceback
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from gevent.hub import get_hub

from holdfast.load.leaving import Left, is_bug
from holdfast.load.scenario_error import LONGEST_MESSAGE, place_of
from holdfast.wording import said


class Place(NamedTuple):
    scenario: str
    where: str


class SpawnedErrors:
    """`scenarios`: their files by name. `left`: see `holdfast.load.leaving`."""

    def __init__(self, scenarios: Mapping[str, Path], left: Left) -> None:
        self._scenarios = scenarios
        self._left = left
        self._found: dict[Place, tuple[int, str]] = {}

    def listen(self) -> None:
        """From now on, to the hub of this thread."""
        hub: Any = get_hub()
        before = hub.handle_error

        def heard(context: object, kind: object, value: object, trace: object) -> None:
            before(context, kind, value, trace)
            if isinstance(value, Exception):
                self.note(value)

        hub.handle_error = heard

    def note(self, error: Exception) -> None:
        """Whatever passed through no scenario, and what is no bug, is passed over."""
        files = {frame.f_code.co_filename for frame, _ in traceback.walk_tb(error.__traceback__)}
        scenario = next((name for name, path in self._scenarios.items() if str(path) in files), None)
        if scenario is None or not is_bug(error, self._left):
            return
        place = Place(scenario, place_of(error, self._scenarios[scenario]))
        count, _ = self._found.get(place, (0, ""))
        self._found[place] = (count + 1, f"{said(error)[:LONGEST_MESSAGE]} ({place.where})")

    def facts(self) -> Iterator[dict[str, Any]]:
        """Of each place."""
        for place, (count, text) in self._found.items():
            yield {"scenario": place.scenario, "where": place.where, "text": text, "count": count}
