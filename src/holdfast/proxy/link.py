"""One proxied link: a listening address, its upstreams, the toxics on it and the connections through it."""

import asyncio
import logging
import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from holdfast.proxy import refusal
from holdfast.proxy.address import Address, parse_address
from holdfast.proxy.balancer import Backend, Balancer, Probe, http_probe, watch
from holdfast.proxy.chain import Exposure
from holdfast.proxy.connection import Connection
from holdfast.proxy.toxics import DOWNSTREAM, UPSTREAM, Toxic

CONNECT_SECONDS: Final = 10.0  # for one upstream to answer; Toxiproxy waits for as long as the kernel does
_BIND_SECONDS: Final = 5.0  # resolving and binding a listening address
_BACKLOG: Final = 1024
_CHUNK: Final = 64 * 1024  # the most one read takes

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds a link waits, and how it asks after health; tests give their own."""

    connect: float = CONNECT_SECONDS
    probe: Probe = http_probe


class Link:
    """A Toxiproxy "proxy". `listen` is as it was asked for until it is bound, then the real address."""

    def __init__(self, name: str, listen: str, balancer: Balancer, seed: int, timing: Timing | None = None) -> None:
        self.name = name
        self.listen = listen
        self.balancer = balancer
        self.seed = seed
        self.buffer = memoryview(bytearray(_CHUNK))
        self.connections: set[Connection] = set()
        self.toxics: list[Toxic] = []
        self.accepted = 0
        self._timing = timing or Timing()
        self._exposures: dict[str, Exposure] = {}
        self._carried_upward = 0
        self._carried_downward = 0
        self._server: asyncio.Server | None = None
        self._watches: list[asyncio.Task[None]] = []

    @property
    def enabled(self) -> bool:
        return self._server is not None

    @property
    def upstream(self) -> str:
        return ",".join(str(address) for address in self.balancer.addresses)

    # Listening

    async def start(self) -> None:
        """Listen; nothing when it does already. Raises ApiError (500) when the address cannot be bound."""
        if self._server is not None:
            return
        loop = asyncio.get_running_loop()
        try:
            address = parse_address(self.listen)
            async with asyncio.timeout(_BIND_SECONDS):
                self._server = await loop.create_server(self._accept, address.host, address.port, backlog=_BACKLOG)
        except (OSError, ValueError, TimeoutError) as error:
            raise refusal.ApiError(500, f"listen {self.listen}: {error}") from None
        host, port = self._server.sockets[0].getsockname()[:2]
        self.listen = str(Address(host, port))
        self._watches = [
            loop.create_task(watch(self.balancer, backend, self._timing.probe, self._health_changed))
            for backend in self.balancer.backends
            if self.balancer.check is not None
        ]

    def stop(self) -> None:
        """Stop listening and close every connection, at once."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for task in self._watches:
            task.cancel()
        self._watches = []
        for connection in tuple(self.connections):
            connection.abort()

    def _health_changed(self, backend: Backend) -> None:
        log.warning("%s: upstream %s is %s", self.name, backend.address, "back" if backend.healthy else "ejected")

    # Connections

    def _accept(self) -> asyncio.BaseProtocol:
        self.accepted += 1
        return Connection(self, self.accepted).client

    async def dial(self, connection: Connection) -> None:
        """Connect to the first upstream that takes the connection; with none, the client is reset."""
        loop = asyncio.get_running_loop()
        for backend in self.balancer.candidates():
            # Counted from here, so that a burst of connections spreads before the first has been answered.
            backend.connections.add(connection)
            connection.backend = backend
            try:
                async with asyncio.timeout(self._timing.connect):
                    await loop.create_connection(connection.new_server_side, backend.address.host, backend.address.port)
            except (OSError, TimeoutError) as error:
                backend.connections.discard(connection)
                backend.refused += 1
                log.info("%s: upstream %s: %s", self.name, backend.address, error or "no answer in time")
                if self.balancer.report(backend, success=False):
                    self._health_changed(backend)
                if connection.closed:
                    return
            else:
                backend.served += 1
                return
        connection.reset()

    def forget(self, connection: Connection) -> None:
        self.connections.discard(connection)
        if connection.backend is not None:
            connection.backend.connections.discard(connection)
        self._carried_upward += connection.upward.carried
        self._carried_downward += connection.downward.carried

    # Toxics

    def find(self, name: str) -> Toxic:
        """Raises ApiError (404)."""
        for toxic in self.toxics:
            if toxic.name == name:
                return toxic
        raise refusal.toxic_not_found()

    def add(self, toxic: Toxic) -> None:
        """Put a toxic on the link and on its live connections. Raises ApiError (409)."""
        if any(toxic.name == other.name for other in self.toxics):
            raise refusal.toxic_already_exists()
        self._exposures.setdefault(toxic.name, Exposure())
        self.toxics.append(toxic)
        self._arrange()

    def replace(self, before: Toxic, after: Toxic) -> None:
        self.toxics[self.toxics.index(before)] = after
        self._arrange()

    def remove(self, name: str) -> None:
        """Take a toxic off, live connections included, before this returns. Raises ApiError (404)."""
        self.toxics.remove(self.find(name))
        self._arrange()

    def remove_all(self) -> None:
        if self.toxics:
            self.toxics.clear()
            self._arrange()

    def in_order(self) -> list[Toxic]:
        """Upstream first, each direction in the order of its chain."""
        return [toxic for stream in (UPSTREAM, DOWNSTREAM) for toxic in self.toxics if toxic.direction == stream]

    def touching(self, connection: Connection, direction: str) -> list[tuple[Toxic, Exposure]]:
        """The toxics that this connection meets in one direction."""
        return [
            (toxic, self._exposures[toxic.name])
            for toxic in self.toxics
            if toxic.direction == direction and self.rolls(connection.ordinal, toxic)
        ]

    def rolls(self, ordinal: int, toxic: Toxic) -> bool:
        """Whether the toxic touches the link's `ordinal`-th connection.

        One draw per connection and toxic, from the seed: it is the same in every run, whatever else happens, and a
        connection once touched stays so when the toxic is changed (to the same toxicity, or a higher one).
        """
        if toxic.toxicity >= 1:
            return True
        return random.Random(f"{self.seed}/{self.name}/{ordinal}/{toxic.name}").random() < toxic.toxicity

    def _arrange(self) -> None:
        for connection in tuple(self.connections):
            connection.arrange(self.touching(connection, UPSTREAM), self.touching(connection, DOWNSTREAM))

    # What is said about it

    def as_json(self) -> dict[str, object]:
        return {
            "name": self.name,
            "listen": self.listen,
            "upstream": self.upstream,
            "enabled": self.enabled,
            "toxics": [toxic.as_json() for toxic in self.in_order()],
        }

    def exposure(self) -> Mapping[str, object]:
        """What went through since the link was created, and what each toxic of it touched, removed ones included."""
        return {
            "connections": self.accepted,
            "open": len(self.connections),
            "bytes_upstream": self._carried_upward + sum(c.upward.carried for c in self.connections),
            "bytes_downstream": self._carried_downward + sum(c.downward.carried for c in self.connections),
            "toxics": {
                name: {"connections": exposure.connections, "chunks": exposure.chunks}
                for name, exposure in self._exposures.items()
            },
        }
