"""What is told of a scenario's bug: enough to find it, nothing of the visitor."""

import re
from pathlib import Path
from urllib.parse import quote

import pytest

from holdfast.kit.accounts import Account, generated_account
from holdfast.load.scenario_error import LONGEST_MESSAGE, frames_of, place_of, text_of

ACCOUNT = Account(0, "ann.lee+1@example.test", 'p&ss "w\\rd', "JBSWY3DPEHPK3PXP")


def caught(call, *arguments):
    with pytest.raises(Exception) as found:  # noqa: PT011  whatever it raises is what is looked at
        call(*arguments)
    return found.value


@pytest.mark.parametrize("value", [ACCOUNT.email, ACCOUNT.password, ACCOUNT.totp_secret, ACCOUNT.email.upper()])
@pytest.mark.parametrize("write", [str, quote, repr])
def test_the_accounts_values_are_left_out_however_they_are_written(value, write):
    text = text_of(ValueError(f"no row <{write(value)}> here"), ACCOUNT)
    assert text.replace("'", "") == "ValueError: no row <…> here"


@pytest.mark.parametrize(
    "token",
    [
        "0123456789abcdef0123",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U",
        "3f1c2a9e-6b7d-4e21-9a55-0c8d7e6f5a4b",
        "aB3/xY9+Qw8/zZ7kLm5/Tt==",
    ],
)
def test_what_looks_like_a_token_is_left_out(token):
    text = text_of(ValueError(f"bad answer: token {token}, status 200"), ACCOUNT)
    assert re.fullmatch(r"ValueError: bad answer: token …(\.…)*, status 200", text)


def test_words_and_paths_are_kept():
    message = "expected 201 of POST /v2/sessions/challenges, got 'invoice-2026-01'"
    assert text_of(AssertionError(message), ACCOUNT) == f"AssertionError: {message}"


def test_a_long_message_is_cut_after_what_is_hidden_was_hidden():
    text = text_of(ValueError("x " * 98 + ACCOUNT.email + " tail" * 100), ACCOUNT)
    assert len(text) == len("ValueError: ") + LONGEST_MESSAGE
    assert "ann" not in text


def test_a_message_of_several_lines_becomes_one_and_an_empty_one_is_the_type_alone():
    assert text_of(ValueError("a\n  b"), generated_account(1)) == "ValueError: a b"
    assert text_of(ValueError(), generated_account(1)) == "ValueError"


def test_the_place_is_the_scenarios_own_line_not_that_of_what_it_called(tmp_path: Path):
    path = tmp_path / "odd.py"
    path.write_text("import json\n\ndef visit():\n    json.loads('{')\n")
    names: dict = {}
    exec(compile(path.read_text(), str(path), "exec"), names)  # noqa: S102
    error = caught(names["visit"])
    assert place_of(error, path) == "odd.py:4"
    assert place_of(error, tmp_path / "other.py").startswith("decoder.py:")
    assert len(frames_of(error)) == 3
    assert place_of(ValueError("never raised"), path) == "odd.py"
