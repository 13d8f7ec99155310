"""The lean client beside `requests`, on bytes that no server should send: both agree, or it is said here why not."""

import gzip
import socket
import threading
from random import Random

import pytest
import requests
import urllib3
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from holdfast.kit.outcome import OutcomeError
from holdfast.load.client import LeanClient
from holdfast.load.heads import RequestHeads
from holdfast.load.origin import Origin
from holdfast.load.pool import ConnectionPool
from holdfast.load.wire import Dialer
from holdfast.record.sample import OUTCOMES

pytestmark = pytest.mark.integration

OK = b"HTTP/1.1 200 OK\r\n"
FIVE = OK + b"Content-Length: 5\r\n\r\nhello"
ZIPPED = gzip.compress(b"hello " * 100)
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
GZIPPED = OK + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n"

SAME = {
    "an ordinary answer": FIVE,
    "204 with a length": b"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n",
    "304 with a length": b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n",
    "100 before the answer": b"HTTP/1.1 100 Continue\r\n\r\n" + FIVE,
    "an empty reason": b"HTTP/1.1 200 \r\nContent-Length: 5\r\n\r\nhello",
    "no reason at all": b"HTTP/1.1 200\r\nContent-Length: 5\r\n\r\nhello",
    "HTTP/1.0, body until the end": b"HTTP/1.0 200 OK\r\n\r\nhello",
    "HTTP/1.0 with a length": b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello",
    "bytes after the body": FIVE + b"more",
    "another answer after the body": FIVE + FIVE,
    "a length and an end too soon": OK + b"Content-Length: 50\r\n\r\nhello",
    "an end within the headers' first line": b"HTTP/1.1 20",
    "an end before anything": b"",
    "a bad chunk size": CHUNKED + b"xyz\r\nhello\r\n0\r\n\r\n",
    "chunks without an end": CHUNKED + b"5\r\nhello\r\n",
    "chunks with trailers": CHUNKED + b"5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n",
    "chunks with extensions": CHUNKED + b"5;a=b\r\nhello\r\n0\r\n\r\n",
    "gzip": GZIPPED % len(ZIPPED) + ZIPPED,
    "gzip in two members": GZIPPED % (2 * len(ZIPPED)) + ZIPPED + ZIPPED,
    "gzip that is none": GZIPPED % 5 + b"hello",
    "gzip with a broken sum": GZIPPED % len(ZIPPED) + ZIPPED[:-8] + b"12345678",
    "gzip in name only, no body": GZIPPED % 0,
    "a redirect without a place": b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n",
    "no HTTP at all": b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
    "a status of four digits": b"HTTP/1.1 9999 Big\r\nContent-Length: 5\r\n\r\nhello",
    "two different lengths": OK + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
}

DIFFERENT = {
    "103 before the answer": (
        b"HTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\n" + FIVE,
        (200, b"hello"),
        "RFC 9110, 15.2: a client must be able to parse any 1xx before the final answer",
    ),
    "gzip that was cut short": (
        GZIPPED % 20 + ZIPPED[:20],
        "BadEncoding",
        "half a page is not the page: the check sum that proves it whole is missing",
    ),
    "two equal lengths": (
        OK + b"Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
        "HttpParserError",
        "RFC 9112, 6.3: may be refused; two lengths are how answers are smuggled, and a server in test is better told",
    ),
    "chunks and a length": (
        OK + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        "HttpParserError",
        "RFC 9112, 6.3: it ought to be handled as an error",
    ),
    "an end within the headers": (
        OK + b"X-A: 1\r\n",
        "ClosedEarly",
        "RFC 9112, 8: an answer is incomplete until the empty line after its headers was read",
    ),
    "a folded header": (
        OK + b"X-A: 1\r\n 2\r\nContent-Length: 5\r\n\r\nhello",
        "HttpParserError",
        "llhttp refuses folds, obsolete since 2014 and a means of smuggling; requests joins them (RFC 9112, 5.2)",
    ),
    "bare line feeds": (
        b"HTTP/1.1 200 OK\nContent-Length: 5\n\nhello",
        "HttpParserError",
        "RFC 9112, 2.2: a bare LF may be taken for the end of a line; it need not, and no real server sends it",
    ),
    "a null byte in a header": (
        OK + b"X-A: a\0b\r\nContent-Length: 5\r\n\r\nhello",
        "HttpParserError",
        "RFC 9110, 5.5: NUL in a field value must be rejected or replaced",
    ),
    "an unknown coding": (
        OK + b"Content-Encoding: zstd-ish\r\nContent-Length: 5\r\n\r\nhello",
        "BadEncoding",
        "what was not asked for and cannot be read is no answer that a step may go on with",
    ),
    "headers larger than the limit": (
        OK + b"".join(b"X-%d: %b\r\n" % (n, b"a" * 30_000) for n in range(3)) + b"Content-Length: 5\r\n\r\nhello",
        "HeaderTooLarge",
        "http.client has a limit for each line, ours is one for all: 64 KiB",
    ),
}


class Script(threading.Thread):
    """Answers each connection's first request with the bytes that are set, then hangs up; or keeps silent."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listening.getsockname()[1]}"
        self.answer = b""
        self.by_byte = False
        self.silent_after = False

    def run(self) -> None:
        while True:
            try:
                connection, _ = self.listening.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection: socket.socket) -> None:
        with connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            asked = b""
            try:
                while b"\r\n\r\n" not in asked:
                    more = connection.recv(65536)
                    if not more:
                        return
                    asked += more
                for piece in [bytes([byte]) for byte in self.answer] if self.by_byte else [self.answer]:
                    connection.sendall(piece)
                if self.silent_after:
                    connection.recv(1)  # until the client hangs up
                else:
                    connection.shutdown(socket.SHUT_WR)
                    connection.recv(65536)  # so that what was sent arrives before a reset can
            except OSError:
                return


@pytest.fixture(scope="module")
def script():
    running = Script()
    running.start()
    yield running
    running.listening.close()


def ask(url, method="GET", deadline=3.0):
    dialer = Dialer(Origin.of(url))
    seen = []
    client = LeanClient(
        ConnectionPool(dialer),
        RequestHeads(dialer.origin, "m"),
        seen.append,
        trace_id="a" * 32,
        random=Random(1),
        deadline=deadline,
    )
    try:
        found = client.request(method, "/", expect=range(1000))
    except OutcomeError as error:
        found = error
    finally:
        client.close()
    (exchange,) = seen
    if isinstance(found, OutcomeError):
        assert found.outcome in OUTCOMES
        assert (exchange.outcome, exchange.detail) == (found.outcome, found.detail)
        return found.detail
    return found.status, found.body


def judged(url, method="GET"):
    try:
        found = requests.request(method, url + "/", allow_redirects=False, timeout=3)
    except (requests.RequestException, urllib3.exceptions.HTTPError):
        return "error"
    return found.status_code, found.content


def alike(ours):
    return "error" if isinstance(ours, str) else ours


@pytest.mark.parametrize("by_byte", [False, True], ids=["at once", "byte by byte"])
@pytest.mark.parametrize("case", SAME)
def test_both_read_the_same(script, case, by_byte):
    script.answer, script.by_byte, script.silent_after = SAME[case], by_byte, False
    assert alike(ask(script.url)) == judged(script.url)


@pytest.mark.parametrize("case", DIFFERENT)
def test_where_they_differ_it_is_for_a_reason(script, case):
    answer, ours, why = DIFFERENT[case]
    script.answer, script.by_byte, script.silent_after = answer, False, False
    assert ask(script.url) == ours
    assert judged(script.url) != alike(ours), "they agree by now: move the case"
    assert why


@pytest.mark.parametrize("case", ["an ordinary answer", "gzip", "204 with a length", "an end before anything"])
def test_both_take_the_same_for_the_answer_to_head(script, case):
    script.answer, script.by_byte, script.silent_after = (
        SAME[case].partition(b"\r\n\r\n")[0] + b"\r\n\r\n",
        False,
        False,
    )
    if case == "an end before anything":
        script.answer = b""
    assert alike(ask(script.url, "HEAD")) == judged(script.url, "HEAD")


@pytest.mark.parametrize(
    "answer", [b"", b"HTTP/1.1 200", OK, OK + b"Content-Length: 5\r\n\r\nhel", CHUNKED + b"5\r\nhe"]
)
def test_silence_ends_at_the_deadline_wherever_it_begins(script, answer):
    script.answer, script.by_byte, script.silent_after = answer, False, True
    assert ask(script.url, deadline=0.1) == "ResponseTimeout"


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    case=st.sampled_from([*SAME.values(), *(answer for answer, _, _ in DIFFERENT.values() if len(answer) < 1000)]),
    at=st.integers(0, 150),
    gone=st.integers(0, 20),
    noise=st.binary(max_size=20),
    method=st.sampled_from(["GET", "HEAD"]),
)
def test_mutated_answers_give_an_outcome_and_nothing_else(script, case, at, gone, noise, method):
    script.answer, script.by_byte, script.silent_after = case[:at] + noise + case[at + gone :], False, False
    assert ask(script.url, method, deadline=2.0) != "ResponseTimeout", "the server hung up: that is an end"
