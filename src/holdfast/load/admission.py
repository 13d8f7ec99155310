"""Which workers play a run: the first that come, as many as were asked for, of this version of holdfast."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from holdfast import __version__
from holdfast.load.delivery import Receipts


@dataclass(slots=True)
class Member:
    """A worker that was admitted. `number` counts from 1; `process_id` is 0 on another machine."""

    client: str
    number: int
    where: str
    process_id: int
    visitors: int | None = None  # how many its part needs, once it is prepared
    parked: bool = False
    done: Mapping[str, Any] | None = None
    receipts: Receipts = field(default_factory=Receipts)
    lost: str = ""

    @property
    def name(self) -> str:
        return f"worker {self.number} ({self.where})"


class Admission:
    """The members of a run that wants `wanted` of them."""

    def __init__(self, wanted: int) -> None:
        self.wanted = wanted
        self._members: dict[str, Member] = {}

    @property
    def members(self) -> list[Member]:
        return list(self._members.values())

    @property
    def complete(self) -> bool:
        return len(self._members) == self.wanted

    def member(self, client: str) -> Member | None:
        return self._members.get(client)

    def refusal_of(self, client: str, facts: Mapping[str, Any]) -> str:
        """Admit who says hello with these `own_facts`; else why not. One that says it again stays what it is."""
        if client in self._members:
            return ""
        if facts["version"] != __version__:
            return f"it is holdfast {facts['version']}, and this run is of {__version__}"
        if self.complete:
            return "this run has all its workers"
        where = f"{facts['host']}, pid {facts['pid']}"
        process = int(facts["pid"]) if facts["host"] == os.uname().nodename else 0
        self._members[client] = Member(client, len(self._members) + 1, where, process)
        return ""


def own_facts() -> dict[str, Any]:
    """What a worker says of itself when it joins."""
    return {"version": __version__, "host": os.uname().nodename, "pid": os.getpid()}
