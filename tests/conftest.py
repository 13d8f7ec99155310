"""What all tests share."""

import os
import random
import socket
import sys
from collections.abc import Iterator
from zlib import crc32

import pytest
from hypothesis import settings
from tests.drawing import SEED

# No deadline for one example: a busy machine is no failure. Timings are benchmarks, never asserts. Examples are drawn
# from a fixed seed, so that no landing depends on luck; `make fuzz` draws new ones (see `tests.drawing`).
settings.register_profile("fixed", deadline=None, derandomize=True, database=None)
settings.register_profile("fresh", deadline=None, print_blob=True)
settings.load_profile("fresh" if SEED else "fixed")

# For every run that a test starts: the suite shares its machine with itself, and with whoever else works there. A busy
# machine is told in such a run and does not decide it; the tests of the check itself say otherwise.
os.environ.setdefault("HOLDFAST_MACHINE", "shared")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Integration tests first, in whatever order they are: a long one that begins last is waited for by all others."""
    items.sort(key=lambda item: "integration" not in item.path.parts)


def pytest_configure(config: pytest.Config) -> None:
    """Of pytest-randomly only the order is random: what a test draws is its own (see `own_dice`)."""
    if hasattr(config.option, "randomly_reset_seed"):
        config.option.randomly_reset_seed = False


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """`-q` leaves out the header in which the order is told, and without it a failure by order is not seen again."""
    order = getattr(config.option, "randomly_seed", None)
    if isinstance(order, int):
        terminalreporter.write_line(f"in the order of --randomly-seed={order}")


@pytest.fixture(autouse=True)
def own_dice(request: pytest.FixtureRequest) -> None:
    """The generator that everybody shares begins alike for a test, whatever ran before it."""
    random.seed(crc32(f"{SEED}/{request.node.nodeid}".encode()))


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


@pytest.fixture(autouse=True)
def threads_are_the_systems() -> Iterator[None]:
    """pytest waits for threads of its own: where a test lets gevent replace those, its process hangs or dies."""
    yield
    monkey = sys.modules.get("gevent.monkey")
    assert monkey is None or not monkey.is_module_patched("threading"), "importing locust patched pytest itself"
