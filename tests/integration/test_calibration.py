"""The generator measured on its own stub, for a few seconds; and what a run then says of its share."""

import contextlib
import http.client
import json
import shutil
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from holdfast.load.calibration import Ceiling, ceiling_of, this_machine, write_calibration
from holdfast.run.asked import read_asked, write_asked
from holdfast.run.calibrating import Effort, calibrate
from holdfast.run.folder import RunFolder
from holdfast.run.judgement import judge_run

pytestmark = pytest.mark.integration

RECORDED = Path(__file__).resolve().parents[1] / "data" / "runs" / "fault_hurt"


def test_the_real_engine_is_measured_on_the_stub_and_kept(tmp_path):
    said = []
    found = calibrate(said.append, Effort(hold=0.4, bound=2.0, closed=3.0, lag=1.0))
    assert found.visits >= 250
    assert found.requests > 0
    assert found.machine == this_machine()
    assert said
    write_calibration(found, tmp_path)
    ceiling = ceiling_of(tmp_path, this_machine())
    assert (ceiling.visits, ceiling.requests) == (found.visits, found.requests)


def test_a_run_is_held_against_the_ceiling_it_was_recorded_with(tmp_path):
    folder = RunFolder(tmp_path / "run")
    shutil.copytree(RECORDED, folder.path, ignore=shutil.ignore_patterns("expected"))
    folder.evidence.mkdir(exist_ok=True)
    write_asked(replace(read_asked(folder), ceiling=Ceiling(7.0, 1e6, "calibrated on 2026-01-01")), folder)
    assert json.loads(folder.facts.read_text())["ceiling"]["visits"] == 7.0
    (check,) = [check for check in judge_run(folder).validity.checks if check.name == "ceiling"]
    assert check.verdict == "degraded"
    assert check.value > 0.8
    assert "calibrated for 7 a second" in check.reason


@pytest.fixture
def stub():
    process = subprocess.Popen(
        [sys.executable, "-m", "holdfast.load.stub"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    yield int(process.stdout.readline())
    process.stdin.close()
    assert process.wait(5) == 0  # it ends when its parent is gone
    process.stdout.close()


def test_the_stub_answers_each_request_once_however_it_comes(stub):
    connection = http.client.HTTPConnection("127.0.0.1", stub, timeout=5)
    for _ in range(2):
        connection.request("GET", "/")
        assert json.load(connection.getresponse())["ok"] is True
    connection.request("GET", "/cpu")
    assert float(connection.getresponse().read()) > 0
    connection.close()
    with socket.create_connection(("127.0.0.1", stub), timeout=5) as raw:
        raw.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.1\r\nHo")
        got = raw.recv(65536)
        raw.sendall(b"st: x\r\n\r")
        raw.sendall(b"\n")
        while got.count(b"HTTP/1.1 200 OK") < 2:
            got += raw.recv(65536)
        raw.sendall(b"GET /last HTTP/1.1\r\n\r\n")
        raw.shutdown(socket.SHUT_WR)
        while more := raw.recv(65536):
            got += more
    assert got.count(b"HTTP/1.1 200 OK") == 3


def test_a_head_without_an_end_is_not_kept_for_ever(stub):
    with socket.create_connection(("127.0.0.1", stub), timeout=5) as raw, contextlib.suppress(ConnectionError):
        for _ in range(100):
            raw.sendall(b"x" * 65536)
        assert raw.recv(1) == b""  # closed; or reset, which ends the block
