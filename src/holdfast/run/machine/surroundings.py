"""A run's surroundings while it is on: how busy others keep its machine, and which other runs are on beside it."""

from pathlib import Path
from types import TracebackType
from typing import Self

from holdfast.clock import Clock
from holdfast.record.store import Event, RunStore
from holdfast.reference import read_stack
from holdfast.run.machine.neighbours import NEIGHBOUR, Presence
from holdfast.run.machine.watch import MachineWatch, Target
from holdfast.run.stack_watch import STACK_DEATH, StackWatch
from holdfast.workspace.target import Connection


class Surroundings:
    """Opened when the target is; `start` when measuring begins."""

    def __init__(
        self, run: str, workspace: Path, connection: Connection, store: RunStore, database: Path, clock: Clock
    ) -> None:
        self._store = store
        self._clock = clock
        self._presence = Presence(run, workspace, connection.url)
        self._watch = MachineWatch(Target(connection.url, _supervisor_of(connection)), database, clock)
        self._stack = StackWatch(connection, clock)
        self._met: set[str] = set()

    def __enter__(self) -> Self:
        self._presence.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.stop()
        self._presence.__exit__(kind, error, tb)

    def start(self) -> None:
        self._watch.start()
        self._stack.start()

    def stop(self) -> None:
        """End the watches, after a last look; idempotent."""
        self._watch.stop()
        self._stack.stop()

    @property
    def stack_is_gone(self) -> bool:
        """Whether the supervisor of the run's reference stack ended, and all of the stack with it."""
        return self._stack.gone

    def deaths(self) -> list[str]:
        """A sentence for each process of the reference stack that died since the last call; noted in the record."""
        new = self._stack.news()
        for death in new:
            facts = {"process": death.process, "how": death.how, "out_of_memory": self._stack.out_of_memory}
            self._store.write_event(Event(death.at, "run", STACK_DEATH, facts))
        return [f"{death.process} of the reference stack {death.how}" for death in new]

    def news(self) -> list[str]:
        """A sentence for each run that was not here at the last call; noted in the record."""
        new = [one for one in self._presence.others() if one.run not in self._met]
        for one in new:
            self._met.add(one.run)
            facts = {"run": one.run, "same_workspace": one.same_workspace, "same_target": one.same_target}
            self._store.write_event(Event(self._clock.now(), "run", NEIGHBOUR, {**facts, "text": one.sentence}))
        return [one.sentence for one in new]


def _supervisor_of(connection: Connection) -> int | None:
    """Of a reference stack: all its processes descend from it, also those that do not listen for customers."""
    state = read_stack(Path(connection.state_file).parent) if connection.state_file is not None else None
    return state.pid if state is not None else None
