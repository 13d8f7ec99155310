"""Folders for temporary files that go with their owner; and, should it be killed, at the next start of anything here.

The owner holds a lock in its folder for as long as it lives. The kernel frees it however the owner ends, so what is not
locked belongs to nobody: neither a pid that was given again nor a folder that is just being made can mislead.
"""

import fcntl
import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Final, Self

PREFIX: Final = "holdfast-"
_LOCK: Final = "owner.lock"
_UNFINISHED: Final = ".holdfast-new-"  # the name it bears until it is locked


class TemporaryFolder:
    """A new folder that only we may enter. `purpose`: a word for its name. Removed by `cleanup`, or as a context."""

    def __init__(self, purpose: str) -> None:
        made = Path(tempfile.mkdtemp(prefix=_UNFINISHED))  # mode 0700
        self._lock = os.open(made / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        with suppress(OSError):  # a file system without locks: then it is swept by nobody
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        self.path = made.rename(made.with_name(f"{PREFIX}{purpose}-{made.name.removeprefix(_UNFINISHED)}"))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.cleanup()

    def cleanup(self) -> None:
        """Idempotent."""
        shutil.rmtree(self.path, ignore_errors=True)
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1


def sweep(place: Path | None = None) -> list[Path]:
    """Remove the folders of owners that were killed, as far as they are ours. Returns those that are gone."""
    found = []
    for folder in sorted((place or Path(tempfile.gettempdir())).glob(f"{PREFIX}*")):
        if _is_abandoned(folder):
            shutil.rmtree(folder, ignore_errors=True)
            found.append(folder)
    return found


def _is_abandoned(folder: Path) -> bool:
    try:
        if folder.is_symlink() or folder.stat().st_uid != os.geteuid():
            return False
        lock = os.open(folder / _LOCK, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:  # no folder of this kind, or another user's
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    else:
        return True
    finally:
        os.close(lock)
