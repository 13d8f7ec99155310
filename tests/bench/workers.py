"""Two workers against one: what a second core brings."""

import os
from typing import Final

import scenarios
from contest import HOLDFAST, Contest, contest, run_seconds
from figure import Figure, Group, Table, ratio
from loadchild import Load
from machine import Cores
from server import nginx

from bench import Bench

USERS: Final = 100
VISITS_OF_A_WORKER: Final = 150  # a second, where server and workers share their cores: a third of a core each
WHAT: Final = "two workers over one"
TWO_OVER_ONE: Final = 1.8
_CORES_FOR_BOTH: Final = 3  # two for the workers, one for the server


def run(bench: Bench) -> Group:
    folder = bench.folder / "workers"
    free = len(os.sched_getaffinity(0)) >= _CORES_FOR_BOTH
    unpinned = Bench(bench.folder, Cores(None, bench.cores.server), bench.quick, bench.with_tests)
    scenario = scenarios.holdfast_file(folder, "many_gets")
    held: dict[int, Contest] = {}
    with nginx(folder / "nginx", bench.cores.server if free else None) as server:
        for number in (2, 1):  # two first: where the child knows no workers, that ends it
            rate = None if free else float(VISITS_OF_A_WORKER * number)
            load = Load(scenario, float(run_seconds(bench)), rate=rate, users=USERS, workers=number)
            held[number] = contest(unpinned, server, load, [], folder / f"of_{number}", rounds=1 if bench.quick else 3)
            if number > 1 and max(window.processes for window in held[number].rates[0].windows) <= number:
                how = "the load child knows no `workers` yet: it started no further process"
                skipped = Figure(WHAT, None, "times", how, TWO_OVER_ONE, at_least=True)
                return Group("workers", "Skipped.", (skipped,))
    one, two = (held[number].rates[0].windows for number in (1, 2))
    counted = ratio(held[2].rate_of(HOLDFAST), held[1].rate_of(HOLDFAST))
    costs = [sum(w.rate for w in windows) / sum(w.generator for w in windows) for windows in (one, two)]
    by_cost = 2 * costs[1] / costs[0]
    how = f"{costs[0]:,.0f} requests a second of processor time with one worker, {costs[1]:,.0f} with two"
    figures = (
        (Figure(f"{WHAT}, requests/s as counted", counted, "times", "", TWO_OVER_ONE, at_least=True),)
        if free
        else (
            Figure(
                f"{WHAT}, projected to two free cores",
                by_cost,
                "times",
                f"PROJECTED from what a request costs: {how}",
                TWO_OVER_ONE,
                at_least=True,
            ),
        )
    )
    rows = tuple(
        (str(number), f"{held[number].rates[0].median:,.0f}", f"{max(w.generator for w in windows):.2f}",
         f"{max(w.server for w in windows):.2f}")
        for number, windows in ((1, one), (2, two))
    )  # fmt: skip
    table = Table("Workers", ("workers", "requests/s, median", "generator's cores", "server's cores"), rows)
    about = (
        f"{USERS} virtual users, kept connections, `GET` of 90 bytes. "
        + ("The server has a core of its own." if free else
           "This machine has no third core for the server, so two workers cannot have two, and at full speed all three "
           f"would fight for what there is. So each worker plays {VISITS_OF_A_WORKER} visits a second, and what counts "
           "is what a request costs in processor time (master included), with one worker and with two.")
    )  # fmt: skip
    return Group("workers", about, figures, (table,))
