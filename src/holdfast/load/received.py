"""Answers of one connection, read by llhttp: status, headers as they came, body. No sockets in here.

In: bytes, in whatever pieces. Out: the fields of `AnswerReader` once `complete`, or WireError.
"""

from typing import Any, Final

import httptools

from holdfast.load.encoding import decoded
from holdfast.load.wire_error import WireError

MOST_HEADER_BYTES: Final = 64 * 1024
MOST_BODY_BYTES: Final = 16 * 1024 * 1024
Headers = list[tuple[bytes, bytes]]
"""Names and values as they came, in their order."""


class AnswerReader:
    """One after another, the answers of one connection. The parser is kept: making one costs as much as an answer."""

    __slots__ = ("_parser", "_parts", "_read", "complete", "excess", "headers", "headers_done", "keep_alive", "status")

    def __init__(self) -> None:
        self._parser: Any = httptools.HttpResponseParser(self)
        self.status = 0
        self.headers: Headers = []
        self.headers_done = False
        self.keep_alive = False
        self.complete = False
        self.excess = False  # bytes after the end: whose they are nobody knows
        self._parts: list[bytes] = []
        self._read = 0

    def expect(self) -> None:
        """Begin with the next answer."""
        self.status = 0
        self.headers = []
        self.headers_done = self.keep_alive = self.complete = False
        self._parts = []
        self._read = 0

    def feed(self, data: bytes) -> None:
        """Raises WireError."""
        self._read += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            if not self.complete:
                raise WireError(type(error).__name__) from error
            self.excess = True
        if self._read > MOST_HEADER_BYTES:  # chunk heads and hints count too: nothing here is without an end
            self._limit()

    def headers_only(self) -> bool:
        """The answer to a HEAD request ends with its headers, whatever they say. True when no body followed them."""
        self._parser = httptools.HttpResponseParser(self)  # the old one waits for the body that the headers promise
        self.complete = True
        return not self._parts

    def forget(self) -> None:
        """Parser and callbacks hold each other: do not leave them to the collector."""
        self._parser = None

    @property
    def began(self) -> bool:
        return self._read > 0

    @property
    def length(self) -> int:
        """Body bytes as they came over the wire, chunk heads left out."""
        return sum(map(len, self._parts))

    @property
    def ends_at_close(self) -> bool:
        """Neither a length nor chunks: the body ends with the connection (RFC 9112, 6.3)."""
        return self.headers_done and not any(
            name.lower() in {b"content-length", b"transfer-encoding"} for name, _ in self.headers
        )

    def values(self, wanted: bytes) -> list[str]:
        """All values of a header; `wanted` in lower case."""
        size = len(wanted)
        return [value.decode("latin-1") for name, value in self.headers if len(name) == size and name.lower() == wanted]

    def body(self) -> bytes:
        """Decoded. Raises WireError when its encoding is broken or it is too large."""
        parts = self._parts
        body = parts[0] if len(parts) == 1 else b"".join(parts)
        encodings = self.values(b"content-encoding")
        return decoded(body, ",".join(encodings), MOST_BODY_BYTES) if encodings else body

    def _limit(self) -> None:
        if not self.headers_done or sum(len(name) + len(value) for name, value in self.headers) > MOST_HEADER_BYTES:
            raise WireError("HeaderTooLarge")
        if self._read > MOST_BODY_BYTES + MOST_HEADER_BYTES:
            raise WireError("BodyTooLarge")

    # What llhttp calls.

    def on_message_begin(self) -> None:
        if self.complete:
            self.excess = True

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self.headers_done:  # after the body: trailers, which are no headers (RFC 9110, 6.5.1)
            self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        if self.complete:
            return
        status = self._parser.get_status_code()
        if status < 200:  # 100 Continue, 103 Early Hints: the answer itself is still to come
            self.headers = []
            return
        self.status = status
        self.headers_done = True
        self.keep_alive = self._parser.should_keep_alive()  # llhttp forgets it when the message is complete

    def on_body(self, part: bytes) -> None:
        if not self.complete:
            self._parts.append(part)

    def on_message_complete(self) -> None:
        if self.headers_done:
            self.complete = True


def named(headers: Headers) -> dict[str, str]:
    """Lower-case names; values of the same name joined by a comma, `Set-Cookie` left out (it cannot be joined)."""
    found: dict[str, str] = {}
    for raw_name, raw_value in headers:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        if name != "set-cookie":
            found[name] = f"{found[name]}, {value}" if name in found else value
    return found
