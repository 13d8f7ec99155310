"""An HTTP server in this process that answers as it is told, and remembers what it was asked."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit


@dataclass
class Asked:
    method: str
    path: str
    parameters: dict[str, str]
    headers: dict[str, str]


@dataclass
class Reply:
    """`cut`: bytes of the body that are promised and not sent. `hold`: seconds before anything is sent."""

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    cut: int = 0
    hold: threading.Event | None = None


@dataclass
class FakePrometheus:
    url: str
    asked: list[Asked]


@dataclass
class SteppedClock:
    """Waits by moving on."""

    time: float = 0.0
    waits: list[float] = field(default_factory=list)

    def now(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.time += seconds


def matrix(*series: list[tuple[float, str]], **more: Any) -> Reply:
    result = [{"metric": {"instance": str(n)}, "values": values} for n, values in enumerate(series)]
    return _success("matrix", result, more)


def vector(*values: tuple[float, str], **more: Any) -> Reply:
    result = [{"metric": {"instance": str(n)}, "value": value} for n, value in enumerate(values)]
    return _success("vector", result, more)


def refused(status: int, kind: str, error: str, **headers: str) -> Reply:
    body = json.dumps({"status": "error", "errorType": kind, "error": error}).encode()
    return Reply(body, status, headers)


def _success(kind: str, result: list[Any], more: dict[str, Any]) -> Reply:
    data = {"resultType": kind, "result": result}
    return Reply(json.dumps({"status": "success", "data": data, **more}).encode())


@contextmanager
def fake_prometheus(reply: Callable[[Asked], Reply]) -> Iterator[FakePrometheus]:
    told: list[Asked] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._reply("")

        def do_POST(self) -> None:
            self._reply(self.rfile.read(int(self.headers["Content-Length"])).decode())

        def _reply(self, form: str) -> None:
            parts = urlsplit(self.path)
            given = {name: values[0] for name, values in parse_qs(form or parts.query).items()}
            asked = Asked(self.command, parts.path, given, dict(self.headers.items()))
            told.append(asked)
            found = reply(asked)
            if found.hold is not None:
                found.hold.wait(5)
            self.send_response(found.status)
            for name, value in {"Content-Type": "application/json", **found.headers}.items():
                self.send_header(name.replace("_", "-"), value)
            self.send_header("Content-Length", str(len(found.body) + found.cut))
            self.end_headers()
            self.wfile.write(found.body)

        def log_message(self, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield FakePrometheus(f"http://127.0.0.1:{server.server_address[1]}", told)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
