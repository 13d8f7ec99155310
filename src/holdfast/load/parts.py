"""A worker's part of a job: what the master hands to it, and what the worker makes of that on its own machine.

A part holds no file and no password, only where each file lies in the workspace and the hash of what is in it. A worker
has a copy of its own; where that differs, it refuses.
"""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from holdfast.errors import Problem, raise_input_error
from holdfast.load.arrivals import Stripe, least_count
from holdfast.load.job import Job, OpenLoad

_LAST_SECONDS: Final = 1.0
_OF_LOAD: Final = ("url", "outbox_url", "adapter", "accounts", "marker", "tls")
"""What a worker needs of the target, no more."""


def part_of(job: Mapping[str, Any], index: int, of: int) -> dict[str, Any]:
    """Of worker `index` of `of`: its stripe of the arrivals, its share of the accounts, no secret it has no use for."""
    first, count = int(job["accounts"]["first"]), int(job["accounts"]["count"])
    begin, end = count * index // of, count * (index + 1) // of
    root = Path(job["workspace"])
    target = {key: job["target"].get(key) for key in _OF_LOAD}
    if "file" in (target["accounts"] or {}):
        target["accounts"] = {**target["accounts"], "file": _file(Path(target["accounts"]["file"]), root)}
    ca_file = (target["tls"] or {}).get("ca_file")
    if ca_file:
        target["tls"] = {**target["tls"], "ca_file": _file(root / ca_file, root)}
    return {
        "seed": job["seed"],
        "duration": job["duration"],
        "drain": job.get("drain", 10.0),
        "load": job["load"],
        "target": target,
        "scenarios": {name: _file(Path(path), root) for name, path in job["scenarios"].items()},
        "adapter": _file(root / job["target"]["adapter"], root) if job["target"].get("adapter") else None,
        "accounts": {"first": first + begin, "count": end - begin},
        "stripe": {"index": index, "of": of},
    }


def least_due(job: Mapping[str, Any], of: int) -> list[int]:
    """How many arrivals are in each worker's part at the least: virtual users come on top, and the last second's.

    In the last second a worker whose clock is some milliseconds off may be told to end before it is done.
    """
    whole = Job.of(job)
    counts = [
        least_count(load.stages, load.seed, load.spacing, whole.duration - load.start - _LAST_SECONDS)
        for load in whole.loads
        if isinstance(load, OpenLoad)
    ]
    return [sum(Stripe(index, of).share(count) for count in counts) for index in range(of)]


def own_job(part: Mapping[str, Any], root: Path, anchor: float) -> dict[str, Any]:
    """The job with this machine's paths and clock. Raises InputError with every file that is not the run's."""
    problems: list[Problem] = []

    def path_of(file: Mapping[str, str]) -> str:
        path = root / file["path"]
        try:
            same = _hash(path) == file["sha256"]
        except OSError as error:
            problems.append(Problem(str(path), f"a worker cannot read it: {error}", "give it the run's workspace"))
        else:
            if not same:
                what = "a worker's differs from the run's"
                problems.append(Problem(str(path), what, "give every worker the workspace of the run"))
        return str(path)

    scenarios = {name: path_of(file) for name, file in part["scenarios"].items()}
    adapter = path_of(part["adapter"]) if part["adapter"] else None
    accounts = dict(part["target"]["accounts"] or {})
    if "file" in accounts:
        accounts["file"] = path_of(accounts["file"])
    tls = dict(part["target"]["tls"] or {})
    if tls.get("ca_file"):
        tls["ca_file"] = path_of(tls["ca_file"])
    raise_input_error(problems)
    return {
        **part,
        "anchor": anchor,
        "run_db": "",
        "workspace": str(root),
        "scenarios": scenarios,
        "target": {**part["target"], "adapter": adapter, "accounts": accounts, "tls": tls},
    }


def seats_of(needs: Sequence[int]) -> int:
    """How many Locust users to spawn so that each worker has what it needs: Locust gives every worker the same.

    `needs`: the visitors of each worker's job. Those beyond a worker's need stay parked; its loads' own limits hold.
    """
    return max(needs) * len(needs)


def _file(path: Path, root: Path) -> dict[str, str]:
    """A file that a worker must have too. Its path is relative to the workspace; as it is when it lies elsewhere."""
    whole = path.resolve()
    inside = whole.relative_to(root.resolve()) if whole.is_relative_to(root.resolve()) else whole
    return {"path": str(inside), "sha256": _hash(path)}


def _hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
