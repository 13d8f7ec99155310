"""What is written of a walk that failed: clean files or none, and text without values."""

import pytest

from holdfast.redaction import HIDDEN, Redactor
from holdfast.synthetics.evidence import journey_line, safe_text, write_what_is_clean


def test_a_file_that_still_holds_a_secret_is_refused(tmp_path):
    redactor = Redactor("Correct-Horse")

    files = {"a.json": b"all well", "b.png": b"\x89PNG Correct-Horse", "Correct-Horse.json": b"all well"}

    kept = write_what_is_clean(files, tmp_path, redactor)

    assert kept == (tmp_path / "a.json",)
    assert list(tmp_path.iterdir()) == [tmp_path / "a.json"]


def test_what_was_not_scanned_yet_is_never_on_disk(tmp_path):
    on_disk_when_scanned = []

    class Watching(Redactor):
        def is_in(self, content):
            on_disk_when_scanned.append([path.name for path in tmp_path.rglob("*")])
            return super().is_in(content)

    files = {"a.json": b"all well", "b.png": b"Correct-Horse", "c.json": b"all well"}

    write_what_is_clean(files, tmp_path, Watching("Correct-Horse"))

    assert on_disk_when_scanned == [[], [], []]


def test_a_file_that_cannot_be_written_whole_leaves_no_part_of_it(tmp_path, monkeypatch):
    def fails(self, target):
        raise OSError("no space")

    monkeypatch.setattr("pathlib.Path.replace", fails)

    with pytest.raises(OSError, match="no space"):
        write_what_is_clean({"a.json": b"all well"}, tmp_path, Redactor())

    assert list(tmp_path.iterdir()) == []


def test_an_error_is_told_with_its_kind_and_place_and_without_values_or_colours():
    redactor = Redactor("Correct-Horse")
    typed = "Ann Lee"

    with pytest.raises(ValueError, match="typed") as raised:
        raise ValueError(f"\x1b[2mtyped Correct-Horse and {typed}\x1b[22m")

    assert safe_text(raised.value, redactor) == f"ValueError: typed {HIDDEN} and …"
    line = journey_line(raised.value, __file__, redactor)
    assert line.startswith("test_synthetics_evidence.py:")
    assert f"typed {HIDDEN} and {{typed}}" in line
