"""What all tests share."""

import socket

import pytest
from hypothesis import settings

# No deadline for one example: a busy machine is no failure. Timings are benchmarks, never asserts.
settings.register_profile("holdfast", deadline=None)
settings.load_profile("holdfast")


@pytest.fixture
def unused_tcp_port() -> int:
    """A port of loopback that nobody listens on just now."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])
