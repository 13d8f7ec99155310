"""What is wrong with a target right now, as far as its fault proxy and its supervisor say: asked, never changed.

The reference stack has both. In: their addresses. Out: `StandingFault`s, each in a sentence's words.
"""

import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from holdfast.chaos.supervisor import RUNNING, Supervisor
from holdfast.errors import HoldfastError
from holdfast.proxy.client import ProxyClient, ProxyFacts, ToxicFacts
from holdfast.workspace.target import Connection

STANDING_FAULT: Final = "standing_fault"
"""Kind of event: facts `place` and `what`, and `when`: "start" or "end"."""
_SECONDS: Final = 2.0
_CONNECT_SECONDS: Final = 0.5
_UNITS: Final[Mapping[str, str]] = {
    **dict.fromkeys(("latency", "jitter", "timeout", "delay"), " ms"),
    "rate": " KB/s",
}


@dataclass(frozen=True, slots=True)
class StandingFault:
    """`place`: "link postgres", "replica account-1"; `what`: "answers are held back by latency (latency 300 ms)"."""

    place: str
    what: str


def standing_faults(connection: Connection) -> list[StandingFault]:
    """Toxics, links that are cut or lead nowhere, processes that do not run. What does not answer is named as well."""
    return [*_of_proxy(connection.proxy_url), *_of_processes(connection.control_url, connection.control_token)]


def _of_proxy(url: str | None) -> Iterator[StandingFault]:
    if url is None:
        return
    client = ProxyClient(url, timeout=_SECONDS)
    try:
        links = client.proxies()
    except HoldfastError:
        yield StandingFault("fault proxy", "does not answer")
        return
    try:
        balancers = client.balancers()
    except HoldfastError:  # a real Toxiproxy has none
        balancers = {}
    for name, link in links.items():
        yield from _of_link(name, link, balanced=name in balancers)
    for name, upstreams in balancers.items():
        for upstream in upstreams:
            if not upstream.healthy:
                yield StandingFault(f"link {name}", f"leaves out {upstream.upstream}, which is not healthy")


def _of_link(name: str, link: ProxyFacts, *, balanced: bool) -> Iterator[StandingFault]:
    place = f"link {name}"
    if not link.enabled:
        yield StandingFault(place, "is cut: it refuses connections")
    for toxic in link.toxics:
        yield StandingFault(place, _toxic_text(toxic))
    if link.enabled and not balanced and link.upstream and not _accepts(link.upstream):
        yield StandingFault(place, f"is dead: nothing accepts connections at {link.upstream}")


def _toxic_text(toxic: ToxicFacts) -> str:
    told = [f"{name} {value}{_UNITS.get(name, '')}" for name, value in toxic.attributes.items() if value]
    share = [] if toxic.toxicity >= 1 else [f"on {100 * toxic.toxicity:g} % of connections"]
    details = ", ".join([*told, *share])
    return f"has {toxic.type}{f' ({details})' if details else ''} in it, {toxic.stream}"


def _accepts(address: str) -> bool:
    parts = urlsplit(f"//{address}")
    try:
        socket.create_connection((parts.hostname or "", parts.port or 0), timeout=_CONNECT_SECONDS).close()
    except (OSError, ValueError):
        return False
    return True


def _of_processes(url: str | None, token: str | None) -> Iterator[StandingFault]:
    if url is None or token is None:
        return
    try:
        processes = Supervisor(url, token, _SECONDS).processes()
    except HoldfastError:
        yield StandingFault("supervisor", "does not answer")
        return
    for process in processes:
        if process.state != RUNNING:
            name = process.name if process.kind == process.name else f"{process.kind} {process.name}"
            yield StandingFault(name, f"is {process.state}")
