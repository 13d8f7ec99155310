"""An exporter's address: GET /metrics over HTTP, with a key where others than this machine can reach it."""

import hmac
import threading
from collections.abc import Callable, Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from prometheus_client import CONTENT_TYPE_LATEST

from holdfast.errors import InputError, Problem
from holdfast.run.workers import address_of, key_from
from holdfast.workspace.target import is_loopback

KEY_VARIABLE: Final = "HOLDFAST_EXPORTER_KEY"
_PATIENCE_SECONDS: Final = 10.0
"""For a request to arrive."""


class Serving:
    """A server in a thread of its own, from `with` on until its end."""

    def __init__(self, text: Callable[[], bytes], host: str, port: int, key: str) -> None:
        """Raises InputError when the address cannot be listened on. `text`: the scrape; `key`: empty for none."""
        self._scraped = threading.Condition()
        self._scrapes = 0
        try:
            self._server = _Server((host, port), _handler(text, key, self._note), ipv6=":" in host)
        except OSError as error:
            what = f"{host}:{port} cannot be listened on: {error.strerror or error}"
            raise InputError(Problem("--listen", what, "choose another port, or address")) from error
        shown = f"[{host}]" if ":" in host else host
        self.url = f"http://{shown}:{self._server.server_address[1]}/metrics"
        self._thread = threading.Thread(target=self._server.serve_forever, name="exporter", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def scrapes(self) -> int:
        return self._scrapes

    def wait_for_scrapes(self, count: int, seconds: float) -> bool:
        """Whether so many more came in time."""
        with self._scraped:
            wanted = self._scrapes + count
            return self._scraped.wait_for(lambda: self._scrapes >= wanted, timeout=seconds)

    def _note(self) -> None:
        with self._scraped:
            self._scrapes += 1
            self._scraped.notify_all()


def listening(address: str, option: str, key_file: Path | None, environment: Mapping[str, str]) -> tuple[str, int, str]:
    """Host, port and key. Raises InputError: beyond this machine nobody reads metrics without a key."""
    host, port = address_of(address, option)
    url = f"http://[{host}]" if ":" in host else f"http://{host}"
    if key_file is None and not environment.get(KEY_VARIABLE, "").strip() and is_loopback(url):
        return host, port, ""
    return host, port, key_from(key_file, environment, KEY_VARIABLE, "metrics that other machines can read need a key")


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler], *, ipv6: bool) -> None:
        if ipv6:
            import socket

            self.address_family = socket.AF_INET6
        super().__init__(address, handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A scraper that went away is no news."""


def _handler(text: Callable[[], bytes], key: str, note: Callable[[], None]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = _PATIENCE_SECONDS
        server_version = "holdfast"
        sys_version = ""

        def do_GET(self) -> None:
            told = self.headers.get("Authorization", "").encode("latin-1", "replace")  # as it came
            if key and not hmac.compare_digest(told, f"Bearer {key}".encode()):
                self._answer(HTTPStatus.UNAUTHORIZED, b"a key is needed\n", {"WWW-Authenticate": "Bearer"})
            elif self.path.partition("?")[0] != "/metrics":
                self._answer(HTTPStatus.NOT_FOUND, b"metrics are at /metrics\n", {})
            else:
                self._answer(HTTPStatus.OK, text(), {"Content-Type": CONTENT_TYPE_LATEST})
                note()

        def _answer(self, status: HTTPStatus, body: bytes, headers: Mapping[str, str]) -> None:
            self.send_response(status)
            for name, value in {"Content-Type": "text/plain; charset=utf-8", **headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's signature
            """stdout and stderr are the command's."""

    return Handler
