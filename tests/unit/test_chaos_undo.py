import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from holdfast.chaos import undo
from holdfast.chaos.repair import REPAIRS, Gone
from holdfast.errors import Problem, TargetError


class Repairs:
    """Stands in for the real ones: remembers what was asked, answers as told."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.tokens: list[Mapping[str, str]] = []
        self.raises: dict[str, Exception] = {}

    def __call__(self, arguments: Mapping[str, str], tokens: Mapping[str, str]) -> str:
        name = arguments["name"]
        self.asked.append(name)
        self.tokens.append(tokens)
        if name in self.raises:
            raise self.raises[name]
        return f"repaired {name}"


@pytest.fixture
def repairs(monkeypatch: pytest.MonkeyPatch) -> Repairs:
    fake = Repairs()
    monkeypatch.setattr(undo, "REPAIRS", {"fix": fake})
    return fake


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "undo.jsonl"


def announce(log: Path, *names: str, experiment: str = "kill") -> None:
    with undo.locked(log):
        for name in names:
            undo.announce(log, undo.Entry(f"id-{name}", 1.0, experiment, undo.Undo("fix", {"name": name})))


def test_an_announced_fault_is_open_until_it_is_undone(log: Path, repairs: Repairs) -> None:
    announce(log, "a")

    assert [entry.id for entry in undo.open_entries(log)] == ["id-a"]
    (result,) = undo.undo_all(log)
    assert (result.outcome, result.undone, result.text) == ("undone", True, "kill: repaired a")
    assert undo.open_entries(log) == []


def test_the_newest_fault_is_undone_first(log: Path, repairs: Repairs) -> None:
    announce(log, "a", "b", "c")

    undo.undo_all(log)

    assert repairs.asked == ["c", "b", "a"]


@pytest.mark.parametrize("lose", [Path.unlink, lambda log: log.write_text(""), lambda log: shutil.rmtree(log.parent)])
def test_who_put_a_fault_in_takes_it_out_also_when_its_log_is_lost(
    tmp_path: Path, repairs: Repairs, lose: Callable[[Path], object]
) -> None:
    log = tmp_path / "run/undo.jsonl"
    announce(log, "a")
    lose(log)

    assert [found.id for found in undo.open_entries(log)] == ["id-a"]
    assert [(found.id, is_open) for found, is_open in undo.entries_of(log, "kill")] == [("id-a", True)]
    (result,) = undo.undo_all(log)

    assert (result.undone, repairs.asked) == (True, ["a"])
    assert undo.open_entries(log) == undo.undo_all(log) == []


def test_undoing_twice_does_nothing_the_second_time(log: Path, repairs: Repairs) -> None:
    announce(log, "a")

    undo.undo_all(log)

    assert undo.undo_all(log) == []
    assert repairs.asked == ["a"]


def test_an_undo_that_fails_stays_open_and_keeps_no_other_from_being_tried(log: Path, repairs: Repairs) -> None:
    announce(log, "a", "b")
    repairs.raises["b"] = TargetError(Problem("http://x", "does not answer"))

    results = undo.undo_all(log)

    assert [(r.entry.id, r.outcome) for r in results] == [("id-b", "failed"), ("id-a", "undone")]
    assert [entry.id for entry in undo.open_entries(log)] == ["id-b"]


def test_a_bug_in_a_repair_is_a_failed_undo_not_a_crash(log: Path, repairs: Repairs) -> None:
    announce(log, "a")
    repairs.raises["a"] = KeyError("proxy_url")

    (result,) = undo.undo_all(log)

    assert (result.outcome, result.undone) == ("failed", False)
    assert "KeyError" in result.detail


def test_a_fault_whose_stack_has_ended_is_not_left_in(log: Path, repairs: Repairs) -> None:
    announce(log, "a")
    repairs.raises["a"] = Gone("its whole stack has ended: nothing is left in")

    (result,) = undo.undo_all(log)

    assert result.outcome == "gone"
    assert result.undone
    assert undo.open_entries(log) == []


def test_an_unknown_kind_of_undo_fails_in_words(log: Path, repairs: Repairs) -> None:
    with undo.locked(log):
        undo.announce(log, undo.Entry("x", 1.0, "kill", undo.Undo("unplug", {})))

    (result,) = undo.undo_all(log)

    assert result.outcome == "failed"
    assert "unplug" in result.detail


def test_only_the_named_experiments_faults_are_undone(log: Path, repairs: Repairs) -> None:
    announce(log, "a", experiment="one")
    announce(log, "b", experiment="two")

    undo.undo_all(log, experiment="one")

    assert repairs.asked == ["a"]
    assert [entry.experiment for entry in undo.open_entries(log)] == ["two"]


def test_a_torn_last_line_is_no_entry(log: Path, repairs: Repairs) -> None:
    announce(log, "a")
    with log.open("ab") as file:
        file.write(b'{"id":"id-b","at":2.0,"experiment":"kill","undo":{"ki')

    assert [entry.id for entry in undo.open_entries(log)] == ["id-a"]


def test_what_is_appended_after_a_torn_line_is_not_lost_with_it(log: Path, repairs: Repairs) -> None:
    announce(log, "a")
    with log.open("ab") as file:
        file.write(b'{"done":"id-')

    announce(log, "c")

    assert [entry.id for entry in undo.open_entries(log)] == ["id-a", "id-c"]
    undo.undo_all(log)
    assert undo.open_entries(log) == []


DAMAGED = [
    "[]",
    "null",
    '"text"',
    "{}",
    '{"id": 1}',
    '{"id":"x","at":"soon","undo":{}}',
    '{"id":"x","at":1.0,"undo":{"kind":"fix","arguments":["a"]}}',
    '{"id":"id-b","at":2.0,"exper',
    "\0\0\0",
    "\xff",
]


@pytest.mark.parametrize("line", DAMAGED)
def test_lines_that_are_no_entry_are_passed_over(log: Path, line: str, repairs: Repairs) -> None:
    log.write_text(line + "\n", encoding="latin-1")
    announce(log, "a")

    assert [entry.id for entry in undo.open_entries(log)] == ["id-a"]


@pytest.mark.parametrize("line", DAMAGED)
def test_a_whole_line_that_cannot_be_read_is_a_failed_undo(log: Path, line: str, repairs: Repairs) -> None:
    announce(log, "a")
    with log.open("a", encoding="latin-1") as file:
        file.write(line + "\n")
    announce(log, "c")
    told: list[str] = []

    results = undo.undo_all(log, lambda result: told.append(result.text))

    assert [result.outcome for result in results] == ["undone", "undone", "failed"]
    assert results[-1].text == told[-1] == f"line 2 of {log} cannot be read: look by hand"
    assert undo.open_entries(log) == []
    assert [result.undone for result in undo.recover([log])] == [False]


def test_a_line_that_cannot_be_read_may_be_any_experiments(log: Path, repairs: Repairs) -> None:
    log.write_text("gone\n")
    announce(log, "a", experiment="two")

    (result,) = undo.undo_all(log, experiment="one")

    assert not result.undone
    assert repairs.asked == []


def test_a_torn_last_line_is_no_damage_before_and_after_others_are_appended(log: Path, repairs: Repairs) -> None:
    announce(log, "a")
    with log.open("ab") as file:
        file.write(b'{"done":"id-')

    assert [result.outcome for result in undo.undo_all(log)] == ["undone"]
    announce(log, "c")
    assert [result.outcome for result in undo.undo_all(log)] == ["undone"]
    assert undo.undo_all(log) == []


def test_a_last_line_that_lacks_only_its_end_is_an_entry_and_stays_one(log: Path, repairs: Repairs) -> None:
    announce(log, "a", "b")
    log.write_bytes(log.read_bytes().removesuffix(b"\n"))
    assert [entry.id for entry in undo.open_entries(log)] == ["id-a", "id-b"]

    announce(log, "c")

    assert [entry.id for entry in undo.open_entries(log)] == ["id-a", "id-b", "id-c"]


def test_empty_lines_are_no_damage(log: Path, repairs: Repairs) -> None:
    log.write_text("\n  \n")

    assert undo.undo_all(log) == []


def test_without_a_log_there_is_nothing_to_undo_and_none_is_made(log: Path) -> None:
    assert undo.undo_all(log) == []
    assert undo.open_entries(log) == []
    assert not log.exists()


def test_each_result_is_told_as_it_comes(log: Path, repairs: Repairs) -> None:
    announce(log, "a", "b")
    told: list[str] = []

    undo.undo_all(log, lambda result: told.append(result.entry.id))

    assert told == ["id-b", "id-a"]


def test_when_it_was_undone_is_in_the_log(log: Path, repairs: Repairs) -> None:
    announce(log, "a")

    undo.undo_all(log, now=lambda: 7.5)

    assert json.loads(log.read_text().splitlines()[-1]) == {"done": "id-a", "at": 7.5, "outcome": "undone"}


def test_tokens_are_handed_to_the_repair_and_never_logged(log: Path, repairs: Repairs) -> None:
    announce(log, "a")

    undo.undo_all(log, tokens={"http://127.0.0.1:1": "s3cret"})

    assert repairs.tokens == [{"http://127.0.0.1:1": "s3cret"}]
    assert "s3cret" not in log.read_text()


def test_an_undo_waits_for_an_injection_but_not_for_ever(log: Path, repairs: Repairs) -> None:
    with undo.locked(log) as first, undo.locked(log, seconds=0.0) as second:
        assert first
        assert not second
    with undo.locked(log, seconds=0.0) as free:
        assert free


def test_recovery_finds_logs_in_folders_and_their_runs(tmp_path: Path, repairs: Repairs) -> None:
    announce(tmp_path / "runs" / "one" / "undo.jsonl", "a")
    announce(tmp_path / "runs" / "two" / "undo.jsonl", "b")
    announce(tmp_path / "state" / "undo.jsonl", "c")

    results = undo.recover([tmp_path / "runs", tmp_path / "state" / "undo.jsonl", tmp_path / "nowhere"])

    assert {result.entry.id for result in results} == {"id-a", "id-b", "id-c"}
    assert undo.recover([tmp_path / "runs"]) == []


def test_every_undo_that_a_fault_prepares_has_a_repair() -> None:
    assert set(REPAIRS) == {"remove_toxic", "enable_link", "start_process", "resume_process"}
