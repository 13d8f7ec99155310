"""The door to a reference stack: start it, find it, ask how it is, stop it."""

import contextlib
import dataclasses
import json
import os
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from holdfast.environment import for_our_python
from holdfast.errors import CleanUpError, Problem, TargetError
from holdfast.private import make_folder
from holdfast.reference.deaths import Death
from holdfast.reference.loopback import NoAnswerError, ask
from holdfast.reference.settings import StackSettings, read_settings
from holdfast.reference.state_folder import (
    LOG_FOLDER,
    STATE_FILE,
    StackState,
    clean_up_stale,
    is_alive,
    process_is_supervisor,
    read_state,
)

__all__ = ["STATE_FILE", "ProcessStatus", "StackStatus", "read_stack", "stack_status", "start_stack", "stop_stack"]

_SUPERVISOR_LOG: Final = "supervisor.log"
_START_SECONDS: Final = 75.0  # more than the supervisor allows itself
_STOP_SECONDS: Final = 15.0
_POLL_SECONDS: Final = 0.02
_LAST_WORDS: Final = 3000


@dataclass(frozen=True, slots=True)
class ProcessStatus:
    """One process of the stack. `state`: running, paused, restarting or stopped; `pid` None when there is none."""

    name: str
    kind: str
    pid: int | None
    state: str
    url: str
    restarts: int


@dataclass(frozen=True, slots=True)
class StackStatus:
    """What the supervisor says of its stack."""

    name: str
    url: str
    outbox_url: str
    proxy_url: str
    processes: tuple[ProcessStatus, ...]
    settings: StackSettings
    deaths: tuple[Death, ...] = ()
    """Of its processes, without those that experiments killed."""


def start_stack(settings: StackSettings, state_dir: Path, owner_pipe: bool = False) -> StackState:
    """Start a stack and wait until it serves, for a few seconds. It is detached: it outlives this process.

    With `owner_pipe` it stops by itself when this process ends, however it ends. Raises TargetError when one is running
    in `state_dir` already, or when it does not come up; then with the end of its log.
    """
    state_dir = state_dir.resolve()
    running = read_stack(state_dir)
    if running is not None:
        what = f"a stack is running here already (process {running.pid})"
        raise TargetError(Problem(str(state_dir), what, "Stop it first: holdfast stack down."))
    logs = state_dir / LOG_FOLDER
    make_folder(state_dir, exist_ok=True)
    make_folder(logs, exist_ok=True)
    arguments = [
        sys.executable, "-m", "holdfast.reference", "--state-dir", str(state_dir),
        "--settings", json.dumps(settings.as_json()), *(["--owner-pipe"] if owner_pipe else []),
    ]  # fmt: skip
    try:
        pid, pipe = _spawn(arguments, logs / _SUPERVISOR_LOG, owner_pipe)
    except OSError as error:
        raise TargetError(Problem("reference stack", f"cannot be started: {error}")) from error
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        state = read_state(state_dir)
        if state is not None and state.pid == pid:
            return dataclasses.replace(state, owner_pipe=pipe)
        if not is_alive(pid):
            break
        time.sleep(_POLL_SECONDS)
    else:
        _signal(pid, signal.SIGKILL)
    if pipe is not None:
        os.close(pipe)
    # When it did not come up, its logs stay.
    words = _last_words(logs / _SUPERVISOR_LOG)
    raise TargetError(Problem("reference stack", f"did not come up:\n{words}", f"Read the logs in {logs}."))


def read_stack(state_dir: Path) -> StackState | None:
    """The stack that runs from this folder; None when there is none. What a killed one left behind is removed."""
    state_dir = state_dir.resolve()
    state = read_state(state_dir)
    if state is None:
        return None
    if process_is_supervisor(state.pid):
        return state
    clean_up_stale(state_dir)
    return None


def stack_status(state: StackState) -> StackStatus:
    """Ask the supervisor. Raises TargetError when it does not answer."""
    try:
        answer = ask(f"{state.control_url}/status", token=state.control_token)
    except NoAnswerError as error:
        raise TargetError(Problem("reference stack", str(error), "Start it: holdfast stack up.")) from error
    return StackStatus(
        name=answer["name"],
        url=answer["url"],
        outbox_url=answer["outbox_url"],
        proxy_url=answer["proxy_url"],
        processes=tuple(ProcessStatus(**process) for process in answer["processes"]),
        settings=read_settings(answer["settings"]),
        deaths=tuple(Death(**death) for death in answer["deaths"]),
    )


def stop_stack(state: StackState) -> None:
    """Take the stack down and wait until nothing is left: no process, port or file. One that is gone is fine.

    Raises CleanUpError when the supervisor cannot be ended.
    """
    try:
        ask(f"{state.control_url}/stop", "POST", token=state.control_token)
    except NoAnswerError:
        _signal_supervisor(state.pid, signal.SIGTERM)
    if state.owner_pipe is not None:
        with contextlib.suppress(OSError):  # closed when it was stopped before
            os.close(state.owner_pipe)
    deadline = time.monotonic() + _STOP_SECONDS
    while is_alive(state.pid) and process_is_supervisor(state.pid):
        if time.monotonic() > deadline:
            _signal_supervisor(state.pid, signal.SIGKILL)
            time.sleep(1.0)
            if process_is_supervisor(state.pid):
                what = f"supervisor process {state.pid} cannot be ended"
                raise CleanUpError(Problem("reference stack", what, f"kill -9 {state.pid}"))
            break
        time.sleep(_POLL_SECONDS)
    if Path(state.state_dir).is_dir():
        clean_up_stale(Path(state.state_dir))


# Processes


def _spawn(arguments: list[str], log: Path, owner_pipe: bool) -> tuple[int, int | None]:
    """Start the supervisor in a session of its own; its pid, and the end of the pipe that holds it up."""
    reading, writing = os.pipe() if owner_pipe else (os.open(os.devnull, os.O_RDONLY), None)
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        actions = [
            (os.POSIX_SPAWN_DUP2, reading, 0),
            (os.POSIX_SPAWN_DUP2, output, 1),
            (os.POSIX_SPAWN_DUP2, output, 2),
        ]
        # Not subprocess.Popen: an object that nobody keeps would complain about the process it leaves running.
        pid = os.posix_spawn(arguments[0], arguments, for_our_python(os.environ), file_actions=actions, setsid=True)
    except OSError:
        if writing is not None:
            os.close(writing)
        raise
    finally:
        os.close(reading)
        os.close(output)
    return pid, writing


def _signal_supervisor(pid: int, number: signal.Signals) -> None:
    if process_is_supervisor(pid):
        _signal(pid, number)


def _signal(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def _last_words(log: Path) -> str:
    try:
        return log.read_text(encoding="utf-8", errors="replace")[-_LAST_WORDS:].strip()
    except OSError:
        return "(no log)"
