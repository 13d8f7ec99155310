"""What a request came to: the answer for who asked, the attempt for who measures."""

import json as json_codec
from collections.abc import Mapping
from typing import Any, NamedTuple

from holdfast.kit.outcome import OutcomeError, failed
from holdfast.load.received import Headers, named


class HttpResponse:
    """An answer. Header names are lower case; `body` is decoded."""

    __slots__ = ("_headers", "_raw", "body", "status")

    def __init__(self, status: int, raw: Headers, body: bytes) -> None:
        self.status = status
        self.body = body
        self._raw = raw
        self._headers: Mapping[str, str] | None = None

    @property
    def headers(self) -> Mapping[str, str]:
        if self._headers is None:  # most answers are never asked for theirs
            self._headers = named(self._raw)
        return self._headers

    def json(self) -> Any:
        """Raises OutcomeError `failed` when the body is not JSON."""
        try:
            return json_codec.loads(self.body)
        except (ValueError, RecursionError) as error:
            raise failed("not_json") from error


class Exchange(NamedTuple):
    """One attempt as it went. `started` on the monotonic clock, all times in seconds; `status` 0: no answer.

    `dns`, `connect` and `tls` are 0 on a connection that was there, and where the part did not happen. `first_byte`
    runs from the last byte sent to the first one received: the network's round trip and the server's own time; `body`
    from there to the end; both 0 where it did not come to that. `length`: body bytes as they came over the wire.
    """

    name: str
    method: str
    url: str
    outcome: str
    detail: str
    status: int
    started: float
    duration: float
    length: int
    dns: float
    connect: float
    tls: float
    first_byte: float
    body: float
    response: HttpResponse | None
    error: OutcomeError | None
