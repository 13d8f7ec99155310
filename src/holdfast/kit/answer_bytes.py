"""The bytes of one answer, read by the standard library in bounds: 64 KiB a header line, 100 headers, a body's limit.

Imported when the first request is made: `http.client` brings ssl, which gevent must have patched before in the load
generator.
"""

import contextlib
import http.client
from typing import Final

from holdfast.kit.answered import Answer, UnansweredError, printable
from holdfast.kit.stream import Stream

_MOST_INTERIM: Final = 20


def exchanged(stream: Stream, sent: bytes, method: str, most_bytes: int, shown: str) -> Answer:
    """Send, and read the answer. `shown`: the address, for messages. Raises UnansweredError, OSError, TimeoutError."""
    try:
        return _exchanged(stream, sent, method, most_bytes, shown)
    except http.client.HTTPException as error:
        raise _unreadable(error, shown) from error


def _exchanged(stream: Stream, sent: bytes, method: str, most_bytes: int, shown: str) -> Answer:
    with contextlib.suppress(BrokenPipeError):  # it may have answered before it hung up: look
        stream.send(sent)
    read = _begun(stream, method)
    try:
        if not most_bytes:
            return Answer(read.status, _headers(read))
        body = read.read(most_bytes + 1)
        if len(body) > most_bytes:
            raise UnansweredError("too_large", f"the answer of {shown} is larger than {most_bytes:,} bytes")
        if read.length and method != "HEAD":
            raise http.client.IncompleteRead(b"")
        return Answer(read.status, _headers(read), body)
    finally:
        _let_go(read)


def _headers(read: http.client.HTTPResponse) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in read.headers.items():
        found.setdefault(name.lower(), value)
    return found


def _begun(stream: Stream, method: str) -> http.client.HTTPResponse:
    """Past the headers of the answer itself: 100 is passed over by the library, 103 and its like are not."""
    for _ in range(_MOST_INTERIM):
        read = http.client.HTTPResponse(stream, method=method)  # type: ignore[arg-type]  # it wants the file of it
        try:
            read.begin()
        except BaseException:
            _let_go(read)
            raise
        if read.status >= 200 or read.status == 101:
            return read
        _let_go(read)
    raise http.client.HTTPException(f"more than {_MOST_INTERIM} interim answers")


def _let_go(read: http.client.HTTPResponse) -> None:
    """Or it closes the stream when it is collected; or, as of Python 3.13, complains that it is closed already."""
    read.fp = None  # type: ignore[assignment]


def _unreadable(error: http.client.HTTPException, shown: str) -> UnansweredError:
    fix = "look at what listens there: an HTTP server is expected"
    if isinstance(error, http.client.RemoteDisconnected):
        return UnansweredError("unreadable", f"{shown} hung up without an answer", fix)
    if isinstance(error, http.client.BadStatusLine):
        begins = printable(str(error.args[0]).strip(), 60)
        return UnansweredError("unreadable", f'{shown} does not speak HTTP: its answer begins with "{begins}"', fix)
    if isinstance(error, http.client.IncompleteRead):
        return UnansweredError("unreadable", f"{shown} hung up in the middle of its answer", fix)
    told = printable(str(error)) or type(error).__name__
    return UnansweredError("unreadable", f"{shown} does not answer in readable HTTP ({told})", fix)
