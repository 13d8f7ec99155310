"""What is told of a scenario's bug: enough to find it, nothing of the visitor."""

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


def raised(message):
    raise ValueError(message)


def test_the_message_is_what_its_author_wrote_with_a_hole_for_every_value():
    def visit(page, status):
        raise ValueError(f"no invoice in {page}, status {status}")

    error = caught(visit, "<b>Ann Lee</b>", 503)

    assert text_of(error, ACCOUNT) == "ValueError: no invoice in …, status 503"


@pytest.mark.parametrize("value", [ACCOUNT.email, ACCOUNT.password, ACCOUNT.totp_secret, "what the target answered"])
@pytest.mark.parametrize("write", [str, quote, repr])
def test_a_message_that_is_a_value_is_left_out_whatever_it_is(value, write):
    assert text_of(caught(raised, f"{write(value)}"), ACCOUNT) == "ValueError"


def test_what_an_author_wrote_out_of_the_account_is_left_out_as_well():
    def visit():
        raise ValueError("cannot sign in ann.lee+1@example.test with it")

    assert text_of(caught(visit), ACCOUNT) == "ValueError: cannot sign in [hidden] with it"


def test_the_key_that_is_missing_is_said_where_it_is_written_out():
    def visit(answer):
        return answer["total"]

    assert text_of(caught(visit, {}), ACCOUNT) == "KeyError: 'total'"


def test_a_long_message_is_cut():
    def visit():
        raise ValueError(
            "words and more words and more words and more words and more words and more words and more words"
            " and more words and more words and more words and more words and more words and more words....."
        )

    assert len(text_of(caught(visit), ACCOUNT)) == LONGEST_MESSAGE


def test_a_message_of_several_lines_becomes_one_and_what_was_never_raised_is_the_type_alone():
    def visit():
        raise ValueError("a line\n  and another")

    assert text_of(caught(visit), ACCOUNT) == "ValueError: a line and another"
    assert text_of(ValueError("a line"), generated_account(1)) == "ValueError"


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
