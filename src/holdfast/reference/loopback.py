"""JSON over HTTP with another process of the stack, synchronously; and ports for those processes to listen on."""

import json
import random
import socket
from pathlib import Path
from typing import Any, Final

from holdfast.kit import plain_client
from holdfast.kit.plain_client import Rules

HOST: Final = "127.0.0.1"
_EPHEMERAL_RANGE: Final = Path("/proc/sys/net/ipv4/ip_local_port_range")
_LOWEST_PORT: Final = 15_000
_DEFAULT_EPHEMERAL: Final = 32_768  # Linux' default, and above it everywhere else
_ATTEMPTS: Final = 2000
_MOST_BYTES: Final = 16_000_000


class NoAnswerError(Exception):
    """Nobody listens, the answer took too long, or it was not the JSON that was expected. `status` 0: no answer."""

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


def ask(url: str, method: str = "GET", body: object = None, token: str = "", timeout: float = 5.0) -> Any:
    """One request; the decoded JSON answer, None when it is empty. `timeout` in seconds. Raises NoAnswerError."""
    headers = {"Content-Type": "application/json"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    data = None if body is None else json.dumps(body).encode()
    try:
        rules = Rules("holdfast", synthetic=False, deadline=timeout, most_bytes=_MOST_BYTES)
        answer = plain_client.ask(url, rules, method=method, body=data, headers=headers)
        if not 200 <= answer.status < 300:
            raise NoAnswerError(f"{method} {url}: {answer.status}", answer.status)
        return json.loads(answer.body) if answer.body else None
    except (OSError, ValueError) as error:
        raise NoAnswerError(f"{method} {url}: {error}") from None


def free_ports(count: int, chooser: random.Random | None = None) -> tuple[int, ...]:
    """`count` loopback ports on which nobody listens now.

    Taken from below the range the kernel gives to outgoing connections: a process that restarts must find its port
    free, and one from that range may meanwhile be the near end of somebody's connection. Raises OSError.
    """
    chooser = chooser or random.Random()
    try:
        highest = int(_EPHEMERAL_RANGE.read_text().split()[0])
    except (OSError, ValueError, IndexError):
        highest = _DEFAULT_EPHEMERAL
    lowest = min(_LOWEST_PORT, highest - 5000)
    found: list[int] = []
    for _ in range(_ATTEMPTS):
        if len(found) == count:
            break
        port = chooser.randrange(lowest, highest)
        if port not in found and is_free(port):
            found.append(port)
    if len(found) < count:
        raise OSError(f"no {count} free ports between {lowest} and {highest}")
    return tuple(found)


def is_free(port: int) -> bool:
    """True when a server could listen on this loopback port now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as attempt:
        attempt.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            attempt.bind((HOST, port))
        except OSError:
            return False
        return True
