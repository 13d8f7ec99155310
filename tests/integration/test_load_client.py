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

import gevent
import pytest
import requests

from holdfast.kit.outcome import OutcomeError
from holdfast.load.client import LeanClient
from holdfast.load.heads import RequestHeads
from holdfast.load.origin import Origin
from holdfast.load.pool import ConnectionPool
from holdfast.load.wire import Dialer
from holdfast.workspace.tls import Tls

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
    "/to/plain": [
        b"HTTP/1.1 302 Found\r\nLocation: ../plain\r\nSet-Cookie: hop=1; Path=/\r\nContent-Length: 0\r\n\r\n"
    ],
    "/kept": [b"HTTP/1.1 307 Kept\r\nLocation: /plain\r\nContent-Length: 0\r\n\r\n"],
    "/twice": [b"HTTP/1.1 302 Found\r\nLocation: /to/plain\r\nContent-Length: 0\r\n\r\n"],
    "/loop": [b"HTTP/1.1 302 Found\r\nLocation: /loop\r\nContent-Length: 0\r\n\r\n"],
    "/elsewhere": [b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"],
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
            for piece in ANSWERS[path.partition("?")[0]]:
                if isinstance(piece, str):
                    return
                part = piece.partition(b"\r\n\r\n")[0] + b"\r\n\r\n" if method == "HEAD" else piece
                try:
                    self.wfile.write(part)
                except OSError:
                    return
                if len(ANSWERS[path.partition("?")[0]]) > 1:
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


def test_an_expected_429_is_ok_and_known_as_one_all_the_same(client, exchanges):
    assert client.request("GET", "/429", expect=(200, 429)).status == 429
    assert [(e.outcome, e.detail) for e in exchanges] == [("ok", "429")]


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
    assert [e.connect > 0 for e in exchanges] == [True, False, False, False, False]
    assert all(e.first_byte > 0 and e.duration >= e.dns + e.connect + e.first_byte + e.body - 1e-4 for e in exchanges)


def test_requests_of_one_visit_that_are_under_way_at_once_have_a_connection_each(server, client, exchanges):
    paths = ("/split-headers", "/chunked", "/trailers", "/early-hints")
    client.request("GET", "/plain")
    before = server.connections
    for _ in range(2):
        spawned = [gevent.spawn(client.request, "GET", path) for path in paths]
        gevent.joinall(spawned, timeout=10)
        assert [one.get().body for one in spawned] == [b"hello", b"hello world", b"hello", b"hello"]
    assert server.connections - before == len(paths) - 1  # they are kept, as a browser's are
    assert {e.outcome for e in exchanges} == {"ok"}
    assert client.waiting == []


def test_a_connection_whose_answer_is_still_to_come_is_nobody_elses(server, exchanges):
    pool = ConnectionPool(Dialer(Origin.of(server.url)), new_connections=0.0)
    first = lean(pool.dialer, exchanges, pool=pool)
    first.request("GET", "/plain")
    left = gevent.spawn(first.request, "GET", "/split-headers", name="left")
    gevent.sleep(0)
    assert [name for name, _ in first.waiting] == ["left"]
    first.close()
    assert pool.idle == 0
    second = lean(pool.dialer, exchanges, pool=pool)
    assert second.request("GET", "/chunked").body == b"hello world"
    second.close()
    left.get(timeout=10)
    pool.close()


def test_nobody_asks_for_a_visitor_who_is_gone(server, exchanges):
    heard = []
    client = lean(Dialer(Origin.of(server.url)), exchanges)
    client.close(heard.append)
    before = len(server.seen)
    with pytest.raises(RuntimeError, match="after the end of its visit"):
        client.request("GET", "/plain")
    assert len(server.seen) == before
    assert [str(error) for error in heard] == ["a request after the end of its visit: wait for what the visit spawns"]


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
    before = server.connections
    for _ in range(2):
        for client in clients:
            client.request("GET", "/plain")
    for client in clients:
        client.close()
    assert server.connections == before + len(clients)
    assert sum(e.connect == 0 for e in exchanges) == len(clients)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tls")
    made, key = folder / "c.pem", folder / "k.pem"
    ran = subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=localhost"),
            *("-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", str(key), "-out", str(made)),
        ],
        capture_output=True,
    )
    if ran.returncode:
        pytest.skip("openssl is not here")
    return made, key


@pytest.fixture
def secure(certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    with Server() as running:
        running.names = []
        context.sni_callback = lambda _, name, __: running.names.append(name)
        running.socket = context.wrap_socket(running.socket, server_side=True)
        threading.Thread(target=running.serve_forever, daemon=True).start()
        running.url = running.url.replace("http://127.0.0.1", "https://localhost")
        yield running
        running.shutdown()


def test_certificates_are_verified_unless_told_otherwise(secure, exchanges):
    origin = Origin.of(secure.url)
    with pytest.raises(OutcomeError, match="SSLCertVerificationError"):
        lean(Dialer(origin), exchanges).request("GET", "/plain")
    trusting = lean(Dialer(origin, Tls(verify=False)), exchanges)
    assert trusting.request("GET", "/plain").body == b"hello"
    assert trusting.request("GET", "/plain").body == b"hello"
    trusting.close()


def test_an_authority_of_ones_own_is_trusted_and_the_server_is_told_its_name(secure, certificate, exchanges):
    client = lean(Dialer(Origin.of(secure.url), Tls(ca_file=str(certificate[0]))), exchanges)
    assert client.request("GET", "/plain").body == b"hello"
    client.close()
    assert secure.names == ["localhost"]
    assert exchanges[0].tls > 0


def test_a_session_is_never_taken_up_again(secure, certificate, exchanges):
    dialer = Dialer(Origin.of(secure.url), Tls(ca_file=str(certificate[0])))
    for _ in range(3):
        client = lean(dialer, exchanges)
        client.request("GET", "/plain")
        assert not client._free[0]._socket.session_reused
        client.close()


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_connection_is_kept_from_one_visit_to_the_next_where_asked(server, secure, exchanges, scheme):
    dialer = Dialer(Origin.of(server.url if scheme == "http" else secure.url), Tls(verify=False))
    pool = ConnectionPool(dialer, new_connections=0.0)
    for _ in range(3):
        client = lean(dialer, exchanges, pool=pool)
        client.request("GET", "/two-cookies")
        client.close()
    assert [e.connect > 0 for e in exchanges] == [True, False, False]
    assert not any("cookie" in headers for _, _, headers, _ in (server if scheme == "http" else secure).seen[-3:])
    pool.close()


def test_a_kept_connection_that_the_server_closed_is_not_taken(server, exchanges):
    dialer = Dialer(Origin.of(server.url))
    pool = ConnectionPool(dialer, new_connections=0.0)
    first = lean(dialer, exchanges, pool=pool)
    first.request("GET", "/hang-up-later")
    first.close()
    assert pool.idle == 1
    time.sleep(0.1)
    second = lean(dialer, exchanges, pool=pool)
    assert second.request("GET", "/plain").status == 200
    second.close()
    assert [(e.detail, e.connect > 0) for e in exchanges] == [("", True), ("", True)]
    pool.close()


@pytest.mark.parametrize(("method", "path"), [("GET", "/to/plain"), ("POST", "/to/plain"), ("POST", "/kept")])
def test_a_redirect_is_followed_as_requests_does_and_each_hop_is_an_attempt(server, client, exchanges, method, path):
    form = {"a": "1"} if method == "POST" else None
    requests.request(method, server.url + path, data=form, timeout=5)
    expected = server.seen[-1]
    found = client.request(method, path, form=form, follow=3, name="look")
    assert (found.status, found.body) == (200, b"hello")
    assert (server.seen[-1][:2], server.seen[-1][3]) == (expected[:2], expected[3])
    assert ("content-type" in server.seen[-1][2]) == ("content-type" in expected[2])
    assert server.seen[-1][2].get("cookie") == expected[2].get("cookie")
    assert [(e.name, e.status, e.outcome) for e in exchanges] == [
        ("look", 307 if path == "/kept" else 302, "ok"),
        ("look (hop 1)", 200, "ok"),
    ]


@pytest.mark.parametrize(
    ("path", "follow", "details"),
    [
        ("/twice", 1, ["", "TooManyRedirects"]),
        ("/loop", 3, ["", "", "", "TooManyRedirects"]),
        ("/elsewhere", 3, ["RedirectElsewhere"]),
    ],
)
def test_a_redirect_too_far_or_to_somebody_else_is_a_failure(client, exchanges, path, follow, details):
    with pytest.raises(OutcomeError, match=f"failed: {details[-1]}"):
        client.request("GET", path, follow=follow)
    assert [e.detail for e in exchanges] == details


def test_a_prefix_of_the_target_is_part_of_what_is_asked(server, exchanges):
    client = lean(Dialer(Origin.of(server.url + "/to")), exchanges)
    assert client.request("GET", "/plain", follow=1).body == b"hello"
    assert [path for _, path, _, _ in server.seen[-2:]] == ["/to/plain", "/plain"]
    assert [e.url for e in exchanges] == [server.url + "/to/plain", server.url + "/plain"]
    client.close()


def test_parameters_are_encoded_as_requests_does(server, client, exchanges):
    params = {"q": "a b&c=ü", "tag": ["x", "y"], "n": 3}
    requests.get(server.url + "/plain", params=params, timeout=5)
    expected = server.seen[-1][1]
    client.request("GET", "/plain", params=params)
    assert server.seen[-1][1] == expected
    assert exchanges[0].name == "GET /plain"
    client.request("GET", "/plain?a=1", params={"b": "2"})
    assert server.seen[-1][1] == "/plain?a=1&b=2"


def test_raw_bytes_are_sent_as_they_are_with_the_type_they_are_given(server, client):
    client.request("PUT", "/plain", body=b"\x00\xff", headers={"Content-Type": "image/png"})
    assert (server.seen[-1][3], server.seen[-1][2]["content-type"]) == (b"\x00\xff", "image/png")
    client.request("PUT", "/plain", body=b"x")
    assert server.seen[-1][2]["content-type"] == "application/octet-stream"
    with pytest.raises(ValueError, match="one of json, form and body"):
        client.request("PUT", "/plain", body=b"x", json={})


def test_a_request_can_have_a_deadline_of_its_own(server, client, exchanges):
    with pytest.raises(OutcomeError, match="timed_out: ResponseTimeout"):
        client.request("GET", "/drip", timeout=0.1)
    assert exchanges[0].duration < 1.5
    assert client.request("GET", "/plain").status == 200


def test_the_deadline_also_covers_sending(exchanges):
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        client = lean(Dialer(Origin.of(f"http://127.0.0.1:{deaf.getsockname()[1]}")), exchanges, deadline=0.2)
        with pytest.raises(OutcomeError, match="timed_out: SendTimeout"):
            client.request("POST", "/", body=bytes(30_000_000))
    assert exchanges[0].duration < 1.5


def test_many_deadlines_pass_at_once_and_nobody_elses(server, exchanges):
    dialer = Dialer(Origin.of(server.url))
    outcomes = []

    def one(path, deadline):
        client = lean(dialer, exchanges, deadline=deadline)
        try:
            outcomes.append(client.request("GET", path).status)
        except OutcomeError as error:
            outcomes.append(error.detail)
        client.close()

    gevent.joinall(
        [gevent.spawn(one, "/drip", 0.1) for _ in range(20)]
        + [gevent.spawn(one, "/split-headers", 5.0) for _ in range(5)],
        raise_error=True,
    )
    assert sorted(map(str, outcomes)) == ["200"] * 5 + ["ResponseTimeout"] * 20
    assert not dialer.deadlines._watched
