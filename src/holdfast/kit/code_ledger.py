"""The ledger of one-time codes that all processes of a workspace share: a server takes a code once, whoever sends it.

    <state folder>/used-codes    mode 0600: a header with a random key, then slots of 16 bytes: mark, step

A slot holds a keyed hash of an account's target and secret, and the number of the newest step whose code was given
out, and nothing else: a code that one server took is new to another. The file is locked for the microseconds that a
look and a note take; who finds it locked tries again, and never waits in the kernel, for a greenlet or a coroutine
would stop its whole process there. Where the file cannot be used at all, the process remembers for itself.
"""

import fcntl
import hashlib
import os
import secrets
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from holdfast.kit.totp import MARGIN_SECONDS, StepLedger
from holdfast.private import make_above

FILE_NAME: Final = "used-codes"
_MAGIC: Final = b"holdfast used codes 1\n"
_KEY_BYTES: Final = 16
_HEADER_BYTES: Final = 64
_SLOT: Final = struct.Struct("<QQ")  # mark, step; 0, 0: never used
_BUCKET: Final = 64  # slots that are looked through for one account
_BUCKETS: Final = 4096
_SIZE: Final = _HEADER_BYTES + _BUCKETS * _BUCKET * _SLOT.size  # 4 MiB, sparse: room for 100,000 accounts a minute
_FURTHEST: Final = 20  # steps ahead: what lies further was noted by a clock that was wrong
_PATIENCE_SECONDS: Final = 1.0  # whoever holds the lock for so long was stopped with it
_AGAIN_SECONDS: Final = 0.0005


def shared_ledger(state_folder: Path, target: str, margin: float | None = None) -> StepLedger:
    """The ledger in a workspace's state folder, for the target at the address `target`; makes the folder where it is
    missing. Returns one of this process alone where no file can be made. `margin`: seconds; None: MARGIN_SECONDS.
    """
    margin = MARGIN_SECONDS if margin is None else margin
    try:
        return CodeLedger(state_folder / FILE_NAME, target, margin)
    except OSError:
        return StepLedger(margin)


class CodeLedger(StepLedger):
    """The file at `path`; open as long as the process lives. `target`: the address of who takes the codes, of which the
    origin counts. Raises OSError when the file cannot be made or opened.
    """

    def __init__(self, path: Path, target: str, margin: float = MARGIN_SECONDS) -> None:
        super().__init__(margin)
        self._target = _origin_of(target)
        make_above(path)
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        with self._locked():
            self._key = _key_of(self._file)

    def close(self) -> None:
        os.close(self._file)

    def _claimed(self, secret: str, earliest: int) -> int:
        step = super()._claimed(secret, earliest)  # what this process knows stands, whatever becomes of the file
        with suppress(OSError), self._locked():
            self._last_step[secret] = step = self._noted(secret, step)
        return step

    def _noted(self, secret: str, step: int) -> int:
        """Look and note; the file is ours meanwhile."""
        mark = _mark_of(self._target, secret, self._key)
        start = _HEADER_BYTES + mark % _BUCKETS * _BUCKET * _SLOT.size
        slots = list(_SLOT.iter_unpack(os.pread(self._file, _BUCKET * _SLOT.size, start)))
        believed = [noted if noted < step + _FURTHEST else 0 for _, noted in slots]
        own = next((index for index, (whose, _) in enumerate(slots) if whose == mark), None)
        if own is None:  # the one that was used longest ago, or never
            own = believed.index(min(believed))
        else:
            step = max(step, believed[own] + 1)
        os.pwrite(self._file, _SLOT.pack(mark, step), start + own * _SLOT.size)
        return step

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Raises OSError when it cannot be had in time."""
        ends = time.monotonic() + _PATIENCE_SECONDS
        while True:
            try:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > ends:
                    raise
                time.sleep(_AGAIN_SECONDS)  # gevent's, where that is: others go on meanwhile
        try:
            yield
        finally:
            fcntl.flock(self._file, fcntl.LOCK_UN)


def _key_of(file: int) -> bytes:
    """From the header; a file that is none of ours or was cut off is begun anew."""
    header = os.pread(file, _HEADER_BYTES, 0)
    if os.fstat(file).st_size == _SIZE and header.startswith(_MAGIC):
        return header[len(_MAGIC) : len(_MAGIC) + _KEY_BYTES]
    key = secrets.token_bytes(_KEY_BYTES)
    os.fchmod(file, 0o600)
    os.ftruncate(file, 0)
    os.ftruncate(file, _SIZE)
    os.pwrite(file, (_MAGIC + key).ljust(_HEADER_BYTES, b"\0"), 0)
    return key


def _origin_of(address: str) -> str:
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}".lower()


def _mark_of(target: str, secret: str, key: bytes) -> int:
    """Of base32 in either case, padded or not: it is one account."""
    spelled = f"{target} {secret.upper().rstrip('=')}".encode()
    return int.from_bytes(hashlib.blake2b(spelled, key=key, digest_size=8).digest(), "little") or 1
