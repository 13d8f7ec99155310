"""Watches the machine while a run is on: every other second the share that others took, as gauges of source "machine".

A thread is enough: a look takes some milliseconds. Who the others were, or why nothing could be measured, is told in
one event at the end.
"""

import os
import sqlite3
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self
from urllib.parse import urlsplit

from holdfast.clock import Clock
from holdfast.errors import HoldfastError
from holdfast.record.store import Event, Gauge, RunStore
from holdfast.run.machine.processes import PROC, Process, family_of
from holdfast.run.machine.share import Look, between, look
from holdfast.run.machine.sockets import clients_of, listeners_at, owners, servers_of, sockets
from holdfast.workspace.target import is_loopback

SOURCE: Final = "machine"
OTHERS: Final = "others"
WAITING: Final = "waiting"
TAKEN: Final = "taken"
LOOKED: Final = "machine_looked"
SHARED_VARIABLE: Final = "HOLDFAST_MACHINE"
SHARED: Final = "shared"
"""The variable's value where the machine is known to be shared: what others take is told, and degrades at most."""
_PAUSE_SECONDS: Final = 2.0
_SOCKETS_EVERY: Final = 5  # looks: connections come and go, who serves whom does not
_MOST_NAMES: Final = 3
_NAMED_FROM: Final = 0.01  # of the processor time
_PASSES_ON: Final = frozenset({"docker-proxy", "rootlessport", "slirp4netns", "pasta", "conmon", "ssh", "kubectl"})
"""What listens in the place of a process that cannot be seen from here."""


@dataclass(frozen=True, slots=True)
class Target:
    """`url`: where it is. `supervisor`: pid of a reference stack's, from which all its processes descend."""

    url: str
    supervisor: int | None = None


class MachineWatch:
    """Opened when the target is there, closed at the run's end; looks from `start` on."""

    def __init__(
        self, target: Target, database: Path, clock: Clock, *, proc: Path = PROC, me: int | None = None
    ) -> None:
        self._target = target
        self._database = database
        self._clock = clock
        self._proc = proc
        self._me = os.getpid() if me is None else me
        self._served: set[int] = set()  # the target's listeners, and whom they are connected to
        self._joined: set[int] = set()  # workers that were started by themselves
        self._before: set[int] = set()  # both families at the last look: who ended since is of them still
        self._looks = 0
        self._names: dict[str, float] = {}
        self._parts = 0
        self._reason = ""
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="machine", daemon=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.stop()

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Idempotent; writes what is told at the end."""
        if self._thread.is_alive():
            self._stopped.set()
            self._thread.join(timeout=10.0)

    def _watch(self) -> None:
        # A record that cannot be written is the runner's to notice: it writes there as often.
        with suppress(sqlite3.Error, HoldfastError), RunStore.open(self._database) as store:
            before = look(self._proc)
            self._before = self._families(before.everyone) or set()
            while not self._stopped.wait(_PAUSE_SECONDS):
                before = self._look(store, before)
            store.write_event(Event(self._clock.now(), SOURCE, LOOKED, self.facts()))

    def _look(self, store: RunStore, before: Look) -> Look:
        after = look(self._proc)
        gauges = self.gauges(before, after)
        at = self._clock.now()
        store.write_gauges(Gauge(at, SOURCE, name, value) for name, value in gauges.items())
        return after

    def gauges(self, before: Look, after: Look) -> dict[str, float]:
        """Of the time between two looks, by name; none where it cannot be known whose the time was."""
        families = self._families(after.everyone)
        part = None
        if families is not None:
            part = between(before, after, families | self._before)
            self._before = families
        if part is None:
            self._reason = self._reason or "the system does not tell what its processors were busy with"
            return {}
        self._parts += 1
        for name, share in part.names.items():
            self._names[name] = self._names.get(name, 0.0) + share
        return {OTHERS: part.others, WAITING: part.waiting, TAKEN: part.taken}

    def facts(self) -> dict[str, object]:
        """The busiest of the others, by the share of the processor time that they took; why there are no gauges."""
        shares = {name: share / self._parts for name, share in self._names.items() if self._parts}
        most = sorted(shares, key=lambda name: -shares[name])[:_MOST_NAMES]
        named = {_printable(name): round(shares[name], 4) for name in most if shares[name] >= _NAMED_FROM}
        shared = os.environ.get(SHARED_VARIABLE) == SHARED
        return {"names": named, "reason": "" if self._parts else self._reason, "shared": shared}

    def _families(self, everyone: Mapping[int, Process]) -> set[int] | None:
        """pids of holdfast and the target; None where the target is on this machine and cannot be seen."""
        ours = family_of([self._me, *self._joined], everyone)
        if self._target.supervisor is not None:
            return ours | family_of([self._target.supervisor], everyone)
        if not is_loopback(self._target.url):
            return ours
        if self._looks % _SOCKETS_EVERY == 0:
            self._find_served(ours, everyone)
            ours = family_of([self._me, *self._joined], everyone)
        self._looks += 1
        theirs = family_of(self._served, everyone)
        return ours | theirs if theirs else None

    def _find_served(self, ours: set[int], everyone: Mapping[int, Process]) -> None:
        parts = urlsplit(self._target.url)
        port = parts.port or {"https": 443}.get(parts.scheme, 80)
        rows, held = sockets(self._proc), owners(self._proc)
        self._joined |= clients_of(ours, rows, held) - ours
        found = listeners_at(port, rows, held)
        hiding = sorted({everyone[pid].name for pid in found if pid in everyone} & _PASSES_ON)
        if not found:
            self._reason = (
                f"who listens at port {port} of this machine cannot be seen from here: "
                "another user's process, or a container's"
            )
            return
        if hiding:
            self._reason = f"{hiding[0]} listens at port {port}, for processes that cannot be seen from here"
            self._served = set()
            return
        while found - self._served:
            self._served |= found
            found = servers_of(family_of(self._served, everyone), rows, held)


def _printable(name: str) -> str:
    """A process may call itself anything."""
    return "".join(letter if letter.isascii() and letter.isprintable() else "?" for letter in name)
