"""The lean client against a small server that misbehaves, beside `requests` as the judge of what is right."""

import gzip
import resource
import socket
import socketserver
import ssl
import subprocess
import threading
import time
from random import Random

import pytest
import requests

from holdfast.kit.outcome import OutcomeError
from holdfast.load.client import LeanClient
from holdfast.load.heads import RequestHeads
from holdfast.load.pool import ConnectionPool
from holdfast.load.wire import Dialer, Origin

pytestmark = pytest.mark.integration

OK = b"HTTP/1.1 200 OK\r\n"
ZIPPED = gzip.compress(b"hello " * 1000)
# path → pieces of the answer, sent 10 ms apart; "close" hangs up after the last one
ANSWERS: dict[str, list[bytes | str]] = {
    "/plain": [OK + b"Content-Length: 5\r\n\r\nhello"],
    "/split-headers": [b"HTT", b"P/1.1 200 O", b"K\r\nX-A: 1\r\nConte", b"nt-Length: 5\r", b"\n\r", b"\nhe", b"llo"],
    "/chunked": [OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhel", b"lo\r\n6\r\n world\r\n0\r\n\r\n"],
    "/trailers": [OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n"],
    "/gzip": [OK + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(ZIPPED) + ZIPPED],
    "/until-close": [OK + b"\r\nhello", b" world", "close"],
    "/no-content": [b"HTTP/1.1 204 No Content\r\n\r\n"],
    "/not-modified": [b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n"],
    "/continue": [b"HTTP/1.1 100 Continue\r\n\r\n", OK + b"Content-Length: 5\r\n\r\nhello"],
    "/early-hints": [b"HTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\n" + OK + b"Content-Length: 5\r\n\r\nhello"],
    "/asked-to-close": [OK + b"Connection: close\r\nContent-Length: 5\r\n\r\nhello", "close"],
    "/redirect": [b"HTTP/1.1 302 Found\r\nLocation: /plain\r\nContent-Length: 0\r\n\r\n"],
    "/two-cookies": [OK + b"Set-Cookie: a=1; Path=/\r\nSet-Cookie: b=2; Path=/\r\nContent-Length: 0\r\n\r\n"],
    "/early-close": [OK + b"Content-Length: 500\r\n\r\nhello", "close"],
    "/no-answer": ["close"],
    "/half-chunk": [OK + b"Transfer-Encoding: chunked\r\n\r\nff\r\nhello", "close"],
    "/bad-chunk": [OK + b"Transfer-Encoding: chunked\r\n\r\nxyz\r\nhello\r\n0\r\n\r\n"],
    "/not-http": [b"SSH-2.0-OpenSSH_9.2\r\n"],
    "/bad-gzip": [OK + b"Content-Encoding: gzip\r\nContent-Length: 5\r\n\r\nhello"],
    "/huge-header": [OK + b"X-A: " + b"a" * 200_000 + b"\r\nContent-Length: 5\r\n\r\nhello"],
    "/drip": [OK + b"Content-Length: 1000\r\n\r\n", *([b"x"] * 400)],
    "/429": [b"HTTP/1.1 429 Slow Down\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n"],
    "/503": [b"HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\nbusy"],
    "/404": [b"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n"],
    "/hang-up-later": [OK + b"Content-Length: 5\r\n\r\nhello", "close"],
}
SAME_AS_REQUESTS = [
    "/plain",
    "/split-headers",
    "/chunked",
    "/trailers",
    "/gzip",
    "/until-close",
    "/no-content",
    "/not-modified",
    "/continue",
    "/asked-to-close",
    "/redirect",
    "/two-cookies",
]


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 2048

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.seen: list[tuple[str, str, dict[str, str], bytes]] = []
        self.connections = 0
        self.url = f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request, client_address):
        """A client that hangs up in the middle is what some of these tests do."""


class Handler(socketserver.StreamRequestHandler):
    server: Server

    def handle(self) -> None:
        self.server.connections += 1
        while line := self.rfile.readline():
            method, path, _ = line.decode().split()
            headers = {}
            while (header := self.rfile.readline().strip()) != b"":
                name, _, value = header.decode().partition(":")
                headers[name.strip().lower()] = value.strip()
            body = self.rfile.read(int(headers.get("content-length", 0)))
            self.server.seen.append((method, path, headers, body))
            for piece in ANSWERS[path]:
                if isinstance(piece, str):
                    return
                part = piece.partition(b"\r\n\r\n")[0] + b"\r\n\r\n" if method == "HEAD" else piece
                try:
                    self.wfile.write(part)
                except OSError:
                    return
                if len(ANSWERS[path]) > 1:
                    time.sleep(0.01)


@pytest.fixture(scope="module")
def server():
    with Server() as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield running
        running.shutdown()


@pytest.fixture
def exchanges():
    return []


@pytest.fixture
def client(server, exchanges):
    made = lean(Dialer(Origin.of(server.url)), exchanges)
    yield made
    made.close()


def lean(dialer, exchanges, deadline=3.0, pool=None):
    return LeanClient(
        pool or ConnectionPool(dialer),
        RequestHeads(dialer.origin, "holdfast/test"),
        exchanges.append,
        trace_id="a" * 32,
        random=Random(1),
        deadline=deadline,
    )


@pytest.mark.parametrize("path", SAME_AS_REQUESTS)
def test_it_reads_what_requests_reads(server, client, path):
    expected = requests.get(server.url + path, allow_redirects=False, timeout=5)
    found = client.request("GET", path)
    assert (found.status, found.body) == (expected.status_code, expected.content)


def test_it_passes_over_early_hints(client):
    """requests 2.32 takes the 103 for the answer, so it is no judge here."""
    assert client.request("GET", "/early-hints").body == b"hello"


@pytest.mark.parametrize("path", ["/plain", "/chunked", "/gzip"])
def test_a_head_request_has_no_body_and_does_not_wait_for_one(client, path):
    assert client.request("HEAD", path).body == b""


@pytest.mark.parametrize(
    ("path", "outcome", "detail"),
    [
        ("/early-close", "transport_error", "ClosedEarly"),
        ("/no-answer", "transport_error", "ClosedEarly"),
        ("/half-chunk", "transport_error", "ClosedEarly"),
        ("/bad-chunk", "transport_error", "HttpParserError"),
        ("/not-http", "transport_error", "HttpParserError"),
        ("/bad-gzip", "transport_error", "BadEncoding"),
        ("/huge-header", "transport_error", "HeaderTooLarge"),
        ("/503", "failed", "503"),
        ("/404", "rejected", "404"),
        ("/429", "rate_limited", "429"),
    ],
)
def test_what_goes_wrong_has_an_outcome_and_a_reason(client, exchanges, path, outcome, detail):
    with pytest.raises(OutcomeError) as found:
        client.request("GET", path)
    assert (found.value.outcome, found.value.detail) == (outcome, detail)
    assert [(e.outcome, e.detail) for e in exchanges] == [(outcome, detail)]


def test_retry_after_is_kept(client):
    with pytest.raises(OutcomeError) as found:
        client.request("GET", "/429")
    assert found.value.retry_after == 7.0


def test_one_deadline_covers_a_slow_drip(server, exchanges):
    client = lean(Dialer(Origin.of(server.url)), exchanges, deadline=0.4)
    with pytest.raises(OutcomeError, match="timed_out: ResponseTimeout"):
        client.request("GET", "/drip")
    assert 0.35 < exchanges[0].duration < 1.5


def test_a_refused_connection_is_a_transport_error(unused_tcp_port, exchanges):
    with pytest.raises(OutcomeError, match="transport_error: ConnectionRefusedError"):
        lean(Dialer(Origin.of(f"http://127.0.0.1:{unused_tcp_port}")), exchanges).request("GET", "/")


def test_a_connection_that_nobody_accepts_times_out(exchanges):
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        waiting = [socket.socket() for _ in range(4)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(full.getsockname())
        client = lean(Dialer(Origin.of(f"http://127.0.0.1:{full.getsockname()[1]}")), exchanges, deadline=0.3)
        with pytest.raises(OutcomeError, match="timed_out: ConnectTimeout"):
            client.request("GET", "/")
        for one in waiting:
            one.close()


def test_expect_overrides_what_counts_as_an_answer(client):
    assert client.request("GET", "/404", expect=(404,)).status == 404
    with pytest.raises(OutcomeError, match="failed: 200"):
        client.request("GET", "/plain", expect=(201,))


def test_a_connection_is_kept_within_a_visit(server, client, exchanges):
    before = server.connections
    for path in ("/plain", "/chunked", "/no-content", "/not-modified", "/gzip"):
        client.request("GET", path)
    assert server.connections == before + 1
    assert [e.reused for e in exchanges] == [False, True, True, True, True]
    assert exchanges[0].connect > 0
    assert exchanges[1].connect == 0
    assert all(e.first_byte > 0 and e.duration >= e.dns + e.connect + e.first_byte + e.body - 1e-4 for e in exchanges)


@pytest.mark.parametrize(("method", "tries"), [("GET", 3), ("POST", 2)])
def test_a_dead_connection_is_tried_again_visibly_and_only_where_that_is_harmless(client, exchanges, method, tries):
    client.request(method, "/hang-up-later")
    time.sleep(0.1)
    if method == "POST":
        with pytest.raises(OutcomeError, match="StaleConnection"):
            client.request(method, "/plain")
    else:
        assert client.request(method, "/plain").status == 200
    assert [e.detail for e in exchanges] == ["", "StaleConnection", ""][:tries]


def test_cookies_stay_with_their_visitor(server, client, exchanges):
    client.request("GET", "/two-cookies")
    client.request("GET", "/plain")
    assert server.seen[-1][2]["cookie"] == "a=1; b=2"
    other = lean(Dialer(Origin.of(server.url)), exchanges)
    other.request("GET", "/plain")
    assert "cookie" not in server.seen[-1][2]
    other.close()


def test_every_request_says_that_it_is_synthetic_and_can_be_traced(server, client):
    client.request("POST", "/plain", json={"a": [1, "ü"]}, headers={"Idempotency-Key": "k"})
    _, _, headers, body = server.seen[-1]
    assert headers["x-holdfast-synthetic"] == "1"
    assert headers["user-agent"] == "holdfast/test"
    assert headers["idempotency-key"] == "k"
    version, trace, span, flags = headers["traceparent"].split("-")
    assert (version, trace, len(span), flags) == ("00", "a" * 32, 16, "01")
    assert body == b'{"a":[1,"\\u00fc"]}'


def test_a_form_is_encoded_as_requests_does(server, client):
    form = {"email": "a b+c@d.test", "note": "ü&="}
    requests.post(server.url + "/plain", data=form, timeout=5)
    expected = server.seen[-1]
    client.request("POST", "/plain", form=form)
    found = server.seen[-1]
    assert found[3] == expected[3]
    assert found[2]["content-type"] == expected[2]["content-type"]


@pytest.mark.parametrize(("path", "headers"), [("/a b", {}), ("plain", {}), ("/plain", {"X": "a\r\nY: b"})])
def test_a_request_that_would_break_the_protocol_is_refused(client, path, headers):
    with pytest.raises(ValueError, match=r"percent-encoded|break the request"):
        client.request("GET", path, headers=headers)


def test_more_than_a_thousand_connections_stay_alive(server, exchanges):
    """Descriptors above 1023 break select(); this client must not notice."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < 4_000:
        pytest.skip("this machine allows too few descriptors")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 4_000), hard))
    dialer = Dialer(Origin.of(server.url))
    clients = [lean(dialer, exchanges, deadline=10.0) for _ in range(1_150)]
    for _ in range(2):
        for client in clients:
            client.request("GET", "/plain")
    for client in clients:
        client.close()
    assert dialer.opened == len(clients)
    assert sum(e.reused for e in exchanges) == len(clients)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_certificates_are_verified_unless_told_otherwise(tmp_path, exchanges):
    certificate, key = tmp_path / "c.pem", tmp_path / "k.pem"
    made = subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=localhost"),
            *("-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", str(key), "-out", str(certificate)),
        ],
        capture_output=True,
    )
    if made.returncode:
        pytest.skip("openssl is not here")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with Server() as secure:
        secure.socket = context.wrap_socket(secure.socket, server_side=True)
        threading.Thread(target=secure.serve_forever, daemon=True).start()
        origin = Origin.of(secure.url.replace("http", "https"))
        with pytest.raises(OutcomeError, match="SSLCertVerificationError"):
            lean(Dialer(origin), exchanges).request("GET", "/plain")
        trusting = lean(Dialer(origin, verify=False), exchanges)
        assert trusting.request("GET", "/plain").body == b"hello"
        assert trusting.request("GET", "/plain").body == b"hello"
        trusting.close()
        secure.shutdown()
