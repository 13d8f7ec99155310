"""The live look at the objectives, once a second: burn rates into gauges, and whether the run must stop.

In: the record so far. Out: gauges of source "guard" named "<objective>/burn_rate" (a chaos experiment's steady state
reads them), and a reason to stop or None.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from holdfast.record.recorder import Interval
from holdfast.record.store import Gauge, RunStore
from holdfast.run.asked import Asked
from holdfast.run.certainty import CertaintyWatch
from holdfast.slo.budget import burn_rate
from holdfast.slo.guard import Guard
from holdfast.slo.indicator import count

SOURCE: Final = "guard"
SETTLE_SECONDS: Final = 2.0
"""Seconds younger than this are not looked at: their samples are still coming in."""
CHANGING_SECONDS: Final = 15.0
"""A second's counts may still change so long: the longest a visit's request may take, and a little."""
_GRACE_SECONDS: Final = 15.0
"""A guard that sees no data for this long stops the run: it cannot keep watch."""


@dataclass(frozen=True, slots=True)
class Look:
    """One second's look."""

    burn_rates: Mapping[str, float | None]
    stop_reason: str | None
    certain: str | None = None  # why no further event can change the verdict, where the plan wants to stop then


class Watch:
    """The objectives of a run under watch."""

    def __init__(self, asked: Asked, time_zero: float) -> None:
        self._asked = asked
        self._loaded = [(time_zero + load.start, time_zero + load.end) for load in asked.load]
        self._guards: dict[str, Guard] = {}
        self._certainty = CertaintyWatch(asked, time_zero)

    @property
    def look_back(self) -> float:
        """How far back `look` wants to see, in seconds."""
        return max(self._asked.guard_for + SETTLE_SECONDS, CHANGING_SECONDS) + 1

    def look(self, store: RunStore, intervals: list[Interval], now: float) -> Look:
        """`intervals`: the recent ones, reaching back `look_back` seconds."""
        self._keep_guards(now)
        end = now - SETTLE_SECONDS
        burn_rates: dict[str, float | None] = {}
        reason: str | None = None
        for asked in self._asked.objectives:
            objective = asked.objective
            counts = count(intervals, objective.indicator, end - self._asked.guard_for, end)
            burn_rates[objective.name] = burn_rate(counts.bad_events, counts.total_events, objective.target)
            guard = self._guards.get(objective.name)
            if guard is not None and reason is None:
                changing = count(intervals, objective.indicator, now - CHANGING_SECONDS, now + 1)
                stop = guard.step(changing, now)
                reason = f"{objective.name}: {stop}" if stop else None
        store.write_gauges(
            Gauge(now, SOURCE, f"{name}/burn_rate", value) for name, value in burn_rates.items() if value is not None
        )
        # The first second that is wanted back may be there in part.
        return Look(burn_rates, reason, self._certainty.look(intervals, int(now - self.look_back) + 1))

    def _keep_guards(self, now: float) -> None:
        """Guards keep watch while load is on, and begin anew with it: without load, silence is as planned."""
        if not any(start <= now < end for start, end in self._loaded):
            self._guards = {}
        elif not self._guards and self._asked.guard_burn_rate is not None:
            self._guards = {
                asked.objective.name: Guard(
                    target=asked.objective.target,
                    burn_rate=self._asked.guard_burn_rate,
                    for_seconds=self._asked.guard_for,
                    grace=_GRACE_SECONDS,
                    started=now,
                )
                for asked in self._asked.objectives
                # Journeys come every few seconds, too seldom for a guard that looks seconds back.
                if asked.objective.indicator.total.source != "synthetics"
            }
