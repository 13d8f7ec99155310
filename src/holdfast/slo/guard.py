"""Whether a run must be stopped: one objective's recent counts and the time in, a reason to stop or None out.

It judges the evidence that came in during the last `for_seconds`, not the seconds that are over: a request that hangs
is charged to the second it was due in, and is known only when it ends. It fails closed: a guard that sees nothing new,
cannot read the record, was not asked for a while, whose clock went back, or that is given counts that cannot be, stops
the run, for it cannot keep watch.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from holdfast.errors import Problem
from holdfast.slo.budget import burn_rate as burn_rate_of
from holdfast.slo.budget import burns_faster, can_burn_faster, error_budget
from holdfast.slo.indicator import Counts
from holdfast.slo.objective import Objective

FEWEST_BAD: Final = 2
"""One bad event stops nothing, however few there are: chance must not decide."""


@dataclass(frozen=True, slots=True)
class Stop:
    """Why a run must be stopped, and what the guard had seen. `blind`: it saw too little, which proves nothing bad.

    `bad`, `total`: events that came in during the guard's stretch; `silent`: seconds since the newest of all.
    """

    reason: str
    blind: bool
    bad: int
    total: int
    silent: float


@dataclass(slots=True)
class Guard:
    """Watches one objective. No clock of its own: the same steps give the same answers.

    `burn_rate`: stop above it. `for_seconds`: over how much of the past, and not before so much has passed since
    `started` (seconds since the epoch). `grace`: stop after so many seconds without a new event.
    """

    target: Decimal
    burn_rate: float
    for_seconds: float
    grace: float
    started: float
    _seen: dict[int, tuple[int, int]] = field(default_factory=dict, repr=False)
    _evidence: list[tuple[float, int, int]] = field(default_factory=list, repr=False)  # came in at, bad, total
    _last: float | None = None
    _looked: float | None = None

    def step(self, counts: Counts, now: float) -> Stop | None:
        """`counts`: the recent seconds, as far back as they may still change (the longest request, and a little)."""
        if (lost := self._lost_time(now)) is not None:
            return self._stop(lost, now)
        if bool((counts.good > counts.total).any()) or bool((counts.good < 0).any()):
            return self._stop("the counts cannot be trusted: more good events than events", now)
        bad, total = self._news(counts)
        if total:
            self._last = now
            self._evidence.append((now, bad, total))
        self._evidence = [entry for entry in self._evidence if entry[0] > now - self.for_seconds]
        silent = self._silent(now)
        if silent > self.grace:
            return self._stop(f"no event was seen for {silent:.0f} s: what is not seen cannot be guarded", now)
        if now - self.started < self.for_seconds:
            return None
        bad, total = self._seen_lately()
        if bad < FEWEST_BAD or not burns_faster(bad, total, self.target, self.burn_rate):
            return None
        rate = burn_rate_of(bad, total, self.target)
        return self._stop(
            f"{bad:,} of {total:,} events were bad in the last {self.for_seconds:g} s: the error budget burns "
            f"{rate:.1f} times as fast as allowed, and the guard stops above {self.burn_rate:g}",
            now,
            blind=False,
        )

    def blind(self, why: str, now: float) -> Stop | None:
        """Instead of a step whose counts could not be had: it is borne for as long as silence is."""
        if (lost := self._lost_time(now)) is not None:
            return self._stop(lost, now)
        silent = self._silent(now)
        if silent <= self.grace:
            return None
        return self._stop(f"no event was seen for {silent:.0f} s, for {why}: what is not seen cannot be guarded", now)

    def _lost_time(self, now: float) -> str | None:
        """What is wrong with the time since the last look."""
        before, self._looked = self._looked, now
        if before is not None and now < before:
            return (
                f"the clock went back by {before - now:.3g} s: what came in since cannot be told from what came before"
            )
        if before is not None and now - before > self.grace:
            return f"nobody looked for {now - before:.0f} s: what is not seen cannot be guarded"
        return None

    def _silent(self, now: float) -> float:
        return now - (self.started if self._last is None else self._last)

    def _seen_lately(self) -> tuple[int, int]:
        """Bad events and events of the stretch."""
        return sum(entry[1] for entry in self._evidence), sum(entry[2] for entry in self._evidence)

    def _stop(self, reason: str, now: float, *, blind: bool = True) -> Stop:
        bad, total = self._seen_lately()
        return Stop(reason, blind, bad, total, self._silent(now))

    def _news(self, counts: Counts) -> tuple[int, int]:
        """Bad events and events that were not there at the last step."""
        current = {
            second: (total - good, total)
            for second, good, total in zip(
                counts.seconds.tolist(), counts.good.tolist(), counts.total.tolist(), strict=True
            )
        }
        nothing = (0, 0)
        bad = sum(max(b - self._seen.get(second, nothing)[0], 0) for second, (b, _) in current.items())
        total = sum(max(t - self._seen.get(second, nothing)[1], 0) for second, (_, t) in current.items())
        self._seen = current
        return min(bad, total), total


def guard_problems(burn_rate: float, objectives: Iterable[Objective], where: str) -> list[Problem]:
    """The objectives that a guard of this burn rate could never stop for, not even in a total outage."""
    problems = []
    for objective in objectives:
        if not can_burn_faster(objective.target, burn_rate):
            most = f"{float(1 / error_budget(objective.target)):.3g}"
            what = f"{objective.name} can never burn {burn_rate:g} times too fast: at a target of {objective.target} a"
            problems.append(Problem(where, f"{what} total outage burns at {most}", f"choose a burn rate below {most}"))
    return problems
