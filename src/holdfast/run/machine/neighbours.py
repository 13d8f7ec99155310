"""Runs that are on at the same time on one machine know of each other.

Each holds a socket with a name in Linux' abstract namespace as long as it lives. The kernel lists the names of all
users (/proc/net/unix) and drops one with its process, however that ends: nothing stale is ever left behind, and no file
needs to be writable. A container with a network of its own neither sees others nor is seen.
"""

import os
import re
import socket
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self
from zlib import crc32

NEIGHBOUR: Final = "neighbour"
"""The event of a run that was met, once for each."""
_PREFIX: Final = "holdfast-run"
_NAME: Final = re.compile(rf"@{_PREFIX}\.(\d+)\.([0-9a-f]{{8}})\.([0-9a-f]{{8}})\.([\w-]{{1,60}})$", re.ASCII)
_LONGEST: Final = 60
_LIST: Final = Path("/proc/net/unix")


@dataclass(frozen=True, slots=True)
class Neighbour:
    """Another living run."""

    run: str
    pid: int
    same_workspace: bool
    same_target: bool

    @property
    def sentence(self) -> str:
        where = "in this workspace" if self.same_workspace else "on this machine"
        aimed = (
            ", aimed at the same target: its load and faults are in what this one measures" if self.same_target else ""
        )
        return f"another run is under way {where}: {self.run} (process {self.pid}){aimed}"


class Presence:
    """That this run lives, for others to see, from `__enter__` to `__exit__`; and a look at the others."""

    def __init__(self, run: str, workspace: Path, target_url: str, *, listed: Path = _LIST) -> None:
        self._workspace = _mark(str(workspace.resolve()))
        self._target = _mark(target_url)
        shown = re.sub(r"[^\w-]", "_", run, flags=re.ASCII)[:_LONGEST]
        self._name = f"{_PREFIX}.{os.getpid()}.{self._workspace}.{self._target}.{shown}"
        self._listed = listed
        self._socket: socket.socket | None = None

    def __enter__(self) -> Self:
        if hasattr(socket, "AF_UNIX"):
            held = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            try:
                held.bind(f"\0{self._name}")
            except OSError:  # no such namespace here: then nobody knows of anybody
                held.close()
            else:
                self._socket = held
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def others(self) -> tuple[Neighbour, ...]:
        """Those that live now, by run."""
        try:
            text = self._listed.read_text(encoding="utf-8", errors="replace")
        except OSError:
            return ()
        found = {}
        for line in text.splitlines():
            match = _NAME.match(line.rpartition(" ")[2])
            if match is None or match[0] == f"@{self._name}":
                continue
            pid, workspace, target, run = match.groups()
            found[match[0]] = Neighbour(run, int(pid), workspace == self._workspace, target == self._target)
        return tuple(sorted(found.values(), key=lambda one: (one.run, one.pid)))


def _mark(text: str) -> str:
    """Whether two are the same can be told, and not what they are."""
    return f"{crc32(text.encode()):08x}"
