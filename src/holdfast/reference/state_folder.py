"""What a stack leaves in its state folder: where it is reached, and what must go if it is killed.

The state file `<state_dir>/stack.json` is there as long as the stack serves. Mode 0600: it holds the tokens of the
supervisor and of the fault proxy.
"""

import dataclasses
import fcntl
import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from holdfast.errors import Problem, TargetError
from holdfast.reference.settings import StackSettings, read_settings

STATE_FILE: Final = "stack.json"
LOG_FOLDER: Final = "logs"
_SCRATCH_FILE: Final = "scratch.json"


@dataclass(frozen=True, slots=True)
class StackState:
    """A running stack: where to reach it. `pid` is the supervisor's; `started_at` in seconds since the epoch."""

    pid: int
    url: str
    outbox_url: str
    control_url: str
    control_token: str = field(repr=False)
    proxy_url: str
    proxy_token: str = field(repr=False)
    state_dir: str
    started_at: float
    settings: StackSettings
    owner_pipe: int | None = field(default=None, compare=False, repr=False)
    """Only in the process that started it with `owner_pipe`: the end that holds the stack up."""

    def as_json(self) -> dict[str, object]:
        """Without the owner pipe, which means nothing to other processes."""
        document = dataclasses.asdict(self)
        del document["owner_pipe"]
        return document


def write_state(state: StackState) -> None:
    """Write the state file, all at once."""
    _write_private(Path(state.state_dir) / STATE_FILE, state.as_json())


def write_scratch(state_dir: Path, scratch: Path) -> None:
    """Note, before anything is put there, what would have to be removed if we were killed."""
    _write_private(state_dir / _SCRATCH_FILE, {"pid": os.getpid(), "scratch": str(scratch)})


def read_scratch(state_dir: Path) -> tuple[int | None, Path | None]:
    """The supervisor's pid and its scratch folder, as noted by `write_scratch`."""
    document = _read_json(state_dir / _SCRATCH_FILE)
    if document is None:
        return None, None
    return int(document["pid"]), Path(document["scratch"])


def remove_state(state_dir: Path) -> None:
    for name in (STATE_FILE, _SCRATCH_FILE):
        (state_dir / name).unlink(missing_ok=True)


def read_state(state_dir: Path) -> StackState | None:
    """None when no stack stands there. Raises TargetError for one of another version."""
    document = _read_json(state_dir / STATE_FILE)
    if document is None:
        return None
    try:
        return StackState(**{**document, "settings": read_settings(document["settings"])})
    except (TypeError, KeyError):
        what = "was written by another version of holdfast, whose stack this one cannot use"
        fix = f"stop that stack (kill {document.get('pid', 'its supervisor')}), and remove the file"
        raise TargetError(Problem(str(state_dir / STATE_FILE), what, fix)) from None


def _read_json(path: Path) -> Mapping[str, Any] | None:
    try:
        document: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return document


def _write_private(path: Path, document: Mapping[str, object]) -> None:
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(document, file, indent=2)
    fresh.replace(path)


def clean_up_stale(state_dir: Path) -> None:
    """Remove what a supervisor that was killed left in a state folder and beside it. Its processes died with it.

    Raises TargetError when the stack is alive.
    """
    pid, scratch = read_scratch(state_dir)
    if pid is not None and process_is_supervisor(pid):
        what = f"a stack is running here already (process {pid})"
        raise TargetError(Problem(str(state_dir), what, "Stop it first: holdfast stack down."))
    if scratch is not None:
        from holdfast.reference.stores import remove_scratch  # seldom needed, and not light

        remove_scratch(scratch)
    remove_state(state_dir)


def remove_abandoned(state_dir: Path) -> bool:
    """Remove the whole folder, logs included, of a supervisor that was killed. False when one holds it, or it is no
    folder of ours. Raises OSError."""
    folder = os.open(state_dir, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        clean_up_stale(state_dir)
        shutil.rmtree(state_dir / LOG_FOLDER, ignore_errors=True)
        state_dir.rmdir()  # not when it holds somebody else's files
    except (BlockingIOError, TargetError):
        return False
    finally:
        os.close(folder)
    return True


def process_is_supervisor(pid: int) -> bool:
    """True when this process lives and is a supervisor: pids are given again."""
    if not is_alive(pid):
        return False
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return not Path("/proc/self").exists()  # no such file system here: believe the pid
    return b"holdfast.reference" in command


def is_alive(pid: int) -> bool:
    """False for a child of ours that ended, too: it is reaped here."""
    try:
        if os.waitpid(pid, os.WNOHANG)[0] == pid:
            return False
    except ChildProcessError:
        pass  # not a child of ours
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
