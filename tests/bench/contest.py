"""holdfast's closed model against the others on one server: rates, shares of a core, and what the record says of it."""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Final

import loadchild
from figure import Figure, Table, ratio
from loadchild import Load, Played
from peers import Command
from rates import WARM_UP_SECONDS, Contender, Rate, in_rounds, peer
from server import Server

from bench import Bench

HOLDFAST: Final = "holdfast"
_MARGIN_SECONDS: Final = 1.5


@dataclass(frozen=True)
class Contest:
    """How it went. `played`: our own runs, one a round."""

    rates: tuple[Rate, ...]
    played: tuple[Played, ...]

    def rate_of(self, name: str) -> float | None:
        return next((rate.median for rate in self.rates if rate.contender.name == name), None)

    def times(self, name: str, limit: float, *, per: float = 1.0) -> Figure:
        """Our rate over another's; `per`: requests in one of what is counted."""
        ours, theirs = self.rate_of(HOLDFAST), self.rate_of(name)
        how = f"{name} is not installed" if theirs is None else f"{(ours or 0) / per:,.0f}/s over {theirs / per:,.0f}/s"
        return Figure(f"holdfast over {name}", ratio(ours, theirs), "times", how, limit, at_least=True)

    def table(self, title: str, *, per: float = 1.0, what: str = "requests/s") -> Table:
        rows = tuple(
            (
                rate.contender.name,
                f"{rate.median / per:,.0f}",
                " ".join(f"{window.rate / per:,.0f}" for window in rate.windows),
                f"{1000 * max(w.connections / max(w.requests, 1) for w in rate.windows):.1f}",
                f"{max(w.generator for w in rate.windows):.2f}",
                f"{max(w.server for w in rate.windows):.2f}",
            )
            for rate in sorted(self.rates, key=lambda rate: -rate.median)
        )
        columns = (
            "generator", f"{what}, median", "each round", "connections per 1,000 requests",
            "its core, most", "server's core, most",
        )  # fmt: skip
        commands = tuple(f"{rate.contender.name}: {rate.contender.shown}" for rate in self.rates)
        return Table(title, columns, rows, commands)

    def recorded(self) -> Figure:
        """Whether what the server was asked is what `run.db` holds: outcomes that are not ok are named."""
        outcomes: dict[str, int] = {}
        for played in self.played:
            for outcome, number in played.outcomes(3).items():
                outcomes[outcome] = outcomes.get(outcome, 0) + number
        total = sum(outcomes.values())
        bad = total - outcomes.get("ok", 0)
        how = f"of {total:,} requests in run.db: " + ", ".join(f"{n:,} {name}" for name, n in sorted(outcomes.items()))
        return Figure("requests of holdfast recorded as anything but ok", float(bad), "", how, 0.0)


def contest(
    bench: Bench,
    server: Server,
    load: Load,
    others: Sequence[Command | None],
    folder: Path,
    rounds: int | None = None,
) -> Contest:
    """One contest: rounds of ours and each other that is there. The lengths of their runs are `run_seconds`."""
    played: list[Played] = []
    ours = Contender(HOLDFAST, _shown(load), _starter(bench, server, load, folder, played.append))
    contenders = [ours, *(peer(other, bench.cores.generator) for other in others if other is not None)]
    rates = in_rounds(server, contenders, rounds or bench.rounds, bench.window)
    return Contest(tuple(rates), tuple(played))


def run_seconds(bench: Bench) -> int:
    """How long a generator must run for its window to lie within."""
    return math.ceil(WARM_UP_SECONDS + bench.window + _MARGIN_SECONDS)


def _starter(
    bench: Bench, server: Server, load: Load, folder: Path, keep: Callable[[Played], None]
) -> Callable[[], "contextmanager[int]"]:
    number = count(1)

    @contextmanager
    def start() -> Iterator[int]:
        with loadchild.playing(folder / f"round{next(number)}", server.url, load, bench.cores.generator) as begun:
            yield begun.process.pid
            keep(begun.finish())

    return start


def _shown(load: Load) -> str:
    how = f"{load.rate:,.0f} arrivals/s" if load.rate else f"{load.users} virtual users"
    return f"python -m holdfast.load ({load.scenario.stem}, {how})"
