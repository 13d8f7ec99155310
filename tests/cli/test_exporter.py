"""`holdfast exporter`, as a process of its own: what it prints, serves, and how it ends."""

import os
import shutil
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.cli.conftest import Ran

RUNS = Path(__file__).resolve().parents[1] / "data/runs"
KEY = "a key of the tests alone"


@contextmanager
def _exporter(folder: Path, *arguments: str, key: str = "") -> Iterator[tuple[subprocess.Popen[str], str]]:
    environment = {**os.environ, **({"HOLDFAST_EXPORTER_KEY": key} if key else {})}
    process = subprocess.Popen(
        [sys.executable, "-m", "holdfast", "exporter", *arguments],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        yield process, process.stdout.readline().strip()
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate(timeout=30)


def _get(url: str, key: str = "") -> str:
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=10) as response:
        return str(response.read().decode())


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM])
def test_it_prints_where_it_is_serves_a_run_and_ends_in_order(
    workspace: Path, unused_tcp_port: int, end: signal.Signals
) -> None:
    shutil.copytree(RUNS / "fault_hurt", workspace / "runs/20260101T000000Z-a")
    with _exporter(workspace, "--listen", f"127.0.0.1:{unused_tcp_port}") as (process, url):
        assert url == f"http://127.0.0.1:{unused_tcp_port}/metrics"
        text = _get(url)
        assert 'holdfast_samples_total{name="billing_inquiry",outcome="ok"' in text
        assert 'le="0.4"' in text  # the limit of the workspace's objective
        assert 'holdfast_objective_target_ratio{objective="sign-in-latency"' in text
        process.send_signal(end)
        assert process.wait(30) == 0


def test_a_key_keeps_others_out(workspace: Path, unused_tcp_port: int) -> None:
    run = str(RUNS / "fault_hurt")
    with _exporter(workspace, run, "--listen", f"127.0.0.1:{unused_tcp_port}", key=KEY) as (_, url):
        with pytest.raises(urllib.error.HTTPError, match="401"):
            _get(url)
        assert "holdfast_samples_total" in _get(url, KEY)


def test_a_folder_of_runs_is_exported_with_those_to_come(workspace: Path, unused_tcp_port: int) -> None:
    (workspace / "runs").mkdir()
    with _exporter(workspace, "--history", "runs", "--listen", f"127.0.0.1:{unused_tcp_port}") as (_, url):
        assert 'name="billing_inquiry"' not in _get(url)
        shutil.copytree(RUNS / "fault_hurt", workspace / "runs/20260101T000000Z-a")
        series = 'holdfast_samples_total{name="billing_inquiry",outcome="ok",scenario="billing_inquiry",source="load"}'
        assert f"{series} 0.0" in _get(url)  # or nobody would see it grow
        assert f"{series} 23.0" in (text := _get(url))
        assert f"{series.replace('samples', 'uncounted_samples')} 14.0" in text  # those of its warm-up


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((), "no run was recorded here yet"),
        (("none",), "is not a run folder"),
        (("--history", "none"), "is no folder"),
        (("last", "--history", "runs"), "two things"),
        (("--listen", "here"), "is not an address"),
        (("--listen", "0.0.0.0:9464"), "need a key"),
        (("--key-file", "none"), "cannot be read"),
    ],
)
def test_what_cannot_be_exported_is_told(
    workspace: Path, holdfast: Callable[..., Ran], arguments: tuple[str, ...], told: str
) -> None:
    ran = holdfast("exporter", *arguments)
    assert ran.code == 2
    assert told in ran.err
    assert ran.out == ""


def test_a_run_refuses_an_address_before_it_begins(workspace: Path, holdfast: Callable[..., Ran]) -> None:
    ran = holdfast("run", "ci", "--metrics", "0.0.0.0:9464")
    assert ran.code == 2
    assert "metrics that other machines can read need a key" in ran.err
    assert not (workspace / "runs").exists()
