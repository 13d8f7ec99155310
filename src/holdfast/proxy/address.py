"""`host:port` in, a pair out, and which of them stay on this machine."""

import ipaddress
from dataclasses import dataclass

from holdfast.digits import whole

LOOPBACK = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Address:
    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse_address(text: str) -> Address:
    """Read `host:port`, `[::1]:port`, `:port`; an absent host is the loopback, and "" is any free port of it.

    Toxiproxy binds all interfaces when the host is absent; a tool that injects faults should have to be asked.
    Raises ValueError.
    """
    if not text:
        return Address(LOOPBACK, 0)
    host, colon, port = text.rpartition(":")
    if not colon:
        raise ValueError(f"address {text}: missing port in address")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        raise ValueError(f"address {text}: too many colons in address")
    number = whole(port)
    if number is None or number > 65535:
        raise ValueError(f"address {text}: invalid port")
    return Address(host or LOOPBACK, number)


def is_loopback(host: str) -> bool:
    """True when `host` is `localhost` or an address of the loopback; no name is resolved."""
    if host.lower() in ("localhost", "localhost."):
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
