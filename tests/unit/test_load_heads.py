"""What a request says of itself before its body, where a redirect leads, and what is refused."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from holdfast.kit.outcome import OutcomeError
from holdfast.load.heads import RequestHeads, with_headers
from holdfast.load.origin import Origin
from holdfast.load.redirects import next_method, next_path

HEADS = RequestHeads(Origin.of("http://shop.test:8080"), "holdfast/test")
BASE = "http://shop.test:8080/v2/a/b?q=1"


def test_a_head_names_its_place_and_who_asks():
    assert HEADS.of("GET", "/api/x?y=1").decode().split("\r\n") == [
        "GET /api/x?y=1 HTTP/1.1",
        "Host: shop.test:8080",
        "User-Agent: holdfast/test",
        "X-Holdfast-Synthetic: 1",
        "Accept: application/json, */*",
        "Accept-Encoding: gzip, deflate, br",
        "",
    ]
    assert HEADS.of("GET", "/x") is HEADS.of("GET", "/x")


def test_only_so_many_heads_are_kept():
    heads = RequestHeads(Origin.of("http://shop.test"), "m")
    for n in range(2_000):
        heads.of("GET", f"/invoices/{n}")
    assert len(heads._kept) == 1_024


@given(st.text(), st.text())
def test_no_header_adds_a_line(name, value):
    try:
        made = with_headers(HEADS.of("GET", "/x"), {name: value})
    except ValueError:
        return
    lines = made.split(b"\r\n")
    assert b"\n" not in b"".join(lines)
    assert len(lines) - len(HEADS.of("GET", "/x").split(b"\r\n")) in {0, 1}


@given(st.text(' /?#\r\n\t"<>%aé', max_size=12))
@example("%0d%0a")
def test_no_path_adds_a_line_or_a_part(path):
    try:
        made = HEADS.of("GET", f"/{path}")
    except ValueError:
        return
    first, *rest = made.split(b"\r\n")
    assert first.count(b" ") == 2
    assert len(rest) == 6


def test_what_is_the_clients_own_cannot_be_told_otherwise():
    for name in ("Host", "user-agent", "Content-Length", "Transfer-Encoding", "X-Holdfast-Synthetic", "traceparent"):
        with pytest.raises(ValueError, match="client's own"):
            with_headers(b"", {name: "x"})


def test_accept_is_replaced_not_sent_twice():
    made = with_headers(HEADS.of("GET", "/x"), {"Accept": "text/html"})
    assert made.lower().count(b"accept: ") == 1
    assert b"Accept: text/html\r\n" in made


@pytest.mark.parametrize(
    ("location", "path"),
    [
        ("/x", "/x"),
        ("c?d=1#e", "/v2/a/c?d=1"),
        ("http://shop.test:8080", "/"),
        ("//shop.test:8080/x", "/x"),
        ("?q=2", "/v2/a/b?q=2"),
        ("/ü b", "/%FC%20b"),
        ("../../../x", "/x"),
    ],
)
def test_a_place_is_resolved_against_the_one_asked(location, path):
    assert next_path(BASE, location) == path


@pytest.mark.parametrize(
    "location",
    ["https://shop.test:8080/", "http://shop.test/", "//evil.test/x", "http://shop.test:8080@evil.test/", "ftp://x/"],
)
def test_another_origin_is_refused(location):
    with pytest.raises(OutcomeError, match="failed: RedirectElsewhere"):
        next_path(BASE, location)


@given(st.text())
def test_wherever_it_leads_the_next_path_can_be_asked(location):
    try:
        path = next_path(BASE, location)
    except OutcomeError:
        return
    assert HEADS.of("GET", path)


@pytest.mark.parametrize(
    ("status", "method", "then"),
    [
        (301, "POST", "GET"),
        (302, "POST", "GET"),
        (302, "PUT", "PUT"),
        (303, "PUT", "GET"),
        (303, "HEAD", "HEAD"),
        (307, "POST", "POST"),
        (308, "POST", "POST"),
    ],
)
def test_the_method_of_the_next_hop_is_the_one_of_rfc_9110(status, method, then):
    assert next_method(status, method) == then
