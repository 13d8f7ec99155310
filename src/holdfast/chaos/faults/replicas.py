"""Which replica a fault hits, and what was connected to it."""

import random
from urllib.parse import urlsplit

from holdfast.chaos.supervisor import REPLICA, RUNNING, ProcessFacts, Supervisor
from holdfast.errors import HoldfastError, Problem, TargetError
from holdfast.proxy.client import ProxyClient
from holdfast.workspace.document import nearest
from holdfast.workspace.target import Connection

ANY = "any"


def supervisor_of(connection: Connection) -> Supervisor:
    """Raises TargetError when the target has no control API, or its token is not known."""
    if connection.control_url is None or not connection.control_token:
        raise TargetError(
            Problem(connection.name, "this target has no supervisor to ask", "aim at the reference stack")
        )
    return Supervisor(connection.control_url, connection.control_token)


def choose_replica(connection: Connection, wanted: str, leave_running: int, seed: str) -> ProcessFacts:
    """The replica named, or one drawn. Raises TargetError when it does not run, or too few others do."""
    running = {p.name: p for p in supervisor_of(connection).processes() if p.kind == REPLICA and p.state == RUNNING}
    if wanted != ANY and wanted not in running:
        raise TargetError(Problem(connection.name, f'no replica "{wanted}" is running', nearest(wanted, running)))
    if len(running) - 1 < leave_running:
        raise TargetError(
            Problem(
                connection.name,
                f"{len(running)} running, and {leave_running} must be left",
                "run more replicas, or lower leave_running",
            )
        )
    return running[wanted if wanted != ANY else random.Random(seed).choice(sorted(running))]


def connections_to(connection: Connection, replica: ProcessFacts) -> int | None:
    """Open through the fault proxy's balancers; None when they do not tell."""
    if connection.proxy_url is None or replica.url is None:
        return None
    try:
        balancers = ProxyClient(connection.proxy_url).balancers()
    except HoldfastError:
        return None
    found = [u.connections for us in balancers.values() for u in us if u.upstream == urlsplit(replica.url).netloc]
    return sum(found) if found else None


def undo_arguments(connection: Connection, replica: ProcessFacts) -> dict[str, str]:
    """How to find the replica again: addresses and names, never the token."""
    arguments = {"control_url": connection.control_url or "", "process": replica.name}
    if connection.state_file is not None:
        arguments["state_file"] = connection.state_file
    if replica.pid is not None:
        arguments["pid"] = str(replica.pid)
    return arguments


def named(replicas: tuple[ProcessFacts, ...], name: str) -> ProcessFacts | None:
    return next((replica for replica in replicas if replica.name == name), None)
