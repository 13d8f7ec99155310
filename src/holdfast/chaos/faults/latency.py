"""A link answers late: a latency toxic, leased, so that it goes by itself when nobody renews it."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from holdfast.chaos.faults.fault import link_arguments, proxy_of, raise_unless_link, take_lease
from holdfast.chaos.presence import as_put_in
from holdfast.chaos.repair import REMOVE_TOXIC
from holdfast.chaos.undo import Undo
from holdfast.errors import HoldfastError
from holdfast.proxy.client import ProxyClient, ToxicFacts
from holdfast.workspace.target import Connection

_DOWNSTREAM = "downstream"


@dataclass(frozen=True, slots=True)
class Latency:
    """`latency_ms` ± `jitter_ms` on all that a link carries; `toxicity`: the share of its connections that meet it."""

    link: str
    latency_ms: int
    jitter_ms: int = 0
    stream: str = _DOWNSTREAM
    toxicity: float = 1.0

    kind: ClassVar[str] = "latency"

    @property
    def target(self) -> str:
        return self.link

    def mistakes(self) -> list[tuple[str, str]]:
        found = []
        if self.latency_ms <= 0:
            found.append(("latency_ms", "must be above 0"))
        if not 0 <= self.jitter_ms <= self.latency_ms:
            found.append(("jitter_ms", "must be from 0 to latency_ms: nothing can be early"))
        if self.stream not in {_DOWNSTREAM, "upstream"}:
            found.append(("stream", "is either downstream (answers) or upstream (questions)"))
        if not 0 < self.toxicity <= 1:
            found.append(("toxicity", "is a share: above 0, at most 1"))
        return found

    def prepare(self, connection: Connection, entry_id: str) -> Undo:
        raise_unless_link(proxy_of(connection), self.link)
        arguments = link_arguments(connection, self.link, entry_id)
        return Undo(REMOVE_TOXIC, arguments | {"toxic": f"holdfast-{entry_id}"} | as_put_in(self._toxic))

    def inject(self, connection: Connection, undo: Undo, seconds: float) -> int | None:
        client = proxy_of(connection)
        toxic = undo.arguments["toxic"]
        take_lease(client, undo.arguments["lease"], seconds, toxics=((self.link, toxic),))
        put_in = self._toxic
        client.add_toxic(self.link, toxic, put_in.type, put_in.stream, put_in.toxicity, put_in.attributes)
        return None

    @property
    def _toxic(self) -> ToxicFacts:
        attributes = {"latency": self.latency_ms, "jitter": self.jitter_ms}
        return ToxicFacts("", "latency", self.stream, self.toxicity, attributes)


def chunks_met(undos: Iterable[Undo]) -> int | None:
    """How many chunks of traffic (as a rule a question or an answer each) met the toxics of these undos.

    Those that are removed count too. None when none of them is a toxic, the proxy does not count, or it has ended.
    """
    counts = [_chunks(undo) for undo in undos if undo.kind == REMOVE_TOXIC]
    known = [count for count in counts if count is not None]
    return sum(known) if known else None


def _chunks(undo: Undo) -> int | None:
    try:
        link = ProxyClient(undo.arguments["proxy_url"]).exposure().get(undo.arguments["link"])
    except HoldfastError:
        return None
    toxic = link.toxics.get(undo.arguments["toxic"]) if link is not None else None
    return toxic.chunks if toxic is not None else None
