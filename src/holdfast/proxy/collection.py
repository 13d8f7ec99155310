"""All links of one proxy program, and what may be done to them: Toxiproxy's operations, and leases.

In: decoded JSON bodies. Out: links, or an `ApiError` with Toxiproxy's text and code. Changes of what listens are made
one after another; putting a toxic on or off never waits for anything.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from holdfast.proxy import refusal
from holdfast.proxy.address import Address, is_loopback, parse_address
from holdfast.proxy.balancer import Balancer, HealthCheck, parse_health, parse_upstreams
from holdfast.proxy.lease import LeaseBook
from holdfast.proxy.link import Link, Timing
from holdfast.proxy.refusal import ApiError
from holdfast.proxy.toxics import Toxic, new_toxic, toxic_name, updated_toxic

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class LinkRequest:
    """What a request says about a link; None is "not said"."""

    name: str | None
    listen: str | None
    upstream: str | None
    enabled: bool | None


def parse_link(body: object) -> LinkRequest:
    """Raises ApiError. Keys that are not ours are ignored: clients post a link's toxics back."""
    if not isinstance(body, Mapping):
        raise refusal.bad_request_body("expected a JSON object")
    texts: dict[str, str | None] = {}
    for key in ("name", "listen", "upstream"):
        value = body.get(key)
        if value is not None and not isinstance(value, str):
            raise refusal.bad_request_body(f"{key} must be a string")
        texts[key] = value
    enabled = body.get("enabled")
    if enabled is not None and not isinstance(enabled, bool):
        raise refusal.bad_request_body("enabled must be true or false")
    return LinkRequest(texts["name"], texts["listen"], texts["upstream"], enabled)


class LinkCollection:
    """The links by name. `clock`: monotonic seconds, for the leases. `far`: links may listen beyond the loopback."""

    def __init__(
        self, seed: int, clock: Callable[[], float], timing: Timing | None = None, *, far: bool = False
    ) -> None:
        self._far = far
        self.seed = seed
        self.leases = LeaseBook(clock)
        self._timing = timing
        self._links: dict[str, Link] = {}
        self._listening = asyncio.Lock()

    @property
    def links(self) -> Mapping[str, Link]:
        return self._links

    def get(self, name: str) -> Link:
        """Raises ApiError (404)."""
        try:
            return self._links[name]
        except KeyError:
            raise refusal.proxy_not_found() from None

    # Links

    async def create(self, body: object) -> Link:
        request = parse_link(body)
        if not request.name:
            raise refusal.missing_field("name")
        if not request.upstream:
            raise refusal.missing_field("upstream")
        balancer = Balancer(_upstreams(request.upstream))
        return await self._add(request.name, request.listen or "", balancer, request.enabled is not False)

    async def create_balancer(self, body: object) -> Link:
        request = parse_link(body)
        fields = body if isinstance(body, Mapping) else {}
        if not request.name:
            raise refusal.missing_field("name")
        failover = fields.get("failover", True)
        if not isinstance(failover, bool):
            raise refusal.bad_request_body("failover must be true or false")
        health = parse_health(fields.get("health"))
        balancer = Balancer(parse_upstreams(fields.get("upstreams")), health, failover=failover)
        return await self._add(request.name, request.listen or "", balancer, request.enabled is not False)

    async def populate(self, body: object) -> tuple[list[Link], ApiError | None]:
        """Create or replace each of a list. What was done before the first refusal stays done, and is returned."""
        if not isinstance(body, list):
            return [], refusal.bad_request_body("expected a JSON array")
        try:
            requests = [parse_link(one) for one in body]
            for number, request in enumerate(requests, start=1):
                if not request.name:
                    raise refusal.missing_field(f"name at proxy {number}")
                if not request.upstream:
                    raise refusal.missing_field(f"upstream at proxy {number}")
        except ApiError as refused:
            return [], refused
        done: list[Link] = []
        for request in requests:
            try:
                done.append(await self._add_or_replace(request))
            except ApiError as refused:
                return done, refused
        return done, None

    async def update(self, link: Link, body: object) -> None:
        """Change listen, upstream, enabled; a new address closes the connections, toxics stay."""
        request = parse_link(body)
        async with self._listening:
            upstreams = link.balancer.addresses if request.upstream is None else _upstreams(request.upstream)
            moves = request.listen is not None and not _same_listener(link, request.listen)
            enabled = link.enabled if request.enabled is None else request.enabled
            if moves:
                self._check_listen(request.listen or "")
            if moves or upstreams != link.balancer.addresses:
                link.stop()
                link.balancer = Balancer(upstreams, link.balancer.check, failover=link.balancer.failover)
                link.listen = request.listen if moves and request.listen is not None else link.listen
            if enabled:
                await link.start()
            else:
                link.stop()

    async def delete(self, link: Link) -> None:
        async with self._listening:
            link.stop()
            self._links.pop(link.name, None)

    async def reset(self) -> None:
        """Remove all toxics, enable all links, forget all leases. Every link is tried before a refusal is raised."""
        self.leases.clear()
        for link in self._links.values():
            link.remove_all()
        first: ApiError | None = None
        async with self._listening:
            for link in tuple(self._links.values()):
                try:
                    await link.start()
                except ApiError as refused:
                    first = first or refused
        if first is not None:
            raise first

    def stop(self) -> None:
        for link in self._links.values():
            link.stop()

    # Toxics

    def add_toxic(self, link: Link, body: object) -> Toxic:
        name = toxic_name(body)
        if any(name == toxic.name for toxic in link.toxics):
            raise refusal.toxic_already_exists()
        toxic = new_toxic(body)
        link.add(toxic)
        return toxic

    def update_toxic(self, link: Link, name: str, body: object) -> Toxic:
        before = link.find(name)
        after = updated_toxic(before, body)
        link.replace(before, after)
        return after

    # Leases

    async def heal_expired(self) -> None:
        """Take out what expired leases covered; what is gone already is fine."""
        for lease in self.leases.take_expired():
            log.warning("lease %s expired: removing %s, enabling %s", lease.id, list(lease.toxics), list(lease.enable))
            for link_name, name in lease.toxics:
                link = self._links.get(link_name)
                if link is not None and any(toxic.name == name for toxic in link.toxics):
                    link.remove(name)
            for link_name in lease.enable:
                link = self._links.get(link_name)
                if link is not None:
                    try:
                        async with self._listening:
                            await link.start()
                    except ApiError as refused:
                        log.warning("lease %s: cannot enable %s: %s", lease.id, link_name, refused.message)

    # Inside

    async def _add(self, name: str, listen: str, balancer: Balancer, enabled: bool) -> Link:
        async with self._listening:
            if name in self._links:
                raise refusal.proxy_already_exists()
            return await self._start_new(name, listen, balancer, enabled)

    async def _add_or_replace(self, request: LinkRequest) -> Link:
        name, listen = request.name or "", request.listen or ""
        self._check_listen(listen)
        upstreams = _upstreams(request.upstream or "")
        async with self._listening:
            existing = self._links.get(name)
            check: HealthCheck | None = None
            if existing is not None:
                if upstreams == existing.balancer.addresses and _same_listener(existing, listen):
                    return existing
                check = existing.balancer.check
                existing.stop()
                del self._links[name]
            return await self._start_new(name, listen, Balancer(upstreams, check), request.enabled is not False)

    async def _start_new(self, name: str, listen: str, balancer: Balancer, enabled: bool) -> Link:
        self._check_listen(listen)
        link = Link(name, listen, balancer, self.seed, self._timing)
        if enabled:
            await link.start()
        self._links[name] = link
        return link

    def _check_listen(self, listen: str) -> None:
        """Raises ApiError (403) when other machines could reach the link, and that was not allowed."""
        if self._far:
            return
        try:
            host = parse_address(listen).host
        except ValueError:
            return  # refused in its own words when it is bound
        if not is_loopback(host):
            raise refusal.listens_far(listen)


def _upstreams(text: str) -> tuple[Address, ...]:
    """Several are separated by commas, as a balancer shows them. Raises ApiError (500, as a failed resolution is)."""
    try:
        return tuple(parse_address(part.strip()) for part in text.split(","))
    except ValueError as error:
        raise ApiError(500, str(error)) from None


def _same_listener(link: Link, listen: str) -> bool:
    """Whether `listen` means the address the link has. Port 0 always asks for a new one."""
    try:
        asked, has = parse_address(listen), parse_address(link.listen)
    except ValueError:
        return False
    loopback = ("localhost", "127.0.0.1")
    same_host = asked.host == has.host or (asked.host in loopback and has.host in loopback)
    return same_host and asked.port == has.port != 0
