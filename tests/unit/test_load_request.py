"""What both clients decide, without a socket: bytes, wished-for answers, redirects."""

from dataclasses import dataclass, field

import pytest

from holdfast.kit.outcome import OutcomeError
from holdfast.load.heads import RequestHeads
from holdfast.load.origin import Origin
from holdfast.load.request import broken, bytes_of, followed, late, request_of, unexpected
from holdfast.load.wire_error import WireError

HEADS = RequestHeads(Origin.of("http://shop.test"), "holdfast/test")
BASE = "http://shop.test"


@dataclass
class Answer:
    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    def json(self):
        raise NotImplementedError


def asking(method="GET", path="/x", **more):
    given = {"params": None, "json": None, "form": None, "body": None, "headers": None, "expect": None, "follow": 0}
    return request_of("/api", method, path, **(given | {"name": None} | more))


def lines(request, cookie=""):
    head, _, body = bytes_of(request, HEADS, cookie, b"traceparent: t\r\n").partition(b"\r\n\r\n")
    return head.decode().split("\r\n"), body


def test_the_prefix_is_part_of_what_is_asked_and_not_of_what_it_is_called():
    asked = asking(path="/invoices/17?page=2", params={"q": "a b", "tag": ["x", "y"]})
    assert (asked.target, asked.name) == ("/api/invoices/17?page=2&q=a+b&tag=x&tag=y", "GET /invoices/{id}")


@pytest.mark.parametrize("path", ["x", "", "bc", "//x y", "/é"])
def test_half_a_path_is_a_bug_of_who_asks(path):
    with pytest.raises(ValueError, match="begins with /"):
        bytes_of(asking(path=path), HEADS, "", b"")


def test_a_body_brings_its_length_and_a_type_that_may_be_replaced():
    head, body = lines(asking("POST", json={"a": [1, "ü"]}), cookie="a=1")
    assert head[-4:] == ["traceparent: t", "Cookie: a=1", "Content-Type: application/json", "Content-Length: 18"]
    assert body == b'{"a":[1,"\\u00fc"]}'
    assert "Content-Length: 0" in lines(asking("POST"))[0]
    typed, _ = lines(asking("PUT", body=b"x", headers={"content-type": "image/png"}))
    assert [line for line in typed if line.lower().startswith("content-type")] == ["content-type: image/png"]


@pytest.mark.parametrize("name", ["User-Agent", "x-holdfast-synthetic", "Host", "Cookie2\r\n"])
def test_the_clients_own_headers_are_not_the_adapters(name):
    with pytest.raises(ValueError, match="header"):
        bytes_of(asking(headers={name: "mine"}), HEADS, "", b"")


@pytest.mark.parametrize(
    ("status", "expect", "outcome"),
    [(200, None, None), (302, None, None), (201, (200,), "failed"), (404, None, "rejected"), (503, None, "failed"),
     (429, None, "rate_limited"), (403, (200, 403), None), (304, None, None)],
)  # fmt: skip
def test_a_status_leads_to_its_outcome(status, expect, outcome):
    error = unexpected(asking(expect=expect), Answer(status, {"retry-after": "7"}), BASE)
    assert (error and error.outcome) == outcome
    assert error is None or (error.detail, error.retry_after) == (str(status), 7.0)


@pytest.mark.parametrize("told", ["soon", "9999999999", "-1", "", "Wed, 21 Oct 2026 07:28:00 GMT"])
def test_a_time_to_wait_that_is_no_count_of_seconds_is_none(told):
    error = unexpected(asking(), Answer(429, {"retry-after": told}), BASE)
    assert error is not None
    assert error.retry_after is None


def test_redirects_are_gone_after_as_often_as_asked_and_named_by_their_number():
    first = asking("POST", "/a", json={}, headers={"Content-Language": "en", "X-Key": "k"}, follow=2, name="look")
    seen = []

    def ask(hop):
        seen.append((hop.name, hop.method, hop.target, hop.content, dict(hop.headers), hop.follow))
        return Answer(307, {"location": "../abc"}) if len(seen) == 1 else Answer(200)

    assert followed(first, Answer(303, {"location": "/login"}), BASE, ask).status == 200
    assert seen == [
        ("look (hop 1)", "GET", "/login", b"", {"X-Key": "k"}, 1),
        ("look (hop 2)", "GET", "/abc", b"", {"X-Key": "k"}, 0),
    ]


@pytest.mark.parametrize(
    ("follow", "location", "detail"),
    [
        (0, "/a", None),
        (1, "/a", None),
        (1, None, "RedirectWithoutLocation"),
        (1, "http://a.test/", "RedirectElsewhere"),
    ],
)
def test_a_redirect_is_an_answer_or_a_place_that_may_be_gone_to(follow, location, detail):
    error = unexpected(asking(follow=follow), Answer(302, {"location": location} if location else {}), BASE)
    assert (error and error.detail) == detail


def test_the_last_redirect_is_one_too_many():
    error = unexpected(asking()._replace(follow=0), Answer(302, {"location": "/a"}), BASE)
    assert isinstance(error, OutcomeError)
    assert (error.outcome, error.detail) == ("failed", "TooManyRedirects")


def test_what_was_waited_for_and_what_broke_have_a_word():
    assert late(connected=False, sent=False).detail == "ConnectTimeout"
    assert late(connected=True, sent=False).detail == "SendTimeout"
    assert late(connected=True, sent=True).detail == "ResponseTimeout"
    causes = [
        WireError("BadEncoding"),
        ConnectionResetError("mine"),
        ConnectionRefusedError(111, "no"),
        OSError(24, "x"),
    ]
    assert [broken(cause).detail for cause in causes] == [
        "BadEncoding", "ClosedEarly", "ConnectionRefusedError", "NoDescriptorLeft",
    ]  # fmt: skip
