"""What an action or probe must know: the target, the undo log, the record. Never in experiment files.

In a run the child writes it to a file of mode 0600 (it holds tokens), named in HOLDFAST_CHAOS_CONTEXT.
Under a plain `chaos run` the target is the stack that `holdfast stack up` started in this workspace.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final

from holdfast.chaos import undo
from holdfast.errors import InputError, Problem, TargetError
from holdfast.workspace.target import Connection
from holdfast.workspace.tls import Tls

VARIABLE: Final = "HOLDFAST_CHAOS_CONTEXT"
HOLD_VARIABLE: Final = "HOLDFAST_HOLD"  # seconds; experiments read it in their configuration
_STACK_STATE: Final = Path(".holdfast") / "stack" / "stack.json"
_STANDALONE_SECONDS: Final = 300.0  # of a fault's lease when no `max_duration` is known


@dataclass(frozen=True, slots=True)
class Context:
    """`folder` is the child's own: files in it say that our control is loaded, and that the experiment must stop."""

    target: Connection
    undo_log: Path
    experiment: str
    max_duration: float = _STANDALONE_SECONDS
    anchor: float | None = None
    run_db: Path | None = None
    folder: Path | None = None

    @property
    def stopping(self) -> bool:
        return self.folder is not None and stop_file(self.folder).exists()

    @property
    def tokens(self) -> dict[str, str]:
        """Tokens by the address they are for, as an undo wants them."""
        return tokens_of(self.target)


def tokens_of(connection: Connection) -> dict[str, str]:
    """Those of the supervisor and the fault proxy, by the address they are for."""
    pairs = ((connection.control_url, connection.control_token), (connection.proxy_url, connection.proxy_token))
    return {url: token for url, token in pairs if url is not None and token}


def control_file(folder: Path) -> Path:
    """There once Chaos Toolkit has really loaded our control."""
    return folder / "control-loaded"


def stop_file(folder: Path) -> Path:
    """There once the experiment is to end: no fault is put in any more, and a hold returns."""
    return folder / "stop"


def reverted_file(folder: Path) -> Path:
    """There once the experiment has taken its own faults out: from then on none of them is missed."""
    return folder / "reverted"


def write_context(context: Context) -> Path:
    """Into its folder, mode 0600."""
    if context.folder is None:
        raise ValueError("a context without a folder cannot be written")
    path = context.folder / "context.json"
    content = {
        "target": context.target.as_json(),
        "undo_log": str(context.undo_log),
        "experiment": context.experiment,
        "max_duration": context.max_duration,
        "anchor": context.anchor,
        "run_db": None if context.run_db is None else str(context.run_db),
    }
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        json.dump(content, file)
    return path


def load_context(environment: Mapping[str, str], start: Path | None = None) -> Context:
    """The run's, or that of the stack standing in the workspace at or above `start` (the current folder, if None).

    Raises InputError, TargetError.
    """
    named = environment.get(VARIABLE)
    return _of_run(Path(named)) if named else _of_workspace(start or Path.cwd())


def connection_from(facts: Mapping[str, Any]) -> Connection:
    """From a job's `target`; keys that this holdfast does not know are left out."""
    known = {field.name for field in fields(Connection)}
    read: dict[str, Any] = {name: value for name, value in facts.items() if name in known}
    return Connection(**read | {"tls": Tls(**facts.get("tls", {}))})


def _of_run(path: Path) -> Context:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return Context(
            target=connection_from(content["target"]),
            undo_log=Path(content["undo_log"]),
            experiment=content["experiment"],
            max_duration=content["max_duration"],
            anchor=content["anchor"],
            run_db=None if content["run_db"] is None else Path(content["run_db"]),
            folder=path.parent,
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(Problem(str(path), f"{VARIABLE} names no context of a run: {error}", "unset it")) from None


def _of_workspace(start: Path) -> Context:
    root = next((folder for folder in (start, *start.parents) if (folder / _STACK_STATE).is_file()), None)
    if root is None:
        raise TargetError(
            Problem(str(start), "no stack stands in this workspace", "start one with `holdfast stack up`")
        )
    state_file = root / _STACK_STATE
    try:
        state = json.loads(state_file.read_text(encoding="utf-8"))
        target = connection_from({**state, "name": "reference", "state_file": str(state_file)})
    except (OSError, ValueError, TypeError) as error:
        raise TargetError(
            Problem(str(state_file), f"cannot be read: {error}", "stop the stack and start it again")
        ) from None
    return Context(target, root / ".holdfast" / undo.FILE_NAME, "outside a run")
