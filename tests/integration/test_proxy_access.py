"""Who may change a link: whoever has the token, given in any way that clients know. Real programs and sockets."""

import base64
import contextlib
import json
import os
import socket
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.integration.proxy_program import DEADLINE, Program

from holdfast.proxy.client import ProxyClient, ProxyRefusedError

pytestmark = pytest.mark.integration

LINK = {"name": "link", "listen": "127.0.0.1:0", "upstream": "127.0.0.1:1"}
LEASE = {"seconds": 1, "toxics": []}
CHANGES = [
    ("POST", "/proxies", LINK),
    ("POST", "/proxies/one", {"enabled": False}),
    ("PATCH", "/proxies/one", {"upstream": "127.0.0.1:2"}),
    ("DELETE", "/proxies/one", None),
    ("POST", "/proxies/one/toxics", {"type": "latency", "attributes": {"latency": 10}}),
    ("PATCH", "/proxies/one/toxics/slow", {"attributes": {"latency": 10}}),
    ("DELETE", "/proxies/one/toxics/slow", None),
    ("POST", "/populate", [LINK]),
    ("POST", "/reset", None),
    ("POST", "/holdfast/balancers", {"name": "b", "upstreams": ["127.0.0.1:1"]}),
    ("PUT", "/holdfast/leases/one", LEASE),
    ("DELETE", "/holdfast/leases/one", None),
]
LOOKS = ["/version", "/metrics", "/proxies", "/proxies/one", "/proxies/one/toxics", "/proxies/one/toxics/slow"]
LOOKS += ["/holdfast/balancers", "/holdfast/leases", "/holdfast/exposure"]
FAR = ["0.0.0.0:0", "[::]:0", "192.0.2.1:1", "0:0", "example.invalid:0"]


@pytest.fixture(scope="module")
def program() -> Iterator[Program]:
    program = Program()
    program.client.create("one", "127.0.0.1:1")
    program.client.add_toxic("one", "slow", "latency", attributes={"latency": 1})
    program.client.lease("one", 1000)
    yield program
    program.stop()


def everything(program: Program) -> list[str]:
    """Of what could have been changed."""
    return [program.ask("GET", path)[1] for path in ("/proxies", "/holdfast/balancers")]


@pytest.mark.parametrize(("method", "path", "body"), CHANGES)
@pytest.mark.parametrize("wrong", [{}, {"Authorization": "Bearer guess"}, {"Authorization": "Basic Z3Vlc3M6Z3Vlc3M="}])
def test_nothing_is_changed_without_the_token(program, method, path, body, wrong):
    before = everything(program)

    status, text, headers = program.ask_as_stranger(method, path, body, **wrong)

    assert (status, "a token is needed" in text) == (401, True)
    assert headers["WWW-Authenticate"].startswith("Basic")
    assert everything(program) == before
    assert "one" in program.client.leases()


@pytest.mark.parametrize("path", LOOKS)
def test_whoever_is_on_this_machine_may_look_and_sees_no_token(program, path):
    status, text, headers = program.ask_as_stranger("GET", path)

    assert status == 200
    assert program.token not in text + str(headers)


def _basic(user: str, password: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


@pytest.mark.parametrize("way", ["bearer", "password", "user", "path"])
def test_a_client_gives_the_token_in_the_way_that_it_can(program, way):
    token = program.token
    headers = {
        "bearer": {"Authorization": f"bearer {token}"},
        "password": _basic("anybody", token),
        "user": _basic(token, ""),
        "path": {},
    }[way]
    prefix = f"/{token}" if way == "path" else ""

    assert program.ask_as_stranger("POST", f"{prefix}/proxies/one", {"enabled": True}, **headers)[0] == 200
    assert program.ask_as_stranger("GET", f"{prefix}/version", **headers)[0] == 200


def test_a_client_of_toxiproxy_that_knows_an_address_alone_works_by_the_path(program):
    address = f"{program.ready['api']}/{program.token}"
    request = urllib.request.Request(f"{address}/proxies", json.dumps(LINK).encode(), method="POST")
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=DEADLINE) as answer:
        assert json.loads(answer.read())["name"] == "link"
    program.client.delete("link")


def test_a_token_in_an_address_is_used_and_shown_nowhere(program):
    client = ProxyClient(program.ready["api"].replace("://", f"://holdfast:{program.token}@"))
    client.set_enabled("one", True)

    assert client.url == program.ready["api"]
    with pytest.raises(ProxyRefusedError) as refused:
        client.set_enabled("none", True)
    assert program.token not in str(refused.value)


def test_the_token_is_in_no_argument_and_no_log():
    program = Program(environment={"HOLDFAST_PROXY_TOKEN": "hush-hush"})
    try:
        program.client.create("one", "127.0.0.1:1")
        program.ask("POST", "/hush-hush/proxies/none", {})
        arguments = Path(f"/proc/{program.process.pid}/cmdline").read_bytes()
        assert b"hush" not in arguments
        assert "hush" not in json.dumps(program.ready)
    finally:
        program.process.terminate()
        program.process.wait(DEADLINE)
        log = program.process.stderr.read()
        program.stop()
    assert "hush" not in log


def test_a_proxy_that_was_opened_takes_changes_from_everybody():
    program = Program("--open")
    try:
        assert "token" not in program.ready
        assert program.ask_as_stranger("POST", "/proxies", LINK)[0] == 201
    finally:
        program.stop()


def test_what_cannot_be_kept_secret_is_refused_before_it_listens(tmp_path):
    beyond = Program("--listen", "0.0.0.0:0", "--open", environment={"HOLDFAST_PROXY_TOKEN": "hush"})
    assert "--open: 0.0.0.0 can be reached from other machines" in beyond.process.stderr.read()
    assert beyond.stop() == 2


def test_the_api_listens_beyond_the_loopback_only_with_a_token():
    without = Program("--listen", "0.0.0.0:0", environment={"HOLDFAST_PROXY_TOKEN": ""})
    assert "HOLDFAST_PROXY_TOKEN" in without.process.stderr.read()
    assert without.stop() == 2

    program = Program("--listen", "0.0.0.0:0", environment={"HOLDFAST_PROXY_TOKEN": "hush"})
    try:
        url = "http://127.0.0.1:{}".format(program.ready["api"].rpartition(":")[2])
        assert ProxyClient(url, token="hush").version() == "2.12.0"
        with pytest.raises(ProxyRefusedError) as refused:
            ProxyClient(url).version()  # not even a look
        assert refused.value.status == 401
    finally:
        program.stop()


@pytest.mark.parametrize("listen", FAR)
def test_no_link_listens_where_other_machines_reach_it(program, listen):
    before = everything(program)
    refused = [
        program.ask("POST", "/proxies", {**LINK, "listen": listen}),
        program.ask("PATCH", "/proxies/one", {"listen": listen}),
        program.ask("POST", "/proxies/one", {"listen": listen}),
        program.ask("POST", "/populate", [{**LINK, "name": "one", "listen": listen}]),
        program.ask("POST", "/holdfast/balancers", {"name": "b", "listen": listen, "upstreams": ["127.0.0.1:1"]}),
    ]

    assert [(status, "--allow-remote-links" in text) for status, text, _ in refused] == [(403, True)] * 5
    assert everything(program) == before


def test_a_configuration_may_not_either_unless_it_was_allowed(tmp_path):
    config = tmp_path / "links.json"
    config.write_text(json.dumps([{**LINK, "listen": "0.0.0.0:0"}]))
    refused = Program("--config", str(config))
    assert "listen 0.0.0.0:0: other machines could reach it" in refused.process.stderr.read()
    assert refused.stop() == 2

    allowed = Program("--config", str(config), "--allow-remote-links")
    try:
        port = int(allowed.ready["proxies"]["link"].rpartition(":")[2])
        with contextlib.suppress(ConnectionResetError):  # it was reached, and nothing is behind the link
            socket.create_connection(("127.0.0.1", port), timeout=DEADLINE).close()
    finally:
        allowed.stop()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes another user")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_another_user_of_the_machine_changes_nothing(program):
    """By a copy of this process: the interpreter may lie where another user cannot start it."""
    body = b'{"type": "latency", "attributes": {"latency": 10}}'
    host, port = program.ready["api"].removeprefix("http://").split(":")
    head = f"POST /proxies/one/toxics HTTP/1.1\r\nHost: {host}\r\nContent-Length: {len(body)}\r\n\r\n"
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:  # pragma: no cover - another process
        try:
            os.setgroups([])
            os.setgid(65534)
            os.setuid(65534)
            with socket.create_connection((host, int(port)), timeout=DEADLINE) as connection:
                connection.sendall(head.encode() + body)
                os.write(writing, connection.recv(12))
        finally:
            os._exit(0)  # whatever happened, or the copy goes on with the suite
    os.close(writing)
    answer = os.read(reading, 12)
    os.close(reading)
    os.waitpid(child, 0)

    assert answer == b"HTTP/1.1 401"
