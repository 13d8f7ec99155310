"""When journeys are walked. Pure but for the waiting, which is injected.

Each journey has one worker. Its walks are due at fixed times, spread so that journeys do not start together; a walk
that is still going on when the next is due makes that one `missed`, never late: a queue of late walks would measure
the past.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

MOST_AT_ONCE: Final = 2  # browser contexts: on two cores more of them slow each other, and so measure themselves
_LONGEST_SPREAD: Final = 10.0  # s: in a short run every journey is walked early and often


@dataclass(frozen=True, slots=True)
class Ticks:
    """The due times of one journey: `first`, `first + every`, … before `end`; seconds since the epoch."""

    first: float
    every: float
    end: float
    times: int | None = None  # walks at most; None: as many as are due

    def after(self, due: float, now: float) -> tuple[float | None, tuple[float, ...]]:
        """The next due time that is not past, or None when there is none before the end; and those missed."""
        missed = []
        due += self.every
        while due < min(now, self.end):
            missed.append(due)
            due += self.every
        return (due if due < self.end else None), tuple(missed)


def spread(every: Sequence[tuple[float, int | None]], start: float, duration: float) -> list[Ticks]:
    """The ticks of journeys walked (each so many seconds, so many times at most) within [start, start + duration).

    The same for the same journeys, so that a restart keeps their phase. Every one is walked at least once.
    """
    return [
        Ticks(start + min(each, _LONGEST_SPREAD, duration / 2) * place / len(every), each, start + duration, times)
        for place, (each, times) in enumerate(every)
    ]


async def keep_walking(
    ticks: Ticks,
    now: Callable[[], float],
    wait_until: Callable[[float], Awaitable[bool]],
    walk: Callable[[float], Awaitable[None]],
    miss: Callable[[float], None],
) -> None:
    """`await walk(due)` at each due time, until the end or until `wait_until` says False: stop."""
    due: float | None = ticks.first if ticks.first < ticks.end else None
    walks = 0
    while due is not None and walks != ticks.times and await wait_until(due):
        await walk(due)
        walks += 1
        due, missed = ticks.after(due, now())
        if walks != ticks.times:
            for each in missed:
                miss(each)
