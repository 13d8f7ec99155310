"""Idle connections that the other side closes: by a server that does as it is told, and by gunicorn, uvicorn, nginx."""

import os
import select
import shutil
import socket
import ssl
import subprocess
import sys
import threading
import time
from contextlib import contextmanager, suppress
from random import Random

import gevent
import pytest
from tests.certificates import Authority

from holdfast.kit.outcome import OutcomeError
from holdfast.load.client import LeanClient
from holdfast.load.heads import RequestHeads
from holdfast.load.origin import Origin
from holdfast.load.pool import ConnectionPool
from holdfast.load.wire import Dialer
from holdfast.record.sample import IDLE_CLOSED, OK
from holdfast.workspace.tls import Tls

pytestmark = pytest.mark.integration

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
GOODBYE = b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 3\r\nConnection: close\r\n\r\nbye"
PATIENCE = 10.0


class Told:
    """Reads one request, answers it, and does what it was told; then what it was told for the next request."""

    def __init__(self, first=(ANSWER,), second=(ANSWER,), context=None):
        self.first, self.second, self.context = first, second, context
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.seen = []
        self.connections = 0
        self.go = threading.Event()  # what follows an answer waits for it
        self.url = f"{'https' if context else 'http'}://127.0.0.1:{self.listening.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        with suppress(OSError):
            while True:
                taken, _ = self.listening.accept()
                self.connections += 1
                threading.Thread(target=self._serve, args=(taken, self.connections == 1), daemon=True).start()

    def _serve(self, taken, is_first):
        with suppress(OSError):
            taken = self.context.wrap_socket(taken, server_side=True) if self.context else taken
            for doing in [self.first, self.second] if is_first else [(ANSWER,)] * 9:
                received = taken.recv(65536)
                if not received:
                    return
                self.seen.append(received.partition(b"\r\n")[0].decode())
                for number, what in enumerate(doing):
                    if number:
                        self.go.wait(PATIENCE)
                    self._do(taken, what)
            taken.recv(1)

    def _do(self, taken, what):
        if isinstance(what, bytes):
            taken.sendall(what)
        elif what == "fin":
            taken.close()
        elif what == "half":
            taken.shutdown(socket.SHUT_WR)
        elif what == "notify":  # TLS says goodbye, and TCP does not
            taken.settimeout(0.0)
            with suppress(ssl.SSLError, OSError):
                taken.unwrap()
            taken.settimeout(PATIENCE)
        elif what == "reset":
            taken.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
            taken.close()


@pytest.fixture
def told():
    made = []

    def make(*args, **more):
        made.append(Told(*args, **more))
        return made[-1]

    yield make
    for server in made:
        server.listening.close()


@pytest.fixture
def context(tmp_path):
    certificate, key = Authority(tmp_path).signed()
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(certificate, key)
    return made


def lean(url, exchanges, pool=None):
    dialer = pool.dialer if pool else Dialer(Origin.of(url), Tls(verify=False))
    return LeanClient(
        pool or ConnectionPool(dialer),
        RequestHeads(dialer.origin, "holdfast/test"),
        exchanges.append,
        trace_id="a" * 32,
        random=Random(1),
        deadline=PATIENCE,
    )


def idle_for(client, seconds):
    """As if so much time had passed."""
    client._free[0].idle_since -= seconds


def wait_for_the_end(server, client):
    """Until what the server did after its answer has come here."""
    server.go.set()
    poll = select.poll()
    poll.register(client._free[0]._socket.fileno(), select.POLLIN | select.POLLRDHUP)
    assert poll.poll(PATIENCE * 1000)


def told_of(exchanges):
    return [(e.method, e.outcome, e.status, e.connect > 0, e.first_byte > 0) for e in exchanges]


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("ending", ["fin", "half", "reset", GOODBYE, b"rest of an answer"])
def test_a_request_goes_out_on_a_new_connection_where_the_kept_one_was_closed_or_spoke_unasked(told, ending, method):
    server, exchanges = told(first=(ANSWER, ending)), []
    client = lean(server.url, exchanges)
    client.request("GET", "/")
    wait_for_the_end(server, client)
    assert client.request(method, "/").body == b"hello"
    client.close()
    assert told_of(exchanges) == [("GET", OK, 200, True, True), (method, OK, 200, True, True)]
    assert server.connections == 2


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("ending", ["fin", "notify", "reset", GOODBYE])
def test_so_it_does_where_the_end_comes_through_tls(told, context, ending, method):
    server, exchanges = told(first=(ANSWER, ending), context=context), []
    client = lean(server.url, exchanges)
    client.request("GET", "/")
    wait_for_the_end(server, client)
    assert client.request(method, "/").body == b"hello"
    client.close()
    assert told_of(exchanges) == [("GET", OK, 200, True, True), (method, OK, 200, True, True)]


def test_a_tls_connection_that_only_has_tickets_to_read_is_used_again(told, context):
    context.num_tickets = 4
    server, exchanges = told(context=context), []
    client = lean(server.url, exchanges)
    client.request("GET", "/")
    client.request("POST", "/")
    client.close()
    assert [e.connect > 0 for e in exchanges] == [True, False]


@pytest.mark.parametrize("ending", ["fin", "reset", GOODBYE])
def test_an_end_that_crosses_a_request_is_told_as_what_it_is_and_only_a_harmless_request_sent_again(told, ending):
    for method, more in (("GET", [("GET", OK, 200, True, True)]), ("POST", [])):
        server, exchanges = told(second=(ending,)), []
        client = lean(server.url, exchanges)
        client.request("GET", "/")
        idle_for(client, 2.0)
        if method == "GET":
            assert client.request(method, "/").body == b"hello"
        else:
            with pytest.raises(OutcomeError) as raised:
                client.request(method, "/")
            assert raised.value.outcome == IDLE_CLOSED
        client.close()
        assert told_of(exchanges)[1:] == [(method, IDLE_CLOSED, 0, False, False), *more]
        assert [line.split()[0] for line in server.seen] == ["GET", method, *(m[0] for m in more)]


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(("idle", "waits"), [(0.0, 0.0), (0.3, 0.0), (2.0, 0.4)])
def test_an_end_too_soon_after_the_last_answer_or_too_late_after_the_request_is_the_targets(told, method, idle, waits):
    server, exchanges = told(second=("fin",)), []
    client = lean(server.url, exchanges)
    client.request("GET", "/")
    idle_for(client, idle)
    server._do = lambda taken, what, do=server._do: (time.sleep(waits), do(taken, what))
    with pytest.raises(OutcomeError, match="transport_error"):
        client.request(method, "/")
    client.close()
    assert [(e.outcome, e.first_byte) for e in exchanges[1:]] == [("transport_error", 0.0)]


def test_a_408_that_is_an_answer_stays_one(told):
    kept = GOODBYE.replace(b"Connection: close\r\n", b"")
    for second, idle in ((kept, 2.0), (GOODBYE, 0.0)):
        server, exchanges = told(second=(second,)), []
        client = lean(server.url, exchanges)
        client.request("GET", "/")
        idle_for(client, idle)
        with pytest.raises(OutcomeError, match="rejected: 408"):
            client.request("POST", "/")
        client.close()


def test_a_new_connection_that_is_closed_without_an_answer_is_the_targets_fault(told):
    server, exchanges = told(first=("fin",)), []
    client = lean(server.url, exchanges)
    with pytest.raises(OutcomeError, match="transport_error"):
        client.request("GET", "/")
    client.close()
    assert len(exchanges) == 1


@pytest.mark.parametrize(
    ("header", "idle", "again"),
    [
        (b"Keep-Alive: timeout=5\r\n", 3.9, True),
        (b"Keep-Alive: timeout=5\r\n", 4.1, False),
        (b"keep-alive: max=100, timeout = 2\r\n", 1.4, True),
        (b"keep-alive: max=100, timeout = 2\r\n", 1.6, False),
        (b"Keep-Alive: timeout=1\r\n", 0.8, False),
        (b"Keep-Alive: timeout=0\r\n", 0.0, False),
        (b"Keep-Alive: max=9\r\n", 60.0, True),
        (b"", 60.0, True),
    ],
)
def test_it_is_not_used_for_as_long_as_the_server_says_that_it_keeps_one(told, header, idle, again):
    server, exchanges = told(first=(ANSWER.replace(b"OK\r\n", b"OK\r\n" + header),)), []
    client = lean(server.url, exchanges)
    client.request("GET", "/")
    idle_for(client, idle)
    client.request("POST", "/")
    client.close()
    assert [e.connect == 0 for e in exchanges] == [False, again]


@pytest.mark.parametrize(
    "first",
    [
        ANSWER.replace(b"HTTP/1.1", b"HTTP/1.0"),
        ANSWER.replace(b"OK\r\n", b"OK\r\nConnection: close\r\n"),
        ANSWER.replace(b"OK\r\n", b"OK\r\nConnection: keep-alive, Close\r\n"),
    ],
)
def test_what_is_not_to_be_kept_is_not(told, first):
    server, exchanges = told(first=(first,)), []
    client = lean(server.url, exchanges)
    client.request("GET", "/")
    client.request("POST", "/")
    client.close()
    assert [(e.outcome, e.connect > 0) for e in exchanges] == [(OK, True), (OK, True)]


def test_one_that_another_visit_left_is_looked_at_when_it_is_used_and_not_only_when_it_is_taken(told):
    server, exchanges = told(first=(ANSWER, "fin")), []
    pool = ConnectionPool(Dialer(Origin.of(server.url)), new_connections=0.0)
    first = lean(server.url, exchanges, pool)
    first.request("GET", "/")
    first.close()
    second = lean(server.url, exchanges, pool)  # takes it while it is alive
    assert second._free
    wait_for_the_end(server, second)
    assert second.request("POST", "/").status == 200
    second.close()
    pool.close()
    assert [(e.outcome, e.connect > 0) for e in exchanges] == [(OK, True), (OK, True)]


APP = """
def application(environ, start_response):
    environ["wsgi.input"].read()
    start_response("200 OK", [("Content-Length", "2")])
    return [b"ok"]

async def asgi(scope, receive, send):
    if scope["type"] == "http":
        while (await receive()).get("more_body"):
            pass
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"ok"})
"""
NGINX = """
worker_processes 1;
daemon off;
master_process off;
pid {folder}/pid;
error_log {folder}/error.log crit;
events {{ worker_connections 512; }}
http {{
  access_log off;
  keepalive_timeout 1s;
  client_body_temp_path {folder};
  proxy_temp_path {folder};
  fastcgi_temp_path {folder};
  uwsgi_temp_path {folder};
  scgi_temp_path {folder};
  server {{
    listen 127.0.0.1:{port}{ssl};
    {certificate}
    location / {{ return 200 'ok'; }}
  }}
}}
"""


def command(kind, folder, port, files):
    """Each keeps an idle connection for a second."""
    certificate, key = map(str, files or ("", ""))
    if kind == "gunicorn":
        pytest.importorskip("gunicorn")
        more = ["--certfile", certificate, "--keyfile", key] if files else []
        place = ["--bind", f"127.0.0.1:{port}", "--chdir", str(folder), "--worker-tmp-dir", str(folder)]
        how = ["--worker-class", "gthread", "--threads", "32", "--keep-alive", "1", "--no-control-socket"]
        return [sys.executable, "-m", "gunicorn", *how, *place, *more, "app:application"]
    if kind == "uvicorn":
        more = ["--ssl-certfile", certificate, "--ssl-keyfile", key] if files else []
        how = ["--timeout-keep-alive", "1", "--app-dir", str(folder), "--port", str(port), "--log-level", "warning"]
        return [sys.executable, "-m", "uvicorn", *how, *more, "app:asgi"]
    nginx = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
    if nginx is None:
        pytest.skip("nginx is not here: apt install nginx-light")
    said = f"ssl_certificate {certificate}; ssl_certificate_key {key};" if files else ""
    config = NGINX.format(folder=folder, port=port, ssl=" ssl" if files else "", certificate=said)
    if os.geteuid() == 0:
        config = f"user root;\n{config}"
    (folder / "nginx.conf").write_text(config)
    return [nginx, "-p", str(folder), "-e", str(folder / "error.log"), "-c", str(folder / "nginx.conf")]


@contextmanager
def real(kind, folder, files):
    (folder / "app.py").write_text(APP)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    log = folder / "log"
    with log.open("wb") as out:
        running = subprocess.Popen(command(kind, folder, port, files), stdout=out, stderr=out, cwd=folder)
    try:
        late = time.monotonic() + 30
        while running.poll() is None and time.monotonic() < late:
            with suppress(OSError):
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            time.sleep(0.05)
        assert running.poll() is None, log.read_text()
        yield f"{'https' if files else 'http'}://127.0.0.1:{port}"
    finally:
        running.terminate()
        running.wait(10)


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("kind", ["gunicorn", "uvicorn", "nginx"])
def test_pauses_around_the_time_for_which_a_real_server_keeps_a_connection_cost_no_request(tmp_path, kind, scheme):
    files = Authority(tmp_path).signed() if scheme == "https" else None
    with real(kind, tmp_path, files) as url:
        exchanges = []

        def visit(number):
            client = lean(url, exchanges)
            for method in ("GET", "POST", "GET", "POST"):
                with suppress(OutcomeError):
                    client.request(method, "/", form={"a": "1"} if method == "POST" else None)
                gevent.sleep(0.85 + 0.01 * number)
            client.close()

        visits = [gevent.spawn_later(number * 0.02, visit, number) for number in range(30)]
        gevent.joinall(visits, timeout=60, raise_error=True)
    found = [e.outcome for e in exchanges]
    assert set(found) <= {OK, IDLE_CLOSED}
    assert found.count(OK) + sum(e.method == "POST" and e.outcome == IDLE_CLOSED for e in exchanges) == 120
    assert not any(e.first_byte or e.status for e in exchanges if e.outcome == IDLE_CLOSED)
    assert sum(e.connect > 0 for e in exchanges) > 30  # or the pauses were all too short
    print(kind, scheme, found.count(IDLE_CLOSED), sum(e.connect > 0 for e in exchanges))
