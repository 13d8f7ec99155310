"""Whether a run is still going on: its runner holds a lock in the run folder for as long as it lives.

The kernel frees the lock of a killed process, so neither a pid that was given again nor a stale file can mislead.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

FILE_NAME: Final = "runner.pid"


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """The run in this folder goes on while the context is open. Raises OSError when the folder cannot be written."""
    path = folder / FILE_NAME
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        with suppress(OSError):  # a file system without locks: then nobody can tell
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.write(handle, f"{os.getpid()}\n".encode())
        yield
    finally:
        with suppress(OSError):
            path.unlink()
        os.close(handle)


def runner_of(folder: Path) -> int | None:
    """The pid of the living runner of this run; None when it ended, in whatever way. 0 when it is not known."""
    try:
        handle = os.open(folder / FILE_NAME, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        written = os.read(handle, 32).decode("ascii", "replace").strip()
        return int(written) if written.isascii() and written.isdigit() else 0
    except OSError:
        return None
    else:
        return None
    finally:
        os.close(handle)
