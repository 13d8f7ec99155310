"""The open model on one core: what is planned, started, dropped, and how late our own generator is, by arrival rate."""

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import loadchild
import machine
import peers
import scenarios
from figure import Figure, Group, Table, ratio
from loadchild import Load, Played
from server import Server, nginx

from bench import Bench

AT_MOST: Final = 400
RATES: Final = (1_000, 4_000, 8_000, 10_000, 12_000, 16_000)
QUICK_RATES: Final = (1_000, 4_000, 10_000)
ASKED: Final = 10_000
LAG_LIMIT_MS: Final = 5.0
OVER_K6: Final = 1.5
_LADDER: Final = (1_000, 1_500, 2_000, 2_500, 3_000, 3_500, 4_000, 5_000, 6_000, 7_000, *RATES[2:], 14_000, 20_000)


@dataclass(frozen=True)
class Row:
    """A rate as it was played. Milliseconds; `cpu` a share of one core; None where the tool does not say."""

    rate: int
    planned: int
    started: int
    dropped: int
    lag_p50: float | None
    lag_p99: float | None
    service_p99: float
    cpu: float | None

    @property
    def held(self) -> bool:
        return self.dropped == 0

    @property
    def cells(self) -> tuple[str, ...]:
        lags = ("–" if lag is None else f"{lag:.2f}" for lag in (self.lag_p50, self.lag_p99))
        cpu = "–" if self.cpu is None else f"{self.cpu:.2f}"
        counts = (f"{self.rate:,}", f"{self.planned:,}", f"{self.started:,}", f"{self.dropped:,}")
        return (*counts, *lags, f"{self.service_p99:.2f}", cpu)


def run(bench: Bench) -> Group:
    folder = bench.folder / "open"
    seconds = 2 if bench.quick else 10
    load = Load(scenarios.holdfast_file(folder, "one_get"), float(seconds), rate=ASKED, users=AT_MOST)
    with nginx(folder / "nginx", bench.cores.server) as server:
        rates = QUICK_RATES if bench.quick else RATES
        ours = [_ours(bench, server, load, rate, folder / f"at_{rate}") for rate in rates]
        theirs = _climbed(bench, server, folder, seconds)
        best = _best(bench, server, load, folder, ours)
        asked = next(row for row in ours if row.rate == ASKED)
        theirs_best = max((row.rate for row in theirs if row.held), default=None)
        figures = _figures(asked, best, theirs_best, k6_is_there=bool(theirs))
        missed = [figure for figure in figures if figure.verdict == "missed"]
        profiles = (
            {missed[0].what: loadchild.hot_spots(folder / "profile", server.url, load, bench.cores.generator)}
            if missed
            else {}
        )
    columns = (
        "arrivals/s", "planned", "started", "dropped", "lag p50, ms", "lag p99, ms", "service p99, ms", "its core",
    )  # fmt: skip
    tables = (
        Table(
            f"holdfast, {seconds} s each",
            columns,
            tuple(row.cells for row in ours),
            (f"python -m holdfast.load ({load.scenario.stem})",),
        ),
        Table(
            f"k6 constant-arrival-rate, {AT_MOST} VUs",
            columns,
            tuple(row.cells for row in theirs),
            ("GOMAXPROCS=1 k6 run --quiet --no-usage-report --summary-export FILE open.js",),
        ),
    )
    about = f"One arrival is one visit, one step, one `GET`; at most {AT_MOST} visitors at a time."
    return Group("open", about, figures, tables, profiles)


def _figures(asked: Row, best: int | None, theirs: int | None, *, k6_is_there: bool) -> tuple[Figure, ...]:
    at = f"at {ASKED:,} arrivals/s, {asked.planned:,} planned, {asked.started:,} started"
    over = f"{best or 0:,}/s over {theirs or 0:,}/s" if k6_is_there else "k6 is not installed"
    return (
        Figure(f"dropped at {ASKED:,} arrivals/s", float(asked.dropped), "", at, 0.0),
        Figure(f"lag p99 at {ASKED:,} arrivals/s", asked.lag_p99, "ms", at, LAG_LIMIT_MS),
        Figure("highest rate without a drop", best and float(best), "arrivals/s", "of the rates tried"),
        Figure("highest rate without a drop, over k6", ratio(best, theirs), "times", over, OVER_K6, at_least=True),
    )


def _best(bench: Bench, server: Server, load: Load, folder: Path, rows: list[Row]) -> int | None:
    """The highest rate of the ladder that held, below the first that did not, and those between tried too."""
    held = {row.rate: row.held for row in rows}
    above = min((rate for rate, all_well in held.items() if not all_well), default=max(RATES) * 2)
    best = max((rate for rate in held if rate < above), default=None)
    for rate in _LADDER:
        if (best or 0) < rate < above and rate not in held:
            if not _ours(bench, server, load, rate, folder / f"best_{rate}").held:
                break
            best = rate
    return best


def _ours(bench: Bench, server: Server, load: Load, rate: int, folder: Path) -> Row:
    asked = Load(load.scenario, load.seconds, rate=rate, users=load.users)
    return _row(rate, loadchild.play(folder, server.url, asked, bench.cores.generator))


def _row(rate: int, played: Played) -> Row:
    done = played.done
    return Row(
        rate,
        int(done["planned"]),
        int(done["started"]),
        int(done["dropped"]),
        played.quantile("lag", 0.5) * 1000,
        played.quantile("lag", 0.99) * 1000,
        played.quantile("service", 0.99) * 1000,
        played.cpu,
    )


def _climbed(bench: Bench, server: Server, folder: Path, seconds: int) -> list[Row]:
    """k6 up the ladder until two rates in a row drop arrivals; empty where there is no k6."""
    rows: list[Row] = []
    for rate in _LADDER:
        row = _k6(bench, server, folder, rate, seconds)
        if row is None:
            break
        rows.append(row)
        if len(rows) > 1 and not rows[-1].held and not rows[-2].held:
            break
    return rows


def _k6(bench: Bench, server: Server, folder: Path, rate: int, seconds: int) -> Row | None:
    summary = folder / f"k6_{rate}.json"
    script = scenarios.k6_open(folder, server.url, rate, AT_MOST, seconds)
    command = peers.k6(script, "--summary-export", str(summary))
    if command is None:
        return None
    subprocess.run(
        machine.pinned(bench.cores.generator, list(command.words)),
        capture_output=True,
        env={**os.environ, **command.environment},
        check=True,
    )
    metrics = json.loads(summary.read_text(encoding="utf-8"))["metrics"]
    started = int(metrics["iterations"]["count"])
    dropped = int(metrics.get("dropped_iterations", {}).get("count", 0))
    return Row(
        rate, rate * seconds, started, dropped, None, None, float(metrics["http_req_duration"]["p(99)"]), None
    )  # fmt: skip
