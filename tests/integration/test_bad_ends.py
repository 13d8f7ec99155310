"""Runs that end as nobody planned, on the real stack: each with its exit code, sealed or readable, nothing left in."""

import json
import os
import pty
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from holdfast.workspace.starter import copy_starter

pytestmark = pytest.mark.integration

HOLDFAST = [sys.executable, "-m", "holdfast"]
PLAN = """kind: Plan
description: A fault under a little load.
phases:
  - {name: baseline, for: 6s}
  - {name: fault, for: FAULTs, judged: false}
  - {name: recovery, for: 3s}
load: [{profile: smoke, scale: 2}]
chaos: [{experiment: database_latency, during: fault}]
objectives:
  - file: slo/self_service.yaml
    gates: {sign-in-availability: 0.1, sign-in-latency: 0.1, billing-availability: 0.1, journey-success: 0.01}
"""


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    workspace = tmp_path_factory.mktemp("ends") / "workspace"
    copy_starter(workspace)
    # The fault must come whatever the machine is busy with: this is about how the run ends.
    experiment = workspace / "chaos/database_latency.yaml"
    experiment.write_text(experiment.read_text(encoding="utf-8").replace("burn_below: 6", "burn_below: 1000"))
    for name, seconds in (("short", 4), ("medium", 20), ("long", 60)):
        (workspace / f"plans/{name}.yaml").write_text(PLAN.replace("FAULT", str(seconds)), encoding="utf-8")
    up = _holdfast(workspace, "stack", "up", "--json")
    assert up.returncode == 0, up.stderr
    yield workspace
    assert _holdfast(workspace, "stack", "down").returncode == 0


def _holdfast(workspace: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*HOLDFAST, *arguments], cwd=workspace, capture_output=True, text=True, timeout=120, check=False
    )


def _start(workspace: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*HOLDFAST, *arguments],
        cwd=workspace,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def _toxics(workspace: Path) -> list[str]:
    state = json.loads((workspace / ".holdfast/stack/stack.json").read_text(encoding="utf-8"))
    with urllib.request.urlopen(f"{state['proxy_url']}/proxies", timeout=5) as answer:
        proxies = json.load(answer)
    return [f"{name}/{toxic['name']}" for name, proxy in proxies.items() for toxic in proxy["toxics"]]


def _until(holds: Callable[[], bool], what: str, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, what
        time.sleep(0.1)


def _runs(workspace: Path) -> set[Path]:
    return {path.parent for path in (workspace / "runs").glob("*/run.json")}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_in_mid_fault_drains_undoes_seals_and_ends_with_130(standing: Path, number: signal.Signals) -> None:
    if number == signal.SIGHUP and signal.getsignal(number) is signal.SIG_IGN:
        pytest.skip("this suite runs under nohup")
    runner = _start(standing, "run", "long", "--json")
    try:
        _until(lambda: bool(_toxics(standing)), "the fault was never put in")
        runner.send_signal(number)
        out, err = runner.communicate(timeout=90)
    finally:
        runner.kill()
    assert runner.returncode == 130, err
    assert _toxics(standing) == []
    summary = json.loads(out)
    assert (summary["verdict"], summary["faults"][0]["clean_up"]) == ("interrupted", "done")


def test_a_terminal_that_vanishes_stops_the_output_and_not_the_run(standing: Path) -> None:
    before = _runs(standing)
    ours, theirs = pty.openpty()
    command = [*HOLDFAST, "run", "short"]
    runner = subprocess.Popen(command, cwd=standing, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True)
    try:
        os.close(theirs)
        assert os.read(ours, 1)  # it has begun to print
        os.close(ours)
        code = runner.wait(timeout=120)
    finally:
        runner.kill()
    (run,) = _runs(standing) - before
    assert code == json.loads((run / "summary.json").read_text(encoding="utf-8"))["exit_code"] in {0, 3}
    assert (run / "report.html").is_file()
    assert _toxics(standing) == []


def test_a_record_that_cannot_be_written_any_more_ends_with_3_and_is_judged_as_far_as_it_goes(standing: Path) -> None:
    before = _runs(standing)
    start = f"import os, resource; resource.setrlimit(resource.RLIMIT_FSIZE, ({150_000}, resource.RLIM_INFINITY)); "
    start += f"os.execv({sys.executable!r}, [*{HOLDFAST!r}, 'run', 'long'])"
    command = [sys.executable, "-c", start]
    ran = subprocess.run(command, cwd=standing, capture_output=True, text=True, timeout=120, check=False)
    assert ran.returncode == 3, ran.stderr
    assert "the record cannot be read or written any more" in ran.stderr
    assert "Traceback" not in ran.stderr
    assert "INVALID" in ran.stdout
    assert _toxics(standing) == []
    (run,) = _runs(standing) - before
    again = _holdfast(standing, "report", run.name, "--json", "--judge-again")
    assert again.returncode == 0, again.stderr
    summary = json.loads(again.stdout)
    assert summary["verdict"] == "invalid"
    assert "sealed" in [check["name"] for check in summary["validity"]["checks"] if check["verdict"] == "invalid"]


def test_a_file_system_without_room_ends_with_3_and_its_report_says_what_is_missing(
    tmp_path: Path, standing: Path
) -> None:
    mounted = _mounted(standing / "runs-full", "size=24m")
    link = standing / "runs"
    link.mkdir(exist_ok=True)
    kept = link.rename(standing / "runs-kept")
    link.symlink_to(mounted)
    try:
        runner = _start(standing, "run", "long")
        _until(lambda: bool(_toxics(standing)), "the fault was never put in")
        with suppress(OSError), (mounted / "filler").open("wb", buffering=0) as filler:
            while filler.write(b"x" * 4096):
                pass
        out, err = runner.communicate(timeout=90)
        ran = subprocess.CompletedProcess([], runner.returncode, out, err)
        report = _holdfast(standing, "report", "last")
        for part in mounted.glob("*/run.db-shm"):
            part.unlink()  # what SQLite needs to read the rest, and finds no room for
        copied = _holdfast(standing, "report", "last")
    finally:
        subprocess.run(["umount", mounted], check=True)
        link.unlink()
        kept.rename(link)
    for found in (ran, report, copied):
        assert found.returncode == 3, found.stderr
        assert "Traceback" not in found.stderr
        assert "INVALID" in found.stdout
    assert "the reports could not be written: No space left on device" in report.stderr
    assert _toxics(standing) == []


def test_a_run_folder_that_cannot_be_made_is_wrong_input(standing: Path) -> None:
    kept = (standing / "runs").rename(standing / "runs-kept") if (standing / "runs").exists() else None
    (standing / "runs").write_text("a file\n", encoding="utf-8")
    try:
        ran = _holdfast(standing, "run", "short", "--json")
    finally:
        (standing / "runs").unlink()
        if kept is not None:
            kept.rename(standing / "runs")
    assert ran.returncode == 2, ran.stderr
    assert "cannot be made" in json.loads(ran.stdout)["problems"][0]["what"]


def test_a_disk_that_is_full_before_the_run_begins_is_wrong_input_and_leaves_no_folder(standing: Path) -> None:
    before = set((standing / "runs").iterdir()) if (standing / "runs").exists() else set()
    start = f"import os, resource; resource.setrlimit(resource.RLIMIT_FSIZE, ({20_000}, resource.RLIM_INFINITY)); "
    start += f"os.execv({sys.executable!r}, [*{HOLDFAST!r}, 'run', 'short'])"
    command = [sys.executable, "-c", start]
    ran = subprocess.run(command, cwd=standing, capture_output=True, text=True, timeout=120, check=False)
    assert ran.returncode == 2, ran.stderr
    assert "could not begin" in ran.stderr
    assert set((standing / "runs").iterdir()) == before


def test_recover_leaves_the_fault_of_a_living_run_alone_and_a_forced_one_makes_it_inconclusive(standing: Path) -> None:
    runner = _start(standing, "run", "medium", "--json")
    try:
        _until(lambda: bool(_toxics(standing)), "the fault was never put in")
        refused = _holdfast(standing, "recover")
        still_in = _toxics(standing)
        forced = _holdfast(standing, "recover", "--force")
        out, err = runner.communicate(timeout=90)
    finally:
        runner.kill()
    assert refused.returncode == 2, refused.stderr
    assert f"goes on (process {runner.pid})" in refused.stderr
    assert still_in
    assert forced.returncode == 0, forced.stderr
    assert "taken out" in forced.stdout
    summary = json.loads(out)
    (fault,) = summary["faults"]
    assert (runner.returncode, summary["verdict"]) in {(3, "inconclusive"), (3, "invalid")}, err
    assert fault["verdict"] == "inconclusive"
    assert "left before its time" in fault["reason"]
    assert fault["reverted_at"] < summary["run"]["time_zero"] + 6 + 20 - 1


def test_what_killed_processes_leave_is_swept_by_recover_and_by_the_next_start(standing: Path, tmp_path: Path) -> None:
    """And what a living process has there is not."""
    environment = {**os.environ, "TMPDIR": str(tmp_path)}

    def killed() -> None:
        runner = subprocess.Popen(
            [*HOLDFAST, "run", "long"], cwd=standing, env=environment, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        _until(lambda: bool(_toxics(standing)), "the fault was never put in")
        swept_beside = _run_beside("recover")
        assert swept_beside.returncode == 2
        family = [runner.pid, *_children_of(runner.pid)]
        assert list(tmp_path.glob("holdfast-chaos-*/context.json"))
        for halt in (signal.SIGSTOP, signal.SIGKILL):
            for pid in family:
                os.kill(pid, halt)
        runner.wait()

    def _run_beside(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*HOLDFAST, *arguments], cwd=standing, env=environment, capture_output=True, text=True, timeout=120,
            check=False,
        )  # fmt: skip

    killed()
    litter = standing / ".holdfast/stack-20200101T000000Z-killed"
    (litter / "logs").mkdir(parents=True)
    os.utime(litter, (0, 0))
    recovered = _run_beside("recover")
    assert recovered.returncode == 0, recovered.stdout + recovered.stderr
    assert "which a killed process left" in recovered.stderr
    assert not list(tmp_path.glob("*holdfast-*"))
    assert not litter.exists()
    killed()
    assert _run_beside("run", "short").returncode in {0, 1, 3}
    assert not list(tmp_path.glob("*holdfast-*"))
    assert _run_beside("recover").returncode == 0
    assert _toxics(standing) == []


def _children_of(pid: int) -> list[int]:
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        direct = [int(child) for child in task.read_text().split()]
        found += direct + [deeper for child in direct for deeper in _children_of(child)]
    return found


def _mounted(place: Path, options: str) -> Path:
    """A small file system of its own; skips where we may mount none."""
    place.mkdir()
    mount = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "tmpfs", place], capture_output=True, text=True, check=False
    )
    if mount.returncode != 0:
        place.rmdir()
        pytest.skip(f"a file system of one's own takes root: {mount.stderr.strip()}")
    return place
