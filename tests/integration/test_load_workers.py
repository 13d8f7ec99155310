"""A load played by several workers: the same as by one; what is lost is told; strangers are refused. All real."""

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from tests.integration.test_load_engine import ENVIRONMENT, ROOT, LoadChild, Stub, scenario

from holdfast.load.health import check_health
from holdfast.load.measured import WORKER_LOST, measured_in
from holdfast.record.histogram import Histogram
from holdfast.record.store import Event, RunStore

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def stub():
    with Stub() as running:
        yield running


class DistributedChild(LoadChild):
    """The load child as Locust's master: `workers` of this machine, and `remote` that join."""

    def __init__(self, folder, url, *, workers=0, remote=None, **job):
        self._more = {"workers": workers} | ({"remote": remote} if remote else {})
        folder.mkdir(exist_ok=True)
        super().__init__(folder, url, **job)

    def send(self, message):
        super().send(message | self._more if "anchor" in message else message)

    def worker_pids(self):
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text(encoding="ascii")
        return [int(pid) for pid in children.split()]

    def wait_until_ready(self):
        while (message := self.receive()) != {"ready": True}:
            assert message is not None, self.process.stderr.read()
            assert "problems" not in message, message
            self.events.append(message)

    def go(self):
        self.wait_until_ready()
        return self.go_now()

    def go_now(self):
        start = self.clock.now() + 0.2
        self.send({"go": start})
        return start

    def wait_for_count(self, count):
        """Until so many visits are in the file."""
        deadline = self.clock.now() + 20
        while sum(self.counts().values()) < count:
            assert self.clock.now() < deadline


def reconciled(done):
    return (
        done["planned"] == done["started"] + done["dropped"]
        and done["started"] == done["finished"] + done["unfinished"]
    )


def test_three_workers_play_what_one_process_plays(tmp_path, stub):
    counts, visits = [], []
    for workers in (0, 3):
        with DistributedChild(tmp_path / str(workers), stub.url, workers=workers, duration=2.0, rate=90.0) as child:
            child.go()
            done = child.finish()
            assert reconciled(done)
            assert (done["planned"], done["dropped"]) == (180, 0)
            counts.append([child.counts(depth) for depth in (1, 2)])
            visits.append(Histogram.sum(i.response for i in child.intervals() if i.name == "sign_in"))
            gauges = _gauges(child)
            sources = {gauge.source for gauge in gauges}
            (machine,) = measured_in([], gauges, {}).machines
            assert len(machine.workers) == max(workers, 1)
            assert machine.cores >= 1
            assert sources == ({"generator/1", "generator/2", "generator/3"} if workers else {"generator"})
    assert counts[0] == counts[1] == [{"ok": 180}, {"ok": 360}]  # two steps a visit
    assert visits[0].count == visits[1].count == 180


def test_each_worker_tells_how_many_visits_a_bug_ended(tmp_path, stub):
    odd = scenario(tmp_path, "        raise KeyError('x')")
    with DistributedChild(
        tmp_path / "run", stub.url, workers=2, scenarios=odd, mix={"odd": 1}, rate=30.0, duration=1.0
    ) as child:
        child.go()
        child.finish()
        told = [event for event in child.events if event.get("event") == "scenario_errors"]
    assert len({event["worker"] for event in told}) == 2
    assert sum(event["count"] for event in told) == 30


def test_no_two_workers_hold_the_same_account(tmp_path, stub):
    """A hundred accounts for two workers with fifty visitors at once: each has its own half."""
    written = tmp_path / "held"
    body = (
        "        import gevent, os\n"
        "        gevent.sleep(0.3)\n"
        f"        with open({str(written)!r}, 'a') as held:\n"
        "            held.write(f'{self.account.email} {os.getpid()}\\n')"
    )
    with DistributedChild(
        tmp_path / "run", stub.url, workers=2, scenarios=scenario(tmp_path, body, "hold"), mix={"hold": 1}, rate=60.0
    ) as child:
        child.go()
        child.finish()
    held = [line.split() for line in written.read_text().splitlines()]
    holders = {}
    for account, process in held:
        holders.setdefault(account, set()).add(process)
    assert len({process for _, process in held}) == 2
    assert all(len(processes) == 1 for processes in holders.values())


def test_a_worker_that_is_killed_is_told_and_the_rest_is_recorded_and_reconciles(tmp_path, stub):
    with DistributedChild(tmp_path / "run", stub.url, workers=2, duration=4.0, rate=60.0) as child:
        child.go()
        child.wait_for_count(20)
        os.kill(child.worker_pids()[0], signal.SIGKILL)
        done = child.finish()
        lost = [event for event in child.events if event.get("event") == "worker_lost"]
        assert len(lost) == 1
        assert "exit code -9" in lost[0]["reason"]
        assert reconciled(done)
        assert done["planned"] == 120  # the other's half, to the end
        assert child.counts()["ok"] >= 120  # and what the lost one had sent by then
        told = [Event(at=0.0, source="load", kind=WORKER_LOST, facts={"worker": lost[0]["worker"]})]
        found = check_health(load=child.intervals(), gauges=[], done=done, events=told)
        checks = {check.name: check for check in found}
        assert checks["workers"].verdict == "invalid"
        assert checks["reconciled"].verdict == "valid"


def test_a_worker_of_another_machine_joins_with_the_key_and_one_without_is_refused(tmp_path, stub, unused_tcp_port):
    key = secrets.token_urlsafe(24)
    remote = {"count": 1, "host": "127.0.0.1", "port": unused_tcp_port, "key": key}
    with DistributedChild(tmp_path / "run", stub.url, workers=1, remote=remote, duration=2.0, rate=40.0) as child:
        _until_listening(unused_tcp_port)
        stranger = _join(unused_tcp_port, "another key, which is long enough", patience=2)
        plain = subprocess.Popen(  # Locust's own worker, that speaks in the clear
            [
                *(sys.executable, "-m", "locust", "-f", str(ROOT / "scenarios" / "sign_in.py"), "--worker"),
                *("--master-host", "127.0.0.1", "--master-port", str(unused_tcp_port)),
            ],
            env=ENVIRONMENT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            assert stranger.wait(15) == 2
            assert "its key is another" in stranger.stderr.read()
            friend = _join(unused_tcp_port, key, patience=20)
            child.wait_until_ready()
            child.go_now()
            done = child.finish()
            assert friend.wait(10) == 0
        finally:
            plain.kill()
            plain.wait(5)
            for process in (stranger, friend):
                process.stdin.close()
                process.stderr.close()
        assert (done["planned"], done["workers"]) == (80, 2)
        assert child.counts() == {"ok": 80}
        assert any("refused" in str(event.get("text")) for event in child.events)


def test_a_worker_with_another_scenario_file_is_told_and_nothing_begins(tmp_path, stub, unused_tcp_port):
    key = secrets.token_urlsafe(24)
    (tmp_path / "elsewhere" / "scenarios").mkdir(parents=True)
    (tmp_path / "elsewhere" / "scenarios" / "sign_in.py").write_text("# another\n")
    remote = {"count": 1, "host": "127.0.0.1", "port": unused_tcp_port, "key": key}
    with DistributedChild(tmp_path / "run", stub.url, remote=remote) as child:
        _until_listening(unused_tcp_port)
        other = _join(unused_tcp_port, key, patience=20, workspace=tmp_path / "elsewhere")
        while "problems" not in (message := child.receive()):
            assert message is not None
        assert any("sign_in.py" in p["where"] and "differs" in p["what"] for p in message["problems"])
        assert child.process.wait(15) == 2
        assert other.wait(15) == 2
        other.stdin.close()
        other.stderr.close()


def _gauges(child):
    with RunStore.open(child.database) as store:
        return store.gauges()


def _join(port, key, *, patience, workspace=ROOT):
    process = subprocess.Popen(
        [sys.executable, "-m", "holdfast.load.worker"],
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
        env=ENVIRONMENT,
    )
    words = {"host": "127.0.0.1", "port": port, "key": key, "workspace": str(workspace), "patience": patience}
    process.stdin.write(json.dumps(words) + "\n")
    process.stdin.flush()
    return process


def _until_listening(port):
    from time import monotonic

    deadline = monotonic() + 20
    while monotonic() < deadline:
        with socket.socket() as attempt:
            if attempt.connect_ex(("127.0.0.1", port)) == 0:
                return
    raise AssertionError("the master does not listen")
