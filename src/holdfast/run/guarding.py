"""The live look at the objectives, once a second: burn rates into gauges, and whether the run must stop.

In: the record so far. Out: gauges of source "guard" named "<objective>/burn_rate" (a chaos experiment's steady state
reads them), and why the run must stop, or None.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from holdfast.record.recorder import Interval
from holdfast.record.store import Gauge, RunStore
from holdfast.run.asked import Asked
from holdfast.run.certainty import CertaintyWatch
from holdfast.slo.budget import burn_rate
from holdfast.slo.counted import Stretch, counted
from holdfast.slo.guard import Guard, Stop
from holdfast.slo.indicator import Counts
from holdfast.slo.objective import Objective

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
    stopped: "Stopped | None"
    certain: str | None = None  # why no further event can change the verdict, where the plan wants to stop then


@dataclass(frozen=True, slots=True)
class Stopped:
    """The guard of one objective stops the run."""

    objective: str
    stop: Stop
    burn_rate: float | None  # over the guard's stretch; None where nothing was seen

    @property
    def reason(self) -> str:
        return f"{self.objective}: {self.stop.reason}"

    @property
    def facts(self) -> dict[str, Any]:
        """For the record: what the guard had seen when it stopped the run."""
        stop = self.stop
        seen = {"bad": stop.bad, "total": stop.total, "burn_rate": self.burn_rate, "silent": stop.silent}
        return {"reason": self.reason, "objective": self.objective, "blind": stop.blind, **seen}


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
        stopped: Stopped | None = None
        for asked in self._asked.objectives:
            objective = asked.objective
            counts = self._counted(objective, intervals, end - self._asked.guard_for, end)
            burn_rates[objective.name] = burn_rate(counts.bad_events, counts.total_events, objective.target)
            guard = self._guards.get(objective.name)
            if guard is not None and stopped is None:
                changing = self._counted(objective, intervals, now - CHANGING_SECONDS, now + 1)
                stopped = _stopped(objective, guard.step(changing, now))
        store.write_gauges(
            Gauge(now, SOURCE, f"{name}/burn_rate", value) for name, value in burn_rates.items() if value is not None
        )
        # The first second that is wanted back may be there in part.
        return Look(burn_rates, stopped, self._certainty.look(intervals, int(now - self.look_back) + 1))

    def _counted(self, objective: Objective, intervals: list[Interval], start: float, end: float) -> Counts:
        """Of any phase: a guard protects the target in a warm-up as well, when no budget is spent yet."""
        return counted(intervals, objective.events, [Stretch("recent", start, end, judged=True)], self._asked.attacks)

    def blind(self, why: str, now: float) -> Stopped | None:
        """Instead of a look, when the record cannot be read."""
        self._keep_guards(now)
        objectives = {asked.objective.name: asked.objective for asked in self._asked.objectives}
        for name, guard in self._guards.items():
            stopped = _stopped(objectives[name], guard.blind(why, now))
            if stopped is not None:
                return stopped
        return None

    @property
    def keeps_guard(self) -> bool:
        return self._asked.guard_burn_rate is not None

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
                if asked.objective.events.total.source != "synthetics"
            }


def _stopped(objective: Objective, stop: Stop | None) -> Stopped | None:
    if stop is None:
        return None
    return Stopped(objective.name, stop, burn_rate(stop.bad, stop.total, objective.target))
