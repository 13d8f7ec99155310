"""Connections kept for the next visitor, and how many visitors dial anew all the same.

A visitor who comes back on a kept-alive connection costs the target no handshake; one who comes cold does. What share
of visitors comes cold is a property of the real traffic: a knob (`new_connections`), not an accident of how visits
overlap.
"""

import time
from collections import deque
from random import Random
from typing import Final

from holdfast.load.wire import Connection, Dialer

MOST_IDLE: Final = 256
IDLE_SECONDS: Final = 15.0  # servers and balancers commonly hang up after 60; nginx 75, Node 5


class ConnectionPool:
    """Idle connections to one origin, the last one given back first: the ones that are not needed grow old and go.

    Whoever takes one looks at it again before each use: a visitor may think before the first request.

    `new_connections`: the share of visits, 0 to 1, that dial even where one is idle; drawn from `random`.
    """

    def __init__(
        self,
        dialer: Dialer,
        *,
        new_connections: float = 1.0,
        random: Random | None = None,
        most_idle: int = MOST_IDLE,
        idle_seconds: float = IDLE_SECONDS,
    ) -> None:
        if not 0.0 <= new_connections <= 1.0:
            raise ValueError("new_connections is a share: 0 to 1")
        self.dialer = dialer
        self.new_connections = new_connections
        self._random = random or Random()
        self._most_idle = most_idle
        self._idle_seconds = idle_seconds
        self._idle: deque[tuple[float, Connection]] = deque()

    @property
    def idle(self) -> int:
        return len(self._idle)

    def kept(self) -> Connection | None:
        """An idle connection that is alive, where this visit is to have one. Draws once, whatever is there."""
        if self.new_connections >= 1.0 or self._random.random() < self.new_connections:
            return None
        now = time.monotonic()
        oldest = now - self._idle_seconds
        while self._idle:
            since, connection = self._idle.pop()
            if since < oldest:
                connection.close()
                self.close()  # all below are older still
            elif connection.alive(now):
                return connection
            else:
                connection.close()
        return None

    def give_back(self, connection: Connection) -> None:
        """From a visit that is over, between two requests. It is kept or closed."""
        if self.new_connections >= 1.0 or self._most_idle <= 0:
            connection.close()
            return
        if len(self._idle) >= self._most_idle:
            self._idle.popleft()[1].close()
        self._idle.append((time.monotonic(), connection))

    def close(self) -> None:
        while self._idle:
            self._idle.pop()[1].close()
