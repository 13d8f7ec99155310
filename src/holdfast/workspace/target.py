"""Targets: what a run is aimed at, and whether it may be. `holdfast.yaml` names them.

    targets:
      reference: {stack: reference}
      staging: {url: https://account.staging.example, allowed: true, adapter: adapters/acme.py}
      inside: {url: https://account.inside.example, allowed: true, tls: {ca_file: certificates/inside.pem}}
    default_target: reference

Only loopback, or a host that `holdfast.yaml` marks as `allowed: true`, is ever sent load, faults or journeys.
"""

import ipaddress
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlsplit

from pydantic import Field

from holdfast import __version__
from holdfast.errors import Problem
from holdfast.workspace.binding import Broken, Definition, Duration
from holdfast.workspace.tls import SYSTEM, Tls

REFERENCE: Final = "reference"
MARKER: Final = f"holdfast/{__version__} (synthetic)"


class StackDefinition(Definition):
    """How the reference stack is built when a run starts it; see the reference of `holdfast stack up`."""

    replicas: Annotated[int, Field(ge=1, le=16)] = 2
    accounts: Annotated[int, Field(ge=200, le=1_000_000)] = 2_000
    workers: Annotated[int, Field(ge=1, le=1_000)] = 3
    service_time: Duration = 0.06
    restart_delay: Duration = 5.0
    failover: bool = True  # false: the edge goes on sending visitors to a replica that is gone
    failing_share: Annotated[float, Field(ge=0, le=1, strict=False)] = 0.0  # of the requests, answered 500


class AccountSource(Definition):
    """Where a user's own test accounts are: a CSV file (email, password, totp_secret), mode 0600."""

    file: str


class TlsDefinition(Definition):
    """Whom to trust about who the target is: `ca_file` instead of the system's authorities, or anybody."""

    ca_file: str | None = None
    verify: bool = True

    def broken(self) -> Iterator[Broken]:
        if self.ca_file is not None and not self.verify:
            what = "nothing is verified by a ca_file where verify is false"
            yield Broken(("ca_file",), what, "remove one of the two", ("ca_file", "verify"))


class TargetDefinition(Definition):
    """One entry under `targets:`."""

    stack: Literal["reference"] | None = None
    settings: StackDefinition | None = None
    url: str | None = None
    allowed: bool = False
    attacks: bool = False  # besides `allowed`: whether attack scenarios may be aimed at it
    adapter: str | None = None
    accounts: AccountSource | None = None
    code_margin: Annotated[Duration | None, Field(ge=0, le=15)] = None  # left to a one-time code that is still sent; 3s
    outbox_url: str | None = None
    tls: TlsDefinition | None = None
    replicas: Annotated[int | None, Field(ge=1)] = None  # how many carry the load: a sizing needs to know

    def broken(self) -> Iterator[Broken]:
        if (self.stack is None) == (self.url is None):
            what = "a target is either a reference stack or an address"
            yield Broken((), what, "write {stack: reference} or {url: https://…}", ("stack", "url"))
        if self.settings is not None and self.stack is None:
            yield Broken(("settings",), "settings belong to {stack: reference}", "remove them", ("stack", "settings"))
        if self.replicas is not None and self.stack is not None:
            yield Broken(
                ("replicas",), "replicas belong to {url: …}", "write them under settings", ("stack", "replicas")
            )
        https = any((url or "").startswith("https:") for url in (self.url, self.outbox_url))
        if self.tls is not None and not https:
            yield Broken(
                ("tls",), "tls belongs to an https address", "remove it", ("tls", "stack", "url", "outbox_url")
            )
        for key, url in (("url", self.url), ("outbox_url", self.outbox_url)):
            if url is not None:
                yield from (Broken((key,), what, fix) for what, fix in _wrong_with(url))

    def tls_in(self, root: Path) -> Tls:
        """`root`: of the workspace, where a ca_file is looked for."""
        if self.tls is None:
            return SYSTEM
        return Tls(self.tls.verify, str(root / self.tls.ca_file) if self.tls.ca_file is not None else None)


def _wrong_with(url: str) -> Iterator[tuple[str, str]]:
    if not _is_sound(url):
        yield "is not an address", "check its host and port"
        return
    parts = urlsplit(url)
    if parts.username is not None or parts.password is not None:
        yield "an address must not hold a user name or password", "remove it; secrets come from the environment"
    elif parts.scheme not in {"http", "https"} or not parts.hostname:
        yield f"{url!r} is not an http or https address", "write one such as https://account.example"


def _is_sound(url: str) -> bool:
    try:
        port = urlsplit(url).port
    except ValueError:
        return False
    return port != 0 and not any(character.isspace() for character in url)


@dataclass(frozen=True, slots=True)
class Connection:
    """How a run reaches its target. As JSON it is the `target` of every child's job."""

    name: str
    url: str
    outbox_url: str | None = None
    control_url: str | None = None
    control_token: str | None = field(default=None, repr=False)
    proxy_url: str | None = None
    proxy_token: str | None = field(default=None, repr=False)
    state_file: str | None = None
    adapter: str | None = None
    accounts: dict[str, Any] = field(default_factory=dict)
    code_margin: float | None = None  # seconds that a one-time code which is sent has left at least; None: the default
    tls: Tls = SYSTEM
    settings: dict[str, float] = field(
        default_factory=dict
    )  # what is known of its size: replicas, workers, service_time
    marker: str = MARKER

    def as_json(self) -> dict[str, Any]:
        """For a child's job only: it holds the tokens of the supervisor and the fault proxy."""
        return asdict(self)


def is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def refusal(name: str, definition: TargetDefinition, where: str) -> Problem | None:
    """Why this target may not be aimed at; None when it may."""
    addresses = [url for url in (definition.url, definition.outbox_url) if url is not None]
    far = next((url for url in addresses if not is_loopback(url)), None)
    if far is None or definition.allowed:
        return None
    return Problem(
        where,
        f"target {name}: {urlsplit(far).hostname} is not this machine, and holdfast.yaml does not allow it",
        "if it is yours to test, write `allowed: true` beside its url",
    )
