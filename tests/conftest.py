"""What all tests share."""

import os
import socket
import sys

import pytest
from hypothesis import settings

# No deadline for one example: a busy machine is no failure. Timings are benchmarks, never asserts.
settings.register_profile("holdfast", deadline=None)
settings.load_profile("holdfast")

# For every run that a test starts: the suite shares its machine with itself, and with whoever else works there. A busy
# machine is told in such a run and does not decide it; the tests of the check itself say otherwise.
os.environ.setdefault("HOLDFAST_MACHINE", "shared")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Integration tests first, in whatever order they are: a long one that begins last is waited for by all others."""
    items.sort(key=lambda item: "integration" not in item.path.parts)


@pytest.fixture
def unused_tcp_port() -> int:
    """A port of loopback that nobody listens on just now."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@pytest.fixture(autouse=True)
def fresh_loop_time() -> None:
    """gevent's timers count from when its loop last ran: after a long test without it, each would be over at once."""
    gevent = sys.modules.get("gevent")
    if gevent is not None and (hub := gevent._hub_local.get_hub_if_exists()) is not None:
        hub.loop.update_now()
