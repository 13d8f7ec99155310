"""Whether a run's own reference stack stays whole: what of it died, though no experiment had asked for it.

In: the supervisor, asked once a second in a thread, for one that is frozen must not hold up the run. Out: deaths, each
once. The stack is ours, so what fails when it dies says nothing of the target (`validity`).
"""

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from holdfast.clock import Clock
from holdfast.errors import HoldfastError
from holdfast.reference import Death, StackState, read_stack, stack_status
from holdfast.reference.state_folder import process_is_supervisor
from holdfast.run.recorded import Recorded
from holdfast.workspace.target import Connection

STACK_DEATH: Final = "stack_death"
SUPERVISOR: Final = "supervisor"
_LOOK_SECONDS: Final = 1.0
_LAST_LOOK_SECONDS: Final = 6.0  # longer than one question to the supervisor may take
_LINGER_SECONDS: Final = 5.0  # after an experiment's end, in which what it did to a process may still show
_OOM_KILLS: Final = Path("/proc/vmstat")


class StackWatch:
    """`start`, `news` now and then, `stop`, `news` once more. It sees nothing of a target that is another stack."""

    def __init__(self, connection: Connection, clock: Clock) -> None:
        self._state = _state_of(connection)
        self._clock = clock
        self._since = clock.now()
        self._oom_kills = oom_kills()
        self._told: set[Death] = set()
        self._new: list[Death] = []
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="stack-watch", daemon=True)
        self.gone = False
        """Whether the supervisor ended, and all of the stack with it."""

    def start(self) -> None:
        if self._state is not None:
            self._thread.start()

    def stop(self) -> None:
        """After a last look. May be repeated."""
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join(_LAST_LOOK_SECONDS)

    def news(self) -> list[Death]:
        """Since the last call."""
        with self._lock:
            new, self._new = self._new, []
        return new

    @property
    def out_of_memory(self) -> int:
        """Processes of this machine that the kernel killed for want of memory since the watch began."""
        return max(oom_kills() - self._oom_kills, 0)

    def _watch(self) -> None:
        last = False
        while not last and not self.gone:
            last = self._stopped.wait(_LOOK_SECONDS)
            self._look()

    def _look(self) -> None:
        if self._state is None:
            return
        try:
            deaths = [death for death in stack_status(self._state).deaths if death.at >= self._since]
        except HoldfastError:
            if process_is_supervisor(self._state.pid):
                return  # busy: it is asked again
            deaths = [Death(self._clock.now(), SUPERVISOR, "ended, and the whole stack with it")]
            self.gone = True
        with self._lock:
            self._new += [death for death in deaths if death not in self._told]
        self._told.update(deaths)


@dataclass(frozen=True, slots=True)
class OutsideDeath:
    """One that no experiment can have meant. `second`: after time 0."""

    process: str
    second: float
    how: str
    out_of_memory: int


def outside_deaths(recorded: Recorded) -> list[OutsideDeath]:
    """In order.

    An experiment with actions that are not holdfast's may kill a process by itself, unseen by the supervisor: what dies
    while it is on is taken for its doing.
    """
    foreign = list(_foreign_experiments(recorded))
    return [
        OutsideDeath(
            str(event.facts.get("process")),
            event.at - recorded.time_zero,
            str(event.facts.get("how")),
            int(str(event.facts.get("out_of_memory", 0))),
        )
        for event in sorted(recorded.events_of(STACK_DEATH), key=lambda event: event.at)
        if not any(start <= event.at <= end for start, end in foreign)
    ]


def _foreign_experiments(recorded: Recorded) -> Iterator[tuple[float, float]]:
    """When they were on."""
    ended = {event.facts.get("experiment"): event.at for event in recorded.events_of("experiment_ended")}
    for event in recorded.events_of("experiment_started"):
        if event.facts.get("foreign_actions"):
            yield event.at, ended.get(event.facts.get("experiment"), recorded.ended) + _LINGER_SECONDS


def oom_kills() -> int:
    """Since the machine started; 0 where the kernel does not say."""
    try:
        lines = _OOM_KILLS.read_text(encoding="ascii").splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("oom_kill ")), 0)


def _state_of(connection: Connection) -> StackState | None:
    return read_stack(Path(connection.state_file).parent) if connection.state_file is not None else None
