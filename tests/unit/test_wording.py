"""Of an error's message the record keeps what its author wrote, and no value."""

import json

import pytest

from holdfast.kit.answer import Answer
from holdfast.kit.outcome import OutcomeError, failed
from holdfast.wording import UNNAMED, detail_said, messages_in, said, with_holes

REASON = "the balance is not shown"


def caught(call, *given):
    with pytest.raises(Exception) as found:  # noqa: PT011  whatever it raises is what is looked at
        call(*given)
    return found.value


def quoting(page):
    raise ValueError(f"no invoice for {page} in {page!r}")


def formatting(page):
    raise ValueError("no invoice for %s among {}".format(page) % page)  # noqa: UP032


def asserting(page):
    assert "Nothing" in page, f"the page said {page}"


def by_name(page):
    raise RuntimeError(REASON + page)


def value_alone(page):
    raise RuntimeError(page)


def reading(page):
    return json.loads(page)


def over_lines(page):
    raise ValueError(
        "it took more than one line to say "
        f"what is wrong with {page}"
    )  # fmt: skip


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (quoting, "ValueError: no invoice for … in …"),
        (formatting, "ValueError: no invoice for … among …"),
        (asserting, "AssertionError: the page said …"),
        (by_name, "RuntimeError"),
        (value_alone, "RuntimeError"),
        (reading, "JSONDecodeError: Expecting value…"),
        (over_lines, "ValueError: it took more than one line to say what is wrong with …"),
    ],
)
def test_what_stands_in_the_source_is_said_and_what_does_not_is_a_hole(call, expected):
    assert said(caught(call, "Ann Lee")).removesuffix(".") == expected


def test_what_an_assertion_compared_is_no_part_of_its_message():
    def visit(page):
        assert page == "Ann Lee of 7 Elm Street"

    assert "Elm" not in said(caught(visit, "Ann Lee of 8 Elm Street"))


def test_what_is_typed_into_a_page_is_not_said_though_it_is_written_out():
    class Page:
        def fill(self, text):
            raise RuntimeError(f"cannot type {text}")

    def visit(page):
        page.fill("hunter2 is written out")

    assert said(caught(visit, Page())) == "RuntimeError: cannot type …"


def test_a_detail_is_what_its_author_wrote_or_a_status():
    def stated(detail):
        raise failed(detail)

    def written():
        raise failed("replay_differs")

    def composed(answer):
        raise failed(f"balance_is_{answer}")

    cases = [
        (written, (), "replay_differs"),
        (composed, ("1,204.50",), "balance_is_…"),
        (stated, ("Ann Lee",), UNNAMED),
    ]
    for call, given, expected in cases:
        error = caught(call, *given)
        assert isinstance(error, OutcomeError)
        assert detail_said(error.detail, error) == expected
    assert detail_said("503", caught(stated, "503")) == "503"
    assert detail_said("5031", caught(stated, "5031")) == UNNAMED


def test_a_key_that_an_answer_lacks_is_said():
    def visit(answer):
        return Answer(answer).text("balance")

    error = caught(visit, {})
    assert detail_said(error.detail, error) == "answer_without_balance"


def test_an_error_of_which_only_the_text_is_left_is_read_against_the_file_that_raised_it():
    assert with_holes("no invoice for Ann Lee in 'Ann Lee'", messages_in(__file__)) == "no invoice for … in …"
    assert with_holes("token=abc", messages_in(__file__)) == "…"
    assert with_holes("token=abc", messages_in("")) == "…"


def test_a_type_that_is_made_of_a_value_has_no_name():
    assert said(type("Ann Lee, 7 Elm Street", (Exception,), {})()) == "Exception"


def test_an_error_that_cannot_say_its_own_text_is_said_by_its_type():
    class MuteError(Exception):
        def __str__(self):
            raise KeyError("no such field")

    assert said(MuteError()) == "MuteError"
