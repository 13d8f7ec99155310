"""Failures as they come: each pattern gives (runs, seconds) counts of bad events; `share` is their true share."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from holdfast.slo.indicator import Counts

Bad = npt.NDArray[np.int64]
Pattern = Callable[[np.random.Generator, "Shape", int], Bad]


@dataclass(frozen=True)
class Shape:
    """A run: so many seconds with so many events each, of which `share` are bad in the long run."""

    seconds: int
    each: int
    share: float

    def counts(self, bad: Bad) -> Counts:
        total = np.full(self.seconds, self.each, dtype=np.int64)
        return Counts(np.arange(self.seconds, dtype=np.int64), total - bad, total)


def clustered(rho: float) -> Pattern:
    """Beta-binomial by second: the events of one second have the correlation rho; 0 is independence."""

    def draw(random: np.random.Generator, shape: Shape, runs: int) -> Bad:
        size = (runs, shape.seconds)
        if rho == 0:
            return random.binomial(shape.each, shape.share, size)
        spread = 1 / rho - 1
        return random.binomial(shape.each, random.beta(shape.share * spread, (1 - shape.share) * spread, size))

    return draw


def outages(mean_seconds: float, of_run: float) -> Pattern:
    """A Markov chain by second: nothing fails but in outages of `mean_seconds`, which take `of_run` of the time."""

    def draw(random: np.random.Generator, shape: Shape, runs: int) -> Bad:
        ends = 1 / mean_seconds
        begins = ends * of_run / (1 - of_run)
        out = np.empty((runs, shape.seconds), dtype=bool)
        chance = random.random((runs, shape.seconds))
        out[:, 0] = chance[:, 0] < of_run
        for second in range(1, shape.seconds):
            out[:, second] = np.where(out[:, second - 1], chance[:, second] >= ends, chance[:, second] < begins)
        return random.binomial(shape.each, np.where(out, shape.share / of_run, 0.0))

    return draw


def drifting(phi: float, sigma: float = 1.0) -> Pattern:
    """The logarithm of the bad share is an AR(1) series by second: coefficient phi, standard deviation sigma."""

    def draw(random: np.random.Generator, shape: Shape, runs: int) -> Bad:
        steps = random.standard_normal((runs, shape.seconds))
        steps[:, 1:] *= np.sqrt(1 - phi**2)
        for second in range(1, shape.seconds):
            steps[:, second] += phi * steps[:, second - 1]
        return random.binomial(shape.each, np.minimum(shape.share * np.exp(sigma * steps - sigma**2 / 2), 1.0))

    return draw
