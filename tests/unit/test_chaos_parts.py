"""Faults as described in files, the context, evidence without secrets, what the guard tells, the child's windows."""

import json
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from holdfast.chaos import probes
from holdfast.chaos.child import Planned, window_problems
from holdfast.chaos.context import (
    HOLD_VARIABLE,
    VARIABLE,
    Context,
    connection_from,
    load_context,
    stop_file,
    tokens_of,
    write_context,
)  # fmt: skip
from holdfast.chaos.evidence import secret_values, write_evidence
from holdfast.chaos.experiment import Experiment
from holdfast.chaos.faults import KINDS, read_fault
from holdfast.chaos.schema import FaultName
from holdfast.clock import SystemClock
from holdfast.errors import InputError, TargetError
from holdfast.record.store import Gauge, RunStore
from holdfast.redaction import HIDDEN, Redactor
from holdfast.workspace.target import Connection

TARGET = Connection("reference", "http://127.0.0.1:1", control_url="http://127.0.0.1:2", control_token="s3cret-token")


# Faults


def test_a_fault_is_read_with_its_defaults() -> None:
    fault, problems = read_fault("latency", {"link": "postgres", "latency_ms": 300})

    assert problems == []
    assert fault is not None
    assert (fault.kind, fault.target) == ("latency", "postgres")


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        ({"link": "postgres"}, 'needs "latency_ms"'),
        ({"link": "postgres", "latency_ms": 0}, "must be above 0"),
        ({"link": "postgres", "latency_ms": True}, "does not fit"),
        ({"link": "postgres", "latency_ms": 1.5}, "does not fit"),
        ({"link": "postgres", "latency_ms": 10, "jitter_ms": 20}, "nothing can be early"),
        ({"link": "postgres", "latency_ms": 10, "toxicity": 1.5}, "is a share"),
        ({"link": "postgres", "latency_ms": 10, "stream": "sideways"}, "either downstream"),
        ({"link": "postgres", "latency_ms": 10, "delay": 1}, 'no argument "delay"'),
    ],
)
def test_what_is_wrong_with_a_fault_is_said(arguments: dict[str, object], what: str) -> None:
    _, problems = read_fault("latency", arguments)

    assert any(what in problem.what for problem in problems)


def test_a_fault_with_a_placeholder_is_neither_read_nor_wrong() -> None:
    assert read_fault("latency", {"link": "postgres", "latency_ms": "${ms}"}) == (None, [])


def test_every_kind_of_fault_is_known_by_its_own_name() -> None:
    assert set(KINDS) == {"latency", "outage", "replica_kill", "replica_pause"}
    assert all(name == kind.kind for name, kind in KINDS.items())


def test_a_target_without_proxy_or_supervisor_cannot_be_broken() -> None:
    bare = Connection("staging", "http://127.0.0.1:1")
    for kind, arguments in (("outage", {"link": "edge"}), ("replica_kill", {})):
        fault, _ = read_fault(kind, arguments)
        assert fault is not None
        with pytest.raises(TargetError):
            fault.prepare(bare, "id")


# Context


def context_in(folder: Path) -> Context:
    return Context(TARGET, folder / "undo.jsonl", "kill", 60.0, 5.0, folder / "run.db", folder)


def test_a_context_comes_back_as_it_was_written_and_only_we_may_read_it(tmp_path: Path) -> None:
    context = context_in(tmp_path)

    path = write_context(context)

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert load_context({VARIABLE: str(path)}, tmp_path) == context


def test_a_context_that_is_gone_is_told_in_words(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="names no context"):
        load_context({VARIABLE: str(tmp_path / "gone.json")}, tmp_path)


def test_outside_a_run_the_standing_stack_of_the_workspace_above_is_the_target(tmp_path: Path) -> None:
    folder = tmp_path / ".holdfast" / "stack"
    folder.mkdir(parents=True)
    state = {"pid": 1, "url": "http://127.0.0.1:1", "control_url": "http://127.0.0.1:2", "control_token": "s3cret"}
    (folder / "stack.json").write_text(json.dumps(state))

    context = load_context({}, tmp_path / "chaos")

    assert context.target.url == "http://127.0.0.1:1"
    assert context.target.state_file == str(folder / "stack.json")
    assert context.undo_log == tmp_path / ".holdfast" / "undo.jsonl"
    assert context.run_db is None
    assert not context.stopping


def test_without_a_stack_there_is_no_context(tmp_path: Path) -> None:
    with pytest.raises(TargetError, match="no stack stands"):
        load_context({}, tmp_path)


def test_an_experiment_is_stopping_once_the_file_is_there(tmp_path: Path) -> None:
    context = context_in(tmp_path)
    assert not context.stopping

    stop_file(tmp_path).touch()

    assert context.stopping


def test_the_token_shows_in_no_text_of_a_context(tmp_path: Path) -> None:
    assert "s3cret" not in repr(context_in(tmp_path))
    assert tokens_of(TARGET) == {"http://127.0.0.1:2": "s3cret-token"}
    assert tokens_of(replace(TARGET, control_token=None)) == {}


def test_a_jobs_target_may_have_keys_that_we_do_not_know() -> None:
    assert connection_from({"name": "x", "url": "http://127.0.0.1:1", "colour": "red"}).name == "x"


# Evidence


def test_secrets_are_hidden_wherever_they_stand(tmp_path: Path) -> None:
    path = tmp_path / "evidence" / "chaos-x.json"
    journal = {"run": [{"activity": {"name": "ask with aHVudGVyMi1odW50ZXIy"}, "output": 3}]}
    redactor = Redactor(*secret_values({"api": {"key": "hunter2-hunter2", "n": None}}))

    write_evidence(path, journal, {"verdict": "passed", "reason": "hunter2%2Dhunter2 was refused"}, redactor)

    text = path.read_text()
    assert json.loads(text)["run"][0] == {"activity": {"name": f"ask with {HIDDEN}"}, "output": 3}
    assert json.loads(text)["holdfast"] == {"verdict": "passed", "reason": f"{HIDDEN} was refused"}


# Probes


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunStore:
    context = replace(context_in(tmp_path), anchor=None)
    monkeypatch.setenv(VARIABLE, str(write_context(context)))
    return RunStore.create(tmp_path / "run.db")


@pytest.mark.parametrize(
    ("burn_rate", "age", "starts"),
    [(0.5, 1.0, "holds"), (1.0, 1.0, "missed"), (20.0, 1.0, "missed"), (0.5, 9.0, "cannot tell")],
)
def test_an_objective_holds_only_on_fresh_evidence(run: RunStore, burn_rate: float, age: float, starts: str) -> None:
    run.write_gauges([Gauge(SystemClock().now() - age, "guard", "sign-in/burn_rate", burn_rate)])

    assert probes.objective_holds("sign-in").startswith(starts)


def test_the_newest_burn_rate_counts(run: RunStore) -> None:
    now = SystemClock().now()
    run.write_gauges(Gauge(now - age, "guard", "sign-in/burn_rate", rate) for age, rate in ((3, 9.0), (1, 0.1)))

    assert probes.objective_holds("sign-in").startswith("holds")


def test_what_nobody_measured_cannot_be_told(run: RunStore) -> None:
    assert probes.objective_holds("sign-in").startswith("cannot tell")


def test_a_record_that_is_gone_cannot_be_told_either(run: RunStore, tmp_path: Path) -> None:
    (tmp_path / "run.db").rename(tmp_path / "elsewhere.db")

    assert probes.objective_holds("sign-in").startswith("cannot tell")


def test_outside_a_run_nobody_measures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_context(replace(context_in(tmp_path), run_db=None))
    monkeypatch.setenv(VARIABLE, str(path))

    assert probes.objective_holds("sign-in").startswith("outside a run")


# The child's windows


def planned(name: str, start: float, end: float, max_duration: float = 60.0) -> Planned:
    experiment = Experiment(
        name, Path(f"chaos/{name}.yaml"), name, name, "recover", max_duration, 30.0,
        FaultName(kind="latency", target="postgres"), True, {},
    )  # fmt: skip
    return Planned(name, experiment, start, end)


def test_windows_one_after_the_other_are_fine() -> None:
    assert window_problems([planned("a", 0, 20), planned("b", 20, 40)]) == []


def test_windows_that_overlap_are_refused() -> None:
    (problem,) = window_problems([planned("a", 0, 20), planned("b", 19, 40)])

    assert "one experiment at a time" in problem.what


def test_a_window_longer_than_the_fault_may_last_is_refused() -> None:
    (problem,) = window_problems([planned("a", 0, 20, max_duration=10)])

    assert "may last 10 s, and is to be in for 20 s" in problem.what


def test_the_hold_of_the_experiments_we_ship_is_the_plans() -> None:
    for path in (Path(__file__).parents[2] / "chaos").glob("*.yaml"):
        assert HOLD_VARIABLE in path.read_text()
