"""When visitors arrive, and what each of them does: pure, no clock and no engine.

In: stages of an arrival rate λ(t) (`workspace.rate`), a mix of scenarios and a seed. Out: an iterator of `Arrival`s.

With Λ(t) = ∫ λ, the expected arrivals up to t, arrival k of a uniform schedule is due at Λ⁻¹(k + ½), so that any
window [a, b) holds Λ(b) - Λ(a) of them, give or take one. A Poisson schedule maps the points of a unit-rate Poisson
process (sums of unit exponentials) through the same Λ⁻¹, which gives the inhomogeneous process exactly (Çinlar 1975;
Devroye, Non-Uniform Random Variate Generation, VI.1.3): no thinning, no step of a second. A stratified one is Poisson
given its counts: each stratum of n expected arrivals holds exactly n, at random places, so that a rate held for seconds
is the rate that was offered.

Several workers share a schedule without a word between them: worker k of n takes arrivals i ≡ k (mod n), its `Stripe`.
Every worker draws the points of all (some 20 ns each, in chunks) and places only its own.

The randomness is PCG64's raw bits, seeded by SHA-256 and turned into numbers here: numpy promises the bits of its
generators for ever, and those of its distributions not (NEP 19). A logarithm or a sine may differ in its last bit
from one processor to the next, so a time may by as much.
"""

import hashlib
import math
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from random import Random
from typing import Any, Final, Literal

import numpy as np

from holdfast.workspace.rate import ArrivalRate, Floats, RateStage, Stage, WaveStage, fitted, stage_of

__all__ = [
    "POISSON",
    "STRATIFIED",
    "UNIFORM",
    "Arrival",
    "RateStage",
    "Spacing",
    "Stage",
    "Stripe",
    "WaveStage",
    "arrivals",
    "fitted",
    "least_count",
    "offsets",
    "scenario_draws",
    "stages_of",
]

Spacing = Literal["poisson", "uniform", "stratified"]
POISSON: Final = "poisson"
UNIFORM: Final = "uniform"
STRATIFIED: Final = "stratified"

_MOST_COUNTED: Final = 1e7
_CHUNK: Final = (
    4096  # points drawn at once: some tenths of a millisecond, so that the loop that plays them is not held up
)


@dataclass(frozen=True, slots=True)
class Stripe:
    """The part of worker `index` of `of`: every `of`-th, from `index` on."""

    index: int = 0
    of: int = 1

    def share(self, total: int) -> int:
        """Its part of so many visitors or users: over all workers they sum up to `total`."""
        return total // self.of + (self.index < total % self.of)


WHOLE: Final = Stripe()


@dataclass(frozen=True, slots=True)
class Arrival:
    """One visitor: due `offset` seconds after the schedule's start."""

    offset: float
    scenario: str


def stages_of(profile: Mapping[str, Any], scale: float = 1.0) -> tuple[Stage, ...]:
    """The stages of a job's profile with every rate multiplied by `scale`."""
    return tuple(stage_of(stage).scaled(scale) for stage in profile["stages"])


def arrivals(
    stages: Sequence[Stage],
    mix: Mapping[str, float],
    seed: object,
    spacing: Spacing,
    stratum: int = 1,
    part: Stripe = WHOLE,
) -> Iterator[Arrival]:
    """The schedule, or a worker's `part` of it, in order of time. The same arguments give the same.

    Times and scenarios are drawn from streams of their own: another mix moves no arrival. `stratum`: arrivals of one
    stratum. `mix` must hold a positive weight.
    """
    names = list(mix)
    bounds = np.cumsum(list(mix.values()))
    draws = _Stream(f"{seed}/mix")
    for due, begin, count in _chunks(stages, seed, spacing, stratum, part):
        drawn = draws.uniform(count)[begin :: part.of][: len(due)]
        picked = np.minimum(np.searchsorted(bounds, drawn * bounds[-1], side="right"), len(names) - 1)
        for offset, name in zip(due.tolist(), picked.tolist(), strict=True):
            yield Arrival(offset, names[name])


def offsets(stages: Sequence[Stage], seed: object, spacing: Spacing, stratum: int = 1) -> Floats:
    """The times alone of a whole schedule, as one array: for looking at it. Seconds."""
    chunks = [due for due, _, _ in _chunks(stages, seed, spacing, stratum, WHOLE)]
    return np.concatenate(chunks) if chunks else np.empty(0)


def least_count(stages: Sequence[Stage], seed: object, spacing: Spacing, until: float) -> int:
    """How many of a whole schedule are due before `until` seconds: to be checked against, not to be played.

    0 of a random one of more than some ten million, where counting would take seconds.
    """
    if not stages or until <= 0:
        return 0
    end = float(ArrivalRate(stages).expected_at(np.array([until]))[0])
    if spacing == UNIFORM:
        return max(math.ceil(end - 0.5), 0)
    if end > _MOST_COUNTED:
        return 0
    count = 0
    for marks in _marks(seed, spacing, 1):
        inside = int(np.searchsorted(marks, end, side="left"))
        count += inside
        if inside < len(marks):
            break
    return count


def scenario_draws(mix: Mapping[str, float], seed: object) -> Iterator[str]:
    """Scenario names for ever, drawn by weight. `mix` must hold a positive weight."""
    names = list(mix)
    bounds = list(accumulate(mix.values()))
    random = Random(f"{seed}/mix")
    while True:
        yield names[min(bisect_right(bounds, random.random() * bounds[-1]), len(names) - 1)]


def _chunks(
    stages: Sequence[Stage], seed: object, spacing: Spacing, stratum: int, part: Stripe
) -> Iterator[tuple[Floats, int, int]]:
    """A chunk of the part's times; where in the whole chunk its first lies; how many points the whole chunk has."""
    rate = ArrivalRate(stages)
    drawn = 0
    for marks in _marks(seed, spacing, stratum):
        begin = (part.index - drawn) % part.of
        inside = int(np.searchsorted(marks, rate.expected, side="left"))
        yield rate.times_at(marks[begin : inside : part.of]), begin, len(marks)
        if inside < len(marks):
            return
        drawn += len(marks)


def _marks(seed: object, spacing: Spacing, stratum: int) -> Iterator[Floats]:
    """The values of Λ at which somebody arrives, increasing, in chunks for ever."""
    stream = _Stream(f"{seed}/times")
    passed = 0.0
    marks: Floats
    strata = max(1, _CHUNK // stratum)
    while True:
        if spacing == POISSON:
            steps: Floats = -np.log1p(-stream.uniform(_CHUNK))
            marks = passed + np.cumsum(steps)
            passed = float(marks[-1])
        elif spacing == STRATIFIED:
            within = np.sort(stream.uniform(strata * stratum).reshape(strata, stratum), axis=1)
            begins = np.arange(strata, dtype=np.float64)[:, None]
            marks = passed + ((begins + within) * stratum).ravel()
            passed += strata * stratum
        else:
            marks = np.arange(_CHUNK, dtype=np.float64) + (passed + 0.5)
            passed += _CHUNK
        yield marks


class _Stream:
    """Numbers in [0, 1), the same for the same name on every machine."""

    def __init__(self, name: str) -> None:
        self._bits = np.random.PCG64(int.from_bytes(hashlib.sha256(name.encode()).digest()[:16]))

    def uniform(self, count: int) -> Floats:
        raw = self._bits.random_raw(count)
        return (raw >> np.uint64(11)).astype(np.float64) * math.ldexp(1.0, -53)
