"""A load played by several workers: the same as by one; what is lost is told; strangers are refused. All real."""

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
from pathlib import Path
from time import monotonic, sleep

import pytest
from tests.integration.test_load_engine import ENVIRONMENT, ROOT, LoadChild, Stub, scenario

from holdfast.clock import SystemClock
from holdfast.load.deltas import unpacked
from holdfast.load.health import check_health
from holdfast.load.measured import WORKER_LOST, measured_in
from holdfast.record.histogram import Histogram
from holdfast.record.recorder import merge
from holdfast.record.store import Event, RunStore

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def stub():
    with Stub() as running:
        yield running


class DistributedChild(LoadChild):
    """The load child as Locust's master: `workers` of this machine, and `remote` that join."""

    def __init__(self, folder, url, *, workers=0, remote=None, workspace=None, target=None, **job):
        self._more = {"workers": workers, "workspace": str(workspace or folder)} | (
            {"remote": remote} if remote else {}
        )
        self._target = target or {}
        folder.mkdir(exist_ok=True)
        super().__init__(folder, url, **job)

    @staticmethod
    def clock_of_run():
        """The machine's, which the workers have too."""
        return SystemClock()

    def send(self, message):
        if "anchor" in message:
            message = message | self._more | {"target": message["target"] | self._target}
        super().send(message)

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


SPY = """
import os, sys
from pathlib import Path

_main = sys.modules["__main__"]  # holdfast.load.worker, in a worker
if hasattr(_main, "Worker"):
    _send, _seen = _main.Worker._send, []

    def _spied(self, kind, data):
        if kind == _main.DELTA:
            {spied}
        _send(self, kind, data)

    _main.Worker._send = _spied
"""


def spying(tmp_path, spied):
    """A scenario that nobody plays, and whose file, when a worker imports it, gets between that and the wire.

    `spied`: a statement for each delta that is about to be sent.
    """
    found = scenario(tmp_path, "        pass", "spying")
    path = Path(found["spying"])
    path.write_text(path.read_text() + SPY.format(spied=spied))
    return found


def test_three_workers_play_what_one_process_plays_and_their_histograms_add_up(tmp_path):
    """What the master wrote is to the bucket what each worker sent; and that is what one process measures."""
    sent = tmp_path / "sent"
    sent.mkdir()
    keep = f"(Path({str(sent)!r}) / f'{{os.getpid()}}-{{data[\"number\"]}}').write_bytes(data['blob'])"
    counts, visits, intervals = [], [], []
    with Stub(delay=0.03) as slow:
        for workers in (0, 3):
            with DistributedChild(
                tmp_path / str(workers),
                slow.url,
                workers=workers,
                duration=2.0,
                rate=90.0,
                scenarios=spying(tmp_path, keep),
            ) as child:
                child.go()
                done = child.finish()
                assert reconciled(done)
                assert done["planned"] == 180
                assert done["dropped"] <= 18, "a busy machine is late for some"
                counts.append([child.counts(depth) for depth in (1, 2)])
                intervals = child.intervals()
                visits.append(Histogram.sum(i.response for i in intervals if i.name == "sign_in"))
                gauges = _gauges(child)
                sources = {gauge.source for gauge in gauges}
                assert sources == ({"generator/1", "generator/2", "generator/3"} if workers else {"generator"})
                (machine,) = measured_in([], gauges, {}).machines
                assert len(machine.workers) == max(workers, 1)
                assert machine.cores >= 1
    for of_visits, of_steps in counts:
        assert set(of_visits) <= {"ok", "dropped"}
        assert (sum(of_visits.values()), sum(of_steps.values())) == (180, 360)  # two steps a visit
        assert of_steps == {outcome: 2 * count for outcome, count in of_visits.items()}
    assert [found.count for found in visits] == [180, 180]
    blobs = [unpacked(path.read_bytes())[0] for path in sent.iterdir()]
    assert len({path.name.partition("-")[0] for path in sent.iterdir()}) == 3
    assert intervals == merge(i for folded in blobs for i in folded.intervals if i.source == "load")
    for name, least in (("clock_offset", -0.1), ("clock_round_trip", 0.0)):
        found = {gauge.source: gauge.value for gauge in gauges if gauge.name == name}
        assert len(found) == 3
        assert all(least < value < 0.1 for value in found.values())  # one machine, one clock


def test_an_open_and_a_closed_load_together_find_a_seat_for_every_visitor(tmp_path, stub):
    """20 + 400 visitors among three: 141, 140 and 139, where 420 / 3 is 140."""
    stages = [{"from": 30.0, "to": 30.0, "seconds": 2.0}]
    profile = {"stages": stages, "at_most": 20, "virtual_users": 400, "think_time": 5.0}
    with DistributedChild(tmp_path / "run", stub.url, workers=3, accounts=900, **profile) as child:
        child.go()
        done = child.finish()
        assert reconciled(done)
        assert done["workers"] == 3
        assert done["planned"] > 60  # what was due in the open one alone
        assert child.counts()["ok"] == done["finished"]
        assert [e for e in child.events if e.get("event") == "worker_lost"] == []


@pytest.mark.parametrize("workers", [0, 2])
def test_visitors_that_are_not_ready_in_time_are_a_problem_not_a_traceback(tmp_path, stub, workers):
    impatient = scenario(tmp_path, "        pass", "impatient")
    path = Path(impatient["impatient"])
    path.write_text(path.read_text() + "\nimport holdfast.load.seats\nholdfast.load.seats._SPAWN_PATIENCE = -1.0\n")
    with DistributedChild(tmp_path / "run", stub.url, workers=workers, scenarios=impatient) as child:
        while "problems" not in (message := child.receive()):
            assert message is not None
        assert any("visitors were ready in" in problem["what"] for problem in message["problems"])
        assert child.process.wait(15) == 2
        assert "Traceback" not in child.process.stderr.read()


def test_a_delta_whose_sending_fails_is_overtaken_and_not_lost(tmp_path, stub):
    """Every second one, at its first try."""
    again = "data['number'] % 2 or data['number'] in _seen"
    fails = f"if not ({again}): _seen.append(data['number']); raise _main.RPCError('for a test')"
    with DistributedChild(
        tmp_path / "run", stub.url, workers=2, duration=4.0, rate=60.0, scenarios=spying(tmp_path, fails)
    ) as child:
        child.go()
        done = child.finish()
        assert child.all_ok() == 240
        assert done["finished"] == child.counts()["ok"]
        assert [e for e in child.events if e.get("event") in {"deltas_lost", "worker_lost"}] == []


def test_deltas_that_never_come_are_told_and_the_run_is_invalid(tmp_path, stub):
    """Delta 3 of each worker is made and never sent."""
    never = "_main._CLOSE_SECONDS = 1.0\n            if data['number'] == 3: return"
    with DistributedChild(
        tmp_path / "run", stub.url, workers=2, duration=3.0, rate=60.0, scenarios=spying(tmp_path, never)
    ) as child:
        child.go()
        done = child.finish()
        lost = [event for event in child.events if event.get("event") == "deltas_lost"]
        assert len(lost) == 2
        assert all("deltas, and" in event["reason"] for event in lost)
        assert done["finished"] == 180
        told = [Event(event["at"], "load", "deltas_lost", event) for event in lost]
        found = check_health(load=child.intervals(), gauges=_gauges(child), done=done, events=told)
        assert {check.name: check.verdict for check in found}["deltas"] == "invalid"


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
        assert child.all_ok() >= 120  # and what the lost one had sent by then
        told = [Event(at=0.0, source="load", kind=WORKER_LOST, facts={"worker": lost[0]["worker"]})]
        found = check_health(load=child.intervals(), gauges=[], done=done, events=told)
        checks = {check.name: check for check in found}
        assert checks["workers"].verdict == "invalid"
        assert checks["reconciled"].verdict == "valid"


def test_a_worker_that_is_told_to_end_is_lost_and_its_figures_count(tmp_path, stub):
    """SIGTERM to its own process: it ends neatly, and hands in what it planned by then."""
    with DistributedChild(tmp_path / "run", stub.url, workers=2, duration=4.0, rate=60.0) as child:
        child.go()
        child.wait_for_count(20)
        os.kill(child.worker_pids()[0], signal.SIGTERM)
        done = child.finish()
        (lost,) = [event for event in child.events if event.get("event") == "worker_lost"]
        assert "interrupted before the run's end" in lost["reason"]
        assert reconciled(done)
        assert 120 < done["planned"] < 240
        assert child.counts()["ok"] == done["finished"]


def test_a_worker_that_says_it_is_done_and_played_less_than_its_part_is_lost(tmp_path, stub):
    """It loses every second arrival of the first half, and knows nothing of it."""
    forgetful = scenario(tmp_path, "        pass", "forgetful")
    path = Path(forgetful["forgetful"])
    path.write_text(
        path.read_text()
        + "\nimport os, sys\nfrom holdfast.load.job import OpenLoad\n_all = OpenLoad.arrivals\n"
        + "if hasattr(sys.modules['__main__'], 'Worker'):\n"
        + "    OpenLoad.arrivals = lambda self: (a for n, a in enumerate(_all(self)) if n % 2 or self.stripe.index)\n"
    )
    with DistributedChild(tmp_path / "run", stub.url, workers=2, duration=3.0, rate=60.0, scenarios=forgetful) as child:
        child.go()
        done = child.finish()
        assert done["planned"] == 135
        (lost,) = [event for event in child.events if event.get("event") == "worker_lost"]
        assert lost["worker"].startswith("worker 1 ")
        assert lost["reason"] == "it played 45 arrivals, and its part had 60 or more"


def test_a_load_that_the_runner_ends_early_has_lost_nobody(tmp_path, stub):
    with DistributedChild(tmp_path / "run", stub.url, workers=2, duration=20.0, rate=60.0) as child:
        child.go()
        child.wait_for_count(20)
        child.send({"stop": "drain"})
        child.finish()
        assert [event for event in child.events if event.get("event") == "worker_lost"] == []


def test_a_worker_of_another_machine_joins_with_the_key_and_one_without_is_refused(tmp_path, stub, unused_tcp_port):
    key = secrets.token_urlsafe(24)
    remote = {"count": 1, "host": "127.0.0.1", "port": unused_tcp_port, "key": key}
    with DistributedChild(tmp_path / "run", stub.url, workers=1, remote=remote, duration=2.0, rate=40.0) as child:
        _until_listening(unused_tcp_port)
        stranger = _join(unused_tcp_port, "another key, which is long enough", patience=7, workspace=tmp_path)
        said = tmp_path / "plain.log"
        plain = subprocess.Popen(  # Locust's own worker, that speaks in the clear
            [
                *(sys.executable, "-m", "locust", "-f", str(ROOT / "scenarios" / "sign_in.py"), "--worker"),
                *("--master-host", "127.0.0.1", "--master-port", str(unused_tcp_port)),
                *("--loglevel", "DEBUG", "--logfile", str(said)),
            ],
            env=ENVIRONMENT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            # The master answers any worker that it hears with an "ack" at once; here none came in Locust's 5 s.
            _until(lambda: said.exists() and "Failed to connect to master" in said.read_text())
            assert plain.poll() is None
            assert stranger.wait(20) == 2
            early, late = [line for line in stranger.stderr.read().splitlines() if "its key is another" in line]
            assert f"no answer from 127.0.0.1:{unused_tcp_port} yet" in early
            assert "trying for 2 s more" in early
            assert "in 7 s" in late
            friend = _join(unused_tcp_port, key, patience=20, workspace=tmp_path)
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
        assert child.all_ok() == 80
        assert any("refused" in str(event.get("text")) for event in child.events)


def test_a_worker_with_other_files_is_told_and_nothing_begins(tmp_path, stub, unused_tcp_port):
    """Scenario, adapter and accounts."""
    key = secrets.token_urlsafe(24)
    workspaces = [tmp_path / "ours", tmp_path / "elsewhere"]
    files = ("scenarios/sign_in.py", "adapters/acme.py", "accounts.csv")
    for workspace in workspaces:
        for name in files:
            (workspace / name).parent.mkdir(parents=True, exist_ok=True)
            (workspace / name).write_text(f"# {workspace.name}\n")
    remote = {"count": 1, "host": "127.0.0.1", "port": unused_tcp_port, "key": key}
    with DistributedChild(
        tmp_path / "run",
        stub.url,
        remote=remote,
        workspace=workspaces[0],
        scenarios={"sign_in": str(workspaces[0] / files[0])},
        target={"adapter": files[1], "accounts": {"file": str(workspaces[0] / files[2])}},
    ) as child:
        _until_listening(unused_tcp_port)
        other = _join(unused_tcp_port, key, patience=20, workspace=workspaces[1])
        while "problems" not in (message := child.receive()):
            assert message is not None
        for name in files:
            assert any(p["where"].endswith(name) and "differs" in p["what"] for p in message["problems"])
        assert all(p["where"].startswith("worker 1 (") for p in message["problems"])
        assert child.process.wait(15) == 2
        _, told = other.communicate(timeout=15)
        assert other.returncode == 2
        assert all(f"{name}: a worker's differs" in told for name in files)


@pytest.mark.parametrize("vanishes", [True, False], ids=["the master is killed", "the run never begins"])
def test_a_worker_that_could_not_play_to_the_end_exits_3_with_one_line(tmp_path, stub, unused_tcp_port, vanishes):
    key = secrets.token_urlsafe(24)
    remote = {"count": 1, "host": "127.0.0.1", "port": unused_tcp_port, "key": key}
    with DistributedChild(tmp_path / "run", stub.url, remote=remote, duration=60.0, rate=20.0) as child:
        _until_listening(unused_tcp_port)
        worker = _join(unused_tcp_port, key, patience=20, workspace=tmp_path)
        child.wait_until_ready()
        if vanishes:
            child.go_now()
            child.wait_for_count(5)
            child.process.kill()
        else:
            child.send({"stop": "now"})
        assert worker.wait(45) == 3
        told = worker.stderr.read()
        worker.stdin.close()
        worker.stderr.close()
        joined, *_, line = [line for line in told.splitlines() if line.startswith("worker: ")]
        assert f"joined 127.0.0.1:{unused_tcp_port}" in joined
        assert ("was not heard of" if vanishes else "ended before it began") in line
        assert "Traceback" not in told


def _gauges(child):
    with RunStore.open(child.database) as store:
        return store.gauges()


def _join(port, key, *, patience, workspace):
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


def _until(look):
    deadline = monotonic() + 20
    while not look():
        assert monotonic() < deadline
        sleep(0.05)


def _until_listening(port):
    def listens():
        with socket.socket() as attempt:
            return attempt.connect_ex(("127.0.0.1", port)) == 0

    _until(listens)
