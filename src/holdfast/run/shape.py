"""What a load profile would do, before it runs: its rate over time, and one schedule drawn from it.

In: a profile, a scale, a length and a seed. Out: `LoadShape`, for the terminal, a picture or a script.
"""

from dataclasses import dataclass

import numpy as np

from holdfast.errors import InputError, Problem
from holdfast.load.arrivals import offsets
from holdfast.workspace.profile import LoadProfile
from holdfast.workspace.quantity import duration_text
from holdfast.workspace.rate import ArrivalRate, fitted

_MOST_DRAWN = 5_000_000  # some seconds, and 40 MB


@dataclass(frozen=True, slots=True)
class LoadShape:
    """Rates in arrivals a second, times in seconds. `rate` and `drawn` are by second: the mean of λ, and the count."""

    name: str
    description: str
    arrivals: str
    seed: int
    scale: float
    duration: float
    expected: float
    peak: float
    rate: tuple[float, ...]
    drawn: tuple[int, ...]
    mix: dict[str, float]  # shares
    virtual_users: int | None
    think_time: float | None
    at_most: int
    new_connections: float
    accounts: str

    @property
    def total_drawn(self) -> int:
        return sum(self.drawn)

    @property
    def busiest(self) -> tuple[int, int]:
        """The second in which most arrive, and how many."""
        count = max(self.drawn, default=0)
        return (self.drawn.index(count), count) if self.drawn else (0, 0)

    @property
    def peak_at(self) -> int:
        """The second with the highest rate."""
        return max(range(len(self.rate)), key=self.rate.__getitem__, default=0)


def shape_of(name: str, profile: LoadProfile, *, scale: float, seed: int, duration: float | None = None) -> LoadShape:
    """`duration`: instead of the stages' own. Raises InputError when it is too much to draw."""
    length = duration if duration is not None else profile.seconds
    stages = tuple(stage.scaled(scale) for stage in fitted(profile.pieces, length))
    rate = ArrivalRate(stages)
    if rate.expected > _MOST_DRAWN or length > _MOST_DRAWN:
        what = f"{rate.expected:,.0f} arrivals in {duration_text(length)} are more than can be drawn"
        raise InputError(Problem(name, what, "look at a part of it (--for), or at a smaller one (--scale)"))
    edges = np.minimum(np.arange(np.ceil(length) + 1), length)
    passed = rate.expected_at(edges)
    # A run names a load's stream by its seed and its place in the plan: this is the first load of a plan.
    due = offsets(stages, f"{seed}/0", profile.arrivals)
    total = sum(profile.mix.values())
    users = profile.virtual_users
    return LoadShape(
        name=name,
        description=profile.description,
        arrivals=profile.arrivals,
        seed=seed,
        scale=scale,
        duration=length,
        expected=rate.expected,
        peak=rate.peak,
        rate=tuple((np.diff(passed) / np.diff(edges)).tolist()) if stages else (),
        drawn=tuple(np.bincount(due.astype(np.int64), minlength=len(edges) - 1)[: len(edges) - 1].tolist())
        if stages
        else (),
        mix={scenario: weight / total for scenario, weight in profile.mix.items()},
        virtual_users=None if users is None else max(1, round(users * scale)),
        think_time=profile.think_time,
        at_most=profile.visitors.at_most,
        new_connections=profile.visitors.new_connections,
        accounts=profile.accounts,
    )
