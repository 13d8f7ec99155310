"""The fault proxy as a program, for tests that talk to it."""

import contextlib
import http.client
import json
import os
import subprocess
import sys

from holdfast.proxy.client import ProxyClient

DEADLINE = 10.0


class Program:
    """A running `python -m holdfast.proxy`."""

    def __init__(self, *arguments: str, environment: dict[str, str] | None = None) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "holdfast.proxy", "--listen", "127.0.0.1:0", "--owner-pipe", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, **(environment or {})},
        )
        self.ready = json.loads(self.process.stdout.readline() or "{}")
        if self.ready:
            self.token = self.ready.get("token") or (environment or {}).get("HOLDFAST_PROXY_TOKEN")
            self.client = ProxyClient(self.ready["api"], token=self.token, timeout=DEADLINE)

    def ask(self, method: str, path: str, body: object = None, **headers: str) -> tuple[int, str, dict[str, str]]:
        """One raw request with the token: status, body, headers. A str body is sent as it is."""
        return self.ask_as_stranger(method, path, body, **{"Authorization": f"Bearer {self.token}", **headers})

    def ask_as_stranger(
        self, method: str, path: str, body: object = None, **headers: str
    ) -> tuple[int, str, dict[str, str]]:
        """Without the token."""
        connection = http.client.HTTPConnection(self.ready["api"].removeprefix("http://"), timeout=DEADLINE)
        with contextlib.closing(connection):
            data = body if isinstance(body, str) or body is None else json.dumps(body)
            connection.request(method, path, data, {name.replace("_", "-"): value for name, value in headers.items()})
            response = connection.getresponse()
            return response.status, response.read().decode(), dict(response.getheaders())

    def stop(self) -> int:
        self.process.stdin.close()
        try:
            return self.process.wait(DEADLINE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        finally:
            self.process.stdout.close()
            self.process.stderr.close()
