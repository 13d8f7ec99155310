"""When visitors arrive, and what each of them does: pure, no clock and no engine.

In: stages of a piecewise-linear arrival rate λ(t), a mix of scenarios and a seed. Out: an iterator of `Arrival`s.

With Λ(t) = ∫ λ, the expected arrivals up to t, arrival k of a uniform schedule is due at Λ⁻¹(k + ½), so that any
window [a, b) holds Λ(b) - Λ(a) of them, give or take one. A Poisson schedule maps the points of a unit-rate Poisson
process (sums of unit exponentials) through the same Λ⁻¹, which gives the inhomogeneous process exactly (Çinlar 1975;
Devroye, Non-Uniform Random Variate Generation, VI.1.3): no thinning, no step of a second. A stratified one is Poisson
given its counts: each stratum of n expected arrivals holds exactly n, at random places, so that a rate held for seconds
is the rate that was offered.

Within one stage of rates r₀ → r₁ over d seconds, slope a = (r₁ - r₀) / d, y = r₀·t + a·t²/2 is solved for t as

    t = 2y / (r₀ + √(r₀² + 2·a·y))

which, unlike the schoolbook form, subtracts nothing of like size and needs no special case for a = 0.
"""

import math
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, count, islice
from random import Random
from typing import Any, Final, Literal

Spacing = Literal["poisson", "uniform", "stratified"]
POISSON: Final = "poisson"
STRATIFIED: Final = "stratified"


@dataclass(frozen=True, slots=True)
class RateStage:
    """A stretch of the arrival rate, in arrivals a second: linear from `start_rate` to `end_rate`."""

    start_rate: float
    end_rate: float
    seconds: float

    @property
    def expected(self) -> float:
        """The integral of the rate: arrivals to be expected."""
        return (self.start_rate + self.end_rate) / 2 * self.seconds

    def elapsed_at(self, expected: float) -> float:
        """After how many of its seconds so many arrivals are to be expected: Λ⁻¹."""
        slope = (self.end_rate - self.start_rate) / self.seconds if self.seconds else 0.0
        root = math.sqrt(max(self.start_rate * self.start_rate + 2 * slope * expected, 0.0))
        below = self.start_rate + root
        return min(2 * expected / below, self.seconds) if below else 0.0


@dataclass(frozen=True, slots=True)
class Arrival:
    """One visitor: due `offset` seconds after the schedule's start."""

    offset: float
    scenario: str


@dataclass(frozen=True, slots=True)
class Stripe:
    """The part of worker `index` of `of`: every `of`-th, from `index` on."""

    index: int = 0
    of: int = 1

    def share(self, total: int) -> int:
        """Its part of so many visitors or users: over all workers they sum up to `total`."""
        return total // self.of + (self.index < total % self.of)


WHOLE: Final = Stripe()


def stages_of(profile: Mapping[str, Any], scale: float = 1.0) -> tuple[RateStage, ...]:
    """A job's `[{"from", "to", "seconds"}, …]` with every rate multiplied by `scale`."""
    return tuple(
        RateStage(float(stage["from"]) * scale, float(stage["to"]) * scale, float(stage["seconds"]))
        for stage in profile["stages"]
    )


def fitted(stages: Sequence[RateStage], seconds: float) -> tuple[RateStage, ...]:
    """Stages that last exactly `seconds`: cut where they are longer, the last rate held where they are shorter."""
    found: list[RateStage] = []
    left = seconds
    for stage in stages:
        if left <= 0:
            break
        if stage.seconds > left:
            end_rate = stage.start_rate + (stage.end_rate - stage.start_rate) * (left / stage.seconds)
            stage = RateStage(stage.start_rate, end_rate, left)  # noqa: PLW2901  the cut one takes its place
        found.append(stage)
        left -= stage.seconds
    if left > 0 and stages:
        found.append(RateStage(stages[-1].end_rate, stages[-1].end_rate, left))
    return tuple(found)


def arrivals(
    stages: Sequence[RateStage],
    mix: Mapping[str, float],
    seed: object,
    spacing: Spacing,
    stratum: int = 1,
    part: Stripe = WHOLE,
) -> Iterator[Arrival]:
    """The schedule, in order of time. The same arguments give the same schedule, everywhere.

    Times and scenarios are drawn from streams of their own: another mix moves no arrival. For worker k of n, take
    `islice(arrivals(…), k, None, n)`: the union of the stripes is the schedule. `stratum`: arrivals of one stratum.
    """
    draw = scenario_draws(mix, seed)
    for number, offset in enumerate(_offsets(stages, _marks(seed, spacing, stratum))):
        scenario = next(draw)
        if number % part.of == part.index:
            yield Arrival(offset, scenario)


def scenario_draws(mix: Mapping[str, float], seed: object) -> Iterator[str]:
    """Scenario names for ever, drawn by weight. `mix` must hold a positive weight."""
    names = list(mix)
    bounds = list(accumulate(mix.values()))
    random = Random(f"{seed}/mix")
    while True:
        yield names[min(bisect_right(bounds, random.random() * bounds[-1]), len(names) - 1)]


def first(arriving: Iterable[Arrival], most: int) -> list[Arrival]:
    """At most the first `most`, as a list: for looking at a schedule, not for playing it."""
    return list(islice(arriving, most))


def _marks(seed: object, spacing: Spacing, stratum: int) -> Iterator[float]:
    """The values of Λ at which somebody arrives, increasing."""
    if spacing == POISSON:
        random = Random(f"{seed}/times")
        total = 0.0
        while True:
            total += random.expovariate(1.0)
            yield total
    if spacing == STRATIFIED:
        random = Random(f"{seed}/times")
        for begin in count(0, stratum):
            yield from sorted(begin + random.random() * stratum for _ in range(stratum))
    yield from (k + 0.5 for k in count())


def _offsets(stages: Sequence[RateStage], marks: Iterator[float]) -> Iterator[float]:
    began = passed = 0.0  # seconds, and expected arrivals, before the present stage
    mark = next(marks)
    for stage in stages:
        within = stage.expected
        while mark - passed < within:
            yield began + stage.elapsed_at(mark - passed)
            mark = next(marks)
        began += stage.seconds
        passed += within
