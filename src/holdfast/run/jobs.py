"""What each child of a run is told to do: one job a child, with accounts that no other child holds.

In: a prepared plan and the way to its target. Out: module, files to import and job by child. A job
is a line of `holdfast.channel`; its keys are told in each child's own module.
"""

from dataclasses import asdict
from typing import Any, Final

from holdfast.clock import SystemClock
from holdfast.run.folder import RunFolder
from holdfast.run.holdings import holdings_of, walks_of
from holdfast.run.importing import Files, files_by_child
from holdfast.run.prepared import Prepared
from holdfast.run.search import SEARCHER
from holdfast.run.secrets import environment_of_authors
from holdfast.run.shares import Shares, shares_of
from holdfast.workspace.target import Connection

Job = dict[str, Any]

DRAIN_SECONDS: Final = 10.0  # how long visits in flight may take to end


def modules_of(prepared: Prepared) -> dict[str, str]:
    """The module to start for every child that the plan needs."""
    wanted = {
        "load": (prepared.load, "holdfast.load"),
        SEARCHER: (prepared.capacity, "holdfast.load"),
        "synthetics": (prepared.journeys, "holdfast.synthetics"),
        "chaos": (prepared.experiments, "holdfast.chaos"),
    }
    return {name: module for name, (asked, module) in wanted.items() if asked}


def environment_of(child: str, prepared: Prepared) -> dict[str, str]:
    """What a child sees of our environment; each of them runs files of authors."""
    root = prepared.workspace.root
    experiments = [root / experiment.path for experiment in prepared.experiments] if child == "chaos" else []
    return environment_of_authors(root, experiments)


def files_of(prepared: Prepared) -> Files:
    """The authors' Python files that each child will import."""
    files = files_by_child(prepared.scenarios, prepared.journeys, prepared.workspace.root)
    by_child = {**files, SEARCHER: files["load"]}
    return {name: by_child[name] for name in modules_of(prepared) if by_child.get(name)}


def jobs_of(prepared: Prepared, folder: RunFolder, connection: Connection, clock: SystemClock) -> dict[str, Job]:
    """The job of every child that the plan needs."""
    common: Job = {
        "anchor": clock.anchor,
        "run_db": str(folder.database),
        "run_folder": str(folder.path),
        "seed": prepared.plan.seed,
        "target": connection.as_json(),
        "workspace": str(prepared.workspace.root),
        "duration": prepared.plan.duration,
    }
    shares = _shares(prepared, connection)
    common["target"]["accounts"] = {**connection.accounts, "apart": asdict(shares.apart)}
    own = {
        "load": lambda: _load_job(prepared, shares),
        SEARCHER: lambda: _search_job(prepared, shares),
        "synthetics": lambda: _synthetics_job(prepared, shares),
        "chaos": lambda: _chaos_job(prepared, folder),
    }
    return {name: common | own[name]() for name in modules_of(prepared)}


def _load_job(prepared: Prepared, shares: Shares) -> Job:
    return {
        "load": [
            {"profile": dict(e.profile), "name": e.name, "scale": e.scale, "start": e.start, "end": e.end}
            for e in prepared.load
        ],
        "scenarios": {name: str(path) for name, path in prepared.scenarios.items()},
        "accounts": {"first": 0, "count": shares.load},
        "adaptive": False,
        "drain": DRAIN_SECONDS,
        **prepared.workers.as_job(),
    }


def _search_job(prepared: Prepared, shares: Shares) -> Job:
    profile = prepared.capacity_profile
    if profile is None:
        raise ValueError("a sizing question was prepared without its load profile")
    return {
        "load": [],
        "scenarios": {name: str(prepared.scenarios[name]) for name in profile.mix},
        "accounts": {"first": shares.load, "count": shares.search},
        "adaptive": True,
        "at_most": profile.visitors.at_most,
        "drain": DRAIN_SECONDS,
    }


def _synthetics_job(prepared: Prepared, shares: Shares) -> Job:
    root = prepared.workspace.root
    return {
        "journeys": [
            {"name": j.name, "path": str(root / j.path), "every": j.every, "budget": j.budget, "times": j.times}
            for j in prepared.journeys
        ],
        "browser": str(prepared.browser) if prepared.browser else None,
        "accounts": {"first": shares.load + shares.search, "count": shares.journeys},
    }


def _chaos_job(prepared: Prepared, folder: RunFolder) -> Job:
    root = prepared.workspace.root
    return {
        "experiments": [
            {"name": e.name, "path": str(root / e.path), "start": e.start, "end": e.end} for e in prepared.experiments
        ],
        "undo_log": str(folder.undo_log),
    }


def _shares(prepared: Prepared, connection: Connection) -> Shares:
    held = holdings_of(connection.accounts)
    return shares_of(held, walks_of(prepared), load=bool(prepared.load), search=prepared.capacity is not None)
