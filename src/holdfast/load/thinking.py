"""How long a visitor thinks between two steps: a mean and a spread in, seconds out.

Whoever clicks without a pause asks more of the target than customers do, and never finds an idle connection closed.
"""

import math
from random import Random
from typing import Final

from holdfast.workspace.quantity import seconds

CONSTANT: Final = "constant"  # the mean each time: all that began together stay in step
UNIFORM: Final = "uniform"  # from half to one and a half of the mean
EXPONENTIAL: Final = (
    "exponential"  # no memory, as in TPC-W: short ones are the most frequent, and one in 20 takes 3 means
)
LOGNORMAL: Final = "lognormal"  # as people read and type: hardly anybody at once, few for long
SPREADS: Final = (CONSTANT, UNIFORM, EXPONENTIAL, LOGNORMAL)
_SIGMA: Final = 0.6  # of the logarithm: nine of ten between 0.31 and 2.2 means


def mean_of(mean: str | float) -> float:
    """Seconds, of "3s" or 3. Raises ValueError."""
    found = float(mean) if isinstance(mean, (int, float)) else seconds(mean)
    if not 0 < found < math.inf:
        raise ValueError(f"{mean!r} is not a time to think: more than 0 seconds")
    return found


def check_spread(spread: str) -> None:
    """Raises ValueError."""
    if spread not in SPREADS:
        raise ValueError(f"{spread!r} is not a spread: {', '.join(SPREADS)}")


def drawn(mean: float, spread: str, random: Random) -> float:
    """Seconds, `mean` on average. Raises ValueError where `spread` is none."""
    check_spread(spread)
    if spread == UNIFORM:
        return mean * (0.5 + random.random())
    if spread == EXPONENTIAL:
        return random.expovariate(1.0 / mean)
    if spread == LOGNORMAL:
        return random.lognormvariate(math.log(mean) - _SIGMA * _SIGMA / 2, _SIGMA)
    return mean
