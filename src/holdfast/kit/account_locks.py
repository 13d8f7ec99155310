"""Which accounts other processes of a workspace are using: two walks with one account disturb each other.

    <state folder>/lent-accounts    mode 0600, empty: an account is a byte of it, locked while it is lent

The kernel frees the locks of a process that ends, in whatever way. They hold between processes alone: within one, a
pool lends an account once.
"""

import fcntl
import hashlib
import os
from pathlib import Path
from typing import Final

from holdfast.kit.accounts import Account
from holdfast.private import make_above

FILE_NAME: Final = "lent-accounts"


class AccountLocks:
    """Of the accounts of the target at the address `target`. Where the file cannot be used, every account is free."""

    def __init__(self, state_folder: Path, target: str) -> None:
        self._target = target
        self._file: int | None = None
        path = state_folder / FILE_NAME
        try:
            make_above(path)
            # One descriptor for the process's life: closing any other of the same file would free all its locks.
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except OSError:
            return

    def take(self, account: Account) -> bool:
        """False when another process has it."""
        if self._file is None:
            return True
        try:
            fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, self._place_of(account))
        except (BlockingIOError, PermissionError):  # as POSIX has it, either
            return False
        except OSError:
            return True  # a file system without locks
        return True

    def free(self, account: Account) -> None:
        if self._file is not None:
            try:
                fcntl.lockf(self._file, fcntl.LOCK_UN, 1, self._place_of(account))
            except OSError:
                return

    def close(self) -> None:
        """Frees all."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _place_of(self, account: Account) -> int:
        name = f"{self._target}\n{account.email}".encode()
        return int.from_bytes(hashlib.blake2b(name, digest_size=7).digest())
