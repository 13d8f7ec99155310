"""How numbers are written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.report.figures import (
    ABSENT,
    checked,
    count,
    duration,
    moment,
    number,
    percent,
    printable,
    rate,
    sentence,
    share,
    words,
)

THIN = "\u202f"


@pytest.mark.parametrize(
    ("ratio", "said"),
    [
        (None, ABSENT),
        (1.0, "100 %"),
        (0.0, "0 %"),
        (0.9987, "99.87 %"),
        (0.95, "95 %"),
        (0.99999, "99.999 %"),
        (1e-5, "0.001 %"),
    ],
)
def test_a_ratio_is_a_percentage(ratio, said):
    assert percent(ratio).replace(THIN, " ") == said


@given(st.floats(0.0, 0.999999))
def test_a_miss_is_never_rounded_up_to_a_hundred_percent(ratio):
    assert percent(ratio) != percent(1.0)


@given(st.floats(0.000001, 1.0))
def test_a_failure_is_never_rounded_down_to_nothing(ratio):
    assert percent(ratio) != percent(0.0)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (None, ABSENT),
        (0.0, "0 ms"),
        (0.0004, "0.4 ms"),
        (0.0123, "12 ms"),
        (0.9996, "1 s"),
        (1.5, "1.5 s"),
        (59.96, "1 min"),
        (93, "1 min 33 s"),
        (3600, "1 h"),
        (28 * 86400, "28 d"),
    ],
)
def test_a_duration_has_the_unit_a_person_would_use(seconds, said):
    assert duration(seconds).replace(THIN, " ") == said


@given(st.floats(0.0, 1e9))
def test_every_duration_can_be_said(seconds):
    assert duration(seconds)


def test_counts_have_thin_spaces_between_thousands():
    assert count(1234567) == f"1{THIN}234{THIN}567"


def test_shares_of_a_budget_keep_their_digits_however_small_or_overspent():
    assert [share(s).replace(THIN, " ") for s in (0.0, 0.00029, 0.5, 29.07)] == ["0 %", "0.029 %", "50 %", "2 907 %"]


def test_rates_and_plain_numbers_have_three_digits_that_count():
    assert (rate(12.345), number(0.00412), number(None)) == ("12.3/s", "0.00412", ABSENT)


def test_a_moment_is_in_utc():
    assert moment(0.0) == "1970-01-01 00:00:00 UTC"


def test_control_characters_never_reach_a_report():
    assert printable("a\x1b[31mb\x00c\nd") == "a\ufffd[31mb\ufffdc\nd"


def test_words_and_sentences_are_for_people():
    assert (words("timed_out"), words("clean_up_failed")) == ("timed out", "clean-up failed")
    assert (sentence("it held"), sentence("Why?"), sentence("")) == ("It held.", "Why?", "")


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("lag", 0.0136, "14\u202fms"),
        ("cpu", 7.5e-4, "0.075\u202f%"),
        ("samples", 14_941.0, "14\u202f941"),
        ("one of tomorrow", 0.5, "0.5"),
        ("dropped", None, "–"),
    ],
)
def test_a_check_is_told_in_its_own_unit(name, value, said):
    assert checked(name, value) == said
