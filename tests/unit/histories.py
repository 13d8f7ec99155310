"""Small histories for tests: stretches of a constant error ratio, one after the other."""

import numpy as np

from holdfast.slo.history import History


def history(*stretches: tuple[int, float], step: int = 60, start: int = 0, each: int = 1000) -> History:
    """`stretches`: (steps, error ratio), `each` events in every step."""
    bad = np.concatenate([np.full(steps, round(ratio * each)) for steps, ratio in stretches]).astype(np.float64)
    return of(bad, np.full(len(bad), float(each)), step=step, start=start)


def of(bad, total, *, step: int = 60, start: int = 0, measured=None) -> History:
    bad, total = np.asarray(bad, np.float64), np.asarray(total, np.float64)
    seen = np.ones(len(total), np.bool_) if measured is None else np.asarray(measured, np.bool_)
    return History(start, step, total - bad, total, seen)
