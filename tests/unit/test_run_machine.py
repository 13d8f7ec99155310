"""Whose the processors were: counters of a made-up /proc in, shares and verdicts out."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.load import limits
from holdfast.record.store import Event, Gauge
from holdfast.run.machine.judged import machine_checks
from holdfast.run.machine.neighbours import NEIGHBOUR, Presence
from holdfast.run.machine.processes import Process, family_of, process_of, processes
from holdfast.run.machine.share import between, look, processors_of, waited_of
from holdfast.run.machine.sockets import Socket, clients_of, listeners_at, owners, servers_of, sockets, sockets_of
from holdfast.run.machine.watch import LOOKED, MachineWatch, Target

RUNNER, LOAD, SUPERVISOR, REPLICA, LOOP = 10, 11, 20, 21, 30
HEAD = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"


class FakeProc:
    """A /proc of two cores whose processes and sockets a test makes up."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "pressure").mkdir()
        (folder / "net").mkdir()
        self.cores = [[0] * 10, [0] * 10]
        self.rows: list[str] = []
        self.passes(0, 0)

    def process(
        self, pid: int, parent: int, *, own: int = 0, reaped: int = 0, session: int = 1, name: str = "p"
    ) -> None:
        fields = ["S", str(parent), "0", str(session), *["0"] * 7, str(own), "0", str(reaped), "0", *["0"] * 4, "77"]
        (self.folder / str(pid) / "fd").mkdir(parents=True, exist_ok=True)
        (self.folder / str(pid) / "stat").write_text(f"{pid} ({name}) {' '.join(fields)} 0 0\n")

    def passes(self, worked: int, idle: int, *, irq: int = 0, waited: float | None = None, running: int = 1) -> None:
        """Ticks, over both cores together."""
        for core in self.cores:
            core[0] += worked // 2
            core[3] += idle // 2
            core[6] += irq // 2
        lines = [f"cpu{number} {' '.join(map(str, core))}" for number, core in enumerate(self.cores)]
        (self.folder / "stat").write_text("\n".join(["cpu 1 2 3", *lines, f"procs_running {running}", ""]))
        if waited is not None:
            total = int(waited * 1e6)
            (self.folder / "pressure" / "cpu").write_text(f"some avg10=0.00 avg60=0.00 avg300=0.00 total={total}\n")

    def socket(self, pid: int, inode: int, local: int, peer: int = 0) -> None:
        state, to = ("01", f"0100007F:{peer:04X}") if peer else ("0A", "00000000:0000")
        self.rows.append(f"   0: 0100007F:{local:04X} {to} {state} 0:0 0:0 0 0 0 {inode} 1\n")
        (self.folder / "net" / "tcp").write_text(HEAD + "".join(self.rows))
        (self.folder / str(pid) / "fd" / str(inode)).symlink_to(f"socket:[{inode}]")


@pytest.fixture
def proc(tmp_path, monkeypatch):
    monkeypatch.setattr("os.sched_getaffinity", lambda _pid: {0, 1}, raising=False)
    made = FakeProc(tmp_path)
    made.process(2, 0, name="kthreadd")
    made.process(RUNNER, 1, name="holdfast")
    made.process(LOAD, RUNNER, name="load")
    made.process(SUPERVISOR, 1, session=SUPERVISOR, name="supervisor")
    made.process(REPLICA, 99, session=SUPERVISOR, name="replica")
    made.process(LOOP, 1, name="busy (loop)")
    return made


def _watch(proc, url="http://127.0.0.1:8000", supervisor=None):
    return MachineWatch(Target(url, supervisor), proc.folder / "run.db", None, proc=proc.folder, me=RUNNER)


def _looks(proc, watch, then):
    """What a watch tells of the time in which `then` happened."""
    before = look(proc.folder)
    then()
    return watch.gauges(before, look(proc.folder))


def test_what_went_to_neither_holdfast_nor_the_target_is_others(proc):
    watch = _watch(proc, supervisor=SUPERVISOR)

    def passes():
        proc.process(LOAD, RUNNER, own=40, name="load")
        proc.process(REPLICA, 99, own=60, session=SUPERVISOR, name="replica")
        proc.process(LOOP, 1, own=100, name="busy (loop)")
        proc.passes(200, 200, waited=1e9)

    assert _looks(proc, watch, passes)["others"] == pytest.approx(100 / 400)
    assert watch.facts()["names"] == {"busy (loop)": 0.25}


def test_a_process_that_ended_is_paid_for_once(proc):
    """Its parent's sum holds the time of it that was counted before."""
    watch = _watch(proc, supervisor=SUPERVISOR)
    proc.process(12, LOAD, own=50)
    _looks(proc, watch, lambda: proc.passes(50, 50, waited=0.0))

    def ends():
        (proc.folder / "12" / "stat").unlink()
        proc.process(LOAD, RUNNER, reaped=60, name="load")
        proc.passes(40, 60, waited=1e9)

    assert _looks(proc, watch, ends)["others"] == pytest.approx((40 - 10) / 100)


def test_interrupts_and_the_kernels_own_threads_are_nobodys(proc):
    watch = _watch(proc, supervisor=SUPERVISOR)

    def passes():
        proc.process(3, 2, own=30, name="kworker")
        proc.passes(30, 20, irq=50, waited=1e9)

    assert _looks(proc, watch, passes)["others"] == 0.0


def test_of_processors_that_nobody_waits_for_nothing_is_taken(proc):
    watch = _watch(proc, supervisor=SUPERVISOR)
    proc.passes(0, 0, waited=5.0)

    gauges = _looks(proc, watch, lambda: proc.passes(50, 50, waited=5.0))

    assert (gauges["others"], gauges["taken"]) == (0.5, 0.0)


def test_without_psi_the_run_queue_stands_for_it(proc):
    watch = _watch(proc, supervisor=SUPERVISOR)
    proc.passes(0, 0, running=9)

    gauges = _looks(proc, watch, lambda: proc.passes(50, 50, running=9))

    assert (gauges["waiting"], gauges["taken"]) == (1.0, 0.5)


def test_a_loopback_target_is_who_owns_its_socket_and_whom_that_calls(proc):
    """A proxy at 8000, its application at 9000, which has a worker; a stranger calls the proxy, and is no target."""
    proc.process(40, 1, name="proxy")
    proc.process(41, 1, name="application")
    proc.process(42, 41, name="worker")
    proc.process(43, 1, name="stranger")
    proc.socket(40, 1, 8000)
    proc.socket(41, 2, 9000)
    proc.socket(40, 3, 50000, 9000)
    proc.socket(41, 4, 9000, 50000)
    proc.socket(43, 5, 50001, 8000)
    proc.socket(40, 6, 8000, 50001)
    watch = _watch(proc)

    def passes():
        for pid, parent in ((40, 1), (41, 1), (42, 41), (43, 1)):
            proc.process(pid, parent, own=10)
        proc.passes(40, 60, waited=1e9)

    assert _looks(proc, watch, passes)["others"] == pytest.approx(10 / 100)


def test_workers_that_joined_by_themselves_are_ours(proc):
    proc.process(50, 1, name="worker")
    proc.process(51, 1, name="target")
    proc.socket(LOAD, 1, 5557)
    proc.socket(50, 2, 50000, 5557)
    proc.socket(51, 3, 8000)
    watch = _watch(proc)

    def passes():
        proc.process(50, 1, own=40)
        proc.passes(40, 60, waited=1e9)

    assert _looks(proc, watch, passes)["others"] == 0.0


@pytest.mark.parametrize(
    ("name", "told"),
    [(None, "cannot be seen from here"), ("docker-proxy", "docker-proxy listens at port 8000")],
    ids=["nobody to be seen", "a container's door"],
)
def test_a_target_that_cannot_be_seen_leaves_nothing_to_say(proc, name, told):
    if name is not None:
        proc.process(40, 1, name=name)
        proc.socket(40, 1, 8000)
    watch = _watch(proc)

    assert _looks(proc, watch, lambda: proc.passes(80, 20, waited=1e9)) == {}
    assert told in watch.facts()["reason"]


def test_a_target_elsewhere_takes_none_of_this_machine(proc):
    watch = _watch(proc, "https://account.example")

    assert _looks(proc, watch, lambda: proc.passes(30, 70, waited=1e9))["others"] == pytest.approx(0.3)


def test_where_the_kernel_counts_nothing_nothing_is_told(proc):
    watch = _watch(proc, supervisor=SUPERVISOR)

    assert _looks(proc, watch, lambda: proc.passes(0, 0)) == {}
    assert watch.facts()["reason"]


def _checks(values, *, timed=True, reason="", **facts):
    gauges = [Gauge(0.0, "machine", name, value) for value in values for name in ("others", "waiting", "taken")]
    told = Event(0.0, "machine", LOOKED, {"names": {"cc1": 0.4}, "reason": reason, **facts})
    return {check.name: check for check in machine_checks(gauges, [told], timed=timed)}


@pytest.mark.parametrize(
    ("share", "verdict"),
    [(0.02, "valid"), (limits.MACHINE.degraded + 0.01, "degraded"), (limits.MACHINE.invalid + 0.01, "invalid")],
)
def test_the_share_of_others_degrades_and_invalidates_by_its_limits(share, verdict):
    found = _checks([share] * 10)["machine"]

    assert (found.verdict, found.value) == (verdict, share)
    assert "cc1 40 %" in found.reason


def test_one_busy_moment_is_no_verdict_and_a_tenth_of_the_time_is():
    assert _checks([0.0] * 19 + [0.9])["machine"].verdict == "valid"
    assert _checks([0.0] * 8 + [0.9] * 2)["machine"].verdict == "invalid"


def test_what_could_not_be_measured_is_null_with_a_reason_and_decides_nothing():
    found = _checks([], reason="nobody can say")["machine"]

    assert (found.verdict, found.value) == ("valid", None)
    assert "nobody can say" in found.reason


@pytest.mark.parametrize("known", [{"timed": False}, {"shared": True}])
def test_journeys_alone_and_a_machine_known_to_be_shared_are_degraded_at_most(known):
    assert _checks([0.9] * 10, **known)["machine"].verdict == "degraded"


def test_a_run_beside_this_one_is_named_and_degrades_where_it_aims_at_the_same_target():
    def met(same_target):
        facts = {"run": "20260101T000000Z-ci", "same_target": same_target, "text": "another run"}
        return machine_checks([], [Event(0.0, "run", NEIGHBOUR, facts)], timed=True)[0]

    assert (met(False).name, met(False).verdict) == ("other_runs", "valid")
    assert met(True).verdict == "degraded"
    assert "20260101T000000Z-ci" in met(True).reason


def test_living_runs_see_each_other_and_not_those_that_ended(tmp_path):
    ours = Presence("one-ci", tmp_path, "http://127.0.0.1:1")
    theirs = Presence("two-demo", tmp_path, "http://127.0.0.1:2")
    with ours:
        with theirs:
            (seen,) = (one for one in ours.others() if one.run == "two-demo")
            assert (seen.same_workspace, seen.same_target) == (True, False)
            assert [one.run for one in theirs.others() if one.run.startswith("one")] == ["one-ci"]
        assert "two-demo" not in {one.run for one in ours.others()}


def test_a_name_that_somebody_made_up_is_never_shown(tmp_path):
    """Any user of the machine may hold any name."""
    listed = tmp_path / "unix"
    listed.write_text(
        "Num RefCount\n"
        "00: 2 0 0 2 1 1 @holdfast-run.1.00000000.00000000.\x1b[31mred\n"
        "00: 2 0 0 2 1 1 @holdfast-run.x.00000000.00000000.run\n"
        "00: 2 0 0 2 1 1 @holdfast-run.7.00000000.00000000.20260101T000000Z-ci\n"
    )

    assert [one.run for one in Presence("me", tmp_path, "", listed=listed).others()] == ["20260101T000000Z-ci"]


def test_a_session_belongs_to_the_family_that_leads_it():
    everyone = {
        pid: Process(pid, parent, session, 0, 0, 0, "p")
        for pid, parent, session in ((5, 1, 1), (6, 5, 6), (7, 1, 6), (8, 1, 1))
    }
    assert family_of([5], everyone) == {5, 6, 7}


@given(st.text())
def test_no_text_whatever_breaks_the_readers(text):
    process = process_of(text)
    assert process is None or process.ticks >= process.own
    worked, passed, running = processors_of(text, {0})
    assert passed >= worked >= 0 <= running
    waited = waited_of(text)
    assert waited is None or waited >= 0
    assert {type(row) for row in sockets_of(text)} <= {Socket}


def test_this_machine_can_be_read():
    """The real /proc, where there is one."""
    if not Path("/proc/self/stat").exists():
        pytest.skip("no /proc here")
    first = look()
    assert any(process.name for process in processes().values())
    held, rows = owners(), sockets()
    assert isinstance(listeners_at(1, rows, held) | servers_of(set(), rows, held) | clients_of(set(), rows, held), set)
    part = between(first, look(), set())
    assert part is None or 0.0 <= part.taken <= 1.0
    json.dumps(_watch_facts())


def _watch_facts():
    return MachineWatch(Target("http://127.0.0.1:1"), Path("unused"), None).facts()
