"""The write-ahead undo log: how to take a fault out is on disk, synced, before the fault is put in.

JSON lines, appended only. An entry, and later that it is done:

    {"id": "5f0c…", "at": 1789.2, "experiment": "replica_kill", "undo": {"kind": "start_process", "arguments": {…}}}
    {"done": "5f0c…", "at": 1809.3, "outcome": "undone"}

Whoever finds an open entry takes its fault out: the child itself, the runner after the child died, `holdfast recover`
after both did. An undo may be repeated. A last line torn by a kill is no entry: its fault was never put in. Whoever
appends next ends it with `TORN`, so that it is not taken for damage: any other line that cannot be read may have been
a fault that is still in, and is reported as an undo that failed.
A log that is removed meanwhile loses nothing while the process lives that put the fault in.
The control token is never in the log; it is read from the stack's state file when it is needed.
"""

import fcntl
import json
import logging
import os
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from holdfast.chaos.repair import REPAIRS, Gone, Tokens
from holdfast.errors import HoldfastError
from holdfast.private import make_folder

FILE_NAME: Final = "undo.jsonl"
UNDONE: Final = "undone"
GONE: Final = "gone"  # what the fault was in has ended, and the fault with it: nothing is left in
FAILED: Final = "failed"
TORN: Final = "(torn)"
UNREADABLE: Final = "unreadable"  # the kind of undo of a line that cannot be read

LOCK_SECONDS: Final = 10.0

_ANNOUNCED: Final[dict[Path, dict[str, "Entry"]]] = {}
"""What this process announced and has not seen out: a log that somebody removes takes no fault out with it."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Undo:
    """How to take one fault out. `kind` is one of `repair.REPAIRS`."""

    kind: str
    arguments: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Entry:
    """One fault that was announced. `at`: seconds since the epoch."""

    id: str
    at: float
    experiment: str
    undo: Undo


@dataclass(frozen=True, slots=True)
class UndoResult:
    """What came of one undo. `outcome`: undone, gone or failed; `detail` says it to a person."""

    entry: Entry
    outcome: str
    detail: str

    @property
    def undone(self) -> bool:
        """Whether nothing of this fault is left in."""
        return self.outcome != FAILED

    @property
    def text(self) -> str:
        """For a person: "replica_kill: account-1 is running"; of a line that cannot be read only what is wrong."""
        return f"{self.entry.experiment}: {self.detail}" if self.entry.experiment else self.detail


def new_id() -> str:
    return uuid.uuid4().hex[:12]


def announce(path: Path, entry: Entry) -> None:
    """Append the entry and sync it to disk. Call it before the fault, under `locked`."""
    undo = {"kind": entry.undo.kind, "arguments": dict(entry.undo.arguments)}
    _append(path, {"id": entry.id, "at": entry.at, "experiment": entry.experiment, "undo": undo})
    _ANNOUNCED.setdefault(path, {})[entry.id] = entry


def open_entries(path: Path) -> list[Entry]:
    """The entries that are not done, oldest first; none when there is no log. Lines that are no entry do not count."""
    return _read(path)[0]


def damaged_lines(path: Path) -> list[int]:
    """The numbers of the lines that cannot be read: each may have been a fault that is still in."""
    return _read(path)[1]


def entries_of(path: Path, experiment: str) -> list[tuple[Entry, bool]]:
    """Every fault that this experiment announced, oldest first, and whether it is still open."""
    still_open = {entry.id: entry for entry in open_entries(path)}
    found: dict[str, Entry] = {}
    for line in map(_parsed, _lines(path)):
        entry = None if line is None or "done" in line else _entry(line)
        if entry is not None and entry.experiment == experiment:
            found[entry.id] = entry
    found |= {entry.id: entry for entry in still_open.values() if entry.experiment == experiment}
    return [(entry, entry.id in still_open) for entry in found.values()]


def undo_all(
    path: Path,
    on_result: Callable[[UndoResult], None] | None = None,
    *,
    experiment: str | None = None,
    tokens: Tokens | None = None,
    now: Callable[[], float] = time.time,
) -> list[UndoResult]:
    """Take out every fault that is open (of one experiment, where named), newest first. May be repeated; never raises.

    `tokens`: control tokens by control URL, for who holds them; else they are read from the state files.
    An undo that failed stays open. A line that cannot be read is a failed result, whichever experiment is named: it
    may be that one's. Waits at most `LOCK_SECONDS` for an injection that is under way.
    """
    results: list[UndoResult] = []
    if not path.exists() and not _ANNOUNCED.get(path):
        return results
    with locked(path):
        entries, damaged = _read(path)
        for entry in reversed(entries):
            if experiment is not None and entry.experiment != experiment:
                continue
            result = _undo(entry, tokens or {})
            if result.undone:
                _note_done(path, result, now())
            results.append(result)
            if on_result is not None:
                on_result(result)
    for number in damaged:
        results.append(_unreadable(path, number))
        if on_result is not None:
            on_result(results[-1])
    return results


def recover(paths: Iterable[Path]) -> list[UndoResult]:
    """What killed runs left in, taken out. Each path is an undo log, or a folder with logs in it or one below."""
    results: list[UndoResult] = []
    for path in logs_in(paths):
        results += undo_all(path)
    return results


def logs_in(paths: Iterable[Path]) -> list[Path]:
    """The undo logs meant by these files and folders, each once, in order."""
    found: dict[Path, None] = {}
    for path in paths:
        if path.is_dir():
            found.update(dict.fromkeys([*sorted(path.glob(FILE_NAME)), *sorted(path.glob(f"*/{FILE_NAME}"))]))
        elif path.is_file():
            found[path] = None
    return list(found)


@contextmanager
def locked(path: Path, seconds: float = LOCK_SECONDS) -> Iterator[bool]:
    """One at a time among all processes and threads that inject or undo by this log, which is made if need be.

    Yields False when it was not free in time. An undo goes on all the same then: a fault that stays in is worse.
    The kernel frees the lock of a killed process.
    """
    make_folder(path.parent, exist_ok=True)
    is_new = not path.exists()
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        log.warning("%s cannot be written: %s", path, error)
        yield False
        return
    try:
        if is_new:
            _sync_folder(path.parent)
        yield _lock(handle, seconds)
    finally:
        os.close(handle)


def _lock(handle: int, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.02)
        else:
            return True


def _note_done(path: Path, result: UndoResult, now: float) -> None:
    _ANNOUNCED.get(path, {}).pop(result.entry.id, None)
    try:
        _append(path, {"done": result.entry.id, "at": now, "outcome": result.outcome})
    except OSError as error:  # it is undone all the same, and being undone once more does no harm
        log.warning("%s cannot be written: %s", path, error)


def _undo(entry: Entry, tokens: Tokens) -> UndoResult:
    repair = REPAIRS.get(entry.undo.kind)
    if repair is None:
        return UndoResult(entry, FAILED, f'this holdfast knows no undo "{entry.undo.kind}"')
    try:
        return UndoResult(entry, UNDONE, repair(entry.undo.arguments, tokens))
    except Gone as gone:
        return UndoResult(entry, GONE, str(gone))
    except HoldfastError as error:
        return UndoResult(entry, FAILED, "; ".join(problem.what for problem in error.problems))
    except Exception as error:  # noqa: BLE001 - one undo that breaks must not keep the others from being tried
        return UndoResult(entry, FAILED, f"{type(error).__name__}: {error}")


def _unreadable(path: Path, number: int) -> UndoResult:
    entry = Entry(f"line-{number}", 0.0, "", Undo(UNREADABLE))
    return UndoResult(entry, FAILED, f"line {number} of {path} cannot be read: look by hand")


def _append(path: Path, line: Mapping[str, object]) -> None:
    handle = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC)
    try:
        text = json.dumps(line, separators=(",", ":")) + "\n"
        last = _unended(handle)
        if last:  # else our line would be glued to it, and lost with it
            text = ("\n" if _parsed(last) is not None else f" {TORN}\n") + text
        os.write(handle, text.encode())
        os.fsync(handle)
    finally:
        os.close(handle)


def _unended(handle: int) -> str:
    """The last line, when no newline ends it; else ""."""
    content = os.pread(handle, os.fstat(handle).st_size, 0)
    return content.rpartition(b"\n")[2].decode("utf-8", "replace")


def _sync_folder(folder: Path) -> None:
    """A new file's name is safe only when its folder is."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _read(path: Path) -> tuple[list[Entry], list[int]]:
    """The entries that are not done, oldest first, and the numbers of the lines that cannot be read."""
    found: dict[str, Entry] = {}
    lost = dict(_ANNOUNCED.get(path, {}))
    damaged: list[int] = []
    lines = _lines(path)
    for number, text in enumerate(lines, 1):
        line = _parsed(text)
        entry = None if line is None else _entry(line)
        if line is not None and "done" in line:
            found.pop(str(line["done"]), None)
            lost.pop(str(line["done"]), None)
        elif entry is not None:
            found[entry.id] = entry
        elif number < len(lines) and text.strip() and not text.endswith(TORN):
            damaged.append(number)
    return list((found | lost).values()), damaged


def _lines(path: Path) -> list[str]:
    try:
        return path.read_bytes().decode("utf-8", "replace").split("\n")
    except FileNotFoundError:
        return []


def _parsed(text: str) -> Mapping[str, object] | None:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _entry(line: Mapping[str, object]) -> Entry | None:
    undo, at = line.get("undo"), line.get("at")
    if not isinstance(undo, dict) or not isinstance(at, int | float) or "id" not in line:
        return None
    given = undo.get("arguments", {})
    if not isinstance(given, dict):
        return None
    arguments = {str(name): str(value) for name, value in given.items()}
    return Entry(str(line["id"]), float(at), str(line.get("experiment", "")), Undo(str(undo.get("kind")), arguments))
