"""A record whose bytes are not what was written is judged as far as it goes, or refused; it never breaks the judge."""

import json
import random
import shutil
from contextlib import suppress
from pathlib import Path

import pytest

from holdfast.errors import HoldfastError
from holdfast.run.folder import RunFolder
from holdfast.run.judgement import judge_run, may_be_left_in

RECORDED = Path(__file__).parents[1] / "data/runs/killed"


@pytest.mark.parametrize("seed", range(24))
def test_a_damaged_record_is_refused_in_words_or_judged(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    folder = tmp_path / "run"
    shutil.copytree(RECORDED, folder)
    for name in ("run.db", "run.json") if seed % 3 == 0 else ("run.db",):
        content = bytearray((folder / name).read_bytes())
        if seed % 4 == 0:
            del content[chance.randrange(len(content)) :]
        for _ in range(chance.choice([1, 5, 50]) if content else 0):
            content[chance.randrange(len(content))] = chance.randrange(256)
        (folder / name).write_bytes(bytes(content))
    with suppress(HoldfastError):  # anything else is a bug
        assert judge_run(RunFolder(folder)).verdict in {"invalid", "clean_up_failed"}


def test_a_line_of_the_undo_log_that_cannot_be_read_is_no_clean_end(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    shutil.copytree(RECORDED, folder.path)
    folder.undo_log.write_text('{"id": "a", "at": 1.0, "exp\x00\x00\n{"done": "b", "at": 2.0}\n')

    summary = judge_run(folder)

    assert summary.verdict == "clean_up_failed"
    assert summary.headline.endswith(
        "line 1 of undo.jsonl, which cannot be read, may be a fault that is still in, so look by hand"
    )


def test_without_a_record_the_undo_log_alone_says_what_may_be_in(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    entry = {"id": "b", "at": 1.0, "experiment": "kill", "undo": {"kind": "start_process", "arguments": {}}}
    folder.undo_log.write_text("{\x00\n" + json.dumps(entry) + "\n")

    assert may_be_left_in(folder) == ["kill", "line 1 of undo.jsonl, which cannot be read"]
