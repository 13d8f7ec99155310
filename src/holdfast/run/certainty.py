"""Whether a run's answer is certain before its end: the recent record each second in, a reason to stop or None out.

Only a certain miss ends a run. That every objective is certainly met is known no earlier than the last few events, and
that one can no longer be met leaves open whether it is missed.
"""

from collections.abc import Sequence

import numpy as np

from holdfast.record.recorder import Interval
from holdfast.run.asked import Asked, AskedObjective
from holdfast.slo.bounds import EXACT_ALPHA
from holdfast.slo.budget import exact, percent
from holdfast.slo.clusters import effect_of
from holdfast.slo.counted import Stretch, counted
from holdfast.slo.curtailment import Certainty, Curtailment
from holdfast.slo.indicator import Counts


class CertaintyWatch:
    """The objectives of a run whose plan says `stop_when_certain`; of another one it never gives a reason.

    A miss is certain at the largest design effect seen so far, and at the first step of Holm's correction, so the
    verdict over all objectives is the same whatever the others do.
    """

    def __init__(self, asked: Asked, time_zero: float) -> None:
        self._judged = [(time_zero + p.start, time_zero + p.end) for p in asked.phases if p.judged and not p.apart]
        self._attacks = asked.attacks
        self._objectives = asked.objectives if asked.stop_when_certain else ()
        self._alpha = EXACT_ALPHA / max(len(asked.objectives), 1)
        self._seen: list[dict[int, tuple[int, int]]] = [{} for _ in self._objectives]  # good and total by second
        self._effects = [asked.design_effect_floor] * len(self._objectives)
        self._limits = [self._limit(*pair) for pair in zip(self._objectives, self._effects, strict=True)]

    def look(self, intervals: Sequence[Interval], since: int) -> str | None:
        """`intervals`: all of the seconds from `since` on, which may still have changed."""
        for index, asked in enumerate(self._objectives):
            counts = self._counted(index, asked, intervals, since)
            limits = self._limits[index]
            if limits is None or limits.certainty(counts.bad_events, counts.total_events) is not Certainty.MISSED:
                continue
            # Only now: it costs time, and at a larger effect a miss takes more failures, never fewer.
            self._effects[index] = max(self._effects[index], effect_of(counts).seen)
            limits = self._limits[index] = self._limit(asked, self._effects[index])
            if limits is None or limits.certainty(counts.bad_events, counts.total_events) is not Certainty.MISSED:
                continue
            return (
                f"{asked.objective.name}: {counts.bad_events:,} of {counts.total_events:,} events were bad, and of the "
                f"{limits.planned:,} planned at most, {limits.fewest_to_miss:,} miss {percent(exact(asked.gate))}: "
                "nothing that follows can change it"
            )
        return None

    def _limit(self, asked: AskedObjective, effect: float) -> Curtailment | None:
        if asked.planned is None:
            return None
        return Curtailment.of(asked.gate, asked.planned, effect=effect, alpha=self._alpha)

    def _counted(self, index: int, asked: AskedObjective, intervals: Sequence[Interval], since: int) -> Counts:
        """All judged seconds so far. Those before `since` stay as they were seen last."""
        seen = self._seen[index]
        for start, end in self._judged:
            stretch = Stretch("recent", max(start, since), end, judged=True)
            recent = counted(intervals, asked.objective.events, [stretch], self._attacks)
            for second, good, total in zip(
                recent.seconds.tolist(), recent.good.tolist(), recent.total.tolist(), strict=True
            ):
                seen[second] = (good, total)
        values = np.array(list(seen.values()), dtype=np.int64).reshape(-1, 2)
        return Counts(np.array(list(seen), dtype=np.int64), values[:, 0], values[:, 1])
