"""Secrets go, in whatever way they are written; what is no secret stays."""

import base64
import json
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.synthetics.evidence import journey_line, safe_text, without_query, write_what_is_clean
from holdfast.synthetics.redaction import HIDDEN, Redactor, encodings

SECRET = 'p&ss "wörd"/+7'


@pytest.mark.parametrize(
    "written",
    [
        SECRET,
        quote(SECRET, safe=""),
        SECRET.replace("&", "&amp;").replace('"', "&quot;"),
        json.dumps({"password": SECRET}),
        json.dumps({"password": SECRET}, ensure_ascii=False),
        base64.b64encode(SECRET.encode()).decode(),
        base64.b64encode(f"visitor:{SECRET}:x".encode()).decode(),
    ],
)
def test_a_known_secret_goes_in_every_encoding(written):
    redactor = Redactor(SECRET)
    text = f"before {written} after"

    redacted = redactor.redact(text)

    assert HIDDEN in redacted
    assert not redactor.is_in(redacted.encode())
    assert redacted.startswith("before ")
    assert redacted.endswith(" after")


@given(st.text(st.characters(codec="utf-8", exclude_categories=["C"]), min_size=4, max_size=30), st.text(max_size=40))
def test_no_known_secret_is_left_in_any_text(secret, around):
    redactor = Redactor(secret)
    for written in encodings(secret):
        redacted = redactor.redact(f"{around}{written}{around}")
        assert secret not in redacted.replace(HIDDEN, "\n")


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        ('- fill("hunter2") on input', f"- fill({HIDDEN} on input"),
        ("GET http://x/reset?token=abc&x=1 failed", f"GET http://x/reset?{HIDDEN} failed"),
        ("navigated to /reset-password?token=abc", f"navigated to /reset-password?{HIDDEN}"),
        ("http://x/done#access_token=abc", f"http://x/done#{HIDDEN}"),
        ("http://user:word@x/", "http://x/"),
        ("Cookie: session=abc", f"Cookie: {HIDDEN}"),
        ("Set-Cookie: session=abc; Path=/", f"Set-Cookie: {HIDDEN}"),
        ("is this all? Yes, x = 5", "is this all? Yes, x = 5"),
    ],
)
def test_what_is_secret_by_its_place_goes_without_being_known(text, redacted):
    assert Redactor().redact(text).replace(f"{HIDDEN})", HIDDEN) == redacted


def test_very_short_values_are_no_secrets():
    assert Redactor("", "ok").redact("all ok") == "all ok"


def test_the_secrets_are_not_shown_by_repr():
    assert SECRET not in repr(Redactor(SECRET))


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


def test_an_error_is_told_with_its_kind_and_place_and_without_secrets_or_colours():
    redactor = Redactor("Correct-Horse")

    with pytest.raises(ValueError, match="typed") as raised:
        raise ValueError("\x1b[2mtyped Correct-Horse\x1b[22m")

    assert safe_text(raised.value, redactor) == f"ValueError: typed {HIDDEN}"
    line = journey_line(raised.value, __file__, redactor)
    assert line.startswith("test_synthetics_redaction.py:")
    assert f"typed {HIDDEN}" in line


def test_an_address_is_kept_without_what_may_be_secret():
    assert without_query("https://me:word@host:8443/reset/x?token=abc#y") == "https://host:8443/reset/x"
