"""The reference stack told to be sick: what it fails, and whom it loses, is what it was told."""

import http.client
import json
import urllib.request
from urllib.parse import urlsplit

import pytest

from holdfast.reference import StackSettings, start_stack, stop_stack

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    """Every request fails, nobody fails over, and a replica that is gone stays away."""
    settings = StackSettings(accounts=200, service_time=0.001, restart_delay=600.0, failover=False, failing_share=1.0)
    state = start_stack(settings, tmp_path_factory.mktemp("stack") / "state", owner_pipe=True)
    yield state
    stop_stack(state)


def _status(stack, path):
    """Of a request on a connection of its own; None where that is lost."""
    connection = http.client.HTTPConnection(urlsplit(stack.url).netloc, timeout=30)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    except (ConnectionError, http.client.HTTPException):
        return None
    finally:
        connection.close()


def _kill(stack, name):
    request = urllib.request.Request(
        f"{stack.control_url}/processes/{name}/kill",
        method="POST",
        headers={"Authorization": f"Bearer {stack.control_token}"},
    )
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=30) as answer:
        json.load(answer)


def test_what_it_was_told_to_fail_fails_and_without_failover_a_killed_replica_takes_half_with_it(stack):
    assert [_status(stack, "/sign-in") for _ in range(4)] == [500] * 4
    assert [_status(stack, "/healthz") for _ in range(4)] == [200] * 4

    _kill(stack, "account-1")

    seen = [_status(stack, "/healthz") for _ in range(10)]
    assert (seen.count(200), seen.count(None)) == (5, 5)
