"""The real load child against a loopback stub with the reference API's shape."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from holdfast.clock import SystemClock
from holdfast.load.health import check_health
from holdfast.record.histogram import Histogram
from holdfast.record.store import RunStore

pytestmark = pytest.mark.integration

ROOT = Path(__file__).resolve().parents[2]
STUB = ROOT / "tests" / "data" / "load" / "account_stub.py"
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
ALL = ("sign_in", "billing_inquiry", "plan_change", "password_reset", "profile_update")


class Stub:
    def __init__(self, delay=0.0):
        self.process = subprocess.Popen([sys.executable, STUB, str(delay)], stdout=subprocess.PIPE, text=True)
        self.url = f"http://127.0.0.1:{int(self.process.stdout.readline())}"

    def ask(self, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        with urllib.request.urlopen(self.url + path, data=data, timeout=5) as answer:
            return json.load(answer)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(5)
        self.process.stdout.close()


@pytest.fixture
def stub():
    with Stub() as running:
        yield running


class LoadChild:
    """The runner's end, as small as it can be."""

    def __init__(self, folder, url, **job):
        self.database = folder / "run.db"
        RunStore.create(self.database).close()
        self.clock = self.clock_of_run()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "holdfast.load"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=ENVIRONMENT,
        )
        self.events = []
        self.done = None
        self.send(job_of(folder, self.database, self.clock, url, **job))

    @staticmethod
    def clock_of_run():
        """A step of one-time codes has just begun: nobody waits for the next in a run that takes less than one."""
        now = SystemClock()
        return SystemClock(now.anchor - now.now() % 30)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate(timeout=5)

    def send(self, message):
        self.process.stdin.write(json.dumps(message) + "\n")
        self.process.stdin.flush()

    def receive(self):
        return json.loads(self.process.stdout.readline() or "null")

    def go(self):
        assert self.receive() == {"ready": True}
        start = self.clock.now() + 0.2
        self.send({"go": start})
        return start

    def wait_for(self, event):
        while (message := self.receive()) is not None:
            self.events.append(message)
            if message.get("event") == event:
                return message
        raise AssertionError(f"ended without {event}: {self.process.stderr.read()}")

    def finish(self):
        while (message := self.receive()) is not None and "done" not in message:
            self.events.append(message)
        assert message is not None, self.process.stderr.read()
        self.done = message["done"]
        assert self.process.wait(10) == 0
        return self.done

    def intervals(self):
        with RunStore.open(self.database) as store:
            return store.intervals("load")

    def gauges(self):
        with RunStore.open(self.database) as store:
            return store.gauges("generator")

    def counts(self, depth=1):
        found = {}
        for interval in self.intervals():
            if min(interval.name.count("/"), 2) + 1 == depth:
                found[interval.outcome] = found.get(interval.outcome, 0) + interval.count
        return found

    def all_ok(self):
        """How many visits were due, of which none ended badly; what a busy machine of ours dropped is among them."""
        counts = self.counts()
        assert set(counts) <= {"ok", "dropped"}
        return sum(counts.values())


def job_of(
    folder, database, clock, url, *, scenarios=None, duration=2.0, adaptive=False, drain=5.0, accounts=400, **profile
):
    paths = {name: str(ROOT / "scenarios" / f"{name}.py") for name in ALL} | (scenarios or {})
    rate = profile.pop("rate", 30.0)
    stages = [] if profile.get("virtual_users") else [{"from": rate, "to": rate, "seconds": duration}]
    shape = {
        "arrivals": "uniform",
        "stages": stages,
        "mix": {"sign_in": 1},
        "at_most": 200,
        "virtual_users": None,
        "think_time": None,
    }
    return {
        "anchor": clock.anchor,
        "run_db": str(database),
        "run_folder": str(folder),
        "seed": 7,
        "target": {
            "name": "stub",
            "url": url,
            "outbox_url": url,
            "accounts": {"generated": accounts},
            "marker": "holdfast/test (synthetic)",
        },
        "workspace": str(folder),  # which codes were used is known in a workspace, and the stub is shared
        "duration": duration,
        "load": []
        if adaptive
        else [{"profile": shape | profile, "name": "p", "scale": 1.0, "start": 0.0, "end": duration}],
        "scenarios": paths,
        "accounts": {"first": 0, "count": accounts},
        "adaptive": adaptive,
        "at_most": 200,
        "drain": drain,
    }


def reconciles(done):
    return done["planned"] == done["started"] + done["dropped"] and done["started"] == (
        done["finished"] + done["unfinished"]
    )


def scenario(tmp_path, body, name="odd"):
    path = tmp_path / f"{name}.py"
    path.write_text(
        f'"""For a test."""\nfrom locust import task\nfrom holdfast.load import Visitor\n\n'
        f"class Odd(Visitor):\n    @task\n    def do(self):\n{body}\n"
    )
    return {name: str(path)}


def test_every_scenario_plays_is_recorded_at_three_depths_and_reconciles(tmp_path, stub):
    mix = dict.fromkeys(ALL, 1)
    with LoadChild(tmp_path, stub.url, mix=mix, rate=30.0, duration=3.0) as child:
        child.go()
        done = child.finish()
        assert done["planned"] == 90
        assert reconciles(done)
        assert child.all_ok() == 90
        names = {interval.name for interval in child.intervals()}
        assert {
            "sign_in/sign_out/DELETE session",
            "billing_inquiry/open_invoice/GET invoice",
            "plan_change/replay_change/POST plan change",
            "password_reset/set_password/POST new password",
            "profile_update/update_profile/PATCH profile",
        } <= names
        assert {gauge.name for gauge in child.gauges()} >= {"cpu", "loop_delay", "in_flight"}
        counted = stub.ask("/stub/counts")
        requests = sum(child.counts(depth=3).values())
        mail = sum(count for asked, count in counted["counts"].items() if asked.startswith("GET /messages"))
        assert mail > 0, "the outbox is read, marked as all else, and not measured"
        assert counted["synthetic"] == requests + mail
        assert counted["counts"]["POST /v2/sessions"] == 90
        by_name = {c.name: c for c in check_health(load=child.intervals(), gauges=child.gauges(), done=done)}
        assert by_name["reconciled"].verdict == "valid"


def test_arrivals_that_find_nobody_free_are_dropped_and_recorded(tmp_path):
    with Stub(delay=1.0) as slow, LoadChild(tmp_path, slow.url, rate=20.0, at_most=4, duration=2.0) as child:
        child.go()
        done = child.finish()
        assert done["dropped"] > 20
        assert reconciles(done)
        assert child.counts()["dropped"] == done["dropped"]
        assert child.counts(depth=2)["dropped"] == 2 * done["dropped"]  # sign_in, sign_out
        assert {i.detail for i in child.intervals() if i.outcome == "dropped"} == {"no free visitor"}


def test_arrivals_that_find_no_account_are_dropped_and_recorded(tmp_path, stub):
    odd = scenario(tmp_path, "        self.service.sign_in(self.account)\n\n    mfa = True")
    with LoadChild(tmp_path, stub.url, rate=20.0, duration=1.0, accounts=2, mix={"odd": 1}, scenarios=odd) as child:
        child.go()
        done = child.finish()
        assert done["started"] in {1, 2}  # the only account with a second factor rests until the next step of codes
        assert reconciles(done)
        assert {i.detail for i in child.intervals() if i.outcome == "dropped"} == {"no free account"}


def test_what_is_in_flight_at_the_end_is_recorded_as_unfinished(tmp_path):
    with Stub(delay=8.0) as slow, LoadChild(tmp_path, slow.url, rate=10.0, duration=1.0, drain=0.5) as child:
        child.go()
        done = child.finish()
        assert (done["finished"], done["unfinished"]) == (0, 10)
        assert reconciles(done)
        assert child.counts() == child.counts(depth=2) == child.counts(depth=3) == {"unfinished": 10}
        assert max(i.slowest for i in child.intervals()) >= 1.3


def test_a_stall_shows_in_the_quantiles_because_arrivals_do_not_wait_for_it(tmp_path, stub):
    """200 arrivals in 4 s; a 1 s stall delays the 50 that are due in it by 1 s to 0 s: the p90 is about 0.6 s."""
    with LoadChild(tmp_path, stub.url, rate=50.0, duration=4.0, scenarios=None) as child:
        start = child.go()
        time.sleep(max(start + 1.5 - child.clock.now(), 0.0))
        stub.ask("/stub/stall", {"seconds": 1.0})
        done = child.finish()
        visits = Histogram.sum(i.response for i in child.intervals() if i.name == "sign_in")
        assert done["planned"] == visits.count == 200
        assert 0.45 < visits.quantile(0.90) < 0.85
        assert visits.quantile(0.5) < 0.2


def test_the_same_stall_hardly_shows_to_virtual_users_because_they_wait_with_the_target(tmp_path, stub):
    """Coordinated omission: 5 users ask once each while it stands still, and 40 times a second while it does not."""
    with LoadChild(tmp_path, stub.url, stages=[], virtual_users=5, think_time=0.1, duration=4.0) as child:
        start = child.go()
        time.sleep(max(start + 1.5 - child.clock.now(), 0.0))
        stub.ask("/stub/stall", {"seconds": 1.0})
        child.finish()
        visits = Histogram.sum(i.response for i in child.intervals() if i.name == "sign_in")
        assert visits.quantile(1.0) > 0.7
        assert visits.quantile(0.90) < 0.45


def test_a_closed_model_keeps_its_users_busy_and_reconciles(tmp_path, stub):
    with LoadChild(tmp_path, stub.url, stages=[], virtual_users=5, think_time=0.2, duration=2.0) as child:
        child.go()
        done = child.finish()
        assert 20 < done["planned"] < 100
        assert reconciles(done)
        assert done["dropped"] == 0


def test_a_closed_generator_that_freezes_now_and_then_is_not_to_be_trusted(tmp_path, stub):
    body = """
        import time
        if time.monotonic() % 2 < 0.2:
            until = time.process_time() + 0.4
            while time.process_time() < until:
                pass"""
    job = {"scenarios": scenario(tmp_path, body), "mix": {"odd": 1}, "virtual_users": 5, "think_time": 0.1}
    with LoadChild(tmp_path, stub.url, stages=[], duration=6.0, **job) as child:
        child.go()
        done = child.finish()
        record = {"load": child.intervals(), "gauges": child.gauges(), "done": done}
    lag = {closed: check_health(**record, closed=closed)[0] for closed in (False, True)}
    assert (lag[True].name, lag[True].verdict) == ("lag", "invalid")
    assert lag[False].value < lag[True].value, "due when we get to it: its visits never wait"


def test_ctrl_c_is_the_runners_business_and_stop_drains(tmp_path, stub):
    with LoadChild(tmp_path, stub.url, rate=20.0, duration=60.0) as child:
        child.go()
        time.sleep(1.0)
        child.process.send_signal(signal.SIGINT)
        time.sleep(0.3)
        assert child.process.poll() is None
        child.send({"stop": "drain"})
        done = child.finish()
        assert 10 <= done["planned"] < 200
        assert done["unfinished"] == 0
        assert reconciles(done)


def test_stop_now_does_not_wait(tmp_path):
    with Stub(delay=8.0) as slow, LoadChild(tmp_path, slow.url, rate=20.0, duration=60.0, drain=30.0) as child:
        child.go()
        time.sleep(1.0)
        child.send({"stop": "now"})
        done = child.finish()
        assert done["unfinished"] == done["started"] > 0
        assert reconciles(done)


def test_an_orphan_writes_its_record_and_ends(tmp_path, stub):
    with LoadChild(tmp_path, stub.url, rate=20.0, duration=60.0) as child:
        child.go()
        time.sleep(1.0)
        child.process.stdin.close()
        assert child.process.wait(10) == 0
        assert child.counts()["ok"] > 0
        child.process.stdin = None


def test_held_rates_are_played_as_they_come(tmp_path, stub):
    with LoadChild(tmp_path, stub.url, adaptive=True, duration=0.1) as child:
        child.go()
        for name, rate in (("1: 20/s", 20.0), ("2: 40/s", 40.0)):
            hold = {"name": name, "rate": rate, "start": child.clock.now() + 0.1, "seconds": 1.0, "mix": {"sign_in": 1}}
            child.send({"hold": {**hold, "arrivals": "uniform"}})
            held = child.wait_for("held")
            assert (held["name"], held["planned"]) == (name, rate)
            assert held["planned"] == held["started"] + held["dropped"]
            assert held["finished"] == held["started"]
            assert sum(child.counts().values()) >= held["finished"]  # flushed before it was told
        child.send({"stop": "drain"})
        done = child.finish()
        assert done["planned"] == 60
        assert reconciles(done)


def test_a_bug_of_a_scenario_costs_its_visit_and_is_told_once(tmp_path, stub):
    odd = scenario(tmp_path, '        with self.step("count"):\n            raise KeyError(self.account.email)')
    with LoadChild(tmp_path, stub.url, rate=10.0, duration=1.0, mix={"odd": 1}, scenarios=odd) as child:
        child.go()
        done = child.finish()
        assert done["finished"] == 10
        assert [e["event"] for e in child.events] == ["scenario_error", "scenario_errors"]
        assert child.events[1]["count"] == 10
        assert child.events[0]["text"] == "odd/count: KeyError (odd.py:9)"
        assert child.events[0]["where"] == "odd.py:9"
        assert {(i.name, i.outcome, i.detail) for i in child.intervals()} == {
            ("odd", "failed", "KeyError"),
            ("odd/count", "failed", "KeyError"),
        }


@pytest.mark.parametrize(
    ("body", "visit", "step", "told"),
    [
        ("            import gevent\n            with gevent.Timeout(0.01):\n                gevent.sleep(1)",
         ("timed_out", "Timeout"), ("timed_out", "Timeout"), False),
        ("            import locust.exception\n            raise locust.exception.StopUser",
         ("ok", "no_request"), ("ok", "no_request"), False),
        ("            import gevent\n            raise gevent.GreenletExit", ("failed", "GreenletExit"),
         ("failed", "GreenletExit"), False),
        ("            self.client.request('GET', '/v2/account', bad=1)", ("failed", "TypeError"),
         ("failed", "TypeError"), True),
    ],
)  # fmt: skip
def test_whatever_ends_a_visit_it_is_recorded(tmp_path, stub, body, visit, step, told):
    odd = scenario(tmp_path, f'        with self.step("one"):\n{body}')
    load = {"rate": 20.0, "duration": 1.0, "mix": {"odd": 1}, "scenarios": odd}
    with LoadChild(tmp_path, stub.url, **load, at_most=20) as child:
        child.go()
        done = child.finish()
        assert done["planned"] == 20
        assert reconciles(done)
        begun = [i for i in child.intervals() if i.outcome != "dropped"]  # a busy machine is late for some
        assert {(i.name, i.outcome, i.detail) for i in begun} == {("odd", *visit), ("odd/one", *step)}
        assert sum(child.counts().values()) == 20
        assert bool(child.events) is told


def test_a_visitor_that_cannot_be_made_costs_its_visit(tmp_path, stub):
    odd = scenario(tmp_path, "        pass\n\n    def __init__(self, environment):\n        raise LookupError")
    with LoadChild(tmp_path, stub.url, rate=20.0, duration=1.0, mix={"odd": 1}, scenarios=odd, accounts=16) as child:
        child.go()
        done = child.finish()
        assert (done["finished"], child.counts()) == (20, {"failed": 20})
        assert "odd: LookupError (odd.py:" in child.events[0]["text"]


def test_a_request_that_its_visitor_left_is_recorded_at_its_age(tmp_path):
    odd = scenario(
        tmp_path,
        '        import gevent\n        with self.step("one"), gevent.Timeout(0.2):\n'
        '            self.client.request("GET", "/v2/account")',
    )
    with Stub(delay=1.0) as slow:
        with LoadChild(tmp_path, slow.url, rate=10.0, duration=1.0, mix={"odd": 1}, scenarios=odd) as child:
            child.go()
            child.finish()
            requests = [i for i in child.intervals() if i.name == "odd/one/GET /v2/account"]
        assert {(i.outcome, i.detail) for i in requests} == {("unfinished", "Timeout")}
        dropped = child.counts().get("dropped", 0)  # a busy machine is late for some
        assert sum(i.count for i in requests) == 10 - dropped > 0
        assert all(i.slowest >= 0.19 for i in requests)


def test_a_visit_that_ends_while_a_request_of_it_waits_for_its_answer_does_not_pass_for_ok(tmp_path):
    odd = scenario(
        tmp_path,
        '        import gevent\n        with self.step("one"):\n'
        '            gevent.spawn(self.client.request, "GET", "/v2/account")\n            gevent.sleep(0.05)',
    )
    load = {"rate": 10.0, "duration": 1.0, "mix": {"odd": 1}, "scenarios": odd}
    with Stub(delay=1.0) as slow, LoadChild(tmp_path, slow.url, **load) as child:
        child.go()
        child.finish()
        begun = {(i.name, i.outcome, i.detail) for i in child.intervals() if i.outcome != "dropped"}
    assert ("odd", "ok", "failed_inside") in begun
    assert {outcome for name, outcome, _ in begun if name.count("/") > 1} == {"unfinished"}


@pytest.mark.parametrize(
    "spawned",
    [
        'gevent.spawn_later(0.05, self.client.request, "GET", "/v2/plans")',
        "gevent.spawn(later)",
    ],
)
def test_what_a_visit_leaves_behind_asks_for_nothing_and_is_told(tmp_path, stub, spawned):
    odd = scenario(
        tmp_path,
        "        import contextlib\n        import gevent\n"
        "        def later():\n            gevent.sleep(0.05)\n            with contextlib.suppress(Exception):\n"
        '                self.client.request("GET", "/v2/plans")\n'
        '        with self.step("one"):\n            self.client.request("GET", "/v2/plans", expect=(401,))\n'
        f"            {spawned}",
    )
    with LoadChild(tmp_path, stub.url, rate=10.0, duration=1.0, mix={"odd": 1}, scenarios=odd) as child:
        child.go()
        child.finish()
        asked = sum(i.count for i in child.intervals() if i.name.count("/") > 1)
        told = [e for e in child.events if e["event"] == "scenario_error"]
    assert sum(count for what, count in stub.ask("/stub/counts")["counts"].items() if "plans" in what) == asked
    assert len(told) == 1
    assert told[0]["text"].startswith("odd: RuntimeError: ")
    assert told[0]["where"].startswith("odd.py")


def test_a_bug_of_what_a_visit_spawned_is_told_at_the_end(tmp_path, stub):
    odd = scenario(
        tmp_path,
        "        import gevent\n        def look(answers):\n            return answers['none']\n"
        '        with self.step("one"):\n            self.client.request("GET", "/v2/plans", expect=(401,))\n'
        "            gevent.joinall([gevent.spawn(look, {})])",
    )
    with LoadChild(tmp_path, stub.url, rate=10.0, duration=1.0, mix={"odd": 1}, scenarios=odd) as child:
        child.go()
        done = child.finish()
    (told,) = child.events
    assert (told["event"], told["scenario"], told["where"]) == ("spawned_errors", "odd", "odd.py:10")
    assert told["count"] == done["started"] > 0
    assert told["text"] == "KeyError: 'none' (odd.py:10)"


def test_a_refused_step_ends_the_visit_with_its_outcome(tmp_path, stub):
    odd = scenario(
        tmp_path,
        '        with self.step("look"):\n            self.client.request("GET", "/v2/account", name="GET account")',
    )
    with LoadChild(tmp_path, stub.url, rate=10.0, duration=1.0, mix={"odd": 1}, scenarios=odd) as child:
        child.go()
        child.finish()
        begun = [i for i in child.intervals() if i.outcome != "dropped"]  # a busy machine is late for some
        assert {(i.name, i.outcome, i.detail) for i in begun} == {
            ("odd", "rejected", "401"),
            ("odd/look", "rejected", "401"),
            ("odd/look/GET account", "rejected", "401"),
        }


def test_what_is_wrong_with_a_job_is_said_at_once(tmp_path, stub):
    bad = {"first": str(tmp_path / "gone.py"), **scenario(tmp_path, "        import nowhere_at_all", "second")}
    bad["third"] = str(tmp_path / "third.py")
    Path(bad["third"]).write_text("import nowhere_at_all\n" + Path(bad["second"]).read_text())
    with LoadChild(tmp_path, stub.url, scenarios=bad) as child:
        problems = child.receive()["problems"]
        assert {Path(p["where"]).name for p in problems} == {"gone.py", "third.py:1"}
        assert child.process.wait(10) == 2


def test_a_scenario_is_a_locust_file_like_any_other(tmp_path, stub):
    ended = subprocess.run(
        [
            *(sys.executable, "-m", "locust", "-f", str(ROOT / "scenarios" / "sign_in.py"), "--host", stub.url),
            # Locust's timer counts from before its imports, which take seconds on a busy machine.
            *("--headless", "-u", "3", "-r", "3", "-t", "8s", "--json"),
        ],
        capture_output=True,
        text=True,
        env=ENVIRONMENT,
        timeout=60,
        cwd=tmp_path,
    )
    assert ended.returncode == 0, ended.stderr
    names = {entry["name"]: entry for entry in json.loads(ended.stdout)}
    assert names["POST session"]["num_requests"] >= 3
    assert names["POST session"]["num_failures"] == 0


def test_an_alarm_lets_others_run_and_never_goes_off_early():
    """In a process of its own: gevent must not be imported here."""
    code = (
        "import gevent, time\n"
        "from contextlib import closing\n"
        "from holdfast.load.alarm import Alarm\n"
        "ran = []\n"
        "gevent.spawn(ran.append, 'other')\n"
        "with closing(Alarm()) as alarm:\n"
        "    for asked in (0.0, 0.0005, 0.003, 0.02):\n"
        "        began = time.monotonic()\n"
        "        alarm.sleep(asked)\n"
        "        assert time.monotonic() - began >= asked\n"
        "assert ran == ['other']\n"
        "alarm.close()\n"
    )
    assert subprocess.run([sys.executable, "-c", code], env=ENVIRONMENT, timeout=20).returncode == 0
