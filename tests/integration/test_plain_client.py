"""The runner's plain client and the load generator's: one table of cases, one outcome, and the same requests sent.

An adapter is tried with the one and measured with the other, so a difference is a wrong verdict on somebody's adapter.
"""

import gzip
import http.server
import json
import threading
import time
from random import Random

import pytest

from holdfast.kit.outcome import OutcomeError
from holdfast.load.client import LeanClient
from holdfast.load.heads import RequestHeads
from holdfast.load.origin import Origin
from holdfast.load.pool import ConnectionPool
from holdfast.load.wire import Dialer
from holdfast.run.plain_client import PlainClient

pytestmark = pytest.mark.integration

MARKER = "holdfast/test (synthetic)"
LONG = {"Location": "/api/loop"}
ZIPPED = gzip.compress(b'{"a": 1}')
# path → status, headers, body
ANSWERS = {
    "/api/cookie": (200, {"Set-Cookie": "session=1; Path=/api"}, b"{}"),
    "/api/deep/cookie": (200, {"Set-Cookie": "deep=1"}, b"{}"),
    "/api/foreign-cookie": (200, {"Set-Cookie": "other=1; Path=/other"}, b"{}"),
    "/api/secure-cookie": (200, {"Set-Cookie": "safe=1; Path=/; Secure"}, b"{}"),
    "/api/somebodys-cookie": (200, {"Set-Cookie": "theirs=1; Path=/; Domain=bank.example"}, b"{}"),
    "/api/login-needed": (302, {"Location": "/login", "Set-Cookie": "asked=1; Path=/login"}, b""),
    "/login": (200, {}, b'{"page": "login"}'),
    "/api/beside": (302, {"Location": "/apix/b"}, b""),
    "/apix/b": (200, {}, b'{"page": "b"}'),
    "/api/relative": (302, {"Location": "echo?x=1"}, b""),
    "/api/see-other": (303, {"Location": "/api/echo"}, b""),
    "/api/kept": (307, {"Location": "/api/echo"}, b""),
    "/api/loop": (302, LONG, b""),
    "/api/elsewhere": (302, {"Location": "http://127.0.0.1:1/"}, b""),
    "/api/nowhere": (302, {}, b""),
    "/api/broken-place": (302, {"Location": "http://[bad/"}, b""),
    "/api/429": (429, {"Retry-After": "7"}, b""),
    "/api/429-date": (429, {"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"}, b""),
    "/api/503": (503, {"Retry-After": "3"}, b"busy"),
    "/api/404": (404, {}, b'{"error": "none"}'),
    "/api/gzip": (200, {"Content-Encoding": "gzip"}, ZIPPED),
    "/api/bad-gzip": (200, {"Content-Encoding": "gzip"}, b"hello"),
    "/api/echo": (200, {"X-A": "1"}, b'{"a": 1}'),
    "/api/text": (200, {}, b"<html>"),
    "/api/no-content": (204, {}, b""),
}
OWN = ("User-Agent", "X-Holdfast-Synthetic", "Host", "traceparent", "Content-Length", "connection")
CASES = {
    "a cookie for the target's prefix": [("GET", "/cookie", {}), ("GET", "/echo", {})],
    "a cookie without a path": [("GET", "/deep/cookie", {}), ("GET", "/echo", {}), ("GET", "/deep/cookie", {})],
    "a cookie for another path": [("GET", "/foreign-cookie", {}), ("GET", "/echo", {})],
    "a cookie for TLS": [("GET", "/secure-cookie", {}), ("GET", "/echo", {})],
    "a cookie for another host": [("GET", "/somebodys-cookie", {}), ("GET", "/echo", {})],
    "a redirect out of the prefix": [("GET", "/login-needed", {"follow": 3})],
    "a redirect beside the prefix": [("GET", "/beside", {"follow": 3})],
    "a relative redirect": [("GET", "/relative", {"follow": 3})],
    "a redirect as the answer": [("GET", "/login-needed", {})],
    "a redirect that was not expected": [("GET", "/login-needed", {"expect": (200,)})],
    "303 after a POST": [("POST", "/see-other", {"json": {"a": 1}, "follow": 1})],
    "302 after a POST": [
        ("POST", "/relative", {"form": {"a": "1"}, "headers": {"Content-Language": "en"}, "follow": 1})
    ],
    "307 after a POST": [("POST", "/kept", {"json": {"a": 1}, "headers": {"X-Key": "k"}, "follow": 1})],
    "303 after a HEAD": [("HEAD", "/see-other", {"follow": 1})],
    "too many redirects": [("GET", "/loop", {"follow": 3})],
    "one redirect too many": [("GET", "/loop", {"follow": 1, "expect": (200, 302)})],
    "a redirect to somebody else": [("GET", "/elsewhere", {"follow": 1})],
    "a redirect to nowhere": [("GET", "/nowhere", {"follow": 1})],
    "a redirect to what is no address": [("GET", "/broken-place", {"follow": 1})],
    "too many requests": [("GET", "/429", {})],
    "too many requests, until a date": [("GET", "/429-date", {})],
    "busy, and for how long": [("GET", "/503", {})],
    "not there": [("GET", "/404", {})],
    "not there, as expected": [("GET", "/404", {"expect": (404,)})],
    "another than expected": [("GET", "/echo", {"expect": (201, 204)})],
    "nothing": [("DELETE", "/no-content", {"expect": (204,)})],
    "gzip": [("GET", "/gzip", {})],
    "gzip that is none": [("GET", "/bad-gzip", {})],
    "no JSON": [("GET", "/text", {})],
    "a body of JSON": [("POST", "/echo", {"json": {"a": [1, "ü", None]}})],
    "a body of nothing": [("POST", "/echo", {})],
    "a form": [("POST", "/echo", {"form": {"email": "a b+c@d.test", "note": "ü&="}})],
    "bytes of another type": [("PUT", "/echo", {"body": b"\x00", "headers": {"content-type": "image/png"}})],
    "no bytes": [("PUT", "/echo", {"body": b""})],
    "two bodies": [("PUT", "/echo", {"body": b"x", "json": {}})],
    "parameters": [("GET", "/echo?a=1", {"params": {"b": "c d", "tag": ["x", "y"], "n": 3}})],
    "another Accept": [("GET", "/echo", {"headers": {"Accept": "text/html"}})],
    "a header with a line in it": [("GET", "/echo", {"headers": {"X": "a\r\nY: b"}})],
    "half a path": [("GET", "echo", {})],
    "a path that is not encoded": [("GET", "/é", {})],
    **{f"a {name} of the adapter's own": [("GET", "/echo", {"headers": {name: "mine"}})] for name in OWN},
}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.seen.append((self.command, self.path, headers, body))
        status, more, content = ANSWERS[self.path.partition("?")[0]]
        self.send_response(status)
        for name, value in more.items():
            self.send_header(name, value)
        if status != 204:
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = answer  # noqa: N815  the library's names


class Dripping(Handler):
    """A byte each 50 ms, for a minute."""

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "1000")
        self.end_headers()
        try:
            for _ in range(1_000):
                self.wfile.write(b"x")
                time.sleep(0.05)
        except OSError:
            self.close_connection = True


def serving(handler):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.seen = []
    server.url = f"http://127.0.0.1:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


@pytest.fixture(scope="module")
def server():
    running = serving(Handler)
    yield running
    running.shutdown()
    running.server_close()


def lean_client(url):
    dialer = Dialer(Origin.of(url))
    heads = RequestHeads(dialer.origin, MARKER)
    return LeanClient(ConnectionPool(dialer), heads, lambda _: None, trace_id="a" * 32, random=Random(1))


def plain_client(url):
    return PlainClient(url, MARKER)


def told(client, method, path, given):
    """What an adapter would see of one request."""
    try:
        found = client.request(method, path, **given)
    except OutcomeError as error:
        return error.outcome, error.detail, error.retry_after
    except ValueError as error:
        return str(error)
    headers = {name: value for name, value in found.headers.items() if name != "date"}
    try:
        return found.status, headers, found.body, found.json()
    except OutcomeError as error:
        return found.status, headers, found.body, str(error)


def lived(server, make, requests):
    """What a visitor would see of some requests, and the server of the visitor. No two spans are the same."""
    server.seen.clear()
    client = make(server.url + "/api")
    outcomes = [told(client, *request) for request in requests]
    seen = [
        (method, path, {k: len(v) if k == "traceparent" else v for k, v in headers.items()}, body)
        for method, path, headers, body in server.seen
    ]
    return outcomes, seen


@pytest.mark.parametrize("case", CASES)
def test_both_clients_ask_the_same_and_make_the_same_of_it(server, case):
    assert lived(server, plain_client, CASES[case]) == lived(server, lean_client, CASES[case])


@pytest.mark.parametrize("make", [plain_client, lean_client])
def test_a_cookie_for_the_prefix_comes_back(server, make):
    _, seen = lived(server, make, CASES["a cookie for the target's prefix"])
    assert seen[-1][2]["cookie"] == "session=1"


@pytest.mark.parametrize("make", [plain_client, lean_client])
@pytest.mark.parametrize(("case", "path"), [("out of", "/login"), ("beside", "/apix/b")])
def test_a_redirect_leads_where_it_says(server, make, case, path):
    (outcome,), seen = lived(server, make, CASES[f"a redirect {case} the prefix"])
    assert outcome[0] == 200
    assert seen[-1][1] == path


@pytest.mark.parametrize("make", [plain_client, lean_client])
def test_the_last_redirect_is_no_success(server, make):
    (outcome,), seen = lived(server, make, CASES["too many redirects"])
    assert outcome == ("failed", "TooManyRedirects", None)
    assert len(seen) == 4


@pytest.mark.parametrize("make", [plain_client, lean_client])
@pytest.mark.parametrize("name", OWN)
def test_no_adapter_hides_who_asks(server, make, name):
    (outcome,), seen = lived(server, make, CASES[f"a {name} of the adapter's own"])
    assert "is the client's own" in outcome
    assert not seen


def test_one_deadline_covers_a_slow_drip():
    server = serving(Dripping)
    client = plain_client(server.url)
    began = time.monotonic()
    with pytest.raises(OutcomeError, match="timed_out: ResponseTimeout"):
        client.request("GET", "/", timeout=0.3)
    assert time.monotonic() - began < 5
    assert str(client.last) == "GET /: no answer"
    server.shutdown()
    server.server_close()


def test_one_deadline_covers_all_hops(server):
    """The third would be within a limit of its own."""
    client = plain_client(server.url + "/api")
    slow = client._exchanged

    def exchanged(*given, **named):
        time.sleep(0.2)
        return slow(*given, **named)

    client._exchanged = exchanged
    with pytest.raises(OutcomeError, match="timed_out"):
        client.request("GET", "/loop", follow=50, timeout=0.5)


def test_what_an_adapter_is_told_names_no_value(server):
    client = plain_client(server.url + "/api")
    with pytest.raises(OutcomeError):
        client.request("GET", "/404?token=s3cret")
    assert str(client.last) == "GET /api/{id} was answered 404 none, a 2xx or 3xx expected; it holds error"
    assert json.loads(ANSWERS["/api/404"][2]) == {"error": "none"}
