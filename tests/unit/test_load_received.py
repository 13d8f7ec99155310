"""Answers read in whatever pieces, content codings undone, and what no bytes may do to the reader."""

import contextlib
import gzip
import zlib
from itertools import pairwise

import brotli
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from holdfast.load.encoding import decoded
from holdfast.load.received import MOST_HEADER_BYTES, AnswerReader, named
from holdfast.load.wire_error import WireError

MEMBER = gzip.compress(b"hello ")
token = st.text(st.sampled_from("abcdefXYZ-09"), min_size=1, max_size=12).map(lambda name: f"x-{name}")
value = st.text(st.characters(min_codepoint=0x21, max_codepoint=0xFF, exclude_characters="\x7f"), max_size=30)
bodies = st.binary(max_size=400)
cuts = st.lists(st.integers(0, 600), max_size=12)


def pieces(data, where):
    marks = sorted({0, len(data), *(cut for cut in where if cut < len(data))})
    return [data[a:b] for a, b in pairwise(marks)]


def read(data, where=()):
    reader = AnswerReader()
    for piece in pieces(data, where):
        reader.feed(piece)
    return reader


@given(st.dictionaries(token, value, max_size=12), bodies, cuts)
def test_headers_and_body_come_out_as_they_went_in(headers, body, where):
    lines = "".join(f"{name}: {text}\r\n" for name, text in headers.items())
    head = f"HTTP/1.1 200 OK\r\n{lines}Content-Length: {len(body)}\r\n\r\n"
    reader = read(head.encode("latin-1") + body, where)
    assert reader.complete
    assert reader.body() == body
    expected = {name.lower(): text for name, text in headers.items()}
    assert {name: text for name, text in named(reader.headers).items() if name != "content-length"} == expected


@given(st.lists(bodies.filter(len), max_size=6), cuts, st.booleans())
def test_chunks_are_joined_however_they_were_cut(chunks, where, trailer):
    data = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    data += b"".join(b"%x;note=1\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks)
    data += b"0\r\n" + (b"X-Sum: 1\r\n" if trailer else b"") + b"\r\n"
    reader = read(data, where)
    assert (reader.complete, reader.excess) == (True, False)
    assert reader.body() == b"".join(chunks)
    assert reader.length == sum(map(len, chunks))
    assert "x-sum" not in named(reader.headers)


@given(st.lists(bodies, min_size=1, max_size=4), cuts)
def test_one_reader_reads_one_answer_after_another(several, where):
    reader = AnswerReader()
    for body in several:
        reader.expect()
        for piece in pieces(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body, where):
            reader.feed(piece)
        assert (reader.complete, reader.keep_alive, reader.excess, reader.body()) == (True, True, False, body)


@given(st.binary(max_size=300), st.integers(0, 120), cuts)
@example(b"\0", 0, [])
def test_no_bytes_make_the_reader_raise_anything_but_a_wire_error(noise, at, where):
    good = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(MEMBER) + MEMBER
    with contextlib.suppress(WireError):
        read(good[:at] + noise + good[at:], where).body()


def test_an_endless_row_of_hints_is_cut_off():
    reader = AnswerReader()
    hints = b"HTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\n"
    for _ in range(MOST_HEADER_BYTES // len(hints)):
        reader.feed(hints)
    with pytest.raises(WireError, match="HeaderTooLarge"):
        reader.feed(hints)


@given(st.binary(max_size=2_000), st.sampled_from(["gzip", "deflate", "br", "bare", "gzip, br", "identity", "GZIP"]))
def test_what_was_encoded_is_decoded(body, coding):
    encode = {
        "gzip": gzip.compress,
        "GZIP": gzip.compress,
        "deflate": zlib.compress,
        "br": brotli.compress,
        "bare": lambda data: zlib.compress(data)[2:-4],
        "gzip, br": lambda data: brotli.compress(gzip.compress(data)),
        "identity": bytes,
    }[coding]
    assert decoded(encode(body), "deflate" if coding == "bare" else coding, 10_000) == body


@given(st.binary(min_size=1, max_size=500), st.sampled_from(["gzip", "deflate", "br"]), st.integers(1, 20))
def test_what_was_cut_short_is_told(body, coding, missing):
    encode = {"gzip": gzip.compress, "deflate": zlib.compress, "br": brotli.compress}[coding]
    whole = encode(body)
    cut = whole[: max(len(whole) - missing, 1)]
    if len(cut) < len(whole):
        with pytest.raises(WireError, match="BadEncoding"):
            decoded(cut, coding, 10_000)


@given(st.binary(max_size=200), st.sampled_from(["gzip", "deflate", "br", "gzip, br", "nonsense"]))
def test_noise_is_no_traceback(noise, coding):
    with contextlib.suppress(WireError):
        assert len(decoded(noise, coding, 1_000)) <= 1_000


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br"])
def test_a_bomb_does_not_go_off(coding):
    encode = {"gzip": gzip.compress, "deflate": zlib.compress, "br": brotli.compress}[coding]
    bomb = encode(bytes(4_000_000))
    assert len(bomb) < 8_000
    with pytest.raises(WireError, match="BodyTooLarge"):
        decoded(bomb, coding, 1_000_000)
    assert len(decoded(bomb, coding, 4_000_000)) == 4_000_000


def test_several_members_are_one_body_and_bound_together():
    assert decoded(MEMBER + MEMBER + b"\0\0", "gzip", 100) == b"hello hello "
    with pytest.raises(WireError, match="BodyTooLarge"):
        decoded(MEMBER * 50, "gzip", 100)
