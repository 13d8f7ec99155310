"""What killed processes left on this machine: swept when something starts, and by `holdfast recover`.

    folders for temporary files      a chaos child's context with its token, a browser's profile
    .holdfast/stack-<run>            logs and data of a stack that a run had started for itself

Nothing that belongs to a living process is touched: each holds a lock that the kernel frees with it.
"""

import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from holdfast.reference import remove_abandoned
from holdfast.run.living import runner_of
from holdfast.temporary import sweep
from holdfast.workspace.workspace import Workspace

_STACKS: Final = "stack-*"
_START_SECONDS: Final = 120.0
"""A stack that is being started has a folder before anything holds a lock in it."""


def sweep_leftovers(workspace: Workspace) -> list[Path]:
    """Remove them. Returns the folders that are gone; raises nothing."""
    with suppress(OSError):
        return [*sweep(), *_swept_stacks(workspace)]
    return []


def _swept_stacks(workspace: Workspace) -> Iterator[Path]:
    for folder in sorted(workspace.state_folder.glob(_STACKS)):
        run = workspace.runs_folder / folder.name.removeprefix("stack-")
        with suppress(OSError):
            is_new = time.time() - folder.stat().st_mtime < _START_SECONDS and not run.is_dir()
            if runner_of(run) is None and not is_new and remove_abandoned(folder):
                yield folder
