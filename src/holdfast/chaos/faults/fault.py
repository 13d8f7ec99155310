"""What every kind of fault is: a frozen description of one, that can say how to undo it and then put it in."""

from typing import ClassVar, Protocol

from holdfast.chaos.undo import Undo
from holdfast.errors import Problem, TargetError
from holdfast.proxy.client import ProxyClient, ProxyRefusedError
from holdfast.workspace.document import nearest
from holdfast.workspace.target import Connection


class Fault(Protocol):
    """The fields of the dataclass are the arguments that experiment files give.

    `prepare` only looks. It raises TargetError or InputError when the fault cannot be put in: no such link or replica,
    or too few would be left. `inject` puts it in, as prepared, under a lease of `seconds` where the target has leases.
    """

    kind: ClassVar[str]

    @property
    def target(self) -> str:
        """What is hit, as a person names it."""
        ...

    def mistakes(self) -> list[tuple[str, str]]:
        """(argument, what is wrong with its value), to be said before anything runs."""
        ...

    def prepare(self, connection: Connection, entry_id: str) -> Undo: ...

    def inject(self, connection: Connection, undo: Undo, seconds: float) -> int | None:
        """How many connections it met at that moment; None where that is not known, or only later."""
        ...


def proxy_of(connection: Connection) -> ProxyClient:
    """Raises TargetError when the target has no fault proxy."""
    if connection.proxy_url is None:
        raise TargetError(Problem(connection.name, "this target has no fault proxy", "aim at the reference stack"))
    return ProxyClient(connection.proxy_url, connection.proxy_token)


def link_arguments(connection: Connection, link: str, lease: str) -> dict[str, str]:
    """How an undo finds the link again: addresses and names, never the token, which is in the state file."""
    arguments = {"proxy_url": proxy_of(connection).url, "link": link, "lease": lease}
    return arguments if connection.state_file is None else arguments | {"state_file": connection.state_file}


def raise_unless_link(client: ProxyClient, link: str) -> None:
    links = client.proxies()
    if link not in links:
        raise TargetError(Problem(client.url, f'the fault proxy has no link "{link}"', nearest(link, links)))


def take_lease(
    client: ProxyClient,
    lease: str,
    seconds: float,
    toxics: tuple[tuple[str, str], ...] = (),
    enable: tuple[str, ...] = (),
) -> bool:
    """Lease first, inject then, so that no fault is ever in without one. False: a real Toxiproxy, which has none."""
    try:
        client.lease(lease, seconds, toxics, enable)
    except ProxyRefusedError as refused:
        if refused.status == 404:
            return False
        raise
    return True
