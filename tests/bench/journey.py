"""Visits a second of one core: a sign-in and three calls with JSON bodies, behind the cookie that the sign-in set."""

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
OVER_LOCUST: Final = 2.0
_REQUESTS: Final = 1 + scenarios.ACCOUNT_CALLS


def run(bench: Bench) -> Group:
    folder = bench.folder / "journey"
    seconds = run_seconds(bench)
    load = Load(scenarios.holdfast_file(folder, "journey"), seconds, users=USERS)
    with nginx(folder / "nginx", bench.cores.server) as server:
        locust = peers.locust(scenarios.locust_file(folder, "journey"), server.url, USERS, seconds)
        held = contest(bench, server, load, [locust], folder)
        ours = held.rate_of(HOLDFAST)
        figures = (
            Figure("holdfast, one core", ours and ours / _REQUESTS, "visits/s", "median of the rounds, run.db written"),
            held.times("Locust FastHttpUser", OVER_LOCUST, per=_REQUESTS),
            held.recorded(),
        )
        missed = [figure for figure in figures if figure.verdict == "missed"]
        profiles = (
            {missed[0].what: loadchild.hot_spots(folder / "profile", server.url, load, bench.cores.generator)}
            if missed
            else {}
        )
    about = (
        f"{USERS} virtual users, each visit `POST /sign-in` and {scenarios.ACCOUNT_CALLS} `POST`s that are refused "
        "without its cookie (nginx); a step and a trace for each of ours."
    )
    table = held.table("Visits a second of one core", per=_REQUESTS, what="visits/s")
    return Group("journey", about, figures, (table,), profiles)
