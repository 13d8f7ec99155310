"""The runner's own client: nothing told that is a value, and bugs of an adapter told as such."""

import json

import pytest

from holdfast.kit.outcome import OutcomeError
from holdfast.load.received import AnswerReader
from holdfast.load.response import HttpResponse
from holdfast.run.plain_client import PlainClient


def asking(monkeypatch, status, answer=None):
    client = PlainClient("http://127.0.0.1:1/base", "holdfast (synthetic)")
    body = json.dumps(answer).encode() if not isinstance(answer, bytes) else answer
    reader = AnswerReader()
    reader.feed(b"HTTP/1.1 %d X\r\nContent-Length: %d\r\n\r\n%b" % (status, len(body), body))
    monkeypatch.setattr(client, "_exchanged", lambda *_, **__: reader)
    return client


def test_what_was_asked_is_told_by_names_without_values(monkeypatch):
    answer = {"items": [{"id": "s3cret", "user@mail": 1}], "error": {"code": "c"}, "9": 1, "total": "19.99", "none": []}
    client = asking(monkeypatch, 200, answer)
    client.request("GET", "/resets/a1b2c3d4e5f6g7h8/a%40b.example.org?token=x", expect=(200,))
    told = str(client.last)
    assert told == "GET /base/resets/{id}/{id} was answered 200; it holds items[].id, error.code, total, none"


def test_a_status_that_was_not_expected_is_told_with_those_that_were(monkeypatch):
    client = asking(monkeypatch, 500, b"<html>")
    with pytest.raises(OutcomeError):
        client.request("POST", "/oauth/token", expect=(200, 403))
    assert str(client.last) == "POST /base/oauth/token was answered 500, 200 or 403 expected"


@pytest.mark.parametrize(
    "answer",
    [
        {"error": "database_unavailable"},
        {"code": "database_unavailable", "message": "ana@example.org"},
        {"error": {"code": "database_unavailable", "trace": "9f8a7b6c5d4e3f2a"}},
        {"errors": [{"code": "database_unavailable"}]},
        {"type": "https://api.example/problems/database_unavailable", "title": "Try later"},
    ],
)
def test_the_targets_own_code_stands_beside_the_status(monkeypatch, answer):
    client = asking(monkeypatch, 503, answer)
    with pytest.raises(OutcomeError):
        client.request("POST", "/sign-in", expect=(200,))
    assert "was answered 503 database_unavailable, 200 expected" in str(client.last)


@pytest.mark.parametrize(
    "word",
    [
        "123456", "ana@example.org", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0", "9f8a7b6c5d4e3f2a1b0c",
        "QwErTyUiOpAsDfGhJkLzXcVb", "two words", "\x1b[31mred", "x" * 300, "hunter", {"a": 1}, 7, None, "about:blank",
    ],
)  # fmt: skip
def test_what_is_no_code_or_was_typed_by_the_visitor_is_not_told(monkeypatch, word):
    client = asking(monkeypatch, 400, {"code": word})
    with pytest.raises(OutcomeError):
        client.request("POST", "/sign-in", json={"password": "hunter"}, expect=(200,))
    assert str(client.last) == "POST /base/sign-in was answered 400, 200 expected; it holds code" + (
        ".a" if isinstance(word, dict) else ""
    )


def test_an_answer_that_fits_has_no_code_to_tell(monkeypatch):
    client = asking(monkeypatch, 200, {"code": "all_well"})
    client.request("GET", "/x", expect=(200,))
    assert "all_well" not in str(client.last)


def test_nobody_there_is_a_transport_error(unused_tcp_port):
    client = PlainClient(f"http://127.0.0.1:{unused_tcp_port}", "holdfast (synthetic)")
    with pytest.raises(OutcomeError) as found:
        client.request("GET", "/x")
    assert (found.value.outcome, found.value.detail) == ("transport_error", "ConnectionRefusedError")
    assert str(client.last) == "GET /x: no answer"


@pytest.mark.parametrize("path", ["x", "/a b", "/é", "/a\nb"])
@pytest.mark.parametrize("prefix", ["", "/base"])
def test_a_path_that_no_request_may_have_is_a_bug_of_the_adapter(path, prefix):
    with pytest.raises(ValueError, match="percent-encoded"):
        PlainClient(f"http://127.0.0.1:1{prefix}", "m").request("GET", path)


def test_an_answer_that_is_not_json_is_a_measured_failure():
    for body in (b"<html>", b"", b"\xff", b"[" * 200_000):
        with pytest.raises(OutcomeError, match="not_json"):
            HttpResponse(200, [], body).json()
