"""Who listens at an address of this machine, and whom they are connected to: text of /proc/net/tcp in, owners out.

A target that stands behind a loopback address is the processes that own the listening socket, those they are connected
to on this machine in their turn (a proxy's application, the application's database), and what descends from them.
"""

import os
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from holdfast.run.machine.processes import PROC

_LISTENING: Final = "0A"
_ESTABLISHED: Final = "01"
_WILDCARDS: Final = frozenset({"00000000", "0" * 32})
_INODE: Final = 9
_SOCKET: Final = "socket:["


@dataclass(frozen=True, slots=True)
class Socket:
    """A row of /proc/net/tcp. Addresses as the kernel prints them, in hexadecimal."""

    local: str
    port: int
    peer: str
    peer_port: int
    listens: bool
    inode: int


def sockets_of(text: str) -> list[Socket]:
    """The listening and the connected ones of the text of a /proc/net/tcp or tcp6."""
    found = []
    for line in text.splitlines()[1:]:
        fields = line.split()
        if len(fields) <= _INODE or fields[3] not in {_LISTENING, _ESTABLISHED}:
            continue
        (local, _, port), (peer, _, peer_port) = fields[1].partition(":"), fields[2].partition(":")
        try:
            row = Socket(local, int(port, 16), peer, int(peer_port, 16), fields[3] == _LISTENING, int(fields[_INODE]))
        except ValueError:
            continue
        found.append(row)
    return found


def sockets(proc: Path = PROC) -> list[Socket]:
    """All of our network namespace."""
    found: list[Socket] = []
    for name in ("tcp", "tcp6"):
        try:
            found += sockets_of((proc / "net" / name).read_text(encoding="ascii", errors="replace"))
        except OSError:
            continue
    return found


def owners(proc: Path = PROC) -> dict[int, set[int]]:
    """pids by the inode of a socket that they hold open. Of processes that we may not look into nothing is known."""
    found: dict[int, set[int]] = {}
    try:
        pids = [name for name in os.listdir(proc) if name.isascii() and name.isdecimal()]  # noqa: PTH208
    except OSError:
        return found
    for pid in pids:
        folder = f"{proc}/{pid}/fd"
        try:
            numbers = os.listdir(folder)  # noqa: PTH208
        except OSError:
            continue
        for number in numbers:
            try:
                place = os.readlink(f"{folder}/{number}")  # noqa: PTH115 - thousands of them
            except OSError:
                continue
            inode = place.removeprefix(_SOCKET).removesuffix("]")
            if place.startswith(_SOCKET) and inode.isascii() and inode.isdecimal():
                found.setdefault(int(inode), set()).add(int(pid))
    return found


def listeners_at(port: int, rows: Iterable[Socket], held: Mapping[int, Collection[int]]) -> set[int]:
    """pids that own a socket which listens at this port."""
    return {pid for row in rows if row.listens and row.port == port for pid in held.get(row.inode, ())}


def servers_of(family: Collection[int], rows: Iterable[Socket], held: Mapping[int, Collection[int]]) -> set[int]:
    """pids of those that the family is connected to on this machine, where it called and they listen."""
    listed = list(rows)
    listening = {(row.local, row.port): row.inode for row in listed if row.listens}
    found: set[int] = set()
    for row in listed:
        if row.listens or not any(pid in family for pid in held.get(row.inode, ())):
            continue
        inode = _listening_at(row.peer, row.peer_port, listening)
        calls_itself = _listening_at(row.local, row.port, listening) is not None  # an accepted connection: they called
        if inode is not None and not calls_itself:
            found |= set(held.get(inode, ()))
    return found


def clients_of(family: Collection[int], rows: Iterable[Socket], held: Mapping[int, Collection[int]]) -> set[int]:
    """pids of those on this machine that called a port where the family listens: workers that joined a run, say."""
    listed = list(rows)
    listening = {
        (row.local, row.port): row.inode
        for row in listed
        if row.listens and any(pid in family for pid in held.get(row.inode, ()))
    }
    return {
        pid
        for row in listed
        if not row.listens and _listening_at(row.peer, row.peer_port, listening) is not None
        for pid in held.get(row.inode, ())
    }


def _listening_at(address: str, port: int, listening: Mapping[tuple[str, int], int]) -> int | None:
    for local in (address, *_WILDCARDS):
        inode = listening.get((local, port))
        if inode is not None:
            return inode
    return None
