"""The fault proxy as a program: Toxiproxy's API to the letter, and what each toxic does to real sockets.

Times are only ever lower bounds, and every wait has a deadline.
"""

import contextlib
import http.client
import json
import os
import signal
import socket
import socketserver
import struct
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from tests.integration.proxy_program import DEADLINE, Program

from holdfast.errors import TargetError
from holdfast.proxy.client import ProxyClient

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def program() -> Iterator[Program]:
    program = Program("--seed", "7")
    yield program
    program.stop()


@pytest.fixture
def proxy(program: Program) -> Iterator[ProxyClient]:
    yield program.client
    for name in program.client.proxies():
        program.client.delete(name)


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


@contextlib.contextmanager
def serving(handle: Callable[[socket.socket], None]) -> Iterator[str]:
    """A TCP server that calls `handle` with each connection; its address."""

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with contextlib.suppress(OSError):
                handle(self.request)

    with Server(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        yield "{}:{}".format(*server.server_address)
        server.shutdown()
        thread.join(DEADLINE)


def echo(connection: socket.socket) -> None:
    while data := connection.recv(65536):
        connection.sendall(data)


def answer_at_the_end(connection: socket.socket) -> None:
    """Read to the end of file, then say how much came."""
    count = 0
    while data := connection.recv(65536):
        count += len(data)
    connection.sendall(f"{count} bytes".encode())


@pytest.fixture
def upstream() -> Iterator[str]:
    with serving(echo) as address:
        yield address


@pytest.fixture
def link(proxy: ProxyClient, upstream: str) -> str:
    """The address of a proxy named "echo" before an echo server."""
    return proxy.create("echo", upstream).listen


def connected(address: str) -> socket.socket:
    host, port = address.split(":")
    return socket.create_connection((host, int(port)), timeout=DEADLINE)


def received(connection: socket.socket, count: int) -> bytes:
    """`count` bytes, or fewer when the stream ends before."""
    data = b""
    while len(data) < count and (chunk := connection.recv(count - len(data))):
        data += chunk
    return data


def exchanged(connection: socket.socket, data: bytes) -> bytes:
    connection.sendall(data)
    return received(connection, len(data))


def ended(connection: socket.socket) -> str:
    """How the stream ends: "closed" by end of file or "reset"."""
    try:
        while connection.recv(65536):
            pass
    except ConnectionResetError:
        return "reset"
    return "closed"


def eventually(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < until, "not within the deadline"
        time.sleep(0.02)


# The protocol

PROXY = {"name": "one", "listen": "127.0.0.1:0", "upstream": "127.0.0.1:1"}
ON_ONE = "/proxies/one/toxics"
REFUSALS = [
    ("GET", "/proxies/none", None, 404, "proxy not found"),
    ("DELETE", "/proxies/none", None, 404, "proxy not found"),
    ("POST", "/proxies/none", {}, 404, "proxy not found"),
    ("PATCH", "/proxies/none", {}, 404, "proxy not found"),
    ("GET", "/proxies/none/toxics", None, 404, "proxy not found"),
    ("POST", "/proxies/none/toxics", "{", 404, "proxy not found"),
    ("POST", "/proxies", "{", 400, "bad request body: "),
    ("POST", "/proxies", "", 400, "bad request body: "),
    ("POST", "/proxies", [], 400, "bad request body: "),
    ("POST", "/proxies", {"name": 1, "upstream": "127.0.0.1:1"}, 400, "bad request body: "),
    ("POST", "/proxies", {"upstream": "127.0.0.1:1"}, 400, "missing required field: name"),
    ("POST", "/proxies", {"name": "", "upstream": "127.0.0.1:1"}, 400, "missing required field: name"),
    ("POST", "/proxies", {"name": "x"}, 400, "missing required field: upstream"),
    ("POST", "/proxies", PROXY, 409, "proxy already exists"),
    ("POST", "/proxies", {**PROXY, "name": "x", "listen": "192.0.2.1:1"}, 403, "listen 192.0.2.1:1: other machines"),
    ("POST", "/proxies", {**PROXY, "name": "x", "listen": "nowhere"}, 500, "missing port in address"),
    ("POST", "/proxies", {**PROXY, "name": "x", "upstream": "nowhere"}, 500, "missing port in address"),
    ("PATCH", "/proxies/one", {"enabled": "yes"}, 400, "bad request body: "),
    ("POST", ON_ONE, "{", 400, "bad request body: "),
    ("POST", ON_ONE, {"stream": "sideways"}, 400, "stream was invalid, can be either upstream or downstream"),
    ("POST", ON_ONE, {"type": "gremlin"}, 400, "invalid toxic type"),
    ("POST", ON_ONE, {"type": "noop", "name": "here", "attributes": 1}, 409, "toxic already exists"),
    ("POST", ON_ONE, {"type": "noop", "name": "here", "stream": "upstream"}, 409, "toxic already exists"),
    ("POST", ON_ONE, {"type": "latency", "attributes": {"latency": 0.5}}, 400, "bad request body: "),
    ("POST", ON_ONE, {"type": "slicer"}, 400, "bad request body: "),
    ("POST", ON_ONE, {"type": "bandwidth", "attributes": {"rate": -1}}, 400, "bad request body: "),
    ("POST", ON_ONE, {"type": "noop", "toxicity": 2}, 400, "bad request body: "),
    ("GET", ON_ONE + "/none", None, 404, "toxic not found"),
    ("PATCH", ON_ONE + "/none", {}, 404, "toxic not found"),
    ("DELETE", ON_ONE + "/none", None, 404, "toxic not found"),
    ("PATCH", ON_ONE + "/here", "{", 400, "bad request body: "),
    ("PATCH", ON_ONE + "/here", {"toxicity": -1}, 400, "bad request body: "),
    ("DELETE", "/holdfast/leases/none", None, 404, "lease not found"),
    ("PUT", "/holdfast/leases/run", {}, 400, "missing required field: seconds"),
    ("POST", "/holdfast/balancers", {"name": "x"}, 400, "missing required field: upstreams"),
]


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "message"), REFUSALS, ids=[f"{row[0]} {row[1]} {row[2]}" for row in REFUSALS]
)
def test_a_wrong_request_is_refused_with_toxiproxys_words(program, proxy, method, path, body, status, message):
    proxy.create("one", "127.0.0.1:1")
    proxy.add_toxic("one", "here", "noop")

    answered, text, headers = program.ask(method, path, body)

    assert answered == status
    assert json.loads(text)["status"] == status
    assert message in json.loads(text)["error"]
    assert headers["Content-Type"].startswith("text/plain")
    assert "X-Toxiproxy-Request-Id" in headers


def test_a_proxy_and_its_toxics_live_through_every_route(program, proxy, upstream):
    given = {"name": "a/b", "listen": "", "upstream": upstream, "toxics": []}
    status, text, _ = program.ask("POST", "/proxies", given)
    made = json.loads(text)
    assert status == 201
    assert made["listen"].startswith("127.0.0.1:")  # an absent listen never means all interfaces
    assert made == {
        "name": "a/b", "listen": made["listen"], "upstream": upstream, "enabled": True, "toxics": [],
    }  # fmt: skip

    path = "/proxies/a%2Fb"
    down = {"attributes": {}, "name": "noop_downstream", "type": "noop", "stream": "downstream", "toxicity": 1.0}
    up = {**down, "attributes": {"latency": 1, "jitter": 0}, "name": "x", "type": "latency"}
    up |= {"stream": "upstream", "toxicity": 0.5}
    asked = [
        ("GET", path, None, 200, made),
        ("GET", "/proxies", None, 200, {"a/b": made}),
        ("POST", f"{path}/toxics", {"type": "noop"}, 200, down),
        ("POST", f"{path}/toxics", up, 200, up),
        ("GET", f"{path}/toxics", None, 200, [up, down]),  # upstream first
        ("GET", f"{path}/toxics/x", None, 200, up),
        ("PATCH", f"{path}/toxics/x", {"toxicity": 1, "name": "y"}, 200, {**up, "toxicity": 1.0}),
        ("POST", f"{path}/toxics/x", {"attributes": {"jitter": 2}}, 200,
            {**up, "toxicity": 1.0, "attributes": {"latency": 1, "jitter": 2}}),
        ("DELETE", f"{path}/toxics/x", None, 204, None),
        ("PATCH", path, {"enabled": False}, 200, {**made, "enabled": False, "toxics": [down]}),
        ("POST", path, {"name": "ignored", "enabled": True}, 200, {**made, "toxics": [down]}),
        ("POST", "/reset", None, 204, None),
        ("GET", path, None, 200, made),
        ("GET", "/version", None, 200, {"version": "2.12.0"}),
        ("DELETE", path, None, 204, None),
        ("GET", "/proxies", None, 200, {}),
    ]  # fmt: skip
    for method, where, body, expected_status, expected in asked:
        status, text, _ = program.ask(method, where, body)
        assert (status, json.loads(text) if text else None) == (expected_status, expected), (method, where)


def test_populate_leaves_the_same_alone_and_replaces_the_changed(program, proxy, upstream, unused_tcp_port):
    same = {"name": "same", "listen": f"localhost:{unused_tcp_port}", "upstream": upstream}
    changed = {"name": "changed", "listen": "127.0.0.1:0", "upstream": upstream}
    assert program.ask("POST", "/populate", [same, changed])[0] == 201
    for name in ("same", "changed"):
        proxy.add_toxic(name, "noop", "noop")

    status, text, _ = program.ask("POST", "/populate", [same, changed])

    assert status == 201
    assert [(link["name"], len(link["toxics"])) for link in json.loads(text)["proxies"]] == [
        ("same", 1),
        ("changed", 0),
    ]


def test_populate_checks_all_before_it_creates_any(program, proxy, upstream):
    status, text, _ = program.ask("POST", "/populate", [{"name": "one", "upstream": upstream}, {"name": "two"}])

    assert status == 400
    assert json.loads(text) == {
        "error": "missing required field: upstream at proxy 2", "status": 400, "proxies": None,
    }  # fmt: skip
    assert proxy.proxies() == {}


def test_populate_tells_what_it_made_before_it_failed(program, proxy, upstream):
    wrong = {"name": "two", "upstream": upstream, "listen": "192.0.2.1:1"}
    status, text, _ = program.ask("POST", "/populate", [{"name": "one", "upstream": upstream}, wrong])

    assert status == 403
    assert [made["name"] for made in json.loads(text)["proxies"]] == ["one"]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"User_Agent": "Mozilla/5.0"}, 403),
        ({"Host": "attacker.example:80"}, 403),
        ({"Host": "127.0.0.1.attacker.example"}, 403),
        ({"Host": "localhost:1"}, 200),
        ({"Host": "[::1]:1"}, 200),
        ({"User_Agent": "toxiproxy-cli/v2.12.0"}, 200),
    ],
)
def test_a_browser_and_a_foreign_host_name_are_turned_away(program, headers, status):
    assert program.ask("GET", "/version", **headers)[0] == status


def test_unknown_routes_and_methods_are_told_apart(program):
    assert program.ask("GET", "/nothing")[0] == 404
    assert program.ask("PUT", "/proxies")[0] == 405


def test_a_chunked_body_is_read(program, proxy, upstream):
    connection = http.client.HTTPConnection(program.ready["api"].removeprefix("http://"), timeout=DEADLINE)
    with contextlib.closing(connection):
        body = json.dumps({"name": "chunked", "upstream": upstream}).encode()
        bearer = {"Authorization": f"Bearer {program.token}"}
        connection.request("POST", "/proxies", iter([body[:7], body[7:]]), bearer, encode_chunked=True)

        assert connection.getresponse().status == 201


def test_rubbish_is_answered_with_400_and_does_no_harm(program):
    host, port = program.ready["api"].removeprefix("http://").split(":")
    for rubbish in (b"\x16\x03\x01 hello\r\n\r\n", b"POST /proxies HTTP/1.1\r\nContent-Length: -5\r\n\r\n"):
        with socket.create_connection((host, int(port)), timeout=DEADLINE) as connection:
            connection.sendall(rubbish)
            assert received(connection, 12) == b"HTTP/1.1 400"
    assert program.client.version() == "2.12.0"


def test_metrics_count_bytes(program, proxy, link):
    with connected(link) as connection:
        exchanged(connection, b"12345")

        text = program.ask("GET", "/metrics")[1]

    assert 'toxiproxy_proxy_received_bytes_total{direction="upstream",proxy="echo"' in text
    assert text.strip().endswith(" 5")


# A link without toxics


def test_bytes_go_through_both_ways_unharmed(link):
    data = os.urandom(3_000_000)
    with connected(link) as connection, ThreadPoolExecutor(1) as pool:
        sending = pool.submit(connection.sendall, data)

        assert received(connection, len(data)) == data
        sending.result(DEADLINE)


def test_a_half_close_is_passed_on(proxy):
    with serving(answer_at_the_end) as upstream, connected(proxy.create("half", upstream).listen) as connection:
        connection.sendall(b"x" * 100_000)
        connection.shutdown(socket.SHUT_WR)

        assert received(connection, 100) == b"100000 bytes"
        assert ended(connection) == "closed"


def test_a_half_close_passes_through_toxics_behind_the_data(proxy):
    with serving(answer_at_the_end) as upstream, connected(proxy.create("half", upstream).listen) as connection:
        proxy.add_toxic("half", "slow", "latency", "upstream", attributes={"latency": 50})
        connection.sendall(b"x" * 100_000)
        connection.shutdown(socket.SHUT_WR)

        assert received(connection, 100) == b"100000 bytes"


def test_a_reset_is_passed_on(proxy):
    def reset(connection: socket.socket) -> None:
        connection.recv(100)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()

    with serving(reset) as upstream, connected(proxy.create("abrupt", upstream).listen) as connection:
        connection.sendall(b"hello")

        assert ended(connection) == "reset"


def test_a_client_of_an_upstream_that_refuses_is_reset(proxy, unused_tcp_port):
    listen = proxy.create("nobody", f"127.0.0.1:{unused_tcp_port}").listen

    with pytest.raises(ConnectionResetError), connected(listen) as connection:  # the reset may outrun the connect
        connection.recv(1)


def test_a_slow_reader_slows_the_writer_and_not_the_memory(proxy):
    release = threading.Event()

    def read_late(connection: socket.socket) -> None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        release.wait(DEADLINE)
        answer_at_the_end(connection)

    with serving(read_late) as upstream, connected(proxy.create("late", upstream).listen) as connection:
        connection.setblocking(False)
        sent = 0
        stalled_at = time.monotonic() + 1.0
        while time.monotonic() < stalled_at:
            try:
                sent += connection.send(b"x" * 65536)
            except BlockingIOError:
                time.sleep(0.01)
            if sent > 200_000_000:
                pytest.fail("the proxy takes in without end")
        release.set()
        connection.settimeout(DEADLINE)
        connection.shutdown(socket.SHUT_WR)
        assert received(connection, 100) == f"{sent} bytes".encode()


def test_a_disabled_proxy_refuses_and_closes_and_keeps_its_toxics(proxy, link):
    with connected(link) as connection:
        exchanged(connection, b"hello")
        proxy.add_toxic("echo", "noop", "noop")

        proxy.set_enabled("echo", enabled=False)

        assert ended(connection) in ("closed", "reset")
        with pytest.raises(ConnectionRefusedError):
            connected(link)

    facts = proxy.set_enabled("echo", enabled=True)
    assert (facts.listen, len(facts.toxics)) == (link, 1)
    with connected(link) as connection:
        assert exchanged(connection, b"again") == b"again"


def test_a_new_upstream_drops_the_connections_to_the_old_one(proxy, link):
    with serving(answer_at_the_end) as other, connected(link) as connection:
        exchanged(connection, b"hello")

        assert proxy.update("echo", upstream=other).upstream == other

        assert ended(connection) in ("closed", "reset")


# Each toxic


def test_latency_delays_at_least_as_long_as_it_says(proxy, link):
    with connected(link) as connection:
        exchanged(connection, b"hello")
        proxy.add_toxic("echo", "slow", "latency", attributes={"latency": 200, "jitter": 50})
        started = time.monotonic()

        assert exchanged(connection, b"hello") == b"hello"

        assert time.monotonic() - started >= 0.15


def test_bandwidth_is_not_exceeded(proxy, link):
    proxy.add_toxic("echo", "narrow", "bandwidth", "upstream", attributes={"rate": 500})
    with connected(link) as connection, ThreadPoolExecutor(1) as pool:
        started = time.monotonic()
        sending = pool.submit(connection.sendall, b"x" * 200_000)

        assert len(received(connection, 200_000)) == 200_000

        assert time.monotonic() - started >= 0.39
        sending.result(DEADLINE)


def test_slow_close_delays_the_end(proxy):
    def hang_up(connection: socket.socket) -> None:
        connection.sendall(b"bye")

    with serving(hang_up) as upstream:
        listen = proxy.create("short", upstream).listen
        proxy.add_toxic("short", "linger", "slow_close", attributes={"delay": 300})
        with connected(listen) as connection:
            started = time.monotonic()
            assert received(connection, 3) == b"bye"
            assert ended(connection) == "closed"
            assert time.monotonic() - started >= 0.29


def test_timeout_swallows_and_then_closes(proxy, link):
    with connected(link) as connection:
        proxy.add_toxic("echo", "cut", "timeout", attributes={"timeout": 200})
        connection.sendall(b"hello")

        assert connection.recv(10) == b""


def test_timeout_of_0_is_a_black_hole_until_it_is_removed(proxy, link):
    with connected(link) as connection:
        exchanged(connection, b"hello")
        proxy.add_toxic("echo", "hole", "timeout")
        connection.settimeout(0.3)
        connection.sendall(b"hello")
        with pytest.raises(TimeoutError):
            connection.recv(10)
        connection.settimeout(DEADLINE)

        proxy.remove_toxic("echo", "hole")

        assert ended(connection) in ("closed", "reset")
    with connected(link) as connection:
        assert exchanged(connection, b"healed") == b"healed"


def test_removing_a_black_hole_spares_the_connections_it_spared(proxy, link):
    with connected(link) as connection:
        exchanged(connection, b"hello")
        proxy.add_toxic("echo", "hole", "timeout", toxicity=0.0)
        proxy.remove_toxic("echo", "hole")

        assert exchanged(connection, b"still here") == b"still here"


def test_reset_peer_resets(proxy, link):
    proxy.add_toxic("echo", "reset", "reset_peer", attributes={"timeout": 50})
    with connected(link) as connection:
        connection.sendall(b"hello")

        assert ended(connection) == "reset"


def test_reset_peer_of_toxicity_0_touches_nothing(proxy, link):
    proxy.add_toxic("echo", "reset", "reset_peer", toxicity=0.0)
    with connected(link) as connection:
        assert exchanged(connection, b"hello") == b"hello"
        connection.shutdown(socket.SHUT_WR)
        assert ended(connection) == "closed"


def test_slicer_loses_nothing(proxy, link):
    attributes = {"average_size": 100, "size_variation": 50, "delay": 10}
    proxy.add_toxic("echo", "thin", "slicer", attributes=attributes)
    data = os.urandom(50_000)
    with connected(link) as connection:
        assert exchanged(connection, data) == data


def test_limit_data_closes_after_exactly_its_bytes(proxy, link):
    proxy.add_toxic("echo", "limit", "limit_data", attributes={"bytes": 7})
    with connected(link) as connection:
        connection.sendall(b"hello")
        assert received(connection, 5) == b"hello"
        connection.sendall(b"world")

        assert received(connection, 100) == b"wo"


def test_toxicity_touches_the_same_connections_in_every_run(upstream):
    def touched() -> list[bool]:
        program = Program("--seed", "11")
        try:
            link = program.client.create("echo", upstream).listen
            program.client.add_toxic("echo", "limit", "limit_data", toxicity=0.5)
            answers = []
            for _ in range(20):
                with connected(link) as connection:
                    connection.sendall(b"x")
                    answers.append(connection.recv(1) == b"")
            return answers
        finally:
            program.stop()

    first = touched()

    assert first == touched()
    assert 0 < sum(first) < 20


# Healing


def test_a_toxic_is_removed_while_data_is_flowing(proxy, link):
    data = os.urandom(2_000_000)
    proxy.add_toxic("echo", "narrow", "bandwidth", attributes={"rate": 10})
    proxy.add_toxic("echo", "slow", "latency", "upstream", attributes={"latency": 100})
    with connected(link) as connection, ThreadPoolExecutor(1) as pool:
        sending = pool.submit(connection.sendall, data)
        head = received(connection, 1000)

        proxy.remove_toxic("echo", "narrow")
        proxy.remove_toxic("echo", "slow")

        assert head + received(connection, len(data) - len(head)) == data
        sending.result(DEADLINE)


def test_removing_what_is_not_there_is_fine_and_leaves_the_rest(proxy, link):
    proxy.add_toxic("echo", "slow", "latency", attributes={"latency": 1})
    before = proxy.proxies()

    proxy.remove_toxic("echo", "never")
    proxy.remove_toxic("none", "never")
    proxy.release("never")
    proxy.delete("none")

    assert [toxic.name for toxic in before["echo"].toxics] == ["slow"]
    assert proxy.proxies() == before


def test_reset_heals_everything_at_once(proxy, upstream):
    links = [proxy.create(f"echo-{number}", upstream).listen for number in range(3)]
    with connected(links[0]) as held:
        exchanged(held, b"hello")
        proxy.add_toxic("echo-0", "slow", "latency", attributes={"latency": 60_000})
        held.sendall(b"held back")
        proxy.add_toxic("echo-1", "hole", "timeout")
        proxy.set_enabled("echo-2", enabled=False)
        eventually(lambda: proxy.exposure()["echo-0"].toxics["slow"].chunks == 1)

        proxy.reset()

        assert received(held, 9) == b"held back"
    for facts in proxy.proxies().values():
        assert (facts.enabled, facts.toxics) == (True, ())
    for link in links:
        with connected(link) as connection:
            assert exchanged(connection, b"well") == b"well"


def test_reset_tries_every_proxy_even_when_one_cannot_be_bound_again(program, proxy, upstream):
    blocked = proxy.create("a", upstream).listen
    proxy.create("b", upstream)
    for name in ("a", "b"):
        proxy.add_toxic(name, "noop", "noop")
        proxy.set_enabled(name, enabled=False)
    host, port = blocked.split(":")
    with socket.create_server((host, int(port))):
        assert program.ask("POST", "/reset")[0] == 500

        after = proxy.proxies()

    assert (after["a"].enabled, after["a"].toxics) == (False, ())
    assert (after["b"].enabled, after["b"].toxics) == (True, ())


def test_an_expired_lease_heals_what_it_covered_and_nothing_else(proxy, link):
    proxy.add_toxic("echo", "leased", "noop")
    proxy.add_toxic("echo", "stays", "noop")
    proxy.set_enabled("echo", enabled=False)

    proxy.lease("run", 0.2, [("echo", "leased"), ("echo", "never was"), ("none", "x")], enable=["echo", "none"])

    eventually(lambda: "run" not in proxy.leases() and proxy.proxies()["echo"].enabled)
    assert [toxic.name for toxic in proxy.proxies()["echo"].toxics] == ["stays"]


def test_a_released_lease_leaves_its_toxics(proxy, link):
    proxy.add_toxic("echo", "kept", "noop")
    proxy.lease("run", 0.3, [("echo", "kept")])
    assert set(proxy.leases()) == {"run"}
    proxy.release("run")
    proxy.add_toxic("echo", "other", "noop")
    proxy.lease("later", 0.4, [("echo", "other")])

    eventually(lambda: proxy.leases() == {})

    assert [toxic.name for toxic in proxy.proxies()["echo"].toxics] == ["kept"]


# Exposure


def test_exposure_tells_what_a_fault_touched_even_after_it_is_gone(proxy, link):
    with connected(link) as before, connected(link) as during:
        exchanged(before, b"12345")
        exchanged(during, b"1")
        proxy.add_toxic("echo", "slow", "latency", attributes={"latency": 1})
        for _ in range(3):
            exchanged(during, b"123")
        proxy.remove_toxic("echo", "slow")
        exchanged(during, b"1")

        exposure = proxy.exposure()["echo"]

    assert (exposure.connections, exposure.open) == (2, 2)
    assert (exposure.bytes_upstream, exposure.bytes_downstream) == (16, 16)
    assert exposure.toxics["slow"].connections == 1
    assert exposure.toxics["slow"].chunks >= 3


# Balancers


class Replica:
    """An HTTP server that says its name, and may be told to be ill."""

    def __init__(self, name: str) -> None:
        self.healthy = True
        replica = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                body = name.encode()
                self.send_response(200 if replica.healthy or self.path != "/healthz" else 503)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.address = "{}:{}".format(*self.server.server_address)
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True)
        self.thread.start()

    def stop(self) -> None:
        self.server.shutdown()
        self.thread.join(DEADLINE)
        self.server.server_close()


@pytest.fixture
def replicas() -> Iterator[list[Replica]]:
    made = [Replica("one"), Replica("two")]
    yield made
    for replica in made:
        replica.stop()


HEALTH = {"path": "/healthz", "every": 0.05, "timeout": 2, "failures": 2, "successes": 2}


def get(connection: http.client.HTTPConnection) -> str:
    connection.request("GET", "/")
    return connection.getresponse().read().decode()


def test_a_balancer_spreads_connections_over_its_upstreams(proxy, replicas):
    edge = proxy.create_balancer("edge", [replica.address for replica in replicas], health=HEALTH).listen
    connections = [http.client.HTTPConnection(edge, timeout=DEADLINE) for _ in range(6)]

    assert sorted(get(connection) for connection in connections) == ["one"] * 3 + ["two"] * 3

    for connection in connections:
        connection.close()


def test_a_balancer_ejects_closes_and_takes_back(proxy, replicas):
    edge = proxy.create_balancer("edge", [replica.address for replica in replicas], health=HEALTH).listen
    ill = replicas[0]
    kept = [http.client.HTTPConnection(edge, timeout=DEADLINE) for _ in range(2)]
    by_name = {get(connection): connection for connection in kept}

    ill.healthy = False
    eventually(lambda: [upstream.healthy for upstream in proxy.balancers()["edge"]] == [False, True])

    with pytest.raises((http.client.RemoteDisconnected, ConnectionError)):
        get(by_name["one"])
    assert get(by_name["two"]) == "two"
    others = [http.client.HTTPConnection(edge, timeout=DEADLINE) for _ in range(4)]
    assert {get(connection) for connection in others} == {"two"}

    ill.healthy = True
    eventually(lambda: all(upstream.healthy for upstream in proxy.balancers()["edge"]))

    assert get(http.client.HTTPConnection(edge, timeout=DEADLINE)) == "one"
    for connection in [*kept, *others]:
        connection.close()


def test_a_refused_connection_is_tried_elsewhere_at_once(proxy, replicas, unused_tcp_port):
    upstreams = [f"127.0.0.1:{unused_tcp_port}", replicas[0].address]
    edge = proxy.create_balancer("edge", upstreams).listen

    for _ in range(5):
        connection = http.client.HTTPConnection(edge, timeout=DEADLINE)
        assert get(connection) == "one"
        connection.close()

    assert proxy.balancers()["edge"][0].refused > 0


def test_toxics_work_on_a_balancer_like_on_any_proxy(proxy, replicas):
    edge = proxy.create_balancer("edge", [replica.address for replica in replicas], health=HEALTH).listen
    proxy.add_toxic("edge", "reset", "reset_peer")

    with pytest.raises(ConnectionError):
        get(http.client.HTTPConnection(edge, timeout=DEADLINE))

    assert proxy.exposure()["edge"].toxics["reset"].connections == 1


# The program


def test_a_config_creates_proxies_and_balancers_and_the_ready_line_says_where(tmp_path, upstream):
    config = tmp_path / "links.json"
    toxics = [{"type": "latency", "attributes": {"latency": 1}}]
    links = {
        "proxies": [{"name": "postgres", "upstream": upstream, "toxics": toxics}],
        "balancers": [{"name": "edge", "upstreams": [upstream]}],
    }
    config.write_text(json.dumps(links))
    program = Program("--config", str(config), "--seed", "3")
    try:
        assert program.ready["seed"] == 3
        assert set(program.ready["proxies"]) == {"postgres", "edge"}
        with connected(program.ready["proxies"]["edge"]) as connection:
            assert exchanged(connection, b"hello") == b"hello"
        assert len(program.client.proxies()["postgres"].toxics) == 1
    finally:
        assert program.stop() == 0  # at the end of stdin


def test_a_toxiproxy_config_file_is_understood(tmp_path, upstream):
    config = tmp_path / "toxiproxy.json"
    config.write_text(json.dumps([{"name": "redis", "listen": "127.0.0.1:0", "upstream": upstream, "enabled": True}]))
    program = Program("--config", str(config))
    try:
        assert set(program.ready["proxies"]) == {"redis"}
    finally:
        program.stop()


def test_everything_wrong_with_a_config_is_said_at_once(tmp_path):
    config = tmp_path / "links.json"
    config.write_text(json.dumps({"proxies": [{"name": "a"}, {"upstream": "127.0.0.1:1"}], "balancers": [{}]}))
    program = Program("--config", str(config))
    complaint = program.process.stderr.read()

    assert program.stop() == 2
    assert "proxies[0]: missing required field: upstream" in complaint
    assert "proxies[1]: missing required field: name" in complaint
    assert "balancers[0]: missing required field: name" in complaint
    assert "Traceback" not in complaint


def test_sigterm_ends_it_cleanly_with_connections_open(upstream):
    program = Program()
    link = program.client.create("echo", upstream).listen
    with connected(link) as connection:
        exchanged(connection, b"hello")
        program.process.send_signal(signal.SIGTERM)

        assert program.process.wait(DEADLINE) == 0
        assert ended(connection) in ("closed", "reset")
    assert "Traceback" not in program.process.stderr.read()
    program.stop()


def test_a_client_says_when_nobody_answers(unused_tcp_port):
    with pytest.raises(TargetError, match="does not answer"):
        ProxyClient(f"http://127.0.0.1:{unused_tcp_port}").version()
