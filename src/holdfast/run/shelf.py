"""The runs of a workspace: what each is, and which may go. No link is followed; what is no run folder is not touched.

judged    it has a summary
running   its process lives
ended     it was cut off before its verdict (killed, or the disk was full); `holdfast report` judges what is there
broken    a folder of a run that nothing can be read from
"""

import json
import re
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Literal

from holdfast.chaos.undo import damaged_lines, open_entries
from holdfast.errors import Problem
from holdfast.run.folder import RunFolder
from holdfast.run.living import FILE_NAME as LOCK
from holdfast.run.living import runner_of
from holdfast.run.summary import FILE_NAME

State = Literal["judged", "running", "ended", "broken"]
_STAMP: Final = re.compile(r"([0-9]{8}T[0-9]{6}Z)-(.+)")
_FRESH: Final = 120.0  # seconds without a word in its record, after which an unsealed run is not taken for a living one


@dataclass(frozen=True, slots=True)
class Kept:
    """A run folder. `started`: seconds since the epoch. `stays`: why it must not be removed; empty if it may.

    `asked`: what its verdict is said of, the first there was of objectives, walks (or experiments) and load.
    """

    name: str
    path: Path
    state: State
    started: float
    plan: str
    verdict: str | None
    exit_code: int | None
    why: str
    size: int
    stays: str = ""
    asked: Literal["objectives", "walks", "load"] = "objectives"


def runs_in(folder: Path, now: float) -> list[Kept]:
    """Those of a folder of runs, the newest first; none where the folder is not there."""
    found = [_kept(path, now) for path in _folders(folder)]
    return sorted(found, key=lambda one: (one.started, one.name), reverse=True)


def surplus(runs: Sequence[Kept], keep: int) -> tuple[list[Kept], list[Kept]]:
    """(what goes, what stays although it is beyond) of all but the newest `keep`; each the oldest first."""
    beyond = list(reversed(runs[keep:]))
    return [one for one in beyond if not one.stays], [one for one in beyond if one.stays]


def remove(runs: Iterable[Kept]) -> list[Problem]:
    """Remove them, links in them as links. Returns what could not be removed."""
    problems = []
    for one in runs:
        try:
            if one.path.is_symlink():
                raise OSError(f"{one.path} has become a link")  # noqa: TRY301 - the same message for all
            shutil.rmtree(one.path)
        except OSError as error:
            what = f"cannot be removed: {error.strerror or error}"
            problems.append(Problem(str(one.path), what, "check the folder's rights, and remove it by hand"))
    return problems


def _folders(folder: Path) -> list[Path]:
    try:
        entries = sorted(folder.iterdir())
    except OSError:
        return []
    return [path for path in entries if path.is_dir() and not path.is_symlink() and _is_run(path)]


def _is_run(path: Path) -> bool:
    """It holds a record or what was asked; or it has a run's name, and nothing in it but what a run makes first."""
    if (path / "run.json").is_file() or (path / "run.db").is_file():
        return True
    try:
        inside = {entry.name for entry in path.iterdir()}
    except OSError:
        return False
    return _STAMP.fullmatch(path.name) is not None and inside <= {"evidence", "logs", "run.new", "undo.jsonl", LOCK}


def _kept(path: Path, now: float) -> Kept:
    folder = RunFolder(path)
    asked, unread = _document(folder.facts)
    summary, unjudged = _document(path / FILE_NAME)
    started, plan = _named(path)
    created = asked.get("created")
    started = float(created) if isinstance(created, (int, float)) and not isinstance(created, bool) else started
    plan = str(asked.get("plan") or plan)
    size = _size(path)
    if runner_of(path) is not None:
        return Kept(path.name, path, "running", started, plan, None, None, "it is on", size, "it is on")
    if not summary and (path / LOCK).exists() and now - _last_word(folder) < _FRESH:
        why = "its record grew within the last 2 min"  # where locks do not work; or it was killed just now
        return Kept(path.name, path, "running", started, plan, None, None, why, size, why)
    stays = _holds_back(folder)
    if summary:
        verdict, code = summary.get("verdict"), summary.get("exit_code")
        return Kept(
            path.name, path, "judged", started, plan, str(verdict) if verdict is not None else None,
            code if isinstance(code, int) else None, str(summary.get("headline") or ""), size, stays, _asked(summary),
        )  # fmt: skip
    if asked and folder.database.is_file():
        why = unjudged or f"it was cut off before its verdict: `holdfast report {path.name}` judges what is there"
        return Kept(path.name, path, "ended", started, plan, None, None, why, size, stays)
    why = unread or ("it ended before anything was recorded" if asked else "run.json is missing")
    return Kept(path.name, path, "broken", started, plan, None, None, why, size, stays)


def _asked(summary: Mapping[str, Any]) -> Literal["objectives", "walks", "load"]:
    if summary.get("objectives"):
        return "objectives"
    return "walks" if summary.get("journeys") or summary.get("faults") else "load"


def _named(path: Path) -> tuple[float, str]:
    """When it started and of which plan, by its name; otherwise when it was changed last."""
    found = _STAMP.fullmatch(path.name)
    try:
        if found is not None:
            return datetime.strptime(found[1], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp(), found[2]
        return path.stat().st_mtime, path.name
    except (OSError, ValueError):
        return 0.0, path.name


def _document(path: Path) -> tuple[Mapping[str, Any], str]:
    """A JSON object and nothing; or nothing and why it cannot be read, if it is there."""
    try:
        found = json.loads(path.read_bytes())
    except FileNotFoundError:
        return {}, ""
    except (OSError, ValueError, RecursionError) as error:
        return {}, f"{path.name} cannot be read: {getattr(error, 'strerror', None) or 'it is damaged'}"
    return (found, "") if isinstance(found, dict) else ({}, f"{path.name} is not a JSON object")


def _holds_back(folder: RunFolder) -> str:
    """A fault whose way back is written there may still be in a target."""
    try:
        left, damaged = open_entries(folder.undo_log), damaged_lines(folder.undo_log)
    except OSError:
        return "its undo log cannot be read"
    if damaged:
        return f"line {damaged[0]} of its undo log cannot be read, and may be a fault that is still in a target"
    return "a fault of it may still be in a target: run `holdfast recover` first" if left else ""


def _last_word(folder: RunFolder) -> float:
    """When something was written last: the record grows once a second while a run is on."""
    beside = [folder.database, folder.database.with_name("run.db-wal"), folder.facts]
    return max((path.stat().st_mtime for path in beside if path.is_file()), default=0.0)


def _size(path: Path) -> int:
    """Bytes of the files in it; links are not followed."""
    found = 0
    for entry in path.rglob("*"):
        try:
            if not entry.is_symlink() and entry.is_file():
                found += entry.stat().st_size
        except OSError:
            continue
    return found
