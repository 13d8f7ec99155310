"""The stub server: a fixed answer to every request, as fast as one process can give it.

It reads no more of a request than its end, so it takes requests without a body only. `GET /cpu` tells the CPU seconds
it has used: calibration must know when the stub, not the generator, was the one that could not keep up.

It prints its port, listens on loopback alone, and ends when its stdin does.
"""

import selectors
import socket
import sys
import time
from typing import Final

_END: Final = b"\r\n\r\n"
_BODY: Final = b'{"ok": true, "filler": "........................................................"}'
_ANSWER: Final = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(_BODY)
) + _BODY
_CPU: Final = b"GET /cpu "
_READ: Final = 65_536
_LONGEST_HEAD: Final = 65_536


class _Server:
    def __init__(self, listening: socket.socket) -> None:
        self._listening = listening
        self._selector = selectors.DefaultSelector()
        self._heads: dict[socket.socket, bytes] = {}  # of requests that have come in part

    def serve(self) -> None:
        """Until stdin ends."""
        self._listening.setblocking(False)
        self._selector.register(self._listening, selectors.EVENT_READ)
        self._selector.register(sys.stdin, selectors.EVENT_READ)
        while True:
            for key, _ in self._selector.select():
                if key.fileobj is sys.stdin:
                    return
                if key.fileobj is self._listening:
                    self._accept()
                elif isinstance(key.fileobj, socket.socket):
                    self._answer(key.fileobj)

    def _accept(self) -> None:
        """All that wait: one wake-up for a burst."""
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:  # nobody left, or no descriptor for more
                return
            connection.setblocking(False)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._selector.register(connection, selectors.EVENT_READ)

    def _answer(self, connection: socket.socket) -> None:
        try:
            data = connection.recv(_READ)
            if not data:
                self._close(connection)
                return
            data = self._heads.pop(connection, b"") + data
            ends = data.count(_END)
            if ends:
                connection.sendall(_cpu() if data.startswith(_CPU) else _ANSWER * ends)
            rest = data.rpartition(_END)[2] if ends else data
            if len(rest) > _LONGEST_HEAD:
                self._close(connection)
            elif rest:
                self._heads[connection] = rest
        except OSError:  # gone, or it does not read what it asked for
            self._close(connection)

    def _close(self, connection: socket.socket) -> None:
        self._heads.pop(connection, None)
        self._selector.unregister(connection)
        connection.close()


def _cpu() -> bytes:
    body = b"%.6f" % time.process_time()
    return b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n" % len(body) + body


def main() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=4096) as listening:
        sys.stdout.write(f"{listening.getsockname()[1]}\n")
        sys.stdout.flush()
        _Server(listening).serve()


if __name__ == "__main__":
    main()
