"""A fixed pool of Locust users, parked until somebody arrives.

Locust spawns them once, before time 0: spawning a greenlet for each arrival would cost a third of a core at 20,000 a
second, and waking a parked one costs a queue's pop and one callback of the loop.
"""

import logging
import time
from collections import deque
from collections.abc import Callable
from typing import Any, Final, NoReturn

import gevent
from gevent.hub import Waiter, get_hub
from locust import User
from locust.env import Environment
from locust.runners import LocalRunner, WorkerRunner

from holdfast.errors import MeasurementError, Problem

_SPAWN_PATIENCE: Final = 30.0


class Seats:
    """`at_most` parked users of a Locust runner. Open it before time 0, close it at the end."""

    def __init__(self, environment: Environment, at_most: int, runner: WorkerRunner | None = None) -> None:
        """`runner`: that of a worker, whose master says when to spawn."""
        self._at_most = at_most
        self._parked: deque[Waiter] = deque()
        self._wake = get_hub().loop.run_callback
        environment.user_classes = [_seat_class(self)]
        self._is_worker = runner is not None
        self._runner: LocalRunner | WorkerRunner = runner or environment.create_local_runner()

    def open(self) -> None:
        """Have Locust spawn the users; returns when all are parked. Raises MeasurementError when they are late."""
        # At once. Above 100 a second Locust warns: that is meant for users who connect when they are spawned.
        logging.getLogger("locust.runners").setLevel(logging.ERROR)
        if not self._is_worker:
            self._runner.start(self._at_most, spawn_rate=self._at_most)
        deadline = time.monotonic() + _SPAWN_PATIENCE
        while len(self._parked) < self._at_most:
            if time.monotonic() > deadline:
                what = f"{len(self._parked)} of {self._at_most} visitors were ready in {_SPAWN_PATIENCE:.0f} s"
                raise MeasurementError(Problem("load", what, "give the generator an idle core, or ask for fewer"))
            gevent.sleep(0.01)

    @property
    def free(self) -> int:
        return len(self._parked)

    def take(self, stay: Callable[[], None]) -> bool:
        """Have a parked user do `stay` in the loop's next round; False when none is free."""
        if not self._parked:
            return False
        self._wake(self._parked.popleft().switch, stay)
        return True

    def close(self) -> None:
        """End the users, wherever they are."""
        self._runner.quit()

    def sit(self) -> NoReturn:
        """The life of one user: park, do what it is woken for, park again."""
        while True:
            waiter = Waiter()
            self._parked.append(waiter)
            stay = waiter.get()
            stay()


def _seat_class(seats: Seats) -> type[User]:
    def sit(_: User) -> None:
        seats.sit()

    class Seat(User):
        tasks: list[Any] = [sit]  # noqa: RUF012  Locust's own shape

    return Seat
