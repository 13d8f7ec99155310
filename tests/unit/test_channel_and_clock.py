"""The channel between runner and child, the clock, the errors."""

import io
import json
import subprocess
import sys
import time

import pytest

from holdfast.channel import ChildEnd
from holdfast.clock import SystemClock
from holdfast.errors import (
    CleanUpError,
    ExitCode,
    HoldfastError,
    InputError,
    MeasurementError,
    Problem,
    TargetError,
    raise_input_error,
)
from holdfast.redaction import HIDDEN


def test_a_child_hears_the_job_and_tells_in_lines() -> None:
    outgoing = io.StringIO()
    child = ChildEnd(io.StringIO('{"seed": 1}\n{"go": 5.0}\n'), outgoing)
    assert child.receive() == {"seed": 1}
    child.tell_ready()
    child.tell_problems([Problem("a.yaml:1", "wrong", "mend it")])
    child.tell_event("fault_injected", 3.0, experiment="x")
    child.tell_done(planned=3)
    assert child.receive() == {"go": 5.0}
    assert child.receive() is None
    told = [json.loads(line) for line in outgoing.getvalue().splitlines()]
    assert told == [
        {"ready": True},
        {"problems": [{"where": "a.yaml:1", "what": "wrong", "fix": "mend it"}]},
        {"event": "fault_injected", "at": 3.0, "experiment": "x"},
        {"done": {"planned": 3}},
    ]


def test_a_child_whose_runner_is_gone_is_told_so() -> None:
    heard: list[str] = []
    ChildEnd(io.StringIO('{"stop": "drain"}\n'), io.StringIO()).on_stop(heard.append).join(timeout=5)
    assert heard == ["drain", "orphaned"]


def test_telling_a_runner_that_is_gone_is_no_error() -> None:
    outgoing = io.StringIO()
    outgoing.close()
    end = ChildEnd(io.StringIO(), outgoing)
    end.tell_ready()
    with pytest.raises(ValueError, match="closed"):
        outgoing.write("")  # what it went through


PRINTING = """
import os, subprocess, sys
from holdfast.channel import ChildEnd
channel = ChildEnd.from_standard_streams()
channel.redactor.add(channel.receive()["word"])
word = "Correct-Horse-7"
talks = "import sys; print(*sys.argv); print(*sys.argv, file=sys.stderr)"
subprocess.run([sys.executable, "-c", talks, word], check=True)
for piece in (*word, "\\n"):
    os.write(1, piece.encode())
    print("piece by piece", flush=True)
sys.__stderr__.write(f"{word}\\n")
sys.__stderr__.flush()
os.write(2, f"{word}, and no end of the line".encode())
"""
ASKING = """
import subprocess, sys
from holdfast.channel import ChildEnd
channel = ChildEnd.from_standard_streams()
subprocess.run([sys.executable, "-c", "import sys; sys.stdin.read()"], check=True)
try:
    input("are you there? ")
except EOFError:
    pass
channel.tell(channel.receive())
"""


def child_running(code: str, given: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code], input=given, capture_output=True, text=True, timeout=60, check=True
    )


def test_whatever_a_child_or_a_process_that_it_starts_prints_is_in_its_log_without_secrets() -> None:
    ran = child_running(PRINTING, '{"word": "Correct-Horse-7"}\n')
    assert ran.stdout == ""
    assert "Correct-Horse-7" not in ran.stderr
    assert ran.stderr.count(HIDDEN) == 5
    assert ran.stderr.endswith("and no end of the line")


def test_nobody_but_the_channel_reads_what_the_runner_says() -> None:
    ran = child_running(ASKING, '{"stop": "now"}\n')
    assert ran.stdout == '{"stop":"now"}\n'


def test_two_clocks_with_one_anchor_agree() -> None:
    first = SystemClock()
    second = SystemClock(first.anchor)
    assert abs(second.now() - first.now()) < 0.5
    assert abs(first.now() - time.time()) < 60


def test_every_error_knows_its_exit_code() -> None:
    problem = Problem("here", "it is wrong", "mend it")
    codes = {type(e): e.exit_code for e in (InputError(problem), TargetError(problem), MeasurementError(problem))}
    assert codes == {
        InputError: ExitCode.WRONG_INPUT,
        TargetError: ExitCode.WRONG_INPUT,
        MeasurementError: ExitCode.INCONCLUSIVE,
    }
    assert CleanUpError(problem).exit_code == 4
    assert issubclass(TargetError, HoldfastError)


def test_all_problems_are_raised_together_or_none() -> None:
    raise_input_error([])
    with pytest.raises(InputError, match="a: one") as raised:
        raise_input_error([Problem("a", "one"), Problem("b", "two")])
    assert [p.what for p in raised.value.problems] == ["one", "two"]
