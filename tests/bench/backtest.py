"""`holdfast slo backtest` at the size of a company: 100 objectives, four weeks, a sample a minute."""

import time
from decimal import Decimal
from typing import Final

import numpy as np
from figure import Figure, Group

from bench import Bench
from holdfast.slo.alert import plan_of
from holdfast.slo.backtest import backtest
from holdfast.slo.burn import DAY, WORKBOOK
from holdfast.slo.history import History
from holdfast.slo.suggestion import Case, suggest

_OBJECTIVES: Final = 100
_STEPS: Final = 28 * 1440
_PERIOD: Final = 28 * DAY
_TARGET: Final = Decimal("0.999")


def run(bench: Bench) -> Group:
    histories = [_history(seed) for seed in range(_OBJECTIVES)]
    rounds = 1 if bench.quick else 5
    times = sorted(_timed(histories) for _ in range(rounds))
    how = (
        f"median of {rounds}; 28 d at 1 min, workbook windows (8 sums), incidents found, scores; "
        f"one core (best {times[0]:.2f})"
    )
    figures = (
        Figure(f"backtest of {_OBJECTIVES} SLOs over 28 days", times[rounds // 2], "s", how, 3.0),
        Figure("windows suggested for one SLO", _suggested(histories[0]), "s", "48 pairs on both halves of 28 d"),
    )
    return Group("backtest", "Alerts played back over history, in memory.", figures)


def _timed(histories: list[History]) -> float:
    started = time.perf_counter()
    for history in histories:
        plan = plan_of(WORKBOOK, _TARGET, _PERIOD)
        backtest(history, _TARGET, _PERIOD, [plan], every=60)
    return time.perf_counter() - started


def _suggested(history: History) -> float:
    started = time.perf_counter()
    suggest([Case("one", history, _TARGET, _PERIOD)], every=60)
    return time.perf_counter() - started


def _history(seed: int) -> History:
    """10 events a second and their noise, half of the budget burning all the time, eight faults of up to four hours."""
    rng = np.random.default_rng(seed)
    total = rng.poisson(600, _STEPS)
    share = np.full(_STEPS, 0.0005)
    for begin in rng.integers(0, _STEPS, 8):
        share[begin : begin + rng.integers(5, 240)] = rng.choice([0.01, 0.03, 0.2, 1.0])
    bad = rng.binomial(total, share)
    measured = np.ones(_STEPS, dtype=np.bool_)
    return History(1_767_225_600, 60, (total - bad).astype(np.float64), total.astype(np.float64), measured)
