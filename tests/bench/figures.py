"""Measure the figures that the project promises, beside those of its peers, and write docs/reference/performance.md.

    figures.py [--quick] [--with-tests] [--only GROUP]…

Run by `make bench`. Nothing here asserts: a figure that is missed is printed as missed, with where the time went. All
load goes to loopback, and every run of it ends by itself. A page is written only when all groups were measured.
"""

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import arrivals
import gate
import journey
import latency
import machine
import memory
import objectives
import page
import peers
import sockets
import throughput
import tool
import workers
from figure import Figure, Group
from rich.console import Console

from bench import Bench

GROUPS: Final[Mapping[str, Callable[[Bench], Group]]] = {
    "throughput": throughput.run,
    "open": arrivals.run,
    "journey": journey.run,
    "latency": latency.run,
    "sockets": sockets.run,
    "workers": workers.run,
    "memory": memory.run,
    "slo": objectives.run,
    "tool": tool.run,
    "gate": gate.run,
}
PAGE: Final = peers.ROOT / "docs" / "reference" / "performance.md"


def main() -> None:
    parser = argparse.ArgumentParser(description="holdfast's figures, beside its peers'")
    parser.add_argument("--quick", action="store_true", help="short windows and few rounds")
    parser.add_argument("--with-tests", action="store_true", help="time `make test` too")
    parser.add_argument("--only", action="append", choices=sorted(GROUPS), help="this group; may be given again")
    asked = parser.parse_args()
    console = Console(width=None if sys.stdout.isatty() else 140)
    cores = machine.Cores.of_machine()
    versions = peers.versions()
    console.print(machine.described(cores))
    console.print(", ".join(f"{name}: {version}" for name, version in versions.items()))
    groups: list[Group] = []
    loads: list[str] = []
    with tempfile.TemporaryDirectory(prefix="holdfast-bench-") as folder:
        bench = Bench(Path(folder), cores, quick=asked.quick, with_tests=asked.with_tests)
        for name in asked.only or GROUPS:
            loads.append(machine.load_average())
            groups.append(_measured(name, bench))
            console.print(f"load average before it: {loads[-1]}")
            page.print_group(console, groups[-1])
    if asked.only and asked.quick:
        console.print("\nnot written: only some of the groups were measured, and quickly")
        return
    if asked.only:
        text = PAGE.read_text(encoding="utf-8")
        for group, load in zip(groups, loads, strict=True):
            text = page.rewritten(text, group, load=load)
    else:
        text = page.written(
            groups, machine=machine.described(cores), versions=versions, load=", ".join(loads), quick=asked.quick
        )
    PAGE.write_text(text, encoding="utf-8")
    console.print(f"\nwritten: {PAGE.relative_to(peers.ROOT)}")


def _measured(name: str, bench: Bench) -> Group:
    """A group that could not be measured says so in its row; the others go on."""
    try:
        return GROUPS[name](bench)
    except (OSError, RuntimeError, subprocess.SubprocessError) as error:
        return Group(name, "could not be measured", (Figure(name, None, "", f"{type(error).__name__}: {error}"),))


if __name__ == "__main__":
    main()
