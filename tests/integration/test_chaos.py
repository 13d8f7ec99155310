"""Experiments against the real reference stack: what is put in comes out, whoever dies, and verdicts are not fooled."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from holdfast.channel import ChildEnd
from holdfast.chaos import session, undo
from holdfast.chaos.context import connection_from
from holdfast.chaos.experiment import load_experiment
from holdfast.chaos.session import Session, Surroundings, Window
from holdfast.chaos.story import Story, Telling
from holdfast.chaos.supervisor import Supervisor
from holdfast.clock import SystemClock
from holdfast.proxy.client import ProxyClient
from holdfast.record.store import Gauge, RunStore
from holdfast.reference import StackSettings, StackState, start_stack, stop_stack

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]
DEADLINE = 15.0

ACTIONS = {"type": "python", "module": "holdfast.chaos.actions"}
REVERT = {"type": "action", "name": "revert", "provider": {**ACTIONS, "func": "revert"}}
NOTHING = {"type": "action", "name": "nothing", "provider": {"type": "process", "path": "true"}}


def ready_probe(path: str = "/readyz") -> dict[str, Any]:
    provider = {"type": "python", "module": "holdfast.chaos.probes", "func": "answers", "arguments": {"path": path}}
    return {"type": "probe", "name": "ready", "tolerance": True, "provider": provider}


def inject(fault: str, **arguments: object) -> dict[str, Any]:
    provider = {**ACTIONS, "func": "inject", "arguments": {"fault": fault, **arguments}}
    return {"type": "action", "name": "inject", "provider": provider}


def hold(seconds: object = "${hold}") -> dict[str, Any]:
    provider = {**ACTIONS, "func": "hold", "arguments": {"seconds": seconds}}
    return {"type": "action", "name": "hold", "provider": provider}


def experiment(
    method: list[dict[str, Any]],
    *,
    hypothesis: str = "recover",
    probe: dict[str, Any] | None = None,
    rollbacks: list[dict[str, Any]] | None = None,
    fault: str = "latency",
    **extension: object,
) -> dict[str, Any]:
    block = {"name": "holdfast", "hypothesis": hypothesis, "max_duration": "60s", "recover_within": "5s"}
    return {
        "title": "A test",
        "description": "Of what comes out again",
        "configuration": {"hold": {"type": "env", "key": "HOLDFAST_HOLD", "default": 20, "env_var_type": "float"}},
        "steady-state-hypothesis": {"title": "Ready", "probes": [probe or ready_probe()]},
        "method": method,
        "rollbacks": [REVERT] if rollbacks is None else rollbacks,
        "extensions": [{**block, "fault": {"kind": fault, "target": "a target"}, **extension}],
    }


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("workspace")


@pytest.fixture(scope="module")
def stack(workspace: Path) -> Iterator[StackState]:
    # So long a restart delay that only the undo can be what brings a replica back.
    settings = StackSettings(replicas=2, accounts=200, restart_delay=120.0)
    state = start_stack(settings, workspace / ".holdfast" / "stack")
    yield state
    stop_stack(state)


@pytest.fixture
def supervisor(stack: StackState) -> Supervisor:
    return Supervisor(stack.control_url, stack.control_token)


@pytest.fixture
def proxy(stack: StackState) -> Iterator[ProxyClient]:
    client = ProxyClient(stack.proxy_url, stack.proxy_token)
    yield client
    client.reset()


def target_of(stack: StackState) -> dict[str, Any]:
    return {
        "name": "reference",
        "url": stack.url,
        "control_url": stack.control_url,
        "control_token": stack.control_token,
        "proxy_url": stack.proxy_url,
        "proxy_token": stack.proxy_token,
        "state_file": str(Path(stack.state_dir) / "stack.json"),
        "colour": "unknown to us",
    }


def wait_for(what: Callable[[], bool], seconds: float = DEADLINE) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


def toxics(proxy: ProxyClient, link: str = "postgres") -> list[str]:
    return [toxic.name for toxic in proxy.proxies()[link].toxics]


def state_of(supervisor: Supervisor, name: str) -> str:
    return next(process.state for process in supervisor.processes() if process.name == name)


@pytest.fixture
def traffic(stack: StackState) -> Iterator[None]:
    """Somebody who keeps asking whether the stack is ready, and so uses every link."""
    over = threading.Event()

    def ask() -> None:
        while not over.wait(0.05):
            try:
                urllib.request.urlopen(f"{stack.url}/readyz", timeout=5).close()
            except OSError:
                continue

    asking = threading.Thread(target=ask)
    asking.start()
    yield
    over.set()
    asking.join()


# ── the child, a process of its own ──


@dataclass
class ChildRun:
    """A chaos child at work, and what it has told so far."""

    process: subprocess.Popen[str]
    store: RunStore
    undo_log: Path
    folder: Path
    told: list[Mapping[str, Any]] = field(default_factory=list)

    def send(self, message: Mapping[str, Any]) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(message) + "\n")
        self.process.stdin.flush()

    def events(self) -> list[str]:
        return [str(message["event"]) for message in self.told if "event" in message]

    def wait_for(self, event: str) -> None:
        wait_for(lambda: event in self.events() or self.process.poll() is not None)
        assert event in self.events(), (self.folder / "log").read_text()

    def end(self) -> int:
        return self.process.wait(timeout=DEADLINE)


@pytest.fixture
def start_child(stack: StackState, workspace: Path, tmp_path: Path) -> Iterator[Callable[..., ChildRun]]:
    children: list[ChildRun] = []

    def start(path: Path, seconds: float, duration: float = 60.0) -> ChildRun:
        database = tmp_path / "run.db"
        clock = SystemClock()
        store = RunStore.create(database)
        job = {
            "anchor": clock.anchor,
            "run_db": str(database),
            "run_folder": str(tmp_path),
            "seed": 1,
            "target": target_of(stack),
            "workspace": str(workspace),
            "duration": duration,
            "experiments": [{"name": path.stem, "path": str(path), "start": 0.2, "end": 0.2 + seconds}],
            "undo_log": str(tmp_path / "undo.jsonl"),
        }
        with (tmp_path / "log").open("w") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "holdfast.chaos"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
            )
        child = ChildRun(process, store, tmp_path / "undo.jsonl", tmp_path)
        children.append(child)
        threading.Thread(target=listen, args=(child,), daemon=True).start()
        # The run's guard finds every objective in order.
        names = ("sign-in-availability", "sign-in-latency")
        store.write_gauges(Gauge(clock.now() + 2.0, "guard", f"{name}/burn_rate", 0.1) for name in names)
        child.send(job)
        wait_for(lambda: bool(child.told) or process.poll() is not None)
        if child.told and "ready" in child.told[0]:
            child.send({"go": clock.now()})
        return child

    def listen(child: ChildRun) -> None:
        assert child.process.stdout is not None
        for line in child.process.stdout:
            child.told.append(json.loads(line))

    yield start
    for child in children:
        child.process.kill()
        child.process.wait()
        assert child.process.stdin is not None
        child.process.stdin.close()
        child.store.close()


@pytest.fixture
def latency(tmp_path: Path) -> Path:
    path = tmp_path / "slow.yaml"
    method = [inject("latency", link="postgres", latency_ms=50), hold(), REVERT]
    path.write_text(yaml.safe_dump(experiment(method)))
    return path


@pytest.mark.usefixtures("traffic")
def test_a_killed_replica_is_back_when_the_experiment_ends(
    start_child: Callable[..., ChildRun], supervisor: Supervisor
) -> None:
    child = start_child(ROOT / "chaos" / "replica_kill.yaml", seconds=1.0)
    child.wait_for("fault_injected")
    assert state_of(supervisor, "account-1") != "running"

    assert child.end() == 0

    assert state_of(supervisor, "account-1") == "running"
    (span,) = child.store.spans("fault")
    assert span.started is not None
    assert span.ended is not None
    assert 0.9 < span.ended - span.started < DEADLINE
    assert span.attributes["verdict"] == "passed"
    assert span.attributes["clean_up"] == "done"
    assert (span.attributes["fault"], span.attributes["target"]) == ("replica_kill", "account-1")
    assert child.events()[-3:] == ["fault_reverted", "steady_state", "experiment_ended"]


@pytest.mark.usefixtures("traffic")
def test_latency_is_felt_and_gone_and_the_journal_has_no_secrets(
    start_child: Callable[..., ChildRun], proxy: ProxyClient, stack: StackState, latency: Path
) -> None:
    child = start_child(latency, seconds=1.5)
    child.wait_for("fault_injected")
    assert len(toxics(proxy)) == 1
    assert len(proxy.leases()) == 1

    assert child.end() == 0

    assert toxics(proxy) == []
    assert proxy.leases() == {}
    (span,) = child.store.spans("fault")
    touched = span.attributes["touched"]
    assert isinstance(touched, int)
    assert touched > 0
    evidence = (child.folder / "evidence" / "chaos-slow.json").read_text()
    assert json.loads(evidence)["status"] == "completed"
    for text in (evidence, child.undo_log.read_text(), (child.folder / "log").read_text()):
        assert stack.control_token not in text
        assert stack.proxy_token not in text


def test_what_a_killed_child_left_in_is_taken_out_by_its_log(
    start_child: Callable[..., ChildRun], proxy: ProxyClient, latency: Path
) -> None:
    child = start_child(latency, seconds=30.0)
    child.wait_for("fault_injected")

    child.process.kill()
    child.process.wait()
    assert len(toxics(proxy)) == 1
    (span,) = child.store.spans("fault")
    assert span.ended is None
    with child.undo_log.open("ab") as log:
        log.write(b'{"done":"torn')

    (result,) = undo.undo_all(child.undo_log)

    assert result.undone, result
    assert toxics(proxy) == []
    assert undo.recover([child.undo_log]) == []


def test_a_paused_replica_of_a_killed_child_is_thawed(
    start_child: Callable[..., ChildRun], supervisor: Supervisor, tmp_path: Path
) -> None:
    path = tmp_path / "freeze.yaml"
    data = experiment([inject("replica_pause", replica="account-2"), hold(), REVERT], fault="replica_pause")
    path.write_text(yaml.safe_dump(data))
    child = start_child(path, seconds=30.0)
    child.wait_for("fault_injected")
    child.process.kill()
    child.process.wait()
    assert state_of(supervisor, "account-2") == "paused"

    (result,) = undo.undo_all(child.undo_log)

    assert result.undone, result
    assert state_of(supervisor, "account-2") == "running"


@pytest.mark.parametrize("how", ["now", "drain", "orphaned", "interrupted"])
def test_a_child_told_to_stop_takes_its_fault_out_before_it_ends(
    start_child: Callable[..., ChildRun], proxy: ProxyClient, latency: Path, how: str
) -> None:
    child = start_child(latency, seconds=30.0)
    child.wait_for("fault_injected")

    if how == "orphaned":
        assert child.process.stdin is not None
        child.process.stdin.close()
    elif how == "interrupted":
        child.process.send_signal(signal.SIGINT)
    else:
        child.send({"stop": how})

    assert child.end() == 0
    assert toxics(proxy) == []
    (span,) = child.store.spans("fault")
    assert span.ended is not None
    assert (span.attributes["verdict"], span.attributes["clean_up"]) == ("interrupted", "done")


def test_a_target_without_the_link_is_a_problem_before_anything_runs(
    start_child: Callable[..., ChildRun], tmp_path: Path
) -> None:
    path = tmp_path / "nowhere.yaml"
    path.write_text(yaml.safe_dump(experiment([inject("latency", link="postgrse", latency_ms=5), REVERT])))

    child = start_child(path, seconds=1.0)

    assert child.end() == 2
    (problem,) = child.told[0]["problems"]
    assert 'no link "postgrse"' in problem["what"]
    assert 'did you mean "postgres"' in problem["fix"]


# ── sessions in this process: what Chaos Toolkit would call a success ──


@pytest.fixture
def run_session(stack: StackState, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Story]:
    monkeypatch.setenv("HOLDFAST_CHAOS_CONTEXT", "")
    monkeypatch.setenv("HOLDFAST_HOLD", "")

    def run(data: dict[str, Any], seconds: float = 0.5, during: Callable[[Session], None] | None = None) -> Story:
        path = tmp_path / "x.yaml"
        path.write_text(yaml.safe_dump(data))
        loaded, problems = load_experiment(path)
        assert loaded is not None, problems
        clock = SystemClock()
        with RunStore.create(tmp_path / "run.db") as store, (tmp_path / "told").open("w") as told:
            around = Surroundings(
                target=connection_from(target_of(stack)),
                undo_log=tmp_path / "undo.jsonl",
                run_db=tmp_path / "run.db",
                run_folder=tmp_path,
                anchor=clock.anchor,
                ends=clock.now() + 60.0,
            )
            window = Window("x", clock.now(), clock.now() + seconds)
            telling = Telling(ChildEnd(sys.stdin, told), store, clock)
            session = Session(loaded, window, around, clock, telling)
            if during is not None:
                during(session)
            return session.run()

    return run


def journal_in(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "evidence" / "chaos-x.json").read_text())
    return found


def test_a_baseline_that_is_not_met_puts_nothing_in(run_session: Callable[..., Story], tmp_path: Path) -> None:
    method = [inject("latency", link="postgres", latency_ms=5), hold(), REVERT]

    story = run_session(experiment(method, probe=ready_probe("/nowhere")))

    assert journal_in(tmp_path)["status"] == "completed"
    assert story.verdict == "baseline-not-met"
    assert story.injected_at is None
    assert undo.open_entries(tmp_path / "undo.jsonl") == []


def test_a_process_that_exits_1_has_applied_no_fault(run_session: Callable[..., Story], tmp_path: Path) -> None:
    broken = {"type": "action", "name": "break it", "provider": {"type": "process", "path": "false"}}

    story = run_session(experiment([broken], rollbacks=[NOTHING]))

    assert journal_in(tmp_path)["run"][0]["status"] == "succeeded"
    assert (story.verdict, story.reason) == ("fault-not-applied", '"break it" exited with 1')


def test_a_background_action_that_raises_has_applied_no_fault(
    run_session: Callable[..., Story], tmp_path: Path
) -> None:
    raises = {
        "type": "action",
        "name": "break it",
        "background": True,
        "provider": {"type": "python", "module": "broken_action", "func": "go"},
    }
    (tmp_path / "broken_action.py").write_text("class Odd(BaseException):\n    pass\n\n\ndef go():\n    raise Odd\n")
    sys.path.insert(0, str(tmp_path))
    try:
        story = run_session(experiment([raises], rollbacks=[NOTHING]))
    finally:
        sys.path.remove(str(tmp_path))
        sys.modules.pop("broken_action", None)

    assert journal_in(tmp_path)["status"] == "completed"
    assert story.verdict == "fault-not-applied"


def test_what_is_lost_only_during_the_fault_is_no_resistance(
    run_session: Callable[..., Story], tmp_path: Path, proxy: ProxyClient
) -> None:
    method = [inject("outage", link="valkey"), hold(), REVERT, hold(1.0)]

    story = run_session(experiment(method, hypothesis="resist", fault="outage"), seconds=2.0)

    assert journal_in(tmp_path)["deviated"] is False
    assert story.verdict == "deviated"
    assert story.clean_up == "done"
    assert proxy.proxies()["valkey"].enabled


def _recovered_by_another_process(tmp_path: Path) -> None:
    code = (
        f"from pathlib import Path; from holdfast.chaos.undo import recover; print(recover([Path({str(tmp_path)!r})]))"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60, capture_output=True)


def _toxic_on(proxy: ProxyClient, link: str) -> str:
    (toxic,) = proxy.proxies()[link].toxics
    return toxic.name


def _pid_of(supervisor: Supervisor, name: str) -> int:
    (pid,) = [process.pid for process in supervisor.processes() if process.name == name]
    assert pid is not None
    return pid


@pytest.mark.usefixtures("traffic")
@pytest.mark.parametrize("hypothesis", ["recover", "resist"])
@pytest.mark.parametrize("method", ["hold", "something else"])
@pytest.mark.parametrize(
    ("fault", "leaves", "why"),
    [
        ({"fault": "latency", "link": "postgres", "latency_ms": 5}, "reset", "toxic on link postgres was removed"),
        ({"fault": "latency", "link": "postgres", "latency_ms": 5}, "recover", "another process took it out"),
        ({"fault": "outage", "link": "messages"}, "reset", "link messages was enabled"),
        ({"fault": "latency", "link": "postgres", "latency_ms": 5}, "weaken", "changed to latency of downstream (j"),
        ({"fault": "replica_pause", "replica": "account-2"}, "resume", "account-2 is running, not paused"),
        ({"fault": "replica_pause", "replica": "account-2"}, "thaw", "account-2 was thawed by a signal"),
    ],
)
def test_a_fault_that_leaves_before_its_time_shows_nothing(
    run_session: Callable[..., Story],
    tmp_path: Path,
    proxy: ProxyClient,
    supervisor: Supervisor,
    fault: dict[str, Any],
    leaves: str,
    why: str,
    method: str,
    hypothesis: str,
) -> None:
    ways = {
        "reset": proxy.reset,
        "resume": lambda: supervisor.resume("account-2"),
        "thaw": lambda: os.kill(_pid_of(supervisor, "account-2"), signal.SIGCONT),
        "weaken": lambda: proxy.update_toxic("postgres", _toxic_on(proxy, "postgres"), {"latency": 0}),
        "recover": lambda: _recovered_by_another_process(tmp_path),
    }
    waits = {"type": "action", "name": "wait", "provider": {"type": "process", "path": "sleep", "arguments": ["4"]}}
    held = [hold(30.0), REVERT] if method == "hold" else [waits, REVERT]

    def watch(found: Session) -> None:
        def take_out() -> None:
            wait_for(lambda: found.story.injected_at is not None, 60)
            time.sleep(0.5)
            ways[leaves]()

        threading.Thread(target=take_out, daemon=True).start()

    rollbacks = [REVERT] if method == "hold" else [NOTHING, REVERT]
    data = experiment([inject(**fault), *held], hypothesis=hypothesis, fault=fault["fault"], rollbacks=rollbacks)
    story = run_session(data, seconds=30.0, during=watch)

    assert (story.verdict, story.clean_up) == ("inconclusive", "done"), story.reason
    assert "left before its time" in story.reason
    assert why in story.reason
    assert story.injected_at is not None
    assert story.reverted_at is not None
    assert story.reverted_at - story.injected_at < 25.0


@pytest.mark.usefixtures("traffic")
def test_a_replica_that_comes_back_by_itself_is_no_fault_that_left(
    run_session: Callable[..., Story], supervisor: Supervisor
) -> None:
    def watch(found: Session) -> None:
        def bring_back() -> None:
            wait_for(lambda: found.story.injected_at is not None, 60)
            supervisor.start("account-1")

        threading.Thread(target=bring_back, daemon=True).start()

    data = experiment([inject("replica_kill", replica="account-1"), hold(2.0), REVERT], fault="replica_kill")
    assert run_session(data, seconds=2.0, during=watch).verdict == "passed"


@pytest.mark.usefixtures("traffic")
@pytest.mark.parametrize(("back_after", "verdict"), [(1.0, "passed"), (60.0, "not-recovered")])
def test_recovery_is_watched_after_the_fault_is_out(
    run_session: Callable[..., Story], tmp_path: Path, back_after: float, verdict: str
) -> None:
    provider = {"type": "python", "module": "holdfast.chaos.probes", "func": "objective_holds"}
    tolerance = {"type": "regex", "pattern": "^holds"}
    probe = ready_probe() | {"provider": {**provider, "arguments": {"name": "sign-in"}}, "tolerance": tolerance}
    over = threading.Event()

    def guard(found: Session) -> None:
        clock, story = SystemClock(), found.story
        with RunStore.open(tmp_path / "run.db") as store:
            while not over.wait(0.1):
                out_for = clock.now() - story.reverted_at if story.reverted_at is not None else 0.0
                burns = story.injected_at is not None and out_for < back_after
                store.write_gauges([Gauge(clock.now(), "guard", "sign-in/burn_rate", 20.0 if burns else 0.1)])

    def watch(found: Session) -> None:
        threading.Thread(target=guard, args=(found,), daemon=True).start()
        time.sleep(0.3)  # the baseline is measured, too

    method = [inject("latency", link="postgres", latency_ms=5), hold(), ready_probe(), REVERT]
    try:
        story = run_session(experiment(method, probe=probe, recover_within="3s"), seconds=0.8, during=watch)
    finally:
        over.set()

    assert story.verdict == verdict, story.reason


def test_a_replica_killed_while_nobody_came_shows_nothing(run_session: Callable[..., Story]) -> None:
    method = [inject("replica_kill", replica="account-2"), hold(), REVERT]

    story = run_session(experiment(method, fault="replica_kill"))

    assert (story.verdict, story.touched) == ("inconclusive", 0), story.reason
    assert "no traffic" in story.reason
    assert story.clean_up == "done"


def test_without_our_control_nothing_is_put_in(
    run_session: Callable[..., Story], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "_CONTROL", "no.such.module")

    story = run_session(experiment([inject("latency", link="postgres", latency_ms=5), REVERT]))

    assert story.verdict == "error"
    assert "did not load holdfast's control" in story.reason
    assert story.injected_at is None


def test_told_to_stop_before_the_fault_is_in_it_never_is(run_session: Callable[..., Story], tmp_path: Path) -> None:
    method = [inject("latency", link="postgres", latency_ms=5), hold(), REVERT]

    story = run_session(experiment(method), during=lambda found: found.stop("told so", at_once=False))

    assert story.verdict == "interrupted"
    assert story.injected_at is None
    assert not (tmp_path / "undo.jsonl").exists()


def test_a_fault_that_is_in_for_too_long_is_taken_out(run_session: Callable[..., Story], proxy: ProxyClient) -> None:
    def watch(found: Session) -> None:
        def look() -> None:
            wait_for(lambda: found.overdue(SystemClock().now()), 60)
            found.stop("its max_duration was reached", at_once=True)

        threading.Thread(target=look, daemon=True).start()

    previous = signal.getsignal(signal.SIGINT)
    sessions: list[Session] = []

    def interruptible(found: Session) -> None:
        sessions.append(found)
        signal.signal(signal.SIGINT, lambda *_: found.interrupted())
        watch(found)

    method = [inject("latency", link="postgres", latency_ms=5), hold(30), REVERT]
    try:
        story = run_session(experiment(method, max_duration="1s"), during=interruptible)
    finally:
        signal.signal(signal.SIGINT, previous)

    assert (story.verdict, story.reason) == ("interrupted", "its max_duration was reached")
    assert story.reverted_at is not None
    assert story.injected_at is not None
    assert story.reverted_at - story.injected_at < 10
    assert toxics(proxy) == []


def test_a_fault_that_was_taken_out_by_force_is_never_passed_though_the_interrupt_comes_too_late(
    run_session: Callable[..., Story], proxy: ProxyClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also after its window: a hold that returns at once lets Chaos Toolkit end before the signal is sent."""
    monkeypatch.setattr(session.signal, "pthread_kill", lambda *_: None)

    def watch(found: Session) -> None:
        def look() -> None:
            wait_for(lambda: found.overdue(SystemClock().now()), 60)
            found.stop("its max_duration was reached", at_once=True)

        threading.Thread(target=look, daemon=True).start()

    method = [inject("latency", link="postgres", latency_ms=5), hold(30), REVERT]
    story = run_session(experiment(method, max_duration="1s"), during=watch)

    assert (story.verdict, story.reason) == ("interrupted", "its max_duration was reached")
    assert toxics(proxy) == []


def test_who_undoes_by_the_log_is_named_though_the_log_says_so_a_moment_later(
    run_session: Callable[..., Story], tmp_path: Path, proxy: ProxyClient
) -> None:
    log = tmp_path / "undo.jsonl"

    def watch(found: Session) -> None:
        def take_out() -> None:
            wait_for(lambda: found.story.injected_at is not None, 60)
            (entry,) = undo.open_entries(log)
            proxy.remove_toxic(entry.undo.arguments["link"], entry.undo.arguments["toxic"])
            time.sleep(1.5)
            undo.undo_all(log, tokens={})

        threading.Thread(target=take_out, daemon=True).start()

    story = run_session(experiment([inject("latency", link="postgres", latency_ms=5), hold(30), REVERT]), 30.0, watch)

    assert story.verdict == "inconclusive"
    assert "another process took it out" in story.reason


# ── without holdfast's runner ──


@pytest.mark.usefixtures("traffic")
def test_chaos_run_works_on_the_file_as_it_is(stack: StackState, workspace: Path, proxy: ProxyClient) -> None:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("HOLDFAST")}
    environment |= {"HOLDFAST_HOLD": "1", "PYTHONPATH": str(ROOT / "src")}

    done = subprocess.run(
        [sys.executable, "-m", "chaostoolkit", "run", str(ROOT / "chaos" / "database_latency.yaml")],
        cwd=workspace, env=environment, capture_output=True, text=True, timeout=60,
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    journal = json.loads((workspace / "journal.json").read_text())
    assert [run["status"] for run in journal["run"]] == ["succeeded"] * 3
    assert journal["run"][2]["output"]["chunks_met"] > 0
    assert stack.control_token not in (workspace / "journal.json").read_text()
    assert toxics(proxy) == []
    assert undo.open_entries(workspace / ".holdfast" / "undo.jsonl") == []


@pytest.mark.parametrize(
    ("kind", "arguments"),
    [
        ("remove_toxic", {"proxy_url": "URL", "link": "postgres", "toxic": "x", "lease": "x"}),
        ("enable_link", {"proxy_url": "URL", "link": "postgres"}),
        ("start_process", {"control_url": "URL", "process": "account-1"}),
        ("resume_process", {"control_url": "URL", "process": "account-1", "pid": "1"}),
    ],
)
def test_with_its_whole_stack_a_fault_is_gone(tmp_path: Path, kind: str, arguments: dict[str, str]) -> None:
    nobody = "http://127.0.0.1:9"  # discard: nothing listens there
    log = tmp_path / "undo.jsonl"
    there = {name: nobody if value == "URL" else value for name, value in arguments.items()}
    with undo.locked(log):
        undo.announce(log, undo.Entry("x", 1.0, "kill", undo.Undo(kind, there)))

    (result,) = undo.undo_all(log, tokens={nobody: "token"})

    assert (result.outcome, result.undone) == ("gone", True)
    assert "nothing is left in" in result.detail
    assert undo.open_entries(log) == []
