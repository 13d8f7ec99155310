"""Which upstream gets the next connection: least connections over the healthy ones.

Pure decisions here (`candidates`, `report`); who dials and who probes is given. A link with one upstream is the same
thing with one backend and no health check.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from holdfast.proxy import refusal
from holdfast.proxy.address import Address, parse_address


class Balanced(Protocol):
    """A connection that was given to an upstream."""

    def upstream_ejected(self) -> None: ...


@dataclass(frozen=True, slots=True)
class HealthCheck:
    """Ask GET `path` `every` seconds; 2xx within `timeout` seconds is healthy.

    `failures` in a row eject an upstream, `successes` in a row take it back.
    """

    path: str
    every: float = 1.0
    timeout: float = 1.0
    failures: int = 3
    successes: int = 2

    def as_json(self) -> dict[str, object]:
        return {
            "path": self.path, "every": self.every, "timeout": self.timeout,
            "failures": self.failures, "successes": self.successes,
        }  # fmt: skip


class Backend:
    """One upstream and its open connections."""

    __slots__ = ("address", "connections", "ejections", "healthy", "refused", "served", "streak")

    def __init__(self, address: Address) -> None:
        self.address = address
        self.connections: set[Balanced] = set()
        self.healthy = True  # until shown otherwise: a refused connection is tried elsewhere anyway
        self.streak = 0  # reports in a row that contradict `healthy`
        self.served = 0
        self.refused = 0
        self.ejections = 0

    def as_json(self) -> dict[str, object]:
        return {
            "upstream": str(self.address), "healthy": self.healthy, "connections": len(self.connections),
            "served": self.served, "refused": self.refused, "ejections": self.ejections,
        }  # fmt: skip


class Balancer:
    """The upstreams of one link."""

    def __init__(
        self, upstreams: tuple[Address, ...], check: HealthCheck | None = None, *, failover: bool = True
    ) -> None:
        self.backends = tuple(Backend(address) for address in upstreams)
        self.check = check
        self.failover = failover

    @property
    def addresses(self) -> tuple[Address, ...]:
        return tuple(backend.address for backend in self.backends)

    def candidates(self) -> list[Backend]:
        """Upstreams in the order to try: healthy, fewest open connections, fewest ever served.

        When none is healthy all are tried: an error of the stack tells more than a refusal of ours. Without failover
        there is one, each in its turn, whether it answers or not.
        """
        if not self.failover:
            return [min(self.backends, key=lambda backend: backend.served + backend.refused)]
        healthy = [backend for backend in self.backends if backend.healthy]
        return sorted(healthy or self.backends, key=lambda backend: (len(backend.connections), backend.served))

    def report(self, backend: Backend, success: bool) -> bool:
        """Take one health report into account. True when it changed `backend.healthy`.

        An ejected upstream's open connections are closed: they lead to something that does not answer.
        """
        if self.check is None:
            return False
        if success == backend.healthy:
            backend.streak = 0
            return False
        backend.streak += 1
        if backend.streak < (self.check.successes if success else self.check.failures):
            return False
        backend.streak = 0
        backend.healthy = success
        if not success:
            backend.ejections += 1
            for connection in tuple(backend.connections):
                connection.upstream_ejected()
        return True


Probe = Callable[[Address, HealthCheck], Awaitable[bool]]


async def watch(balancer: Balancer, backend: Backend, probe: Probe, changed: Callable[[Backend], None]) -> None:
    """Probe one upstream for ever, calling `changed(backend)` when it is ejected or taken back."""
    check = balancer.check
    if check is None:
        return
    while True:
        if balancer.report(backend, await probe(backend.address, check)):
            changed(backend)
        await asyncio.sleep(check.every)


async def http_probe(address: Address, check: HealthCheck) -> bool:
    """One GET on a connection of its own: True for a 2xx status line in time."""
    try:
        async with asyncio.timeout(check.timeout):
            reader, writer = await asyncio.open_connection(address.host, address.port)
            try:
                request = f"GET {check.path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"
                writer.write(request.encode("ascii"))
                status_line = await reader.readline()
            finally:
                writer.transport.abort()
    except (OSError, TimeoutError, ValueError):
        return False
    words = status_line.split(None, 2)
    return len(words) >= 2 and words[0].startswith(b"HTTP/") and words[1].startswith(b"2")


def parse_upstreams(texts: object) -> tuple[Address, ...]:
    """Read a list of `host:port`. Raises ApiError."""
    if not isinstance(texts, list) or not texts:
        raise refusal.missing_field("upstreams")
    try:
        return tuple(parse_address(str(text)) for text in texts)
    except ValueError as error:
        raise refusal.bad_request_body(error) from None


def parse_health(given: object) -> HealthCheck | None:
    """Read `{path, every, timeout, failures, successes}`; None is no health check. Raises ApiError."""
    if given is None:
        return None
    if not isinstance(given, Mapping):
        raise refusal.bad_request_body("health must be an object")
    unknown = set(given) - {"path", "every", "timeout", "failures", "successes"}
    if unknown:
        raise refusal.bad_request_body(f"health.{min(unknown)} is unknown")
    path = given.get("path")
    if not isinstance(path, str) or not path.startswith("/") or not path.isascii() or any(c.isspace() for c in path):
        raise refusal.bad_request_body("health.path must be a path such as /healthz")
    numbers = {name: _positive(given, name) for name in ("every", "timeout") if name in given}
    counts = {name: int(_positive(given, name)) for name in ("failures", "successes") if name in given}
    if any(count < 1 for count in counts.values()):
        raise refusal.bad_request_body("health.failures and health.successes must be at least 1")
    return HealthCheck(path, **numbers, **counts)  # type: ignore[arg-type]


def _positive(given: Mapping[str, object], name: str) -> float:
    value = given[name]
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= 86_400:
        raise refusal.bad_request_body(f"health.{name} must be a positive number")
    return value
