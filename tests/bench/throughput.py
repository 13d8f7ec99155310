"""Requests a second of one core: 50 connections that are kept, a GET of 90 bytes of JSON, everything recorded."""

from typing import Final

import loadchild
import peers
import scenarios
from contest import HOLDFAST, contest, run_seconds
from figure import Figure, Group
from loadchild import Load
from server import nginx

from bench import Bench

USERS: Final = 50
OVER_LOCUST: Final = 2.5
OVER_K6: Final = 1.5


def run(bench: Bench) -> Group:
    folder = bench.folder / "throughput"
    seconds = run_seconds(bench)
    load = Load(scenarios.holdfast_file(folder, "many_gets"), seconds, users=USERS)
    with nginx(folder / "nginx", bench.cores.server) as server:
        others = [
            peers.locust(scenarios.locust_file(folder, "one_get"), server.url, USERS, seconds),
            peers.k6(scenarios.k6_closed(folder, server.url, USERS, seconds)),
            peers.wrk(server.url, USERS, seconds),
            peers.hey(server.url, USERS, seconds),
        ]
        held = contest(bench, server, load, others, folder)
        figures = (
            Figure("holdfast, one core", held.rate_of(HOLDFAST), "requests/s", "median of the rounds, run.db written"),
            held.times("Locust FastHttpUser", OVER_LOCUST),
            held.times("k6", OVER_K6),
            held.recorded(),
        )
        missed = [figure for figure in figures if figure.verdict == "missed"]
        profiles = (
            {missed[0].what: loadchild.hot_spots(folder / "profile", server.url, load, bench.cores.generator)}
            if missed
            else {}
        )
    about = (
        f"{USERS} kept connections, `GET` of 90 bytes of JSON, loopback nginx on a core of its own; all rates counted "
        f"by the server in a window of {bench.window:g} s, {bench.rounds} rounds, generators in turn."
    )
    return Group("throughput", about, figures, (held.table("Requests a second of one core"),), profiles)
