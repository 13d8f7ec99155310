"""A record whose bytes are not what was written is judged as far as it goes, or refused; it never breaks the judge."""

import random
import shutil
from contextlib import suppress
from pathlib import Path

import pytest

from holdfast.errors import HoldfastError
from holdfast.run.folder import RunFolder
from holdfast.run.judgement import judge_run

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
