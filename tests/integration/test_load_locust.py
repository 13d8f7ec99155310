"""What holdfast's workers need of Locust beyond what it documents: when this fails, look at `load/secured.py`.

Each in a process of its own: Locust patches the one it is imported in.
"""

import inspect
import subprocess
import sys
from textwrap import dedent

import pytest

pytestmark = pytest.mark.integration


def in_a_process(function):
    source = f"{dedent(inspect.getsource(function))}\n{function.__name__}()\n"
    ran = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, timeout=60)
    assert ran.returncode == 0, ran.stderr


def sockets_are_made_where_ours_are_put():
    from inspect import getsource, signature

    import locust.runners
    from locust.rpc import zmqrpc
    from locust.runners import MasterRunner, WorkerRunner

    def parameters(function):
        return list(signature(function).parameters)

    assert {"Server", "Client"} <= set(vars(locust.runners.rpc))
    assert "self.server = rpc.Server(master_bind_host, master_bind_port)" in getsource(MasterRunner.__init__)
    assert "self.client = rpc.Client(master_host, master_port, self.client_id)" in getsource(WorkerRunner.__init__)
    assert parameters(zmqrpc.BaseSocket.__init__) == ["self", "sock_type", "ipv4_only"]
    assert parameters(zmqrpc.BaseSocket.ipv4_only) == ["self", "host", "port"]
    assert parameters(zmqrpc.Server.__init__) == ["self", "host", "port"]
    assert parameters(zmqrpc.Client.__init__) == ["self", "host", "port", "identity"]


def joining_is_tried_for_as_long_as_we_say():
    from inspect import getsource

    import locust.runners

    joining = getsource(locust.runners.WorkerRunner.connect_to_master)
    assert "timeout=CONNECT_TIMEOUT" in joining
    assert "self.retry > CONNECT_RETRY_COUNT" in joining
    from holdfast.load.secured import try_for

    try_for(36_000)
    assert locust.runners.CONNECT_TIMEOUT * locust.runners.CONNECT_RETRY_COUNT >= 36_000
    assert locust.runners.CONNECT_RETRY_COUNT <= 200


def who_is_heard_is_known():
    from inspect import getsource

    from locust.runners import STATE_MISSING, WorkerNode, WorkerRunner

    assert WorkerNode("a").state != STATE_MISSING
    assert "self.last_heartbeat_timestamp = time.time()" in getsource(WorkerRunner.handle_message)


def seats_are_divided_evenly():
    from locust.dispatch import UsersDispatcher
    from locust.runners import WorkerNode

    from holdfast.load.distribution import Seat

    for of in (1, 2, 3, 7):
        dispatcher = UsersDispatcher([WorkerNode(str(number)) for number in range(of)], [Seat])
        dispatcher.new_dispatch(target_user_count=141 * of, spawn_rate=141 * of)
        *_, last = dispatcher
        assert [sum(users.values()) for users in last.values()] == [141] * of


@pytest.mark.parametrize(
    "needed",
    [
        sockets_are_made_where_ours_are_put,
        joining_is_tried_for_as_long_as_we_say,
        who_is_heard_is_known,
        seats_are_divided_evenly,
    ],
    ids=lambda needed: needed.__name__,
)
def test_locust_is_what_we_take_it_for(needed):
    in_a_process(needed)


def test_locust_is_held_to_the_versions_this_was_tried_with():
    from pathlib import Path
    from tomllib import loads

    project = loads((Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    (bound,) = [line for line in project["optional-dependencies"]["load"] if line.startswith("locust")]
    assert bound.endswith("<3")
