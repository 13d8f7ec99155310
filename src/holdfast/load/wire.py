"""HTTP/1.1 on gevent sockets: connections opened, a request's bytes sent, an answer read by llhttp. Nothing more.

In: an origin, bytes, a deadline. Out: `Received`, or an OSError, `TimeoutError` or `WireError`. Sockets are never
handed to select(): it fails on descriptors above 1023, and gevent's yields to the loop inside what is being measured.
"""

import contextlib
import ssl
import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Self
from urllib.parse import urlsplit

import gevent
import gevent.socket
import gevent.ssl
import httptools

MOST_HEADER_BYTES: Final = 64 * 1024
MOST_BODY_BYTES: Final = 16 * 1024 * 1024
_READ_BYTES: Final = 64 * 1024
_ADDRESS_SECONDS: Final = 10.0  # how long a resolved name is used: at 1,000 arrivals a second DNS is not what we test
_PORTS: Final = {"http": 80, "https": 443}


class WireError(Exception):
    """The answer broke the protocol, or a limit of ours. The text is a low-cardinality reason."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Scheme, host and port of a target; `prefix` is the path that its URL has of its own."""

    scheme: str
    host: str
    port: int
    prefix: str = ""

    @classmethod
    def of(cls, url: str) -> Self:
        """Raises ValueError when it is no http or https address."""
        parts = urlsplit(url)
        if parts.scheme not in _PORTS or not parts.hostname:
            raise ValueError(f"{url!r} is not an http or https address")
        return cls(parts.scheme, parts.hostname, parts.port or _PORTS[parts.scheme], parts.path.rstrip("/"))

    @property
    def secure(self) -> bool:
        return self.scheme == "https"

    @property
    def authority(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"


class Received:
    """An answer as it is being read; llhttp's callbacks fill it in. Header names are lower case."""

    __slots__ = (
        "_length",
        "_parts",
        "began",
        "complete",
        "excess",
        "headers",
        "headers_done",
        "keep_alive",
        "parser",
        "set_cookie",
        "status",
    )

    def __init__(self) -> None:
        self.parser: Any = httptools.HttpResponseParser(self)
        self.status = 0
        self.headers: dict[str, str] = {}
        self.set_cookie: list[str] = []
        self.began = False
        self.headers_done = False
        self.keep_alive = False
        self.complete = False
        self.excess = False  # bytes after the end: whose they are nobody knows
        self._parts: list[bytes] = []
        self._length = 0

    def on_message_begin(self) -> None:
        self.began = True
        if self.complete:
            self.excess = True

    def on_header(self, name: bytes, value: bytes) -> None:
        if self.complete:
            return
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        if key == "set-cookie":
            self.set_cookie.append(text)
        else:
            known = self.headers.get(key)
            self.headers[key] = text if known is None else f"{known}, {text}"

    def on_headers_complete(self) -> None:
        if self.complete:
            return
        status = self.parser.get_status_code()
        if status < 200:  # 100 Continue, 103 Early Hints: the answer itself is still to come
            self.headers.clear()
            self.set_cookie.clear()
            return
        self.status = status
        self.headers_done = True
        self.keep_alive = self.parser.should_keep_alive()  # llhttp forgets it when the message is complete

    def on_body(self, part: bytes) -> None:
        if not self.complete:
            self._parts.append(part)
            self._length += len(part)

    def on_message_complete(self) -> None:
        if self.headers_done:
            self.complete = True

    @property
    def length(self) -> int:
        """Body bytes as they came over the wire."""
        return self._length

    @property
    def ends_at_close(self) -> bool:
        """Neither a length nor chunks: the body ends with the connection (RFC 9112, 6.3)."""
        return self.headers_done and not {"content-length", "transfer-encoding"} & self.headers.keys()

    def body(self) -> bytes:
        """Decoded. Raises WireError when its encoding is broken or it is too large."""
        body = b"".join(self._parts)
        if self.headers.get("content-encoding", "").lower() not in {"gzip", "x-gzip"} or not body:
            return body
        decoder = zlib.decompressobj(wbits=31)
        try:
            decoded = decoder.decompress(body, MOST_BODY_BYTES)
        except zlib.error as error:
            raise WireError("BadEncoding") from error
        if decoder.unconsumed_tail:
            raise WireError("BodyTooLarge")
        if not decoder.eof:
            raise WireError("BadEncoding")
        return decoded


class Connection:
    """One open connection."""

    __slots__ = ("_socket", "connecting")

    def __init__(self, opened: Any, connecting: float) -> None:
        self._socket = opened
        self.connecting = connecting  # seconds: DNS, TCP and TLS together

    def exchange(self, request: bytes, deadline: float, *, head: bool, received: Received) -> bool:
        """Send, then read the whole answer into `received`. True when the connection can be used again.

        `deadline` is on the monotonic clock. Raises TimeoutError, OSError (ConnectionError when closed too early),
        WireError.
        """
        try:
            return self._exchange(request, deadline, head=head, received=received)
        finally:
            received.parser = None  # the parser and its callbacks hold each other: do not leave that to the collector

    def _exchange(self, request: bytes, deadline: float, *, head: bool, received: Received) -> bool:
        self._allow(deadline)
        with contextlib.suppress(BrokenPipeError):  # it may have answered before it hung up: look
            self._socket.sendall(request)
        header_bytes = 0
        while not received.complete:
            self._allow(deadline)
            data = self._socket.recv(_READ_BYTES)
            if not data:
                if received.ends_at_close:
                    return False
                raise ConnectionResetError("closed before the answer was complete")
            self._feed(received, data)
            if received.headers_done and head:
                return received.keep_alive and not received.length
            if not received.headers_done:
                header_bytes += len(data)
                if header_bytes > MOST_HEADER_BYTES:
                    raise WireError("HeaderTooLarge")
            elif received.length > MOST_BODY_BYTES:
                raise WireError("BodyTooLarge")
        return received.keep_alive and not received.excess

    def close(self) -> None:
        self._socket.close()

    @staticmethod
    def _feed(received: Received, data: bytes) -> None:
        try:
            received.parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            if not received.complete:
                raise WireError(type(error).__name__) from error
            received.excess = True

    def _allow(self, deadline: float) -> None:
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._socket.settimeout(left)


class Dialer:
    """Opens connections to one origin. Certificates are verified unless `verify` is false."""

    def __init__(self, origin: Origin, *, verify: bool = True) -> None:
        self.origin = origin
        self.opened = 0
        self._tls = _context(verify) if origin.secure else None
        self._addresses: list[tuple[Any, ...]] = []
        self._resolved_at = -_ADDRESS_SECONDS

    def open(self, deadline: float) -> Connection:
        """A new connection, by the first address that takes it. Raises TimeoutError or OSError."""
        began = time.monotonic()
        with gevent.Timeout(max(deadline - began, 0.0), TimeoutError):  # one deadline over DNS, TCP and TLS
            opened = self._connect()
        self.opened += 1
        return Connection(opened, time.monotonic() - began)

    def _connect(self) -> Any:
        refused: OSError | None = None
        for family, kind, protocol, _, address in self._resolve():
            opened = gevent.socket.socket(family, kind, protocol)
            try:
                opened.connect(address)
                opened.setsockopt(gevent.socket.IPPROTO_TCP, gevent.socket.TCP_NODELAY, 1)
                if self._tls is not None:
                    opened = self._tls.wrap_socket(opened, server_hostname=self.origin.host)
            except OSError as error:
                opened.close()
                refused = error
            except BaseException:
                opened.close()
                raise
            else:
                return opened
        raise refused or OSError("no address")

    def _resolve(self) -> list[tuple[Any, ...]]:
        now = time.monotonic()
        if now - self._resolved_at >= _ADDRESS_SECONDS:
            self._addresses = gevent.socket.getaddrinfo(
                self.origin.host, self.origin.port, 0, gevent.socket.SOCK_STREAM
            )
            self._resolved_at = now
        return self._addresses


def _context(verify: bool) -> Any:
    context = gevent.ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if verify:
        context.load_default_certs()
    else:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def fetcher(timeout: float, headers: str = "") -> Callable[[str], bytes]:
    """A plain GET for what is not measured (the outbox): URL to body. Raises OSError for everything that goes wrong."""
    dialers: dict[Origin, Dialer] = {}

    def fetch(url: str) -> bytes:
        parts = urlsplit(url)
        origin = Origin.of(f"{parts.scheme}://{parts.netloc}")
        dialer = dialers.setdefault(origin, Dialer(origin))
        path = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
        request = f"GET {path} HTTP/1.1\r\nHost: {origin.authority}\r\n{headers}Connection: close\r\n\r\n"
        deadline = time.monotonic() + timeout
        connection = dialer.open(deadline)
        received = Received()
        try:
            connection.exchange(request.encode("ascii"), deadline, head=False, received=received)
            body = received.body()
        except WireError as error:
            raise OSError(str(error)) from error
        finally:
            connection.close()
        if received.status != 200:
            raise OSError(f"{received.status}")
        return body

    return fetch
