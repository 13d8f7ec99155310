"""How a process of ours begins and ends: the signals that it hears whatever was inherited, and what a crash leaves.

A shell that starts a command in the background of a script has it ignore SIGINT; a daemon's child may find SIGTERM
blocked or SIGCHLD ignored. None of that is meant for us: a process that cannot be ended is worse than one that ends.
"""

import errno
import os
import platform
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Final

from holdfast import __version__
from holdfast.errors import ExitCode

Handler = Callable[[int, FrameType | None], object]

_ENDING: Final = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)  # not every system has SIGHUP
_WORKSPACE_FILE: Final = "holdfast.yaml"
_STATE_FOLDER: Final = ".holdfast"


def ending_signals() -> tuple[signal.Signals, ...]:
    """The signals that ask a process to end: SIGINT, SIGTERM and SIGHUP.

    SIGHUP is left out where it was ignored when we were started: that is what `nohup` does, and it is meant.
    """
    return tuple(number for number in _ENDING if number != getattr(signal, "SIGHUP", None) or not _is_ignored(number))


def undo_inherited() -> None:
    """First thing in a process: no ending signal is ignored or blocked any more, and children's exit codes are kept."""
    endings = ending_signals()
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, endings)
    for number in endings:
        if _is_ignored(number):
            signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
    if hasattr(signal, "SIGCHLD"):  # ignored, the kernel throws the exit codes of our children away
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)


@contextmanager
def hearing(handler: Handler) -> Iterator[None]:
    """Every ending signal calls `handler` while the context is open. In the main thread."""
    before = {number: signal.signal(number, handler) for number in ending_signals()}
    try:
        yield
    finally:
        for number, handler_before in before.items():
            signal.signal(number, handler_before)


def hear_endings() -> None:
    """From now on every ending signal raises KeyboardInterrupt in the main thread."""
    undo_inherited()
    for number in ending_signals():
        signal.signal(number, signal.default_int_handler)


REFUSALS: Final = {
    errno.EACCES: "check its rights",
    errno.EPERM: "check its rights",
    errno.EROFS: "it is on a read-only file system: work in a folder that can be written",
    errno.ENOSPC: "make room on its file system",
    errno.EDQUOT: "make room within the quota",
    errno.EFBIG: "raise the limit on the size of a file (ulimit -f)",
    errno.EMFILE: "raise the limit on open files (ulimit -n)",
    errno.ENFILE: "the machine has too many open files",
    errno.EAGAIN: "raise the limit on processes (ulimit -u)",
    errno.ENOTDIR: "a part of its path is a file",
    errno.EISDIR: "name a file",
    errno.ENAMETOOLONG: "choose a shorter name",
    errno.ELOOP: "a symbolic link leads back to itself",
    errno.EIO: "the disk does not read or write it",
}
"""What a machine refuses, by errno, and what to do about it."""


def is_refusal(error: BaseException) -> bool:
    """Whether the machine said no (rights, space, limits): not our bug, and not the target's doing."""
    return isinstance(error, OSError) and error.errno in REFUSALS


def guarded(main: Callable[[], int]) -> int:
    """`main`'s exit code; 70 with one message, and the traceback in a log, when it raises what nobody foresaw."""
    try:
        return main()
    except KeyboardInterrupt:
        return int(ExitCode.INTERRUPTED)
    except Exception as error:  # noqa: BLE001 - the last place that can say what happened
        print_safely(crash_message(error))
        return int(ExitCode.HOLDFAST_FAILED)


def crash_message(error: BaseException) -> str:
    """What the person reads of a crash; its traceback goes into a log. Raises nothing, whatever is short just now."""
    try:
        from holdfast.redaction import Redactor, secrets_of  # seldom needed, and not light

        redactor = Redactor(*secrets_of(os.environ))
        head = f"holdfast itself failed ({redactor.redact(_line_of(error))})"
        text = redactor.redact(_crash_text(error))
        path = write_crash_log(text, crash_folders())
        if path is None:
            return f"{head}, and no log of it could be written:\n{text}"
        return f"{head}: this is a bug, or the machine lacks something\n    the traceback is in {path}"  # noqa: TRY300
    except Exception:  # noqa: BLE001 - no memory to say more
        return "holdfast itself failed, and could not write why"


def write_crash_log(text: str, folders: Iterable[Path]) -> Path | None:
    """Into the first folder that takes it, mode 0600; None when none does."""
    name = f"crash-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}-{os.getpid()}.log"
    for folder in folders:
        path = folder / name
        try:
            folder.mkdir(mode=0o775, parents=True, exist_ok=True)  # no stranger writes there, whatever the umask
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
            with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as file:
                file.write(text)
        except OSError:
            continue
        return path
    return None


def crash_folders() -> Iterator[Path]:
    """The state folder of the workspace we stand in, else the folder for temporary files."""
    try:
        here = Path.cwd()
    except OSError:  # it was deleted
        here = None
    for folder in () if here is None else (here, *here.parents):
        if (folder / _WORKSPACE_FILE).is_file():
            yield folder / _STATE_FOLDER
            break
    try:
        yield Path(tempfile.gettempdir())
    except OSError:  # none can be written
        return


def print_safely(text: str) -> None:
    """On stderr, whatever became of it."""
    try:
        sys.stderr.write(f"{text}\n")
        sys.stderr.flush()
    except Exception:  # noqa: BLE001 - closed, full, or never there: nobody is left to be told
        return


def _is_ignored(number: signal.Signals) -> bool:
    return signal.getsignal(number) is signal.SIG_IGN


def _crash_text(error: BaseException) -> str:
    where = f"holdfast {__version__}, Python {platform.python_version()}, {platform.platform()}"
    return f"{where}\n{' '.join(sys.argv)}\n\n{''.join(traceback.format_exception(error))}"


def _line_of(error: BaseException) -> str:
    said = str(error).strip().splitlines()
    return f"{type(error).__name__}: {said[0][:200]}" if said else type(error).__name__
