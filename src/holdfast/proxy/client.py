"""Talks to the fault proxy, or to a Toxiproxy: plain calls in, frozen facts out; no state but the address."""

import json
import urllib.error
import urllib.request
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast
from urllib.parse import quote, urlsplit

from holdfast.errors import InputError, Problem, TargetError

_NOT_FOUND: Final = 404
_METHOD_NOT_ALLOWED: Final = 405


class ProxyRefusedError(InputError):
    """The proxy understood and said no. `status`: its HTTP status."""

    def __init__(self, where: str, status: int, message: str) -> None:
        super().__init__(Problem(where, message))
        self.status = status


@dataclass(frozen=True, slots=True)
class ToxicFacts:
    name: str
    type: str
    stream: str
    toxicity: float
    attributes: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class ProxyFacts:
    name: str
    listen: str
    upstream: str
    enabled: bool
    toxics: tuple[ToxicFacts, ...]


@dataclass(frozen=True, slots=True)
class ToxicExposure:
    """What one toxic touched since its proxy was created; a removed toxic is still counted."""

    connections: int
    chunks: int


@dataclass(frozen=True, slots=True)
class ProxyExposure:
    """What went through one proxy since it was created. `open`: connections now."""

    connections: int
    open: int
    bytes_upstream: int
    bytes_downstream: int
    toxics: Mapping[str, ToxicExposure]


@dataclass(frozen=True, slots=True)
class UpstreamFacts:
    upstream: str
    healthy: bool
    connections: int
    served: int
    refused: int
    ejections: int


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """The token goes to the address that it was given for and to no other: a redirect is a refusal."""

    def redirect_request(self, *_: object, **__: object) -> None:
        return None


class ProxyClient:
    """The API at `url`. Calls raise TargetError when nobody answers, ProxyRefusedError when the answer is no.

    Whoever changes something at a fault proxy of ours needs its `token`; it may be the userinfo of `url`, too.
    """

    def __init__(self, url: str, token: str | None = None, timeout: float = 5.0) -> None:
        parts = urlsplit(url.rstrip("/"))
        # Not left in the address, which stands in messages and in the undo log.
        self.url = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
        self._timeout = timeout
        self._token = token or parts.password or parts.username
        # An http_proxy of the environment has no business between us and a loopback address.
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoRedirect())

    # Toxiproxy's routes

    def version(self) -> str:
        return str(self._ask("GET", "/version")["version"])

    def proxies(self) -> dict[str, ProxyFacts]:
        return {name: _proxy(facts) for name, facts in self._ask("GET", "/proxies").items()}

    def proxy(self, name: str) -> ProxyFacts:
        return _proxy(self._ask("GET", _path("proxies", name)))

    def create(self, name: str, upstream: str, listen: str = "127.0.0.1:0", enabled: bool = True) -> ProxyFacts:
        body = {"name": name, "listen": listen, "upstream": upstream, "enabled": enabled}
        return _proxy(self._ask("POST", "/proxies", body))

    def update(self, name: str, listen: str | None = None, upstream: str | None = None) -> ProxyFacts:
        given = {"listen": listen, "upstream": upstream}
        body = {key: value for key, value in given.items() if value is not None}
        return _proxy(self._patch(_path("proxies", name), body))

    def delete(self, name: str) -> None:
        """Missing is fine."""
        self._ask("DELETE", _path("proxies", name), missing_is_fine=True)

    def set_enabled(self, name: str, enabled: bool) -> ProxyFacts:
        """False: refuse new connections and close the open ones; toxics stay."""
        return _proxy(self._patch(_path("proxies", name), {"enabled": enabled}))

    def add_toxic(
        self,
        proxy: str,
        name: str,
        type: str,  # noqa: A002  # the word of the protocol
        stream: str = "downstream",
        toxicity: float = 1.0,
        attributes: Mapping[str, int] | None = None,
    ) -> ToxicFacts:
        numbers = dict(attributes or {})
        body = {"name": name, "type": type, "stream": stream, "toxicity": toxicity, "attributes": numbers}
        return _toxic(self._ask("POST", _path("proxies", proxy, "toxics"), body))

    def update_toxic(
        self, proxy: str, name: str, attributes: Mapping[str, int] | None = None, toxicity: float | None = None
    ) -> ToxicFacts:
        body: dict[str, object] = {"attributes": dict(attributes or {})}
        if toxicity is not None:
            body["toxicity"] = toxicity
        return _toxic(self._patch(_path("proxies", proxy, "toxics", name), body))

    def remove_toxic(self, proxy: str, name: str) -> None:
        """Missing is fine, so an undo may be repeated."""
        self._ask("DELETE", _path("proxies", proxy, "toxics", name), missing_is_fine=True)

    def reset(self) -> None:
        """Remove every toxic and enable every proxy."""
        self._ask("POST", "/reset")

    # holdfast's own: a real Toxiproxy refuses these with 404

    def create_balancer(
        self,
        name: str,
        upstreams: Sequence[str],
        listen: str = "127.0.0.1:0",
        health: Mapping[str, object] | None = None,
    ) -> ProxyFacts:
        body = {"name": name, "listen": listen, "upstreams": list(upstreams), "health": health}
        return _proxy(self._ask("POST", "/holdfast/balancers", body))

    def balancers(self) -> dict[str, tuple[UpstreamFacts, ...]]:
        found = self._ask("GET", "/holdfast/balancers")["balancers"]
        return {
            name: tuple(UpstreamFacts(**upstream) for upstream in facts["upstreams"]) for name, facts in found.items()
        }

    def lease(
        self, lease_id: str, seconds: float, toxics: Iterable[tuple[str, str]] = (), enable: Iterable[str] = ()
    ) -> None:
        """Create or renew. Unless renewed within `seconds`, these (proxy, toxic) go, and `enable` is enabled again."""
        body = {"seconds": seconds, "toxics": [list(pair) for pair in toxics], "enable": list(enable)}
        self._ask("PUT", _path("holdfast", "leases", lease_id), body)

    def release(self, lease_id: str) -> None:
        """Forget a lease; its toxics stay. Missing is fine."""
        self._ask("DELETE", _path("holdfast", "leases", lease_id), missing_is_fine=True)

    def leases(self) -> dict[str, float]:
        """Seconds remaining by id."""
        leases = self._ask("GET", "/holdfast/leases")["leases"]
        return {lease_id: float(lease["remaining"]) for lease_id, lease in leases.items()}

    def exposure(self) -> dict[str, ProxyExposure]:
        found = self._ask("GET", "/holdfast/exposure")["proxies"]
        return {name: _exposure(facts) for name, facts in found.items()}

    # Inside

    def _patch(self, path: str, body: object) -> Mapping[str, Any]:
        try:
            return self._ask("PATCH", path, body)
        except ProxyRefusedError as refused:
            if refused.status != _METHOD_NOT_ALLOWED:
                raise
            return self._ask("POST", path, body)  # Toxiproxy before 2.6.0

    def _ask(self, method: str, path: str, body: object = None, missing_is_fine: bool = False) -> Mapping[str, Any]:
        headers = {"User-Agent": "holdfast", "Content-Type": "application/json"}
        if self._token is not None:
            headers["Authorization"] = f"Bearer {self._token}"
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data=data, headers=headers, method=method)  # noqa: S310
        try:
            with self._opener.open(request, timeout=self._timeout) as response:
                content = response.read()
        except urllib.error.HTTPError as error:
            with error:
                if error.code == _NOT_FOUND and missing_is_fine:
                    return {}
                message = _message(error.read()) or str(error.reason)
            raise ProxyRefusedError(f"{method} {self.url}{path}", error.code, message) from None
        except OSError as error:  # URLError is one
            reason = getattr(error, "reason", error)
            problem = Problem(self.url, f"the fault proxy does not answer: {reason}", "Is the stack up?")
            raise TargetError(problem) from None
        return cast(Mapping[str, Any], json.loads(content)) if content else {}


def _path(*segments: str) -> str:
    return "".join(f"/{quote(segment, safe='')}" for segment in segments)


def _message(body: bytes) -> str:
    try:
        return str(json.loads(body)["error"])
    except (ValueError, KeyError, TypeError):
        return body.decode("utf-8", "replace").strip()


def _toxic(facts: Mapping[str, Any]) -> ToxicFacts:
    return ToxicFacts(facts["name"], facts["type"], facts["stream"], facts["toxicity"], facts.get("attributes") or {})


def _proxy(facts: Mapping[str, Any]) -> ProxyFacts:
    toxics = tuple(_toxic(toxic) for toxic in facts.get("toxics") or ())
    return ProxyFacts(facts["name"], facts["listen"], facts["upstream"], facts["enabled"], toxics)


def _exposure(facts: Mapping[str, Any]) -> ProxyExposure:
    toxics = {name: ToxicExposure(**counts) for name, counts in facts["toxics"].items()}
    return ProxyExposure(
        facts["connections"], facts["open"], facts["bytes_upstream"], facts["bytes_downstream"], toxics
    )
