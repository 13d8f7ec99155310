"""A real Prometheus, started as a child on a free port, which scrapes one target every second."""

import json
import shutil
import socket
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

DEADLINE_SECONDS = 40.0

MISSING = shutil.which("prometheus") is None


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def until(found: Callable[[], bool], what: str) -> None:
    """Look again until it is so, or fail."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while time.monotonic() < deadline:
        if found():
            return
        time.sleep(0.05)
    raise AssertionError(f"not within {DEADLINE_SECONDS:.0f} s: {what}")


@contextmanager
def prometheus(
    folder: Path,
    target: str,
    *options: str,
    scrape: str = "",
    is_open: bool = True,
    rules: Path | None = None,
    alertmanager: str = "",
) -> Iterator[str]:
    """Its address. `target`: host:port; `scrape`: more lines of the scrape's configuration, as YAML; `rules`: a file.

    `alertmanager`: host:port of one that is told of alerts.

    `is_open`: whether it answers anybody, so that its being ready can be seen.
    """
    port = free_port()
    config = folder / "prometheus.yml"
    config.write_text(
        "global: {scrape_interval: 1s, evaluation_interval: 1s}\n"
        f"rule_files: [{'' if rules is None else rules}]\n"
        f"{'' if not alertmanager else _alerting(alertmanager)}"
        "scrape_configs:\n"
        f"  - job_name: target\n    static_configs: [{{targets: ['{target}']}}]\n{scrape}",
        encoding="utf-8",
    )
    with (folder / "prometheus.log").open("wb") as log:
        process = subprocess.Popen(
            [
                "prometheus",
                f"--config.file={config}",
                f"--storage.tsdb.path={folder / 'tsdb'}",
                f"--web.listen-address=127.0.0.1:{port}",
                *options,
            ],
            stdout=log,
            stderr=log,
        )
    url = f"http://127.0.0.1:{port}"
    try:
        if is_open:
            until(lambda: _answers(f"{url}/-/ready"), "Prometheus is ready")
        yield url
    finally:
        process.terminate()
        process.wait(DEADLINE_SECONDS)


@contextmanager
def alertmanager(folder: Path, config: Path) -> Iterator[str]:
    """A real Alertmanager, alone, as host:port."""
    address = f"127.0.0.1:{free_port()}"
    with (folder / "alertmanager.log").open("wb") as log:
        process = subprocess.Popen(
            [
                "prometheus-alertmanager",
                f"--config.file={config}",
                f"--storage.path={folder / 'alertmanager'}",
                f"--web.listen-address={address}",
                "--cluster.listen-address=",
            ],
            stdout=log,
            stderr=log,
        )
    try:
        until(lambda: _answers(f"http://{address}/-/ready"), "Alertmanager is ready")
        yield address
    finally:
        process.terminate()
        process.wait(DEADLINE_SECONDS)


def asked(url: str, query: str) -> list[tuple[dict[str, str], float, float]]:
    """Labels, time and value of each series now."""
    address = f"{url}/api/v1/query?{urllib.parse.urlencode({'query': query})}"
    with urllib.request.urlopen(address, timeout=10) as response:
        found = json.load(response)["data"]["result"]
    return [(one["metric"], float(one["value"][0]), float(one["value"][1])) for one in found]


def _alerting(address: str) -> str:
    return f"alerting: {{alertmanagers: [{{static_configs: [{{targets: ['{address}']}}]}}]}}\n"


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=2) as response:
            return bool(response.status == 200)
    except OSError:
        return False
