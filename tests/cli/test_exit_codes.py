"""Exit code 1 says that an objective was missed, and nothing else does: every failure has a code of its own."""

import errno
import json
import os
import pty
import shutil
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import click
import pytest

from holdfast.cli.ending import end_with
from holdfast.errors import (
    CleanUpError,
    ExitCode,
    InputError,
    MeasurementError,
    Problem,
    RunFolderError,
    severest,
)
from holdfast.run.folder import RunFolder, read_facts

RUNS = Path(__file__).parents[1] / "data/runs"
HOLDFAST = [sys.executable, "-m", "holdfast"]


def _ran(*arguments, cwd, **more):
    return subprocess.run(
        [*HOLDFAST, *arguments], cwd=cwd, capture_output=True, text=True, timeout=120, check=False, **more
    )


def _broken(folder, raised):
    """A folder for PYTHONPATH in which `holdfast report` raises."""
    folder.mkdir()
    code = f"import holdfast.run.folder as f\ndef raises(*_): {raised}\nf.open_run_folder = raises\n"
    (folder / "sitecustomize.py").write_text(code, encoding="utf-8")
    return {**os.environ, "PYTHONPATH": str(folder)}


@pytest.mark.parametrize(
    ("raised", "said"),
    [
        ("raise RuntimeError('a bug')", "RuntimeError: a bug"),
        ("raise MemoryError", "MemoryError"),
        ("raise ImportError('half installed')", "ImportError: half installed"),
        ("raise ConnectionResetError('who knows')", "ConnectionResetError: who knows"),
        ("f.nothing_there", "AttributeError"),
        ("raises(*_)", "RecursionError"),  # bare raises() knows no limit on Python 3.13.0, and eats the memory
        ("raise BaseException('not even an Exception')", "not even an Exception"),
        ("raise SystemExit('some text')", "SystemExit: some text"),
        ("raise SystemExit(0)", "SystemExit: 0"),
        ("raise SystemExit(1)", "SystemExit: 1"),
    ],
)
def test_what_nobody_foresaw_ends_with_70_and_leaves_its_traceback_in_a_log(workspace, tmp_path, raised, said):
    ran = _ran("report", cwd=workspace, env=_broken(tmp_path / "broken", raised))
    assert ran.returncode == 70, ran.stderr
    assert "Traceback" not in ran.stderr
    assert said in ran.stderr
    (log,) = (workspace / ".holdfast").glob("crash-*.log")
    assert str(log) in ran.stderr
    assert "Traceback" in log.read_text(encoding="utf-8")
    assert log.stat().st_mode & 0o777 == 0o600


def test_the_shell_still_gets_its_completions(workspace):
    ran = _ran(cwd=workspace, env=os.environ | {"_HOLDFAST_COMPLETE": "bash_source"})
    assert (ran.returncode, "complete" in ran.stdout) == (0, True)


def test_no_secret_gets_into_the_log_of_a_crash(workspace, tmp_path):
    raised = "raise RuntimeError('https://me:Hunter2-Hunter2@host/ ' + __import__('os').environ['SHOP_TOKEN'])"
    env = _broken(tmp_path / "broken", raised) | {"SHOP_TOKEN": "tok-4711-4711"}
    ran = _ran("report", cwd=workspace, env=env)
    (log,) = (workspace / ".holdfast").glob("crash-*.log")
    for text in (ran.stderr, log.read_text(encoding="utf-8")):
        assert "RuntimeError: https://" in text
        assert "tok-4711-4711" not in text
        assert "Hunter2-Hunter2@host" not in text


def test_outside_of_a_workspace_the_log_lies_among_temporary_files(tmp_path):
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    env = _broken(tmp_path / "broken", "raise RuntimeError('a bug')") | {"TMPDIR": str(temporary)}
    shutil.copytree(RUNS / "fault_hurt", tmp_path / "run")
    ran = _ran("report", "run", cwd=tmp_path, env=env)
    assert ran.returncode == 70, ran.stderr
    assert len(list(temporary.glob("crash-*.log"))) == 1


def test_a_script_that_asked_for_json_gets_it_of_a_crash_too(workspace, tmp_path):
    ran = _ran("report", "--json", cwd=workspace, env=_broken(tmp_path / "broken", "raise RuntimeError('a bug')"))
    assert ran.returncode == 70
    assert '"problems"' in ran.stdout


@pytest.mark.parametrize(
    "raised",
    [
        "raise ModuleNotFoundError('No module named locust', name='locust.env')",
        "raise PermissionError(13, 'Permission denied', 'plans/x.yaml')",
        "raise OSError(28, 'No space left on device', 'x')",
        "raise OSError(30, 'Read-only file system', 'x')",
        "import sqlite3; raise sqlite3.OperationalError('database or disk is full')",
        "import tempfile; tempfile._candidate_tempdir_list = list; tempfile.tempdir = None; tempfile.gettempdir()",
    ],
)
def test_what_the_machine_refuses_is_wrong_input(workspace, tmp_path, raised):
    ran = _ran("report", cwd=workspace, env=_broken(tmp_path / "broken", raised))
    assert ran.returncode == 2, ran.stderr
    assert "error" in ran.stderr
    assert "Traceback" not in ran.stderr


def test_a_part_of_the_installation_that_is_missing_ends_with_70(workspace, tmp_path):
    (tmp_path / "sitecustomize.py").write_text("import sys\nsys.modules['holdfast.cli.program'] = None\n")
    ran = _ran("report", cwd=workspace, env={**os.environ, "PYTHONPATH": str(tmp_path)})
    assert ran.returncode == 70
    assert "Traceback" not in ran.stderr


def test_a_person_who_interrupts_at_any_place_ends_with_130(workspace, tmp_path):
    ran = _ran("report", cwd=workspace, env=_broken(tmp_path / "broken", "raise KeyboardInterrupt"))
    assert (ran.returncode, "Traceback" in ran.stderr) == (130, False)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_a_command_with_130_though_it_was_ignored_and_blocked_before(workspace, tmp_path, number):
    if number == signal.SIGHUP and signal.getsignal(number) is signal.SIG_IGN:
        pytest.skip("this suite runs under nohup")
    env = _broken(tmp_path / "broken", "import time; print('waits', flush=True); time.sleep(60)")

    ignored = "" if number == signal.SIGHUP else f"signal.signal({number:d}, signal.SIG_IGN); "  # nohup means it
    start = (
        f"import os, signal; {ignored}signal.pthread_sigmask(signal.SIG_BLOCK, [{number:d}]); "
        f"os.execv({sys.executable!r}, [{sys.executable!r}, '-m', 'holdfast', 'report'])"
    )
    process = subprocess.Popen([sys.executable, "-c", start], cwd=workspace, env=env, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "waits\n"
    process.send_signal(number)
    assert process.wait(30) == 130
    process.stdout.close()


def test_nohup_keeps_its_word(workspace, tmp_path):
    env = _broken(tmp_path / "broken", "import os; os.kill(os.getpid(), 1); raise ValueError('went on')")
    command = ["/bin/sh", "-c", f"trap '' HUP; exec '{sys.executable}' -m holdfast report"]
    ran = subprocess.run(command, cwd=workspace, env=env, capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 70
    assert "went on" in ran.stderr


def test_of_several_the_most_severe_is_the_exit_code():
    order = [4, 70, 130, 3, 1, 0]
    assert [severest(*order[place:]) for place in range(len(order))] == order
    assert {code.value for code in ExitCode} == {0, 1, 2, 3, 4, 5, 70, 130}


def test_a_fault_that_is_left_in_weighs_more_than_the_bug_that_left_it(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    error = CleanUpError(Problem("database_latency", "may still be in the target"))
    error.__cause__ = ZeroDivisionError("a bug")
    assert end_with(error, []) == 4
    assert "ZeroDivisionError" in capsys.readouterr().err
    error = MeasurementError(Problem("load", "died"))
    error.__cause__ = sqlite3.OperationalError("disk full")
    assert end_with(error, []) == 3
    assert "itself failed" not in capsys.readouterr().err


def test_what_is_wrong_with_a_file_is_no_bug_of_holdfast(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    (tmp_path / "run.json").write_text("{")
    with pytest.raises(RunFolderError) as caught:
        read_facts(RunFolder(tmp_path))
    assert end_with(caught.value, []) == 2
    told = capsys.readouterr().err
    assert "run.json: cannot be read" in told
    assert "itself failed" not in told
    assert not list(tmp_path.rglob("crash-*.log"))


def test_a_full_disk_behind_stdout_is_no_success(workspace):
    with Path("/dev/full").open("w") as full:
        command = [*HOLDFAST, "schema"]
        ran = subprocess.run(
            command, cwd=workspace, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60, check=False
        )
    assert ran.returncode == 3
    assert "not whole" in ran.stderr


def test_a_terminal_that_vanished_changes_nothing(workspace, tmp_path):
    """Both ends of its output are gone: what is written there is answered with EIO."""
    shutil.copytree(RUNS / "fault_hurt", tmp_path / "run")
    ours, theirs = pty.openpty()
    os.close(ours)
    command = [*HOLDFAST, "report", str(tmp_path / "run")]
    ran = subprocess.run(command, cwd=workspace, stdin=theirs, stdout=theirs, stderr=theirs, timeout=120, check=False)
    os.close(theirs)
    assert ran.returncode == 0
    assert (tmp_path / "run/report.html").is_file()


def test_a_pipe_that_another_program_made_non_blocking_is_waited_for(workspace):
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    process = subprocess.Popen([*HOLDFAST, "schema"], cwd=workspace, stdout=writer, stderr=subprocess.PIPE)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        assert len(pipe.read()) > 20_000
    _, said = process.communicate(timeout=60)
    assert (process.returncode, said) == (0, b"")


@pytest.mark.parametrize("encoding", ["ascii", "iso-8859-1"])
def test_a_terminal_without_our_letters_gets_all_the_others(workspace, tmp_path, encoding):
    shutil.copytree(RUNS / "fault_hurt", tmp_path / "run")
    environment = {**os.environ, "PYTHONIOENCODING": encoding}
    command = [*HOLDFAST, "report", str(tmp_path / "run")]
    ran = subprocess.run(command, cwd=workspace, env=environment, capture_output=True, timeout=120, check=False)
    assert ran.returncode == 0, ran.stderr
    assert b"sign_in" in ran.stdout


def test_a_folder_that_was_deleted_is_named(tmp_path):
    gone = tmp_path / "gone"
    gone.mkdir()
    environment = {**os.environ, "PYTHONSAFEPATH": "1"}
    command = ["/bin/sh", "-c", f"rmdir '{gone}'; exec '{sys.executable}' -m holdfast report"]
    ran = subprocess.run(command, cwd=gone, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 2, ran.stderr
    assert "the current folder" in ran.stderr


def test_a_machine_without_a_home_is_a_machine(workspace, tmp_path):
    shutil.copytree(RUNS / "fault_hurt", tmp_path / "run")
    bare = {name: value for name, value in os.environ.items() if name != "HOME"}
    assert _ran("report", str(tmp_path / "run"), cwd=workspace, env=bare).returncode == 0


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (click.UsageError("no such option"), 2, "no such option"),
        (InputError(Problem("plans/x.yaml", "is empty", "write one")), 2, "is empty"),
        (ModuleNotFoundError("No module named locust", name="locust.env"), 2, "the package locust is not installed"),
        (ModuleNotFoundError("No module named holdfast.x", name="holdfast.x"), 70, "ModuleNotFoundError"),
        (sqlite3.OperationalError("disk I/O error"), 2, "a record cannot be read or written: disk I/O error"),
        (ConnectionResetError("who knows"), 70, "ConnectionResetError"),
        (FileNotFoundError(errno.ENOENT, "No such file or directory", "x"), 70, "FileNotFoundError"),
        (FileNotFoundError(errno.ENOENT, "No usable temporary directory found in"), 2, "no folder for temporary files"),
    ],
)
def test_each_error_has_its_code_and_a_script_reads_the_same_problem(capsys, tmp_path, monkeypatch, error, code, said):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    assert end_with(error, ["check", "--json"]) == code
    for_script, for_person = capsys.readouterr()
    (problem,) = json.loads(for_script)["problems"]
    assert said in problem["what"]
    assert said in for_person

    assert end_with(error, ["check"]) == code
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("error", [KeyboardInterrupt(), click.Abort()])
def test_who_interrupts_is_told_how_a_fault_is_taken_out(capsys, error):
    assert end_with(error, []) == 130
    assert "holdfast recover" in capsys.readouterr().err


def test_errors_of_input_and_output_are_known_by_their_number(capsys):
    assert end_with(OSError(errno.ENOSPC, "No space left on device", "runs/x"), []) == 2
    assert "runs/x: No space left on device" in capsys.readouterr().err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_worker_in_the_background_of_a_script_ends_on_a_signal(workspace, unused_tcp_port, number):
    """A shell without job control starts what it puts there with SIGINT ignored."""
    start = (
        "import os, signal; [signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGTERM)]; "
        f"os.execv({sys.executable!r}, [*{HOLDFAST!r}, 'worker', '--join', '127.0.0.1:{unused_tcp_port}'])"
    )
    environment = {**os.environ, "HOLDFAST_WORKER_KEY": "a key of thirty-two letters, at least"}
    command = [sys.executable, "-c", start]
    process = subprocess.Popen(command, cwd=workspace, env=environment, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stderr is not None
        assert "no answer from" in process.stderr.readline()  # its process waits for the run
        process.send_signal(number)
        _, said = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 130, said
    assert f"interrupted, before it had joined 127.0.0.1:{unused_tcp_port}" in said


def test_what_wrong_input_came_from_is_no_bug(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    error = InputError(Problem("new", "cannot be made"))
    error.__cause__ = FileNotFoundError(errno.ENOENT, "No such file or directory", "new")
    assert end_with(error, []) == 2
    assert "itself failed" not in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [("init", "new"), ("init", "new", "--bare")])
def test_a_workspace_that_cannot_be_written_whole_names_its_folder(tmp_path, arguments):
    small = 4096 if len(arguments) == 2 else 16  # bytes a file may have
    limited = f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, ({small}, {small}))"
    start = f"import os; {limited}; os.execv({sys.executable!r}, {[*HOLDFAST, *arguments]!r})"
    ran = subprocess.run(
        [sys.executable, "-B", "-c", start], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    assert ran.returncode == 2, ran.stderr
    assert "new: cannot be written whole: " in ran.stderr
    assert "File too large" in ran.stderr
    assert "itself failed" not in ran.stderr


@pytest.mark.parametrize("megabytes", [80, 100, 110, 130])
def test_too_little_memory_never_says_that_an_objective_was_missed(workspace, megabytes):
    limited = f"import resource; resource.setrlimit(resource.RLIMIT_AS, ({megabytes << 20}, {megabytes << 20}))"
    start = f"import os; {limited}; os.execv({sys.executable!r}, [*{HOLDFAST!r}, 'slo', 'check'])"
    ran = subprocess.run(
        [sys.executable, "-c", start], cwd=workspace, capture_output=True, text=True, timeout=60, check=False
    )
    assert ran.returncode in {0, 70}, ran.stderr
    assert "Traceback" not in ran.stderr


@pytest.mark.parametrize("arguments", [("doctor", "--json"), ("worker", "--manifest", "--image", "x:y")])
def test_what_needs_no_browser_goes_without_playwright(workspace, tmp_path, arguments):
    (tmp_path / "sitecustomize.py").write_text("import sys\nsys.modules['playwright'] = None\n")
    ran = _ran(*arguments, cwd=workspace, env={**os.environ, "PYTHONPATH": str(tmp_path)})
    assert "is not installed\n    pip install" not in ran.stderr
    assert ran.stdout


def test_a_worker_whose_process_is_killed_played_no_part_to_its_end():
    from holdfast.cli.worker import _exit_code

    assert [_exit_code(code) for code in (0, 2, 3, 70, -9, -15)] == [0, 2, 3, 70, 3, 3]
    assert _exit_code(1) == 70  # no process of ours ends with 1 on purpose


def test_a_stack_of_another_version_is_wrong_input(workspace, holdfast):
    folder = workspace / ".holdfast/stack"
    folder.mkdir(parents=True)
    (folder / "stack.json").write_text('{"pid": 4711, "url": "http://127.0.0.1:1", "settings": {}}')
    for command in (("stack", "status"), ("stack", "up"), ("doctor",)):
        ran = holdfast(*command)
        assert ran.code == 2
        assert "another version of holdfast" in ran.err
        assert "kill 4711" in ran.err
