"""holdfast's own requests: past every proxy, marked, to the origin that was named alone, nothing printed as it came."""

import itertools
import ssl
import threading
import warnings
from contextlib import contextmanager
from pathlib import Path
from socket import create_server

import pytest
from tests.certificates import Authority

from holdfast.kit.inbox import Inbox, fetcher
from holdfast.kit.mistrust import mistrust
from holdfast.kit.outcome import OutcomeError
from holdfast.kit.plain_client import Rules, UnansweredError, ask
from holdfast.proxy.client import ProxyClient, ProxyRefusedError
from holdfast.run.target import unreachable
from holdfast.workspace.target import MARKER, TargetDefinition, TlsDefinition
from holdfast.workspace.tls import Tls, context_of

pytestmark = pytest.mark.integration

RULES = Rules("holdfast/test (synthetic)", deadline=5.0)
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
CLOSED = b""


@contextmanager
def serving(*answers: bytes, host="127.0.0.1", tls=None):
    """Raw answers, one a connection, the last again and again; what was asked, head by head."""
    listening = create_server((host, 0))
    asked: list[str] = []

    def serve():
        for answer in itertools.chain(answers, itertools.repeat(answers[-1])):
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            with connection:
                connection.settimeout(10)
                try:
                    spoken = connection if tls is None else tls.wrap_socket(connection, server_side=True)
                    asked.append(spoken.recv(65536).decode("latin-1"))
                    spoken.sendall(answer)
                    if spoken is not connection:
                        spoken.close()
                except OSError:
                    continue

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield listening.getsockname()[1], asked
    finally:
        listening.shutdown(2)
        listening.close()


def redirect(place: str) -> bytes:
    return f"HTTP/1.1 302 Found\r\nLocation: {place}\r\nContent-Length: 0\r\n\r\n".encode()


@pytest.fixture
def proxied(monkeypatch):
    """Every variable that names a proxy names one that counts who came."""
    with serving(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n") as (port, asked):
        for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{port}")
        for name in ("no_proxy", "NO_PROXY"):
            monkeypatch.delenv(name, raising=False)
        yield asked


def first_question(url, tls=None, root=Path("/")):
    definition = TargetDefinition(url=url, tls=tls)
    return [str(problem) for problem in unreachable("mine", definition, root, "holdfast.yaml:2")]


def test_the_first_question_and_the_outbox_pass_by_the_proxies_of_the_environment(proxied):
    with serving(OK, b'HTTP/1.1 200 OK\r\nContent-Length: 16\r\n\r\n{"messages": []}') as (port, asked):
        assert first_question(f"http://127.0.0.1:{port}") == []
        assert Inbox(f"http://127.0.0.1:{port}").newest("a@b.test", 0.0) is None
    assert len(asked) == 2
    assert proxied == []


def test_a_target_that_is_down_does_not_pass_because_a_proxy_answered(proxied, unused_tcp_port):
    (told,) = first_question(f"http://127.0.0.1:{unused_tcp_port}")
    assert "does not answer: Connection refused" in told
    assert proxied == []


def test_every_request_is_marked_and_traced():
    with serving(OK) as (port, asked):
        assert first_question(f"http://127.0.0.1:{port}/a/?b=c") == []
        Inbox(f"http://127.0.0.1:{port}", fetcher(RULES))._fetch(f"http://127.0.0.1:{port}/messages")
    for head, marker in zip(asked, (MARKER, RULES.marker), strict=True):
        assert f"User-Agent: {marker}\r\n" in head
        assert "X-Holdfast-Synthetic: 1\r\n" in head
        assert "traceparent: 00-" in head
    assert asked[0].startswith("GET /a/?b=c HTTP/1.1\r\n")


def test_the_first_question_goes_nowhere_else():
    with (
        serving(OK, host="127.0.0.2") as (other, elsewhere),
        serving(redirect(f"http://127.0.0.2:{other}/")) as (
            port,
            _,
        ),
    ):
        assert first_question(f"http://127.0.0.1:{port}") == [], "a redirect is an answer"
    assert elsewhere == []


def test_an_address_that_is_looked_up_in_the_outbox_does_not_follow_a_redirect_elsewhere():
    with (
        serving(OK, host="127.0.0.2") as (other, elsewhere),
        serving(redirect(f"http://127.0.0.2:{other}/")) as (
            port,
            _,
        ),
    ):
        with pytest.raises(OutcomeError, match="outbox_redirects_elsewhere"):
            Inbox(f"http://127.0.0.1:{port}").newest("a@b.test", 0.0)
        with pytest.raises(ProxyRefusedError):
            ProxyClient(f"http://127.0.0.1:{port}", token="secret").version()
    assert elsewhere == []


@pytest.mark.parametrize("place", ["/again?of=ada@example.org", "/again#\x1b[31mada@example.org"])
def test_too_many_redirects_are_told_without_a_query_and_never_printed_as_they_came(place):
    with serving(redirect(place)) as (port, _asked), pytest.raises(UnansweredError) as caught:
        ask(f"http://127.0.0.1:{port}/", Rules("m", redirects=2))
    assert caught.value.what == f"http://127.0.0.1:{port}/again redirects more than 2 times"


def test_a_redirect_on_the_same_origin_is_followed_where_asked_and_so_often():
    place = b'HTTP/1.1 200 OK\r\nContent-Length: 16\r\n\r\n{"messages": []}'
    with serving(redirect("/messages/"), place) as (port, asked):
        assert Inbox(f"http://127.0.0.1:{port}").newest("a@b.test", 0.0) is None
        assert [head.split()[1].partition("?")[0] for head in asked] == ["/messages", "/messages/"]
    with serving(redirect("/again")) as (port, asked):
        with pytest.raises(UnansweredError, match="more than 2 times"):
            ask(f"http://127.0.0.1:{port}/", Rules("m", redirects=2))
        assert len(asked) == 3


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (b"\x1b]0;owned\x07\x1b[31mWELCOME\x1b[0m to telnet\r\n", "does not speak HTTP: its answer begins with"),
        ("HTTP/1.1 abc \u202egnp\u2066\r\n\r\n".encode(), "does not speak HTTP"),
        (b"HTTP/9\x1b[2J 200 OK\r\n\r\n", "does not answer in readable HTTP"),
        (b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 500 + b"\r\n", "does not answer in readable HTTP"),
        (b"HTTP/1.1 200 OK\r\nA: " + b"b" * 70_000 + b"\r\n\r\n", "does not answer in readable HTTP"),
        (CLOSED, "hung up without an answer"),
    ],
)
def test_what_a_target_says_instead_of_http_is_told_and_never_printed_as_it_came(answer, told):
    with serving(answer) as (port, _):
        (message,) = first_question(f"http://127.0.0.1:{port}")
    assert told in message
    assert [character for character in message if not (character.isprintable() or character == "\n")] == []
    assert "\n    " in message, "and what to do"


def test_an_endless_answer_shows_that_the_target_is_there_and_is_not_read():
    stop = threading.Event()
    listening = create_server(("127.0.0.1", 0))

    def stream():
        connection, _ = listening.accept()
        with connection:
            connection.recv(65536)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")
            while not stop.wait(0.05):
                try:
                    connection.sendall(b": still here\n\n")
                except OSError:
                    return

    thread = threading.Thread(target=stream, daemon=True)
    thread.start()
    with listening:
        assert first_question(f"http://127.0.0.1:{listening.getsockname()[1]}") == []
        stop.set()
        thread.join(10)


def test_a_deadline_covers_an_answer_that_drips():
    stop = threading.Event()
    listening = create_server(("127.0.0.1", 0))

    def drip():
        connection, _ = listening.accept()
        with connection:
            connection.recv(65536)
            for byte in itertools.cycle(b"HTTP/1.1 200 OK\r\nA: b"):
                if stop.wait(0.05):
                    return
                try:
                    connection.sendall(bytes([byte]))
                except OSError:
                    return

    thread = threading.Thread(target=drip, daemon=True)
    thread.start()
    with listening:
        with pytest.raises(UnansweredError, match="does not answer within 1 s") as found:
            ask(f"http://127.0.0.1:{listening.getsockname()[1]}/", Rules("m", deadline=1.0))
        assert found.value.kind == "silent"
        stop.set()
        thread.join(10)


def test_an_answer_that_is_too_large_or_cut_short_is_none():
    with serving(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 2_000) as (port, _), pytest.raises(UnansweredError) as large:
        ask(f"http://127.0.0.1:{port}/", Rules("m", most_bytes=1_000))
    with (
        serving(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort") as (port, _),
        pytest.raises(UnansweredError, match="in the middle"),
    ):
        ask(f"http://127.0.0.1:{port}/", RULES)
    assert large.value.kind == "too_large"


def test_hints_before_the_answer_are_passed_over():
    hints = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + OK
    with serving(hints) as (port, _):
        answer = ask(f"http://127.0.0.1:{port}/", RULES)
    assert (answer.status, answer.body) == (200, b"ok")


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


FAULTS = {
    "expired": ({"begins": -48, "ends": -24}, "has expired", "renew it"),
    "not yet valid": ({"begins": 24, "ends": 48}, "is not valid yet", "clock"),
    "weak key": ({"weak": True}, "has a key that is too weak", "2048"),
    "for clients": ({"for_clients": True}, "is not meant for a server", "serverAuth"),
    "another name": ({"host": "other.test"}, "is made out to another name than localhost", "issue one for localhost"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_of_a_certificate_has_its_own_advice(authority, fault):
    given, told, fix = FAULTS[fault]
    message = _mistrusted(authority.signed(**given), TlsDefinition(ca_file=str(authority.ca_file)))
    assert told in message
    assert fix in message
    assert "ca_file" not in message, "an authority is not what is missing"


@pytest.mark.parametrize(
    ("code", "said", "told", "fix"),
    [
        (68, "CA signature digest algorithm too weak", "a hash that is too weak", "SHA-256"),
        (
            79,
            "invalid CA certificate",
            "signed by a certificate that may sign none",
            "CA:TRUE",
        ),
        (85, "Missing Authority Key Identifier", "Missing Authority Key Identifier", "issue one without that fault"),
    ],
)
def test_a_fault_that_no_authority_cures_is_not_answered_with_one(code, said, told, fix):
    error = ssl.SSLCertVerificationError(1, "certificate verify failed")
    error.verify_code, error.verify_message = code, said
    what, cure = mistrust(error, "https://localhost/", "localhost")
    assert told in what
    assert fix in cure
    assert "ca_file" not in cure


def test_a_version_of_tls_that_nobody_speaks_any_more_is_told_as_one(authority):
    old = _server(authority.signed())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
    with serving(OK, tls=old) as (port, _):
        (message,) = first_question(f"https://localhost:{port}")
    assert "speaks no version of TLS that this machine speaks" in message
    assert "TLS 1.2" in message


def test_an_unknown_authority_and_a_certificate_of_its_own_are_told_apart(authority, tmp_path):
    unknown = _mistrusted(authority.signed(), None)
    assert "an authority that this machine does not know" in unknown
    assert "tls: {ca_file: …}" in unknown
    alone = _mistrusted(authority.signed_by_itself(), None)
    assert "signed by itself" in alone
    (tmp_path / "other").mkdir()
    other = _mistrusted(authority.signed(), TlsDefinition(ca_file=str(Authority(tmp_path / "other").ca_file)))
    assert "none of the authorities that were named signed it" in other


def test_a_host_of_another_script_is_asked_for_by_its_name_in_ascii(monkeypatch):
    looked = []
    monkeypatch.setattr("socket.getaddrinfo", lambda host, *_: looked.append(host) or [])
    (told,) = first_question("http://konto.bücher.example:9/")
    assert looked == ["konto.xn--bcher-kva.example"]
    assert "does not answer" in told


def test_what_speaks_no_tls_is_told_so():
    with serving(OK) as (port, _):
        (message,) = first_question(f"https://localhost:{port}")
    assert "does not speak TLS" in message


def test_a_certificate_that_is_trusted_is_enough(authority):
    tls = context_of(Tls(ca_file=str(authority.ca_file)))
    with serving(OK, tls=_server(authority.signed())) as (port, _):
        assert ask(f"https://localhost:{port}/", RULES, tls=tls).body == b"ok"


def _mistrusted(files, tls):
    with serving(OK, tls=_server(files)) as (port, _):
        (message,) = first_question(f"https://localhost:{port}", tls)
    return message


def _server(files):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers("DEFAULT@SECLEVEL=0")  # it offers whatever it is given; the client is the one who refuses
    context.load_cert_chain(*files)
    return context
