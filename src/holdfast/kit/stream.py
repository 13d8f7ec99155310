"""One connection under one deadline: dialled, spoken through, closed. No proxy of the environment is ever asked.

In: a place, a TLS context that the caller made, a moment of the monotonic clock. Out: bytes, or OSError. Every wait is
cut at that moment, the look-up of the name included: a socket's own limit begins anew with each piece that drips in.
"""

import io
import ipaddress
import socket
import threading
import time
from typing import Any

Address = tuple[Any, ...]


class Stream(io.RawIOBase):
    """Open; close it. `deadline`: monotonic seconds. Reads and sends raise TimeoutError when it has passed."""

    def __init__(self, opened: socket.socket, deadline: float) -> None:
        super().__init__()
        self._socket = opened
        self._deadline = deadline
        self._buffered: io.BufferedReader | None = None

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._socket.settimeout(seconds_left(self._deadline))
        return self._socket.recv_into(buffer)

    def send(self, data: bytes) -> None:
        """All of it."""
        rest = memoryview(data)
        while rest:
            self._socket.settimeout(seconds_left(self._deadline))
            rest = rest[self._socket.send(rest) :]

    def makefile(self, _mode: str) -> io.BufferedReader:
        """For `http.client.HTTPResponse`, which asks a socket for it: always the same, for what it read ahead."""
        if self._buffered is None:
            self._buffered = io.BufferedReader(self)
        return self._buffered

    def close(self) -> None:
        self._socket.close()
        super().close()


def dialled(host: str, port: int, tls: Any, deadline: float) -> Stream:
    """By the first address that takes it. `tls`: an SSLContext; None: in the clear. Raises OSError, TimeoutError."""
    refused: OSError | None = None
    for family, kind, protocol, _, address in _addresses(host, port, deadline):
        opened = socket.socket(family, kind, protocol)
        try:
            opened.settimeout(seconds_left(deadline))
            opened.connect(address)
            if tls is not None:
                opened.settimeout(seconds_left(deadline))  # for the whole handshake
                opened = tls.wrap_socket(opened, server_hostname=host)
            return Stream(opened, deadline)
        except OSError as error:
            opened.close()
            refused = error
            if isinstance(error, TimeoutError):
                break
    raise refused or OSError("no address")


def seconds_left(deadline: float) -> float:
    """For the next wait. Raises TimeoutError when there is none."""
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _addresses(host: str, port: int, deadline: float) -> list[Address]:
    """Raises OSError, TimeoutError. The system's resolver knows no limit, so a name is looked up beside us."""
    if _is_number(host):
        return list(socket.getaddrinfo(host, port, 0, socket.SOCK_STREAM))
    found: list[Address] = []
    wrong: list[Exception] = []

    def look_up() -> None:
        try:
            found.extend(socket.getaddrinfo(host, port, 0, socket.SOCK_STREAM))
        except (OSError, UnicodeError) as error:
            wrong.append(error)

    looking = threading.Thread(target=look_up, name="look up a name", daemon=True)
    looking.start()
    looking.join(seconds_left(deadline))
    if looking.is_alive():
        raise TimeoutError(f"{host} was not looked up in time")
    if wrong:
        raise wrong[0] if isinstance(wrong[0], OSError) else OSError(f"{host!r} is not a valid name of a host")
    return found


def _is_number(host: str) -> bool:
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True
