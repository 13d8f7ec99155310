"""Just enough HTTP/1.1 for the control API: bytes to a request, a response to bytes, on asyncio's streams.

Not in the path of proxied traffic. Bodies by Content-Length or chunked; connections are kept alive.
"""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final
from urllib.parse import unquote, urlsplit

_LARGEST_BODY: Final = 4 * 1024 * 1024
_DIGITS: Final = {10: re.compile(rb"[0-9]{1,18}"), 16: re.compile(rb"[0-9a-fA-F]{1,15}")}
_MOST_HEADERS: Final = 100
_READ_SECONDS: Final = 15.0  # for one request to arrive, Toxiproxy's limit
_IDLE_SECONDS: Final = 60.0  # for the next one to begin


@dataclass(frozen=True, slots=True)
class Request:
    method: str
    path: tuple[str, ...]  # decoded segments: "/proxies/a%2Fb" is ("proxies", "a/b")
    headers: Mapping[str, str]  # names in lower case
    body: bytes


@dataclass(frozen=True, slots=True)
class Response:
    status: int
    body: bytes = b""
    content_type: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()


def json_response(status: int, content: object) -> Response:
    return Response(status, json.dumps(content).encode())


def error_response(status: int, message: str) -> Response:
    # text/plain, as Go's http.Error sends it; Toxiproxy's clients read the JSON all the same.
    body = json.dumps({"error": message, "status": status}) + "\n"
    return Response(status, body.encode(), "text/plain; charset=utf-8")


class MalformedRequestError(Exception):
    """What arrived is not HTTP, or too much of it."""


Handler = Callable[[Request], Awaitable[Response]]


async def serve_connection(handler: Handler, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer the requests of one connection until it ends."""
    try:
        while True:
            async with asyncio.timeout(_IDLE_SECONDS):
                line = await reader.readline()
            if not line:
                return
            try:
                async with asyncio.timeout(_READ_SECONDS):
                    request, keep_alive = await _read_rest(line, reader, writer)
            except MalformedRequestError as error:
                writer.write(_encoded(Response(400, str(error).encode(), "text/plain"), keep_alive=False))
                await writer.drain()
                return
            response = await handler(request)
            writer.write(_encoded(response, keep_alive))
            await writer.drain()
            if not keep_alive:
                return
    except (OSError, TimeoutError, ValueError, asyncio.IncompleteReadError):
        pass  # the client went away, or keeps us waiting
    finally:
        writer.close()


async def _read_rest(line: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> tuple[Request, bool]:
    words = line.decode("latin-1").split()
    if len(words) != 3 or not words[2].startswith("HTTP/1."):
        raise MalformedRequestError("malformed request line")
    method, target, version = words
    headers: dict[str, str] = {}
    while line := (await reader.readline()).rstrip(b"\r\n"):
        name, colon, value = line.decode("latin-1").partition(":")
        if not colon or len(headers) >= _MOST_HEADERS:
            raise MalformedRequestError("malformed headers")
        headers[name.strip().lower()] = value.strip()
    if headers.get("expect", "").lower() == "100-continue":
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    body = await _read_body(headers, reader)
    connection = headers.get("connection", "").lower()
    keep_alive = connection == "keep-alive" if version == "HTTP/1.0" else connection != "close"
    path = tuple(unquote(segment) for segment in urlsplit(target).path.strip("/").split("/"))
    return Request(method, path, headers, body), keep_alive


async def _read_body(headers: Mapping[str, str], reader: asyncio.StreamReader) -> bytes:
    if headers.get("transfer-encoding", "").lower() == "chunked":
        body = b""
        while size := _number((await reader.readline()).split(b";")[0].strip(), 16):
            if len(body) + size > _LARGEST_BODY:
                raise MalformedRequestError("request body is too large")
            body += await reader.readexactly(size)
            await reader.readline()
        while (await reader.readline()).strip():
            pass  # trailers
        return body
    length = _number(headers.get("content-length", "0").encode("latin-1"), 10)
    if length > _LARGEST_BODY:
        raise MalformedRequestError("request body is too large")
    return await reader.readexactly(length)


def _number(digits: bytes, base: int) -> int:
    """Digits and nothing else (RFC 9112, 7.1 and 8.6): what `int` reads besides is how requests are smuggled."""
    if not _DIGITS[base].fullmatch(digits):
        raise MalformedRequestError("malformed length")
    return int(digits, base)


def _encoded(response: Response, keep_alive: bool) -> bytes:
    lines = [f"HTTP/1.1 {response.status} {HTTPStatus(response.status).phrase}"]
    if response.status != HTTPStatus.NO_CONTENT:
        lines += [f"Content-Type: {response.content_type}", f"Content-Length: {len(response.body)}"]
    lines += [f"{name}: {value}" for name, value in response.headers]
    lines.append(f"Connection: {'keep-alive' if keep_alive else 'close'}")
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + response.body
