"""Content codings undone: gzip, deflate and br, each stopped at a size, so that no small answer fills our memory.

In: a body as it came, its `Content-Encoding`, the most bytes it may become. Out: the body, or WireError "BadEncoding"
(broken, cut short, unknown) or "BodyTooLarge".
"""

import zlib
from collections.abc import Callable, Mapping
from typing import Any, Final

import brotli

from holdfast.load.wire_error import WireError

ACCEPTED: Final = "gzip, deflate, br"
_MOST_CODINGS: Final = 3  # each could multiply by a thousand


def decoded(body: bytes, encoding: str, most: int) -> bytes:
    """`encoding` is the header's value: codings in the order in which they were applied (RFC 9110, 8.4)."""
    codings = [coding.strip().lower() for coding in encoding.split(",")]
    applied = [coding for coding in codings if coding not in {"", "identity"}]
    if not body or not applied:
        return body
    if len(applied) > _MOST_CODINGS or not all(coding in _DECODERS for coding in applied):
        raise WireError("BadEncoding")
    try:
        for coding in reversed(applied):
            body = _DECODERS[coding](body, most)
    except (zlib.error, brotli.error) as error:
        raise WireError("BadEncoding") from error
    return body


def _gunzipped(body: bytes, most: int) -> bytes:
    """One member or several (RFC 1952, 2.2); what follows the last and is no member is padding, as gzip itself says."""
    found = b""
    while body:
        decoder = zlib.decompressobj(wbits=31)
        found += _inflated(decoder, body, most - len(found))
        body = decoder.unused_data
        if not body.startswith(b"\x1f\x8b"):
            break
    return found


def _undeflated(body: bytes, most: int) -> bytes:
    """RFC 9110 means zlib's format; some servers send the bare stream, and every browser takes it."""
    try:
        return _inflated(zlib.decompressobj(), body, most)
    except zlib.error:
        return _inflated(zlib.decompressobj(wbits=-15), body, most)


def _inflated(decoder: Any, body: bytes, most: int) -> bytes:
    found: bytes = decoder.decompress(body, most + 1)
    if len(found) > most:
        raise WireError("BodyTooLarge")
    if not decoder.eof:
        raise WireError("BadEncoding")
    return found


def _unbrotlied(body: bytes, most: int) -> bytes:
    decoder = brotli.Decompressor()
    parts: list[bytes] = []
    length = 0
    while True:
        part = decoder.process(body, output_buffer_limit=most - length + 1)
        parts.append(part)
        length += len(part)
        if length > most:
            raise WireError("BodyTooLarge")
        if decoder.is_finished():
            return b"".join(parts)
        if not part and decoder.can_accept_more_data():
            raise WireError("BadEncoding")
        body = b""


_DECODERS: Final[Mapping[str, Callable[[bytes, int], bytes]]] = {
    "gzip": _gunzipped,
    "x-gzip": _gunzipped,
    "deflate": _undeflated,
    "br": _unbrotlied,
}
