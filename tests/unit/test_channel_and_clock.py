"""The channel between runner and child, the clock, the errors."""

import io
import json
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
