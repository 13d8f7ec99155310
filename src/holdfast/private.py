"""Files and folders that only their owner reads: a record of a run says more than its reports do."""

import os
from contextlib import suppress
from pathlib import Path
from typing import Final

FOLDER: Final = 0o700
FILE: Final = 0o600
_ABOVE: Final = 0o775  # of a folder above, which a group may share: strangers could put another in its place
UMASK: Final = 0o077
"""For a process whose every file is private."""


def make_folder(path: Path, *, exist_ok: bool = False) -> None:
    """One that is new is its owner's alone; those above it, if they are missing, are made as usual, but no
    stranger may write there. Raises OSError."""
    make_above(path)
    path.mkdir(mode=FOLDER, exist_ok=exist_ok)


def make_above(path: Path) -> None:
    """The folders above it that are missing: no stranger writes there, whatever the umask. Raises OSError."""
    for folder in reversed(path.parents):
        if not folder.exists():
            folder.mkdir(mode=_ABOVE, exist_ok=True)


def make_file(path: Path) -> None:
    """An empty one, whatever the umask. Raises FileExistsError when it is there."""
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE))


def write_text(path: Path, text: str) -> None:
    """Write it anew, in UTF-8. One that others could read before is its owner's alone afterwards. Raises OSError."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, FILE)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        os.fchmod(descriptor, FILE)
        file.write(text)


def write_whole(path: Path, text: str) -> None:
    """The same, beside and renamed: a file that is there is whole. Raises OSError, and leaves nothing then."""
    beside = path.with_name(f".{path.name}.new")
    try:
        write_text(beside, text)
        beside.replace(path)
    except OSError:
        with suppress(OSError):
            beside.unlink()
        raise
