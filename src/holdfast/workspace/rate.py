"""The arrival rate over time, its integral Λ and the inverse of that: pure mathematics, numbers and arrays only.

In: pieces of a rate λ(t) in arrivals a second. Out: Λ(t) = ∫ λ, the arrivals to be expected up to t, and Λ⁻¹(y), when
the y-th of them is due. It lies on this floor because a profile must say how many arrivals it plans, and the load child
above must place each of them: both by the same integral.

A linear piece r₀ → r₁ over d seconds, slope a = (r₁ - r₀) / d, has Λ(t) = r₀·t + a·t²/2, solved for t as

    t = 2y / (r₀ + √(r₀² + 2·a·y))

which, unlike the schoolbook form, subtracts nothing of like size and needs no special case for a = 0.

A wave of mean m, amplitude A ≤ m and period P begins at its lowest, λ(t) = m - A·cos(2πt/P), so that

    Λ(t) = m·t - A·(P/2π)·sin(2πt/P)

With E = 2πt/P, M = 2πy/(m·P) and e = A/m this is Kepler's equation M = E - e·sin E. It rises, and its root lies in
[M - e, M + e] and in the half turn of M: Newton's step is taken where it stays in the bracket and bisection where it
does not, until the bracket or the step is below what a float can tell (rtsafe: Press et al., Numerical Recipes, 9.4).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_TURN: Final = 2 * math.pi
_MOST_STEPS: Final = 200  # Newton takes about 5; where it fails bisection needs at most 60 more


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

    @property
    def peak(self) -> float:
        return max(self.start_rate, self.end_rate)

    def rate_at(self, elapsed: Floats) -> Floats:
        return self.start_rate + self.slope * elapsed

    def expected_at(self, elapsed: Floats) -> Floats:
        """Λ, from the stage's start."""
        return _ramp_expected(self.start_rate, self.slope, elapsed)

    def elapsed_at(self, expected: Floats) -> Floats:
        """After how many of its seconds so many arrivals are to be expected: Λ⁻¹."""
        return np.minimum(_ramp_elapsed(self.start_rate, self.slope, expected), self.seconds)

    def cut(self, seconds: float) -> Self:
        """Its first `seconds`."""
        return replace(self, end_rate=self.start_rate + self.slope * seconds, seconds=seconds)

    def scaled(self, scale: float) -> Self:
        return replace(self, start_rate=self.start_rate * scale, end_rate=self.end_rate * scale)

    def message(self) -> dict[str, float]:
        """As the load child's job carries it; `stage_of` reads it."""
        return {"from": self.start_rate, "to": self.end_rate, "seconds": self.seconds}

    @property
    def slope(self) -> float:
        return (self.end_rate - self.start_rate) / self.seconds if self.seconds else 0.0


@dataclass(frozen=True, slots=True)
class WaveStage:
    """A stretch of the arrival rate that swings about `mean` by `amplitude`, from its lowest on. Per second."""

    mean: float
    amplitude: float
    period: float
    seconds: float

    @property
    def expected(self) -> float:
        return float(self.expected_at(np.array([self.seconds]))[0])

    @property
    def end_rate(self) -> float:
        return float(self.rate_at(np.array([self.seconds]))[0])

    @property
    def peak(self) -> float:
        return self.mean + self.amplitude if self.seconds >= self.period / 2 else self.end_rate

    def rate_at(self, elapsed: Floats) -> Floats:
        return self.mean - self.amplitude * np.cos(_TURN * elapsed / self.period)

    def expected_at(self, elapsed: Floats) -> Floats:
        swing = self.amplitude * self.period / _TURN
        return self.mean * elapsed - swing * np.sin(_TURN * elapsed / self.period)

    def elapsed_at(self, expected: Floats) -> Floats:
        turns, within = np.divmod(expected, self.mean * self.period)
        angle = kepler(within * _TURN / (self.mean * self.period), self.amplitude / self.mean)
        return np.clip((turns + angle / _TURN) * self.period, 0.0, self.seconds)

    def cut(self, seconds: float) -> Self:
        return replace(self, seconds=seconds)

    def scaled(self, scale: float) -> Self:
        return replace(self, mean=self.mean * scale, amplitude=self.amplitude * scale)

    def message(self) -> dict[str, float]:
        return {"mean": self.mean, "amplitude": self.amplitude, "period": self.period, "seconds": self.seconds}


Stage = RateStage | WaveStage


def stage_of(message: Mapping[str, Any]) -> Stage:
    """A stage of a job: `{"from", "to", "seconds"}` or `{"mean", "amplitude", "period", "seconds"}`."""
    number = {key: float(value) for key, value in message.items()}
    if "mean" in number:
        return WaveStage(number["mean"], number["amplitude"], number["period"], number["seconds"])
    return RateStage(number["from"], number["to"], number["seconds"])


def fitted(stages: Sequence[Stage], seconds: float) -> tuple[Stage, ...]:
    """Stages that last exactly `seconds`: cut where they are longer, the last rate held where they are shorter."""
    found: list[Stage] = []
    left = seconds
    for stage in stages:
        if left <= 0:
            break
        found.append(stage.cut(left) if stage.seconds > left else stage)
        left -= stage.seconds
    if left > 0 and stages:
        found.append(RateStage(stages[-1].end_rate, stages[-1].end_rate, left))
    return tuple(found)


class ArrivalRate:
    """Stages one after another, as one function of time. Times in seconds from the first stage's start."""

    def __init__(self, stages: Sequence[Stage]) -> None:
        self.stages = tuple(stages)
        self._began = np.cumsum([0.0, *(stage.seconds for stage in self.stages)])
        self._passed = np.cumsum([0.0, *(stage.expected for stage in self.stages)])
        ramps = [stage if isinstance(stage, RateStage) else RateStage(0.0, 0.0, stage.seconds) for stage in self.stages]
        self._start = np.array([ramp.start_rate for ramp in ramps])
        self._slope = np.array([ramp.slope for ramp in ramps])
        self._seconds = np.array([ramp.seconds for ramp in ramps])
        self._waves = {n: stage for n, stage in enumerate(self.stages) if isinstance(stage, WaveStage)}

    @property
    def seconds(self) -> float:
        return float(self._began[-1])

    @property
    def expected(self) -> float:
        """Arrivals to be expected over all stages."""
        return float(self._passed[-1])

    @property
    def peak(self) -> float:
        """The highest rate, in arrivals a second."""
        return max((stage.peak for stage in self.stages), default=0.0)

    def rate_at(self, times: Floats) -> Floats:
        """λ. Where two stages meet, the later one's."""
        if not self.stages:
            return np.zeros_like(times)
        places, elapsed = _placed(np.clip(times, 0.0, self.seconds), self._began)
        found: Floats = self._start[places] + self._slope[places] * elapsed
        for place, wave in self._waves.items():
            found[places == place] = wave.rate_at(elapsed[places == place])
        return found

    def expected_at(self, times: Floats) -> Floats:
        """Λ."""
        if not self.stages:
            return np.zeros_like(times)
        places, elapsed = _placed(np.clip(times, 0.0, self.seconds), self._began)
        found = _ramp_expected(self._start[places], self._slope[places], elapsed)
        for place, wave in self._waves.items():
            found[places == place] = wave.expected_at(elapsed[places == place])
        found += self._passed[places]
        return found

    def times_at(self, expected: Floats) -> Floats:
        """Λ⁻¹, of values from 0 up to (not including) `expected`."""
        if not self.stages:
            return np.zeros_like(expected)
        places, within = _placed(expected, self._passed)
        found: Floats = np.minimum(
            _ramp_elapsed(self._start[places], self._slope[places], within), self._seconds[places]
        )
        for place, wave in self._waves.items():
            found[places == place] = wave.elapsed_at(within[places == place])
        found += self._began[places]
        return found


def _placed(values: Floats, bounds: Floats) -> tuple[NDArray[np.intp], Floats]:
    """In which stage each value lies, and how far in. A stage of no width holds none."""
    places = np.clip(np.searchsorted(bounds, values, side="right") - 1, 0, len(bounds) - 2)
    return places, values - bounds[places]


def _ramp_expected(start: float | Floats, slope: float | Floats, elapsed: Floats) -> Floats:
    return start * elapsed + slope / 2 * elapsed * elapsed


def _ramp_elapsed(start: float | Floats, slope: float | Floats, expected: Floats) -> Floats:
    below = start + np.sqrt(np.maximum(start * start + 2 * slope * expected, 0.0))
    found: Floats = np.divide(2 * expected, below, out=np.zeros_like(below), where=below > 0)
    return found


def kepler(mean_anomaly: Floats, eccentricity: float) -> Floats:
    """E of M = E - e·sin E for M in [0, 2π] and e in [0, 1]: to the last bits of M."""
    wanted = np.asarray(mean_anomaly, dtype=np.float64)
    first_half = wanted <= math.pi
    low = np.where(first_half, wanted, np.maximum(wanted - eccentricity, math.pi))
    high = np.where(first_half, np.minimum(wanted + eccentricity, math.pi), wanted)
    angle = (low + high) / 2
    for _ in range(_MOST_STEPS):
        off = angle - eccentricity * np.sin(angle) - wanted
        low, high = np.where(off <= 0, angle, low), np.where(off >= 0, angle, high)
        slope = 1 - eccentricity * np.cos(angle)
        newton = angle - np.divide(off, slope, out=np.full_like(off, np.inf), where=slope > 0)
        tried = np.where((newton >= low) & (newton <= high), newton, (low + high) / 2)
        settled = np.abs(tried - angle) <= 2 * np.spacing(np.abs(angle))
        angle = tried
        if settled.all():
            break
    return angle
