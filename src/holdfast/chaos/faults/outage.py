"""A link is down: its connections are cut and new ones refused, leased, so that it comes back by itself."""

from dataclasses import dataclass
from typing import ClassVar

from holdfast.chaos.faults.fault import link_arguments, proxy_of, raise_unless_link, take_lease
from holdfast.chaos.repair import ENABLE_LINK
from holdfast.chaos.undo import Undo
from holdfast.errors import HoldfastError
from holdfast.proxy.client import ProxyClient
from holdfast.workspace.target import Connection


@dataclass(frozen=True, slots=True)
class Outage:
    """Refused, not silent: clients learn of it at once. A silent link is a pause of what is behind it."""

    link: str

    kind: ClassVar[str] = "outage"

    @property
    def target(self) -> str:
        return self.link

    def mistakes(self) -> list[tuple[str, str]]:
        return []

    def prepare(self, connection: Connection, entry_id: str) -> Undo:
        raise_unless_link(proxy_of(connection), self.link)
        return Undo(ENABLE_LINK, link_arguments(connection, self.link, entry_id))

    def inject(self, connection: Connection, undo: Undo, seconds: float) -> int | None:
        client = proxy_of(connection)
        take_lease(client, undo.arguments["lease"], seconds, enable=(self.link,))
        cut = _open_connections(client, self.link)
        client.set_enabled(self.link, False)
        return cut


def _open_connections(client: ProxyClient, link: str) -> int | None:
    try:
        exposure = client.exposure().get(link)
    except HoldfastError:
        return None  # a real Toxiproxy does not count
    return exposure.open if exposure is not None else None
