"""A run folder: `runs/<time>-<plan>/` with run.json, run.db, summary.json, reports, evidence/ and logs/.

It and all in it are their owner's alone: what a visitor sent and saw may be in there.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from holdfast.errors import Problem, RunFolderError
from holdfast.private import make_folder, write_whole
from holdfast.process import REFUSALS


@dataclass(frozen=True, slots=True)
class RunFolder:
    """Paths of one run."""

    path: Path

    @property
    def database(self) -> Path:
        return self.path / "run.db"

    @property
    def facts(self) -> Path:
        return self.path / "run.json"

    @property
    def evidence(self) -> Path:
        return self.path / "evidence"

    @property
    def logs(self) -> Path:
        return self.path / "logs"

    @property
    def undo_log(self) -> Path:
        return self.path / "undo.jsonl"


def create_run_folder(runs: Path, plan: str, now: float) -> RunFolder:
    """A new one, named by its start in UTC; numbered when two start in the same second."""
    stamp = datetime.fromtimestamp(now, UTC).strftime("%Y%m%dT%H%M%SZ")
    for attempt in range(100):
        suffix = f"-{attempt + 1}" if attempt else ""
        path = runs / f"{stamp}-{plan}{suffix}"
        try:
            make_folder(path)
            folder = RunFolder(path)
            make_folder(folder.evidence)
            make_folder(folder.logs)
        except FileExistsError:
            if path.is_dir():
                continue
            what = f"cannot be made: {runs} is no folder"
            raise RunFolderError(Problem(str(path), what, "move away what lies there")) from None
        except OSError as error:
            fix = REFUSALS.get(error.errno or 0, "check the folder's rights")
            raise RunFolderError(Problem(str(path), f"cannot be made: {error.strerror}", fix)) from error
        return folder
    raise RunFolderError(Problem(str(runs), "a hundred runs began in this second"))


def open_run_folder(path: Path, runs: Path) -> RunFolder:
    """By path, by name under `runs`, or "last". Raises RunFolderError."""
    if str(path) == "last":
        found = sorted(p for p in runs.glob("*/run.json")) if runs.is_dir() else []
        if not found:
            raise RunFolderError(
                Problem(str(runs), "no run was recorded here yet", "run a plan first: `holdfast demo`")
            )
        return RunFolder(found[-1].parent)
    for candidate in (path, runs / path):
        if (candidate / "run.json").is_file():
            return RunFolder(candidate)
    raise RunFolderError(
        Problem(str(path), "is not a run folder (it has no run.json)", f"name one under {runs}/, or `last`")
    )


def write_facts(folder: RunFolder, facts: Mapping[str, object]) -> None:
    """run.json, whole or not at all."""
    write_whole(folder.facts, json.dumps(dict(facts), indent=1) + "\n")


def read_facts(folder: RunFolder) -> dict[str, object]:
    try:
        facts = json.loads(folder.facts.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RunFolderError(Problem(str(folder.facts), f"cannot be read: {error}")) from error
    if not isinstance(facts, dict):
        raise RunFolderError(Problem(str(folder.facts), "is not a JSON object"))
    return facts
