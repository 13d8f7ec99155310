"""A replica freezes (SIGSTOP): its connections stay open and nothing answers. A grey failure: slow to be noticed."""

from dataclasses import dataclass
from typing import ClassVar

from holdfast.chaos.faults.replicas import (
    ANY,
    choose_replica,
    connections_to,
    named,
    supervisor_of,
    undo_arguments,
)
from holdfast.chaos.repair import RESUME_PROCESS
from holdfast.chaos.undo import Undo
from holdfast.workspace.target import Connection


@dataclass(frozen=True, slots=True)
class ReplicaPause:
    """`replica`: its name, or "any" to draw one. Refused when fewer than `leave_running` others run."""

    replica: str = ANY
    leave_running: int = 1

    kind: ClassVar[str] = "replica_pause"

    @property
    def target(self) -> str:
        return self.replica

    def mistakes(self) -> list[tuple[str, str]]:
        return [("leave_running", "must not be below 0")] if self.leave_running < 0 else []

    def prepare(self, connection: Connection, entry_id: str) -> Undo:
        replica = choose_replica(connection, self.replica, self.leave_running, entry_id)
        return Undo(RESUME_PROCESS, undo_arguments(connection, replica))

    def inject(self, connection: Connection, undo: Undo, seconds: float) -> int | None:  # noqa: ARG002 - a supervisor has no leases
        supervisor = supervisor_of(connection)
        replica = named(supervisor.processes(), undo.arguments["process"])
        met = None if replica is None else connections_to(connection, replica)
        supervisor.pause(undo.arguments["process"])
        return met
