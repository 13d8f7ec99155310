"""The server under load: nginx with answers of its configuration, one worker pinned to a core, counting what it serves.

Every generator's rate is counted here, by one ruler, whatever it says of itself.
"""

import os
import shutil
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import machine

_BODY: Final = '{"id":"inv-0001","period":"2026-10","amount_cents":4200,"currency":"EUR","status":"paid"}'
JSON_BODY: Final = _BODY.ljust(90)  # 90 bytes; blanks after it are JSON
_PATIENCE: Final = 5.0

_CONFIGURATION: Final = """
worker_processes 1;
worker_rlimit_nofile 65536;
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log crit;
{user}
events {{ worker_connections 16384; }}
http {{
  access_log off;
  keepalive_requests 1000000000;
  keepalive_timeout 300s;
  default_type application/json;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  server {{
    listen 127.0.0.1:{port} backlog=8192;
    location = /json {{ return 200 '{body}'; }}
    location = /status {{ stub_status; }}
    location = /sign-in {{
      add_header Set-Cookie "session=7f3a9c1e5b2d4860; Path=/; HttpOnly; SameSite=Lax";
      return 201 '{{"session":{{"id":"7f3a9c1e5b2d4860"}}}}';
    }}
    location /account/ {{
      if ($cookie_session = "") {{ return 401 '{{"error":"not_signed_in"}}'; }}
      return 200 '{body}';
    }}
  }}
}}
"""


@dataclass(frozen=True)
class Counted:
    """What the server has done so far, at a time on the monotonic clock."""

    at: float
    connections: int
    requests: int


@dataclass(frozen=True)
class Server:
    """A running nginx."""

    url: str
    process: int

    def counted(self) -> Counted:
        """stub_status: accepts, handled, requests. Its own request is among them."""
        with urllib.request.urlopen(f"{self.url}/status", timeout=_PATIENCE) as answer:
            line = answer.read().decode().splitlines()[2].split()
        return Counted(time.monotonic(), int(line[0]), int(line[2]))


@contextmanager
def nginx(folder: Path, core: int | None) -> Iterator[Server]:
    """Raises FileNotFoundError when there is no nginx."""
    binary = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if binary is None:
        raise FileNotFoundError("nginx: apt-get install nginx-light")
    folder.mkdir(parents=True, exist_ok=True)
    port = free_port()
    configuration = folder / "nginx.conf"
    user = "user root;" if os.geteuid() == 0 else ""
    configuration.write_text(
        _CONFIGURATION.format(folder=folder, port=port, body=JSON_BODY, user=user), encoding="utf-8"
    )
    command = [binary, "-e", f"{folder}/error.log", "-c", str(configuration), "-p", str(folder)]
    with subprocess.Popen(machine.pinned(core, command)) as process:
        try:
            server = Server(f"http://127.0.0.1:{port}", process.pid)
            wait_for_port(port)
            yield server
        finally:
            process.terminate()
            process.wait(_PATIENCE)


def free_port() -> int:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        return int(bound.getsockname()[1])


def wait_for_port(port: int) -> None:
    """Raises TimeoutError."""
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=_PATIENCE).close()
        except ConnectionRefusedError:
            time.sleep(0.02)
        else:
            return
    raise TimeoutError(f"nothing listens on port {port}")
