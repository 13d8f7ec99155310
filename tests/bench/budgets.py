"""Error budgets: how long a thousand objectives over 28 days take, minute by minute, and what memory that needs.

    budgets.py            as a group of the bench
    budgets.py --child    one measurement in a process of its own, as JSON on stdout

Every history lies in memory before the clock starts: 1,000 times 40,320 minutes of counts. Each objective then gets all
that `slo status` shows: its budget, five burn rates, the interval of its ratio, its exhaustion with bounds, and its
burn-down.
"""

import json
import resource
import subprocess
import sys
import time
from decimal import Decimal
from typing import TYPE_CHECKING, Final

import numpy as np
from figure import Figure, Group

if TYPE_CHECKING:
    from bench import Bench

OBJECTIVES: Final = 1000
MINUTES: Final = 28 * 1440
MOST_SECONDS: Final = 5.0
MOST_MB: Final = 1000.0
_END: Final = 1_767_268_800


def run(bench: "Bench") -> Group:
    found = [_measured() for _ in range(bench.rounds)]
    how = f"{OBJECTIVES:,} objectives over 28 days in steps of a minute, the worst of {bench.rounds} processes"
    figures = (
        Figure("evaluating every objective", max(one["seconds"] for one in found), "s", how, MOST_SECONDS),
        Figure("peak resident memory", max(one["megabytes"] for one in found), "MB", how, MOST_MB),
    )
    return Group(
        "budgets", "Standings worked out from arrays: all histories are in memory before the clock starts.", figures
    )


def _measured() -> dict[str, float]:
    told = subprocess.run([sys.executable, __file__, "--child"], capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(told.stdout)
    return found


def child() -> None:
    from holdfast.slo.history import History
    from holdfast.slo.indicator import Indicator, Selector
    from holdfast.slo.objective import Objective
    from holdfast.slo.sources.observed import Observed
    from holdfast.slo.standing import standing, worst_first
    from holdfast.slo.window import rolling

    rng = np.random.default_rng(1)
    any_event = Selector(("a",))
    window = rolling("28d")
    targets = [Decimal("0.9"), Decimal("0.99"), Decimal("0.999"), Decimal("0.9999")]
    asked = []
    measured = np.ones(MINUTES, dtype=np.bool_)
    for number in range(OBJECTIVES):
        total = rng.poisson(50 + number, MINUTES).astype(np.float64)
        target = targets[number % 4]
        bad = rng.binomial(total.astype(np.int64), float(1 - target) * (number % 7) / 4)
        total -= bad
        good = total.copy()
        total += bad
        objective = Objective(
            f"objective-{number}", "", "s", "", target, window, Indicator("i", any_event, good=any_event), "", "", ""
        )
        asked.append((objective, Observed(History(_END - 60 * MINUTES, 60, good, total, measured.copy()))))
    began = time.perf_counter()
    found = worst_first(standing(objective, observed, _END) for objective, observed in asked)
    seconds = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    gone = sum(one.remaining is not None and one.remaining < 0 for one in found)
    print(json.dumps({"seconds": seconds, "megabytes": peak, "objectives": len(found), "overspent": gone}))


if __name__ == "__main__":
    child()
