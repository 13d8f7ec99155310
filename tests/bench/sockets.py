"""More sockets than 1,024 in one process: are connections still kept?"""

from typing import Final

import peers
import scenarios
from contest import HOLDFAST, contest, run_seconds
from figure import Figure, Group
from loadchild import Load
from server import nginx

from bench import Bench

USERS: Final = 1_200
MOST_CONNECTIONS: Final = 1.01
_PAUSE: Final = 0.4
_SPAWNING_SECONDS: Final = 5  # Locust and we both need a while for so many


def run(bench: Bench) -> Group:
    folder = bench.folder / "sockets"
    seconds = run_seconds(bench) + _SPAWNING_SECONDS
    scenario = scenarios.holdfast_file(folder, "stays", seconds=float(seconds), pause=_PAUSE)
    load = Load(scenario, float(seconds), users=USERS)
    with nginx(folder / "nginx", bench.cores.server) as server:
        locust = peers.locust(scenarios.locust_file(folder, "stays", pause=_PAUSE), server.url, USERS, seconds)
        held = contest(bench, server, load, [locust], folder, rounds=1)
    figures = [
        Figure(
            f"connections opened for each of {USERS:,} virtual users, {rate.contender.name}",
            max(window.connections for window in rate.windows) / USERS,
            "",
            f"{max(w.connections for w in rate.windows):,} connections, counted by the server",
            MOST_CONNECTIONS if rate.contender.name == HOLDFAST else None,
        )
        for rate in held.rates
    ]
    about = f"{USERS:,} virtual users in one process, a request each {_PAUSE:g} s, each on a connection of its own."
    return Group("sockets", about, tuple(figures), (held.table("Connections"),))
