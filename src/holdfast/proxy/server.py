"""The control API: Toxiproxy 2.x's routes, and ours under /holdfast.

In: an HTTP request. Out: JSON. Who may ask for what: `access`.
"""

import itertools
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final

from holdfast.proxy import refusal
from holdfast.proxy.access import Access
from holdfast.proxy.collection import LinkCollection
from holdfast.proxy.http import Request, Response, error_response, json_response
from holdfast.proxy.lease import parse_lease
from holdfast.proxy.refusal import ApiError

VERSION: Final = "2.12.0"  # the Toxiproxy whose API this is: clients look at it to know what they may send


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that found its route. `names`: the names in its path, in order."""

    request: Request
    names: tuple[str, ...]

    def body(self) -> object:
        """The decoded JSON body. Raises ApiError (400)."""
        try:
            return json.loads(self.request.body)
        except (ValueError, RecursionError) as error:
            raise refusal.bad_request_body(error) from None


Answer = Callable[[Asked], Awaitable[Response]]


class Api:
    """Routes requests to the links."""

    def __init__(self, links: LinkCollection, access: Access) -> None:
        self._links = links
        self._access = access
        self._numbers = itertools.count(1)
        self._routes: Mapping[tuple[str, str], Answer] = {
            ("GET", "version"): self._version,
            ("GET", "metrics"): self._metrics,
            ("POST", "reset"): self._reset,
            ("POST", "populate"): self._populate,
            ("GET", "proxies"): self._proxies,
            ("POST", "proxies"): self._create,
            ("GET", "proxies/*"): self._show,
            ("POST", "proxies/*"): self._update,
            ("PATCH", "proxies/*"): self._update,
            ("DELETE", "proxies/*"): self._delete,
            ("GET", "proxies/*/toxics"): self._toxics,
            ("POST", "proxies/*/toxics"): self._add_toxic,
            ("GET", "proxies/*/toxics/*"): self._show_toxic,
            ("POST", "proxies/*/toxics/*"): self._update_toxic,
            ("PATCH", "proxies/*/toxics/*"): self._update_toxic,
            ("DELETE", "proxies/*/toxics/*"): self._remove_toxic,
            ("GET", "holdfast/balancers"): self._balancers,
            ("POST", "holdfast/balancers"): self._create_balancer,
            ("GET", "holdfast/leases"): self._leases,
            ("PUT", "holdfast/leases/*"): self._lease,
            ("DELETE", "holdfast/leases/*"): self._release,
            ("GET", "holdfast/exposure"): self._exposure,
        }

    async def handle(self, request: Request) -> Response:
        admitted = self._access.admit(request)
        response = admitted if isinstance(admitted, Response) else await self._routed(admitted)
        number = ("X-Toxiproxy-Request-Id", str(next(self._numbers)))
        return Response(response.status, response.body, response.content_type, (*response.headers, number))

    async def _routed(self, request: Request) -> Response:
        shape, names = _shape(request.path)
        answer = self._routes.get((request.method, shape))
        if answer is None:
            if any(shape == known for _, known in self._routes):
                return Response(405)
            return Response(404, b"404 page not found\n", "text/plain; charset=utf-8")
        try:
            return await answer(Asked(request, names))
        except ApiError as refused:
            return error_response(refused.status, refused.message)

    # Toxiproxy's routes

    async def _version(self, _: Asked) -> Response:
        return json_response(200, {"version": VERSION})

    async def _reset(self, _: Asked) -> Response:
        await self._links.reset()
        return Response(204)

    async def _populate(self, asked: Asked) -> Response:
        links, refused = await self._links.populate(asked.body())
        proxies = [link.as_json() for link in links] or None
        if refused is None:
            return json_response(201, {"proxies": proxies})
        return json_response(refused.status, {"error": refused.message, "status": refused.status, "proxies": proxies})

    async def _proxies(self, _: Asked) -> Response:
        return json_response(200, {name: link.as_json() for name, link in sorted(self._links.links.items())})

    async def _create(self, asked: Asked) -> Response:
        return json_response(201, (await self._links.create(asked.body())).as_json())

    async def _show(self, asked: Asked) -> Response:
        return json_response(200, self._links.get(asked.names[0]).as_json())

    async def _update(self, asked: Asked) -> Response:
        link = self._links.get(asked.names[0])
        await self._links.update(link, asked.body())
        return json_response(200, link.as_json())

    async def _delete(self, asked: Asked) -> Response:
        await self._links.delete(self._links.get(asked.names[0]))
        return Response(204)

    async def _toxics(self, asked: Asked) -> Response:
        return json_response(200, [toxic.as_json() for toxic in self._links.get(asked.names[0]).in_order()])

    async def _add_toxic(self, asked: Asked) -> Response:
        link = self._links.get(asked.names[0])
        return json_response(200, self._links.add_toxic(link, asked.body()).as_json())

    async def _show_toxic(self, asked: Asked) -> Response:
        return json_response(200, self._links.get(asked.names[0]).find(asked.names[1]).as_json())

    async def _update_toxic(self, asked: Asked) -> Response:
        link = self._links.get(asked.names[0])
        link.find(asked.names[1])
        return json_response(200, self._links.update_toxic(link, asked.names[1], asked.body()).as_json())

    async def _remove_toxic(self, asked: Asked) -> Response:
        self._links.get(asked.names[0]).remove(asked.names[1])
        return Response(204)

    async def _metrics(self, _: Asked) -> Response:
        return Response(200, _metrics_text(self._links).encode(), "text/plain; version=0.0.4; charset=utf-8")

    # Ours

    async def _balancers(self, _: Asked) -> Response:
        balancers = {
            name: {
                "listen": link.listen,
                "health": link.balancer.check.as_json() if link.balancer.check else None,
                "upstreams": [backend.as_json() for backend in link.balancer.backends],
            }
            for name, link in sorted(self._links.links.items())
            if link.balancer.check is not None or len(link.balancer.backends) > 1
        }
        return json_response(200, {"balancers": balancers})

    async def _create_balancer(self, asked: Asked) -> Response:
        return json_response(201, (await self._links.create_balancer(asked.body())).as_json())

    async def _leases(self, _: Asked) -> Response:
        return json_response(200, self._links.leases.as_json())

    async def _lease(self, asked: Asked) -> Response:
        seconds, toxics, enable = parse_lease(asked.body())
        lease = self._links.leases.renew(asked.names[0], seconds, toxics, enable)
        return json_response(200, {"id": lease.id, "seconds": seconds})

    async def _release(self, asked: Asked) -> Response:
        if not self._links.leases.release(asked.names[0]):
            raise ApiError(404, "lease not found")
        return Response(204)

    async def _exposure(self, _: Asked) -> Response:
        proxies = {name: link.exposure() for name, link in sorted(self._links.links.items())}
        return json_response(200, {"proxies": proxies, "seed": self._links.seed})


def _shape(path: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
    """A path with its names taken out: ("proxies", "edge", "toxics") is "proxies/*/toxics" and ("edge",)."""
    fixed = 2 if path[0] == "holdfast" else 1
    shown = ["*" if position >= fixed and (position - fixed) % 2 == 0 else part for position, part in enumerate(path)]
    return "/".join(shown), tuple(part for part, shape in zip(path, shown, strict=True) if shape == "*")


def _metrics_text(links: LinkCollection) -> str:
    lines = []
    for metric in ("received", "sent"):
        lines.append(f"# TYPE toxiproxy_proxy_{metric}_bytes_total counter")
        for name, link in sorted(links.links.items()):
            exposure = link.exposure()
            for direction in ("upstream", "downstream"):
                labels = {"direction": direction, "proxy": name, "listener": link.listen, "upstream": link.upstream}
                shown = ",".join(f"{key}={json.dumps(value)}" for key, value in labels.items())
                lines.append(f"toxiproxy_proxy_{metric}_bytes_total{{{shown}}} {exposure[f'bytes_{direction}']}")
    return "\n".join(lines) + "\n"
