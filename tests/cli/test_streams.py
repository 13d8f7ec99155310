"""Who stops reading changes nothing: the exit code is that of the work."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

RUNS = Path(__file__).parents[1] / "data/runs"


def _unread(*arguments: str, cwd: Path, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """With a stdout that nobody reads any more."""
    reader, writer = os.pipe()
    os.close(reader)
    try:
        return subprocess.run(
            [sys.executable, "-m", "holdfast", *arguments],
            cwd=cwd, stdout=writer, stderr=subprocess.PIPE, text=True, timeout=120, check=False,
            env={**os.environ, **(env or {})},
        )  # fmt: skip
    finally:
        os.close(writer)


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_report_that_is_cut_short_is_no_missed_objective(workspace: Path, unbuffered: str, tmp_path: Path) -> None:
    shutil.copytree(RUNS / "fault_hurt", tmp_path / "run")
    ran = _unread("report", str(tmp_path / "run"), cwd=workspace, env={"PYTHONUNBUFFERED": unbuffered})
    assert ran.returncode == 0, ran.stderr
    assert "report.html" in ran.stderr  # it went on to its end
    assert "Traceback" not in ran.stderr


def test_wrong_input_stays_wrong_input(workspace: Path) -> None:
    (workspace / "plans/demo.yaml").write_text("kind: Plan\n", encoding="utf-8")
    ran = _unread("run", "demo", "--json", cwd=workspace)
    assert ran.returncode == 2, ran.stderr
    assert "Exception ignored" not in ran.stderr


def test_a_stream_that_is_closed_from_the_start_is_no_error(workspace: Path) -> None:
    command = ["/bin/sh", "-c", f"'{sys.executable}' -m holdfast schema >&- 2>&-"]
    assert subprocess.run(command, cwd=workspace, timeout=120, check=False).returncode == 0


def test_what_checks_everything_imports_nothing_that_patches_the_process() -> None:
    """Locust and gevent: an optional part, and never in the process of the runner."""
    code = "import sys, holdfast.run.validation; print({'gevent', 'locust'} & set(sys.modules))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True)
    assert ran.stdout == "set()\n"
