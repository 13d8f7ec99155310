"""Locust's own master and worker sockets, encrypted, and open to those who know the shared key alone.

Locust's protocol takes any worker that connects, in the clear. ZeroMQ's CURVE (https://rfc.zeromq.org/spec/26/) takes
a client only if it knows the server's public key, which it never sends: here that key is derived from the shared one,
so that a worker without it cannot complete the handshake, let alone be sent a job.
"""

import hashlib
from types import SimpleNamespace
from typing import Any, Final

import locust.runners
import zmq.green as zmq
from locust.exception import RPCError
from locust.rpc import zmqrpc
from locust.runners import MasterRunner
from zmq.utils import z85

_ATTEMPTS: Final = 200  # Locust counts them by recursion


def secure(key: str) -> None:
    """From now on this process's Locust runners make their sockets with `key`. Once, before a runner is made."""
    sockets = SimpleNamespace(
        Server=lambda host, port: _Server(host, port, key),
        Client=lambda host, port, identity: _Client(host, port, identity, key),
    )
    setattr(locust.runners, "rpc", sockets)  # noqa: B010  the one place where Locust looks for them


def try_for(seconds: float) -> None:
    """From now on this process's Locust workers try to join for so long. By itself Locust gives up after 5 minutes."""
    setattr(locust.runners, "CONNECT_TIMEOUT", max(seconds / _ATTEMPTS, locust.runners.CONNECT_TIMEOUT))  # noqa: B010
    setattr(locust.runners, "CONNECT_RETRY_COUNT", _ATTEMPTS)  # noqa: B010


def refusals_of(runner: MasterRunner) -> Any:
    """A socket that has a message for each worker that could not show the key."""
    server: Any = runner.server
    return server.refusals


def _server_keys(key: str) -> tuple[bytes, bytes]:
    """Public and secret, of Curve25519, as ZeroMQ writes them (Z85)."""
    secret = z85.encode(hashlib.sha256(b"holdfast workers\0" + key.encode()).digest())
    return zmq.curve_public(secret), secret


class _Server(zmqrpc.Server):
    """Locust's, with the options set between making the socket and binding it."""

    def __init__(self, host: str, port: int, key: str) -> None:
        zmqrpc.BaseSocket.__init__(self, zmq.ROUTER, self.ipv4_only(host, port))  # type: ignore[no-untyped-call]
        public, secret = _server_keys(key)
        self.socket.setsockopt(zmq.CURVE_SERVER, 1)
        self.socket.setsockopt(zmq.CURVE_PUBLICKEY, public)
        self.socket.setsockopt(zmq.CURVE_SECRETKEY, secret)
        self.refusals: Any = self.socket.get_monitor_socket(
            zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL | zmq.EVENT_HANDSHAKE_FAILED_AUTH
        )
        try:
            self.port = self.socket.bind_to_random_port(f"tcp://{host}") if port == 0 else self._bound(host, port)
        except zmq.ZMQError as error:
            raise RPCError(f"Socket bind failure: {error}") from error

    def _bound(self, host: str, port: int) -> int:
        self.socket.bind(f"tcp://{host}:{port}")
        return port


class _Client(zmqrpc.Client):
    def __init__(self, host: str, port: int, identity: str, key: str) -> None:
        zmqrpc.BaseSocket.__init__(self, zmq.DEALER, self.ipv4_only(host, port))  # type: ignore[no-untyped-call]
        public, secret = zmq.curve_keypair()
        self.socket.setsockopt(zmq.CURVE_SERVERKEY, _server_keys(key)[0])
        self.socket.setsockopt(zmq.CURVE_PUBLICKEY, public)
        self.socket.setsockopt(zmq.CURVE_SECRETKEY, secret)
        self.socket.setsockopt(zmq.IDENTITY, identity.encode())
        self.socket.connect(f"tcp://{host}:{port}")
