"""One proxied connection: two sockets, two pipes, and how they end.

Without toxics a chunk goes from one transport's reader straight into the other's `write`. An end of file is passed on
as a half-close; a reset as a reset, because a client that would have seen one without the proxy should see one with it.
"""

import asyncio
import contextlib
import random
import socket
import struct
from collections.abc import Sequence
from typing import Final, Protocol, cast

from holdfast.proxy.balancer import Backend
from holdfast.proxy.chain import Exposure, Pipe
from holdfast.proxy.toxics import DOWNSTREAM, UPSTREAM, Toxic

_FLUSH_SECONDS: Final = 5.0  # how long a closing connection may take to hand over its last bytes
_LINGER_NOTHING: Final = struct.pack("ii", 1, 0)  # closing then sends RST (socket(7), SO_LINGER)


class Route(Protocol):
    """The link a connection belongs to."""

    name: str
    seed: int
    buffer: memoryview
    connections: "set[Connection]"

    async def dial(self, connection: "Connection") -> None: ...
    def touching(self, connection: "Connection", direction: str) -> Sequence[tuple[Toxic, Exposure]]: ...
    def forget(self, connection: "Connection") -> None: ...


class Side(asyncio.BufferedProtocol):
    """One of the two sockets. `outbound` takes what it reads, `inbound` is what is written to it.

    All sides of a link read into one buffer: a plain Protocol has the transport allocate 256 KiB for every read
    (measured with 50 connections of 200-byte exchanges: about 120 µs of CPU a request that way, 60 this way).
    """

    __slots__ = ("_buffer", "connection", "inbound", "outbound", "transport")

    def __init__(self, connection: "Connection", buffer: memoryview, outbound: Pipe, inbound: Pipe) -> None:
        self._buffer = buffer
        self.connection = connection
        self.outbound = outbound
        self.inbound = inbound
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.connection.made(self, self.transport)

    def get_buffer(self, _sizehint: int) -> memoryview:
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        data = bytes(self._buffer[:nbytes])  # a copy: the buffer is for the next read, of any connection
        pipe = self.outbound
        pipe.carried += nbytes
        if pipe.inlet is None:
            pipe.write(data)
        else:
            pipe.inlet.data(data)

    def eof_received(self) -> bool:
        self.outbound.source_end()
        return True  # keep the other direction open

    def pause_writing(self) -> None:
        self.inbound.block(self)

    def resume_writing(self) -> None:
        self.inbound.unblock(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self.transport = None
        self.connection.lost(self, exc)


class Connection:
    """A client's connection through a link, from accept to close."""

    __slots__ = ("_chance", "_dial", "_link", "backend", "client", "closed", "downward", "ordinal", "server", "upward")

    def __init__(self, link: Route, ordinal: int) -> None:
        self._link = link
        self.ordinal = ordinal
        self._chance: random.Random | None = None
        loop = asyncio.get_running_loop()
        self.upward = Pipe(self, loop)
        self.downward = Pipe(self, loop)
        self.client = Side(self, link.buffer, self.upward, self.downward)
        self.server: Side | None = None
        self.backend: Backend | None = None
        self.closed = False
        self._dial: asyncio.Task[None] | None = None

    # From accept to connected

    def made(self, side: Side, transport: asyncio.Transport) -> None:
        if side is self.client:
            # Nothing is read before there is somewhere to write it. Not at once: up to Python 3.11.2 (Debian 12's) the
            # transport begins to read right after this callback, paused or not.
            asyncio.get_running_loop().call_soon(transport.pause_reading)
            self._link.connections.add(self)
            self._dial = asyncio.get_running_loop().create_task(self._link.dial(self))
        elif self.closed:
            transport.abort()
        else:
            self._join(side)

    def new_server_side(self) -> Side:
        """The protocol for one attempt to reach an upstream."""
        return Side(self, self._link.buffer, self.downward, self.upward)

    def _join(self, server: Side) -> None:
        """The upstream answered: in one step, so that not a byte of it is read before the pipes are laid."""
        client_transport, server_transport = self.client.transport, server.transport
        if client_transport is None or server_transport is None:
            self.abort()
            return
        self.server = server
        self.upward.connect(client_transport, server_transport)
        self.downward.connect(server_transport, client_transport)
        upward, downward = self._link.touching(self, UPSTREAM), self._link.touching(self, DOWNSTREAM)
        if upward or downward:
            self.arrange(upward, downward)
        if not self.closed:
            client_transport.resume_reading()

    def arrange(self, upward: Sequence[tuple[Toxic, Exposure]], downward: Sequence[tuple[Toxic, Exposure]]) -> None:
        """Put exactly these toxics on the live connection."""
        if self.server is None or self.closed:
            return
        if self._chance is None:
            self._chance = random.Random(f"{self._link.seed}/{self._link.name}/{self.ordinal}")
        self.upward.arrange(upward, self._chance)
        if not self.closed:
            self.downward.arrange(downward, self._chance)

    # The ways it ends

    def upstream_ejected(self) -> None:
        """The upstream is no longer trusted; a connection still on its way there finds out by itself."""
        if self.server is not None:
            self.abort()

    def half_closed(self) -> None:
        """A direction has ended; with both, the connection has, and a slow reader may take its time."""
        if self.upward.ended and self.downward.ended:
            for transport in self._forget():
                transport.close()

    def close(self) -> None:
        """Close both ends once what was written to them is out, or after a few seconds."""
        for transport in self._forget():
            transport.close()
            if transport.get_write_buffer_size():
                asyncio.get_running_loop().call_later(_FLUSH_SECONDS, transport.abort)

    def abort(self) -> None:
        """Close both ends now."""
        for transport in self._forget():
            transport.abort()

    def reset(self) -> None:
        """Close both ends now, with RST."""
        for transport in self._forget():
            with contextlib.suppress(OSError, AttributeError):
                transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NOTHING)
            transport.abort()

    def lost(self, side: Side, exc: Exception | None) -> None:
        """A socket is gone without our doing: an error, which the other end gets to know as a reset."""
        if side is not self.client and side is not self.server:
            return  # an attempt that came to nothing
        if exc is None:
            self.close()
        else:
            self.reset()

    def _forget(self) -> list[asyncio.Transport]:
        if self.closed:
            return []
        self.closed = True
        self.upward.close()
        self.downward.close()
        if self._dial is not None and not self._dial.done():
            self._dial.cancel()
        self._link.forget(self)
        sides = [self.client] if self.server is None else [self.client, self.server]
        return [side.transport for side in sides if side.transport is not None]
