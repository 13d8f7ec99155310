"""HTTP/1.1 on gevent sockets: connections opened, a request's bytes sent, an answer read. Nothing more.

In: an origin, bytes. Out: an answer in the connection's reader, or an OSError, `TimeoutError` or `WireError`. Sockets
are never handed to select(): it fails on descriptors above 1023, and gevent's yields to the loop inside what is being
measured. No socket has a timeout of its own: who calls watches one deadline over all (`deadlines`).
"""

import contextlib
import math
import re
import select
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

import gevent.monkey
import gevent.socket
import gevent.ssl
from gevent.hub import get_hub

from holdfast.kit.plain_client import SYNTHETIC
from holdfast.load.deadlines import Deadlines
from holdfast.load.origin import Origin
from holdfast.load.received import AnswerReader
from holdfast.load.wire_error import NeverSentError, WireError
from holdfast.workspace.tls import SYSTEM, Tls, context_of

_READ_BYTES: Final = 64 * 1024
_ADDRESS_SECONDS: Final = 10.0  # how long a resolved name is used: at 1,000 arrivals a second DNS is not what we test
_READABLE: Final = 1  # libev's EV_READ
_ONE_RECORD: Final = 16 * 1024  # what TLS sends at once (RFC 8446, 5.1): a part of it cannot be read by anybody
_TOLD: Final = re.compile(r"timeout\s*=\s*(\d{1,9})", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Opening:
    """How long a new connection took, in seconds. 0: that part did not happen (the name was known, there is no TLS)."""

    dns: float = 0.0
    connect: float = 0.0
    tls: float = 0.0


class Connection:
    """One open connection. `sent_at` and `first_at`, on the monotonic clock, are of the last exchange; 0: not yet.

    `idle_since`: when its last exchange ended, on the same clock; 0: it has not been used yet. Who uses it sets it.
    """

    __slots__ = ("_dialer", "_hub", "_io", "_poll", "_socket", "first_at", "idle_since", "opening", "reader", "sent_at")

    def __init__(self, opened: Any, opening: Opening, dialer: "Dialer") -> None:
        self._socket = opened
        self._dialer = dialer
        self._hub = get_hub()
        self._io = None if dialer.origin.secure else self._hub.loop.io(opened.fileno(), _READABLE)
        self._poll: Any = None
        self.opening = opening
        self.reader = AnswerReader()
        self.sent_at = self.first_at = self.idle_since = 0.0

    def exchange(self, request: bytes, *, head: bool) -> bool:
        """Send, then read the whole answer into `reader`. True when the connection can be used again.

        Waits as long as it takes: the caller watches the deadline. Raises OSError (ConnectionError when closed too
        early; NeverSentError when a connection that was used before took no byte of the request), WireError.
        """
        reader, monotonic = self.reader, time.monotonic
        reader.expect()
        self.sent_at = self.first_at = 0.0
        with contextlib.suppress(BrokenPipeError):  # it may have answered before it hung up: look
            sent = self._begin(request)
            if sent != len(request):
                self._socket.sendall(memoryview(request)[sent:])
        self.sent_at = monotonic()
        while not reader.complete:
            if self._io is not None:
                self._hub.wait(self._io)  # the answer is hardly ever there yet: trying first costs an exception
            data = self._socket.recv(_READ_BYTES)
            if not data:
                if reader.ends_at_close:
                    return False
                raise ConnectionResetError("closed before the answer was complete")
            if not self.first_at:
                self.first_at = monotonic()
            reader.feed(data)
            if head and reader.headers_done:
                return reader.headers_only() and reader.keep_alive and not reader.excess
        return reader.keep_alive and not reader.excess

    def alive(self, now: float) -> bool:
        """Between two exchanges: whether it can be used again. `now` on the monotonic clock.

        Not when the other side closed it or half of it, when bytes came that nobody asked for (a 408 that says goodbye,
        the rest of an answer), or when it has been idle for nearly as long as the server said that it keeps one.

        The system's poll(), not gevent's: no yield to the loop, any descriptor.
        """
        if now - self.idle_since >= self._kept_for():
            return False
        if self._poll is None:  # kept: making one costs as much as asking it
            self._poll = self._dialer.poll()
            self._poll.register(self._socket.fileno(), select.POLLIN | select.POLLRDHUP)
        found = self._poll.poll(0)
        if not found:
            return self._io is not None or not self._socket.pending()
        return self._io is None and found[0][1] == select.POLLIN and self._is_only_about_tls()

    def _begin(self, request: bytes) -> int:
        """Hand the first bytes over; returns how many."""
        try:
            sent: int = self._socket.send(request)
        except (ConnectionError, gevent.ssl.SSLError) as error:
            if self.idle_since and (self._io is not None or len(request) <= _ONE_RECORD):
                raise NeverSentError(str(error)) from error
            raise
        return sent

    def _kept_for(self) -> float:
        """Seconds for which the server said that it keeps an idle connection, less what a request takes to get there:
        a quarter of them, one second at most. Endless where it said nothing; 0: not at all.
        """
        values = self.reader.values(b"keep-alive")
        told = _TOLD.search(",".join(values)) if values else None
        if told is None:
            return math.inf
        seconds = float(told[1])
        return seconds - min(seconds / 4, 1.0)

    def _is_only_about_tls(self) -> bool:
        """Whether what has come is for TLS itself, such as a ticket: no data and no goodbye (close_notify)."""
        self._socket.settimeout(0.0)
        try:
            self._socket.recv(1)
        except gevent.ssl.SSLWantReadError:
            return True
        except OSError:
            return False
        finally:
            self._socket.settimeout(None)
        return False

    def close(self) -> None:
        if self._io is not None:
            self._io.close()
            self._io = None
        self.reader.forget()
        self._socket.close()


class Dialer:
    """Opens connections to one origin. A TLS session is never taken up again: visitors are strangers to each other."""

    def __init__(self, origin: Origin, tls: Tls = SYSTEM) -> None:
        self.origin = origin
        self.deadlines = Deadlines()
        self.poll = gevent.monkey.get_original("select", "poll")
        self._tls: Any = context_of(tls, gevent.ssl.SSLContext) if origin.secure else None
        self._addresses: list[tuple[Any, ...]] = []
        self._resolved_at = -_ADDRESS_SECONDS

    def open(self) -> Connection:
        """A new connection, by the first address that takes it. Raises OSError. The caller watches the deadline."""
        began = time.monotonic()
        dns = self._resolve(began)
        refused: OSError | None = None
        for family, kind, protocol, _, address in self._addresses:
            opened = gevent.socket.socket(family, kind, protocol)
            try:
                connect_began = time.monotonic()
                opened.settimeout(None)
                opened.connect(address)
                opened.setsockopt(gevent.socket.IPPROTO_TCP, gevent.socket.TCP_NODELAY, 1)
                connected = time.monotonic()
                connect, tls = connected - connect_began, 0.0
                if self._tls is not None:
                    opened = self._tls.wrap_socket(opened, server_hostname=self.origin.host)
                    tls = time.monotonic() - connected
            except OSError as error:
                opened.close()
                refused = error
            except BaseException:
                opened.close()
                raise
            else:
                return Connection(opened, Opening(dns, connect, tls), self)
        raise refused or OSError("no address")

    def _resolve(self, now: float) -> float:
        """Seconds it took; 0 where the name is known."""
        if now - self._resolved_at < _ADDRESS_SECONDS:
            return 0.0
        self._addresses = gevent.socket.getaddrinfo(self.origin.host, self.origin.port, 0, gevent.socket.SOCK_STREAM)
        self._resolved_at = time.monotonic()
        return self._resolved_at - now


def fetcher(timeout: float, tls: Tls = SYSTEM, marker: str = "holdfast (synthetic)") -> Callable[[str], bytes]:
    """A plain GET for what is not measured (the outbox): URL to body. Raises OSError for everything that goes wrong.

    By gevent's sockets what `holdfast.kit.inbox.fetcher` is by the system's.
    """
    dialers: dict[Origin, Dialer] = {}

    def fetch(url: str) -> bytes:
        parts = urlsplit(url)
        origin = Origin.of(f"{parts.scheme}://{parts.netloc}")
        dialer = dialers.setdefault(origin, Dialer(origin, tls))
        path = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
        mark = f"User-Agent: {marker}\r\n{SYNTHETIC}: 1\r\n"
        request = f"GET {path} HTTP/1.1\r\nHost: {origin.authority}\r\n{mark}Connection: close\r\n\r\n"
        connection: Connection | None = None
        watched = dialer.deadlines.watch(time.monotonic() + timeout)
        try:
            connection = dialer.open()
            connection.exchange(request.encode("ascii"), head=False)
            status, body = connection.reader.status, connection.reader.body()
        except WireError as error:
            raise OSError(str(error)) from error
        finally:
            dialer.deadlines.release(watched)
            if connection is not None:
                connection.close()
        if status != 200:
            raise OSError(f"{status}")
        return body

    return fetch
